"""The truth of planted tasks by brute force: each setting trained on fresh data of each seed, tested on 100 000 points.

First all settings are trained at a few seeds, then the best setting of each family and the plain model at others, which
chose nothing. All differences are paired over the seeds, to the plain model at the learning rate that is best for it.
"""

import dataclasses
import functools
import json
import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np

from benchmarks.advice_tasks import FRESH, TASKS, TRAINING, Task, fresh_losses, planted
from lab.advice.fresh_splits import fresh_splits
from lab.advice.screening import WIDENED
from lab.advice.space import RATES, Setting, settings, wider
from lab.sweep.unpublished import train

ROUGH = range(3)
"""The seeds of all settings."""

FINE = range(100, 112)
"""The seeds of the best settings of the families."""

CHECKED = range(5000, 5016)
"""The seeds at which a claim is checked on the data it was made of."""

LEAST = 0.01
"""A family that gains less than this share of the plain model's loss is not said to help."""

Key = tuple[str, float | str | None, int]
"""A setting: its family, its strength, and the place of its learning rate."""


def every_setting(task: Task, rows: int, load: Callable | None = None) -> dict[Key, Setting]:
    """Return all settings that advice may reach on a task, with the strengths to which it may widen."""
    load = load or functools.partial(planted, kind=task.kind, rows=rows)
    space = settings(load, task.model, TRAINING, images=task.kind == "d", families=task.families)
    reached = {}
    for family, own in space.items():
        every = list(own)
        for _ in range(WIDENED):
            strengths = sorted(one.strength for one in every if isinstance(one.strength, float))
            ends = [one for one in every if one.strength in (strengths[:1] + strengths[-1:])]
            grown = {one.strength: one for end in ends for one in wider(end, every)[:1]}
            every += [one for strength in grown if (new := own[0].extended) for one in new(strength)]
        for i, one in enumerate(every):
            reached[family, one.strength, i % len(RATES)] = one
    return reached


def losses(
    kind: str, settings: Mapping[Key, Setting], seeds: Sequence[int], redraw_data: bool = True
) -> dict[Key, np.ndarray]:
    """Return the losses of settings at each seed on the fresh points of a task; infinity where a run kept no epoch."""
    trained = train({key: one.variant for key, one in settings.items()}, seeds=seeds, redraw_data=redraw_data)
    found = {key: np.full(len(seeds), math.inf) for key in settings}
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
        """The best family and those that cannot be told from it; none where nothing helps."""
        best = self.fine[self.best]
        if best.mean() + 2 * _error(best) > 0 or -best.mean() < LEAST * self.loss:
            return set()
        near = {key[0] for key, own in self.fine.items() if (own - best).mean() <= 2 * _error(own - best)}
        return near - {"none"}


def _error(differences: np.ndarray) -> float:
    return float(differences.std(ddof=1) / math.sqrt(len(differences)))


def truth(task: Task, rows: int, folder: Path) -> Truth:
    """Return the truth of a task, from its file or, where there is none, by brute force."""
    space = every_setting(task, rows)
    declared = {
        "task": [task.kind, task.question, rows, task.inputs, task.classes, list(task.widths), FRESH],
        "training": repr(TRAINING),
        "seeds": [list(ROUGH), list(FINE)],
        "settings": [list(key) for key in space],
    }
    path = folder / f"truth-{task.kind}-{rows}.json"
    if path.is_file():
        content = json.loads(path.read_text(encoding="utf-8"))
        if content["declared"] == json.loads(json.dumps(declared)):
            return _read(content)
    rough = losses(task.kind, space, ROUGH)
    best = {}
    for key, own in rough.items():
        if key[0] not in best or own.mean() < rough[best[key[0]]].mean():
            best[key[0]] = key
    chosen = {*best.values(), *(key for key in space if key[0] == "none")}
    fine = losses(task.kind, {key: space[key] for key in space if key in chosen}, FINE)
    content = {"declared": declared, "rough": _written(rough), "fine": _written(fine)}
    folder.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content) + "\n", encoding="utf-8")
    return _read(content)


def _written(losses: Mapping[Key, np.ndarray]) -> list:
    return [[*key, [round(float(loss), 6) for loss in own]] for key, own in losses.items()]


def _read(content: Mapping) -> Truth:
    rough, fine = (
        {(family, strength, rate): np.array(own) for family, strength, rate, own in content[part]}
        for part in ("rough", "fine")
    )
    plain = min((key for key in fine if key[0] == "none"), key=lambda key: fine[key].mean())
    return Truth(
        plain,
        float(fine[plain].mean()),
        {key: own - rough[plain] for key, own in rough.items()},
        {key: own - fine[plain] for key, own in fine.items()},
    )


def checked(task: Task, rows: int, sample: int, plain: Key, claimed: Sequence[Key]) -> dict[Key, np.ndarray]:
    """Return the differences of claimed settings to the plain one on fresh points, on the data of which they were said.

    The seeds cut training and validation splits of their own, as the confirming seeds do.
    """
    load = functools.partial(planted, kind=task.kind, rows=rows, seed=sample)
    again = functools.partial(fresh_splits, load, parts=len(CHECKED), first=CHECKED[0])
    space = every_setting(task, rows, again)
    own = losses(task.kind, {key: space[key] for key in (plain, *claimed)}, CHECKED)
    return {key: own[key] - own[plain] for key in claimed}


def task_of(kind: str, size: str) -> tuple[Task, int]:
    """Return a task and its rows."""
    task = TASKS[kind]
    return task, task.rows[("small", "large").index(size)]
