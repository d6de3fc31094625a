"""The curvature of the loss at the weights of a net: the largest eigenvalues of its Hessian, without the Hessian.

The Hessian of a net of n weights has n ** 2 entries, but its product with a vector costs two passes; the largest
eigenvalues follow from a few dozen such products. The largest is the usual measure of sharpness. It is not invariant:
doubling one layer of ReLU units and halving the next changes it and not what the net computes (Dinh et al. 2017), and
for cross-entropy it goes to 0 with the train loss, however the minimum is shaped.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from lab.checks import UsageError, choice, whole
from lab.training import LOSSES

if TYPE_CHECKING:
    import keras


def top_eigenvalues(
    model: "keras.Model",
    weights: Sequence[np.ndarray],
    x: np.ndarray,
    y: np.ndarray,
    *,
    loss: str = "softmax_cross_entropy",
    count: int = 1,
) -> np.ndarray:
    """Return the largest eigenvalues of the Hessian of the mean data loss, by its trainable weights.

    Args:
        model: computes in inference mode. Its own weights are put back.
        weights: the point at which it is taken, as `model.get_weights()` orders them.
        x, y: all examples of the mean, of shapes (n, ...) and (n,) or (n, outputs), as the loss takes them.
        loss: one of `lab.training.LOSSES`.
        count: how many eigenvalues, at least 1 and less than the number of trainable weights.

    Returns:
        float64 of shape (count,), from the largest; a saddle may have none above 0. Computed by Lanczos's method to
        about five digits, from float32 products.

    Raises:
        UsageError: the loss or the count is none, or there is not one label for each example.

    Reference: Pearlmutter 1994, "Fast exact multiplication by the Hessian"; Keskar et al. 2017.
    """
    choice("loss", loss, LOSSES)
    count = whole("count", count, "the number of eigenvalues")
    if len(x) != len(y) or not len(x):
        raise UsageError(f"x and y must have one label for each of at least one example, got {len(x)} and {len(y)}")
    import tensorflow as tf
    from scipy.sparse.linalg import LinearOperator, eigsh

    from lab.engine.objective import data_loss

    variables = [v.value for v in model.trainable_variables]
    sizes = [int(np.prod(v.shape)) for v in variables]
    if count >= sum(sizes):
        raise UsageError(f"count must be less than the number of trainable weights, {sum(sizes)}, got {count}")
    inputs, targets = tf.constant(x), tf.constant(y)

    @tf.function
    def product(vector: tf.Tensor) -> tf.Tensor:
        parts = [tf.reshape(part, v.shape) for part, v in zip(tf.split(vector, sizes), variables, strict=True)]
        # The derivative of the gradient along a direction: forwards over backwards.
        with tf.autodiff.ForwardAccumulator(variables, parts) as along:
            with tf.GradientTape() as tape:
                mean = tf.reduce_mean(data_loss(loss, targets, model(inputs, training=False)))
            gradients = tape.gradient(mean, variables, unconnected_gradients="zero")
        moved = [along.jvp(g, unconnected_gradients="zero") for g in gradients]
        return tf.concat([tf.reshape(part, [-1]) for part in moved], 0)

    def times(vector: np.ndarray) -> np.ndarray:
        return product(tf.constant(vector.ravel(), tf.float32)).numpy().astype(float)

    own = model.get_weights()
    try:
        model.set_weights(list(weights))
        operator = LinearOperator((sum(sizes), sum(sizes)), matvec=times, dtype=float)
        start = np.random.default_rng(0).normal(size=sum(sizes))
        found = eigsh(operator, k=count, which="LA", v0=start, tol=1e-5, return_eigenvectors=False)
    finally:
        model.set_weights(own)
    return np.sort(found)[::-1]
