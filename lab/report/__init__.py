"""The figures: train against validation, all variants together, differences with intervals, strength paths.

Each is made by one call from tables of `lab.results` (or from anyone's with the same columns), which computes first
and draws second, into an axes that is given or a new figure of no global state. Nothing is shown or saved except by
`save` and `draw_all`, and nothing here needs Keras, a display or pyplot.

    overfitting(histories, "loss")   a panel a variant: `loss` and `val_loss`, or the honest pair "data_loss"
    overlay(histories)               validation data loss of all variants in one axes
    gap, penalty, accuracy           over the epochs, all variants
    forest(comparison)               paired differences to the baseline
    strength_path(runs)              data losses and zeros against the strength
    draw_all(histories, summary, comparison, folder)    all of them, as PNG and SVG
"""

from lab.report.forest import forest
from lab.report.overfitting import PAIRS, overfitting, panel
from lab.report.overlay import accuracy, gap, overlay, penalty
from lab.report.save import draw_all, save
from lab.report.strength_path import strength_path
from lab.report.theme import Style, styles

__all__ = [
    "PAIRS",
    "Style",
    "accuracy",
    "draw_all",
    "forest",
    "gap",
    "overfitting",
    "overlay",
    "panel",
    "penalty",
    "save",
    "strength_path",
    "styles",
]
