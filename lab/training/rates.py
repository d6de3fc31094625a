"""How the learning rate goes over the steps of a training: the factor of each step, by the name of the schedule."""

import numpy as np

SCHEDULES = ("constant", "cosine", "exponential", "inverse_time", "cosine_restarts", "one_cycle")

RISE = 0.3
"""The share of the steps in which "one_cycle" rises."""

FIRST, LAST = 1 / 25, 1 / 250_000
"""The factors with which "one_cycle" begins and ends, as in fastai and PyTorch."""


def factors(schedule: str, steps: int, decay_rate: float, decay_steps: float, cycles: int) -> np.ndarray:
    """Return what the learning rate is multiplied by in each step, float64 of shape (steps,).

    Args:
        schedule: one of `SCHEDULES`; the formulas are in the docstring of `lab.training.Training`.
        steps: of the whole training.
        decay_rate, decay_steps: of "exponential" and "inverse_time".
        cycles: of "cosine_restarts".

    Reference: Loshchilov and Hutter 2017 (cosine and its restarts); Smith and Topin 2018 (one cycle).
    """
    t = np.arange(steps, dtype=np.float64)
    match schedule:
        case "cosine":
            return 0.5 * (1 + np.cos(np.pi * t / steps))
        case "cosine_restarts":
            within = (t * cycles / steps) % 1.0
            return 0.5 * (1 + np.cos(np.pi * within))
        case "one_cycle":
            top = RISE * steps
            rise = FIRST + (1 - FIRST) * 0.5 * (1 - np.cos(np.pi * np.minimum(t / top, 1.0)))
            fall = LAST + (1 - LAST) * 0.5 * (1 + np.cos(np.pi * np.maximum(t - top, 0.0) / (steps - top)))
            return np.where(t < top, rise, fall)
        case "exponential":
            return decay_rate ** (t / decay_steps)
        case "inverse_time":
            return 1 / (1 + decay_rate * t / decay_steps)
        case _:
            return np.ones_like(t)
