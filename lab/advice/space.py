"""The space of advice: settings, each of families of `lab.models.families` at a strength and of a learning rate."""

import functools
import hashlib
import inspect
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lab.checks import UsageError, choice, shown
from lab.experiment import Variant
from lab.models.families import FAMILIES, Family
from lab.models.saved_model import saved
from lab.regularization import Regularization
from lab.training import Training

if TYPE_CHECKING:
    import keras

PLAIN = "none"
"""The family of the plain model."""

STEP = 3.0
"""Neighbouring learning rates are so many times apart."""

RATES = (-1, 0, 1)
"""The steps from the plain model's best learning rate at which every family is tried."""

RATES_OF_PLAIN = (-2, -1, 0, 1, 2)
"""The steps from the learning rate that was given at which the plain model is tried first."""

GEOMETRIC = 30.0
"""Strengths whose ends are so many times apart are a geometric row, which has no natural end."""

COMBINED = " + "
"""In the name of a combination, between its families."""

Part = tuple[str, float | str]
"""A family and its strength."""


@dataclass(frozen=True)
class Setting:
    """Families, each at a strength, and a learning rate; the plain model has no family.

    Args:
        parts: the families with their strengths.
        rate: the learning rate, in steps from the one that was given.
        variant: how it is trained.
    """

    parts: tuple[Part, ...]
    rate: int
    variant: Variant = field(compare=False, repr=False)

    @property
    def family(self) -> str:
        """Its family, "none" for the plain model; of a combination as in "L2 penalty + dropout"."""
        return COMBINED.join(family for family, _ in self.parts) or PLAIN

    @property
    def label(self) -> str:
        """The families and their strengths in words."""
        return COMBINED.join(f"{family} {strength}" for family, strength in self.parts) or "the plain model"

    @property
    def name(self) -> str:
        """The name of its variant, which is a folder's too, as in "dropout-0.25"."""
        parts = [re.sub(r"[^A-Za-z0-9.]+", "_", family).strip("_") + f"-{strength}" for family, strength in self.parts]
        return "+".join(parts) or PLAIN

    @property
    def learning_rate(self) -> float:
        """The learning rate itself."""
        return self.variant.training.learning_rate


@dataclass(frozen=True)
class Space:
    """All settings that can be tried.

    Args:
        load, factory, training: of the plain model.
        families: those that fit, by name.
        strengths: the first ones of each, from weak to strong in what they do.
    """

    load: Callable
    factory: Callable
    training: Training
    families: Mapping[str, Family]
    strengths: Mapping[str, tuple[float | str, ...]]

    def at(self, parts: Sequence[Part], rate: int) -> Setting:
        """Return a setting.

        Args:
            parts: families of the space with their strengths.
            rate: the learning rate, in steps from the one that was given.
        """
        fields: dict[str, dict[str, Any]] = {"Regularization": {}, "Training": {}}
        for name, strength in parts:
            fields[self.families[name].value][self.families[name].field] = strength
        model = self.factory
        if fields["Regularization"]:
            model = functools.partial(model, regularization=Regularization(**fields["Regularization"]))
        learning_rate = float(f"{self.training.learning_rate * STEP**rate:.6g}")
        training = replace(self.training, **fields["Training"], learning_rate=learning_rate)
        return Setting(tuple(parts), rate, Variant(data=self.load, model=model, training=training))

    def first(self, family: str, rates: Sequence[int]) -> list[Setting]:
        """Return the first settings of a family: each strength at each rate; of "none" the plain model."""
        if family == PLAIN:
            return [self.at((), rate) for rate in rates]
        return [self.at(((family, strength),), rate) for strength in self.strengths[family] for rate in rates]

    def beyond(self, best: Setting, tried: Collection[Setting]) -> list[Setting]:
        """Return settings beyond the end of what was tried, where the best lies on it; none where it lies inside.

        Args:
            best: the best of those that were tried.
            tried: settings of its family.

        Returns:
            Where the best strength is at the end of a geometric row, the next strength, a step of the row further, at
            the rates of the best one. Where the best rate is at the end of the rates of this strength, the next rate.
            Rates of dropout and other strengths with a natural end have no next one.
        """
        rates = sorted(one.rate for one in tried if one.parts == best.parts)
        further = []
        if best.rate in (rates[0], rates[-1]):
            further.append(self.at(best.parts, best.rate + (1 if best.rate == rates[-1] else -1)))
        if len(best.parts) == 1:
            (family, strength), strengths = best.parts[0], _row(tried)
            # Rates that were added beyond the end of the first ones are not tried at each strength.
            around = [rate for rate in rates if abs(rate - best.rate) <= len(RATES) // 2]
            if strengths and strength == strengths[0]:
                further += self.first_at(family, strengths[0] / (strengths[1] / strengths[0]), around)
            elif strengths and strength == strengths[-1]:
                further += self.first_at(family, strengths[-1] * (strengths[-1] / strengths[-2]), around)
        return further

    def first_at(self, family: str, strength: float, rates: Sequence[int]) -> list[Setting]:
        """Return the settings of a family at a strength, rounded to three digits, at some rates."""
        return [self.at(((family, float(f"{strength:.3g}")),), rate) for rate in rates]


def _row(tried: Collection[Setting]) -> list[float]:
    """Return the strengths that were tried, sorted, if they are a geometric row; otherwise none."""
    found = sorted({strength for one in tried for _, strength in one.parts if isinstance(strength, float)})
    return found if len(found) > 1 and found[-1] >= GEOMETRIC * found[0] else []


def space_of(
    load: Callable,
    factory: Callable,
    training: Training,
    *,
    images: bool = False,
    pixels: bool = True,
    families: Sequence[str] | None = None,
) -> Space:
    """Return the space of the families that go with the loss, at the strengths of their table.

    Args:
        load, factory, training: of the plain model.
        images: whether the examples are images, which can be augmented.
        pixels: whether the numbers of images are pixels from 0 to 1.
        families: the names of those that are tried; None tries all that fit.

    Raises:
        UsageError: a name is none of a family that fits.
    """
    fitting = {one.name: one for one in FAMILIES if _fits(one, training.loss, images, pixels)}
    for name in families or ():
        choice("families", name, fitting)
    chosen = {name: one for name, one in fitting.items() if families is None or name in families}
    return Space(load, factory, training, chosen, {name: one.strengths for name, one in chosen.items()})


def _fits(family: Family, loss: str, images: bool, pixels: bool) -> bool:
    if family.losses and loss not in family.losses:
        return False
    if family.field == "trivial_augment" and not pixels:
        return False
    # A model without convolutions would refuse layers that are for images only; what is done to examples needs none.
    if "dense" not in family.kinds:
        return images and family.kinds == ("image",) and family.value == "Training"
    # An early stop is part of every run here, and another optimizer or size of batch is no regularizer of this one.
    return family.value == "Regularization" or family.field in ("weight_decay", "label_smoothing", "mixup", "ema")


def is_built(model: object) -> bool:
    """Return whether this is a Keras model rather than a factory or a path; Keras is not loaded for it."""
    return any(one.__name__ == "Model" and one.__module__.startswith("keras.") for one in type(model).__mro__)


def written(model: "keras.Model", folder: Path) -> Path:
    """Write a Keras model into a folder, unless it is there, and return the file, named by structure and weights."""
    from lab.models.keras_file import model_bytes
    from lab.results.files import write_atomically

    digest = hashlib.blake2b(model.to_json().encode(), digest_size=6)
    for weights in model.get_weights():
        digest.update(weights.tobytes())
    path = folder / f"given-{digest.hexdigest()}.keras"
    if not path.is_file():
        write_atomically(path, model_bytes(model, "the model that was given"))
    return path


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
        "model must be a Keras model, the path of its .keras file, or a factory that takes regularization as "
        f"lab.models.dense does, got {shown(model)}"
    )
