"""The questions of the playbook, on tables whose answers can be worked out by hand."""

import numpy as np
import pandas as pd
import pytest

from lab.pages.playbook_panel import PlaybookPanel, playbook_panel
from lab.results.tables import Tables
from lab.statistics import facts
from lab.statistics.playbook import playbook


def histories(runs):
    """Return the table of histories of {(variant, seed[, fold]): validation losses}."""
    rows = []
    for (variant, seed, *fold), losses in runs.items():
        for epoch, loss in enumerate(losses, 1):
            row = {"variant": variant, "seed": seed, "epoch": epoch, "train_data_loss": 1 / epoch, "loss": 1 / epoch}
            rows.append(row | {"val_data_loss": loss} | ({"fold": fold[0]} if fold else {}))
    return pd.DataFrame(rows)


def table_of(runs):
    found = histories(runs)
    return Tables(found, facts(found), None)


def answers(runs, strengths=None):
    return {answer.question: answer for answer in playbook(histories(runs), strengths)}


def test_a_best_run_whose_loss_rises_by_a_tenth_overfits_badly():
    found = answers({("a", 0): [1.0, 0.5, 0.6], ("a", 1): [1.0, 0.6, 2.0], ("b", 0): [1.0, 0.5, 0.54]})["overfit"]
    assert found.values == {"count": 1, "runs": 2, "rise": pytest.approx(0.2)}
    assert found.is_warning
    assert not answers({("b", 0): [1.0, 0.5, 0.54]})["overfit"].is_warning


def test_the_best_strength_at_an_end_is_named_and_strength_0_is_no_end():
    losses = {"zero": 0.9, "low": 0.5, "middle": 0.6, "high": 0.7}
    path = pd.DataFrame({"family": "L2", "strength": [0.0, 1e-3, 1e-2, 1e-1], "variant": list(losses)})
    runs = {(name, 0): [1.0, loss] for name, loss in losses.items()}
    assert answers(runs, path)["edge"].values == {"count": 1, "families": 1, "names": "L2"}
    runs["middle", 0] = [1.0, 0.1]
    assert not answers(runs, path)["edge"].is_warning


def test_a_training_is_too_short_where_the_last_quarter_is_kept_and_too_long_where_most_of_it_is_wasted():
    falling, early = np.linspace(1, 0.1, 8), [1.0, 0.2, *np.linspace(0.3, 0.4, 6)]
    found = answers({("a", 0): falling, ("a", 1): falling, ("a", 2): early})
    assert found["short"].values == {"share": pytest.approx(2 / 3)}
    assert found["short"].is_warning
    assert found["long"].values == {"share": 0.0}
    found = answers({("a", 0): early})
    assert found["long"].values == {"share": 0.75}
    assert found["long"].is_warning
    assert not found["short"].is_warning


def test_a_run_that_ended_early_is_not_too_short():
    assert answers({("a", 0): [1.0, 0.5, 0.4], ("a", 1): np.linspace(1, 0.2, 12)})["short"].values == {"share": 0.5}


def test_noise_of_the_end_is_that_of_neighbouring_epochs():
    random = np.random.default_rng(0)
    seeds = random.normal(0, 0.1, 60)
    runs = {("a", i): 1 + shift + random.normal(0, 0.02, 400) for i, shift in enumerate(seeds)}
    found = answers(runs)["noise"].values
    assert found["end"] == pytest.approx(0.02, rel=0.03)
    # The kept loss is the lowest one of an epoch, whose own spread is small beside that of the seeds.
    assert found["seeds"] == pytest.approx(seeds.std(ddof=1), rel=0.1)
    assert found["ratio"] == pytest.approx(found["end"] / found["seeds"])


def test_runs_that_diverged_and_variants_with_fewer_runs_are_counted():
    found = answers({("a", 0): [1.0, 0.5], ("a", 1): [1.0, float("nan")], ("b", 0): [1.0, 0.5]})
    assert (found["diverged"].values, found["diverged"].is_warning) == ({"count": 1, "runs": 3}, True)
    assert (found["tuned"].values, found["tuned"].is_warning) == ({"fewest": 1, "most": 2}, True)


def test_the_variance_that_variants_share_is_that_of_the_model_it_was_drawn_from():
    random = np.random.default_rng(1)
    common = random.normal(0, 0.3, 2000)
    runs = {
        (name, seed): [2.0, 1.0 + at + common[seed] + random.normal(0, 0.1)]
        for name, at in (("a", 0.0), ("b", 0.2), ("c", 0.1))
        for seed in range(2000)
    }
    table = histories(runs)
    found = {answer.question: answer.values for answer in playbook(table)}["shared"]
    assert found["common"] == pytest.approx(0.3, rel=0.05)
    assert found["own"] == pytest.approx(0.1, rel=0.05)
    assert found["share"] == pytest.approx(0.9, abs=0.01)


def test_the_variance_that_variants_share_is_less_by_that_of_their_own():
    # Means of the seeds: -.5, -.5 and 1, of variance .75; half of the variance of the variants' own, .5, is in it.
    losses = {"a": (1.0, 2.0, 3.0), "b": (2.0, 1.0, 3.0)}
    runs = {(name, seed): [9.0, loss] for name, own in losses.items() for seed, loss in enumerate(own)}
    found = answers(runs)["shared"].values
    assert found == {"share": pytest.approx(0.5), "common": pytest.approx(0.5**0.5), "own": pytest.approx(0.5**0.5)}


def test_folds_and_seeds_have_spreads_of_their_own():
    random = np.random.default_rng(2)
    shifts = random.normal(0, 0.2, 500)
    runs = {
        ("a", seed, fold): [2.0, 1 + shifts[seed] + random.normal(0, 0.1)] for seed in range(500) for fold in range(4)
    }
    found = answers(runs)["folds"].values
    assert found["folds"] == pytest.approx(0.1, rel=0.05)
    assert found["seeds"] == pytest.approx(0.2, rel=0.1)


def test_what_is_known_of_the_runs_is_taken_as_it_is_in_whatever_order():
    found = histories({("a", 0): [1.0, 0.5, 0.6], ("a", 1): [1.0, 0.4, 0.7], ("b", 0): [1.0, 0.5, 0.4]})
    known = facts(found).assign(status=["finished", "diverged", "finished"])[::-1]
    values = {answer.question: answer.values for answer in playbook(found, runs=known)}
    assert values["diverged"] == {"count": 1, "runs": 3}
    assert values["overfit"] == {"count": 1, "runs": 2, "rise": pytest.approx(0.2)}


def test_runs_that_all_diverged_answer_what_they_can():
    assert set(answers({("a", 0): [float("nan")], ("b", 0): [float("nan")]})) == {"diverged", "tuned"}


def test_the_panel_says_how_far_the_numbers_of_runs_differ():
    tables = table_of({("a", 0): [1.0], ("a", 1): [1.0], ("b", 0): [1.0]})
    said = ("Does every variant have as many runs?", "from 1 to 2 runs of a variant", True)
    assert said in playbook_panel(tables).rows


def test_the_panel_says_each_answer_with_its_numbers():
    tables = table_of({("a", 0): [1.0, 0.5, 0.6], ("b", 0): [1.0, 0.5, float("nan")]})
    assert playbook_panel(tables) == PlaybookPanel(
        2,
        [
            (
                "Did the best run of a variant overfit badly?",
                "1 of 1 lost a tenth or more of their validation loss again; at most 20 %",
                True,
            ),
            ("Was training too short?", "0 % of the runs kept an epoch of the last quarter", False),
            ("Was training too long?", "33 % of a run's epochs came after the kept one (median)", False),
            ("How many runs diverged?", "1 of 2", True),
            ("Does every variant have as many runs?", "1 of each variant", False),
        ],
    )
