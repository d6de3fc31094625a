"""Variants trained to the same numbers are reported as such, not as a difference of +0.000."""

import pandas as pd

from lab.statistics.identical import identical, identical_note


def summary(**losses):
    rows = [
        {"variant": variant, "seed": seed, "val_data_loss": loss, "test_data_loss": loss + 1, "parameters": 8}
        for variant, of in losses.items()
        for seed, loss in enumerate(of)
    ]
    return pd.DataFrame(rows)


def test_variants_that_agree_to_the_last_digit_on_every_seed_are_named():
    table = summary(none=(0.1, 0.2), l2=(0.1, 0.2), l1=(0.1, 0.2 + 1e-14), dropout=(0.3, 0.4), copy=(0.3, 0.4))
    assert identical(table) == [["none", "l2"], ["dropout", "copy"]]
    assert identical_note(table) == (
        "none and l2 have the same losses to the last digit on every seed: what differs in their declarations has no "
        "effect. dropout and copy have the same losses to the last digit on every seed: what differs in their "
        "declarations has no effect."
    )


def test_variants_of_other_seeds_and_variants_that_diverged_are_not_compared():
    assert identical(summary(none=(0.1, 0.2), l2=(0.1,))) == []
    assert identical(summary(none=(float("nan"),), l2=(float("nan"),))) == []
    assert identical_note(summary(none=(0.1,), l2=(0.2,))) == ""
    assert identical(pd.DataFrame({"variant": ["a", "b"], "verdict": ["overfits"] * 2})) == []
