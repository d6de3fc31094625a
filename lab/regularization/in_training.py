"""Regularization by the way a net is trained, as fields of `lab.training.Training`."""

from dataclasses import dataclass

from lab.checks import UsageError, flag, number, whole


@dataclass(frozen=True, kw_only=True)
class InTraining:
    """Regularization by the way a net is trained, not by what it is made of. All of it is off by default.

    These are fields of `lab.training.Training`. Each is a number per run: in a cohort, runs with any strengths train
    beside runs without. Only runs with `clip_norm`, `gradient_noise`, `sharpness`, `adaptive_sharpness`, `adversarial`,
    `r_drop` or `gradient_penalty` train beside runs that have the same of these on, because they would change the last
    bits of others in their program, or let them take a second pass for nothing.

    What is minimized changes and never what is reported, but for `mixup` (and what `OfInputs` has), under
    which the loss and the accuracy that a run sees while it trains are those of changed examples.

    Args:
        focal: the exponent gamma, at least 0, of `(1 - p) ** gamma`, by which the cross-entropy of an example is
            multiplied, where p is the probability of its class: examples that are already right count less.
        noise_robust: the exponent q in [0, 1] of the generalized cross-entropy `(1 - p ** q) / q`, which is the
            cross-entropy at 0 and bounded, `1 - p`, at 1: examples that stay wrong pull less.
        confidence_penalty: the weight, at least 0, of the entropy of the predicted classes, which is taken off the
            loss of each example.
        flooding: the level b, at least 0, of the batch's mean data loss L below which training climbs: `|L - b| + b`
            is minimized. 0 leaves it out.
        clip_norm: the largest Euclidean norm of a step's gradients, those of the penalties included, above 0. All of
            them together are scaled down to it. None leaves them free.
        gradient_noise: the variance, at least 0, of Gaussian noise on the gradients at the first step; it falls as
            `(1 + t) ** -0.55` with the steps t.
        sharpness: the radius rho of sharpness-aware minimization (SAM), at least 0: the gradient is that at
            `w + rho * g / |g|`, where g is the gradient at w. A step takes two passes.
        adaptive_sharpness: the radius rho of adaptive sharpness-aware minimization (ASAM), at least 0, in which each
            weight is measured by its own size t = |w| + 0.01: the gradient is that at `w + rho * t ** 2 * g / |t * g|`.
        adversarial: the size epsilon, at least 0, of attacks by the fast gradient sign method (FGSM): half of what is
            minimized is the loss at `x + epsilon * sign(g)`, where g is the gradient of the loss by the examples x. It
            is in units of the data as they are trained on. A step takes two passes.
        r_drop: the weight, at least 0, of how far two passes over each example with different masks are apart: half the
            symmetric Kullback-Leibler divergence of their predicted classes; with squared error, their squared
            difference. The mean of the losses of both passes takes the place of the loss. Without anything random in
            the model it does nothing.
        gradient_penalty: the weight, at least 0, of the squared norm of the gradient of an example's data loss by the
            example (double backpropagation): small changes of an example then change its loss little. It is in units of
            the data as they are trained on. With batch normalization it is the gradient of the batch's summed loss. A
            step differentiates twice.
        proximal: whether penalties with a kink (`l1`, `group_inputs` and `group_units` of the model's
            `Regularization`) are taken by a proximal step after each update instead of by their gradients, which
            makes weights, inputs and units exactly 0. The step has the size of the learning rate, whatever the
            optimizer; with "sgd" it is proximal gradient descent, and where it ends the sum of loss and penalty is
            smallest.
        ema: how much of the moving average of the weights survives a step, in [0, 1). The average is what is measured,
            kept and tested; moving statistics are averaged along. It is over about 1 / (1 - ema) steps.
        swa: the share of the epochs, in [0, 1], at their end, after which the weights join an equal average (SWA). From
            the first of them on the average is what is measured, kept and tested. The moving statistics of batch
            normalization are computed anew for it, over the training examples as they are.
        swa_every: every how many of these epochs weights join, at least 1.
        lookahead: after how many steps the slow weights go towards those of the optimizer, which then go on from
            there; 0 leaves it out.
        lookahead_pull: how far the slow weights go, in (0, 1].
        mixup: alpha, at least 0, of the Beta(alpha, alpha) from which each step draws a share. Each example of the
            batch is mixed with its neighbour, which the order of the epoch chose at random, and so is its loss.
        manifold_mixup: alpha, at least 0, as of `mixup`: the outputs of a layer are mixed in the place of the examples,
            in each step those of another one, which is drawn from the input and all hidden layers after which nothing
            else of an example is left in the model: inside a residual branch nothing is mixed.

    Raises:
        UsageError: a value outside its range, by name.

    Reference: Lin et al. 2017 (focal); Zhang and Sabuncu 2018 (generalized cross-entropy); Pereyra et al. 2017
    (confidence penalty); Ishida et al. 2020 (flooding); Pascanu et al. 2013 (clipping); Neelakantan et al. 2015
    (gradient noise); Parikh and Boyd 2014 (proximal steps); Polyak and
    Juditsky 1992 (averages); Izmailov et al. 2018 (SWA); Zhang et al. 2019 (Lookahead); Foret et al. 2021 (SAM); Kwon
    et al. 2021 (ASAM); Goodfellow et al. 2015 (FGSM); Liang et al. 2021 (R-Drop); Drucker and LeCun 1992 (double
    backpropagation); Zhang et al. 2018 (mixup); Verma et al. 2019 (manifold mixup).
    """

    focal: float = 0.0
    noise_robust: float = 0.0
    confidence_penalty: float = 0.0
    flooding: float = 0.0
    clip_norm: float | None = None
    gradient_noise: float = 0.0
    sharpness: float = 0.0
    adaptive_sharpness: float = 0.0
    adversarial: float = 0.0
    r_drop: float = 0.0
    gradient_penalty: float = 0.0
    proximal: bool = False
    ema: float = 0.0
    swa: float = 0.0
    swa_every: int = 1
    lookahead: int = 0
    lookahead_pull: float = 0.5
    mixup: float = 0.0
    manifold_mixup: float = 0.0

    def __post_init__(self) -> None:
        def store(name: str, value: object) -> None:
            object.__setattr__(self, name, value)

        for name, meaning in (
            ("focal", "the exponent that makes examples count less which are already right"),
            ("confidence_penalty", "the weight of the entropy of the predicted classes"),
            ("flooding", "the level of the data loss below which training climbs"),
            ("gradient_noise", "the variance of the noise on the gradients"),
            ("sharpness", "the radius of sharpness-aware minimization"),
            ("adaptive_sharpness", "the radius of adaptive sharpness-aware minimization"),
            ("adversarial", "how far an attack moves each number of an example"),
            ("r_drop", "the weight of how far two passes with different masks are apart"),
            ("gradient_penalty", "the weight of the squared slope of the data loss at each example"),
            ("mixup", "the alpha of the Beta distribution of shares"),
            ("manifold_mixup", "the alpha of the Beta distribution of shares"),
        ):
            store(name, number(name, getattr(self, name), meaning))
        meaning = "the exponent of the generalized cross-entropy"
        store("noise_robust", number("noise_robust", self.noise_robust, meaning, high=1))
        flag("proximal", self.proximal)
        meaning = "the share of the average of the weights kept in a step"
        store("ema", number("ema", self.ema, meaning, high=1, high_open=True))
        store("swa", number("swa", self.swa, "the share of the epochs whose weights are averaged", high=1))
        store("swa_every", whole("swa_every", self.swa_every, "the number of epochs after which weights join"))
        if self.ema and self.swa:
            raise UsageError(
                f"ema and swa must not be combined, as one average is measured, got {self.ema} and {self.swa}; set one "
                "of them to 0"
            )
        meaning = "the number of steps between two meetings of slow and fast weights"
        store("lookahead", whole("lookahead", self.lookahead, meaning, low=0, high=2**24))
        meaning = "how far slow weights go towards fast ones"
        store("lookahead_pull", number("lookahead_pull", self.lookahead_pull, meaning, high=1, low_open=True))
        twice = [name for name in TWO_PASSES if getattr(self, name)]
        if len(twice) > 1:
            raise UsageError(
                f"{', '.join(TWO_PASSES[:-1])} and {TWO_PASSES[-1]} must not be combined, as each takes a second pass, "
                f"got {', '.join(twice)}; keep one of them"
            )
        if self.clip_norm is not None:
            meaning = "the largest norm of a step's gradients"
            store("clip_norm", number("clip_norm", self.clip_norm, meaning, low_open=True))


TWO_PASSES = ("sharpness", "adaptive_sharpness", "adversarial", "r_drop", "gradient_penalty")
"""The fields by which a step passes over its batch twice."""

BETWEEN_EXAMPLES = ("mixup", "adversarial", "gradient_penalty")
"""The fields for which the numbers between two examples must mean something."""
