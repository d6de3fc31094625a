"""A process that trains cohort after cohort keeps none of their graphs, and TensorFlow warns of none."""

import functools
import gc
import subprocess
import sys

import tensorflow as tf
from tensorflow.python.framework import ops
from tensorflow.python.framework.func_graph import FuncGraph

import lab
from lab.engine.gradient_registry import forgotten_gradients
from lab.experiment import Variant
from lab.regularization import Regularization
from lab.sweep.unpublished import train
from lab.training import Training

MANY_COHORTS = """
import functools
import lab
from lab.engine.tensorflow import load_tensorflow
from lab.experiment import Variant
from lab.sweep.unpublished import train
from lab.training import Training

load_tensorflow()
data = functools.partial(lab.data.digits, train_size=40, validation_size=40, test_size=40)
for width in range(2, 6):
    model = functools.partial(lab.models.dense, widths=(width,))
    train({"own": Variant(data=data, model=model, training=Training(epochs=2))}, seeds=[0])
"""


def registered():
    return {name for name in ops.gradient_registry._registry if name.startswith("CustomGradient-")}


def test_no_graph_outlives_its_cohort():
    data = functools.partial(lab.data.digits, train_size=40, validation_size=40, test_size=40)
    regularization = Regularization(activity_l1=1e-3, group_units=1e-3, normalization="batch")
    model = functools.partial(lab.models.dense, widths=(8,), regularization=regularization)
    gc.collect()
    graphs, before = [one for one in gc.get_objects() if isinstance(one, FuncGraph)], registered()
    train({"own": Variant(data=data, model=model, training=Training(epochs=2))}, seeds=[0, 1])
    assert registered() == before
    gc.collect()
    assert not [one for one in gc.get_objects() if isinstance(one, FuncGraph) and one not in graphs]


def test_tensorflow_does_not_warn_of_many_cohorts():
    """It takes functions that share a code object for one that is traced again and again, and says so to the user.

    In a process of its own, as TensorFlow says so twice and then no more.
    """
    ran = subprocess.run([sys.executable, "-c", MANY_COHORTS], capture_output=True, text=True, check=True)
    assert "retracing" not in ran.stderr


def test_only_gradients_of_ones_own_are_forgotten_and_those_of_before_stay():
    @tf.custom_gradient
    def twice(x):
        return 2 * x, lambda upstream: 2 * upstream

    @tf.function
    def traced(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = twice(x)
        return tape.gradient(y, x)

    before = registered()
    assert float(traced(tf.constant(1.0))) == 2.0
    (kept,) = registered() - before
    with forgotten_gradients():
        assert float(traced(tf.constant([1.0]))[0]) == 2.0
        tf.RegisterGradient("KeptOfTheTest")(lambda op, gradient: gradient)
        assert len(registered() - before) == 2
    assert registered() - before == {kept}
    assert "KeptOfTheTest" in ops.gradient_registry._registry
