"""Models that people bring: trained by a cohort as `keras_fit` trains them, or refused by a sentence that names why."""

from collections.abc import Callable
from dataclasses import replace

import keras
import numpy as np
import pytest
import tensorflow as tf

from lab.data import Dataset, Split
from lab.engine import cohort, keras_fit
from lab.engine.graph import RefusedError
from lab.engine.task import Task
from lab.training import Training
from tests.cohorts import SHAPE, dataset, difference
from tests.selection import quick

L = keras.layers
TRAINING = Training(optimizer="sgd", epochs=3, batch_size=16, learning_rate=0.05)


def normal(seed: int) -> keras.initializers.Initializer:
    return keras.initializers.GlorotUniform(seed=seed)


def logits(x: keras.KerasTensor) -> keras.KerasTensor:
    return L.Dense(3, kernel_initializer=normal(9))(x)


def model(body: Callable, r: int, shape: tuple[int, ...] = SHAPE, dtype: str | None = None) -> keras.Model:
    """Return a model of one body: it maps a run's number and the inputs to something with two axes."""
    x = keras.Input(shape, dtype=dtype)
    return keras.Model(x, logits(body(r, x)))


def runs(body: Callable, training: Training = TRAINING, count: int = 2, **options: object) -> list[Task]:
    return [Task(lambda r=r: model(body, r, **options), dataset(), training, r) for r in range(count)]


def assert_trained_as_keras_fit_trains_them(tasks: list[Task], limit: float = 1e-5) -> None:
    plan = cohort.group(tasks)
    assert ([g.indices for g in plan.groups], plan.refused) == ([list(range(len(tasks)))], {})
    for mine, task in zip(cohort.train(tasks), tasks, strict=True):
        assert max(difference(mine, keras_fit.train(task)).values()) < limit


def refusal(tasks: list[Task]) -> str:
    plan = cohort.group(tasks)
    if not plan.groups:
        (sentence,) = set(plan.refused.values())
        return sentence
    (group,) = plan.groups
    published = []
    with pytest.raises(RefusedError) as refused:
        cohort.train(tasks, on_trained=lambda i, _: published.append(i), blueprints=group.blueprints)
    assert (sorted([*group.indices, *plan.refused]), published) == (list(range(len(tasks))), [])
    return str(refused.value)


def sequence(x: keras.KerasTensor) -> keras.KerasTensor:
    return L.Reshape((6, 6))(x)


def convolved(r: int, x: keras.KerasTensor, strengths: tuple[float, float]) -> keras.KerasTensor:
    for place, strength in enumerate(strengths):
        penalty = keras.regularizers.L2(strength) if strength else None
        x = L.Conv1D(4, 2, kernel_initializer=normal(r + 10 * place), kernel_regularizer=penalty)(x)
    return L.Flatten()(x)


@pytest.mark.parametrize(
    "strengths", [((0.0, 0.0), (0.1, 0.0)), pytest.param(((0.1, 0.0), (0.0, 0.1)), marks=pytest.mark.slow)]
)
def test_each_run_is_charged_for_its_own_unrolled_layers(strengths):
    assert_trained_as_keras_fit_trains_them(runs(lambda r, x: convolved(r, sequence(x), strengths[r])))


@pytest.mark.parametrize("layer", quick([lambda: L.Dropout(0.0, seed=1), lambda: L.GaussianNoise(0.0, seed=1)]))
def test_layers_that_draw_nothing_in_any_run_are_trained(layer):
    assert_trained_as_keras_fit_trains_them(runs(lambda r, x: layer()(L.Flatten()(x))))


def shared_layer(r, x):
    layer = L.Conv1D(6, 2, padding="same", kernel_initializer=normal(r), kernel_regularizer=keras.regularizers.L2(0.1))
    return L.Flatten()(layer(layer(sequence(x))))


def siamese(r, x):
    inner = keras.Sequential(
        [keras.Input((36,)), L.Dense(6, kernel_initializer=normal(r), kernel_regularizer=keras.regularizers.L2(0.1))]
    )
    flat = L.Flatten()(x)
    return L.Add()([inner(flat), inner(-2.0 * flat)])


def one_layer_in_two_models(r, x):
    dense = L.Dense(6, kernel_initializer=normal(r), kernel_regularizer=keras.regularizers.L2(0.1))
    inner = [keras.Sequential([keras.Input((36,)), dense]) for _ in range(2)]
    flat = L.Flatten()(x)
    return L.Add()([inner[0](flat), inner[1](-2.0 * flat)])


@pytest.mark.parametrize("body", quick([siamese, shared_layer, one_layer_in_two_models]))
def test_a_weight_penalty_is_charged_once_however_often_the_weight_is_used(body):
    assert_trained_as_keras_fit_trains_them(runs(body))


class AlwaysDropout(L.Dropout):
    """Monte Carlo dropout: it drops in inference too."""

    def call(self, inputs):
        """Drop."""
        return super().call(inputs, training=True)


class Counter(L.Layer):
    """A layer whose state moves with every call."""

    def build(self, shape):
        """Make the state."""
        self.calls = self.add_weight(shape=(), initializer="zeros", trainable=False)

    def call(self, inputs):
        """Scale by the number of calls."""
        self.calls.assign_add(0.1)
        return inputs * (1.0 + self.calls)


@pytest.mark.parametrize(
    ("layer", "name"),
    [
        (lambda: L.LSTM(4, dropout=0.2, seed=1, kernel_initializer=normal(1), name="own"), "'own' (LSTM)"),
        (lambda: L.GRU(4, dropout=0.2, seed=1, kernel_initializer=normal(1), name="own"), "'own' (GRU)"),
        (lambda: L.GRU(4, recurrent_dropout=0.2, seed=1, kernel_initializer=normal(1), name="own"), "'own' (GRU)"),
        (lambda: AlwaysDropout(0.3, seed=1, name="own"), "'own' (AlwaysDropout)"),
        (lambda: Counter(name="own"), "'own' (Counter)"),
    ],
)
def test_layers_that_draw_or_change_in_inference_are_refused(layer, name):
    sentence = refusal(runs(lambda r, x: L.Flatten()(layer()(sequence(x)))))
    assert sentence == f"its layer {name} draws random numbers or changes its state while it is measured"


@pytest.mark.parametrize(
    ("shape", "axes"),
    quick([((3, 4, 3), [1, 3]), ((6, 6), [2]), ((2, 3, 6), [3]), ((3, 4, 3), [1, 2]), ((6, 6), None)]),
)
def test_the_slopes_of_prelu_are_those_of_their_positions(shape, axes):
    slopes = keras.initializers.RandomNormal(0.3, 0.2, seed=4)
    tasks = runs(lambda r, x: L.Flatten()(L.PReLU(slopes, shared_axes=axes)(L.Reshape(shape)(x))))
    assert_trained_as_keras_fit_trains_them(tasks)


class Centred(L.Layer):
    """A layer that reads what it has just assigned."""

    def build(self, shape):
        """Make the moving mean."""
        self.mean = self.add_weight(shape=(shape[-1],), initializer="zeros", trainable=False)

    def call(self, inputs, training=False):
        """Subtract the moving mean."""
        if training:
            self.mean.assign(0.5 * self.mean + 0.5 * keras.ops.mean(inputs, 0))
        return inputs - self.mean


def test_no_gradient_comes_through_an_assigned_value():
    assert_trained_as_keras_fit_trains_them(
        runs(lambda r, x: Centred()(L.Dense(8, kernel_initializer=normal(r))(L.Flatten()(x))))
    )


def test_a_layer_that_assigns_a_trained_weight_is_refused():
    def body(r, x):
        return L.SpectralNormalization(L.Dense(8, kernel_initializer=normal(r)), name="own")(L.Flatten()(x))

    sentence = refusal(runs(body))
    assert sentence.startswith("its layer 'own' (SpectralNormalization) assigns ")
    assert sentence.endswith("/kernel, which is trained")


def embedded(r, x, **options):
    tokens = L.Lambda(lambda x: keras.ops.cast(keras.ops.abs(x) * 3, "int32"))(L.Flatten()(x))
    return L.Flatten()(L.Embedding(20, 3, embeddings_initializer=normal(r), **options)(tokens))


@pytest.mark.parametrize("optimizer", quick(["momentum", "sgd"]))
def test_embeddings_are_trained_by_optimizers_that_add(optimizer):
    assert_trained_as_keras_fit_trains_them(runs(embedded, replace(TRAINING, optimizer=optimizer)))


@pytest.mark.parametrize("optimizer", ["adam", "rmsprop", "adagrad"])
def test_embeddings_with_optimizers_that_square_are_refused(optimizer):
    sentence = refusal(runs(embedded, replace(TRAINING, optimizer=optimizer)))
    assert sentence.endswith(
        f"has a sparse gradient, whose parts {optimizer} squares one by one, and cohorts square their sum"
    )


def closure(r, x):
    first = L.Dense(36, kernel_initializer=normal(r), name="first")
    h = first(L.Flatten()(x))
    return L.Lambda(lambda h: keras.ops.matmul(h, keras.ops.transpose(first.kernel)))(h)


def argument(r, x):
    first = L.Dense(36, kernel_initializer=normal(r), name="first")
    h = first(L.Flatten()(x))
    return keras.ops.matmul(h, first.kernel)


@pytest.mark.parametrize("optimizer", quick(["adam", "sgd"]))
@pytest.mark.parametrize("body", quick([closure, argument]))
def test_a_weight_of_another_layer_is_used_as_it_is_and_trained(body, optimizer):
    rate = 0.005 if optimizer == "adam" else 0.05
    assert_trained_as_keras_fit_trains_them(
        runs(body, replace(TRAINING, optimizer=optimizer, learning_rate=rate, epsilon=1e-3))
    )


def masked_inside(r, x):
    tokens = L.Lambda(lambda x: keras.ops.cast(keras.ops.abs(x) * 3, "int32"))(L.Flatten()(x))
    inner = keras.Sequential(
        [keras.Input((36,)), L.Embedding(20, 3, mask_zero=True, embeddings_initializer=normal(r))], name="own"
    )
    return L.GlobalAveragePooling1D()(inner(tokens))


def test_a_mask_that_leaves_a_nested_model_is_refused():
    assert refusal(runs(masked_inside)) == "its layer 'own' (Sequential) makes a mask, and cohorts carry none"


def test_fractions_are_cut_off_where_the_input_takes_whole_numbers():
    body = lambda r, x: L.Dense(8, kernel_initializer=normal(r))(L.Flatten()(x))  # noqa: E731
    assert_trained_as_keras_fit_trains_them(runs(body, dtype="int32"))


def test_a_last_axis_of_one_is_dropped_where_the_input_has_none():
    generator = np.random.default_rng(0)

    def split(n: int) -> Split:
        x = generator.normal(size=(n, 7, 1)).astype(np.float32)
        return Split(x, (x[:, 0, 0] > 0).astype(np.int32))

    data = Dataset("rows", split(40), split(20), split(20), ("a", "b", "c"))

    def build(r):
        x = keras.Input((7,))
        return keras.Model(x, logits(L.Dense(5, kernel_initializer=normal(r))(x)))

    assert_trained_as_keras_fit_trains_them([Task(lambda r=r: build(r), data, TRAINING, r) for r in range(2)])


def test_initializers_with_a_state_are_drawn_in_the_order_of_the_factory():
    def body(r, x):
        generator = np.random.default_rng(r)
        flat = L.Flatten()(x)

        def own(shape, dtype=None):
            return generator.normal(0, 0.2, shape).astype(np.float32)

        left, right = L.Dense(6, kernel_initializer=own), L.Dense(6, kernel_initializer=own)
        b = right(flat)
        a = left(flat)
        return L.Concatenate()([a, b])

    assert_trained_as_keras_fit_trains_them(runs(body))


def test_initializers_that_share_a_generator_are_trained():
    def body(r, x):
        generator = keras.random.SeedGenerator(r)
        x = L.Dense(6, kernel_initializer=keras.initializers.GlorotUniform(seed=generator))(L.Flatten()(x))
        return L.Dense(6, kernel_initializer=keras.initializers.GlorotUniform(seed=generator))(x)

    assert_trained_as_keras_fit_trains_them(runs(body))


class Idle(L.Layer):
    """A layer with a weight that nothing depends on."""

    def build(self, shape):
        """Make the weight."""
        self.kernel = self.add_weight(shape=(5, 4), initializer=normal(3), name="kernel")

    def call(self, inputs):
        """Return the inputs."""
        return inputs


@pytest.mark.filterwarnings("ignore:Gradients do not exist for variables")
def test_weights_without_a_gradient_are_left_alone():
    training = replace(TRAINING, weight_decay=0.1)
    assert_trained_as_keras_fit_trains_them(runs(lambda r, x: Idle()(L.Flatten()(x)), training))


def test_the_scale_of_a_normalization_is_not_decayed():
    training = replace(TRAINING, weight_decay=0.5)
    one = runs(lambda r, x: L.Flatten()(L.RMSNormalization(axis=(1, 2))(sequence(x))), training)[0]
    first = keras_fit.train(replace(one, training=replace(training, epochs=1, batch_size=42)))
    plain = keras_fit.train(replace(one, training=replace(training, epochs=1, batch_size=42, weight_decay=0.0)))
    assert first.weights[0].shape == (6, 6)
    assert np.array_equal(first.weights[0], plain.weights[0])


class Direct(L.Layer):
    """A layer that reads its weight where Keras keeps it, and not as Keras's scopes tell it to."""

    def build(self, shape):
        """Make the weight."""
        self.factor = self.add_weight(shape=(shape[-1],), initializer="ones", name="factor")

    def call(self, inputs):
        """Scale the inputs."""
        return inputs * self.factor._value


def test_what_nobody_thought_of_is_refused_with_the_difference():
    sentence = refusal(runs(lambda r, x: Direct()(L.Flatten()(x))))
    assert sentence.startswith("its first steps in a cohort are not those of Keras: the weight direct")
    assert sentence.endswith(" of its size, which is more than rounding")


class CompiledOnly(L.Layer):
    """A layer that gives another result when its inputs are symbols of a compiled graph."""

    def call(self, inputs):
        """Double the inputs in eager mode only."""
        return inputs * 2.0 if tf.executing_eagerly() else inputs


def test_a_layer_is_compared_with_keras_as_keras_trains_it():
    assert_trained_as_keras_fit_trains_them(runs(lambda r, x: CompiledOnly()(L.Flatten()(x))))


def test_the_steps_that_are_compared_weigh_the_examples_as_training_does():
    data = dataset()
    data = replace(data, train=replace(data.train, weight=np.linspace(0, 5, 42, dtype=np.float32)))
    (task,) = runs(lambda r, x: CompiledOnly()(L.Flatten()(x)), count=1)
    # Keras weighs them too, or its steps would differ and the run would be refused.
    assert_trained_as_keras_fit_trains_them([replace(task, data=data)])


@pytest.mark.parametrize("optimizer", quick(["adamw", "sgd", "nesterov", "adagrad", "rmsprop", "adam"]))
def test_a_cohort_that_was_compared_with_keras_trains_as_one_that_was_not(monkeypatch, optimizer):
    training = replace(TRAINING, optimizer=optimizer, epochs=2)
    tasks = runs(lambda r, x: CompiledOnly()(L.Flatten()(x)), training)
    compared = cohort.train(tasks)
    monkeypatch.setattr(cohort, "rehearse", lambda loop: None)
    for mine, own in zip(compared, cohort.train(tasks), strict=True):
        assert mine.rows == own.rows
        assert all(np.array_equal(a, b) for a, b in zip(mine.last_weights, own.last_weights, strict=True))


class Halved(L.Layer):
    """A layer whose weight has a gradient of another size in the graph of a cohort than in Keras's own."""

    def build(self, shape):
        """Make the weight."""
        self.factor = self.add_weight(shape=(shape[-1],), initializer="ones", name="factor")

    def call(self, inputs):
        """Scale the inputs; in a cohort the weight is a plain tensor."""
        factor = keras.ops.convert_to_tensor(self.factor)
        in_cohort = keras.src.backend.common.stateless_scope.in_stateless_scope()
        return inputs * (0.5 * factor + 0.5 * tf.stop_gradient(factor) if in_cohort else factor)


@pytest.mark.parametrize("optimizer", quick(["rmsprop", "sgd", "nesterov", "adagrad", "adam", "adamw"], 2))
def test_a_gradient_of_another_size_is_seen_with_every_optimizer(optimizer):
    tasks = runs(lambda r, x: Halved()(L.Flatten()(x)), replace(TRAINING, optimizer=optimizer))
    assert "its first steps in a cohort are not those of Keras: the " in refusal(tasks)


def test_graphs_are_optimized_again_after_a_cohort():
    cohort.train(runs(lambda r, x: CompiledOnly()(L.Flatten()(x)), count=1))
    options = tf.config.optimizer.get_experimental_options()
    assert {"disable_meta_optimizer": False, "arithmetic_optimization": True}.items() <= options.items()
