"""The small rules of advice, on tables and fakes: nothing here trains."""

import dataclasses
import functools
import types
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import lab.data
import lab.models
from lab.advice import advise, confirming, seconds_of
from lab.advice.answer import Advice, recommended_in, sentence_of, table_of
from lab.advice.arguments import training_for
from lab.advice.diagnosis import Diagnosis
from lab.advice.false_claims import FalseClaims, counted
from lab.advice.fresh_splits import check_tested, fresh_splits
from lab.advice.pace import Pace
from lab.advice.script import script_of
from lab.advice.space import factory_of, is_built, space_of, written
from lab.checks import DataError, UsageError
from lab.data import Dataset, Split
from lab.experiment import Experiment, Variant
from lab.regularization import Regularization
from lab.sweep.resumption import answered, forgotten, so_far
from lab.training import Training

DIGITS = functools.partial(lab.data.digits, train_size=60, validation_size=60, test_size=60)
F = np.float32
FITTING = Training(loss="softmax_cross_entropy", epochs=18)


def refusal(call, *arguments, error=UsageError, **named):
    with pytest.raises(error) as caught:
        call(*arguments, **named)
    return str(caught.value)


def comparison(*rows):
    columns = ("variant", "decision", "difference", "difference_low", "difference_high", "n")
    return pd.DataFrame(rows, columns=columns).assign(seeds_needed=0.0, diverged=0, against="none")


def runs(**losses):
    rows = [(name, seed, loss) for name, own in losses.items() for seed, loss in enumerate(own)]
    return pd.DataFrame(rows, columns=["variant", "seed", "test_data_loss"])


class TestAnswer:
    TABLE = table_of(
        comparison(
            ("a", "worse", 0.3, 0.2, 0.4, 5),
            ("b", "better", -0.1, -0.2, -0.05, 6),
            ("c", "not shown", 0.1, -0.1, 0.2, 7),
            ("d", "equivalent", 0.0, -0.01, 0.01, 8),
            ("e", "better", -0.2, -0.3, -0.1, 9),
        ),
        runs(none=[1.0, 2.0, 3.0, 4.0], e=[1.0, 3.0, 5.0, 8.0]),
        {"e": "one pass"},
    )

    def test_what_helps_comes_first_and_the_larger_difference_before_the_smaller(self):
        assert list(self.TABLE.columns) == [
            *("variant", "answer", "difference", "low", "high", "against", "seeds", "more_seeds", "skew", "costs")
        ]
        assert self.TABLE.iloc[:, :7].to_numpy().tolist() == [
            ["e", "helps", -0.2, -0.3, -0.1, "none", 9],
            ["b", "helps", -0.1, -0.2, -0.05, "none", 6],
            ["d", "equivalent", 0.0, -0.01, 0.01, "none", 8],
            ["c", "undecided", 0.1, -0.1, 0.2, "none", 7],
            ["a", "harms", 0.3, 0.2, 0.4, "none", 5],
        ]
        assert self.TABLE["skew"][0] == pytest.approx(0.7528, abs=1e-4)
        assert self.TABLE["skew"][1:].isna().all()
        assert list(self.TABLE.index) == [0, 1, 2, 3, 4]
        assert list(self.TABLE["costs"]) == ["one pass", "", "", "", ""]
        assert self.TABLE["more_seeds"].isna().tolist() == [True, True, True, False, True]

    def test_the_sentence_is_about_the_best(self):
        assert sentence_of(self.TABLE, 5, 60) == (
            "e helps: test data loss -0.2000 [-0.3000, -0.1000] against the plain model on 9 fresh seeds."
        )

    def test_an_answer_prints_its_sentences_and_its_table(self):
        diagnosis = Diagnosis("neither", 0.125, 0.25)
        advice = Advice("It helps.", diagnosis, self.TABLE.iloc[:1], {}, Path("x"), 1.0, {}, None)
        sentence, told, false, empty, header, row = str(advice).splitlines()
        assert (sentence, told, false, empty) == ("It helps.", str(diagnosis), str(counted()), "")
        assert header.split() == [
            "variant",
            "answer",
            "difference",
            "low",
            "high",
            "against",
            "seeds",
            "more_seeds",
            "skew",
            "costs",
        ]
        assert row.split() == ["e", "helps", "-0.2000", "-0.3000", "-0.1000", "none", "9", "0.7528", "one", "pass"]

    def test_of_differences_that_are_skewed_to_the_bad_side_it_says_so(self):
        table = self.TABLE.assign(skew=[1.25, 0, 0, 0, 0])
        assert sentence_of(table, 5, 60) == (
            "e helps: test data loss -0.2000 [-0.3000, -0.1000] against the plain model on 9 fresh seeds. But its "
            "differences are skewed (1.2): it loses much at a few seeds, and more such seeds may show that it does not "
            "help."
        )

    def test_a_better_learning_rate_of_the_plain_model_is_said(self):
        assert sentence_of(self.TABLE.iloc[2:3], 5, 60, 0.003) == (
            "Nothing is shown to help: of 5 families the best 1 were confirmed on fresh seeds (1 equivalent). The "
            "plain model is better at a learning rate of 0.003 than at that which validation chose."
        )

    def test_what_helps_is_recommended_and_otherwise_the_plain_model(self):
        assert recommended_in(self.TABLE, "none") == "e"
        assert recommended_in(self.TABLE.iloc[2:], "none") == "none"

    def test_of_what_is_undecided_and_looks_better_it_says_how_many_seeds_would_tell(self):
        rows = [("a", "not shown", -0.1, -0.2, 0.1, 7), ("b", "not shown", 0.1, -0.1, 0.2, 7)]
        made = comparison(*rows)
        made["seeds_needed"] = [11.2, 3.0]
        assert sentence_of(table_of(made), 5, 60) == (
            "Nothing is shown to help: of 5 families the best 2 were confirmed on fresh seeds (2 undecided). About 12 "
            "more seeds would tell of a."
        )
        made["seeds_needed"] = [np.nan, 3.0]
        assert sentence_of(table_of(made), 5, 60).endswith(
            "(2 undecided). On 60 test examples, no number of seeds is sure to tell of a; bring more."
        )
        # One that is undecided as it diverged at a seed is not to be helped by test examples.
        assert sentence_of(table_of(made.assign(diverged=1)), 5, 60).endswith("(2 undecided).")
        made["seeds_needed"] = [1000.0, 3.0]
        assert sentence_of(table_of(made), 5, 60).endswith("(2 undecided). More than 999 more seeds would tell of a.")
        made = comparison(("a", "not shown", 0.1, -0.2, 0.1, 7), ("b", "worse", 0.1, -0.1, 0.2, 7))
        assert sentence_of(table_of(made), 5, 60).endswith("(1 undecided, 1 harms).")


class TestFalseClaims:
    @pytest.mark.parametrize(
        ("counts", "said"),
        [
            ((0, 0, 0, 0), "How often such answers are wrong has not been counted."),
            (
                (20, 1, 0, 0),
                "Of 20 answers on planted tasks 1 said wrongly that something helps (95 % interval 1% to 24%); these "
                "are too few to know how often it happens.",
            ),
            (
                (100, 2, 20, 1),
                "Of 100 answers on planted tasks 2 said wrongly that something helps (95 % interval 1% to 7%); of 20 "
                "on tasks where nothing helps, 1 did (1% to 24%).",
            ),
        ],
    )
    def test_the_rate_is_said_with_its_interval_and_whether_it_rests_on_too_few(self, counts, said):
        assert str(FalseClaims(*counts)) == said

    def test_the_rate_is_what_the_benchmark_has_counted(self):
        from benchmarks.advice_truth import read_truth
        from benchmarks.advise import FOLDER, false_claims, read_repetitions, truths_of

        repetitions = read_repetitions(FOLDER)
        assert counted() == false_claims(repetitions, truths_of(repetitions, FOLDER, read_truth))


class TestArguments:
    def test_budgets_have_a_rule_and_a_remedy(self):
        assert seconds_of("999999.125s") == 999999.125
        assert refusal(seconds_of, "0.0m") == "budget must be a number above 0 with s, m or h, as '5m', got '0.0m'"
        assert refusal(seconds_of, 0) == "budget must be above 0 (it is the seconds that the advice may take), got 0"

    def test_a_model_is_a_path_or_a_factory_that_takes_regularization(self, tmp_path):
        assert factory_of(lab.models.dense) is lab.models.dense
        for path in (tmp_path / "m.keras", str(tmp_path / "m.keras")):
            made = factory_of(path)
            assert made.args == (tmp_path / "m.keras",)
            assert made.keywords == {"start": "fresh"}
        for other in (3, print, len):
            assert refusal(factory_of, other).startswith(
                "model must be a Keras model, the path of its .keras file, or a factory that takes regularization as "
                "lab.models.dense does, got "
            )

    def test_a_model_is_written_once_under_a_name_that_follows_from_its_content(self, tmp_path):
        import keras

        def model():
            keras.utils.clear_session(free_memory=False)
            inputs = keras.Input((2,))
            return keras.Model(inputs, keras.layers.Dense(1, kernel_initializer="ones")(inputs))

        first, again, other = model(), model(), model()
        other.layers[-1].kernel.assign([[1.0], [2.0]])
        assert [is_built(one) for one in (first, lab.models.dense, "m.keras", 3)] == [True, False, False, False]
        paths = [written(one, tmp_path) for one in (first, again, other)]
        assert paths[0] == paths[1] != paths[2]
        assert len(list(tmp_path.iterdir())) == 2
        assert keras.saving.load_model(paths[2]).get_weights()[0].tolist() == [[1.0], [2.0]]

    @pytest.mark.parametrize(
        ("arguments", "said"),
        [
            ({"margin": 0}, "margin must be above 0 (it is the smallest difference that matters), got 0"),
            ({"training": {}}, "training must be a Training, got {}"),
            ({"name": "../x"}, "names of experiments and variants become folders"),
        ],
    )
    def test_wrong_arguments_are_refused_before_anything_is_made(self, tmp_path, arguments, said):
        assert refusal(advise, lab.models.dense, DIGITS, results_folder=tmp_path, **arguments).startswith(said)
        assert list(tmp_path.iterdir()) == []

    def test_data_must_be_a_loader(self, tmp_path):
        assert refusal(advise, lab.models.dense, 3, results_folder=tmp_path) == (
            "data must be a loader, with functools.partial around it, got 3"
        )

    @pytest.mark.parametrize(
        ("classes", "y", "loss"),
        [
            (None, np.zeros(4, np.float32), "squared_error"),
            (("a", "b"), np.zeros(4, np.int32), "softmax_cross_entropy"),
            (("a", "b"), np.zeros((4, 2), np.float32), "binary_cross_entropy"),
        ],
    )
    def test_the_loss_fits_the_labels(self, classes, y, loss):
        data = types.SimpleNamespace(classes=classes, train=types.SimpleNamespace(y=y))
        assert training_for(data, lab.models.dense) == Training(epochs=100, patience=10, loss=loss)

    @pytest.mark.parametrize(("units", "loss"), [(1, "binary_cross_entropy"), (2, "softmax_cross_entropy")])
    def test_a_saved_model_of_one_output_takes_two_classes(self, monkeypatch, units, loss):
        model = types.SimpleNamespace(output_shape=(None, units))
        monkeypatch.setattr("lab.models.keras_file.load", lambda path: model)
        data = types.SimpleNamespace(classes=("a", "b"), train=types.SimpleNamespace(y=np.zeros(4, np.int32)))
        assert training_for(data, "model.keras").loss == loss
        data.classes = ("a", "b", "c")
        assert training_for(data, "model.keras").loss == "softmax_cross_entropy"


class TestFreshSplits:
    DATA = Dataset(
        "d",
        Split(np.arange(6, dtype=F)[:, None], np.arange(6, dtype=F)[:, None]),
        Split(np.arange(6, 10, dtype=F)[:, None], np.arange(6, 10, dtype=F)[:, None]),
        Split(np.arange(100, 160, dtype=F)[:, None], np.arange(100, 160, dtype=F)[:, None]),
        None,
    )

    def test_examples_stay_with_their_labels_and_each_split_has_its_size(self):
        for seed in (None, 20, 21, 22):
            made = fresh_splits(lambda: self.DATA, **({} if seed is None else {"seed": seed}))
            for split in (made.train, made.validation, made.test):
                np.testing.assert_array_equal(split.x, split.y)
            assert sorted([*made.train.y[:, 0], *made.validation.y[:, 0]]) == list(range(10))
            assert (len(made.train), len(made.validation)) == (6, 4)
            assert made.test is self.DATA.test
            assert (made.redrawn, made.test_parts) == ("training split", 24)

    def test_no_seed_is_the_first(self):
        made = [fresh_splits(lambda: self.DATA), *(fresh_splits(lambda: self.DATA, seed=s) for s in (1000, 1001))]
        np.testing.assert_array_equal(made[0].train.y, made[1].train.y)
        assert not np.array_equal(made[0].train.y, made[2].train.y)

    def test_weighted_examples_stay_where_they_are(self):
        data = dataclasses.replace(self.DATA, train=dataclasses.replace(self.DATA.train, weight=np.ones(6, F)))
        made = fresh_splits(lambda: data, seed=21)
        assert made.train is data.train
        assert made.validation is data.validation

    def test_fewer_than_fifty_are_refused(self):
        check_tested(types.SimpleNamespace(test=range(50)))
        assert refusal(check_tested, types.SimpleNamespace(test=range(49)), error=DataError) == (
            "advice must have at least 50 test examples, got 49"
        )


class TestConfirming:
    def confirmed(
        self,
        monkeypatch,
        tmp_path,
        decisions,
        most=12,
        until=float("inf"),
        margin: float | None = 0.125,
        needed=9.0,
        diverged=0,
    ):
        """Confirm two candidates, whose decisions at each look are given; return what was run and said."""
        ran, said = [], []

        def run(experiment, *, results_folder, margin, most_seeds, progress):
            (tmp_path / experiment.name).mkdir(exist_ok=True)
            ran.append((experiment, results_folder, margin, most_seeds))
            return tmp_path / experiment.name

        def read_tables(folder):
            now = decisions[min(len(ran), len(decisions)) - 1]
            rows = [(f"v{i}", decision, -0.5, -0.75, -0.25, 5) for i, decision in enumerate(now)]
            return types.SimpleNamespace(comparison=comparison(*rows).assign(seeds_needed=needed, diverged=diverged))

        monkeypatch.setattr(confirming, "run", run)
        monkeypatch.setattr("lab.results.tables.read_tables", read_tables)
        space = space_of(DIGITS, lab.models.dense, FITTING)
        chosen = [space.at(parts, -1) for parts in ([("dropout", 0.1)], [("L1 penalty", 1e-5)])]
        settings = confirming.variants_of([space.at((), -1)], chosen)
        arguments = {"most_seeds": most, "margin": margin, "until": until, "tried": 9, "results_folder": tmp_path}
        with forgotten():
            folder, _, compared = confirming.confirm(
                "mine", DIGITS, settings, ["none"], say=said.append, pace=Pace(lambda: 1.0), tested=60, **arguments
            )
        assert folder == tmp_path / "mine"
        assert compared["decision"].tolist() == list(decisions[min(len(ran), len(decisions)) - 1])
        return ran, said

    def test_seeds_are_added_until_each_candidate_is_decided(self, monkeypatch, tmp_path):
        ran, said = self.confirmed(monkeypatch, tmp_path, [("not shown", "worse"), ("better", "worse")])
        first, second = 5, 12
        assert [list(one.seeds) for one, *_ in ran] == [
            [*range(1000, 1000 + first)],
            [*range(1000, 1000 + second)],
        ]
        assert said == [
            f"confirmed on {first} fresh seeds: 1 of 2 candidates undecided",
            f"confirmed on {second} fresh seeds: 0 of 2 candidates undecided",
        ]
        experiment, *options = ran[0]
        assert options == [tmp_path, 0.125, 12]
        assert (experiment.name, experiment.baseline, experiment.redraw_data) == ("mine", "none", True)
        assert experiment.question == "Which regularizer helps this model on these data?"
        assert list(experiment.variants) == ["none", "dropout-0.1", "L1_penalty-1e-05"]
        assert (experiment.variants["none"].data.func, experiment.variants["none"].data.keywords) == (fresh_splits, {})
        assert (tmp_path / "mine" / "experiment.py").read_text().count("range(1000, ") == 1

    @pytest.mark.parametrize(
        ("margin", "needed", "diverged", "chance", "count"),
        [
            (None, np.nan, 0, 0.09, 24),
            (None, np.nan, 0, 0.11, 48),
            (None, np.nan, 0, np.nan, 48),
            (0.125, np.nan, 0, 0.09, 48),
            (None, 9.0, 0, 0.09, 48),
            (None, np.nan, 1, 0.09, 48),
        ],
    )
    def test_it_is_given_up_where_more_seeds_would_hardly_show_a_difference(
        self, monkeypatch, tmp_path, margin, needed, diverged, chance, count
    ):
        def chances(tables, compared, seeds):
            assert (compared["variant"].tolist(), seeds) == (["v0"], 48)
            return np.array([chance])

        monkeypatch.setattr(confirming, "chances", chances)
        decisions = [("not shown", "worse")]
        ran, said = self.confirmed(
            monkeypatch, tmp_path, decisions, most=48, margin=margin, needed=needed, diverged=diverged
        )
        assert len(ran[-1][0].seeds) == count
        given_up = "giving up on these: more seeds would hardly tell on 60 test examples"
        assert (said[-1] == given_up) == (given_up in said) == (count == 24)

    def test_the_first_look_is_reached_whatever_the_time_and_no_other(self, monkeypatch, tmp_path):
        ran, _ = self.confirmed(monkeypatch, tmp_path, [("not shown", "worse")], until=0.0)
        assert len(ran) == 1

    def test_where_nothing_is_decided_all_seeds_are_used(self, monkeypatch, tmp_path):
        ran, _ = self.confirmed(monkeypatch, tmp_path, [("not shown", "worse")], most=30)
        assert [len(one.seeds) for one, *_ in ran] == [5, 12, 24, 30]


def test_a_script_is_this_text():
    variants = {
        "none": Variant(data=DIGITS, model=lab.models.dense, training=Training(epochs=2)),
        "a": Variant(
            data=DIGITS,
            model=functools.partial(lab.models.dense, widths=(8,), regularization=Regularization(l1=0.01)),
            training=Training(epochs=2, learning_rate=3e-3, patience=None, loss="softmax_cross_entropy"),
        ),
        "saved": Variant(
            data=DIGITS,
            model=functools.partial(lab.models.saved, Path("ä.keras"), start="fresh"),
            training=Training(epochs=2),
        ),
    }
    experiment = Experiment(name="x", question="Which?", variants=variants, baseline="none", seeds=(4, 5, 6))
    assert script_of(experiment, Path("results/x/experiment.py")) == SCRIPT


SCRIPT = '''"""Which?

The confirmation that `python -m lab advise` ran; from the folder in which it ran, nothing is trained again:

    python -m lab run results/x/experiment.py
"""

from functools import partial
from pathlib import Path

from lab import Experiment, Regularization, Training, Variant
from lab.cli import main
from lab.data import digits
from lab.models import dense, saved

EXPERIMENT = Experiment(
    name="x",
    variants={
        "none": Variant(
            data=partial(digits, train_size=60, validation_size=60, test_size=60),
            model=dense,
            training=Training(epochs=2),
        ),
        "a": Variant(
            data=partial(digits, train_size=60, validation_size=60, test_size=60),
            model=partial(dense, widths=(8,), regularization=Regularization(l1=0.01)),
            training=Training(learning_rate=0.003, epochs=2),
        ),
        "saved": Variant(
            data=partial(digits, train_size=60, validation_size=60, test_size=60),
            model=partial(saved, Path("ä.keras"), start="fresh"),
            training=Training(epochs=2),
        ),
    },
    baseline="none",
    seeds=range(4, 7),
    question="Which?",
)

if __name__ == "__main__":
    main(EXPERIMENT)
'''


def test_the_answer_so_far_outlives_an_interruption_and_nothing_else():
    for error, left in ((KeyboardInterrupt, "half an answer\n"), (UsageError, ""), (None, "")):
        try:
            with forgotten():
                so_far("half an answer")
                if error:
                    raise error
        except (KeyboardInterrupt, UsageError):
            pass
        assert answered() == left
    so_far("")
