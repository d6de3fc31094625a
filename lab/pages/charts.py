"""The charts of an experiment's page and their data, as the page's script takes them."""

from collections.abc import Mapping, Sequence
from typing import Any

from lab.pages import forest_chart
from lab.pages.assets import page_script
from lab.pages.epochs_series import Series
from lab.pages.experiment import Contents
from lab.pages.heat_map import heat_map
from lab.pages.look import MARKERS, Look
from lab.pages.packing import packed
from lab.pages.provenance import declarations
from lab.pages.reliability_panel import ReliabilityPanel
from lab.pages.run_numbers import folds_of
from lab.pages.runs_table import OPEN, runs_table
from lab.pages.script_words import script_words
from lab.pages.strengths_chart import Family, path_chart, strength_words
from lab.pages.vegalite import LOOK
from lab.statistics.language import named, say


def charts(
    page: Contents, records: Sequence[Mapping[str, Any]], histories: str, panel: ReliabilityPanel | None = None
) -> dict[str, Any]:
    """Return the charts of a page.

    Args:
        page: its contents.
        records: one per run, as `lab.results.read_provenance` returns them.
        histories: the file name of the table of histories.
        panel: the experiment's reliability panel; None where it has none.

    Returns:
        The "name" and the "title"; "names", of the variants; "markers", the place of each one's marker among the
        "shapes"; "look", of all charts; "histories", the file; "folds", how many there are, if any; "runs", as
        `lab.pages.runs_table.runs_table` returns them, and whether they are "open" at first; "forest", a "spec" and its
        "tables"; "pairs", a heat map's "spec", its "tables" and the names of its settings, "across" and "down";
        "reliability", a "spec" and the "curves" of the variants; "paths", as `_path` returns them; "curves": the
        "description", the "measures", the "marks", the variants "shown" at first, the "seeds" that can be shown, the
        last of the "epochs", the "diverged" runs, and what `lab.pages.packing.packed` returns; "words", of another
        language.
        Charts that cannot be drawn are absent.
    """
    runs = runs_table(page.summary, records, page.names)
    drawn: dict[str, Any] = {
        "name": page.name,
        "title": page.title,
        "names": page.names,
        "markers": [_marker(look) for look in page.looks],
        "shapes": list(MARKERS.values()),
        "histories": histories,
        "runs": runs | {"open": len(runs["seed"]) <= OPEN},
        **({"folds": folds} if (folds := folds_of(page.summary)) else {}),
        "paths": [],
        "look": LOOK,
    }
    forest = forest_chart.rows(page.compared, page.names)
    # A difference without an interval shows nothing that the table does not.
    if any(row["lo"] is not None for row in forest):
        rows = [row | {"k": _marker(page.looks[row["v"]])} for row in forest]
        spec = forest_chart.chart(forest, page.names[0], page.metric)
        drawn["forest"] = {"spec": spec, "tables": {"forest": rows, "zero": [{"x": 0}]}}
    if panel is not None:
        drawn["reliability"] = {"spec": panel.spec, "curves": panel.curves}
    pairs = heat_map(declarations(records), page.compared, page.names, page.metric)
    if pairs is not None:
        drawn["pairs"] = {"spec": pairs.spec, "tables": {"cells": pairs.cells}}
        drawn["pairs"] |= {"across": pairs.across.name, "down": pairs.down.name, "columns": len(pairs.across.values)}
    if page.series is not None:
        series = page.series
        drawn["curves"] = packed(series) | {
            "description": _described(series, page.names),
            "measures": [
                {"name": one.name, **one.columns, "axis": [one.axis.low, one.axis.high], "log": one.axis.log}
                | ({"focus": one.focus} if one.focus else {})
                for one in series.measures
            ],
            "marks": [[row["v"], row["mark"], row["e"]] for row in series.marks],
            "shown": [v for v in series.shown if v in page.pills],
            "seeds": series.listed,
            "epochs": series.epochs,
            "diverged": series.diverged,
        }
        places = {name: v for v, name in enumerate(page.names)}
        drawn["paths"] = [_path(family, places) for family in page.families]
    if words := script_words(page_script(), _named(drawn)):
        drawn["words"] = words
    return drawn


def _named(drawn: Mapping[str, Any]) -> list[str]:
    """Return the measures, splits, headings and verdicts of the charts, which the page's script names."""
    columns = drawn["runs"]["columns"]
    texts = [
        "variant",
        "seed",
        "train",
        "validation",
        *(one[key] for one in columns for key in ("heading", "meaning")),
    ]
    texts += [value for one in columns if "decimals" not in one for value in set(one["values"])]
    return texts + [one["name"] for one in drawn.get("curves", {}).get("measures", [])]


def _described(series: Series, names: Sequence[str]) -> str:
    """Return what the chart over the epochs shows, for those who do not see it."""
    return say(
        "Lines of the {metric} over {epochs} epochs, train solid and validation dashed, for {names}. "
        "The table of the comparison has the same runs in numbers.",
        metric=named(series.measures[0].name),
        epochs=series.epochs,
        names=say(", ").join(names[:12]) + (say(" and others") if len(names) > 12 else ""),
    )


def _path(family: Family, places: Mapping[str, int]) -> dict[str, Any]:
    """Return a path: its "name", its variants' "places", what the slider "says" at each, the rows and the "spec"."""
    return {
        "name": family.name,
        "places": [places[name] for name in family.variants],
        "says": [family.words(i) for i in range(len(family.strengths))],
        "ends": [strength_words(family.strengths[0]), strength_words(family.strengths[-1])],
        "losses": family.losses,
        "spec": path_chart(family),
    }


def _marker(look: Look) -> int:
    return list(MARKERS.values()).index(look.marker)
