"""The diagnosis of the plain model: its verdict, its learning curve, the noise in its labels; and the advised model."""

import functools
import json

import numpy as np
import pytest

import lab.data
import lab.models
from lab.advice.diagnosis import SENTENCES, Diagnosis, diagnose, examined, held_out, noise_in, smaller
from lab.advice.recommended import Recommended, all_training
from lab.advice.space import space_of
from lab.training import Training

DIGITS = functools.partial(lab.data.digits, train_size=103, validation_size=40, test_size=60)


def history(train, validation):
    return [
        {"epoch": epoch, "loss": t, "train_data_loss": t, "val_data_loss": v, "accuracy": 0.0}
        for epoch, (t, v) in enumerate(zip(train, validation, strict=True), 1)
    ]


EPOCHS = np.arange(1, 31)
FALLING = 1 / EPOCHS


@pytest.mark.parametrize(
    ("train", "validation", "verdict"),
    [
        (FALLING, 0.5 + 0.002 * (EPOCHS - 8) ** 2, "memorizes"),
        (0.05 + FALLING, 0.3 + FALLING**2, "memorizes"),
        (0.8 + FALLING**2, 0.82 + FALLING**2, "underfits"),
        (2 - 0.04 * EPOCHS, 2.02 - 0.04 * EPOCHS, "ends early"),
        (0.1 + FALLING**2, 0.105 + FALLING**2, "neither"),
        (0.75 + FALLING**2, 0.9 + FALLING**2, "neither"),
        (FALLING[:5], FALLING[:5], "too short"),
        (FALLING, [*FALLING[:-1], np.nan], "diverged"),
    ],
    ids=["validation rises", "a wide gap", "both are high", "still falling", "both are low", "a gap", "5", "nan"],
)
def test_the_verdict_follows_from_both_losses(train, validation, verdict):
    assert diagnose(history(train, validation), chance=np.log(3)).verdict == verdict


def test_an_underfit_model_is_told_that_regularization_is_not_its_problem():
    for verdict in ("underfits", "ends early"):
        assert "regularization is not its problem" in str(Diagnosis(verdict, 0.5, 0.5))


def test_a_diagnosis_is_sentences_and_comes_back_from_json():
    one = Diagnosis("memorizes", 0.123456, 1.5, ((25, 2.0), (50, 1.75), (100, 1.5)), 0.314)
    assert str(one) == (
        f"{SENTENCES['memorizes']} (train 0.1235, validation 1.5 at the kept epoch). With 25, 50 and 100 training "
        "examples its validation loss is 2, 1.75 and 1.5. About 31% of the labels look wrong to nets that have not "
        "seen them."
    )
    assert Diagnosis.from_json(json.loads(json.dumps(one.to_json()))) == one


class TestNoise:
    def test_wrong_labels_are_counted_where_the_right_class_is_sure(self):
        random = np.random.default_rng(0)
        truth = random.integers(3, size=5000)
        labels = np.where(random.random(5000) < 0.3, (truth + random.integers(1, 3, 5000)) % 3, truth)
        sure = np.full((5000, 3), 0.05) + 0.85 * np.eye(3)[truth]
        assert noise_in(labels, sure) == pytest.approx((labels != truth).mean(), abs=1e-9)
        assert noise_in(truth, sure) == 0.0

    def test_a_class_that_is_never_sure_keeps_its_labels(self):
        labels = np.array([0, 0, 1, 1])
        assert noise_in(labels, np.array([[0.9, 0.1], [0.8, 0.2], [0.4, 0.6], [0.45, 0.55]])) == 0.0

    @pytest.mark.slow
    @pytest.mark.parametrize("share", [0.0, 0.3])
    def test_the_noise_of_digits_with_wrong_labels_is_found(self, share):
        load = functools.partial(lab.data.digits, train_size=1000, validation_size=200, test_size=60, label_noise=share)
        training = Training(epochs=20, patience=5)
        plain = space_of(load, functools.partial(lab.models.dense, widths=(32,)), training).at((), 1)
        found = examined(Diagnosis("neither", 0.1, 0.2), plain, load())
        assert found.label_noise == pytest.approx(share, abs=0.06)
        assert [size for size, _ in found.curve] == [250, 500, 1000]
        assert found.curve[0][1] > found.curve[1][1]


class TestParts:
    def test_smaller_data_have_the_same_other_splits_and_classes_in_proportion(self):
        data, part = DIGITS(), smaller(DIGITS, share=0.25)
        assert len(part.train) == 25
        assert part.validation is not data.train
        np.testing.assert_array_equal(part.test.x, data.test.x)
        assert set(part.train.y) == set(range(10))

    def test_every_example_is_held_out_once_but_those_left_over(self):
        parts = [held_out(DIGITS, place=place, folds=5) for place in range(5)]
        assert {(len(one.train), len(one.test)) for one in parts} == {(80, 20)}
        tested = [row.tobytes() for one in parts for row in one.test.x]
        learned = {row.tobytes() for row in DIGITS().train.x}
        assert len(set(tested)) == 100
        assert set(tested) <= learned
        for one in parts:
            assert not {row.tobytes() for row in one.test.x} & {row.tobytes() for row in one.train.x}

    def test_all_training_examples_are_those_of_both_splits(self):
        data, joined = DIGITS(), all_training(DIGITS)
        assert len(joined.train) == 143
        np.testing.assert_array_equal(joined.train.x[103:], data.validation.x)
        np.testing.assert_array_equal(joined.train.y[:103], data.train.y)
        np.testing.assert_array_equal(joined.test.x, data.test.x)


@pytest.fixture(scope="module")
def recommended():
    training = Training(epochs=4, patience=3)
    space = space_of(DIGITS, functools.partial(lab.models.dense, widths=(8,)), training)
    return Recommended(space.at([("L2 penalty", 1e-3)], 1), 4, (2, 3, 3, 3))


def test_a_retrained_model_learns_from_all_training_examples_as_long_as_the_runs_kept(recommended, monkeypatch):
    from lab.advice import recommended as room

    trained = []

    def train(*arguments, **named):
        made = room.unpublished(*arguments, **named)
        trained.extend(made.values())
        return made

    monkeypatch.setattr(room, "unpublished", room.train, raising=False)
    monkeypatch.setattr(room, "train", train)
    model, data = recommended.retrained()
    run = trained[0].trained
    assert (len(run.rows), len(data.train)) == (3, 143)
    for mine, last in zip(model.get_weights(), run.last_weights, strict=True):
        np.testing.assert_array_equal(mine, last)


@pytest.mark.slow
def test_the_ensemble_of_the_confirming_runs_is_measured_on_the_whole_test_split(recommended):
    data = DIGITS()
    table = recommended.ensembles(data)
    losses = table[table["measure"] == "data_loss"].set_index("members")
    assert list(losses.index) == [1, 2, 4]
    # By convexity the loss of mean probabilities is at most the mean loss.
    assert losses["gain"][4] < 0
    joined = recommended.joined(data)
    outputs = joined(np.asarray(data.test.x)).numpy()
    own = np.log(np.exp(outputs).sum(axis=1)) - outputs[np.arange(len(outputs)), data.test.y]
    assert own.mean() == pytest.approx(losses["mean"][4], rel=1e-4)
