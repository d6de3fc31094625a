"""The answer: one sentence, the diagnosis, and a table of what helps, is equivalent, undecided or harms."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lab.statistics import words

if TYPE_CHECKING:
    import pandas as pd

HEADINGS = {"better": "helps", "equivalent": "equivalent", "not shown": "undecided", "worse": "harms"}


@dataclass(frozen=True, eq=False)
class Advice:
    """The answer of `lab.advise`, with what it rests on.

    Args:
        sentence: the answer.
        diagnosis: of the plain model: what it does at its kept epoch, in a sentence.
        table: one row per candidate: variant, answer, seeds, and its difference to the plain model in test data loss
            with the ends of the interval.
        not_tried: by family why it was left out.
        folder: of the experiment that confirmed it, with its page and histories.
        seconds: how long it took.
    """

    sentence: str
    diagnosis: str
    table: "pd.DataFrame"
    not_tried: Mapping[str, str]
    folder: Path
    seconds: float

    def __str__(self) -> str:
        return f"{self.sentence}\n{self.diagnosis}\n\n{self.table.to_string(index=False, float_format='{:.4f}'.format)}"


def table_of(comparison: "pd.DataFrame") -> "pd.DataFrame":
    """Return one row per candidate of a comparison, what helps first."""
    rows = comparison[comparison["decision"] != "baseline"]
    table = rows[["variant", "decision", "difference", "difference_low", "difference_high", "n"]].copy()
    table.columns = ["variant", "answer", "difference", "low", "high", "seeds"]
    table["place"] = table["answer"].map(list(HEADINGS).index)
    table["answer"] = table["answer"].map(HEADINGS)
    return table.sort_values(["place", "difference"]).drop(columns="place").reset_index(drop=True)


def sentence_of(table: "pd.DataFrame", tried: int) -> str:
    """Return the answer in a sentence.

    Args:
        table: as `table_of` returns it.
        tried: how many families were tried.
    """
    helps = table[table["answer"] == "helps"]
    if len(helps):
        best = helps.iloc[0]
        put = words.difference(best["difference"], best["low"], best["high"], "+.4f", minus="-")
        return f"{best['variant']} helps: test data loss {put} against the plain model on {best['seeds']} fresh seeds."
    counts = ", ".join(f"{n} {answer}" for answer, n in table["answer"].value_counts().items())
    return (
        f"Nothing is shown to help: of {tried} families the best {len(table)} were confirmed on fresh seeds ({counts})."
    )


def diagnosis_of(verdict: Any, train: Any, validation: Any) -> str:
    """Return in a sentence what the plain model does.

    Args:
        verdict: as `lab.statistics.run_facts` returns it.
        train, validation: the data losses at the kept epoch.
    """
    said = {
        "overfits": "The plain model memorizes: its validation loss rises while its training loss falls",
        "too short": "The plain model trained too few epochs to say whether it memorizes",
        "underfits": "The plain model underfits: it needs a longer training or a larger model, not regularization",
    }.get(str(verdict), f"The plain model neither memorizes nor underfits ({verdict})")
    return f"{said} (train {train:.4g}, validation {validation:.4g} at the kept epoch)."
