"""The forest plot: how much better or worse than the baseline each variant is, and how sure that is."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, MaxNLocator

from lab.report.layout import footnote, headline_over, own
from lab.report.theme import Style, columns_of, labels, look, printable, styles, text
from lab.statistics import words
from lab.statistics.language import say
from lab.statistics.scope import FOLDS_OF_DATA, scope, scope_sentence

COLUMNS = ["variant", "difference", "difference_low", "difference_high", "n"]


def rows(comparison: pd.DataFrame, baseline: str = "none") -> pd.DataFrame:
    """Return the rows of the forest plot, one per variant, from the top down.

    Args:
        comparison: "variant", "difference" (variant minus baseline, paired over seeds), "difference_low" and
            "difference_high" (its interval; NaN or infinite where there is none), "n" (pairs of seeds) and, as
            `lab.statistics.compare` has it, "decision".
        baseline: the variant whose row is left out.

    Returns:
        The same columns, with "interval" (both ends are finite), "proven" (the decision is better or worse, which
        takes the number of variants into account; without decisions: the interval excludes zero), "decision" (""
        where there is none) and "words" (the row as in "+0.120 [+0.090, +0.150], n = 5").

    Raises:
        DataError: a column or all rows are missing.
    """
    columns_of(comparison, COLUMNS, "the comparison")
    comparison = comparison.assign(variant=comparison["variant"].map(str))
    comparison = comparison[comparison["variant"] != baseline].reset_index(drop=True)
    columns_of(comparison, COLUMNS, "the comparison without its baseline")
    table = comparison[COLUMNS].copy()
    numbers = table[COLUMNS[1:4]].astype(float).where(lambda values: np.isfinite(values))
    table[COLUMNS[1:4]] = numbers
    table["interval"] = numbers.notna().all(axis=1)
    table["decision"] = comparison["decision"].map(str) if "decision" in comparison else ""
    if "decision" in comparison:
        table["proven"] = table["decision"].isin(["better", "worse"])
    else:
        # Written so that NaN proves nothing.
        table["proven"] = (numbers["difference_low"] > 0) | (numbers["difference_high"] < 0)
    largest = np.nanmax(np.abs(numbers.to_numpy())) if numbers.notna().any(axis=None) else 0.0
    # Three digits of the largest number shown, the same number of decimals in every row.
    form = f"+.{words.decimals(largest, 3) if largest > 0 else 3}f"
    pairs = comparison["n"].fillna(0)
    table["words"] = [
        f"{words.difference(value, low, high, form)}, n = {n:g}"
        for (value, low, high), n in zip(numbers.to_numpy(float), pairs, strict=True)
    ]
    return table


def forest(
    comparison: pd.DataFrame,
    *,
    metric: str = "test data loss",
    baseline: str = "none",
    of: str = "",
    look_of: Mapping[str, Style] | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw the paired difference of each variant to the baseline with its interval, against a line at zero.

    A filled marker is a difference that is shown; an open one proves nothing. Lower is better.

    Args:
        comparison: as in `rows`; drawn from the top down.
        metric: what is compared, in words.
        baseline: the variant at zero.
        of: the experiment, for the title.
        look_of: the style of each variant; None takes `lab.report.styles` of the baseline and the rows.
        ax: where to draw; None makes a figure.

    Raises:
        DataError: the table lacks a column or has no rows.
    """
    table = rows(comparison, baseline)
    look_of = styles([baseline, *table["variant"]], baseline) | dict(look_of or {})
    names = labels([baseline, *table["variant"]], 28)
    with look():
        ax = own(ax, 4.4, 0.32 * len(table) + 0.35)
        ax.axvline(0, color="0.2", lw=0.9, zorder=1)
        for place, (_, row) in enumerate(table.iterrows()):
            style = look_of[row["variant"]]
            if row["interval"]:
                ends = [row["difference_low"], row["difference_high"]]
                ax.plot(ends, [place, place], color=style.colour, lw=1.8, label="_interval", zorder=2)
            ax.plot(
                row["difference"], place, marker=style.marker, ms=7, mew=1.4, mec=style.colour,
                mfc=style.colour if row["proven"] else "white", label="_difference", zorder=3,
            )  # fmt: skip
            beside = ax.annotate(
                row["words"], (1, place), (10, 0), xycoords=("axes fraction", "data"), textcoords="offset points",
                va="center", annotation_clip=False,
            )  # fmt: skip
            text(beside, 8)
        shown = table[COLUMNS[1:4]].to_numpy()
        reach = np.nanmax(np.abs(shown)) if np.isfinite(shown).any() else 1.0
        low, high = (min(0.0, np.nanmin(shown)), max(0.0, np.nanmax(shown))) if np.isfinite(shown).any() else (0, 0)
        room = 0.25 * (reach or 1.0)
        ax.set_xlim(low - room, high + room)
        ax.set_ylim(len(table) - 0.4, -0.6)
        ax.xaxis.set_major_locator(MaxNLocator(5))
        ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}".replace("-", words.MINUS)))
        ax.set_yticks(range(len(table)), [names[variant] for variant in table["variant"]])
        for label in ax.get_yticklabels():
            text(label, 9)
        ax.tick_params(axis="y", length=0)
        ax.spines["left"].set_visible(False)
        _sides(ax, names[baseline])
        compared = {"metric": printable(metric), "baseline": names[baseline]}
        text(ax.set_xlabel(say("difference in {metric} to {baseline}", **compared)), 9)
        headline_over(
            ax,
            say("{metric} compared with {baseline}", **compared),
            of,
            above=26,
        )
        footnote(
            ax,
            [
                say("Paired over folds, with 95 % intervals.")
                if scope(comparison) == FOLDS_OF_DATA
                else say("Paired over seeds, with 95 % intervals."),
                say("Filled: shown to differ, corrected for the number of variants. Open: not shown.")
                if "decision" in comparison
                else say("Filled: the interval excludes zero. Open: not shown."),
                *filter(None, [scope_sentence(comparison)]),
            ],
        )
    return ax


def _sides(ax: Axes, baseline: str) -> None:
    for side, shift, align in (
        (say("← better than {baseline}", baseline=baseline), -7, "right"),
        (say("worse than {baseline} →", baseline=baseline), 7, "left"),
    ):
        made = ax.annotate(
            side, (0, 1), (shift, 5), xycoords=ax.get_xaxis_transform(), textcoords="offset points", ha=align,
            annotation_clip=False,
        )  # fmt: skip
        text(made, 8.5, color="0.25")
