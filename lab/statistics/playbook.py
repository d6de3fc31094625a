"""The questions to ask of any experiment before its differences are believed, each answered with its number.

They follow Google's Deep Learning Tuning Playbook (Godbole et al. 2023): did the best runs overfit, is the best
strength the last one that was tried, was training too short or too long, how noisy is its end, how many runs diverged,
was every variant tuned alike, and how much varies from seed to seed. They need no more than tables of histories,
imported ones included.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from lab.statistics.facts import diverged, facts
from lab.statistics.runs import FOLD, run_columns

LAST = 0.25
"""The share of the epochs that is the end of a training."""

BADLY = 1.1
"""From this rise of the validation loss on, from the kept epoch to the last, a run overfitted badly: by a tenth."""


@dataclass(frozen=True)
class Answer:
    """The answer to one question.

    Args:
        question: one of `QUESTIONS`.
        values: its numbers, by name.
        is_warning: whether something should be changed or looked at; False where all is well.
    """

    question: str
    values: Mapping[str, float | str]
    is_warning: bool


QUESTIONS = ("overfit", "edge", "short", "long", "noise", "diverged", "tuned", "shared", "folds")


def playbook(
    histories: pd.DataFrame, strengths: pd.DataFrame | None = None, runs: pd.DataFrame | None = None
) -> list[Answer]:
    """Answer the questions of `QUESTIONS` that the tables can answer, in that order.

    * "overfit": of the best run of each variant, the one with the lowest validation loss, how many lose a tenth or more
      of it again until their last epoch: `count` of `runs`, and the largest `rise` as a share.
    * "edge": of the families of a strength path, `count` of `families` whose best strength is the first or the last
      that was tried; a strength of 0, which is the plain model, is no end. `names` are theirs.
    * "short": the share of runs that kept an epoch of the last quarter of all epochs, `share`. A warning from a half
      on. Runs that ended before, because their patience was spent, kept an earlier one.
    * "long": the median share of a run's epochs after the kept one: `share`. A warning from a half on.
    * "noise": the standard deviation of the validation loss from epoch to epoch in the last quarter of a run, `end`,
      that of the kept loss over the seeds of a variant, `seeds`, and their `ratio`. A trend does not count: it is that
      of the differences of neighbouring epochs, divided by the square root of 2. A warning from a half on: then the
      choice of the epoch decides as much as the seed.
    * "diverged": `count` of `runs`.
    * "tuned": the fewest and the most runs of a variant, `fewest` and `most`. A warning where they differ.
    * "shared": of the variance of the kept validation loss over the seeds, the share that all variants have in common,
      `share`, with the standard deviations `common` and `own`. It is what pairing takes out. Of complete seeds only.
    * "folds": the standard deviations over the seeds, `seeds`, and over the folds of a seed, `folds`. A warning never.

    Args:
        histories: one row per epoch, with "variant", "seed", "epoch" and "val_data_loss"; of folds with "fold".
        strengths: one row per variant of a path, with "family", "strength" and "variant"; None without a path.
        runs: the facts of the runs, as `lab.statistics.facts` returns them, where they are known already; with
            "status", that says which diverged.

    Raises:
        DataError: as `lab.statistics.facts`.
    """
    columns = run_columns(histories)
    runs = (facts(histories) if runs is None else runs).copy()
    runs["diverged"] = diverged(histories, runs).reindex(pd.MultiIndex.from_frame(runs[columns])).to_numpy()
    runs["variant"] = runs["variant"].map(str)
    kept = runs[~runs["diverged"] & np.isfinite(runs["val_data_loss"])]
    found = [*_of_trainings(kept, strengths)] if len(kept) else []
    noise = _noise(histories, columns, kept)
    found += [noise] if noise else []
    count = int(runs["diverged"].sum())
    found.append(Answer("diverged", {"count": count, "runs": len(runs)}, count > 0))
    each = runs.groupby("variant", sort=False).size()
    if len(each) > 1:
        values = {"fewest": int(each.min()), "most": int(each.max())}
        found.append(Answer("tuned", values, values["fewest"] < values["most"]))
    found += [answer for answer in (_shared(kept, columns), _folds(kept)) if answer]
    return sorted(found, key=lambda answer: QUESTIONS.index(answer.question))


def _of_trainings(kept: pd.DataFrame, strengths: pd.DataFrame | None) -> list[Answer]:
    best = kept.loc[kept.groupby("variant", sort=False)["val_data_loss"].idxmin()]
    rise = best["end_val_data_loss"] / best["val_data_loss"]
    count = int((rise >= BADLY).sum())
    found = [Answer("overfit", {"count": count, "runs": len(best), "rise": float(rise.max() - 1)}, count > 0)]
    if strengths is not None and len(strengths):
        names, families = [], strengths.groupby("family", sort=False)
        medians = kept.groupby("variant")["val_data_loss"].median()
        for family, own in families:
            tried = own.assign(loss=own["variant"].map(str).map(medians)).sort_values("strength").dropna()
            tried = tried[tried["strength"] > 0]
            if len(tried) > 1 and tried["loss"].idxmin() in (tried.index[0], tried.index[-1]):
                names.append(str(family))
        values: dict[str, float | str] = {"count": len(names), "families": families.ngroups, "names": ", ".join(names)}
        found.append(Answer("edge", values, bool(names)))
    # A run that ended early was given as many epochs as the longest one.
    longest = kept["epochs"].max()
    share = float((kept["kept_epoch"] > (1 - LAST) * longest).mean())
    found.append(Answer("short", {"share": share}, share >= 0.5))
    wasted = float(((kept["epochs"] - kept["kept_epoch"]) / kept["epochs"]).median())
    return [*found, Answer("long", {"share": wasted}, wasted >= 0.5)]


def _noise(histories: pd.DataFrame, columns: list[str], kept: pd.DataFrame) -> Answer | None:
    over_seeds = kept.groupby("variant")["val_data_loss"].var(ddof=1).dropna()
    ordered = histories.sort_values("epoch", kind="stable")
    runs = ordered.groupby(columns, sort=False)
    is_end = runs.cumcount() > np.floor((1 - LAST) * runs["epoch"].transform("size"))
    squares = (runs["val_data_loss"].diff()[is_end] ** 2).fillna(np.inf)
    # A run that diverged has an infinite mean.
    variances = squares.groupby(runs.ngroup()[is_end]).mean() / 2
    variances = variances[np.isfinite(variances)]
    if over_seeds.empty or variances.empty:
        return None
    end, seeds = float(np.sqrt(variances.mean())), float(np.sqrt(over_seeds.mean()))
    if not seeds:
        return None
    return Answer("noise", {"end": end, "seeds": seeds, "ratio": end / seeds}, end >= 0.5 * seeds)


def _shared(kept: pd.DataFrame, columns: list[str]) -> Answer | None:
    """Split the variance over the seeds by a two-way analysis of variance without replicates."""
    table = kept.pivot(index=columns[1:], columns="variant", values="val_data_loss").dropna()
    seeds, variants = table.shape
    if seeds < 3 or variants < 2:
        return None
    losses = table.to_numpy(np.float64)
    losses = losses - losses.mean(axis=0)
    by_seed = losses.mean(axis=1)
    own = ((losses - by_seed[:, None]) ** 2).sum() / ((seeds - 1) * (variants - 1))
    common = max((by_seed**2).sum() / (seeds - 1) - own / variants, 0.0)
    if not own + common:
        return None
    values = {"share": common / (own + common), "common": float(np.sqrt(common)), "own": float(np.sqrt(own))}
    return Answer("shared", values, False)


def _folds(kept: pd.DataFrame) -> Answer | None:
    if FOLD not in kept:
        return None
    within = kept.groupby(["variant", "seed"])["val_data_loss"].var(ddof=1).dropna()
    folds = kept.groupby(["variant", "seed"])[FOLD].nunique().mean()
    means = kept.groupby(["variant", "seed"])["val_data_loss"].mean()
    over_seeds = means.groupby("variant").var(ddof=1).dropna()
    if within.empty or over_seeds.empty:
        return None
    # The mean over the folds of a seed varies with them too.
    seeds = max(float(over_seeds.mean()) - float(within.mean()) / folds, 0.0)
    return Answer("folds", {"seeds": float(np.sqrt(seeds)), "folds": float(np.sqrt(within.mean()))}, False)
