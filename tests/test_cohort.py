import gc
import itertools
import resource
import weakref
from dataclasses import replace
from functools import partial

import keras
import numpy as np
import pytest

from lab.data import Dataset, Split
from lab.engine import cohort, dispatch, keras_fit, loop, update
from lab.engine.graph import RefusedError
from lab.engine.task import Task, Trained
from lab.models import ACTIVATIONS
from lab.regularization import NORMALIZATIONS, Regularization
from lab.training import OPTIMIZERS, SCHEDULES, Training
from tests.cohorts import SHAPE, TRAINING, dataset, difference, identical, rich, task, together
from tests.combinations import covering
from tests.selection import quick

# Cohorts and keras_fit do the same arithmetic in another order; what is left is rounding.
CLOSE = 1e-5

MODELS = {
    "activation": ACTIVATIONS,
    "normalization": NORMALIZATIONS,
    "kind": ("dense", "conv"),
    "l1": (0.0, 1e-3),
    "l2": (0.0, 1e-2),
    "activity_l1": (0.0, 1e-3),
    "activity_l2": (0.0, 1e-2),
    "dropout": (0.0, 0.3),
    "dropconnect": (0.0, 0.2),
    "noise": (0.0, 0.1),
    "max_norm": (None, 1.0),
}
# A loss with the number of classes; None stands for labels that are numbers.
LOSSES = (
    ("softmax_cross_entropy", 3),
    ("binary_cross_entropy", 2),
    ("hinge", 3),
    ("hinge", 2),
    ("squared_error", 3),
    ("squared_error", None),
)
TRAININGS = {
    "optimizer": OPTIMIZERS,
    "loss": LOSSES,
    "schedule": SCHEDULES,
    "label_smoothing": (0.0, 0.1),
    "weight_decay": (0.0, 0.01),
    "replacement": (False, True),
}
CASES = covering(MODELS, TRAININGS)


def with_each_choice(cases: list[dict]) -> set[int]:
    """Return the places of few cases that have each choice of each kind at least once."""
    left = [{(kind, repr(choice)) for kind, choice in case.items()} for case in cases]
    kept = set()
    while any(left):
        most = max(range(len(left)), key=lambda i: len(left[i]))
        kept.add(most)
        left = [choices - left[most] for choices in left]
    return kept


QUICK = with_each_choice(CASES)
"""Those that `make test` runs. Each pair of choices is in one of CASES, which `make test-slow` runs."""


def pair(case: dict) -> list[Task]:
    """Return two runs of a case that differ in every number that may differ, in seed, data and labels."""
    loss, labels = case["loss"]
    kind = "conv" if case["normalization"] == "instance" else case["kind"]
    strengths = ("l1", "l2", "activity_l1", "activity_l2")
    tasks = []
    for r in (0, 1):
        training = Training(
            optimizer=case["optimizer"],
            loss=loss,
            schedule=case["schedule"],
            decay_steps=5.0,
            # The gradient of a squared error is larger; a step that overshoots would blow up the rounding.
            learning_rate=(0.01 if case["optimizer"] in ("sgd", "adagrad") else 0.002)
            * (0.3 if loss == "squared_error" else 1.0)
            * (1 + r),
            # The bias before a batch, ghost or instance normalization has no gradient but rounding noise, which an
            # adaptive optimizer with a small epsilon would blow up to whole steps.
            epsilon=1e-3 if case["normalization"] in ("batch", "instance", "ghost") else 1e-7,
            epochs=5,
            batch_size=16,
            replacement=case["replacement"],
            weight_decay=case["weight_decay"] * r,
            label_smoothing=case["label_smoothing"] * (1 + r) if "entropy" in loss else 0.0,
        )
        regularization = Regularization(
            normalization=case["normalization"],
            groups=2,
            batch_momentum=0.8 + 0.1 * r,
            max_norm=case["max_norm"] and case["max_norm"] * (1 + r),
            **{name: case[name] * r for name in strengths},
            **{name: case[name] * (1 + r / 2) for name in ("dropout", "dropconnect", "noise")},
        )
        data = dataset(labels, seed=r)
        tasks.append(
            task(
                regularization,
                kind=kind,
                activation=case["activation"],
                training=training,
                data=data,
                seed=r + 1,
                widths=(10,),
            )
        )
    return tasks


def assert_close(mine: Trained, reference: Trained, limit: float = CLOSE) -> None:
    far = {name: value for name, value in difference(mine, reference).items() if not value <= limit}
    assert far == {}


@pytest.mark.parametrize(
    "i", [pytest.param(i, marks=() if i in QUICK else pytest.mark.slow) for i in range(len(CASES))]
)
def test_every_pair_of_choices_trains_as_keras_fit_does(i):
    tasks = pair(CASES[i])
    # One of the two in turn: keras_fit takes as long as the cohort.
    assert_close(together(tasks)[i % 2], keras_fit.train(tasks[i % 2]))


@pytest.mark.parametrize("optimizer", quick(OPTIMIZERS, ("adam",)))
def test_weights_large_enough_to_be_updated_by_compiled_code_train_as_keras_fit_does(optimizer):
    tasks = []
    for r in range(3):
        rate = 0.01 if optimizer in ("sgd", "adagrad") else 0.002
        training = Training(
            optimizer=optimizer, epochs=5, batch_size=16, learning_rate=rate * (1 + r), weight_decay=0.01 * r
        )
        regularization = Regularization(l1=1e-4 * r, l2=1e-3 * (2 - r), max_norm=1.0 + r)
        tasks.append(task(regularization, training=training, seed=r, widths=(64,)))
    results = together(tasks)
    assert update.WORTH_COMPILING <= 36 * 64
    assert_close(results[1], keras_fit.train(tasks[1]))
    # Nor does compiled code let a run feel how many others there are.
    assert identical(results[2], cohort.train(tasks[2:])[0])


@pytest.mark.slow
@pytest.mark.parametrize(("activation", "normalization", "kind"), list(itertools.product(*list(MODELS.values())[:3])))
def test_every_model_trains_as_keras_fit_does(activation, normalization, kind):
    names = list(MODELS)[3:]
    for on in (True, False):
        chosen = {name: MODELS[name][on] for name in names}
        case = CASES[0] | chosen | {"activation": activation, "normalization": normalization, "kind": kind}
        tasks = pair(case)
        for mine, t in zip(together(tasks), tasks, strict=True):
            assert_close(mine, keras_fit.train(t))


@pytest.mark.slow
@pytest.mark.parametrize(("optimizer", "loss", "schedule"), list(itertools.product(*list(TRAININGS.values())[:3])))
def test_every_training_trains_as_keras_fit_does(optimizer, loss, schedule):
    for on in (True, False):
        chosen = {name: TRAININGS[name][on] for name in ("label_smoothing", "weight_decay", "replacement")}
        tasks = pair(CASES[0] | chosen | {"optimizer": optimizer, "loss": loss, "schedule": schedule})
        for mine, t in zip(together(tasks), tasks, strict=True):
            assert_close(mine, keras_fit.train(t))


def test_a_smaller_program_is_made_only_where_it_saves_time():
    # Ten epochs of 1 s ahead, half of which would be saved, against 3 s of compilation.
    assert loop.worth_compacting(8, 4, 10, [4.0, 1.0])
    assert not loop.worth_compacting(8, 5, 10, [4.0, 1.0])
    assert not loop.worth_compacting(8, 4, 1, [4.0, 1.0])
    assert not loop.worth_compacting(8, 4, 10, [4.0])


def test_patience_ends_each_run_where_keras_fit_ends_it():
    tasks = rich(patience=2, epochs=15)
    ended = []
    seen = cohort.train(tasks, on_trained=lambda i, trained: ended.append((len(trained.rows), i)))
    assert ended == sorted(ended, key=lambda e: e[0])
    assert len({rows for rows, _ in ended}) > 1
    assert_close(seen[3], keras_fit.train(tasks[3]))


def test_a_diverging_run_ends_alone_and_keeps_its_row():
    tasks = [task(training=Training(optimizer="sgd", epochs=3, batch_size=16, learning_rate=r)) for r in (0.01, 1e30)]
    fine, blown = together(tasks)
    reference = keras_fit.train(tasks[1])
    assert (blown.status, blown.kept_epoch, blown.test, blown.weights) == ("diverged", None, None, None)
    assert [row["epoch"] for row in blown.rows] == [row["epoch"] for row in reference.rows] == [1]
    assert (fine.status, len(fine.rows)) == ("finished", 3)
    assert_close(fine, keras_fit.train(tasks[0]))


@pytest.mark.slow
def test_the_kept_weights_are_those_of_the_best_epoch_with_their_moving_statistics():
    # So high a rate that the validation data loss rises again.
    training = Training(epochs=8, batch_size=16, learning_rate=0.2, epsilon=1e-3)
    tasks = [task(Regularization(normalization="batch"), training=training, seed=s) for s in (1, 2)]
    for mine, t in zip(together(tasks), tasks, strict=True):
        losses = [row["val_data_loss"] for row in mine.rows]
        assert mine.kept_epoch == 1 + int(np.argmin(losses)) < 8
        stopped = replace(t, training=replace(training, epochs=mine.kept_epoch))
        assert all(
            np.allclose(a, b, rtol=0, atol=1e-4)
            for a, b in zip(mine.weights, keras_fit.train(stopped).weights, strict=True)
        )
        model = t.build()
        model.set_weights(mine.weights)
        logits = model.predict(t.data.test.x, verbose=0)
        shifted = logits - logits.max(1, keepdims=True)
        cross_entropy = np.log(np.exp(shifted).sum(1)) - shifted[np.arange(20), t.data.test.y]
        assert np.isclose(mine.test["data_loss"], cross_entropy.mean(), rtol=1e-5)


@pytest.mark.slow
def test_training_subsets_and_label_noise_may_differ():
    data = dataset()
    noisy = data.train.y.copy()
    noisy[::3] = (noisy[::3] + 1) % 3
    other = dataset(seed=5).train
    sets = [data, replace_train(data, Split(data.train.x, noisy)), replace_train(data, other)]
    tasks = [task(data=d, seed=3) for d in sets]
    results = together(tasks)
    assert len({row["loss"] for t in results for row in t.rows[:1]}) == 3
    for mine, t in zip(results, tasks, strict=True):
        assert_close(mine, keras_fit.train(t))


def replace_train(data: Dataset, train: Split) -> Dataset:
    return Dataset(data.name, train, data.validation, data.test, data.classes)


def test_every_split_may_differ_between_runs():
    tasks = [task(Regularization(dropout=0.2), kind="conv", data=dataset(seed=s)) for s in (0, 1)]
    assert_close(together(tasks)[1], keras_fit.train(tasks[1]))


@pytest.mark.parametrize("batch_size", quick([41, 1, 7, 42, 500]))
def test_a_last_smaller_batch_and_a_batch_larger_than_the_data_are_trained(batch_size):
    training = Training(epochs=2, batch_size=batch_size, learning_rate=0.003)
    tasks = [task(Regularization(dropout=0.2), training=training, seed=s, widths=(8,)) for s in (1, 2)]
    assert_close(together(tasks)[0], keras_fit.train(tasks[0]))


@pytest.mark.slow
def test_a_part_of_the_training_split_is_measured_as_keras_fit_measures_it():
    part = replace(TRAINING, measured=10)
    tasks = [task(training=part, seed=1), task(Regularization(l2=0.1), training=part, seed=2)]
    parts = together(tasks)
    for mine, t in zip(parts, tasks, strict=True):
        assert_close(mine, keras_fit.train(t))
    for mine, whole in zip(parts, together([replace_measured(t, None) for t in tasks]), strict=True):
        assert all(a["train_data_loss"] != b["train_data_loss"] for a, b in zip(mine.rows, whole.rows, strict=True))
        for name in ("data_loss", "val_data_loss"):
            assert [row[name] for row in mine.rows] == [row[name] for row in whole.rows]
    split = tasks[0].data.train
    model = tasks[0].build()
    model.set_weights(parts[0].weights)
    outputs = model(split.x[tasks[0].part])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)(split.y[tasks[0].part], outputs)
    kept = parts[0].rows[parts[0].kept_epoch - 1]
    assert kept["train_data_loss"] == pytest.approx(float(loss), rel=1e-5)


def test_runs_that_measure_parts_of_other_sizes_do_not_share_a_cohort():
    tasks = [task(training=replace(TRAINING, measured=size)) for size in (10, 20, 10)]
    assert [group.indices for group in cohort.group(tasks).groups] == [[0, 2], [1]]


def replace_measured(t: Task, measured: int | None) -> Task:
    return replace(t, training=replace(t.training, measured=measured))


def test_measuring_in_chunks_changes_nothing(monkeypatch):
    from lab.engine import program

    tasks = [task(Regularization(activity_l1=1e-3, l2=1e-3), kind="conv", seed=s) for s in (1, 2)]
    whole = cohort.train(tasks)
    monkeypatch.setattr(program, "MEASURED_AT_ONCE", 1)
    monkeypatch.setattr(program, "FEWEST_AT_ONCE", 7)
    for a, b in zip(whole, cohort.train(tasks), strict=True):
        assert_close(a, b, 1e-6)


def test_progress_is_told_epoch_by_epoch_and_runs_as_they_end():
    tasks = rich(epochs=3)
    told = []
    results = cohort.train(
        tasks, on_epoch=lambda *now: told.append(now), on_trained=lambda i, trained: told.append((i, trained.status))
    )
    best = [min(min(row["val_data_loss"] for row in t.rows[:epoch]) for t in results) for epoch in (1, 2, 3)]
    assert [now[:2] for now in told] == [(1, 5), (2, 5), *((i, "finished") for i in range(5)), (3, 0)]
    epochs = [now for now in told if len(now) == 4]
    assert np.allclose([now[2] for now in epochs], best)
    assert [now[3] for now in epochs] == [{i: t.rows for i, t in enumerate(results)}] * 3, "the rows grow"


def test_what_is_waited_for_before_the_first_epoch_is_reported():
    def scaled(seed: int) -> keras.Model:
        # An operation of Keras has no rule.
        inputs = keras.Input(SHAPE)
        initializer = keras.initializers.GlorotUniform(seed)
        outputs = keras.layers.Dense(3, kernel_initializer=initializer)(keras.layers.Flatten()(inputs))
        return keras.Model(inputs, keras.ops.multiply(outputs, 2.0))

    words: list[str] = []
    cohort.group([task(), Task(partial(scaled, 1), dataset(), Training(epochs=1), 1)], words.append)
    assert words == ["building model 1 of 2", "building model 2 of 2"]


def test_what_is_not_kept_is_let_go_as_soon_as_it_was_handed_over(monkeypatch):
    monkeypatch.setattr(cohort, "LARGEST_COHORT", 2)
    handed, gone = [], []

    def look(i: int, trained: Trained) -> None:
        gone.append(sum(ref() is None for ref in handed))
        handed.append(weakref.ref(trained))

    tasks = [task(training=Training(epochs=1), seed=s) for s in range(4)]
    assert cohort.train(tasks, on_trained=look, keep=False) == []
    # The second cohort hands over its runs when those of the first are gone.
    assert gone == [0, 0, 2, 2]


@pytest.mark.slow
def test_the_models_of_a_group_are_let_go_before_the_next_one_trains(monkeypatch):
    plain, seen, alive = cohort.train, [], []

    def noted(tasks, *, blueprints, **options):
        gc.collect()
        alive.append(sum(ref() is not None for ref in seen))
        seen.extend(weakref.ref(x) for b in blueprints for x in (b, b.model))
        return plain(tasks, blueprints=blueprints, **options)

    monkeypatch.setattr(cohort, "train", noted)
    tasks = [task(training=Training(epochs=1), widths=(width,), seed=s) for width in (5, 6, 7) for s in range(2)]
    names = [str(i) for i in range(len(tasks))]
    dispatch.train(tasks, names, engine="cohort", precision="exact", on_trained=lambda i, trained: None)
    gc.collect()
    assert alive == [0, 0, 0]
    assert [ref() for ref in seen] == [None] * 12


def test_times_are_shared_among_the_runs():
    for t in together(rich(epochs=3)):
        assert t.engine == "cohort"
        assert len(t.epoch_seconds) == 3
        assert 0 < sum(t.epoch_seconds) < t.seconds


def test_strengths_and_seeds_share_a_cohort_and_structures_do_not():
    default = Training(epochs=1, batch_size=16)
    tasks = [
        task(training=default),
        task(Regularization(l1=0.1, l2=0.2, activity_l1=0.1), training=replace(default, learning_rate=0.5), seed=9),
        task(training=replace(default, schedule="cosine", label_smoothing=0.2, weight_decay=0.1)),
        task(training=replace(default, optimizer="sgd")),
        task(training=replace(default, batch_size=8)),
        task(training=replace(default, epochs=2)),
        task(training=replace(default, beta_1=0.8)),
        task(training=replace(default, patience=1)),
        task(training=default, widths=(12, 9)),
        task(training=default, activation="elu"),
        task(Regularization(dropout=0.1), training=default),
        task(Regularization(dropout=0.4), training=default),
        task(Regularization(max_norm=1.0), training=default),
        task(training=default, data=dataset(train=43)),
    ]
    plan = cohort.group(tasks)
    assert plan.refused == {}
    assert [g.indices for g in plan.groups] == [[0, 1, 2], [3], [4], [5], [6], [7], [8], [9], [10, 11], [12], [13]]


@pytest.mark.slow
def test_many_structures_in_one_process_train_without_a_warning_of_tensorflow(caplog, monkeypatch):
    import tensorflow as tf

    monkeypatch.setattr(tf.get_logger(), "propagate", True)
    training = Training(epochs=1, batch_size=42)
    # TensorFlow warns when it has traced one function five times.
    for width in range(1, 6):
        cohort.train([task(training=training, widths=(width, update.WORTH_COMPILING))])
    assert caplog.messages == []


def test_models_of_different_structures_are_refused():
    with pytest.raises(RefusedError) as refusal:
        cohort.train([task(), task(widths=(3,))])
    assert str(refusal.value) == "models of different structures cannot train together; group them first"


@pytest.mark.slow
def test_cohorts_of_one_structure_may_have_penalties_of_other_kinds(monkeypatch):
    kinds = [{"l1": 1e-3}, {}, {"l1": 1e-3, "l2": 1e-2}, {"l2": 1e-2}, {"l1": 1e-2}, {"l1": 1e-3}, {}, {}]
    tasks = [task(Regularization(**kind), seed=r) for r, kind in enumerate(kinds)]
    together = cohort.train(tasks)
    assert [t.rows[-1]["penalty"] > 0 for t in together] == [bool(kind) for kind in kinds]
    monkeypatch.setattr(cohort, "LARGEST_COHORT", 2)
    assert all(identical(a, b) for a, b in zip(together, cohort.train(tasks), strict=True))


def test_nothing_to_train_gives_nothing():
    assert cohort.train([]) == []
    assert cohort.group([]).groups == []


@pytest.mark.slow
def test_runs_that_do_not_fit_into_memory_are_trained_in_halves(monkeypatch):
    tasks = rich(epochs=2)
    whole = cohort.train(tasks)
    monkeypatch.setattr(cohort, "_at_most", lambda *_: 3)
    with pytest.warns(UserWarning, match="^5 runs do not fit into memory together, training them in halves$"):
        halves = cohort.train(tasks)
    assert all(identical(a, b) for a, b in zip(whole, halves, strict=True))


@pytest.mark.slow
def test_a_device_out_of_memory_halves_the_cohort_too(monkeypatch):
    import tensorflow as tf

    tasks = rich(epochs=2)
    whole = cohort.train(tasks)
    train = loop.Loop.train

    def fail(self, *arguments):
        if len(self.runs) > 3:
            raise tf.errors.ResourceExhaustedError(None, None, "too large")
        train(self, *arguments)

    monkeypatch.setattr(loop.Loop, "train", fail)
    with pytest.warns(UserWarning, match="5 runs do not fit into memory together"):
        halves = cohort.train(tasks)
    assert all(identical(a, b) for a, b in zip(whole, halves, strict=True))


def test_softmax_regression_along_a_path_of_penalties_meets_a_convex_solver():
    from sklearn.linear_model import LogisticRegression

    data, path = dataset(train=60), (0.003, 0.01, 0.03, 0.1)
    x, y = data.train.x.reshape(60, -1), data.train.y
    training = Training(optimizer="nesterov", learning_rate=0.3, momentum=0.9, epochs=400, batch_size=60)
    tasks = [task_without_bias(strength, data, training) for strength in path]
    for strength, mine in zip(path, together(tasks), strict=True):
        # scikit-learn minimizes C * sum of losses + 1/2 sum of squares; ours is mean + strength * sum of squares.
        solver = LogisticRegression(C=1 / (2 * strength * 60), fit_intercept=False, tol=1e-10, max_iter=5000).fit(x, y)
        logits = x @ solver.coef_.T
        shifted = logits - logits.max(1, keepdims=True)
        loss = np.mean(np.log(np.exp(shifted).sum(1)) - shifted[np.arange(60), y])
        assert np.isclose(mine.rows[-1]["train_data_loss"], loss, rtol=1e-4)
        assert np.isclose(mine.rows[-1]["val_penalty"], strength * np.sum(solver.coef_**2), rtol=1e-4)


def task_without_bias(strength: float, data: Dataset, training: Training) -> Task:
    def build() -> keras.Model:
        return keras.Sequential(
            [
                keras.Input(SHAPE),
                keras.layers.Flatten(),
                keras.layers.Dense(3, use_bias=False, kernel_regularizer=keras.regularizers.L2(strength)),
            ]
        )

    return Task(build, data, training, 1)


@pytest.mark.slow
def test_memory_stays_flat_over_five_hundred_runs():
    def run(seeds) -> int:
        training = Training(epochs=1, batch_size=16)
        tasks = [task(Regularization(dropout=0.2), training=training, seed=s) for s in seeds]
        plan = cohort.group(tasks)
        cohort.train(tasks, blueprints=plan.groups[0].blueprints)
        gc.collect()
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    run(range(100))
    first = run(range(100, 200))
    last = [run(range(100 * k, 100 * k + 100)) for k in range(2, 6)][-1]
    assert last - first < 100 * 1024
