"""Compute a study's tables, and draw its figures from them."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lab.checks import UsageError
from lab.identity import NUMERICS, declare, identify
from lab.study import Study


def compute(study: Study, folder: str | Path, *, beside: Sequence[Study] = ()) -> Path:
    """Compute a study's tables unless they are there, and write them.

    Like a run, a study is known by the hash of its declaration: its function, its arguments and its code.

    Args:
        study: what to compute.
        folder: where its tables go.
        beside: the other studies of this folder, whose tables it must not replace.

    Returns:
        The folder, as an absolute path.

    Raises:
        UsageError, DataError: as `Study.tables`; also a table that another study has.
    """
    from lab import results

    folder = Path(folder).absolute()
    identity, declaration = _declared(study)
    if results.is_computed(folder, study.name, identity):
        names = results.read_study(folder, study.name)["tables"]
    else:
        tables = study.tables()
        names = list(tables)
        others = {
            table: other.name
            for other in beside
            if results.is_computed(folder, other.name, _declared(other)[0])
            for table in results.read_study(folder, other.name)["tables"]
        }
        _refuse_shared("table", study.name, names, others)
        results.write_study_tables(folder, tables)
    results.write_study(
        folder,
        study.name,
        identity=identity,
        tables=names,
        declaration=declaration,
        question=study.question,
        notes=study.notes,
    )
    return folder


def _declared(study: Study) -> tuple[str, dict[str, Any]]:
    """Return what a study is known by, and its declaration with all defaults."""
    short, declaration = (
        {"compute": declare(study.compute, f"compute of {study.name!r}", defaults=defaults), "numerics": NUMERICS}
        for defaults in (False, True)
    )
    return identify(short), declaration


def _refuse_shared(what: str, study: str, names: Sequence[str], others: Mapping[str, str]) -> None:
    """Refuse names of tables or figures that another study has, as one would replace the other's file.

    Args:
        what: is named, "table" or "figure".
        study: the name of the study that has the `names`.
        others: the names that are taken, each with the name of its study.
    """
    taken = {name.lower(): owner for name, owner in others.items()}
    for name in names:
        if name.lower() in taken:
            raise UsageError(
                f"the {what}s of studies in one folder must have different names, got the {what} {name!r} of the "
                f"studies {taken[name.lower()]!r} and {study!r}; rename one"
            )


def draw(study: Study, folder: Path, *, svg: bool = False, others: Mapping[str, str] | None = None) -> list[Path]:
    """Draw a study's figures from its CSV files only, as PNG and, where asked for, as SVG in `figures`.

    Their names are noted in its JSON file, so that the pages show them in the order of the study.

    Args:
        study: what to draw.
        folder: where its tables are.
        svg: write the figures as SVG files too.
        others: the figures of other studies in this folder, each with the name of its study.

    Raises:
        UsageError, DataError: a table is missing or torn; also as `Study.figures`, and a figure that another study
            has.
    """
    from lab import report, results
    from lab.results.schema import FIGURES_FOLDER, figure_file

    record = results.read_study(folder, study.name)
    figures = study.figures(results.read_study_tables(folder, study.name))
    _refuse_shared("figure", study.name, list(figures), others or {})
    written: list[Path] = []
    for name, figure in figures.items():
        written += report.save(
            figure, *(folder / FIGURES_FOLDER / figure_file(name, kind) for kind in report.KINDS[: 1 + svg])
        )
    results.write_study(
        folder,
        study.name,
        identity=record["id"],
        tables=record["tables"],
        declaration=record["declaration"],
        question=record["question"],
        notes=record["notes"],
        figures=list(figures),
    )
    return written
