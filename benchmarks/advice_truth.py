"""The truth of planted tasks by brute force: each setting trained on fresh data of each seed, tested on 100 000 points.

First the plain model is trained at many learning rates and a few seeds, then all families at the rates around its best
one. The best setting of each family and the plain model are trained again at other seeds, which chose nothing, and so
is whatever advice or a tuner has chosen. All differences are paired over the seeds, to the plain model at the learning
rate that is best for it.
"""

import dataclasses
import functools
import json
import math
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path

import numpy as np

from benchmarks.advice_tasks import FRESH, TASKS, TRAINING, Task, fresh_losses, planted
from lab.advice.balance import balances
from lab.advice.fresh_splits import fresh_splits
from lab.advice.space import COMBINED, PLAIN, RATES, Part, Setting, Space, space_of
from lab.checks import DataError
from lab.experiment import Variant
from lab.sweep.unpublished import train

ROUGH = range(3)
"""The seeds of all settings."""

FINE = range(100, 112)
"""The seeds of the best settings of the families."""

CHECKED = range(5000, 5016)
"""The seeds at which a claim is checked on the data it was made of."""

CHECKED_AGAIN = range(5016, 5064)
"""The seeds that are added where those do not tell: where a difference is less than two standard errors."""

LEAST = 0.01
"""A gain below this share of the plain model's loss is none, and settings that differ by less are equivalent."""

PLAIN_RATES = range(-2, 5)
"""The first learning rates of the plain model, in steps from that of `TRAINING`; others follow while the best is the
largest or the smallest."""

MOST_PLAIN_RATES = 12

AROUND = (0.01, 0.1, 1.0, 10.0, 100.0)
"""The strengths of penalties, times that at which they balance the data: those that advice has first, and two more."""

Key = tuple[tuple[Part, ...], int]
"""A setting: its families with their strengths, and its learning rate in steps."""


def key_of(setting: Setting) -> Key:
    """Return the key of a setting."""
    return setting.parts, setting.rate


def read_key(written: Sequence) -> Key:
    """Return a key that was written as JSON."""
    parts, rate = written
    return tuple((str(family), strength) for family, strength in parts), int(rate)


def family_of(key: Key) -> str:
    """Return the family of a setting, as `lab.advice.space.Setting` names it."""
    return COMBINED.join(family for family, _ in key[0]) or PLAIN


def space_for(task: Task, rows: int, load: Callable | None = None) -> Space:
    """Return the space of a task; the strengths are those of its first sample, whatever data it is for."""
    made = functools.partial(planted, kind=task.kind, rows=rows)
    space = space_of(made, task.model, TRAINING, images=task.kind == "d", families=task.families)
    wide = {family: tuple(float(f"{at * times:.3g}") for times in AROUND) for family, at in balances(space).items()}
    return dataclasses.replace(space, load=load or made, strengths={**space.strengths, **wide})


def every_setting(space: Space, rate: int) -> dict[Key, Setting]:
    """Return all settings of a space at the learning rates around one, the plain model's at all of its rates."""
    around = [rate + step for step in RATES]
    settings = [
        *space.first(PLAIN, sorted({*PLAIN_RATES, *around})),
        *(one for name in space.families for one in space.first(name, around)),
    ]
    return {key_of(one): one for one in settings}


def losses(
    kind: str, variants: Mapping[Key, Variant], seeds: Sequence[int], redraw_data: bool = True
) -> dict[Key, np.ndarray]:
    """Return the losses of settings at each seed on the fresh points of a task; infinity where a run kept no epoch."""
    if not variants:
        return {}
    trained = train(variants, seeds=seeds, redraw_data=redraw_data)
    found = {key: np.full(len(seeds), math.inf) for key in variants}
    kept = [one for one in found if all(trained[one, seed].trained.weights is not None for seed in seeds)]
    nets = [trained[key, seed].trained.weights for key in kept for seed in seeds]
    return found | dict(zip(kept, fresh_losses(kind, nets).reshape(len(kept), len(seeds)), strict=True))


@dataclasses.dataclass(frozen=True)
class Truth:
    """The result of the brute-force search on a task.

    Args:
        plain: the key of the plain model at its best rate.
        loss: its mean test loss.
        rough, fine: by setting the differences to it, one per seed.
    """

    plain: Key
    loss: float
    rough: Mapping[Key, np.ndarray]
    fine: Mapping[Key, np.ndarray]

    @property
    def best(self) -> Key:
        """The best of all settings."""
        return min(self.fine, key=lambda key: self.fine[key].mean())

    def difference(self, key: Key) -> float:
        """Return the difference of a setting to the plain model in test loss, from the better of its two estimates."""
        return float((self.fine if key in self.fine else self.rough)[key].mean())

    def regret(self, key: Key) -> float:
        """Return how much worse a setting is than the best one, as a share of the plain model's loss."""
        return (self.difference(key) - self.difference(self.best)) / self.loss

    @property
    def helping(self) -> set[str]:
        """The families of the best setting and of those equivalent to it; none where nothing helps.

        A setting is equivalent if it is worse by at most `LEAST` of the plain model's loss, or if these seeds do not
        show that it is worse.
        """
        best = self.fine[self.best]
        if best.mean() + 2 * _error(best) > 0 or -best.mean() < LEAST * self.loss:
            return set()
        most = LEAST * self.loss
        worse = {key: own - best for key, own in self.fine.items()}
        near = {family_of(key) for key, own in worse.items() if own.mean() <= max(most, 2 * _error(own))}
        return near - {PLAIN}


def _error(differences: np.ndarray) -> float:
    return float(differences.std(ddof=1) / math.sqrt(len(differences)))


def read_truth(task: Task, rows: int, folder: Path) -> Truth:
    """Return the truth of a task from its file.

    Args:
        task, rows, folder: as for `truth`.

    Raises:
        DataError: there is no file, or it is of other settings.
    """
    rough, fine = _read(task, rows, folder)
    if not rough:
        raise DataError(
            f"{_file(task, rows, folder)} must hold the truth of the task as it is now; python -m benchmarks.advise "
            "measures it"
        )
    return _truth(rough, fine)


def truth(task: Task, rows: int, folder: Path, also: Collection[Key] = ()) -> Truth:
    """Return the truth of a task, from its file or, where there is none, by brute force.

    Args:
        task: the task.
        rows: its training examples.
        folder: of the files.
        also: settings that are to be among the fine ones; those that are not are trained now.
    """
    rough, fine = _read(task, rows, folder)
    wanted = set(also)
    if not rough:
        space = space_for(task, rows)
        rough, fine = _plain_at_its_rates(task, space), {}
        plain, rate = set(rough), _best_rate(rough)
        others = {key: one.variant for key, one in every_setting(space, rate).items() if key not in rough}
        rough |= losses(task.kind, others, ROUGH)
        wanted |= plain | set(_best_of_families(rough))
    missing = wanted - set(fine)
    # All differences are to the plain model at its best rate, which may be one that somebody chose.
    other_rates = {key for key in wanted | set(fine) if not key[0]} - set(rough)
    if missing or other_rates:
        space = space_for(task, rows)
        fine |= losses(task.kind, {key: space.at(*key).variant for key in sorted(missing, key=str)}, FINE)
        rough |= losses(task.kind, {key: space.at(*key).variant for key in sorted(other_rates, key=str)}, ROUGH)
        folder.mkdir(parents=True, exist_ok=True)
        content = {"declared": _declared(task, rows), "rough": _written(rough), "fine": _written(fine)}
        _file(task, rows, folder).write_text(json.dumps(content) + "\n", encoding="utf-8")
    return _truth(rough, fine)


def _plain_at_its_rates(task: Task, space: Space) -> dict[Key, np.ndarray]:
    found: dict[Key, np.ndarray] = {}
    rates = list(PLAIN_RATES)
    while rates:
        found |= losses(task.kind, {((), rate): space.at((), rate).variant for rate in rates}, ROUGH)
        known, best = sorted(rate for _, rate in found), _best_rate(found)
        rates = []
        if len(known) < MOST_PLAIN_RATES and best in (known[0], known[-1]):
            rates = [best + (1 if best == known[-1] else -1)]
    return found


def _best_rate(plain: Mapping[Key, np.ndarray]) -> int:
    return min(plain, key=lambda key: plain[key].mean())[1]


def _truth(rough: Mapping[Key, np.ndarray], fine: Mapping[Key, np.ndarray]) -> Truth:
    plain_at = min((key for key in fine if not key[0]), key=lambda key: fine[key].mean())
    return Truth(
        plain_at,
        float(fine[plain_at].mean()),
        {key: own - rough[plain_at] for key, own in rough.items()},
        {key: own - fine[plain_at] for key, own in fine.items()},
    )


def _file(task: Task, rows: int, folder: Path) -> Path:
    return folder / f"truth-{task.kind}-{rows}.json"


def _declared(task: Task, rows: int) -> dict[str, object]:
    """Return the settings that a truth is of, in JSON types."""
    return {
        "task": [task.kind, task.question, rows, task.inputs, task.classes, list(task.widths), FRESH],
        # Without what is at its default, so that a new field of `Training` makes no truth stale.
        "training": {
            one.name: value
            for one in dataclasses.fields(TRAINING)
            if (value := getattr(TRAINING, one.name)) != one.default
        },
        "seeds": [list(ROUGH), list(FINE)],
        "families": list(task.families),
        "strengths": list(AROUND),
        "rates": [list(PLAIN_RATES), list(RATES)],
    }


def _read(task: Task, rows: int, folder: Path) -> tuple[dict[Key, np.ndarray], dict[Key, np.ndarray]]:
    """Return the rough and the fine losses in a truth's file; none where it is of other settings."""
    path = _file(task, rows, folder)
    content = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    if content.get("declared") != _declared(task, rows):
        return {}, {}
    rough, fine = ({read_key(key): np.array(own) for key, own in content[part]} for part in ("rough", "fine"))
    return rough, fine


def _best_of_families(rough: Mapping[Key, np.ndarray]) -> list[Key]:
    best: dict[str, Key] = {}
    for key, own in rough.items():
        known = best.get(family_of(key))
        if known is None or own.mean() < rough[known].mean():
            best[family_of(key)] = key
    return list(best.values())


def _written(losses: Mapping[Key, np.ndarray]) -> list:
    return [[key, [round(float(loss), 6) for loss in own]] for key, own in losses.items()]


def checked(task: Task, rows: int, sample: int, plain: Key, claimed: Sequence[Key]) -> dict[Key, np.ndarray]:
    """Return the differences of claimed settings to the plain model on fresh points, trained on the data of the claims.

    The plain model is trained at the learning rate that advice took for it, at those around it and at those of the
    claims, and the rate counts that is best on these points: a family that only made up for a rate that was chosen
    badly does not help. The seeds cut training and validation splits of their own, as the confirming seeds do.
    """
    load = functools.partial(planted, kind=task.kind, rows=rows, seed=sample)
    space = space_for(task, rows, functools.partial(fresh_splits, load))
    rates = {plain[1] + step for step in RATES} | {rate for _, rate in claimed}
    keys = [*claimed, *(((), rate) for rate in sorted(rates))]
    variants = {key: space.at(*key).variant for key in keys}

    def differences(own: Mapping[Key, np.ndarray]) -> dict[Key, np.ndarray]:
        best = min((own[(), rate] for rate in rates), key=lambda losses: losses.mean())
        return {key: own[key] - best for key in claimed}

    first = losses(task.kind, variants, CHECKED)
    found = differences(first)
    if all(abs(own.mean()) > 2 * _error(own) for own in found.values()):
        return found
    again = losses(task.kind, variants, CHECKED_AGAIN)
    return differences({key: np.concatenate([first[key], again[key]]) for key in keys})


def task_of(kind: str, size: str) -> tuple[Task, int]:
    """Return a task and its rows."""
    task = TASKS[kind]
    return task, task.rows[("small", "large").index(size)]
