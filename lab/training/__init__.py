"""How a model is trained, as one immutable value, with what follows from it: rates and batches.

Nothing here needs Keras. Both engines read the learning rate of each step and the batches of each epoch from this
file, so they cannot disagree about them.
"""

from dataclasses import dataclass

import numpy as np

from lab.checks import UsageError, choice, flag, number, shown, whole
from lab.regularization import InTraining
from lab.regularization.of_inputs import OfInputs
from lab.seeds import derive
from lab.training.combinations import check_combination
from lab.training.labels import OfLabels
from lab.training.rates import SCHEDULES, factors

OPTIMIZERS = ("sgd", "momentum", "nesterov", "adagrad", "rmsprop", "adam", "adamw")
LOSSES = ("softmax_cross_entropy", "binary_cross_entropy", "hinge", "squared_error")
MOST_EPOCHS = 1_000_000
"""A number far above it would fill the memory before the first epoch."""

MEASURED_WHOLE = 60_000
"""The largest training split that is measured whole unless `Training.measured` says otherwise.

No training split of the lab's own data sets is larger, so none of their numbers are estimates.
"""

FEWEST_MEASURED = 2_000
"""The fewest training examples that are measured unless `Training.measured` says otherwise."""


@dataclass(frozen=True, kw_only=True)
class Training(OfLabels, InTraining, OfInputs):
    """How a run is trained. What regularizes by it is documented in `InTraining`, from `focal` to `mixup`, and what is
    done to its examples in `OfInputs`, from `flip` to `swap_noise`, both in `lab.regularization`.

    Args:
        optimizer: "sgd", "momentum", "nesterov", "adagrad", "rmsprop", "adam" or "adamw", with Keras's
            arithmetic.
        learning_rate: the step size at the start, above 0.
        momentum: of "momentum" and "nesterov", in [0, 1).
        beta_1, beta_2: decay of the two moments of "adam" and "adamw", in [0, 1).
        rho: decay of the squared gradient of "rmsprop", in [0, 1).
        accumulator: where the squared gradient of "adagrad" starts, at least 0.
        epsilon: what keeps the adaptive optimizers from dividing by zero, above 0.
        schedule: how the learning rate falls over the steps t: "constant"; "cosine" to 0 at the last step;
            "exponential", times `decay_rate ** (t / decay_steps)`; "inverse_time", divided by
            `1 + decay_rate * t / decay_steps`; "cosine_restarts" to 0 `cycles` times, in equal parts of the steps;
            "one_cycle", by cosines from a 25th to `learning_rate` in the first .3 of the steps and to a 250 000th.
        decay_rate: of "exponential" and "inverse_time", above 0.
        decay_steps: of "exponential" and "inverse_time", in steps, at least 1.
        cycles: how often the rate falls in "cosine_restarts", at least 1.
        batch_size: examples a step, at least 1.
        epochs: the most epochs a run trains, at least 1.
        patience: epochs without a better validation data loss after which a run ends; None trains all
            epochs and still marks the kept one.
        min_delta: by how much the validation data loss must fall to count as better, at least 0.
        label_smoothing: share of the target spread evenly over the classes, in [0, 1). It changes what is
            minimized, never what is reported: every data loss is the plain one.
        weight_decay: decoupled decay (Loshchilov and Hutter 2019): each step takes
            `learning_rate * weight_decay * w` off each kernel; biases and the parameters of normalization
            are spared. At least 0.
        loss: "softmax_cross_entropy"; "binary_cross_entropy" (two classes, one logit; or a logit for
            each of the classes that an example may have, and their mean); "hinge" (two classes and
            one output: `max(0, 1 - t * s)` with t = -1 or 1; otherwise Weston and Watkins's multiclass hinge,
            the sum over the wrong classes of `max(0, s_wrong - s_right + 1)`); "squared_error" (the sum over
            the outputs of `(y - s) ** 2`, against one-hot targets where the labels are classes).
        replacement: draw each batch with replacement, as the course does; an epoch then has as many steps
            as without, all of them full.
        measured: the number of training examples on which train is measured after each epoch, at least 1: a random
            part of the split, one and the same for all epochs, seeds and variants. A split with no more examples is
            measured whole. None measures splits of up to 60 000 examples whole, and of larger ones as many examples
            as the validation split has, but at least 2 000. The mean over n of N examples has a standard error of
            their standard deviation times `sqrt((1 / n) * (1 - n / N))`.

    Raises:
        UsageError: a value outside its range, by name.
    """

    optimizer: str = "adam"
    learning_rate: float = 1e-3
    momentum: float = 0.9
    beta_1: float = 0.9
    beta_2: float = 0.999
    rho: float = 0.9
    accumulator: float = 0.1
    epsilon: float = 1e-7
    schedule: str = "constant"
    decay_rate: float = 0.5
    decay_steps: float = 1000.0
    cycles: int = 3
    batch_size: int = 32
    epochs: int = 50
    patience: int | None = None
    min_delta: float = 0.0
    label_smoothing: float = 0.0
    weight_decay: float = 0.0
    loss: str = "softmax_cross_entropy"
    replacement: bool = False
    measured: int | None = None

    def __post_init__(self) -> None:
        def store(name: str, value: object) -> None:
            object.__setattr__(self, name, value)

        InTraining.__post_init__(self)
        OfInputs.__post_init__(self)
        choice("optimizer", self.optimizer, OPTIMIZERS)
        choice("schedule", self.schedule, SCHEDULES)
        choice("loss", self.loss, LOSSES)
        flag("replacement", self.replacement)
        for name, meaning in (
            ("learning_rate", "the step size at the start"),
            ("epsilon", "what keeps an adaptive optimizer from dividing by zero"),
            ("decay_rate", "how fast the learning rate falls"),
        ):
            store(name, number(name, getattr(self, name), meaning, low_open=True))
        for name, meaning in (
            ("momentum", "the share of the last step kept in the next"),
            ("beta_1", "the decay of the first moment"),
            ("beta_2", "the decay of the second moment"),
            ("rho", "the decay of the squared gradient"),
            ("label_smoothing", "the share of the target spread over the classes"),
        ):
            store(name, number(name, getattr(self, name), meaning, high=1, high_open=True))
        for name, meaning in (
            ("accumulator", "where the squared gradient of adagrad starts"),
            ("min_delta", "the fall of the validation data loss that counts"),
            ("weight_decay", "the decoupled decay of the kernels"),
        ):
            store(name, number(name, getattr(self, name), meaning))
        store("decay_steps", number("decay_steps", self.decay_steps, "the time scale of the decay in steps", low=1))
        store("cycles", whole("cycles", self.cycles, "how often the learning rate falls"))
        store("batch_size", whole("batch_size", self.batch_size, "the number of examples per step"))
        store("epochs", whole("epochs", self.epochs, "the most epochs a run trains"))
        if self.patience is not None:
            meaning = "the number of epochs without a better validation data loss after which a run ends"
            store("patience", whole("patience", self.patience, meaning))
        if self.measured is not None:
            meaning = "the number of training examples that are measured after each epoch"
            store("measured", whole("measured", self.measured, meaning))
        if self.epochs > MOST_EPOCHS:
            raise UsageError(f"epochs must be at most {MOST_EPOCHS}, got {shown(self.epochs)}")
        check_combination(vars(self))

    def steps(self, examples: int) -> int:
        """Return the number of steps in an epoch over `examples` training examples."""
        return -(-examples // self.batch_size)

    def visits(self, examples: int) -> int:
        """Return how many examples an epoch visits, one that comes twice counted twice."""
        return self.steps(examples) * self.batch_size if self.replacement else examples

    def rates(self, examples: int) -> np.ndarray:
        """Return the learning rate of each step of the whole training, float32 of shape (epochs, steps)."""
        steps = self.steps(examples)
        factor = factors(self.schedule, self.epochs * steps, self.decay_rate, self.decay_steps, self.cycles)
        return (self.learning_rate * factor).astype(np.float32).reshape(self.epochs, steps)

    def order(self, examples: int, seed: int, epoch: int) -> np.ndarray:
        """Return which training examples an epoch visits, in order; batches are consecutive parts of it.

        A fresh permutation each epoch, from the seed and the epoch alone: all variants of one seed see the
        same batches, whatever else they draw.

        Args:
            examples: the number of training examples.
            seed: the run's seed.
            epoch: from 1.

        Returns:
            int32 indices of shape (examples,); with replacement (steps * batch_size,).
        """
        generator = np.random.default_rng(derive(seed, "batches", epoch))
        if self.replacement:
            return generator.integers(0, examples, self.steps(examples) * self.batch_size, dtype=np.int32)
        return generator.permutation(examples).astype(np.int32)

    def shares(self, examples: int, seed: int, epoch: int) -> np.ndarray:
        """Return how much of each example remains in each step of an epoch with `mixup`, float32 of shape (steps,).

        The shares follow from the seed and the epoch alone, and are 1 without mixup.

        Args:
            examples: the number of training examples.
            seed: the run's seed.
            epoch: from 1.
        """
        steps = self.steps(examples)
        if not self.mixup:
            return np.ones(steps, np.float32)
        drawn = np.random.default_rng(derive(seed, "mixup", epoch)).beta(self.mixup, self.mixup, steps)
        return drawn.astype(np.float32)

    def mixing(self, examples: int, seed: int, epoch: int) -> np.ndarray:
        """Return what `manifold_mixup` does in each step of an epoch, float32 of shape (steps, 2).

        These are how much of each example remains, and a number in [0, 1) that chooses the layer. They follow from the
        seed and the epoch alone; the shares are 1 without it.
        """
        steps = self.steps(examples)
        if not self.manifold_mixup:
            return np.ones((steps, 2), np.float32)
        generator = np.random.default_rng(derive(seed, "manifold_mixup", epoch))
        shares = generator.beta(self.manifold_mixup, self.manifold_mixup, steps)
        return np.stack([shares, generator.integers(0, 2**20, steps) / 2**20], 1).astype(np.float32)

    def part(self, examples: int, validation: int) -> np.ndarray | None:
        """Return which training examples are measured after each epoch.

        They follow from the size of the split alone, so that neither variants nor seeds differ by the luck of them.

        Args:
            examples: the number of training examples.
            validation: the number of validation examples.

        Returns:
            Their rising indices, int32 of shape (part,); None where the split is measured whole.
        """
        count = self.measured
        if count is None:
            count = examples if examples <= MEASURED_WHOLE else max(FEWEST_MEASURED, validation)
        if count >= examples:
            return None
        generator = np.random.default_rng(derive(0, "measured", examples))
        return np.sort(generator.choice(examples, count, replace=False)).astype(np.int32)


def pieces(order: np.ndarray, batch_size: int) -> list[np.ndarray]:
    """Cut an epoch's order into its batches; the last may be smaller."""
    return [order[i : i + batch_size] for i in range(0, len(order), batch_size)]
