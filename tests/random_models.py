"""Random models, and a loop that trains them and shares no code with `lab.engine`."""

from collections.abc import Callable

import keras
import numpy as np
import tensorflow as tf

from lab.data import Dataset
from lab.layers import DropConnectDense, Maxout
from lab.training import Training
from tests.cohorts import SHAPE

L = keras.layers


class Pull(L.Layer):
    """A layer of one's own: a scale, a loss that pulls it to one, and a count of its steps."""

    def build(self, shape):
        """Make the scale."""
        self.scale = self.add_weight(shape=(shape[-1],), initializer="ones", name="pull")
        self.steps = self.add_weight(shape=(), initializer="zeros", trainable=False, name="steps")

    def call(self, inputs, training=False):
        """Scale the inputs."""
        self.add_loss(0.1 * keras.ops.sum(keras.ops.square(self.scale - 1.1)))
        if training:
            self.steps.assign_add(1.0)
        return inputs * self.scale


class Smooth(keras.regularizers.Regularizer):
    """A regularizer of one's own."""

    def __call__(self, weights):
        """Charge differences between neighbours."""
        return 0.01 * keras.ops.sum(keras.ops.square(weights[1:] - weights[:-1]))

    def get_config(self):
        """Return no arguments."""
        return {}


class Clipped(keras.constraints.Constraint):
    """A constraint of one's own."""

    def __call__(self, weights):
        """Clip the weights."""
        return keras.ops.clip(weights, -0.4, 0.4)


class Maker:
    """Makes one random model for a run.

    The structure follows from the case, and the numbers in which runs of one structure may differ from the run too.
    """

    def __init__(self, case: int, run: int) -> None:
        self.structure = np.random.default_rng(case)
        self.run = run
        self.count = 0

    def seed(self) -> int:
        self.count += 1
        return 1000 * self.run + self.count

    def choose(self, *choices: object) -> object:
        return choices[self.structure.integers(len(choices))]

    def kernel(self) -> dict:
        """Return how a kernel starts, is penalized and is bounded."""
        strength = 0.01 * self.run
        l1_l2 = keras.regularizers.L1L2(strength, 0.01)
        return {
            "kernel_initializer": keras.initializers.GlorotUniform(seed=self.seed()),
            "kernel_regularizer": self.choose(None, l1_l2, keras.regularizers.L2(strength), Smooth()),
            "kernel_constraint": self.choose(None, None, Clipped(), keras.constraints.MaxNorm(1.0 + 0.1 * self.run)),
        }

    def activation(self) -> object:
        return self.choose("relu", "tanh", "sigmoid", None, "elu")

    def everywhere(self, x: keras.KerasTensor) -> Callable:
        """Return a layer that takes any tensor and keeps its shape."""
        width = x.shape[-1]
        kinds = (
            lambda: L.Dense(width, self.activation(), **self.kernel()),
            lambda: L.BatchNormalization(momentum=0.8 + 0.05 * self.run),
            lambda: L.LayerNormalization(),
            lambda: L.PReLU(keras.initializers.RandomNormal(0.2, 0.1, seed=self.seed())),
            lambda: L.Dropout(0.2 * self.run, seed=self.seed()),
            lambda: L.GaussianNoise(0.1, seed=self.seed()),
            lambda: L.Activation("softplus", activity_regularizer=keras.regularizers.L1(0.01 * self.run)),
            lambda: Pull(),
            lambda: L.LeakyReLU(),
        )
        return self.choose(*kinds)()

    def image(self, x: keras.KerasTensor) -> keras.KerasTensor:
        penalty = keras.regularizers.L2(0.01 * self.run)
        start = keras.initializers.GlorotUniform(seed=self.seed())
        kinds = (
            lambda: L.Conv2D(4, 3, padding="same", activation=self.activation(), **self.kernel()),
            lambda: L.DepthwiseConv2D(2, padding="same", depthwise_initializer=start, depthwise_regularizer=penalty),
            lambda: L.MaxPooling2D(2, padding="same"),
            lambda: L.AveragePooling2D(2, padding="same"),
            lambda: L.GroupNormalization(1),
            lambda: L.SpatialDropout2D(0.2, seed=self.seed()),
            lambda: L.PReLU(shared_axes=self.choose([1, 2], [1], [2, 3])),
            lambda: self.everywhere(x),
            lambda: self.everywhere(x),
        )
        return self.choose(*kinds)()(x)

    def sequence(self, x: keras.KerasTensor) -> keras.KerasTensor:
        start = keras.initializers.GlorotUniform(seed=self.seed())
        inner = keras.initializers.Orthogonal(seed=self.seed())
        cell = {"kernel_initializer": start, "recurrent_initializer": inner, "return_sequences": True}
        kinds = (
            lambda: L.Conv1D(4, 2, padding="same", activation=self.activation(), **self.kernel()),
            lambda: L.LSTM(4, **cell),
            lambda: L.GRU(4, kernel_regularizer=keras.regularizers.L2(0.01 * self.run), **cell),
            lambda: L.GlobalAveragePooling1D(keepdims=True),
            lambda: L.PReLU(shared_axes=self.choose([1], [2])),
            lambda: self.everywhere(x),
            lambda: self.everywhere(x),
        )
        attention = self.structure.random() < 0.15
        if attention:
            return L.MultiHeadAttention(2, 3, kernel_initializer=start)(x, x)
        return self.choose(*kinds)()(x)

    def vector(self, x: keras.KerasTensor) -> keras.KerasTensor:
        kinds = (
            lambda: L.Dense(8, self.activation(), **self.kernel()),
            lambda: DropConnectDense(8, 0.2, seed=self.seed(), **self.kernel()),
            lambda: Maxout(2) if x.shape[-1] % 2 == 0 else L.ReLU(),
            lambda: self.frozen(x),
            lambda: self.everywhere(x),
            lambda: self.everywhere(x),
        )
        return self.choose(*kinds)()(x)

    def frozen(self, x: keras.KerasTensor) -> keras.Layer:
        layer = L.Dense(8, **self.kernel())
        layer.trainable = False
        return layer

    def shared(self, x: keras.KerasTensor) -> keras.KerasTensor:
        """Call a layer, or a model of two, twice."""
        dense = L.Dense(8, "tanh", **self.kernel())
        nested = self.structure.random() < 0.5
        twice = (
            keras.Sequential([keras.Input(x.shape[1:]), dense, L.Dropout(0.2, seed=self.seed())]) if nested else dense
        )
        return L.Concatenate()([twice(x), twice(-1.5 * x)])

    def model(self, size: int) -> keras.Model:
        inputs = keras.Input(SHAPE)
        kind = self.choose("vector", "sequence", "image")
        x = {"vector": L.Flatten(), "sequence": L.Reshape((6, 6)), "image": L.Identity()}[kind](inputs)
        for _ in range(size):
            before, x = x, getattr(self, kind)(x)
            if before.shape == x.shape and self.structure.random() < 0.3:
                x = self.choose(L.Add, L.Multiply, L.Concatenate)()([before, x])
            if kind == "vector" and self.structure.random() < 0.15:
                x = self.shared(x)
            if kind != "vector" and self.structure.random() < 0.2:
                x, kind = L.Flatten()(x), "vector"
        x = L.Flatten()(x) if len(x.shape) > 2 else x
        return keras.Model(inputs, L.Dense(3, kernel_initializer=keras.initializers.GlorotUniform(seed=self.seed()))(x))


def build(case: int, run: int, size: int) -> keras.Model:
    """Return the model of a case for one run."""
    return Maker(case, run).model(size)


def optimizer(training: Training, model: keras.Model) -> keras.optimizers.Optimizer:
    rate = training.learning_rate
    return {
        "sgd": lambda: keras.optimizers.SGD(rate),
        "momentum": lambda: keras.optimizers.SGD(rate, momentum=training.momentum),
        "adam": lambda: keras.optimizers.Adam(rate, epsilon=training.epsilon),
    }[training.optimizer]()


def by_hand(
    model: keras.Model, data: Dataset, training: Training, seed: int
) -> tuple[list[dict], list[list[np.ndarray]]]:
    """Train a model in a plain loop; return what is measured after each epoch, and the weights."""
    cross_entropy = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    own = optimizer(training, model)
    rows, weights = [], []
    for epoch in range(1, training.epochs + 1):
        order = training.order(len(data.train.y), seed, epoch)
        for start in range(0, len(order), training.batch_size):
            batch = order[start : start + training.batch_size]
            with tf.GradientTape() as tape:
                outputs = model(data.train.x[batch], training=True)
                loss = cross_entropy(data.train.y[batch], outputs) + sum(model.losses, tf.zeros([]))
            own.apply_gradients(
                zip(tape.gradient(loss, model.trainable_variables), model.trainable_variables, strict=True)
            )
        row = {}
        for name, split in (("train", data.train), ("val", data.validation)):
            row[f"{name}_data_loss"] = float(cross_entropy(split.y, model(split.x, training=False)))
        row["val_penalty"] = float(sum(model.losses, tf.zeros([])))
        rows.append(row)
        weights.append(model.get_weights())
    return rows, weights
