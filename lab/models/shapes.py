"""Shapes of what a model takes and returns: which examples fit an input, and how a refusal writes a shape.

A shape is that of one example, without the batch. None stands for an axis of any length.
"""

from pathlib import Path

from lab.checks import DataError

Shape = tuple[int | None, ...]


def takes(taken: Shape, given: tuple[int, ...]) -> bool:
    """Say whether Keras feeds examples of one shape to an input of another: it adds or drops a last axis of 1."""

    def alike(a: Shape, b: tuple[int, ...]) -> bool:
        return len(a) == len(b) and all(x is None or x == y for x, y in zip(a, b, strict=True))

    return alike(taken, given) or alike(taken, (*given, 1)) or (given[-1:] == (1,) and alike(taken, given[:-1]))


def written(shape: Shape) -> str:
    """Return a shape as a refusal writes it: (any, 8), (784,)."""
    sizes = ["any" if size is None else str(size) for size in shape]
    return f"({sizes[0]},)" if len(sizes) == 1 else f"({', '.join(sizes)})"


def refuse_misfit(path: Path, taken: Shape, given: tuple[int, ...]) -> None:
    """Refuse data whose examples have another shape than a saved model takes."""
    if not takes(taken, given):
        raise DataError(
            f"{path} must take examples of shape {written(given)}, as the data has them, got a model for "
            f"{written(taken)}; bring the data into that shape"
        )
