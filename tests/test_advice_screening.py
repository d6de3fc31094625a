"""What advice tries before it confirms: settings, first strengths, trials, combinations. Little trains here."""

import functools
import itertools
import math
import types

import numpy as np
import pytest

import lab.data
import lab.models
from lab.advice import balance, combining, screening
from lab.advice.combining import combine, search_of
from lab.advice.confirming import Size
from lab.advice.diagnosis import Diagnosis
from lab.advice.pace import Batch
from lab.advice.screening import best_so_far, candidates, found_in, plain_to_confirm, screen, shortlist, tune_plain
from lab.advice.screening_file import identity_of, recall, remember
from lab.advice.space import PLAIN, RATES_OF_PLAIN, space_of
from lab.advice.trials import Trials, lowest
from lab.checks import UsageError
from lab.training import Training

DIGITS = functools.partial(lab.data.digits, train_size=60, validation_size=60, test_size=60)
FITTING = Training(loss="softmax_cross_entropy", epochs=16)
F = np.float32


def space(*families, training=FITTING, **more):
    return space_of(DIGITS, lab.models.dense, training, families=families or None, **more)


def silent(sentence):
    return None


@pytest.fixture
def training(monkeypatch):
    """Replace what trains: `losses(setting, seed, epoch)` is a validation loss. Calls and epochs are written down."""

    def replaced(losses, failing=()):
        calls, lengths = [], {}

        def train(variants, *, seeds, redraw_data, leave):
            from lab.sweep.progress import listening

            keys = [(place, seed) for place in variants for seed in seeds]
            settings = {place: setting_of(variant) for place, variant in variants.items()}
            calls.append([settings[place] for place in variants])
            for place, (family, _, _) in settings.items():
                if family in failing:
                    listening().on_failure(types.SimpleNamespace(variant=str(place)), "it is for images")
            live = {key: [] for key in keys if settings[key[0]][0] not in failing}
            for epoch in range(1, 17):
                for (place, seed), rows in live.items():
                    loss = losses(*settings[place], seed, epoch)
                    rows.append({"epoch": epoch, "val_data_loss": loss, "train_data_loss": 0.0})
                    lengths[settings[place], seed] = epoch
                for key in leave(list(live), epoch, list(live.values())) if live else ():
                    del live[key]
            if failing and any(family in failing for family, _, _ in settings.values()):
                raise UsageError("some have failed")

        monkeypatch.setattr("lab.advice.trials.train", train)
        return calls, lengths

    return replaced


def setting_of(variant):
    """Return the field, the strength and the steps of the learning rate of a variant."""
    step = round(math.log(variant.training.learning_rate / 1e-3, 3))
    if isinstance(variant.model, functools.partial):
        found = variant.model.keywords["regularization"]
        name = next(name for name in ("l1", "l2", "dropout") if getattr(found, name))
        return name, getattr(found, name), step
    smoothing = variant.training.label_smoothing
    return ("label_smoothing", smoothing, step) if smoothing else (PLAIN, None, step)


class TestSpace:
    def test_a_setting_is_named_for_its_families_and_strengths(self):
        one = space().at([("L2 penalty", 0.1), ("label smoothing", 0.2)], 1)
        assert one.family == "L2 penalty + label smoothing"
        assert one.label == "L2 penalty 0.1 + label smoothing 0.2"
        assert one.name == "L2_penalty-0.1+label_smoothing-0.2"
        assert one.variant.training.learning_rate == 3e-3
        assert one.variant.training.label_smoothing == 0.2
        assert one.variant.model.keywords["regularization"].l2 == 0.1
        plain = space().at((), 0)
        assert (plain.family, plain.name, plain.label) == ("none", "none", "the plain model")
        assert plain.variant.model is lab.models.dense

    def test_every_name_can_be_that_of_a_folder(self):
        from lab.study import folder_name

        one = space(images=True)
        for family, strengths in one.strengths.items():
            assert folder_name("x", one.at([(family, strengths[0])], 0).name)

    def test_every_strength_of_a_family_is_tried_at_the_same_rates(self):
        one = space()
        assert {"L1 penalty", "dropout", "label smoothing", "mixup", "moving average of the weights (EMA)"} <= set(
            one.families
        )
        for family, strengths in one.strengths.items():
            made = [(setting.parts[0][1], setting.rate) for setting in one.first(family, [1, 2, 3])]
            assert made == [(strength, rate) for strength in strengths for rate in (1, 2, 3)]

    def test_a_family_that_does_not_go_with_the_loss_is_not_in_the_space(self):
        assert "label smoothing" not in space(training=Training(loss="squared_error")).families

    def test_only_the_families_that_are_named_are_in_the_space_and_images_are_augmented(self):
        assert list(space("dropout").families) == ["dropout"]
        assert "random shifts (crops)" not in space().families
        images = space(images=True).families
        assert {"random shifts (crops)", "cutout", "TrivialAugment"} <= set(images)
        assert set(images) - set(space(images=True, pixels=False).families) == {"TrivialAugment"}
        assert "spatial dropout" not in images
        with pytest.raises(UsageError) as refused:
            space("drop-out")
        fitting = ", ".join(f"{name!r}" for name in space().families)
        assert str(refused.value) == f"families must be one of {fitting}, got 'drop-out'; did you mean 'dropout'?"

    @pytest.mark.parametrize(
        ("strengths", "best", "further"),
        [
            ((0.001, 0.01, 0.1), 0.1, 1.0),
            ((0.001, 0.01, 0.1), 0.001, 1e-4),
            ((0.001, 0.01, 0.1), 0.01, None),
            ((1.0, 29.9), 29.9, None),
            ((1.0,), 1.0, None),
            ((0.003, 0.1), 0.1, 3.33),
            ((0.001, 0.01, 0.1, 0.5), 0.5, 2.5),
        ],
        ids=str,
    )
    def test_strengths_grow_by_their_own_step_beyond_the_end_where_the_best_is(self, strengths, best, further):
        one = space("L2 penalty")
        tried = [one.at([("L2 penalty", strength)], rate) for strength in strengths for rate in (-1, 0, 1)]
        made = one.beyond(one.at([("L2 penalty", best)], 0), tried)
        assert [setting.parts[0][1] for setting in made] == ([further] * 3 if further else [])
        assert [setting.rate for setting in made] == ([-1, 0, 1] if further else [])

    @pytest.mark.parametrize(("best", "further"), [(-1, [-2]), (0, []), (1, [2])])
    def test_rates_grow_at_the_best_strength_beyond_the_end_where_the_best_is(self, best, further):
        one = space("dropout")
        tried = one.first("dropout", [-1, 0, 1])
        made = one.beyond(one.at([("dropout", 0.25)], best), tried)
        assert [(setting.parts, setting.rate) for setting in made] == [((("dropout", 0.25),), rate) for rate in further]
        plain = one.beyond(one.at((), best), one.first(PLAIN, [-1, 0, 1]))
        assert [(setting.parts, setting.rate) for setting in plain] == [((), rate) for rate in further]

    def test_rates_of_dropout_have_natural_ends(self):
        one = space("dropout")
        assert one.beyond(one.at([("dropout", 0.5)], 0), one.first("dropout", [-1, 0, 1])) == []


class TestBalance:
    def test_an_l2_penalty_balances_data_whose_gradient_is_known(self, monkeypatch):
        """One linear layer of zeros but one weight: the gradients follow from their formulas."""
        import keras

        from lab.data import Dataset, Split

        x = np.eye(4, 2, dtype=F)
        y = np.array([[1.0], [2.0], [0.0], [0.0]], F)
        data = Dataset("d", Split(x, y), Split(x + 5, y), Split(x + 9, y), None)

        def model(input_shape, outputs, *, regularization=lab.regularization.NONE, seed=0):
            inputs = keras.Input(input_shape)
            l2 = keras.regularizers.L2(regularization.l2) if regularization.l2 else None
            made = keras.Model(inputs, keras.layers.Dense(outputs, name="output", kernel_regularizer=l2)(inputs))
            made.layers[-1].kernel.assign([[3.0], [4.0]])
            return made

        training = Training(loss="squared_error", optimizer="sgd")
        one = space_of(lambda: data, model, training, families=["L2 penalty", "decoupled weight decay"])
        # The mean of (y - w x)**2 has the gradient 2/4 * (w - y) = (1, 1) for the two rows that count; 2 w is (6, 8).
        asked = []
        monkeypatch.setattr(balance, "_ratio", lambda some, others: asked.append((some, others)) or 0.05)
        found = balance.balances(one)
        assert found == {"L2 penalty": 0.1, "decoupled weight decay": 0.1}
        (data_1, penalty), (data_2, weights) = [[np.ravel(each[0]) for each in pair] for pair in asked]
        np.testing.assert_allclose(data_1, [1.0, 1.0], rtol=1e-6)
        np.testing.assert_allclose(penalty, [6.0, 8.0], rtol=1e-6)
        np.testing.assert_allclose(data_2, [1.0, 1.0], rtol=1e-6)
        np.testing.assert_allclose(weights, [3.0, 4.0])

    def test_the_ratio_is_that_of_lengths_over_all_weights(self):
        some, others = [np.array([3.0]), np.array([[4.0]])], [np.array([0.0]), np.array([[0.5]])]
        assert balance._ratio(some, others) == 10.0
        assert balance._ratio(some, [np.zeros(2)]) == 0.0

    def test_penalties_of_a_net_begin_around_their_balance_and_other_families_where_the_table_says(self):
        one = space("L1 penalty", "L2 penalty", "L2 towards the start", "dropout", "decoupled weight decay")
        found = balance.balances(one)
        assert set(found) == set(one.families) - {"dropout"}
        assert found["L2 penalty"] == found["L2 towards the start"]
        rows = balance.around(one, found)
        assert rows["dropout"] == one.strengths["dropout"]
        for family, at in found.items():
            assert rows[family] == pytest.approx((at / 10, at, at * 10))
            assert math.log10(at) == round(math.log10(at))


class TestTrials:
    def test_half_of_a_family_goes_on_and_then_a_quarter(self, training):
        _, lengths = training(lambda family, strength, step, seed, epoch: (strength or 1) * 3.0**step / epoch)
        trials, one = Trials(), space("dropout")
        trials.train([*one.first("dropout", [-1, 0, 1]), *one.first(PLAIN, [0, 1])])
        ends = {(strength, step): epochs for ((family, strength, step), _), epochs in lengths.items() if strength}
        assert sorted(ends.values()) == [4] * 4 + [8] * 2 + [16] * 3
        assert ends[0.1, -1] == ends[0.25, -1] == ends[0.1, 0] == 16
        assert [lengths[("none", None, step), 0] for step in (0, 1)] == [16, 4]
        assert trials.best("dropout").setting == one.at([("dropout", 0.1)], -1)

    def test_what_is_known_is_not_trained_again(self, training):
        calls, _ = training(lambda *_: 1.0)
        trials, one = Trials(), space("dropout")
        trials.train(one.first("dropout", [0]))
        trials.train(one.first("dropout", [0, 1]))
        assert [len(call) for call in calls] == [3, 3]
        trials.train(one.first("dropout", [0, 1]))
        assert len(calls) == 2

    def test_settings_that_train_later_are_compared_at_the_same_epoch(self, monkeypatch):
        """Structures train one after the other, and those that have trained to their end have lower losses."""
        one, asked = space("normalization"), []

        def train(variants, *, seeds, redraw_data, leave):
            first = [{"val_data_loss": 1 / epoch} for epoch in range(1, 17)]
            for epoch in range(1, 17):
                leave([(0, 0)], epoch, [first[:epoch]])
            for loss in (0.11, 0.2):
                asked.append(leave([(1, 0)], 8, [[{"val_data_loss": loss}] * 8]))

        monkeypatch.setattr("lab.advice.trials.train", train)
        Trials().train(one.first("normalization", [0]))
        assert asked == [[], [(1, 0)]]

    def test_the_time_ends_training_and_what_has_trained_counts(self, training):
        _, lengths = training(lambda *_: 0.5)
        times = itertools.chain([0.0, 1.0, 2.0], itertools.repeat(3.0))
        trials, one = Trials(until=2.5, clock=lambda: next(times)), space("dropout")
        trials.train(one.first("dropout", [0]))
        assert trials.is_over
        assert set(lengths.values()) == {3}
        assert trials.best("dropout").loss == 0.5
        assert trials.cut == set(trials.known)
        trials.train(one.first("dropout", [1]))
        assert len(trials.known) == 3
        trials.begin(9.0)
        trials.train(one.first("dropout", [0, 1])[1:2])
        assert len(trials.known) == 4

    def test_a_family_that_fails_is_left_out_and_a_failure_of_all_is_raised(self, training, monkeypatch):
        training(lambda *_: 0.5, failing=("dropout",))
        trials, one = Trials(), space("dropout", "L2 penalty")
        trials.train([*one.first("dropout", [0]), *one.first("L2 penalty", [0])])
        assert trials.reasons == {"dropout": "it is for images"}
        assert trials.families() == ["L2 penalty"]

        def refuse(variants, *, seeds, redraw_data, leave):
            raise UsageError("no data")

        monkeypatch.setattr("lab.advice.trials.train", refuse)
        with pytest.raises(UsageError, match="no data"):
            trials.train(one.first("L2 penalty", [1]))

    def test_the_lowest_loss_is_that_of_a_number(self):
        assert lowest([{"val_data_loss": value} for value in (0.5, np.nan, 0.25, np.inf, 0.75)]) == 0.25
        assert lowest([{"val_data_loss": np.nan}]) == np.inf
        assert lowest([]) == np.inf


AGAIN = "training the {} best settings again, and the plain model at learning rates 0.001, each on 4 new splits"


class TestScreening:
    def test_the_plain_models_rates_go_on_while_the_best_lies_at_their_end(self, training):
        calls, _ = training(lambda family, strength, step, seed, epoch: abs(step - 4) + 1.0)
        said, trials = [], Trials()
        assert tune_plain(space(), trials, said.append).rate == 4
        assert [[step for _, _, step in call] for call in calls] == [[-2, -1, 0, 1, 2], [3], [4], [5]]
        assert said[0] == "the plain model is best at the end of its learning rates: going on to 0.027"

    def test_the_plain_models_rate_is_that_of_the_mean_over_three_seeds(self, training):
        training(lambda family, strength, step, seed, epoch: abs(step) + (9.0 if seed and step == 0 else 1.0))
        assert tune_plain(space(), Trials(), silent).rate == -1

    def test_the_plain_model_trains_to_its_end_at_every_rate(self, training):
        _, lengths = training(lambda family, strength, step, seed, epoch: abs(step) + 1.0)
        tune_plain(space(), Trials(), silent)
        assert set(lengths.values()) == {16}
        assert len(lengths) == 15

    def test_families_are_tried_around_the_plain_models_rate_and_go_on_beyond_their_ends(self, training):
        calls, _ = training(
            lambda family, strength, step, seed, epoch: abs(math.log10(strength or 1)) + abs(step - 4) / 10 + 1
        )
        trials = Trials()
        said = []
        screen(space("L2 penalty"), 2, trials, said.append)
        assert [(strength, step) for _, strength, step in calls[0]] == [
            (strength, step) for strength in (1e-4, 1e-3, 1e-2) for step in (1, 2, 3)
        ]
        assert {(strength, step) for _, strength, step in calls[1]} == {(1e-2, 4), (0.1, 2), (0.1, 3)}
        assert trials.best("L2 penalty").setting.parts == (("L2 penalty", 1.0),)
        assert said[0] == ("going on beyond the strengths or learning rates at whose end the best of L2 penalty is")

    def test_without_an_epoch_of_the_plain_model_there_is_nothing_to_compare_with(self, monkeypatch):
        monkeypatch.setattr("lab.advice.trials.train", lambda variants, *, seeds, redraw_data, leave: None)
        with pytest.raises(UsageError) as refused:
            tune_plain(space(), Trials(), silent)
        assert str(refused.value) == (
            "the plain model must be trained before others can be compared with it, but: the budget ended before its "
            "first epoch; raise it"
        )

    def test_what_was_found_is_said_family_by_family_and_what_was_not_has_a_reason(self, training):
        training(lambda family, strength, step, seed, epoch: 0.25 if strength else 0.5, failing=("l1",))
        one, trials, said = space("dropout", "L1 penalty", "L2 penalty"), Trials(), []
        plain = tune_plain(one, trials, silent)
        trials.train([*one.first("dropout", [0]), *one.first("L1 penalty", [0])])
        found, left_out = found_in(one, plain, trials, said.append)
        assert list(found) == ["none", "dropout"]
        assert said == [
            "6 settings of none: validation loss 0.5 of the plain model at rate 0.00011",
            "3 settings of dropout: validation loss 0.25 of dropout 0.1 at rate 0.001",
        ]
        assert left_out == {
            "L1 penalty": "does not apply: it is for images",
            "L2 penalty": "not tried: the budget of the screening was spent",
        }

    def test_at_most_one_combination_is_a_candidate(self):
        one = space("dropout", "L1 penalty", "L2 penalty")
        parts = [("dropout", 0.1), ("L1 penalty", 1e-4), ("L2 penalty", 1e-3)]
        settings = [one.at(some, 0) for some in ((), parts[:2], parts[1:], parts[:1], parts[2:], parts[1:2])]
        assert candidates(settings[1:], 3) == [settings[1], settings[3], settings[4]]

    def test_the_shortlist_has_the_order_of_other_seeds_than_those_that_chose_it(self, training):
        losses = {("dropout", 0): 0.1, ("dropout", 10): 0.6, ("l1", 0): 0.2, ("l1", 10): 0.5}
        training(lambda family, strength, step, seed, epoch: losses.get((family, min(seed, 10)), 0.4))
        one, trials, said = space("dropout", "L1 penalty", "L2 penalty"), Trials(), []
        best = [one.first(family, [0])[0] for family in ("L2 penalty", "dropout", "L1 penalty")]
        trials.train([one.at((), 0), *best])
        found = {each.family: trials.known[each.parts, each.rate, 0] for each in (one.at((), 0), *best)}
        assert shortlist(one, found, trials, said.append) == [best[0], best[2], best[1]]
        assert said == [AGAIN.format(3)]
        assert {seed for _, _, seed in trials.known} == {0, 10, 11, 12, 13}
        # A shortlist that was cut short says nothing, in this command or in the one that goes on from it.
        trials.cut.add((best[0].parts, 0, 12))
        assert shortlist(one, found, trials, silent) == [best[1], best[2], best[0]]

    def test_the_shortlist_has_the_best_settings_of_each_family_and_keeps_the_one_that_is_best_again(self, training):
        # The first seed takes weaker dropout for better, the others stronger one; the fourth setting is left out.
        training(
            lambda family, strength, step, seed, epoch: (
                {"dropout": 0.3, "l1": 0.35}.get(family, 0.5) + (strength or 0) * (1 if seed == 0 else -1) / 10
            )
        )
        one, trials, said = space("dropout", "L1 penalty"), Trials(), []
        settings = [one.at([("dropout", strength)], 0) for strength in (0.1, 0.2, 0.3, 0.4)]
        trials.train([one.at((), 0), *settings, one.at([("L1 penalty", 1e-4)], 0)], halving=False)
        found = {family: trials.best(family) for family in ("none", "dropout", "L1 penalty")}
        assert found["dropout"].setting == settings[0]
        assert shortlist(one, found, trials, said.append) == [settings[2], one.at([("L1 penalty", 1e-4)], 0)]
        assert said == [AGAIN.format(4)]
        # The same command after a kill knows them, however many there would be time for.
        trials.pace.batches.append(Batch(1, 1, 1e9, 1e9, 1, 1))
        trials.until, trials.is_closed = 0.0, True
        assert shortlist(one, found, trials, silent) == [settings[2], one.at([("L1 penalty", 1e-4)], 0)]

    def test_the_shortlist_decides_at_which_rates_the_plain_model_is_confirmed(self, training):
        # The seeds that tune take a higher rate for the best, the others a lower one; dropout has one of its own.
        training(
            lambda family, strength, step, seed, epoch: (
                0.5 + abs(step - 3) / 100 if strength else 0.6 + abs(step + (0.6 if seed >= 10 else -0.6)) / 100
            )
        )
        one, trials, said = space("dropout"), Trials(), []
        trials.train([one.at((), step) for step in RATES_OF_PLAIN], seeds=(0, 1, 2), halving=False)
        trials.train([one.at([("dropout", 0.1)], step) for step in (2, 3)], halving=False)
        assert [setting.rate for setting in plain_to_confirm(trials)] == [1, 0]
        found = {family: trials.best(family) for family in ("none", "dropout")}
        shortlist(one, found, trials, said.append)
        assert said == [
            "training the 2 best settings again, and the plain model at learning rates 0.001, 0.003, 0.009, 0.027, "
            "each on 4 new splits"
        ]
        assert [setting.rate for setting in plain_to_confirm(trials)] == [0, 1]
        # The same command after a kill tunes it as before.
        assert tune_plain(one, trials, silent).rate == 1

    @pytest.mark.parametrize(("seconds", "count"), [(49, 4), (48, 3), (41, 3), (40, 2), (0, 2)])
    def test_the_shortlist_is_as_long_as_there_is_time(self, training, seconds, count):
        training(lambda family, strength, step, seed, epoch: 0.5)
        one, said = space("dropout", "L1 penalty"), []
        trials = Trials(clock=lambda: 0.0)
        settings = [one.at([("dropout", strength)], 0) for strength in (0.1, 0.2, 0.3)]
        trials.train([one.at((), 0), *settings, one.at([("L1 penalty", 1e-4)], 0)], halving=False)
        # A program takes 8.5 s, and each of its runs two.
        trials.pace.batches[:] = [Batch(runs, 1, 8.5, 2.0 * runs, 1, runs) for runs in (3, 4)]
        trials.until = seconds
        found = {family: trials.best(family) for family in ("none", "dropout", "L1 penalty")}
        shortlist(one, found, trials, said.append)
        assert said == [AGAIN.format(count)]

    def test_the_best_answer_so_far_is_ready_at_any_moment(self, training):
        training(lambda family, strength, step, seed, epoch: 0.6 if strength else 0.7)
        one, trials, said = space("dropout"), Trials(), []
        trials.on_epoch = lambda: said.append(best_so_far(trials))
        trials.train(one.first(PLAIN, [0]))
        assert set(said) == {"so far no family can be compared with the plain model"}
        trials.train(one.first("dropout", [0]))
        assert said[-1] == (
            "so far, by validation only: dropout 0.1 has a loss of 0.6 and the plain model 0.7; nothing is confirmed"
        )


class TestFile:
    DIAGNOSIS = Diagnosis("memorizes", 0.25, 0.5, ((10, 0.75), (20, 0.5)), 0.125)

    @pytest.fixture
    def tried(self, training):
        training(lambda family, strength, step, seed, epoch: 0.5 / epoch)
        one, trials = space("dropout"), Trials()
        trials.train(one.first(PLAIN, [0]), halving=False)
        trials.train(one.first("dropout", [0, 1]))
        return one, trials

    def test_what_was_tried_comes_back(self, tmp_path, tried):
        one, trials = tried
        remember(tmp_path, "an id", 5.0, trials, self.DIAGNOSIS)
        back = Trials()
        assert recall(tmp_path, "an id", 60.0, one, back) == (self.DIAGNOSIS, None)
        assert {key: (each.setting, each.loss) for key, each in back.known.items()} == {
            key: (each.setting, each.loss) for key, each in trials.known.items()
        }
        assert back.known[(), 0, 0].rows == trials.known[(), 0, 0].rows
        assert not back.is_closed

    @pytest.mark.parametrize(
        ("size", "seconds", "is_closed", "count"),
        [
            (Size(3, 8), 5.0, True, 7),
            (Size(3, 8), 4.0, True, 7),
            (Size(3, 8), 6.0, False, 1),
            (None, 5.0, False, 7),
            (None, 6.0, False, 1),
        ],
    )
    def test_what_was_cut_off_counts_where_there_is_no_more_time(
        self, tmp_path, tried, size, seconds, is_closed, count
    ):
        one, trials = tried
        trials.cut = {key for key in trials.known if key[0]}
        remember(tmp_path, "an id", 5.0, trials, None, size)
        back = Trials()
        assert recall(tmp_path, "an id", seconds, one, back) == (None, size if is_closed else None)
        assert (back.is_closed, len(back.known)) == (is_closed, count)

    @pytest.mark.parametrize("damage", ["", "{", "[]", "{}", '{"id": "an id"}'])
    def test_a_damaged_file_or_none_counts_for_nothing(self, tmp_path, tried, damage):
        one, _ = tried
        back = Trials()
        assert recall(tmp_path, "an id", 1.0, one, back) == (None, None)
        (tmp_path / "advice").mkdir()
        (tmp_path / "advice" / "screening.json").write_text(damage)
        assert recall(tmp_path, "an id", 1.0, one, back) == (None, None)
        assert not back.known

    def test_that_of_other_data_or_families_is_another(self, tmp_path, tried):
        one, trials = tried
        remember(tmp_path, identity_of(one), 5.0, trials, None, Size(5, 8))
        other = functools.partial(lab.data.digits, train_size=61, validation_size=60, test_size=60)
        others = [space_of(other, lab.models.dense, FITTING, families=["dropout"]), space("L2 penalty")]
        for each in others:
            back = Trials()
            recall(tmp_path, identity_of(each), 1.0, each, back)
            assert not back.known
        recall(tmp_path, identity_of(one), 1.0, one, back)
        assert back.known


class TestCombining:
    def screened(self, training, losses):
        calls, _ = training(losses)
        one, trials = space("dropout", "label smoothing"), Trials()
        plain = tune_plain(one, trials, silent)
        screen(one, plain.rate, trials, silent)
        calls.clear()
        return one, plain, trials, calls

    def test_families_that_are_better_than_the_plain_model_are_combined(self, training, monkeypatch):
        one, plain, trials, _ = self.screened(
            training, lambda family, strength, step, seed, epoch: (0.5 if strength else 1.0) + abs(step) / 10
        )
        asked = []
        monkeypatch.setattr(Trials, "train", lambda self, settings: asked.append(list(settings)))
        said = []
        combine(one, plain, trials, said.append)
        assert said[0].startswith("combining dropout, label smoothing by ")
        assert len(asked) == 2
        for batch in asked:
            assert 2 < len(batch) <= 8
            assert {each.family for each in batch} == {"dropout + label smoothing"}
            assert {strength for each in batch for _, strength in each.parts} <= {0.05, 0.1, 0.25}

    @pytest.mark.parametrize("good", [(), ("dropout",)])
    def test_fewer_than_two_families_are_not_combined(self, training, good):
        one, plain, trials, calls = self.screened(
            training, lambda family, strength, step, seed, epoch: (0.5 if family in good else 1.0) + abs(step) / 10
        )
        combine(one, plain, trials, silent)
        assert calls == []

    @pytest.mark.parametrize("sampler", ["Optuna", "a Sobol sequence"])
    def test_a_search_finds_the_best_of_a_small_space(self, sampler):
        if sampler == "Optuna":
            pytest.importorskip("optuna")
            search = combining._Optuna((4, 4, 3))
        else:
            search = combining._Sobol((4, 4, 3))
        seen = {}
        for _ in range(8):
            batch = [search.ask() for _ in range(8)]
            for choice in batch:
                assert all(0 <= at < count for at, count in zip(choice, (4, 4, 3), strict=True))
                seen[choice] = float(abs(choice[0] - 3) + abs(choice[1] - 1) + choice[2])
                search.tell(choice, seen[choice])
        assert min(seen.values()) <= 1.0

    def test_without_optuna_a_sobol_sequence_searches(self, monkeypatch):
        import sys

        monkeypatch.setitem(sys.modules, "optuna", None)
        assert search_of((3, 3))[1] == "a Sobol sequence"


def test_how_often_one_goes_on_is_bounded(training):
    calls, _ = training(lambda family, strength, step, seed, epoch: 9.0 - step)
    assert tune_plain(space(), Trials(), silent).rate == 2 + screening.WIDENED
    assert len(calls) == 1 + screening.WIDENED
