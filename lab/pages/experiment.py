"""What the pages say of an experiment, computed once from its tables: the answer, the looks, the charts' data."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from lab.pages import charts, path_charts
from lab.pages import table as variants_table
from lab.pages.answer import answer
from lab.pages.epochs_chart import Row, Series, series, short
from lab.pages.look import MARKERS, Look, looks
from lab.pages.strengths_chart import Family, families
from lab.report import curves
from lab.report.notes import axis_said, diverged_said
from lab.report.theme import in_order, styles
from lab.results.tables import read_tables

METRIC = "test data loss"
"""What comparison.csv compares, in words; lower is better."""

FOREST = 60
"""The most rows of the forest plot; beyond, those with the largest differences."""


@dataclass(frozen=True)
class Contents:
    """What the pages say of one experiment.

    Args:
        name: of its folder.
        title: the question, or the name where none is known.
        answer: one sentence.
        names: the variants, the baseline first.
        looks: theirs, in this order.
        series: the data of the chart over the epochs.
        families: the strength paths; empty where there is no strengths.csv.
        compared: a row a variant.
        summary: a row a run.
        measured: what the curves are of, in words.
        runs, seeds: how many there are.
        notes: how the curves are to be read, as sentences.
    """

    name: str
    title: str
    answer: str
    names: list[str]
    looks: list[Look]
    series: Series
    families: list[Family]
    compared: pd.DataFrame
    summary: pd.DataFrame
    measured: str
    runs: int
    seeds: int
    notes: list[str]


def contents(folder: Path) -> Contents:
    """Return what the pages say of the experiment in a folder.

    Raises:
        DataError: a table is missing or torn, or has nothing to show.
    """
    tables = read_tables(folder)
    compared = tables.comparison.assign(variant=tables.comparison["variant"].map(str))
    baseline = next(iter(compared.loc[compared["decision"] == "baseline", "variant"]), None)
    histories = curves.tidy(tables.histories, baseline)
    names = in_order(histories["variant"], baseline)
    paths = families(tables.path_runs())
    # With several families one colour would stand for several strengths.
    strength_of = dict(zip(paths[0].variants, paths[0].strengths, strict=True)) if len(paths) == 1 else None
    data = series(histories, tables.summary, names)
    state = curves.runs(histories, data.columns["validation"])
    lost = [diverged_said(state)] if state["diverged"].any() else []
    return Contents(
        name=folder.name,
        title=tables.question or folder.name,
        answer=answer(compared, tables.summary, metric=METRIC),
        names=names,
        looks=looks(styles(names, names[0], strength_of)),
        series=data,
        families=paths,
        compared=compared,
        summary=tables.summary,
        measured="data loss" if data.columns["validation"] == "val_data_loss" else "loss",
        runs=len(state),
        seeds=int(state["seed"].nunique()),
        notes=[*data.notes, *lost, *axis_said(data.axis)],
    )


def drawn(made: Contents) -> dict[str, Any]:
    """Return the charts of a page as the page's script takes them.

    Returns:
        "data", the tables by name; "charts", by the id of their element, each with its "spec" and the names of its
        "tables"; "paths", a dict a family with its "name", what the slider says at each strength ("said"), where it
        starts ("start"), its "losses" and the specs of its two charts, "path" and "at_strength".
    """
    places = {name: v for v, name in enumerate(made.names)}
    forest = forest_rows(made.compared, made.names)
    data: dict[str, list[Row]] = {"medians": made.series.medians, "seeds": made.series.seeds}
    data |= {"marks": _marked(made.series.marks, made.looks), "forest": _marked(forest, made.looks), "zero": [{"x": 0}]}
    over = charts.curves(made.names, made.series.shown, made.series.epochs, made.series.axis, made.measured)
    drawn: dict[str, Any] = {"curves": {"spec": over, "tables": ["medians", "seeds", "marks"]}}
    # A difference without an interval shows nothing that the table does not.
    if any(row["lo"] is not None for row in forest):
        spec = charts.forest(len(forest), made.names[0], METRIC)
        drawn["forest"] = {"spec": spec, "tables": ["forest", "zero"]}
    paths = [
        {
            "name": family.name,
            "said": [at(family, i) for i in range(len(family.strengths))],
            "start": path_charts.start(family),
            "losses": family.losses,
            "path": path_charts.path(family),
            "at_strength": path_charts.at_strength(
                family, [places[name] for name in family.variants], made.series.axis, made.series.epochs
            ),
        }
        for family in made.families
    ]
    return {"data": data, "charts": drawn, "paths": paths}


def _marked(table: list[Row], variants: list[Look]) -> list[Row]:
    """Return rows with "k", the place of their variant's marker among all."""
    markers = list(MARKERS.values())
    return [row | {"k": markers.index(variants[row["v"]].marker)} for row in table]


def forest_rows(compared: pd.DataFrame, names: list[str], most: int = FOREST) -> list[Row]:
    """Return the rows of the forest plot: the variants with a difference to the baseline, in the order of `names`.

    Args:
        compared: a row a variant, as `lab.statistics.compare` returns it, with its names as text.
        names: the variants in order, the baseline first.
        most: of more rows than this, those with the largest differences are returned.
    """
    table = compared[compared["difference"].notna() & compared["variant"].isin(names[1:])]
    largest = table["difference"].abs().sort_values(ascending=False, kind="stable").index[:most]
    table = table[table.index.isin(largest)]
    places = {name: v for v, name in enumerate(names)}
    apart = variants_table.places_of(table["difference"].astype(float), 2)
    found = []
    for record in table.to_dict("records"):
        row = {str(name): value for name, value in record.items()}
        ends = short(float(row[name]) for name in ("difference", "difference_low", "difference_high"))
        found.append(
            {
                "v": places[row["variant"]],
                "name": row["variant"],
                **dict(zip(("d", "lo", "hi"), ends, strict=True)),
                "said": f"{variants_table.said(row, apart)}, n = {int(row['n'])}",
                "decision": str(row["decision"]),
            }
        )
    return sorted(found, key=lambda row: row["v"])


def at(family: Family, i: int) -> str:
    """Return what the slider says at the i-th strength of a family."""
    values = ", ".join(f"{row['split']} {row['m'][i]:.3g}" for row in family.losses if row["m"][i] is not None)
    runs = family.runs[i]
    counted = f"{runs} {'run' if runs == 1 else 'runs'}"
    said = f"{family.name} {family.strengths[i]:.3g}: {values or 'no finite data loss'} ({counted})"
    return f"{said}, the lowest validation data loss" if i == family.chosen else said
