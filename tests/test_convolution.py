"""Convolution by im2col: the course's tables, and Keras's own convolution, forward and gradient."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from lab.checks import UsageError
from lab.textbook.convolution import col2im, convolve, gradients, im2col, output_size, overlaps


def image(side, channels=1):
    return np.arange(side * side * channels, dtype=float).reshape(1, side, side, channels)


def numbers(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


@pytest.mark.parametrize(
    ("size", "window", "pad", "stride", "places"),
    [
        (6, 2, 1, 1, 7),
        (28, 5, 0, 1, 24),
        (24, 2, 0, 2, 12),
        (32, 3, 1, 1, 32),
        (227, 11, 0, 4, 55),
        (7, 7, 0, 3, 1),
    ],
)
def test_the_output_size_follows_the_formula(size, window, pad, stride, places):
    assert output_size(size, window, pad=pad, stride=stride) == places


def test_the_output_size_is_the_one_keras_gives():
    for size in range(1, 9):
        for window in range(1, size + 1):
            for stride in (1, 2, 3):
                pooled = keras.layers.MaxPooling2D(window, stride).compute_output_shape((None, size, size, 1))
                assert output_size(size, window, stride=stride, cut=True) == pooled[1]


def test_a_stride_that_leaves_pixels_over_is_refused():
    with pytest.raises(UsageError) as refusal:
        output_size(28, 3, stride=2)
    assert str(refusal.value) == (
        "(H + 2P - F) / S + 1 must be whole, got (28 + 2 * 0 - 3) / 2 + 1; choose another stride or padding, "
        "or cut=True to leave the last 1 of 28 pixels out"
    )
    assert output_size(28, 3, stride=2, cut=True) == 13


def test_a_window_larger_than_the_image_is_refused():
    with pytest.raises(UsageError) as refusal:
        output_size(4, 7, pad=1)
    assert str(refusal.value) == (
        "a window of 7 does not fit into 4 pixels with 1 zeros at either end; use a smaller window or more padding"
    )


def test_im2col_of_the_courses_4x4_image():
    table = im2col(image(4), (2, 2))
    assert table.shape == (9, 4)
    assert table[:5].tolist() == [[0, 1, 4, 5], [1, 2, 5, 6], [2, 3, 6, 7], [4, 5, 8, 9], [5, 6, 9, 10]]


@pytest.mark.parametrize(
    ("side", "window", "pad", "stride", "shape"),
    [(4, 2, 1, 1, (25, 4)), (6, 3, 0, 2, (4, 9)), (6, 4, 0, 1, (9, 16)), (6, 2, 1, 1, (49, 4))],
)
def test_im2col_has_a_row_a_receptive_field(side, window, pad, stride, shape):
    assert im2col(image(side), (window, window), pad=pad, stride=stride).shape == shape


def test_a_row_of_im2col_is_a_patch_flattened_as_a_kernel_is():
    images = numbers(2, 5, 6, 3)
    table = im2col(images, (3, 2), pad=1, stride=1)
    padded = np.pad(images, ((0, 0), (1, 1), (1, 1), (0, 0)))
    rows = [padded[n, i : i + 3, j : j + 2].ravel() for n in range(2) for i in range(5) for j in range(7)]
    np.testing.assert_array_equal(table, rows)


def test_col2im_sums_overlaps():
    assert overlaps((4, 4), (2, 2)).tolist() == [[1, 2, 2, 1], [2, 4, 4, 2], [2, 4, 4, 2], [1, 2, 2, 1]]


def test_without_overlap_col2im_is_the_inverse_of_im2col():
    images = numbers(2, 6, 4, 3)
    np.testing.assert_array_equal(col2im(im2col(images, (2, 2), stride=2), images.shape, (2, 2), stride=2), images)


@pytest.mark.parametrize(("pad", "stride"), [(0, 1), (1, 1), (1, 2), (0, 3)])
def test_col2im_is_the_transpose_of_im2col(pad, stride):
    images = numbers(2, 5, 5, 3).astype(float)
    columns = im2col(images, (3, 3), pad=pad, stride=stride)
    other = numbers(*columns.shape, seed=1).astype(float)
    back = col2im(other, images.shape, (3, 3), pad=pad, stride=stride)
    assert np.sum(columns * other) == pytest.approx(np.sum(images * back), rel=1e-12)


def test_a_table_of_another_image_is_refused_by_col2im():
    with pytest.raises(UsageError) as refusal:
        col2im(np.ones((9, 4)), (1, 5, 5, 1), (2, 2))
    message = "columns must be of shape (16, 4) for images of shape (1, 5, 5, 1), got (9, 4)"
    assert str(refusal.value) == message


@pytest.mark.parametrize("padding", ["valid", "same"])
def test_a_convolution_equals_keras_conv2d(padding):
    images, kernel, bias = numbers(3, 7, 6, 2), numbers(3, 3, 2, 4, seed=1), numbers(4, seed=2)
    layer = keras.layers.Conv2D(4, 3, padding=padding)
    layer.build(images.shape)
    layer.set_weights([kernel, bias])
    pad = 1 if padding == "same" else 0
    np.testing.assert_allclose(convolve(images, kernel, bias, pad=pad), np.asarray(layer(images)), atol=1e-5)


@pytest.mark.parametrize(("pad", "stride"), [(0, 1), (1, 1), (1, 2), (0, 3)])
def test_forward_and_gradients_equal_tensorflows(pad, stride):
    images, kernel = numbers(2, 5, 7, 3), numbers(3, 3, 3, 4, seed=1)
    a, b, c = tf.constant(images), tf.constant(kernel), tf.zeros(4)
    with tf.GradientTape() as tape:
        tape.watch((a, b, c))
        paddings = [[0, 0], [pad, pad], [pad, pad], [0, 0]]
        expected = tf.nn.bias_add(tf.nn.conv2d(a, b, stride, paddings), c)
        upstream = numbers(*expected.shape, seed=2)
        total = tf.reduce_sum(expected * upstream)
    np.testing.assert_allclose(convolve(images, kernel, pad=pad, stride=stride), expected, atol=1e-5)
    ours = gradients(images, kernel, upstream, pad=pad, stride=stride)
    for mine, theirs in zip(ours, tape.gradient(total, (a, b, c)), strict=True):
        np.testing.assert_allclose(mine, theirs, atol=1e-4)


def test_a_kernel_for_other_channels_is_refused():
    with pytest.raises(UsageError) as refusal:
        convolve(numbers(1, 4, 4, 2), numbers(3, 3, 1, 5))
    assert str(refusal.value) == (
        "images must be (n, height, width, channels) and the kernel (height, width, channels, filters) with as many "
        "channels, got (1, 4, 4, 2) and (3, 3, 1, 5)"
    )
