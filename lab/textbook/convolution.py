"""Convolution as the course teaches it: the size arithmetic, im2col, col2im, and a matrix product between them.

In NumPy and for understanding: every receptive field becomes one row of a table, and a convolution is that table times
the flattened kernel. Images are (n, height, width, channels) and kernels (height, width, channels, filters), as in
Keras; as there, "convolution" does not turn the kernel round. Results equal `keras.layers.Conv2D`, forward and
gradient.
"""

import numpy as np

from lab.checks import UsageError, flag, whole


def output_size(size: int, window: int, *, pad: int = 0, stride: int = 1, cut: bool = False) -> int:
    """Return how many places a window has along one axis: (H + 2P - F) / S + 1.

    Args:
        size: H, the pixels along the axis, at least 1.
        window: F, the pixels the window covers, at least 1.
        pad: P, the zeros added at either end, at least 0.
        stride: S, the pixels from one place to the next, at least 1.
        cut: round down where the stride does not reach the end exactly. The last pixels are then in no window, as in
            Keras and in the other functions of this room; refused otherwise, since it is seldom meant.

    Raises:
        UsageError: the window is larger than the padded image, or the stride does not reach its end exactly.
    """
    size = whole("size", size, "the number of pixels along an axis")
    window = whole("window", window, "the number of pixels a window covers")
    pad = whole("pad", pad, "the number of zeros added at either end", low=0)
    stride = whole("stride", stride, "the number of pixels from one window to the next")
    room = size + 2 * pad - window
    if room < 0:
        raise UsageError(
            f"a window of {window} does not fit into {size} pixels with {pad} zeros at either end; "
            "use a smaller window or more padding"
        )
    if room % stride and not flag("cut", cut):
        raise UsageError(
            f"(H + 2P - F) / S + 1 must be whole, got ({size} + 2 * {pad} - {window}) / {stride} + 1; "
            f"choose "
            f"another stride or padding, or cut=True to leave the last {room % stride} of {size + 2 * pad} pixels out"
        )
    return room // stride + 1


def im2col(images: np.ndarray, window: tuple[int, int], *, pad: int = 0, stride: int = 1) -> np.ndarray:
    """Return a table with a row for each receptive field.

    Args:
        images: (n, height, width, channels).
        window: (height, width) of the receptive field.
        pad: zeros added on all four sides.
        stride: pixels from one field to the next, in both directions. Pixels that it does not reach at the bottom and
            on the right are left out, as in Keras.

    Returns:
        (n * places down * places across, height * width * channels of the window): the fields image by image and row
        by row, each flattened as a kernel of Keras is.

    Raises:
        UsageError: images of another shape, or a window larger than the padded image.
    """
    down, across = _places(images.shape, window, pad, stride)
    padded = np.pad(images, ((0, 0), (pad, pad), (pad, pad), (0, 0)))
    fields = np.lib.stride_tricks.sliding_window_view(padded, window, axis=(1, 2))[:, ::stride, ::stride]
    # (n, down, across, channels, height, width): without the transpose a row would not be a flattened kernel.
    return fields.transpose(0, 1, 2, 4, 5, 3).reshape(len(images) * down * across, -1)


def col2im(
    columns: np.ndarray, shape: tuple[int, int, int, int], window: tuple[int, int], *, pad: int = 0, stride: int = 1
) -> np.ndarray:
    """Return images in which each receptive field is added back to where `im2col` took it from.

    Where fields overlap their values add up, so this is not the inverse of `im2col` but its transpose: what carries a
    gradient back.

    Args:
        columns: a table as `im2col` returns it.
        shape: of the images, (n, height, width, channels).
        window, pad, stride: as for `im2col`.

    Raises:
        UsageError: the table is not one of such images.
    """
    down, across = _places(shape, window, pad, stride)
    n, height, width, channels = shape
    expected = (n * down * across, window[0] * window[1] * channels)
    if columns.shape != expected:
        raise UsageError(f"columns must be of shape {expected} for images of shape {shape}, got {columns.shape}")
    fields = columns.reshape(n, down, across, *window, channels)
    padded = np.zeros((n, height + 2 * pad, width + 2 * pad, channels), columns.dtype)
    for i in range(window[0]):
        for j in range(window[1]):
            padded[:, i : i + stride * down : stride, j : j + stride * across : stride] += fields[:, :, :, i, j]
    return padded[:, pad : pad + height, pad : pad + width]


def overlaps(size: tuple[int, int], window: tuple[int, int], *, pad: int = 0, stride: int = 1) -> np.ndarray:
    """Return in how many receptive fields each pixel of an image of (height, width) lies, as whole numbers."""
    shape = (1, *size, 1)
    down, across = _places(shape, window, pad, stride)
    ones = np.ones((down * across, window[0] * window[1]), int)
    return col2im(ones, shape, window, pad=pad, stride=stride)[0, :, :, 0]


def convolve(
    images: np.ndarray, kernel: np.ndarray, bias: np.ndarray | None = None, *, pad: int = 0, stride: int = 1
) -> np.ndarray:
    """Return the convolution of images with a kernel: im2col times the flattened kernel.

    Args:
        images: (n, height, width, channels).
        kernel: (height, width, channels, filters).
        bias: (filters,), or None.
        pad, stride: as for `im2col`.

    Returns:
        (n, places down, places across, filters).
    """
    window = _window(images, kernel)
    down, across = _places(images.shape, window, pad, stride)
    filters = kernel.shape[3]
    outputs = im2col(images, window, pad=pad, stride=stride) @ kernel.reshape(-1, filters)
    if bias is not None:
        outputs = outputs + bias
    return outputs.reshape(len(images), down, across, filters)


def gradients(
    images: np.ndarray, kernel: np.ndarray, upstream: np.ndarray, *, pad: int = 0, stride: int = 1
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the gradients of a loss with respect to the images, the kernel and the bias of `convolve`.

    Args:
        images, kernel, pad, stride: as for `convolve`.
        upstream: the gradient with respect to the result of `convolve`, of its shape.

    Returns:
        Three arrays of the shapes of the images, the kernel and the bias.
    """
    window = _window(images, kernel)
    back = upstream.reshape(-1, kernel.shape[3])
    columns = im2col(images, window, pad=pad, stride=stride)
    of_columns = back @ kernel.reshape(-1, kernel.shape[3]).T
    of_images = col2im(of_columns, images.shape, window, pad=pad, stride=stride)
    return of_images, (columns.T @ back).reshape(kernel.shape), back.sum(axis=0)


def _window(images: np.ndarray, kernel: np.ndarray) -> tuple[int, int]:
    if images.ndim != 4 or kernel.ndim != 4 or images.shape[3] != kernel.shape[2]:
        raise UsageError(
            "images must be (n, height, width, channels) and the kernel (height, width, channels, filters) with as "
            f"many channels, got {images.shape} and {kernel.shape}"
        )
    return kernel.shape[:2]


def _places(shape: tuple[int, ...], window: tuple[int, int], pad: int, stride: int) -> tuple[int, int]:
    if len(shape) != 4:
        raise UsageError(f"images must be of shape (n, height, width, channels), got {shape}")
    down, across = (output_size(shape[i + 1], window[i], pad=pad, stride=stride, cut=True) for i in range(2))
    return down, across
