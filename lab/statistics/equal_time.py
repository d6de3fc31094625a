"""Variants compared at equal training time instead of equal epochs.

A step of sharpness-aware minimization takes two passes, and a weight penalty hardly any time at all: after as many
epochs one of them has trained twice as long. Here each history is cut where its variant has used up the time.
"""

import math
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from lab.statistics.facts import FACTS, facts
from lab.statistics.runs import run_columns


def costs_of_a_step(seconds: Mapping[str, Sequence[float]], baseline: str) -> dict[str, float]:
    """Return what a step of each variant costs, in seconds, without differences that are noise of the clock.

    Args:
        seconds: of a step of each variant in several turns, as many of each; all above 0.
        baseline: the variant that the others are compared with in each turn.

    Returns:
        The median of the baseline, times the median ratio to it. A variant that is slower in some turns and faster in
        others costs what the baseline costs: of 7 turns without a difference all agree once in 64 times.
    """
    of_baseline = np.array(seconds[baseline])
    found = {}
    for name, own in seconds.items():
        ratios = np.array(own) / of_baseline
        differs = (ratios > 1).all() or (ratios < 1).all()
        found[name] = float(np.median(of_baseline) * (np.median(ratios) if differs else 1.0))
    return found


def epochs_in_time(costs: Mapping[str, float], epochs: Mapping[str, int]) -> dict[str, int]:
    """Return how many epochs of each variant take the time that the cheapest variant takes for all of its own.

    Args:
        costs: the seconds of an epoch of each variant, above 0.
        epochs: that each variant trains for, at least 1.

    Returns:
        Whole epochs, at least 1 and no more than the variant's own.
    """
    # A rounding error must not cost the cheapest variant its last epoch.
    time = min(costs[name] * epochs[name] for name in costs) * (1 + 1e-9)
    return {name: max(1, min(epochs[name], math.floor(time / costs[name]))) for name in costs}


def cut(histories: pd.DataFrame, summary: pd.DataFrame, epochs: Mapping[str, int]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return histories and their summary as if each variant had trained for so many epochs.

    A run that kept an epoch within them is what it was, its test losses included: those weights are the ones that it
    would have kept. Of any other the best epoch within them is kept. Its test losses are NaN, since the test split is
    measured with the kept weights only.

    Args:
        histories, summary: of an experiment, as `lab.results.tables.Tables` has them.
        epochs: of each variant.

    Returns:
        Both tables, with their columns and in their order.
    """
    keys = run_columns(histories)
    limits = histories["variant"].map(str).map(epochs)
    shorter = histories[histories["epoch"] <= limits]
    found = facts(shorter).set_index(keys)
    runs = pd.MultiIndex.from_frame(summary[keys])
    facts_now = found.loc[runs, list(FACTS)].set_axis(summary.index)
    is_as_it_was = (summary["kept_epoch"] <= summary["variant"].map(str).map(epochs)).to_numpy()
    made = summary.copy()
    # The run ends earlier now, whichever epoch it keeps.
    made[list(FACTS)] = facts_now
    of_kept = ["kept_epoch", "train_data_loss", "val_data_loss", "train_accuracy", "val_accuracy", "gap"]
    made.loc[is_as_it_was, of_kept] = summary.loc[is_as_it_was, of_kept]
    of_weights = [name for name in summary.columns if name == "zeros" or name.startswith("test_")]
    made.loc[~is_as_it_was, of_weights] = math.nan
    made["status"] = summary["status"].where(facts_now["verdict"] == "diverged", "finished")
    return shorter, made
