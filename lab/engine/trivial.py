"""TrivialAugment: one operation per image, drawn from a list, at a strength drawn from 0 to 30.

The operations are those of the paper's table that are computed alike to the last bit in every batch: whole pixels are
moved by arithmetic of integers, and the others take a product, a difference or a power of two of each pixel by itself.
Left out are contrast, colour, sharpness, auto-contrast and equalization, which need a mean, neighbours or a histogram
of the image and would depend on the order of sums; the paper's ranges are kept, with shifts as shares of the image.

Reference: Müller and Hutter 2021, "TrivialAugment: Tuning-free Yet State-of-the-Art Data Augmentation".
"""

import numpy as np
import tensorflow as tf

OPERATIONS = (
    *("identity", "shear along rows", "shear along columns", "move along rows", "move along columns", "rotate"),
    *("brightness", "posterize", "solarize"),
)

STRENGTHS = 31
"""The number of strengths; each is drawn with both signs."""

SHEAR, SHIFT, ANGLE, BRIGHTNESS, BITS = 0.3, 10 / 32, 30.0, 0.9, 4
"""The largest slope, share of a side, degrees, change of brightness, and bits that are taken off the 8 of a pixel."""

_FRACTION = 16
"""The bits behind the point of the numbers by which pixels are moved."""


def maps(height: int, width: int) -> np.ndarray:
    """Return from where the pixels of an image come, int32 of shape (operations, 2 * strengths, 6).

    The six numbers (a, b, c, d, e, f) are in parts of 2 ** 16. With i and j the place of a pixel in half pixels from
    the middle of the image, it comes from a * i + b * j + c, d * i + e * j + f. Of a pair of strengths the second has
    the other sign.
    """
    found = np.zeros((len(OPERATIONS), 2 * STRENGTHS, 6))
    found[:, :, 0] = found[:, :, 4] = 1.0
    for drawn in range(2 * STRENGTHS):
        strength = _signed(drawn)
        angle = np.deg2rad(ANGLE * strength)
        found[1, drawn, 3] = SHEAR * strength
        found[2, drawn, 1] = SHEAR * strength
        found[3, drawn, 5] = -2 * round(SHIFT * width * strength)
        found[4, drawn, 2] = -2 * round(SHIFT * height * strength)
        found[5, drawn, [0, 1, 3, 4]] = np.cos(angle), np.sin(angle), -np.sin(angle), np.cos(angle)
    return np.round(found * 2**_FRACTION).astype(np.int32)


def changed(x: tf.Tensor, drawn: tf.Tensor) -> tf.Tensor:
    """Return images after one operation each.

    Args:
        x: pixels from 0 to 1, of shape (replicas, batch, height, width, channels).
        drawn: the operation and the strength of each image, int32 of shape (replicas, batch, 2).
    """
    return _coloured(_moved(x, drawn), drawn)


def _signed(drawn: int) -> float:
    """Return a strength from -1 to 1."""
    return (-1 if drawn % 2 else 1) * (drawn // 2) / (STRENGTHS - 1)


def _moved(x: tf.Tensor, drawn: tf.Tensor) -> tf.Tensor:
    height, width, channels = x.shape[2:]
    numbers = tf.gather_nd(tf.constant(maps(height, width)), drawn)[..., None, None, :]
    i, j = (2 * tf.range(size) - (size - 1) for size in (height, width))
    i, j = i[:, None], j[None, :]

    def places(first: int, size: int) -> tuple[tf.Tensor, tf.Tensor]:
        """Return the nearest of `size` places to each source, and whether it is inside of the image."""
        source = numbers[..., first] * i + numbers[..., first + 1] * j + numbers[..., first + 2]
        place = tf.bitwise.right_shift(source + size * 2**_FRACTION, _FRACTION + 1)
        return tf.clip_by_value(place, 0, size - 1), (place >= 0) & (place < size)

    rows, inside_rows = places(0, height)
    columns, inside_columns = places(3, width)
    batch = tf.shape(x)[1]
    at = tf.reshape(rows * width + columns, [x.shape[0], batch, height * width])
    flat = tf.reshape(x, [x.shape[0], batch, height * width, channels])
    moved = tf.reshape(tf.gather(flat, at, batch_dims=2), tf.shape(x))
    return tf.ensure_shape(tf.where((inside_rows & inside_columns)[..., None], moved, 0.0), x.shape)


def _coloured(x: tf.Tensor, drawn: tf.Tensor) -> tf.Tensor:
    strengths = np.array([_signed(k) for k in range(2 * STRENGTHS)])
    tables = (
        1.0 + BRIGHTNESS * strengths,
        2.0 ** (8 - np.round(BITS * np.abs(strengths))),
        256 * (1 - np.abs(strengths)) / 255,
    )
    factor, levels, threshold = (
        tf.gather(tf.constant(table, tf.float32), drawn[..., 1])[..., None, None, None] for table in tables
    )
    operation = drawn[..., 0][..., None, None, None]

    def of(name: str) -> tf.Tensor:
        return operation == OPERATIONS.index(name)

    x = tf.where(of("brightness"), tf.clip_by_value(x * factor, 0.0, 1.0), x)
    x = tf.where(of("posterize"), tf.floor(x * levels) / levels, x)
    return tf.where(of("solarize") & (x >= threshold), 1.0 - x, x)
