"""The space of advice: each family of `lab.models.families` at its strengths, each at the same learning rates."""

import functools
import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from lab.checks import UsageError, choice, shown
from lab.experiment import Variant
from lab.models.families import FAMILIES, Family
from lab.models.saved_model import saved
from lab.regularization import Regularization
from lab.training import Training

RATES = (1 / 3, 1.0, 3.0)
"""Times the learning rate that was given. Every setting is tried at each, the plain model too."""


@dataclass(frozen=True)
class Setting:
    """A family at a strength and a learning rate; the plain model has no family.

    Args:
        family: its name; "none" for the plain model.
        strength: of the family; None for the plain model.
        variant: how it is trained.
        extended: returns the settings of the family at another strength, one for each learning rate; None if it has
            no other.
    """

    family: str
    strength: float | str | None
    variant: Variant
    extended: "Callable[[float], list[Setting]] | None" = None

    @property
    def name(self) -> str:
        """The name of its variant, as in "dropout-0.25"."""
        return self.family if self.strength is None else f"{self.family}-{self.strength}".replace(" ", "_")

    @property
    def label(self) -> str:
        """The family and its strength in words."""
        return f"{self.family} {self.strength}"


GEOMETRIC = 30.0
"""Strengths whose ends are so many times apart are a geometric row, which has no natural end."""


def wider(best: Setting, tried: Sequence[Setting]) -> list[Setting]:
    """Return settings beyond the end of a family's strengths, if the best one is at an end of them.

    Args:
        best: the best of those that were tried.
        tried: the settings of the family, of whatever strengths.

    Returns:
        One setting for each learning rate, a step of the row further; none where the best strength lies between others,
        or where the strengths are no geometric row, as rates of dropout are none.
    """
    strengths = sorted({one.strength for one in tried if isinstance(one.strength, float)})
    if len(strengths) < 2 or strengths[-1] < GEOMETRIC * strengths[0] or best.extended is None:
        return []
    step = strengths[1] / strengths[0]
    if best.strength == strengths[0]:
        return best.extended(float(f"{strengths[0] / step:.3g}"))
    return best.extended(float(f"{strengths[-1] * step:.3g}")) if best.strength == strengths[-1] else []


def factory_of(model: "str | Path | Callable") -> Callable:
    """Return a factory that takes `regularization`.

    Raises:
        UsageError: the model is neither a path nor such a factory.
    """
    if isinstance(model, str | Path):
        return functools.partial(saved, Path(model), start="fresh")
    try:
        if "regularization" in inspect.signature(model).parameters:
            return model
    except (TypeError, ValueError):
        pass
    raise UsageError(
        "model must be the path of a .keras file, or a factory that takes regularization as lab.models.dense does, "
        f"got {shown(model)}"
    )


def settings(
    load: Callable,
    factory: Callable,
    training: Training,
    *,
    images: bool = False,
    pixels: bool = True,
    families: Sequence[str] | None = None,
) -> Mapping[str, list[Setting]]:
    """Return the settings of the plain model, as "none", and of each family that goes with the loss, by name.

    Args:
        load, factory, training: of the plain model.
        images: whether the examples are images, which can be augmented.
        pixels: whether the numbers of images are pixels from 0 to 1.
        families: the names of those that are tried; None tries all that fit.

    Raises:
        UsageError: a name is none of a family that fits.
    """

    def at(family: Family | None, strength: Any) -> list[Setting]:
        model, base = factory, training
        if family and family.value == "Regularization":
            model = functools.partial(factory, regularization=Regularization(**{family.field: strength}))
        elif family:
            base = replace(training, **{family.field: strength})
        trainings = [replace(base, learning_rate=base.learning_rate * rate) for rate in RATES]
        extended = functools.partial(at, family) if family else None
        name = family.name if family else "none"
        return [Setting(name, strength, Variant(data=load, model=model, training=one), extended) for one in trainings]

    fitting = {one.name: one for one in FAMILIES if _fits(one, training.loss, images, pixels)}
    for name in families or ():
        choice("families", name, fitting)
    return {"none": at(None, None)} | {
        name: [setting for strength in one.strengths for setting in at(one, strength)]
        for name, one in fitting.items()
        if families is None or name in families
    }


def _fits(family: Family, loss: str, images: bool, pixels: bool) -> bool:
    if family.losses and loss not in family.losses:
        return False
    if family.field == "trivial_augment" and not pixels:
        return False
    # A model without convolutions would refuse layers that are for images only; what is done to examples needs none.
    if "dense" not in family.kinds:
        return images and family.kinds == ("image",) and family.value == "Training"
    # An early stop is part of every run here, and another optimizer or size of batch is no regularizer of this one.
    return family.value == "Regularization" or family.field in ("weight_decay", "label_smoothing")
