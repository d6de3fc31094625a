"""The page of an experiment, computed from its tables: the answer, the variants' looks, the charts."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from lab import results
from lab.pages import epochs_chart, forest_chart
from lab.pages.answer import answer
from lab.pages.epochs_series import Series, series
from lab.pages.look import MARKERS, Look, looks
from lab.pages.strengths_chart import Family, at_strength_chart, families, path_chart
from lab.pages.studies import paragraphs
from lab.pages.vegalite import Row
from lab.report.curves import Curves, tidy
from lab.report.layout import axis_notes, diverged_note
from lab.report.save import baseline_of
from lab.report.strength_path import strengths_of
from lab.report.theme import styles
from lab.results.tables import Tables

METRIC = "test data loss"
"""The metric of comparison.csv, in words; lower is better."""

FITTED = "The axis is fitted to what the validation curves differ in; “whole axis” shows all."
NO_CURVES = "No run has a finite validation loss, so there is no chart over the epochs."


@dataclass(frozen=True)
class Contents:
    """The contents of an experiment's page, but for its files and studies.

    Args:
        name: of its folder.
        title: the question, or the name where none is known.
        notes: the experiment's own notes, in paragraphs.
        answer: one sentence.
        names: the variants, the baseline first.
        looks: how each of them is drawn, in this order.
        series: the data of the chart over the epochs; None where there is nothing to draw.
        families: the strength paths; empty where there is no strengths.csv.
        compared: one row per variant, with the names as text.
        summary: one row per run.
        runs, seeds, epochs: how many there are.
        reading: how the curves are to be read, as sentences.
    """

    name: str
    title: str
    notes: list[str]
    answer: str
    names: list[str]
    looks: list[Look]
    series: Series | None
    families: list[Family]
    compared: pd.DataFrame
    summary: pd.DataFrame
    runs: int
    seeds: int
    epochs: int
    reading: list[str]


def contents(folder: Path, tables: Tables, curves: Curves) -> Contents:
    """Return the contents of the page of the experiment in a folder.

    Args:
        folder: the experiment's.
        tables: its tables.
        curves: its histories, as `curves_of` returns them.

    Raises:
        DataError: a table lacks a column or has nothing to show.
    """
    compared = tables.comparison.assign(variant=tables.comparison["variant"].map(str))
    names = curves.variants
    data = series(curves)
    reading = [NO_CURVES]
    if data is not None:
        state = curves.runs(data.columns["validation"])
        lost = [diverged_note(state)] if state["diverged"].any() else []
        fitted = [FITTED] if data.focus else []
        reading = [*data.notes, *lost, *axis_notes(data.axis), *fitted]
    return Contents(
        name=folder.name,
        title=tables.question or folder.name,
        notes=notes(folder),
        answer=answer(compared, tables.summary, metric=METRIC),
        names=names,
        looks=looks(styles(names, names[0], strengths_of(tables.path_runs()))),
        series=data,
        families=families(tables.path_runs()) if data is not None else [],
        compared=compared,
        summary=tables.summary,
        runs=len(curves.table[["variant", "seed"]].drop_duplicates()),
        seeds=int(curves.table["seed"].nunique()),
        epochs=int(curves.table["epoch"].max()),
        reading=reading,
    )


def curves_of(tables: Tables) -> Curves:
    """Return the curves of an experiment, for its figures and its page.

    Raises:
        DataError: the histories lack a column or have no rows.
    """
    return tidy(tables.histories, baseline_of(tables.comparison), tables.summary)


def notes(folder: Path) -> list[str]:
    """Return the notes of an experiment, in paragraphs; nothing where experiment.json is not there."""
    if not results.has_experiment(folder):
        return []
    return paragraphs(results.read_experiment(folder).get("notes", ""))


def charts(page: Contents) -> dict[str, Any]:
    """Return the charts of a page as the page's script takes them.

    Returns:
        "data", the tables by name; "charts", by the id of their element, each with its "spec" and the names of its
        "tables"; "paths", a dict per family with its "name", the slider's "words" at each strength, its "start", its
        "losses" and the specs of its two charts, "path" and "at_strength".
    """
    forest = forest_chart.rows(page.compared, page.names)
    data: dict[str, list[Row]] = {"forest": _marked(forest, page.looks), "zero": [{"x": 0}]}
    drawn: dict[str, Any] = {}
    paths: list[dict[str, Any]] = []
    # A difference without an interval shows nothing that the table does not.
    if any(row["lo"] is not None for row in forest):
        drawn["forest"] = {"spec": forest_chart.chart(forest, page.names[0], METRIC), "tables": ["forest", "zero"]}
    if page.series is not None:
        data |= {"medians": page.series.medians, "seeds": page.series.seeds}
        data |= {"marks": _marked(page.series.marks, page.looks)}
        over = epochs_chart.chart(page.series, page.names)
        drawn["curves"] = {"spec": over, "tables": ["medians", "seeds", "marks"]}
        places = {name: v for v, name in enumerate(page.names)}
        for family in page.families:
            variants = [places[name] for name in family.variants]
            paths.append(
                {
                    "name": family.name,
                    "words": [family.words(i) for i in range(len(family.strengths))],
                    "start": family.start,
                    "losses": family.losses,
                    "path": path_chart(family),
                    "at_strength": at_strength_chart(family, variants, page.series.axis, page.series.epochs),
                }
            )
    return {"data": data, "charts": drawn, "paths": paths}


def _marked(table: list[Row], variants: list[Look]) -> list[Row]:
    """Return rows with "k", the place of their variant's marker among all."""
    markers = list(MARKERS.values())
    return [row | {"k": markers.index(variants[row["v"]].marker)} for row in table]
