"""The page of an experiment, computed from its tables: the answer, the variants' looks, the data of the charts."""

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from lab import results
from lab.pages.answer import answer
from lab.pages.epochs_series import Series, series
from lab.pages.look import Look, looks
from lab.pages.run_numbers import folds_of
from lab.pages.strengths_chart import Family, families, ranks
from lab.pages.studies import paragraphs
from lab.report.curves import Curves, tidy
from lab.report.layout import axis_notes, diverged_note
from lab.report.save import baseline_of
from lab.report.strength_path import strengths_of
from lab.report.theme import styles
from lab.results.imported import source_of_import
from lab.results.logs.folder import Source
from lab.results.tables import Tables
from lab.statistics.language import named, say
from lab.statistics.runs import averaged_over
from lab.statistics.scope import scope_note, scope_sentence

_METRICS = {"test_data_loss": "test data loss", "val_loss": "validation loss"}
"""The metrics of comparison.csv, in words: the lab's own, and that of histories that others logged."""

FITTED = "The axis is fitted to what the validation curves differ in; “whole” shows all."
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
        runs, seeds, folds, epochs: how many there are.
        over: what medians and means are over, "seeds" or "seeds and folds".
        scope: what the intervals generalize over, in two sentences; empty where it is not known.
        reading: how the curves are to be read, as sentences.
        logged: the tool that logged the histories; None where the lab trained them.
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
    folds: int
    over: str
    scope: str
    epochs: int
    reading: list[str]
    logged: Source | None

    @property
    def metric(self) -> str:
        """The metric that is compared, in words."""
        return metric_of(self.compared)

    @property
    def pills(self) -> list[int]:
        """The places of the variants with a switch of their own: the baseline, and those that are on no path."""
        on_paths = {name for family in self.families for name in family.variants} - {self.names[0]}
        return [v for v, name in enumerate(self.names) if name not in on_paths]


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
    reading = [say(NO_CURVES)]
    if data is not None:
        state = curves.runs(curves.monitored)
        lost = [diverged_note(state)] if state["diverged"].any() else []
        fitted = [say(FITTED)] if data.measures[0].focus else []
        reading = [*data.notes, *lost, *axis_notes(data.axis), *fitted]
    paths = families(tables.path_runs()) if data is not None else []
    return Contents(
        name=folder.name,
        title=tables.question or folder.name,
        notes=notes(folder),
        answer=answer(compared, tables.summary, metric=metric_of(compared)),
        names=names,
        # In several paths a colour is a rank in each: only one of them is shown at a time.
        looks=looks(styles(names, names[0], ranks(paths) or strengths_of(tables.path_runs()))),
        series=data,
        families=paths,
        compared=compared,
        summary=tables.summary,
        runs=len(curves.table[curves.run].drop_duplicates()),
        seeds=int(curves.table["seed"].nunique()),
        folds=folds_of(curves.table),
        over=averaged_over(curves.table),
        scope=say(" ").join(filter(None, [scope_sentence(compared), scope_note(compared)])),
        epochs=int(curves.table["epoch"].max()),
        reading=reading,
        logged=source_of_import(folder),
    )


def metric_of(compared: pd.DataFrame) -> str:
    """Return the metric of a comparison in words; lower is better."""
    found = [str(name) for name in compared["metric"].unique()] if "metric" in compared else []
    return named(_METRICS.get(found[0], found[0]) if found else _METRICS["test_data_loss"])


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
