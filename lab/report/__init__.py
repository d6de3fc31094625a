"""The figures: train against validation, all variants together, differences with intervals, strength paths.

Each is drawn by one call from tables of `lab.results` or from anyone's with the same columns. It computes first and
draws second, into the axes it is given or into a new figure that belongs to no global state. Only `save` and
`draw_all` write files, nothing is shown, and nothing here needs Keras, a display or pyplot.

    overfitting(histories, "loss")   one panel per variant: `loss` and `val_loss`, or the honest pair "data_loss"
    overlay(histories)               validation data loss of all variants in one axes
    gap, penalty, accuracy           over the epochs, all variants
    forest(comparison)               paired differences to the baseline
    strength_path(runs)              data losses and zeros against the strength
    draw_all(histories, summary, comparison, folder)    all of them as PNG files; `drawings` leaves them to be called

Each figure has a file of its name; `overlay` also has gap, penalty and accuracy. The others:

    curves            the curves of many runs, computed once for all figures and pages
    layout, theme     sizes, titles and notes; colours, markers and fonts
    value_axis        where the value axis starts and ends, and when it is logarithmic
    save              every figure of an experiment as files; processes: drawn by several of them
    kit               the drawing kit of studies, with histograms, landscapes, regions and small_multiples
"""

from lab.report.forest import forest
from lab.report.overfitting import PAIRS, overfitting
from lab.report.overlay import accuracy, gap, overlay, penalty
from lab.report.save import KINDS, draw_all, drawings, save
from lab.report.strength_path import strength_path
from lab.report.theme import Style, styles

__all__ = [
    "KINDS",
    "PAIRS",
    "Style",
    "accuracy",
    "draw_all",
    "drawings",
    "forest",
    "gap",
    "overfitting",
    "overlay",
    "penalty",
    "save",
    "strength_path",
    "styles",
]
