"""The table that ends a run: the results of each variant, and how it differs from the baseline."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from lab.results.tables import Tables
from lab.statistics import words
from lab.statistics.identical import identical_note
from lab.statistics.runs import averaged_over
from lab.statistics.scope import FOLDS_OF_DATA, rules_sentence, scope, scope_sentence

if TYPE_CHECKING:
    from lab.cli.compare import InTime
    from lab.results.costs import Cost


def console() -> Console:
    """Return the console for tables: as wide as the terminal, and where there is none, wide enough for a row."""
    made = Console(highlight=False)
    return made if made.is_terminal else Console(highlight=False, width=120)


def write(sentence: str) -> None:
    """Print a sentence: between its words broken to the width of a terminal, and on one line where there is none."""
    made = console()
    made.print(sentence, markup=False, emoji=False, soft_wrap=not made.is_terminal)


def comparison_table(name: str, tables: Tables) -> Table:
    """Return an experiment's table for the terminal, one row per variant; it fits into 80 columns.

    Args:
        name: the experiment's.
        tables: as `lab.results.tables.read_tables` returns them.
    """
    table = _plain(f"{name}: {tables.question}" if tables.question else name, _caption(tables))
    for heading in ("kept", "val", "gap", "test", "acc."):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("difference in test", justify="right", no_wrap=True)
    table.add_column("", no_wrap=True)
    compared = {str(row.variant): row for _, row in tables.comparison.iterrows()}
    for variant, runs in tables.summary.groupby("variant", sort=False):
        row = compared.get(str(variant))
        table.add_row(
            Text(str(variant)),
            _shown(runs["kept_epoch"].median(), ".0f"),
            *(_shown(runs[column].mean(), ".3f") for column in ("val_data_loss", "gap", "test_data_loss")),
            _shown(runs["test_accuracy"].mean(), ".3f"),
            _difference(row),
            "" if row is None else str(row.decision),
        )
    return table


def _caption(tables: Tables) -> str:
    counts = tables.summary.groupby("variant").size()
    runs = f"{counts.min()}" if counts.min() == counts.max() else f"{counts.min()} to {counts.max()}"
    runs += " run" if runs == "1" else " runs"
    diverged = int((tables.summary["status"] == "diverged").sum())
    return (
        f"{runs} per variant{f', {diverged} diverged in all' if diverged else ''}. kept: median kept epoch. "
        "val, gap, test, acc.: means of validation data loss, validation minus train data loss, test data loss and "
        "test accuracy at the kept epoch. Difference to the baseline, paired over "
        f"{averaged_over(tables.summary)}, with its 95 % interval; better or worse only if shown after Holm's "
        "correction. "
        + _sentences(
            rules_sentence(tables.comparison), scope_sentence(tables.comparison), identical_note(tables.summary)
        )
    ).rstrip()


def _sentences(*said: str) -> str:
    return " ".join(filter(None, said))


def _shown(value: float, form: str) -> str:
    return words.number(value, form, minus="-") or (str(value) if value == value else "-")


def _difference(row: Any) -> str:
    if row is None or row.decision == "baseline" or row.difference != row.difference:
        return ""
    return words.difference(row.difference, row.difference_low, row.difference_high, "+.3f", minus="-")


_SUFFICES = "'-' where no number suffices with these test examples"


def metric_table(name: str, comparison: pd.DataFrame, confidence: float, in_time: "InTime | None" = None) -> Table:
    """Return the comparison of one metric for the terminal, one row per variant; it fits into 80 columns.

    Args:
        name: the experiment's.
        comparison: as `lab.cli.compare.compare` returns it, with or without costs.
        confidence: of its intervals.
        in_time: what is compared where it is not the whole of the runs.
    """
    has_costs, has_parts = "cost" in comparison, "test_parts" in comparison
    paired = "folds" if scope(comparison) == FOLDS_OF_DATA else "seeds"
    caption = (
        f"n: paired {paired}. Differences to the baseline with {confidence:.0%} intervals, one by one; p: of the "
        "paired t test, corrected over the variants. wins: how often a run of the variant beats one of the baseline. "
        f"more: seeds still needed for a decision, {_SUFFICES if has_parts else 'an 80% interval'}. "
        f"{'cost: seconds per step, as times the baseline' if has_costs else 'over: share of runs that overfit'}. "
        f"{_sentences(rules_sentence(comparison), scope_sentence(comparison), _time_sentence(in_time))}"
    ).rstrip()
    table = _plain(f"{name}: {comparison['metric'].iloc[0]}", caption)
    # Where costs are known there is no place for the share that overfits.
    for heading in ("n", "mean", "difference", "p", "wins", "more", "cost" if has_costs else "over"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("", no_wrap=True)
    for _, row in comparison.iterrows():
        table.add_row(
            Text(str(row.variant)),
            str(row.n),
            _shown(row["mean"], ".3f"),
            _difference(row),
            _shown(row.p_adjusted, ".3f"),
            _shown(row.probability_of_improvement, ".2f"),
            _shown(row.seeds_needed, ".0f") if has_parts else _more_seeds(row.seeds_needed_low, row.seeds_needed_high),
            _shown(row.cost, ".1f") if has_costs else _shown(row.overfits, ".0%"),
            str(row.decision),
        )
    return table


def _time_sentence(in_time: "InTime | None") -> str:
    if in_time is None:
        return ""
    epochs = ", ".join(f"{name} {count}" for name, count in in_time.epochs.items())
    said = f"Compared at equal training time, {in_time.seconds:.3g} s of steps of a run alone; epochs: {epochs}."
    if in_time.scheduled:
        names = ", ".join(in_time.scheduled)
        said += f" The learning rates of {names} were planned for more epochs, which counts against them."
    return said


def cost_table(name: str, costs: "Mapping[str, Cost]", baseline: str) -> Table:
    """Return how long a step of each variant takes, for the terminal, one row per variant.

    Args:
        name: the experiment's.
        costs: of each variant.
        baseline: the variant the others are compared with.
    """
    table = _plain(
        f"{name}: the time of a step",
        "ms: median, least and most of its turns, of a run alone. cost: times the baseline's of the same turn, too.",
    )
    for heading in ("ms", "", "cost", ""):
        table.add_column(heading, justify="right", no_wrap=True)
    of_baseline = np.array(costs[baseline].seconds)
    for variant, cost in costs.items():
        seconds = np.array(cost.seconds)
        cells = []
        for values, form in ((1000 * seconds, "#.3g"), (seconds / of_baseline, ".2f")):
            cells += [f"{np.median(values):{form}}", f"[{values.min():{form}}, {values.max():{form}}]"]
        table.add_row(Text(variant), *cells[:2], *(cells[2:] if variant != baseline else ["", ""]))
    return table


def ensemble_table(name: str, table: pd.DataFrame, snapshots: bool = False) -> Table:
    """Return how good ensembles of each size are, for the terminal, one row per size; it fits into 80 columns.

    Args:
        name: of the experiment and the variant.
        table: as `lab.statistics.ensembles.ensembles` returns it, or `snapshot_ensembles`.
        snapshots: whether the members are the ends of cycles.
    """
    wide = table.pivot(index="members", columns="measure")
    others = [name for name in ("accuracy", "calibration_error", "rmse", "r2") if name in set(table["measure"])]
    of, groups, against = (
        ("last cycles", "runs, of each of which the last cycles are members", "that of the net of the last cycle")
        if snapshots
        else (
            "runs",
            "ensembles of this size, no two of which share a member",
            "the mean loss of their own members",
        )
    )
    shown = _plain(
        f"{name}: ensembles of its {of}, on the test split",
        f"groups: {groups}. loss: their mean test data loss. gain: their "
        f"loss minus {against}, with its 95 % interval over the groups, for new nets on the "
        f"same test split; none where there is one group. {', '.join(_HEADINGS.get(o, o) for o in others)}: means.",
        "members",
    )
    for heading in ("groups", "loss", "gain", *(_HEADINGS.get(other, other) for other in others)):
        shown.add_column(heading, justify="right", no_wrap=True)
    for size, row in wide.iterrows():
        loss = row.xs("data_loss", level="measure")
        gain = words.difference(loss["gain"], loss["gain_low"], loss["gain_high"], "+.3f", minus="-")
        shown.add_row(
            str(size),
            f"{loss['groups']:.0f}",
            f"{loss['mean']:.3f}",
            "" if size == 1 else gain if loss["gain_low"] == loss["gain_low"] else f"{loss['gain']:+.3f}",
            *(_shown(row["mean", other], ".3f") for other in others),
        )
    return shown


_HEADINGS = {"accuracy": "acc.", "calibration_error": "calibration"}


def _more_seeds(low: float, high: float) -> str:
    if low != low:
        return "-"
    if low > 999:
        return ">999"
    if low == high:
        return f"{low:.0f}"
    return f"{low:.0f} to {high:.0f}" if high <= 999 else f"{low:.0f} or more"


def _plain(title: str, caption: str, first: str = "variant") -> Table:
    table = Table(
        title=Text(title),
        title_justify="left",
        caption=Text(caption),
        caption_justify="left",
        box=box.SIMPLE_HEAD,
        padding=0,
        show_edge=False,
    )
    table.add_column(first, overflow="fold", min_width=11)
    return table
