"""Blocks of convolutions, each ended by pooling, made and checked: what the convolutional factories are made of."""

from dataclasses import dataclass
from typing import Any

from lab.checks import UsageError
from lab.models.blocks import Style, check_normalization
from lab.regularization import Regularization


@dataclass(frozen=True)
class Block:
    """Convolutions of one size, perhaps local response normalization, then pooling.

    Args:
        filters: of each convolution.
        window: height and width of the kernels.
        paddings: of each convolution, "same" or "valid".
        pool: height and width of the pooling; 1 leaves it out.
        stride: of the pooling.
        lrn: whether local response normalization comes before the pooling.
    """

    filters: tuple[int, ...]
    window: int
    paddings: tuple[str, ...]
    pool: int
    stride: int
    lrn: bool = False

    def check(self, shape: tuple[int, ...], i: int, size: tuple[int, ...], pieces: int, r: Regularization):
        """Return the (height, width) this block leaves of `size`, or refuse an image that is too small."""

        def slide(name: str, window: int, stride: int) -> tuple[int, int]:
            if min(size) < window:
                raise UsageError(
                    f"input_shape {shape} is too small for block {i}: {name} needs at least {window}x{window} pixels "
                    f"and gets {size[0]}x{size[1]}; use larger images, or fewer or smaller blocks"
                )
            return (size[0] - window) // stride + 1, (size[1] - window) // stride + 1

        for j, (units, padding) in enumerate(zip(self.filters, self.paddings, strict=True), 1):
            if padding == "valid":
                size = slide(f"conv_{i}_{j}", self.window, 1)
            check_normalization(f"conv_{i}_{j}", r, units * pieces, size[0] * size[1])
        size = slide(f"pool_{i}", self.pool, self.stride)
        if r.dropblock and min(size) < r.block_size:
            raise UsageError(
                f"block_size must be at most {min(size)} in block {i}, whose pooling leaves {size[0]}x{size[1]} pixels "
                f"(it is the height and width of a dropped square), got {r.block_size}"
            )
        return size

    def apply(self, x: Any, i: int, style: Style, r: Regularization) -> Any:
        """Apply the block's layers."""
        import keras

        from lab.layers import LocalResponseNormalization

        for j, (units, padding) in enumerate(zip(self.filters, self.paddings, strict=True), 1):
            name = f"conv_{i}_{j}"
            x = style.weighted(name, units * style.pieces, r, self.window, padding)(x)
            x = style.finish(x, name, r)
        if self.lrn:
            x = LocalResponseNormalization(name=f"lrn_{i}")(x)
        if self.pool > 1:
            x = keras.layers.MaxPooling2D(self.pool, self.stride, name=f"pool_{i}")(x)
        return style.dropped(x, f"block_{i}", r)
