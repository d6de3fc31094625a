"""The benchmark of advice: its tasks, its fresh points, its budgets and its figures."""

import json

import numpy as np
import pytest

from benchmarks import advice_data, advice_truth
from benchmarks.advice_table import BEGIN, between, by_task, markdown, rows, wilson
from benchmarks.advice_tasks import TASKS, drawn, planted
from benchmarks.advice_truth import Truth, every_setting, read_truth, space_for
from benchmarks.advice_tuners import SpentError, Trials
from benchmarks.advise import FOLDER, README, chosen_in, false_claims, following, read_repetitions, truths_of
from lab.advice.false_claims import FalseClaims
from lab.checks import DataError

PLAIN, GOOD, POOR = ((), 1), ((("dropout", 0.5),), 1), ((("L1 penalty", 0.1),), 1)


@pytest.mark.parametrize("kind", TASKS)
def test_a_sample_of_a_task_is_one_law_drawn_anew(kind):
    first, again, other = (planted(kind=kind, rows=200, seed=seed) for seed in (1, 1, 2))
    assert first.fingerprint == again.fingerprint != other.fingerprint
    assert (len(first.train), len(first.validation), len(first.test)) == (200, 100, 1200)


def test_one_example_in_50_is_of_the_rare_class():
    assert np.mean(drawn("g", 100_000, 0)[1]) == pytest.approx(0.02, abs=0.002)


def test_trials_end_with_the_budget_and_the_best_so_far_is_kept():
    trials = Trials({GOOD: [0.9, 0.5], POOR: [0.8, 0.7, 0.6]}, budget=6)
    assert [trials.try_out(key) for key in (POOR, GOOD)] == [0.6, 0.5]
    with pytest.raises(SpentError):
        trials.try_out(GOOD)
    assert trials.found == [(1, 3, POOR), (2, 5, GOOD)]
    assert trials.within(lambda _, spent: spent, 4) == (1, 3, POOR)
    assert trials.within(lambda trial, _: 10 * trial, 5) is None


def test_a_claim_that_fresh_points_deny_is_false_and_a_regret_is_a_share_of_the_plain_loss():
    spread = np.array([-0.001, 0.0, 0.001])
    known = {PLAIN: 0 * spread, GOOD: -0.2 + spread, POOR: 0.1 + spread}
    truth = Truth(PLAIN, 2.0, known, known)
    assert truth.helping == {"dropout"}
    others = {
        f"{name}": {"same epochs": (3, 90, POOR), "same seconds": (1, 30, GOOD)}
        for name in ("KerasTuner random", "KerasTuner Hyperband", "KerasTuner Bayesian", "Optuna TPE")
    }
    one = {"task": "b", "rows": 200, "plain": PLAIN, "by validation": POOR, "others": others}
    right = one | {"said": [(GOOD, "helps")], "checked": [[*GOOD, -0.2, 0.01]]}
    wrong = one | {"said": [(POOR, "helps")], "checked": [[*POOR, 0.1, 0.01]]}
    null = Truth(PLAIN, 2.0, known, {PLAIN: 0 * spread, POOR: 0.1 + spread})
    truths = {("b", 200): truth, ("e", 600): null}
    assert false_claims([right, wrong, right | {"task": "e", "rows": 600}], truths) == FalseClaims(3, 1, 1, 0)
    assert false_claims([right, wrong | {"task": "e", "rows": 600}], truths) == FalseClaims(2, 1, 1, 1)
    # As they are read from the file.
    read = json.loads(json.dumps([right, wrong]))
    assert chosen_in(read[0]) == {PLAIN, POOR, GOOD}
    table = {row[0]: row[1:] for row in rows(read, {("b", 200): truth})}
    assert table["advice"][:2] == [wilson(1, 2), wilson(1, 2)]
    assert table["advice"][3] == wilson(1, 2)
    assert table["plain model"][2] == "10.0 % [10.0, 10.0]"
    assert table["Optuna TPE, same epochs"][2:] == ["15.0 % [15.0, 15.0]", wilson(2, 2), "2", "3"]
    assert table["Optuna TPE, same seconds"][1] == wilson(2, 2)
    # The Bayesian search is tried on the first samples only.
    del read[1]["others"]["KerasTuner Bayesian"]
    table = {row[0]: row[1:] for row in rows(read, {("b", 200): truth})}
    assert [table["KerasTuner Bayesian, same epochs"][4], table["Optuna TPE, same epochs"][4]] == ["1", "2"]


def test_a_setting_that_differs_by_little_is_equivalent_and_so_is_one_that_is_not_shown_to():
    spread = np.array([-0.001, 0.0, 0.001])
    noisy = 0.04 + np.array([-0.1, 0.0, 0.1])
    other = ((("L2 penalty", 0.1),), 0)
    unsure = ((("L1 penalty", 0.1),), 0)
    known = {PLAIN: 0 * spread, GOOD: -0.2 + 0 * spread}
    for worse, helping in ((0.019, {"dropout", "L2 penalty"}), (0.021, {"dropout"})):
        fine = known | {other: known[GOOD] + worse + spread / 10}
        assert Truth(PLAIN, 2.0, fine, fine).helping == helping
    fine = known | {unsure: known[GOOD] + noisy}
    assert Truth(PLAIN, 2.0, fine, fine).helping == {"dropout", "L1 penalty"}
    little = {PLAIN: 0 * spread, GOOD: -0.019 + spread / 10}
    assert Truth(PLAIN, 2.0, little, little).helping == set()


def test_combinations_are_counted_together_in_the_table_of_tasks():
    both, spread = ((("dropout", 0.5), ("L1 penalty", 0.1)), 1), np.array([-0.001, 0.0, 0.001])
    known = {PLAIN: 0 * spread, GOOD: -0.2 + spread, both: -0.2 + spread, POOR: -0.1 + spread}
    helps = [{"task": "b", "rows": 200, "said": [(key, "helps")], "checked": []} for key in (both, POOR, GOOD, GOOD)]
    (row,) = by_task(helps, {("b", 200): Truth(PLAIN, 2.0, known, known)})
    assert row[3] == "dropout, 1 combination (10.0%)"
    # The first, the third and the fourth answer name a family that helps most.
    assert row[4] == "3"
    assert row[5] == "dropout 2, L1 penalty 1, combinations 1"
    nothing = dict.fromkeys(known, 0 * spread)
    (row,) = by_task(helps, {("b", 200): Truth(PLAIN, 2.0, nothing, nothing)})
    assert row[4] == "-"


def test_the_readme_has_the_tables_of_what_was_counted():
    repetitions = read_repetitions(FOLDER)
    tables = markdown(repetitions, truths_of(repetitions, FOLDER, read_truth))
    text = README.read_text(encoding="utf-8")
    assert between(text, tables) == text
    assert text.count(BEGIN) == 1


def test_the_readme_has_the_table_of_real_data():
    text, found = README.read_text(encoding="utf-8"), advice_data.read_found()
    assert between(text, advice_data.markdown(found), advice_data.BEGIN) == text
    assert text.count(advice_data.BEGIN) == 1


def test_what_is_shown_later_stands_beside_what_was_said():
    said = [["a", "helps", -0.25, -0.5, -0.125, 8], ["b", "undecided", -0.25, -0.5, 0.25, 8]]
    further = {"a": ["worse", 0.5, 0.25, 0.75], "b": ["better", -0.5, -0.75, -0.25]}
    one = {"data": "wine", "model": "16", "verdict": "memorizes", "said": said, "further": further}
    assert advice_data.rows_of(one) == [
        ["wine", "16", "memorizes", "helps", "a", "-0.250 [-0.500, -0.125] (8)", "worse +0.500 [+0.250, +0.750]"],
        ["", "", "", "undecided", "b", "-0.250 [-0.500, +0.250] (8)", "better -0.500 [-0.750, -0.250]"],
    ]
    assert advice_data.summary([one, one | {"said": said[:1]}]) == (
        "2 models: 2 times a candidate was said to help, and the further seeds show it better in 0 of them and worse "
        "in 2; of 1 other candidates they show 1 better and 0 worse."
    )


def test_a_truth_of_other_settings_is_not_read(tmp_path):
    file = tmp_path / "truth-c-200.json"
    file.write_text((FOLDER / file.name).read_text().replace('"epochs": 40', '"epochs": 41'))
    with pytest.raises(DataError) as refused:
        read_truth(TASKS["c"], 200, tmp_path)
    assert str(refused.value) == (
        f"{file} must hold the truth of the task as it is now; python -m benchmarks.advise measures it"
    )


def test_a_repetition_that_was_taken_out_is_made_again():
    assert following([]) == 1
    assert following([{"sample": sample} for sample in (4, 1, 2)]) == 3


def test_wilsons_interval_of_no_error_in_20():
    assert wilson(0, 20) == "0% [0%, 16%] (0 of 20)"
    assert wilson(0, 0) == "-"


@pytest.mark.parametrize(
    ("best", "rates"), [(0, range(-2, 5)), (6, range(-2, 8)), (-3, range(-4, 5)), (99, range(-2, 10))]
)
def test_the_plain_model_is_tried_at_further_rates_while_the_best_is_at_their_end(monkeypatch, best, rates):
    asked = []

    def losses(kind, variants, seeds):
        asked.extend(rate for _, rate in variants)
        return {key: np.full(3, abs(key[1] - best)) for key in variants}

    monkeypatch.setattr(advice_truth, "losses", losses)
    found = advice_truth._plain_at_its_rates(TASKS["c"], space_for(TASKS["c"], 200))
    assert sorted(rate for _, rate in found) == sorted(asked) == list(rates)


def test_a_rate_of_the_plain_model_that_was_chosen_may_be_the_best_of_all(monkeypatch, tmp_path):
    monkeypatch.setattr(
        advice_truth,
        "losses",
        lambda kind, variants, seeds: {
            key: np.full(len(seeds), 1.0 - (key == ((), 9)) if not key[0] else 0.5) for key in variants
        },
    )
    assert advice_truth.truth(TASKS["c"], 200, tmp_path).plain != ((), 9)
    known = advice_truth.truth(TASKS["c"], 200, tmp_path, [((), 9)])
    assert (known.plain, known.loss) == (((), 9), 0.0)
    assert known.difference(next(key for key in known.rough if key[0])) == 0.5
    assert advice_truth.truth(TASKS["c"], 200, tmp_path).plain == ((), 9)


def test_all_settings_are_at_the_rates_around_the_plain_models_and_penalties_around_their_balance():
    space = space_for(TASKS["c"], 200)
    made = every_setting(space, 2)
    assert {rate for parts, rate in made if parts} == {1, 2, 3}
    assert {rate for parts, rate in made if not parts} == {-2, -1, 0, 1, 2, 3, 4}
    assert space.strengths["L2 penalty"] == (1e-3, 1e-2, 0.1, 1.0, 10.0)
    assert space.strengths["dropout"] == (0.1, 0.25, 0.5)
    assert {rate for parts, rate in every_setting(space, 4) if not parts} == {-2, -1, 0, 1, 2, 3, 4, 5}
    assert len(made) == 7 + 3 * sum(map(len, space.strengths.values()))
