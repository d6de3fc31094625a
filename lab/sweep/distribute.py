"""Give the cohorts of a sweep to workers, one to each at a time, and tell what comes of them.

The workers publish what they train. Where one is killed or cut off, another goes on with those of its runs that are not
published yet, from their checkpoint; a run that two have trained is published once, by one rename.
"""

import itertools
import os
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lab.checks import DataError, UsageError
from lab.engine.dispatch import raise_first
from lab.plan import Run
from lab.sweep import on_worker, resumption
from lab.sweep.crew import Answer, Crew, Worker
from lab.sweep.progress import Progress
from lab.sweep.publishing import published
from lab.sweep.source import Source
from lab.sweep.workers import Workers, connected

SMALLEST_PART = 8
"""A group of runs is divided among workers into cohorts of at least so many: each compiles a program of its own."""

DEATHS = 3
"""After so many workers have died with it and left no checkpoint, a cohort is divided, and a run alone has failed."""

VISIBLE_WITHIN = 30.0
"""Seconds in which a run that a worker has published must be seen here: a shared file system may need some."""


@dataclass(eq=False)
class _Unit:
    """Runs that one worker is given at once.

    Args:
        places: of the runs.
        engine: as for `lab.engine.dispatch.train`.
        groups: whether they are only sorted into cohorts.
        deaths: how many workers died with it since it came forward.
        kept: whether the one that has it now has left a checkpoint.
    """

    places: list[int]
    engine: str
    groups: bool = False
    deaths: int = 0
    kept: bool = False


def train(
    runs: Sequence[Run],
    folder: Path,
    workers: Workers,
    source: Source,
    *,
    engine: str,
    precision: str,
    keep_models: bool,
    checkpoint_every: float | None,
    on_unwritten: Callable[[int, OSError], None],
    progress: Progress,
) -> None:
    """Train runs with workers, which publish them.

    Args:
        runs: those that are not published yet.
        folder: of the experiment, which every worker must see under the same path.
        workers: who trains.
        source: where a worker finds the experiment.
        engine, precision, keep_models, checkpoint_every: as for `lab.run.run`.
        on_unwritten: called with the place of each run that could not be published, and the error.
        progress: told of the rest.

    Raises:
        UsageError, DataError: a run failed; all others have been trained. Or no worker can take work.
    """
    # pandas loads here.
    from lab.results.partial import partial_folder

    if not runs:
        return
    with partial_folder(folder) as place, connected(workers, progress.on_wait) as client:
        crew = Crew(client, workers, place, progress.on_note, progress.on_wait)
        request = {
            "source": source.to_json(),
            "folder": str(folder),
            "working_folder": os.getcwd(),
            "sharing": workers.sharing,
            "precision": precision,
            "keep_models": keep_models,
            "checkpoint_every": checkpoint_every,
        }
        sweep = _Sweep(crew, runs, folder, request, on_unwritten, progress)
        sweep.train(engine)
    raise_first(sweep.failures)


class _Sweep:
    """Runs in training by workers.

    Args:
        crew: the workers.
        runs: the runs.
        folder: of the experiment.
        request: what every request to a worker holds.
        on_unwritten: called with a run that could not be published, and the error.
        progress: told of the rest.
    """

    def __init__(
        self,
        crew: Crew,
        runs: Sequence[Run],
        folder: Path,
        request: dict[str, Any],
        on_unwritten: Callable[[int, OSError], None],
        progress: Progress,
    ) -> None:
        self.crew, self.runs, self.folder, self.request, self.progress = crew, runs, folder, request, progress
        self.on_unwritten = on_unwritten
        self.waiting: deque[_Unit] = deque()
        self.in_work: dict[_Unit, Worker] = {}
        self.given: dict[int, _Unit] = {}
        self.ended: set[int] = set()
        self.histories: dict[int, list[dict[str, float]]] = {}
        self.failures: list[UsageError | DataError] = []
        self.numbers = itertools.count()
        self.said: set[str] = set()

    def train(self, engine: str) -> None:
        """Train all runs."""
        everything = list(range(len(self.runs)))
        if engine == "cohort":
            self.waiting.append(_Unit(everything, engine, groups=True))
        else:
            self.waiting.extend(_Unit([i], engine) for i in everything)
        while self.waiting or self.in_work:
            for worker in self.crew.look():
                self._lost(worker)
            for worker in self.crew.idle():
                if self.waiting:
                    self._give(worker, self.waiting.popleft())
            news = self.crew.hear(0.2)
            if isinstance(news, Answer):
                self._take(news)
            elif news is not None:
                self._told(news)

    def _give(self, worker: Worker, unit: _Unit) -> None:
        number = next(self.numbers)
        self.given[number] = unit
        self.in_work[unit] = worker
        if not unit.groups:
            resumption.begin(self.runs[i].name for i in unit.places)
        runs = [[run.variant, run.seed, run.fold, run.name] for run in (self.runs[i] for i in unit.places)]
        request = {**self.request, "unit": number, "engine": unit.engine, "runs": runs}
        self.crew.give(worker, on_worker.group if unit.groups else on_worker.train, request, unit)

    def _lost(self, worker: Worker) -> None:
        """Give the work of a worker that is gone to another."""
        unit: _Unit = worker.work
        del self.in_work[unit]
        left = [i for i in unit.places if i not in self.ended]
        # A cohort that comes forward before each death ends at last.
        deaths = 1 if unit.kept else unit.deaths + 1
        self.progress.on_note(f"a worker on {worker.host} is gone, and another one trains what it has left")
        if deaths < DEATHS:
            self.waiting.appendleft(_Unit(left, unit.engine, unit.groups, deaths))
        elif len(left) > 1 and not unit.groups:
            half = len(left) // 2
            self.waiting.extendleft(_Unit(part, unit.engine) for part in (left[:half], left[half:]))
        elif unit.groups:
            raise DataError(f"{deaths} workers ended while they built the models; train without workers to see why")
        else:
            for i in left:
                self._fail(
                    i,
                    DataError(
                        f"{self.runs[i].place} cannot be trained: {deaths} workers ended with it, perhaps for want of "
                        "memory; make its model, batch_size or train_size smaller, or train with fewer workers"
                    ),
                )

    def _told(self, message: dict[str, Any]) -> None:
        """Pass on what a worker says while it works."""
        unit, progress = self.given[message["unit"]], self.progress
        places = unit.places
        match message:
            case {"epochs": epochs}:
                for members, *state in epochs:
                    self._epoch([places[k] for k in members], *state)
            case {"ended": k}:
                self._end(places[k])
            case {"kept": [members, epoch]}:
                unit.kept = unit.kept or epoch > 0
                left = {self.runs[places[k]].name for k in members if places[k] not in self.ended}
                resumption.checkpointed(left, epoch)
            case {"refusal": [k, reason]}:
                progress.on_refusal(self.runs[places[k]], reason)
            case {"note": sentence} if sentence not in self.said:
                # Several workers may find the same.
                self.said.add(sentence)
                progress.on_note(sentence)
            case {"wait": sentence}:
                progress.on_wait(sentence)

    def _epoch(
        self, members: Sequence[int], epoch: int, live: int, best: float, news: Sequence[list[dict[str, float]]]
    ) -> None:
        for i, rows in zip(members, news, strict=True):
            # A worker that has taken over may begin with an earlier epoch.
            history = self.histories.setdefault(i, [])
            del history[epoch - len(rows) :]
            history.extend(rows)
        histories = [self.histories[i] for i in members]
        self.progress.on_epoch([self.runs[i] for i in members], epoch, live, best, histories)

    def _take(self, answer: Answer) -> None:
        """Go on with what a worker has done."""
        unit: _Unit = answer.work
        del self.in_work[unit]
        if "error" in answer.content:
            # The worker gets no more work; whether another one can do it, that one finds.
            self.waiting.appendleft(unit)
        elif unit.groups:
            self._divide(unit, answer.content)
        else:
            self._settle(unit, answer.content)

    def _divide(self, unit: _Unit, found: dict[str, Any]) -> None:
        """Make cohorts of groups of runs that fit together, the largest first."""
        for i, reason in found["refused"]:
            self.progress.on_refusal(self.runs[i], reason)
        workers = max(1, sum(worker.state == "ready" for worker in self.crew.there.values()))
        most = min(found["largest"], max(SMALLEST_PART, -(-len(unit.places) // workers)))
        units = [_Unit(part, unit.engine) for group in found["groups"] for part in _parts(group, most)]
        units.sort(key=lambda one: -len(one.places))
        self.waiting.extend(units)
        self.waiting.extend(_Unit([i], "keras_fit") for i, _ in found["refused"])

    def _settle(self, unit: _Unit, done: dict[str, Any]) -> None:
        """Take the runs of a unit as ended, failed or not written."""
        without = set()
        for k, number, words, path in done["unwritten"]:
            without.add(unit.places[k])
            self.on_unwritten(unit.places[k], OSError(number, words, path))
        for k, kind, sentence in done["failed"]:
            without.add(unit.places[k])
            self._fail(unit.places[k], UsageError(sentence) if kind == "UsageError" else DataError(sentence))
        for i in unit.places:
            if i not in without:
                self._end(i)

    def _fail(self, i: int, failure: UsageError | DataError) -> None:
        self.failures.append(failure)
        resumption.published(self.runs[i].name)
        self.progress.on_failure(self.runs[i], str(failure))

    def _end(self, i: int) -> None:
        """Tell of a run that a worker has published, once."""
        if i in self.ended:
            return
        self.ended.add(i)
        self.histories.pop(i, None)
        resumption.published(self.runs[i].name)
        self.progress.on_end(self.runs[i], published(self.folder, self.runs[i].name, VISIBLE_WITHIN))


def _parts(places: Sequence[int], most: int) -> list[list[int]]:
    """Return places in parts as equal as can be, none of more than `most`."""
    count = -(-len(places) // most)
    size, larger = divmod(len(places), count)
    ends = list(itertools.accumulate(size + (k < larger) for k in range(count)))
    return [list(places[begin:end]) for begin, end in zip([0, *ends], ends, strict=False)]
