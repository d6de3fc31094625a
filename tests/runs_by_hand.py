"""Histories and summaries with known numbers, as the tests of the statistics take them."""

import numpy as np
import pandas as pd


def history(val, train=None, **columns):
    val = np.asarray(val, float)
    train = val / 2 if train is None else train
    epochs = np.arange(1, len(val) + 1)
    return pd.DataFrame({"epoch": epochs, "train_data_loss": train, "val_data_loss": val} | columns)


def falling(epochs=60, start=2.0, end=0.5, scale=6.0):
    return end + (start - end) * np.exp(-np.arange(epochs) / scale)


def summary(values, metric="test_data_loss", **columns):
    """A table of runs from {variant: [value of seed 0, of seed 1, ...]}; None is a run that is not there."""
    rows = [
        {"variant": variant, "seed": seed, metric: value}
        for variant, runs in values.items()
        for seed, value in enumerate(runs)
        if value is not None
    ]
    return pd.DataFrame(rows).assign(**columns)


def many(differences, seed=0):
    """A summary in which variant i minus the baseline is differences[i], over a baseline that varies."""
    base = np.random.default_rng(seed).normal(1.0, 0.3, differences.shape[1])
    names = np.array(["none", *(f"v{i}" for i in range(len(differences)))])
    values = np.vstack([base, base + differences])
    variant, run = np.indices(values.shape)
    return pd.DataFrame({"variant": names[variant.ravel()], "seed": run.ravel(), "test_data_loss": values.ravel()})


def row(table, variant):
    return table.set_index("variant").loc[variant]


def long(runs):
    """Histories from {(variant, seed): values}."""
    return pd.concat([history(val).assign(variant=name, seed=seed) for (name, seed), val in runs.items()])
