"""The diagnosis of the plain model: whether it memorizes or underfits, its learning curve, and noise in the labels."""

import functools
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from lab.advice.space import Setting
from lab.data import Dataset, Split
from lab.data.rows import Rows
from lab.data.splitting import ordering
from lab.sweep.unpublished import train

if TYPE_CHECKING:
    from lab.engine.task import History

SHARES = (0.25, 0.5)
"""The smaller training sizes of the learning curve, as shares of the whole one."""

FOLDS = 5
"""The parts of the training examples whose labels are predicted by nets that have not seen them."""

CLOSE = 0.1
"""Training and validation loss are close if they differ by less than this share of the validation loss."""

WIDE = 0.3
"""From this share on the validation loss is so far above the training loss that the model memorizes."""

SENTENCES = {
    "memorizes": "The plain model memorizes: its validation loss is far above its training loss, or rises",
    "underfits": (
        "The plain model underfits: its training loss is as high as its validation loss, so regularization is not its "
        "problem; a larger model, better inputs or a longer training may be what it needs, or its labels are noise"
    ),
    "ends early": (
        "The plain model underfits: its validation loss still falls at its last epoch, so regularization is not its "
        "problem; train it longer"
    ),
    "neither": "The plain model neither memorizes nor underfits",
    "too short": "The plain model trained too few epochs to say whether it memorizes",
    "diverged": "The plain model diverged",
}


@dataclass(frozen=True)
class Diagnosis:
    """The diagnosis of the plain model.

    Args:
        verdict: a key of `SENTENCES`.
        train, validation: its data losses at the kept epoch.
        curve: pairs of a number of training examples and the validation loss that is reached with them, from few to
            all; empty where it was not measured.
        label_noise: the share of training labels that look wrong to nets that have not seen them; None where it was
            not measured, as for numbers.
    """

    verdict: str
    train: float
    validation: float
    curve: tuple[tuple[int, float], ...] = ()
    label_noise: float | None = None

    def __str__(self) -> str:
        at = f"(train {self.train:.4g}, validation {self.validation:.4g} at the kept epoch)"
        parts = [f"{SENTENCES[self.verdict]} {at}."]
        if self.curve:
            sizes, losses = zip(*self.curve, strict=True)
            parts.append(
                f"With {_listed([str(size) for size in sizes])} training examples its validation loss is "
                f"{_listed([f'{loss:.4g}' for loss in losses])}."
            )
        if self.label_noise is not None:
            parts.append(f"About {self.label_noise:.0%} of the labels look wrong to nets that have not seen them.")
        return " ".join(parts)

    def to_json(self) -> dict[str, Any]:
        """Return its fields as JSON types."""
        return asdict(self)

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> "Diagnosis":
        """Return the diagnosis of such fields."""
        curve = tuple((int(size), float(loss)) for size, loss in content["curve"])
        return cls(**{**content, "curve": curve})


def _listed(words: Sequence[str]) -> str:
    return f"{', '.join(words[:-1])} and {words[-1]}"


def diagnose(rows: "History", chance: float | None) -> Diagnosis:
    """Return what a history shows.

    * "memorizes": the verdict of `lab.statistics.run_facts` is that it overfits; or at the kept epoch the validation
      loss is above the training loss by `WIDE` of itself.
    * "ends early": the validation loss still falls at the end.
    * "underfits": they differ by less than `CLOSE` of the validation loss, and both are above half of the chance level.
      Where labels are noise a model that has learned all there is looks the same.
    * "neither": all else, but for what diverged or has too few epochs.

    Args:
        rows: the history of the plain model.
        chance: the loss of a model that knows nothing but the number of classes; None for numbers, which are taken to
            have mean 0 and variance 1.
    """
    import pandas as pd

    from lab.statistics import run_facts

    status = "finished" if math.isfinite(rows[-1]["val_data_loss"]) else "diverged"
    facts = run_facts(pd.DataFrame(list(rows)), status=status)
    learned, validated = float(facts["train_data_loss"] or 0.0), float(facts["val_data_loss"] or 0.0)
    verdict = str(facts["verdict"])
    if verdict not in ("too short", "diverged"):
        gap, level = (validated - learned) / validated if validated else 0.0, 1.0 if chance is None else chance
        if verdict == "overfits" or gap >= WIDE:
            verdict = "memorizes"
        elif verdict == "underfits" and facts["onset"] is None:
            verdict = "ends early"
        elif gap < CLOSE and min(learned, validated) > level / 2:
            verdict = "underfits"
        else:
            verdict = "neither"
    return Diagnosis(verdict, learned, validated)


def examined(diagnosis: Diagnosis, plain: Setting, data: Dataset) -> Diagnosis:
    """Return a diagnosis with the learning curve and the label noise, for which nets are trained.

    Args:
        diagnosis: of the plain model.
        plain: the plain model at its learning rate.
        data: its data. Those that stay on the disk are not examined.
    """
    if isinstance(data.train.x, Rows):
        return diagnosis
    made = {f"share {share}": functools.partial(smaller, plain.variant.data, share=share) for share in SHARES}
    noisy = data.classes is not None and not data.several and plain.variant.training.loss.endswith("cross_entropy")
    if noisy:
        for place in range(FOLDS):
            made[f"fold {place}"] = functools.partial(held_out, plain.variant.data, place=place, folds=FOLDS)
    trained = train({name: replace(plain.variant, data=load) for name, load in made.items()}, seeds=[0])
    curve = []
    for share in SHARES:
        one = trained[f"share {share}", 0]
        losses = [row["val_data_loss"] for row in one.trained.rows]
        curve.append((len(one.task.data.train), float(np.nanmin(losses))))
    curve.append((len(data.train), diagnosis.validation))
    noise = None
    if noisy:
        found = [_predicted(trained[f"fold {place}", 0]) for place in range(FOLDS)]
        noise = noise_in(np.concatenate([labels for labels, _ in found]), np.concatenate([some for _, some in found]))
    return replace(diagnosis, curve=tuple(curve), label_noise=noise)


def _predicted(run: Any) -> tuple[np.ndarray, np.ndarray]:
    """Return the labels of a run's test split and the probabilities it predicts, of shape (n, classes)."""
    from scipy.special import expit, softmax

    from lab.engine.outputs import predicted

    outputs = predicted(run.model(), run.task.data.test.x).astype(np.float64)
    if run.task.training.loss == "binary_cross_entropy":
        return run.task.data.test.y, np.concatenate([expit(-outputs), expit(outputs)], axis=1)
    return run.task.data.test.y, softmax(outputs, axis=1)


def noise_in(labels: np.ndarray, probabilities: np.ndarray) -> float:
    """Return the share of labels that look wrong, by confident learning.

    An example counts for the class whose probability is highest among those that are at least as high as their mean
    over the examples labelled so; an example without such a class counts for none. The shares are then taken over all
    labels. Nets that predict badly find too many wrong labels.

    Args:
        labels: int of shape (n,).
        probabilities: of shape (n, classes), predicted by nets that have not seen the example.

    Reference: Northcutt et al. 2021, section 3.1.
    """
    classes = [one for one in range(probabilities.shape[1]) if (labels == one).any()]
    means = np.array([probabilities[labels == one, one].mean() for one in classes])
    own = probabilities[:, classes]
    confident = np.where(own >= means, own, -1.0)
    guessed = np.array(classes)[confident.argmax(axis=1)]
    wrong = 0.0
    for one in classes:
        counted = (labels == one) & (confident.max(axis=1) >= 0)
        if counted.any():
            wrong += (guessed[counted] != one).mean() * (labels == one).sum()
    return float(wrong / len(labels))


def smaller(load: Callable[..., Dataset], *, share: float) -> Dataset:
    """Return data with a share of their training examples, in which classes keep their shares."""
    data = load()
    rows = ordering(data.train.y, 0)[: max(1, int(share * len(data.train)))]
    return replace(data, train=_rows_of(data.train, rows))


def held_out(load: Callable[..., Dataset], *, place: int, folds: int) -> Dataset:
    """Return data whose test split is a part of the training examples, and which learn from the others.

    All parts have the same size; the examples that are left over are learned from in none.

    Args:
        load: returns the data.
        place: of the part, from 0.
        folds: how many there are.
    """
    data = load()
    order = ordering(data.train.y, 0)[: len(data.train) // folds * folds]
    tested = np.zeros(len(order), bool)
    tested[place::folds] = True
    learned, parted = _rows_of(data.train, order[~tested]), _rows_of(data.train, order[tested])
    return replace(data, train=learned, test=replace(parted, weight=None), test_parts=None)


def _rows_of(split: Split, rows: np.ndarray) -> Split:
    weight = None if split.weight is None else split.weight[rows]
    return Split(split.x[rows], split.y[rows], pool=split.pool, weight=weight)
