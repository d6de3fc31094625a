import keras
import numpy as np
import pytest
import tensorflow as tf

from lab.engine import cohort, keras_fit
from lab.engine.blueprint import blueprint
from lab.engine.draws import Draws
from lab.engine.forward import Forward
from lab.engine.graph import RefusedError
from lab.engine.replicas import Values
from lab.engine.task import Task
from lab.layers import (
    DropBlock,
    DropConnectConv2D,
    DropConnectDense,
    GhostBatchNormalization,
    LocalResponseNormalization,
    Maxout,
    NormalizedConv2D,
    NormalizedDense,
)
from lab.training import Training
from tests.cohorts import SHAPE, dataset, difference
from tests.selection import quick

L = keras.layers
TRAINING = Training(epochs=3, batch_size=16, learning_rate=0.005, epsilon=1e-3)
RANDOM = keras.initializers.RandomNormal(0.5, 0.3, seed=3)

# One layer of each kind that has a rule, on images and, where it means something, on vectors. {r} differs per replica.
ON_IMAGES = {
    "Dense": lambda r: L.Dense(5, activation="tanh", bias_initializer=RANDOM),
    "Conv2D same": lambda r: L.Conv2D(4, 3, padding="same", activation="relu", bias_initializer=RANDOM),
    "Conv2D strided": lambda r: L.Conv2D(4, (3, 2), strides=(2, 1)),
    "Conv2D dilated": lambda r: L.Conv2D(4, 2, dilation_rate=2, use_bias=False),
    "Conv2D grouped": lambda r: L.Conv2D(4, 3, groups=2),
    "DropConnectConv2D": lambda r: DropConnectConv2D(4, 3, 0.2 + 0.1 * r, seed=r, padding="same"),
    "DropConnectDense": lambda r: DropConnectDense(4, 0.2 + 0.1 * r, seed=r),
    "NormalizedConv2D": lambda r: NormalizedConv2D(4, 3, True, kernel_initializer=RANDOM, bias_initializer=RANDOM),
    "NormalizedDense": lambda r: NormalizedDense(4, True, kernel_initializer=RANDOM, activation="tanh"),
    "NormalizedDense not centred": lambda r: NormalizedDense(4, False, kernel_initializer=RANDOM),
    "BatchNormalization": lambda r: L.BatchNormalization(momentum=0.8 + 0.05 * r, gamma_initializer=RANDOM),
    "BatchNormalization renorm": lambda r: L.BatchNormalization(renorm=True),
    "BatchNormalization plain": lambda r: L.BatchNormalization(center=False, scale=False),
    "LayerNormalization": lambda r: L.LayerNormalization(gamma_initializer=RANDOM, beta_initializer=RANDOM),
    "LayerNormalization all": lambda r: L.LayerNormalization(axis=[1, 2, 3], gamma_initializer=RANDOM),
    "LayerNormalization rows": lambda r: L.LayerNormalization(axis=1, gamma_initializer=RANDOM),
    "GroupNormalization 1": lambda r: L.GroupNormalization(1, gamma_initializer=RANDOM),
    "GroupNormalization 2": lambda r: L.GroupNormalization(2, beta_initializer=RANDOM),
    "GroupNormalization each": lambda r: L.GroupNormalization(-1, gamma_initializer=RANDOM),
    "RMSNormalization": lambda r: L.RMSNormalization(),
    "GhostBatchNormalization": lambda r: GhostBatchNormalization(3, momentum=0.8, gamma_initializer=RANDOM),
    "PReLU": lambda r: L.PReLU(RANDOM),
    "PReLU shared": lambda r: L.PReLU(RANDOM, shared_axes=[1, 2]),
    "PReLU rows": lambda r: L.PReLU(RANDOM, shared_axes=[2, 3]),
    "LeakyReLU": lambda r: L.LeakyReLU(negative_slope=0.2),
    "ELU": lambda r: L.ELU(),
    "Activation": lambda r: L.Activation("sigmoid"),
    "Maxout": lambda r: Maxout(2),
    "LocalResponseNormalization": lambda r: LocalResponseNormalization(alpha=0.1),
    "MaxPooling2D": lambda r: L.MaxPooling2D(2),
    "AveragePooling2D": lambda r: L.AveragePooling2D(3, 2, padding="same"),
    "GlobalAveragePooling2D": lambda r: L.GlobalAveragePooling2D(),
    "ZeroPadding2D": lambda r: L.ZeroPadding2D(1),
    "Dropout": lambda r: L.Dropout(0.2 * r, seed=r),
    "Dropout rows": lambda r: L.Dropout(0.2 * r, noise_shape=(None, 1, 1, 4), seed=r),
    "SpatialDropout2D": lambda r: L.SpatialDropout2D(0.2 * r, seed=r),
    "GaussianNoise": lambda r: L.GaussianNoise(0.2 * r, seed=r),
    "GaussianDropout": lambda r: L.GaussianDropout(0.2 * r, seed=r),
    "DropBlock": lambda r: DropBlock(0.2 * r, 2, seed=r),
    "Flatten": lambda r: L.Flatten(),
    "SeparableConv2D": lambda r: L.SeparableConv2D(4, 3),
    "ActivityRegularization": lambda r: L.ActivityRegularization(l1=0.1 * r, l2=0.01),
}
ON_VECTORS = (
    *(
        "Dense",
        "DropConnectDense",
        "BatchNormalization",
        "LayerNormalization",
        "GroupNormalization 2",
        "RMSNormalization",
        "PReLU",
        "ELU",
    ),
    *("Activation", "Maxout", "Dropout", "GaussianNoise", "GaussianDropout", "ActivityRegularization"),
)
CALLS = [(name, (5, 6, 4)) for name in ON_IMAGES] + [(name, (12,)) for name in ON_VECTORS]


@pytest.mark.parametrize(("name", "shape"), CALLS)
@pytest.mark.parametrize("training", [True, False])
def test_a_rule_gives_what_the_keras_layer_gives_forward_and_backward(name, shape, training):
    replicas = 3
    generator = np.random.default_rng(0)
    x = generator.normal(size=(replicas, 7, *shape)).astype(np.float32)
    models = []
    for r in range(replicas):
        inputs = keras.Input(shape)
        outputs = ON_IMAGES[name](r)(inputs)
        keras.utils.set_random_seed(r)
        models.append(keras.Model(inputs, outputs))
        for v in models[-1].trainable_variables:
            v.assign(v + 0.1 * generator.normal(size=v.shape))

    def build(model):
        return Task(lambda: model, dataset(), TRAINING, 0)

    blueprints = [blueprint(build(model)) for model in models]
    draws = Draws.of(blueprints)
    values = [tf.stack([b.variables[i].value for b in blueprints]) for i in range(len(blueprints[0].variables))]
    per_run = {key: tf.constant([b.per_run[key] for b in blueprints], tf.float32) for key in blueprints[0].per_run}
    forward = Forward(
        models=blueprints,
        replicas=replicas,
        values=Values(values),
        per_run=per_run,
        draws=draws,
        seeds={i: tf.constant(seeds) for i, seeds in draws.seeds.items()},
        step=tf.constant(0, tf.int64),
        training=training,
        batch=7,
    )
    inputs = tf.constant(x)
    with tf.GradientTape() as tape:
        floats = [value for value in values if value.dtype.is_floating]
        tape.watch([inputs, *floats])
        outputs = forward.run(inputs)
        penalty = tf.add_n([tf.zeros([replicas]), *forward.charges])
        total = tf.reduce_sum(tf.sin(outputs)) + tf.reduce_sum(penalty)
    mine = tape.gradient(total, [inputs, *floats], unconnected_gradients=tf.UnconnectedGradients.ZERO)
    for r, model in enumerate(models):
        one = tf.constant(x[r])
        with tf.GradientTape() as tape:
            tape.watch(one)
            expected = model(one, training=training)
            loss = tf.reduce_sum(tf.sin(expected)) + tf.add_n([tf.zeros([]), *model.losses])
        gradients = tape.gradient(
            loss, [one, *model.trainable_variables], unconnected_gradients=tf.UnconnectedGradients.ZERO
        )
        assert np.allclose(outputs[r], expected, rtol=1e-5, atol=1e-5)
        assert np.isclose(penalty[r], sum(float(loss) for loss in model.losses), rtol=1e-5)
        assert np.allclose(mine[0][r], gradients[0], rtol=1e-4, atol=1e-4)
        trained = {id(v): gradient for v, gradient in zip(model.trainable_variables, gradients[1:], strict=True)}
        places = [i for i, value in enumerate(values) if value.dtype.is_floating]
        for place, gradient in zip(places, mine[1:], strict=True):
            v = blueprints[r].variables[place]
            if id(v) in trained:
                assert np.allclose(gradient[r], trained[id(v)], rtol=1e-4, atol=1e-4)
        for place, v in enumerate(blueprints[r].variables):
            # What a step changes besides by gradients: moving statistics, and how much was drawn.
            if not v.trainable and not (v.dtype != "float32" and place >= blueprints[r].weights and not training):
                assert np.allclose(forward.values[place][r], v.value, rtol=1e-5, atol=1e-6)


class Scale(L.Layer):
    """A user's own layer with weights: it scales, and pulls its scale to one."""

    def build(self, shape):
        """Make the scale."""
        self.scale = self.add_weight(shape=(shape[-1],), initializer="ones", name="scale")
        self.seen = self.add_weight(shape=(), initializer="zeros", name="seen", trainable=False)

    def call(self, inputs, training=False):
        """Scale the inputs."""
        self.add_loss(0.1 * keras.ops.sum(keras.ops.square(self.scale - 1.0)))
        if training:
            self.seen.assign(self.seen + 1.0)
        return inputs * self.scale


class Block(L.Layer):
    """A user's own layer around others, whose call knows nothing of training; the dropout in it does."""

    def __init__(self, seed):
        super().__init__(activity_regularizer=keras.regularizers.L2(0.01))
        self.inner = [L.Dense(8, kernel_initializer=normal(seed), kernel_regularizer="l2"), L.Dropout(0.4, seed=seed)]

    def build(self, shape):
        """Build the layers in it."""
        self.inner[0].build(shape)

    def call(self, inputs):
        """Call one after the other."""
        return self.inner[1](keras.ops.relu(self.inner[0](inputs)))


class Centre(L.Layer):
    """A user's own layer without weights, which looks across the batch."""

    def call(self, inputs):
        """Subtract the mean of the batch."""
        return inputs - keras.ops.mean(inputs, axis=0, keepdims=True)


def normal(seed):
    return keras.initializers.GlorotUniform(seed=seed)


def own_layers(r, x):
    x = L.Dense(8, kernel_initializer=normal(r))(x)
    return L.Activation("relu")(Scale()(Block(r + 5)(Centre()(x))))


def branches(r, x):
    shared = L.Dense(6, activation="relu", kernel_initializer=normal(r), kernel_regularizer=keras.regularizers.L2(0.01))
    drop = L.Dropout(0.3, seed=r)
    a, b = drop(shared(x)), drop(shared(-1.5 * x))
    return L.Concatenate()([L.Add()([a, b]), L.Multiply()([a, b]), a])


def other_regularizers_and_constraints(r, x):
    return L.Dense(
        8,
        activation=lambda z: keras.ops.tanh(z) * (1 + r),
        kernel_initializer=normal(r),
        kernel_regularizer=keras.regularizers.OrthogonalRegularizer(0.1 * (1 + r)),
        kernel_constraint=keras.constraints.UnitNorm(axis=0),
        bias_constraint=keras.constraints.NonNeg(),
        activity_regularizer=lambda z: 0.01 * keras.ops.sum(keras.ops.abs(z) ** 1.5),
    )(x)


def norms_over_the_outputs(r, x):
    bound = keras.constraints.MaxNorm(0.5 + 0.1 * r, axis=1)
    return L.Dense(8, activation="relu", kernel_initializer=normal(r), kernel_constraint=bound)(x)


def frozen(r, x):
    fixed = L.Dense(8, kernel_initializer=normal(r), kernel_regularizer=keras.regularizers.L2(0.1))
    fixed.trainable = False
    norm = L.BatchNormalization()
    norm.trainable = False
    return L.Activation("tanh")(norm(fixed(x)))


def values_set_by_the_factory(r, x):
    layer = L.Dense(8, activation="relu")
    y = layer(x)
    layer.set_weights([np.random.default_rng(r).normal(size=(36, 8)).astype(np.float32) / 6, np.zeros(8, np.float32)])
    return y


@pytest.mark.parametrize(
    "body",
    quick(
        [
            other_regularizers_and_constraints,
            values_set_by_the_factory,
            own_layers,
            branches,
            norms_over_the_outputs,
            frozen,
        ],
        2,
    ),
)
def test_users_models_train_as_keras_fit_trains_them(body):
    def build(r):
        x = keras.Input(SHAPE)
        hidden = body(r, L.Flatten()(x))
        return keras.Model(x, L.Dense(3, kernel_initializer=normal(9))(hidden))

    tasks = [Task(lambda r=r: build(r), dataset(), TRAINING, r) for r in (0, 1)]
    plan = cohort.group(tasks)
    assert [g.indices for g in plan.groups] == [[0, 1]]
    results = cohort.train(tasks, blueprints=plan.groups[0].blueprints)
    for mine, task in zip(results, tasks, strict=True):
        assert max(difference(mine, keras_fit.train(task)).values()) < 1e-5


def test_a_sequential_model_is_a_graph_too():
    def build():
        return keras.Sequential([keras.Input(SHAPE), L.Flatten(), L.Dense(3, kernel_initializer=normal(1))])

    tasks = [Task(build, dataset(), TRAINING, s) for s in (0, 1)]
    assert max(difference(cohort.train(tasks)[1], keras_fit.train(tasks[1])).values()) < 1e-5


class Subclassed(keras.Model):
    """A model whose call is code."""

    def __init__(self):
        super().__init__(name="mine")
        self.flatten, self.out = L.Flatten(), L.Dense(3)

    def call(self, inputs):
        """Return the logits."""
        return self.out(self.flatten(inputs))


def two_inputs():
    a, b = keras.Input(SHAPE), keras.Input(SHAPE)
    return keras.Model([a, b], L.Dense(3)(L.Flatten()(L.Add()([a, b]))), name="two")


def masked():
    x = keras.Input((6, 6))
    return keras.Model(x, L.LSTM(3)(L.Masking(name="mask")(x)))


def half():
    x = keras.Input(SHAPE)
    return keras.Model(x, L.Dense(3, name="out", dtype="mixed_float16")(L.Flatten()(x)))


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (Subclassed, "model 'mine' is a Subclassed, whose call is code and not a graph of layers"),
        (two_inputs, "model 'two' has 2 inputs and 1 outputs, and cohorts know one of each"),
        (half, "its layer 'out' (Dense) computes in float16, and cohorts in float32"),
        (
            lambda: keras.Sequential([L.Flatten(), L.Dense(3)], name="open"),
            "model 'open' is not built: give its first layer an Input",
        ),
    ],
)
def test_what_cannot_be_stacked_is_refused_by_name_before_training(build, message):
    task = Task(build, dataset(), TRAINING, 0)
    plan = cohort.group([task])
    assert (plan.groups, plan.refused) == ([], {0: message})
    with pytest.raises(RefusedError) as refusal:
        cohort.train([task])
    assert str(refusal.value) == message


def test_an_unrolled_model_that_cannot_be_stacked_is_refused_by_name_when_it_is_traced():
    """It is built once only, with its values, where the cohort begins; no epoch is trained."""
    epochs = []
    with pytest.raises(RefusedError) as refusal:
        cohort.train([Task(masked, dataset(), TRAINING, 0)], lambda epoch, *_: epochs.append(epoch))
    assert str(refusal.value) == "its layer 'mask' (Masking) makes a mask, and cohorts carry none"
    assert epochs == []
