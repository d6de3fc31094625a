"""The table that ends a run: what each variant came to, and how it differs from the baseline."""

from rich.table import Table
from rich.text import Text

from lab.results import Tables


def comparison_table(name: str, tables: Tables) -> Table:
    """Return an experiment's table for the terminal: a row a variant, medians and means over the seeds.

    Args:
        name: the experiment's.
        tables: as `lab.results.read_tables` returns them.
    """
    table = Table(title=Text(f"{name}: {tables.question}" if tables.question else name), title_justify="left")
    table.add_column("variant")
    for heading in ("runs", "kept epoch", "train data loss", "val data loss", "gap", "test data loss", "test accuracy"):
        table.add_column(heading, justify="right")
    table.add_column("difference in test data loss", justify="right")
    by_variant = dict(list(tables.summary.groupby("variant", sort=False)))
    for row in tables.comparison.itertuples():
        runs = by_variant[row.variant]
        diverged = int((runs["status"] == "diverged").sum())
        means = (f"{runs[column].mean():.3f}" for column in ("train_data_loss", "val_data_loss", "gap"))
        table.add_row(
            Text(str(row.variant)),
            f"{len(runs)}" + (f" ({diverged} diverged)" if diverged else ""),
            f"{runs['kept_epoch'].median():.0f}",
            *means,
            f"{row.mean:.3f}",
            f"{runs['test_accuracy'].mean():.3f}",
            "baseline" if row.decision == "baseline" else _difference(row),
        )
    return table


def _difference(row) -> str:
    if not row.difference_low <= row.difference_high:
        return f"{row.difference:+.3f} (no interval from {row.n} pairs)"
    return f"{row.difference:+.3f} [{row.difference_low:+.3f}, {row.difference_high:+.3f}]  {row.decision}"
