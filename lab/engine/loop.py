"""A cohort in training: epoch by epoch, each run handed over as it ends, the rest compacted when that saves time."""

import functools
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace

import numpy as np
import tensorflow as tf

from lab.engine import stacking, starts
from lab.engine.beside import measuring_compiled
from lab.engine.blueprint import Blueprint
from lab.engine.compacting import worth_compacting
from lab.engine.draws import Draws
from lab.engine.history import Keeper, added, means, named, nobody, row, tested, unpacked
from lab.engine.member import Member
from lab.engine.on_disk import OnDisk
from lab.engine.penalties import Key
from lab.engine.program import COPIED, Program, inputs
from lab.engine.stacking import Splits
from lab.engine.task import History, Task, Trained
from lab.engine.training_state import Offer, Snapshot, State, past

OnEpoch = Callable[[int, int, float, Mapping[int, History]], None]
"""Called after an epoch with its number, how many runs go on, the lowest validation data loss of any run so far, and
for each run that trained in it the rows of its history until now, which are not to be changed."""

Leave = Callable[[int, Mapping[int, History]], Collection[int]]
"""Called after an epoch with its number and the rows of each run that trained in it; returns those that end with it."""


class Loop:
    """Runs of one structure in training.

    Args:
        tasks: the runs.
        blueprints: of their models, with equal signatures.
        programs: those that were compiled before, by what they are compiled for; new ones are added.
        began: when work on these runs began, by `time.perf_counter`.

    Attributes:
        members: which run each replica of the program is; a run that has ended may stay a member for a while.
    """

    def __init__(
        self, tasks: Sequence[Task], blueprints: list[Blueprint], programs: dict[tuple, Program], began: float
    ) -> None:
        training = tasks[0].training
        self.training = training
        self.keeper = Keeper(len(tasks), training.patience, training.min_delta)
        self.programs = programs
        self.members = np.arange(len(tasks))
        data = [task.data for task in tasks]
        self.train_split, self.validation = (
            Splits(
                stacking.table([getattr(d, name).x for d in data]), stacking.table([getattr(d, name).y for d in data])
            )
            for name in ("train", "validation")
        )
        self.tests = stacking.by_size([d.test for d in data])
        # The sizes of the splits and `Training.measured` are part of the signature: all runs have the same part.
        self.measured = stacking.part(self.train_split, tasks[0].part)
        weights = [d.train.weight for d in data if d.train.weight is not None]
        if weights:
            self.train_split = replace(self.train_split, weight=stacking.table(weights))
        n = self.train_split.examples
        self.per_run = stacking.per_run(blueprints)
        self.decay = np.array([task.training.weight_decay for task in tasks], np.float32)
        self.in_training = stacking.in_training(tasks)
        self.blueprints = blueprints
        self.program = self._program(self.members)
        self.program.load(starts.stacked([b.starts for b in blueprints]), None, 0)
        seconds = (time.perf_counter() - began) / len(tasks)
        parameters = blueprints[0].parameters
        self.runs = [Member(task, parameters, task.training.rates(n), seconds) for task in tasks]
        self.epochs_before = 0

    def capture(self, going: np.ndarray) -> State:
        """Return the state of the runs that have not ended, after an epoch."""
        position = {int(i): k for k, i in enumerate(self.members)}
        arrays = Snapshot.of(self.program, [position[int(i)] for i in going]).arrays()
        runs = [self.runs[i] for i in going]
        arrays |= past([run.rows for run in runs], [run.seconds for run in runs], [run.epoch_seconds for run in runs])
        return State(len(runs[0].rows), arrays | {"kept": self.keeper.kept[going], "lowest": self.keeper.best[going]})

    def resume(self, state: State) -> str:
        """Go on from a state of these runs, in their order; return why that cannot be, "" if it is done."""
        expected = self.capture(self.members)
        if reason := state.misfit(expected.arrays):
            return reason
        arrays = state.arrays
        Snapshot.from_state(state).put_into(self.program)
        self.keeper.kept[:], self.keeper.best[:] = arrays["kept"], arrays["lowest"]
        for run, rows, seconds, epochs in zip(
            self.runs, arrays["rows"], arrays["seconds"], arrays["epoch_seconds"], strict=True
        ):
            run.rows, run.epoch_seconds = unpacked(rows), epochs.tolist()
            run.seconds += float(seconds)
        self.epochs_before = state.epoch
        return ""

    def _program(self, members: np.ndarray) -> Program:
        replicas = [self.blueprints[i] for i in members]
        draws = Draws.of(replicas)
        self.draws = draws
        copied = tuple(name for name in COPIED if name in self.in_training)
        arguments = replicas, draws, tuple(self.per_run), self.training, copied
        if replicas[0].unrolled:
            return Program(*arguments)
        key = replicas[0].signature, len(replicas), tuple(draws.owners.items()), tuple(self.per_run), copied
        if key not in self.programs:
            self.programs[key] = Program(*arguments)
        program = self.programs[key]
        program.draws = draws
        return program

    def train(
        self,
        on_epoch: OnEpoch,
        on_trained: Callable[[int, Trained], None],
        offer: Offer = lambda going, capture: None,
        leave: Leave = nobody,
    ) -> None:
        """Train until every run has ended."""
        costs: list[float] = []
        for epoch in range(self.epochs_before + 1, self.training.epochs + 1):
            began = time.perf_counter()
            live = ~self.keeper.ended
            self._epoch(epoch)
            seconds = time.perf_counter() - began
            costs.append(seconds)
            histories = {int(i): self.runs[i].rows for i in np.flatnonzero(live)}
            self.keeper.ended[[*leave(epoch, histories)]] = True
            if epoch == self.training.epochs:
                self.keeper.ended[:] = True
            for i in np.flatnonzero(live):
                self.runs[i].epoch_seconds.append(seconds / live.sum())
            ended = np.flatnonzero(live & self.keeper.ended)
            if len(ended):
                self._hand_over(ended, on_trained)
            going = np.flatnonzero(~self.keeper.ended)
            if len(going):
                offer([self.runs[i].task for i in going], functools.partial(self.capture, going))
            on_epoch(epoch, len(going), float(self.keeper.best.min()), histories)
            if not len(going):
                return
            if worth_compacting(len(self.members), len(going), min(epoch, self.training.epochs - epoch), costs):
                self._compact(going)
                costs = []

    def _epoch(self, epoch: int) -> None:
        rates = np.stack([self.runs[i].rates[epoch - 1] for i in self.members], axis=1)
        per_run = self.numbers()
        with measuring_compiled(self.program, self.validation, per_run):
            sums, visits = self.take_steps(epoch, rates, per_run, len(rates))
        if "swa" in self.in_training:
            self._average(epoch, per_run)
        data_loss, hits, extra, *penalties = sums
        fitted = np.stack([data_loss, added(penalties, extra), hits]) / visits
        self._record(epoch, fitted, self.measure(False, [self.measured, self.validation], per_run))

    def numbers(self) -> dict[Key, tf.Tensor]:
        """Return the numbers in which the replicas differ."""
        return {key: tf.constant(values[self.members]) for key, values in self.per_run.items()}

    def take_steps(
        self,
        epoch: int,
        rates: np.ndarray,
        per_run: dict[Key, tf.Tensor],
        steps: int,
        in_training: dict[str, tf.Tensor] | None = None,
    ) -> tuple[np.ndarray, int]:
        """Train the first steps of an epoch; return the sums of `Program.epoch` and the visits of a whole epoch."""
        members, order = self.members, self._order(epoch)
        sums = self.program.epoch(
            tuple(_flat(table.values) for table in self.train_split.tables),
            tf.constant(order),
            tf.constant(rates),
            tf.constant(steps),
            tf.constant(self.decay[members]) if self.decay.any() else None,
            self._in_training(epoch) if in_training is None else in_training,
            per_run,
            {i: tf.constant(seeds) for i, seeds in self.draws.seeds.items()},
        )
        return sums.numpy(), order.shape[2]

    def _order(self, epoch: int) -> np.ndarray:
        """Return the rows of each table that each replica visits, int32 of shape (tables, replicas, visits)."""
        members, n = self.members, self.train_split.examples
        seeds = [self.runs[i].task.seed for i in members]
        orders = {seed: self.training.order(n, seed, epoch) for seed in dict.fromkeys(seeds)}
        visits = np.stack([orders[seed] for seed in seeds])
        tables = self.train_split.tables
        return np.stack([visits + n * table.rows[members][:, None] for table in tables]).astype(np.int32)

    def _average(self, epoch: int, per_run: dict[Key, tf.Tensor]) -> None:
        """Let the weights of an epoch join the equal averages of those runs that have one."""
        self.program.average(
            *stacking.joining_in([self.runs[i].task.training for i in self.members], epoch),
            _flat(self.train_split.x.values),
            tf.constant(self._order(epoch)[0]),
            per_run,
            {i: tf.constant(seeds) for i, seeds in self.draws.seeds.items()},
        )

    def _in_training(self, epoch: int) -> dict[str, tf.Tensor]:
        tasks = [self.runs[i].task for i in self.members]
        return stacking.of_epoch(self.in_training, tasks, self.members, epoch)

    def only_of_the_loss(self) -> dict[str, tf.Tensor]:
        """Return these numbers with all off that is done to batches and gradients, whatever the layers."""
        return stacking.only_of_the_loss(self._in_training(1))

    def measure(self, best: bool, splits: list[Splits], per_run: dict[Key, tf.Tensor]) -> list[np.ndarray]:
        """Return data loss, penalty and accuracy of each split, of shape (3, members)."""
        values = self.program.values(best)
        penalties = self.program.charged(values, per_run).numpy()
        found = []
        for split in splits:
            losses, hits, extra = self.program.measure(values, inputs(split, self.members), per_run)
            # The sums are taken here, in float64 and run by run, so that they do not depend on how many there are.
            found.append(np.stack([means(losses.numpy()), added(penalties, extra.numpy()), means(hits.numpy())]))
        return found

    def _record(self, epoch: int, fitted: np.ndarray, measured: list[np.ndarray]) -> None:
        total = np.full((3, len(self.runs)), np.nan)
        for k, i in enumerate(self.members):
            if self.keeper.ended[i]:
                continue
            seen, train, validation = (named(values[:, k]) for values in (fitted, *measured))
            self.runs[i].rows.append(row(epoch, seen, train, validation, self.runs[i].rates[epoch - 1, 0]))
            total[:, i] = seen["data_loss"] + seen["penalty"], train["data_loss"], validation["data_loss"]
        better = self.keeper.update(epoch, *total)
        rows = np.flatnonzero(better[self.members]).astype(np.int32)
        if len(rows):
            self.program.keep(tf.constant(rows))

    def _hand_over(self, ended: np.ndarray, on_trained: Callable[[int, Trained], None]) -> None:
        """Measure the kept weights of the runs that have ended on the test split, and hand them over."""
        began = time.perf_counter()
        measured = np.full((3, len(self.members)), np.nan)
        kept_ones = ended[self.keeper.kept[ended] > 0]
        per_run = self.numbers()
        for own, split in self.tests:
            if own[kept_ones].any():
                here = own[self.members]
                measured[:, here] = self.measure(True, [split], per_run)[0][:, here]
        position = {int(i): k for k, i in enumerate(self.members)}
        results = []
        for i in ended:
            run, k, kept = self.runs[i], position[int(i)], int(self.keeper.kept[i]) or None
            test = None if kept is None else tested(named(measured[:, k]))
            weights = last = None
            if kept is not None:
                weights = last = [best.value[k].numpy() for best in self.program.best]
                if kept < len(run.rows):
                    now = self.program.averages or self.program.variables
                    last = [v.value[k].numpy() for v in now[: len(weights)]]
            diverged = bool(self.keeper.diverged[i])
            results.append(run.result(kept=kept, diverged=diverged, test=test, weights=weights, last=last))
        share = (time.perf_counter() - began) / len(ended)
        for i, trained in zip(ended, results, strict=True):
            trained.seconds += share
            on_trained(int(i), trained)

    def _compact(self, members: np.ndarray) -> None:
        """Go on with the runs that have not ended, in a smaller program."""
        position = {int(i): k for k, i in enumerate(self.members)}
        snapshot = Snapshot.of(self.program, [position[int(i)] for i in members])
        self.program = self._program(members)
        snapshot.put_into(self.program)
        self.members = members


def _flat(values: tf.Tensor | OnDisk) -> tf.Tensor | OnDisk:
    return values if isinstance(values, OnDisk) else tf.reshape(values, [-1, *values.shape[2:]])
