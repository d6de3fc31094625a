"""One run through `keras.Model.fit`: the reference that anyone can read and the cohort is held against.

It adds to a plain `fit` what a comparison needs: batches in the order of `Training.order`, data loss and penalty logged
apart, the training split (or a part of it: `Training.measured`) measured as the validation split is, early stopping on
the validation data loss, and a record of divergence.
"""

import time
from collections.abc import Callable

import keras
import numpy as np
import tensorflow as tf

from lab.data.rows import Rows
from lab.engine import augmentation, optimizers
from lab.engine.history import Keeper, row, tested, unpacked
from lab.engine.ledger import Ledger
from lab.engine.on_disk import OnDisk, gathered
from lab.engine.task import History, Task, Trained
from lab.engine.training_state import NO_CHECKPOINTS, Checkpoints, Offer, State, numbered, past
from lab.training import pieces

EVALUATION_BATCH = 1024


class _Rates(keras.optimizers.schedules.LearningRateSchedule):
    """The learning rate of each step, from the table that `Training.rates` made."""

    def __init__(self, table: np.ndarray) -> None:
        self.table = tf.constant(table.ravel())

    def __call__(self, step):
        return tf.gather(self.table, tf.cast(step, tf.int32))


class _Diary(keras.callbacks.Callback):
    """Measures both splits after each epoch, writes the row, keeps the best weights and ends the run."""

    offer: Offer
    leaves: Callable[[int, History], bool]

    def __init__(self, task: Task, on_epoch: Callable[[int, float, History], None], start: float) -> None:
        super().__init__()
        self.task = task
        self.start = start
        self.on_epoch = on_epoch
        self.keeper = Keeper(1, task.training.patience, task.training.min_delta)
        self.rates = task.training.rates(len(task.data.train.y))
        self.rows: list[dict[str, float]] = []
        self.seconds: list[float] = []
        self.weights: list[np.ndarray] | None = None
        train, part = task.data.train, slice(None) if task.part is None else task.part
        self.splits = [_batches(train.x[part], train.y[part]), _batches(task.data.validation.x, task.data.validation.y)]

    def on_epoch_begin(self, epoch, logs=None):
        self.began = time.perf_counter()

    def on_epoch_end(self, epoch, logs=None):
        if self.task.training.swa:
            data, training = self.task.data.train, self.task.training
            batches = pieces(training.order(len(data.y), self.task.seed, epoch + 1), training.batch_size)
            self.model.average(epoch + 1, (np.asarray(data.x[batch]) for batch in batches))
        fitted = {name: logs[name] for name in ("data_loss", "penalty", "accuracy")}
        with self.model.as_measured():
            train, validation = (measure(self.model, split) for split in self.splits)
            now = self.model.model.get_weights()
        losses = [fitted["data_loss"] + fitted["penalty"], train["data_loss"], validation["data_loss"]]
        self.rows.append(row(epoch + 1, fitted, train, validation, self.rates[epoch, 0]))
        if self.keeper.update(epoch + 1, *(np.array([loss]) for loss in losses))[0]:
            self.weights = now
        self.model.stop_training = bool(self.keeper.ended[0]) or self.leaves(epoch + 1, self.rows)
        self.seconds.append(time.perf_counter() - self.began)
        if not (self.model.stop_training or epoch + 1 == self.task.training.epochs):
            self.offer([self.task], self.capture)
        self.on_epoch(epoch + 1, float(self.keeper.best[0]), self.rows)

    def capture(self) -> State:
        """Return the state of the run after an epoch."""
        arrays = numbered("variable", [v.numpy()[None] for v in self.model.model.variables])
        copied = [*self.model.averages, *self.model.slow]
        arrays |= numbered("copy", [v.numpy()[None] for v in copied])
        arrays |= numbered("optimizer", [v.numpy()[None] for v in self.model.optimizer.variables])
        kept = self.model.model.get_weights() if self.weights is None else self.weights
        arrays |= numbered("best", [array[None] for array in kept])
        arrays |= past([self.rows], [time.perf_counter() - self.start], [self.seconds])
        return State(len(self.rows), arrays | {"kept": self.keeper.kept.copy(), "lowest": self.keeper.best.copy()})

    def resume(self, state: State) -> str:
        """Go on from a state of the run; return why that cannot be, "" if it is done."""
        if reason := state.misfit(self.capture().arrays):
            return reason
        for kind, variables in (
            ("variable", self.model.model.variables),
            ("optimizer", self.model.optimizer.variables),
            ("copy", [*self.model.averages, *self.model.slow]),
        ):
            for v, value in zip(variables, state.all_of(kind), strict=True):
                v.assign(value[0])
        self.keeper.kept[:], self.keeper.best[:] = state.arrays["kept"], state.arrays["lowest"]
        self.weights = [array[0] for array in state.all_of("best")] if self.keeper.kept[0] else None
        self.rows, self.seconds = unpacked(state.arrays["rows"][0]), state.arrays["epoch_seconds"][0].tolist()
        self.start -= float(state.arrays["seconds"][0])
        return ""


def _batches(x: np.ndarray | Rows, y: np.ndarray) -> tf.data.Dataset:
    if isinstance(x, np.ndarray):
        return tf.data.Dataset.from_tensor_slices((x, y)).batch(EVALUATION_BATCH).cache()
    starts = tf.data.Dataset.range(0, len(x), EVALUATION_BATCH)
    ends = starts.map(lambda start: tf.minimum(start + EVALUATION_BATCH, len(x)))
    examples, labels = OnDisk((x,)), tf.constant(y)
    return tf.data.Dataset.zip(starts, ends).map(lambda start, end: (examples.chunk(start, end)[0], labels[start:end]))


def measure(ledger: keras.Model, split: tf.data.Dataset) -> dict[str, float]:
    """Measure a split with the model as it is, in inference mode: "data_loss", "penalty", "accuracy"."""
    logs = ledger.evaluate(split, verbose=0, return_dict=True)
    return {name: logs[name] for name in ("data_loss", "penalty", "accuracy")}


def train(
    task: Task,
    on_epoch: Callable[[int, float, History], None] = lambda epoch, best, rows: None,
    checkpoints: Checkpoints = NO_CHECKPOINTS,
    leaves: Callable[[int, History], bool] = lambda epoch, rows: False,
) -> Trained:
    """Train one run.

    Args:
        task: the run.
        on_epoch: called after each epoch with its number, the lowest validation data loss so far, and the rows of the
            history so far.
        checkpoints: from which the run goes on, and which take its state from time to time.
        leaves: asked after each epoch, with its number and the rows, whether the run ends with it.
    """
    began = time.perf_counter()
    data, training = task.data, task.training
    keras.backend.clear_session()
    model = task.build()
    ledger = Ledger(model, task)
    rates = training.rates(len(data.train.y))
    optimizer = optimizers.optimizer(training, _Rates(rates), model.trainable_variables)
    # Otherwise its memory is made in the first step, which Keras traces a second time then.
    optimizer.build(model.trainable_variables)
    ledger.compile(optimizer, loss=lambda y, y_pred: 0.0)
    diary = _Diary(task, on_epoch, began)
    diary.leaves = leaves
    diary.set_model(ledger)
    for saved in checkpoints.saved("keras_fit", [task]):
        state = saved.read([task])
        if state and (reason := diary.resume(state)):
            saved.refuse(reason)
    diary.offer = checkpoints.offer("keras_fit", [task])
    epochs_before = len(diary.rows)

    def orders():
        n, shape, seed = len(data.train.y), data.train.x.shape[1:], task.seed
        for epoch in range(epochs_before + 1, training.epochs + 1):
            boxes = augmentation.boxes(training, shape, training.steps(n), seed, epoch)
            drawn = np.zeros((training.visits(n), len(augmentation.BY_VISIT), 2), np.int32)
            for k, name in enumerate(augmentation.BY_VISIT):
                if getattr(training, name):
                    drawn[:, k] = augmentation.by_visit(name, training, shape, len(drawn), seed, epoch)
            cut = (pieces(whole, training.batch_size) for whole in (training.order(n, seed, epoch), drawn))
            steps = range((epoch - 1) * len(boxes), epoch * len(boxes))
            of_others = augmentation.columns(training, shape, training.steps(n), seed, epoch)
            drawn_for_steps = training.shares(n, seed, epoch), training.mixing(n, seed, epoch), boxes, of_others
            yield from zip(*cut, *drawn_for_steps, steps, strict=True)

    def batch(order, drawn, share, mixing, box, of_others, step):
        x, y, *weight = (gathered(array, order) for array in arrays)
        now = ledger.numbers | {f"{name}_drawn": drawn[None, :, k] for k, name in enumerate(augmentation.BY_VISIT)}
        x = augmentation.changed(x[None], now, step)[0]
        if training.manifold_mixup:
            return x, (y, tf.roll(y, 1, 0), tf.fill(tf.shape(order), mixing[0]), mixing), *weight
        if not (training.mixup or training.cutmix or training.row_cutmix):
            return x, y, *weight
        if training.cutmix:
            pasted, shares = augmentation.pasted(x[None], box[None])
            mixed, share = pasted[0], shares[0]
        elif training.row_cutmix:
            exchanged, shares = augmentation.exchanged(x[None], of_others[None])
            mixed, share = exchanged[0], shares[0]
        else:
            mixed = share * x + (1.0 - share) * tf.roll(x, 1, 0)
        return mixed, (y, tf.roll(y, 1, 0), tf.fill(tf.shape(order), share)), *weight

    weight = [] if data.train.weight is None else [data.train.weight]
    arrays = [
        OnDisk((array,)) if isinstance(array, Rows) else tf.constant(array)
        for array in (data.train.x, data.train.y, *weight)
    ]
    signature = (
        tf.TensorSpec([None], tf.int32),
        tf.TensorSpec([None, len(augmentation.BY_VISIT), 2], tf.int32),
        tf.TensorSpec([], tf.float32),
        tf.TensorSpec([2], tf.float32),
        tf.TensorSpec([4], tf.int32),
        tf.TensorSpec([None], tf.float32),
        tf.TensorSpec([], tf.int64),
    )
    batches = tf.data.Dataset.from_generator(orders, output_signature=signature).map(batch).prefetch(2)
    ledger.fit(
        batches,
        epochs=training.epochs,
        initial_epoch=epochs_before,
        steps_per_epoch=rates.shape[1],
        shuffle=False,
        callbacks=[diary],
        verbose=0,
    )

    kept_epoch = int(diary.keeper.kept[0]) or None
    test = last = None
    if diary.weights is not None:
        with ledger.as_measured():
            last = diary.weights if kept_epoch == len(diary.rows) else model.get_weights()
        model.set_weights(diary.weights)
        test = tested(measure(ledger, _batches(data.test.x, data.test.y)))
    return Trained(
        engine="keras_fit",
        status="diverged" if diary.keeper.diverged[0] else "finished",
        kept_epoch=kept_epoch,
        rows=diary.rows,
        test=test,
        weights=diary.weights,
        last_weights=last,
        parameters=int(sum(np.prod(v.shape) for v in model.trainable_variables)),
        seconds=time.perf_counter() - diary.start,
        epoch_seconds=diary.seconds,
    )
