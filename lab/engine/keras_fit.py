"""One run through `keras.Model.fit`: the reference that anyone can read and the cohort is held against.

It adds to a plain `fit` what a comparison needs: batches in the order of `Training.order`, data loss and penalty logged
apart, the training split (or a part of it: `Training.measured`) measured as the validation split is, early stopping on
the validation data loss, and a record of divergence.
"""

import contextlib
import time
from collections.abc import Callable

import keras
import numpy as np
import tensorflow as tf

from lab import regularizers
from lab.data.rows import Rows
from lab.engine import augmentation, copies, gradients, objective, optimizers, proximal, stacking
from lab.engine.history import Keeper, row, tested, unpacked
from lab.engine.on_disk import OnDisk, gathered
from lab.engine.task import History, Task, Trained
from lab.engine.training_state import NO_CHECKPOINTS, Checkpoints, Offer, State, numbered, past
from lab.training import pieces

EVALUATION_BATCH = 1024


class _Ledger(keras.Model):
    """A model around the model that logs data loss and penalty apart, of which Keras logs only the sum."""

    def __init__(self, model: keras.Model, task: Task) -> None:
        super().__init__(name="ledger")
        self.model = model
        self.training = task.training
        self.numbers = {name: tf.constant(values) for name, values in stacking.in_training([task]).items()}
        self.averages = [tf.Variable(v.value) for v in model.weights] if task.training.ema else []
        self.slow = [tf.Variable(v.value) for v in model.trainable_variables] if task.training.lookahead else []
        self.data_losses = keras.metrics.Mean("data_loss")
        self.penalties = keras.metrics.Mean("penalty")
        self.accuracies = keras.metrics.Mean("accuracy")

    def call(self, x, training=None):
        return self.model(x, training=training)

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        penalty = tf.add_n([tf.cast(loss, tf.float32) for loss in self.losses]) if self.losses else tf.constant(0.0)
        minimized, plain, hits = self._of_labels(y, y_pred, sample_weight)
        self.data_losses.update_state(plain)
        self.penalties.update_state(penalty, sample_weight=tf.shape(plain)[0])
        self.accuracies.update_state(hits)
        mean = tf.reduce_mean(minimized)
        if self.training.flooding:
            mean = objective.flooded(mean, self.training.flooding)
        if self.training.proximal and training:
            # What the proximal step is for is reported, and left out of the gradients.
            penalty = penalty - sum(kinked(v.value) for v, kinked in self._with_kinks())
        return mean + penalty

    def _of_labels(self, y, y_pred, weight):
        """Return what is minimized, the plain data loss and the hits of each example."""
        if isinstance(y, tuple):
            # Mixed examples: their labels, those of what was mixed in, and the shares.
            own, other, share = y
            others = self._of_labels(other, y_pred, None if weight is None else tf.roll(weight, 1, 0))
            pairs = zip(self._of_labels(own, y_pred, weight), others, strict=True)
            return tuple(share * a + (1.0 - share) * b for a, b in pairs)
        plain = objective.data_loss(self.training.loss, y, y_pred)
        minimized = objective.minimized(self.training.loss, objective.numbers(self.training), y, y_pred, plain)
        return minimized if weight is None else minimized * weight, plain, objective.hits(y, y_pred)

    def _with_kinks(self):
        """Return the weights with penalties that have a kink, each with what it is charged for them alone."""
        found = []
        for v in self.model.trainable_variables:
            known = regularizers.strengths(v.regularizer) or {}
            kinked = {name: known[name] for name in proximal.KINDS if known.get(name)}
            if kinked:
                found.append((v, regularizers.KernelPenalty(**kinked)))
        return found

    def train_step(self, data):
        """Take a step with what follows it."""
        logs = self._proximal_step(data) if self.training.proximal else self._gradient_step(data)
        steps, numbers = self.optimizer.iterations.value, self.numbers
        for slow, v in zip(self.slow, self.trainable_variables if self.slow else (), strict=True):
            both = slow.read_value()[None], v.value.read_value()[None]
            moved = copies.looked_ahead(*both, numbers["lookahead"], numbers["lookahead_pull"], steps)
            slow.assign(moved[0][0])
            v.assign(moved[1][0])
        for average, v in zip(self.averages, self.model.weights if self.averages else (), strict=True):
            both = average.read_value()[None], v.value.read_value()[None]
            average.assign(copies.averaged(*both, numbers["ema"], steps)[0])
        return logs

    @contextlib.contextmanager
    def as_measured(self):
        """Give the model the averages of its weights for a while, if it has any."""
        own = [v.numpy() for v in self.model.weights] if self.averages else []
        if self.averages:
            self.model.set_weights([average.numpy() for average in self.averages])
        yield
        if self.averages:
            self.model.set_weights(own)

    def _proximal_step(self, data):
        # The step that follows has the rate of the one before the counter goes on.
        rate = tf.reshape(self.optimizer.learning_rate, [1])
        logs = self._gradient_step(data)
        for v, kinked in self._with_kinks():
            known = regularizers.strengths(kinked) or {}
            strengths = {name: tf.constant([known[name]]) for name in proximal.KINDS if known[name]}
            v.assign(proximal.shrunk(v.value.read_value()[None], strengths, rate)[0])
        return logs

    def _gradient_step(self, data):
        """Take a step, as Keras does unless something is to be done to the gradients."""
        if not self.numbers.keys() & set(gradients.GRADIENT_NUMBERS):
            return super().train_step(data)
        weights, states = self.trainable_variables, self.model.non_trainable_variables
        before = [v.value.read_value() for v in states]
        found = self._gradients(data)
        logs = self.get_metrics_result()
        for name in self.numbers.keys() & set(gradients.SECOND_PASS):
            here, after = [v.value.read_value() for v in weights], [v.value.read_value() for v in states]
            counted = [(v, v.value.read_value()) for v in self.metrics_variables]
            stacked = [w[None] for w in here]
            sizes = gradients.sizes_of(stacked) if name == "adaptive_sharpness" else None
            there = gradients.uphill(stacked, found, self.numbers[name], sizes)
            # The second pass draws what the first drew, and leaves neither statistics nor sums behind.
            for v, value in zip([*weights, *states], [*(w[0] for w in there), *before], strict=True):
                v.assign(value)
            found = self._gradients(data)
            for v, value in [*zip([*weights, *states], [*here, *after], strict=True), *counted]:
                v.assign(value)
        if "clip_norm" in self.numbers:
            found = gradients.clipped(found, self.numbers["clip_norm"])
        if "gradient_noise" in self.numbers:
            step = tf.cast(self.optimizer.iterations.value, tf.int64)
            found = gradients.noisy(found, self.numbers["gradient_noise"], self.numbers["noise_seeds"], step)
        self.optimizer.apply_gradients([(g[0], v) for g, v in zip(found, weights, strict=True) if g is not None])
        return logs

    def _gradients(self, data):
        """Return the gradients of the weights, as those of one replica."""
        x, y, weight = keras.utils.unpack_x_y_sample_weight(data)
        with tf.GradientTape() as tape:
            loss = self.compute_loss(x, y, self(x, training=True), weight)
        found = tape.gradient(loss, self.trainable_variables)
        return [None if g is None else tf.convert_to_tensor(g)[None] for g in found]


class _Rates(keras.optimizers.schedules.LearningRateSchedule):
    """The learning rate of each step, from the table that `Training.rates` made."""

    def __init__(self, table: np.ndarray) -> None:
        self.table = tf.constant(table.ravel())

    def __call__(self, step):
        return tf.gather(self.table, tf.cast(step, tf.int32))


class _Diary(keras.callbacks.Callback):
    """Measures both splits after each epoch, writes the row, keeps the best weights and ends the run."""

    offer: Offer

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
        fitted = {name: logs[name] for name in ("data_loss", "penalty", "accuracy")}
        with self.model.as_measured():
            train, validation = (measure(self.model, split) for split in self.splits)
            now = self.model.model.get_weights()
        losses = [fitted["data_loss"] + fitted["penalty"], train["data_loss"], validation["data_loss"]]
        self.rows.append(row(epoch + 1, fitted, train, validation, self.rates[epoch, 0]))
        if self.keeper.update(epoch + 1, *(np.array([loss]) for loss in losses))[0]:
            self.weights = now
        self.model.stop_training = bool(self.keeper.ended[0])
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
) -> Trained:
    """Train one run.

    Args:
        task: the run.
        on_epoch: called after each epoch with its number, the lowest validation data loss so far, and the rows of the
            history so far.
        checkpoints: from which the run goes on, and which take its state from time to time.
    """
    began = time.perf_counter()
    data, training = task.data, task.training
    keras.backend.clear_session()
    model = task.build()
    ledger = _Ledger(model, task)
    rates = training.rates(len(data.train.y))
    optimizer = optimizers.optimizer(training, _Rates(rates), model.trainable_variables)
    ledger.compile(optimizer, loss=lambda y, y_pred: 0.0)
    diary = _Diary(task, on_epoch, began)
    diary.set_model(ledger)
    for saved in checkpoints.saved("keras_fit", [task]):
        # Keras makes the optimizer's memory at the first step, and it must be there to be put back.
        optimizer.build(model.trainable_variables)
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
            yield from zip(*cut, training.shares(n, seed, epoch), boxes, steps, strict=True)

    def batch(order, drawn, share, box, step):
        x, y, *weight = (gathered(array, order) for array in arrays)
        now = ledger.numbers | {f"{name}_drawn": drawn[None, :, k] for k, name in enumerate(augmentation.BY_VISIT)}
        x = augmentation.changed(x[None], now, step)[0]
        if not (training.mixup or training.cutmix):
            return x, y, *weight
        if training.cutmix:
            pasted, shares = augmentation.pasted(x[None], box[None])
            mixed, share = pasted[0], shares[0]
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
        tf.TensorSpec([4], tf.int32),
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
