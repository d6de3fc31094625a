"""The space of advice: each family of `lab.models.families` at its strengths, each at the same learning rates."""

import functools
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from lab.checks import UsageError, shown
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
    """

    family: str
    strength: float | str | None
    variant: Variant

    @property
    def name(self) -> str:
        """The name of its variant, as in "dropout-0.25"."""
        return self.family if self.strength is None else f"{self.family}-{self.strength}".replace(" ", "_")

    @property
    def label(self) -> str:
        """The family and its strength in words."""
        return f"{self.family} {self.strength}"


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


def settings(load: Callable, factory: Callable, training: Training) -> Mapping[str, list[Setting]]:
    """Return the settings of the plain model, as "none", and of each family that goes with the loss, by name."""

    def at_rates(name: str, strength: Any, regularization: Regularization | None, base: Training) -> list[Setting]:
        model = factory if regularization is None else functools.partial(factory, regularization=regularization)
        trainings = [replace(base, learning_rate=base.learning_rate * rate) for rate in RATES]
        return [Setting(name, strength, Variant(data=load, model=model, training=one)) for one in trainings]

    def of(family: Family) -> list[Setting]:
        found: list[Setting] = []
        for strength in family.strengths:
            changed: dict[str, Any] = {family.field: strength}
            if family.value == "Regularization":
                found += at_rates(family.name, strength, Regularization(**changed), training)
            else:
                found += at_rates(family.name, strength, None, replace(training, **changed))
        return found

    of_training = ("weight_decay", "label_smoothing")
    fitting = [one for one in FAMILIES if not one.losses or training.loss in one.losses]
    # What is for images only would be refused by a model without any.
    fitting = [one for one in fitting if "dense" in one.kinds]
    # An early stop is part of every run here, and another optimizer or size of batch is no regularizer of this one.
    fitting = [one for one in fitting if one.value == "Regularization" or one.field in of_training]
    return {"none": at_rates("none", None, None, training)} | {one.name: of(one) for one in fitting}
