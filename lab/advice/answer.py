"""The answer: one sentence, the diagnosis, a table of what helps, is equivalent, undecided or harms, and the model."""

import functools
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from lab.advice.against_plain import AGAINST
from lab.advice.diagnosis import Diagnosis
from lab.advice.false_claims import counted
from lab.advice.recommended import Recommended
from lab.advice.space import Setting
from lab.statistics import words

if TYPE_CHECKING:
    import keras
    import pandas as pd

HEADINGS = {"better": "helps", "equivalent": "equivalent", "not shown": "undecided", "worse": "harms"}

MOST_TOLD = 999
"""The most further seeds that are told as a number: what needs more makes hardly a difference."""

SKEWED = 1.0
"""From this skewness on a few seeds that lose much decide about a mean: see `lab.statistics.sequential`."""


@dataclass(frozen=True, eq=False)
class Advice:
    """The answer of `lab.advise`, with what it rests on.

    Args:
        sentence: the answer.
        diagnosis: of the plain model; it prints as sentences.
        table: one row per candidate: variant, answer, seeds, its difference to the plain model in test data loss with
            the ends of the interval, with which variant of the plain model it is compared (see
            `lab.advice.against_plain`), about how many more seeds would tell where it is undecided, the skewness of the
            differences, and what a step of training costs more.
        not_tried: by family why it was left out.
        folder: of the experiment that confirmed it, with its page and histories.
        seconds: how long it took.
        settings: by variant what was confirmed, the plain model at its learning rates first.
        recommended: the one that is advised, with how its model is made.
        ensemble: a row for each size and measure of the ensembles of its runs, as `lab.statistics.ensembles` has them;
            None where it was not asked for.
    """

    sentence: str
    diagnosis: Diagnosis
    table: "pd.DataFrame"
    not_tried: Mapping[str, str]
    folder: Path
    seconds: float
    settings: Mapping[str, Setting]
    recommended: Recommended
    ensemble: "pd.DataFrame | None" = None

    def __str__(self) -> str:
        table = self.table.to_string(index=False, float_format="{:.4f}".format, na_rep="")
        return f"{self.sentence}\n{self.diagnosis}\n{counted()}\n\n{table}"

    @functools.cached_property
    def model(self) -> "keras.Model":
        """The model that is advised, as the first confirming seed trained it; it is trained again for this."""
        return self.recommended.trained()[0].model()

    def save(self, folder: str | Path, *, retrain: bool = False) -> Path:
        """Write the answer into a folder.

        * `model.keras`: `model`, or trained on the training and the validation examples together, and `model.json`:
          how rows become its inputs, as `lab.data.description` says;
        * `ensemble.keras`, where the ensemble was asked for: all its members as one model;
        * `advice.txt` and `advice.csv`: the answer in words, and its table;
        * `experiment.py`: a script that runs the confirmation again, if data and model have a source;
        * the tables of the confirmation, its histories among them, and its page, unless they are around the folder.

        Args:
            folder: is made where there is none. Files in it that have these names are replaced.
            retrain: whether the model learns from the validation examples, too. Nothing is left then to say how good
                it is.

        Returns:
            The folder.

        Raises:
            DataError: the run that is advised kept no epoch, or Keras cannot save its model.
            OSError: a file cannot be written.
        """
        from lab.data.description import description
        from lab.models.keras_file import model_bytes
        from lab.results.files import make_folder, write_atomically

        to = Path(folder)
        make_folder(to)
        if retrain:
            model, data = self.recommended.retrained()
        else:
            model, data = self.model, self.recommended.data()
        write_atomically(to / "model.json", description(data))
        write_atomically(to / "model.keras", model_bytes(model, "the model that is advised"))
        if self.ensemble is not None:
            write_atomically(to / "ensemble.keras", model_bytes(self.recommended.joined(data), "the ensemble"))
        write_atomically(to / "advice.txt", f"{self}\n")
        write_atomically(to / "advice.csv", self.table.to_csv(index=False))
        is_beside = self.folder.resolve() in to.resolve().parents
        for path in self.folder.iterdir():
            if path.is_file() and path.suffix in ((".py",) if is_beside else (".csv", ".gz", ".py", ".html")):
                shutil.copyfile(path, to / path.name)
        return to


def table_of(
    comparison: "pd.DataFrame", summary: "pd.DataFrame | None" = None, costs: Mapping[str, str] | None = None
) -> "pd.DataFrame":
    """Return one row per candidate of a comparison, what helps first.

    Args:
        comparison: as `lab.advice.against_plain` returns it.
        summary: one row per run, for the skewness of the differences.
        costs: by variant what a step of its training costs more.
    """
    kept = ["variant", "decision", "difference", "difference_low", "difference_high", AGAINST, "n", "seeds_needed"]
    table = comparison[kept].copy()
    table.columns = ["variant", "answer", "difference", "low", "high", AGAINST, "seeds", "more_seeds"]
    table["place"] = table["answer"].map(list(HEADINGS).index)
    table["answer"] = table["answer"].map(HEADINGS)
    undecided = table["answer"] == "undecided"
    # No number means that more seeds would not tell, unless it is a seed that diverged which leaves the matter open.
    endless = undecided & table["more_seeds"].isna() & (comparison["diverged"] == 0)
    table["more_seeds"] = np.ceil(table["more_seeds"].where(undecided)).mask(endless, np.inf)
    skews = {} if summary is None else {plain: skews_in(summary, plain) for plain in table[AGAINST].unique()}
    pairs = zip(table[AGAINST], table["variant"], strict=True)
    table["skew"] = [skews.get(plain, {}).get(name, np.nan) for plain, name in pairs]
    table["costs"] = [(costs or {}).get(name, "") for name in table["variant"]]
    return table.sort_values(["place", "difference"]).drop(columns="place").reset_index(drop=True)


def sentence_of(table: "pd.DataFrame", tried: int, tested: int, rate: float | None = None) -> str:
    """Return the answer in a sentence, or in two.

    Args:
        table: as `table_of` returns it.
        tried: how many families were tried.
        tested: how many test examples there are.
        rate: the learning rate at which the plain model is better than at the baseline's; None where none is shown.
    """
    said = _answer(table, tried, tested)
    if rate is not None:
        said += f" The plain model is better at a learning rate of {rate:g} than at that which validation chose."
    return said


def _answer(table: "pd.DataFrame", tried: int, tested: int) -> str:
    helps = table[table["answer"] == "helps"]
    if len(helps):
        best = helps.iloc[0]
        put = words.difference(best["difference"], best["low"], best["high"], "+.4f", minus="-")
        said = f"{best['variant']} helps: test data loss {put} against the plain model on {best['seeds']} fresh seeds."
        if best["skew"] > SKEWED:
            said += (
                f" But its differences are skewed ({best['skew']:.1f}): it loses much at a few seeds, and more such "
                "seeds may show that it does not help."
            )
        return said
    counts = ", ".join(f"{n} {answer}" for answer, n in table["answer"].value_counts().items())
    said = (
        f"Nothing is shown to help: of {tried} families the best {len(table)} were confirmed on fresh seeds ({counts})."
    )
    # Only those that look better are worth more seeds.
    hopeful = table[(table["difference"] < 0) & table["more_seeds"].notna()].sort_values("more_seeds")
    if not len(hopeful):
        return said
    nearest = hopeful.iloc[0]
    if np.isinf(nearest["more_seeds"]):
        return (
            f"{said} On {tested} test examples, no number of seeds is sure to tell of {nearest['variant']}; bring more."
        )
    if nearest["more_seeds"] > MOST_TOLD:
        return f"{said} More than {MOST_TOLD} more seeds would tell of {nearest['variant']}."
    return f"{said} About {nearest['more_seeds']:.0f} more seeds would tell of {nearest['variant']}."


def skews_in(summary: "pd.DataFrame", plain: str) -> dict[str, float]:
    """Return by variant the skewness of its differences to the plain model in test data loss, NaN under 3 seeds.

    Args:
        summary: one row per run, as `lab.results.tables.read_tables` returns it.
        plain: the plain model's variant.
    """
    named = summary.assign(variant=summary["variant"].map(str))
    wide = named.pivot(index="seed", columns="variant", values="test_data_loss")
    skews = wide.sub(wide[plain], axis=0).drop(columns=plain).skew()
    return dict(zip(skews.index, skews.to_numpy(np.float64).tolist(), strict=True))


def recommended_in(table: "pd.DataFrame", plain: str) -> str:
    """Return the variant that is advised: the best that helps, and otherwise the plain model."""
    helps = table[table["answer"] == "helps"]
    return str(helps.iloc[0]["variant"]) if len(helps) else plain
