"""The sentences under a figure: what is averaged, what is left out, why an axis is as it is."""

import pandas as pd

from lab.report.curves import LOG_ABOVE, Axis


def seeds_said(state: pd.DataFrame) -> str:
    """Return how many seeds a variant has, from a table of runs."""
    counts = state.groupby("variant", sort=False).size()
    low, high = int(counts.min()), int(counts.max())
    if high == 1:
        return "One seed a variant." if len(counts) > 1 else "One seed."
    seeds = f"{low} seeds" if low == high else f"{low} to {high} seeds"
    return f"{seeds} a variant." if len(counts) > 1 else f"{seeds}."


def diverged_said(state: pd.DataFrame) -> str:
    """Return how many runs diverged and what that means for the medians."""
    count = int(state["diverged"].sum())
    return f"Diverged: {count} of {len(state)} runs, in no median."


def axis_said(shared: Axis) -> list[str]:
    """Return why an axis is logarithmic and that it cuts lines, where it is or does."""
    notes = []
    if shared.log:
        notes.append(f"Logarithmic axis: the highest value is over {LOG_ABOVE:g} times the lowest.")
    if shared.cut:
        notes.append("Lines that reach the edge go on beyond it.")
    return notes
