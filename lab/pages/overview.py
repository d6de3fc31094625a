"""Facts by which the guide compares, sorts and filters experiments: what was found, what is in them, and the best."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import pandas as pd

from lab.pages.answer import form
from lab.regularization import Regularization
from lab.statistics import words
from lab.statistics.language import say

SETTINGS = ("groups", "ghost_size", "batch_momentum", "block_size")
"""Fields of a regularization that set another of its regularizers and regularize nothing themselves."""

FOUND = {
    "better": "a variant is better",
    "worse": "a variant is worse",
    "open": "no difference is shown",
    "overfits": "the baseline overfits",
}
"""The kinds of outcome that the guide filters by, in its words."""


@dataclass(frozen=True)
class Best:
    """The best variant of an experiment: its name, its difference in words and as a number, and the decision."""

    name: str
    by: str
    difference: float
    decision: str


def best(compared: pd.DataFrame) -> Best | None:
    """Return the best variant of a comparison; None where no pair of seeds is.

    It is the one that is better by most or, where none is better, the one with the lowest difference, which chance may
    explain.
    """
    others = compared[compared["decision"] != "baseline"]
    others = others[np.isfinite(others["difference"].astype(float))]
    if not len(others):
        return None
    shown = others[others["decision"] == "better"]
    row = (shown if len(shown) else others).sort_values("difference", kind="stable").iloc[0]
    value, low, high = (float(row[name]) for name in ("difference", "difference_low", "difference_high"))
    by = words.difference(value, low, high, f"+{form(row)}")
    return Best(str(row["variant"]), by, value, str(row["decision"]))


def found(compared: pd.DataFrame, summary: pd.DataFrame) -> list[str]:
    """Return the keys of `FOUND` that hold for an experiment.

    Args:
        compared: as `lab.statistics.compare` returns it.
        summary: one row per run; without verdicts, nothing is said about overfitting.
    """
    decisions = set(compared["decision"])
    kinds = [kind for kind in ("better", "worse") if kind in decisions]
    if not kinds and "not shown" in decisions:
        kinds = ["open"]
    baselines = compared.loc[compared["decision"] == "baseline", "variant"]
    if len(baselines) and "verdict" in summary:
        own = summary.loc[summary["variant"].map(str) == baselines.iloc[0], "verdict"]
        kinds += ["overfits"] if (own == "overfits").sum() > len(own) / 2 else []
    return kinds


def counted(compared: pd.DataFrame) -> str:
    """Return the decisions of a comparison in one line, as in "2 better, 1 worse, 3 not shown"."""
    counts = compared["decision"].value_counts()
    told = {
        "better": "{count} better",
        "worse": "{count} worse",
        "equivalent": "{count} equivalent",
        "not shown": "{count} not shown",
    }
    parts = [say(text, count=counts[name]) for name, text in told.items() if counts.get(name)]
    return say(", ").join(parts) or say("nothing is compared")


def regularizers(records: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the regularizers that some run of an experiment has, by the names of their fields.

    Args:
        records: one per run, as `lab.results.read_provenance` returns them. Those of a user's own Keras model name
            none.
    """
    names = [each for each in fields(Regularization) if each.name not in SETTINGS]
    values = [value for part in _parts(records) for value in _regularizations(part)]
    return [each.name for each in names if any(value.get(each.name, each.default) != each.default for value in values)]


def datasets(records: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the names of the loaders that made the data of some runs, in order; of features, that of their images.

    Args:
        records: one per run, as `lab.results.read_provenance` returns them.
    """
    names = set()
    for data in _parts(records, "data"):
        while isinstance(data, Mapping) and isinstance(data.get("load"), Mapping):
            data = data["load"]
        if isinstance(data, Mapping) and isinstance(data.get("call"), str):
            names.add(data["call"].rpartition(".")[2])
    return sorted(names)


def _parts(records: Sequence[Mapping[str, Any]], name: str | None = None) -> list[object]:
    """Return the parts of the runs' declarations, those of a name or all. What many runs share comes once."""
    declarations = [record.get("declaration") or {} for record in records]
    parts = (part for one in declarations for key, part in one.items() if name in (None, key))
    return list({id(part): part for part in parts}.values())


def _regularizations(value: object) -> Iterator[Mapping[str, Any]]:
    if isinstance(value, Mapping):
        if value.get("is") == Regularization.__name__:
            yield value
        value = list(value.values())
    if isinstance(value, list):
        for each in value:
            yield from _regularizations(each)


def first_sentence(paragraphs: Sequence[str]) -> str:
    """Return the first sentence of a text: up to a full stop before a capital letter; "" where there is no text.

    The full stop of Japanese ends a sentence whatever comes after it.
    """
    text = paragraphs[0] if paragraphs else ""
    for at, character in enumerate(text):
        if character == "。":
            return text[: at + 1]
        if character == "." and text[at + 1 : at + 2] == " " and text[at + 2 : at + 3].isupper():
            return text[: at + 1]
    return text
