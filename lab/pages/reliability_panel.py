"""The folded panel "Sure and right": why validation loss can rise while accuracy rises, shown by the runs at hand."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import altair as alt
import numpy as np
import pandas as pd

from lab.pages.vegalite import Row, Spec, short, spec
from lab.results.tables import Tables
from lab.statistics import words
from lab.statistics.language import say
from lab.statistics.runs import run_columns

COLUMNS = (
    ("data loss", "of the validation split, as its curve shows it"),
    ("accuracy", "the share of the validation split whose class is right"),
    ("confidence", "the mean probability that the model gives to the class it chooses"),
    ("calibration error", "how far confidence is from accuracy in 15 bins of confidence, on average"),
)
"""The columns of the panel's table, each a value of the kept epoch and one of the last: heading and meaning."""

ENDS = ("kept", "last")


@dataclass(frozen=True)
class ReliabilityPanel:
    """The panel.

    Args:
        sentence: what happens between the kept epoch and the last one.
        columns: the heading and the meaning of each column.
        rows: for each variant its name and its cells, as in "0.52 → 0.81".
        curves: for each variant, by its place, the rows of its curve.
        spec: the chart of one variant's curve.
    """

    sentence: str
    columns: Sequence[tuple[str, str]]
    rows: Sequence[tuple[str, Sequence[str]]]
    curves: Mapping[int, Sequence[Row]]
    spec: Spec


def reliability_panel(tables: Tables, names: Sequence[str]) -> ReliabilityPanel | None:
    """Return the panel of an experiment; None where no run has a reliability curve.

    Args:
        tables: the experiment's.
        names: the variants in order, the baseline first.
    """
    if tables.reliability is None:
        return None
    ends = _ends(tables)
    shown = [name for name in names if name in ends.index]
    rows = [(name, [" → ".join(_both(ends, name, column)) for column, _ in COLUMNS]) for name in shown]
    curves = {names.index(name): _curve(tables.reliability, name) for name in shown}
    return ReliabilityPanel(_sentence(ends.loc[shown]), COLUMNS, rows, curves, _chart())


def _ends(tables: Tables) -> pd.DataFrame:
    """Return the mean over the runs of each column of `COLUMNS` at the kept and the last epoch, by variant.

    Runs that lack one of the two curves, as those that diverged do, are left out.
    """
    assert tables.reliability is not None
    run = run_columns(tables.reliability)
    curve = tables.reliability.assign(
        sure=lambda t: t["examples"] * t["confidence"],
        off=lambda t: t["examples"] * (t["accuracy"] - t["confidence"]).abs(),
    )
    sums = curve.groupby([*run, "weights"], sort=False)[["examples", "sure", "off"]].sum()
    shares = sums[["sure", "off"]].div(sums["examples"], axis=0).unstack("weights")
    histories = tables.histories.set_index([*run, "epoch"])[["val_data_loss", "val_accuracy"]]
    kept = tables.summary.set_index(run)["kept_epoch"]
    last = tables.histories.groupby(run, sort=False)["epoch"].last()
    measured = {}
    for end, epochs in zip(ENDS, (kept, last), strict=True):
        epochs = epochs.reindex(shares.index)
        at = histories.reindex(pd.MultiIndex.from_arrays([*map(shares.index.get_level_values, run), epochs]))
        for column in at:
            measured[column, end] = pd.Series(at[column].to_numpy(), index=shares.index)
    whole = pd.concat([pd.DataFrame(measured), shares], axis=1).dropna()
    titles = dict(zip(("val_data_loss", "val_accuracy", "sure", "off"), (name for name, _ in COLUMNS), strict=True))
    return whole.groupby("variant", sort=False).mean().rename(columns=titles, level=0)


def _both(ends: pd.DataFrame, name: str, column: str) -> tuple[str, str]:
    kept, last = (float(ends[column, end][name]) for end in ENDS)
    return words.number(kept, ".3f"), words.number(last, ".3f")


def _sentence(ends: pd.DataFrame) -> str:
    """Say of the variant whose loss rises most, while its accuracy does not fall, what happens to its confidence."""
    rise = pd.DataFrame({name: ends[name, "last"] - ends[name, "kept"] for name, _ in COLUMNS})
    puzzling = rise[(rise["data loss"] > 0) & (rise["accuracy"] >= 0)]
    if not len(puzzling):
        return say(
            "In no variant does the validation loss rise from the kept epoch to the last while the accuracy holds or "
            "rises."
        )
    name = str(puzzling["data loss"].idxmax())
    loss, accuracy, sure = (
        say("from {kept} to {last}", **dict(zip(ENDS, _both(ends, name, column), strict=True)))
        for column, _ in COLUMNS[:3]
    )
    return say(
        "In {name} the validation loss rises {loss} from the kept epoch to the last, while the accuracy goes "
        "{accuracy}. The mean confidence goes {sure}: accuracy counts only which class is chosen, the loss also how "
        "sure the model is, and a wrong class costs more the surer it is.",
        name=name,
        loss=loss,
        accuracy=accuracy,
        sure=sure,
    )


def _curve(table: pd.DataFrame, name: str) -> list[Row]:
    """Return a variant's curve over all its seeds: per weights and bin "w", "x", "y" and the share "n" of examples."""
    runs = table[table["variant"] == name]
    sums = runs.assign(**{c: runs[c] * runs["examples"] for c in ("confidence", "accuracy")})
    sums = sums.groupby(["weights", "bin"])[["examples", "confidence", "accuracy"]].sum()
    found: list[Row] = []
    for weights in ENDS:
        if weights in sums.index:
            part = sums.loc[weights]
            n = part["examples"].to_numpy()
            values = (part["confidence"] / n, part["accuracy"] / n, n / n.sum())
            columns = [short(np.asarray(value)) for value in values]
            found += [{"w": weights, "x": x, "y": y, "n": share} for x, y, share in zip(*columns, strict=True)]
    return found


def _chart() -> Spec:
    data = alt.Chart(alt.NamedData("reliability"))
    share = alt.Scale(domain=[0, 1], nice=False)
    # Two classes leave no confidence below a half, and few classes none below their share.
    x = alt.X(
        "x:Q", title=say("confidence"), scale=alt.Scale(zero=False, nice=True), axis=alt.Axis(tickCount=6, format="~g")
    )
    y = alt.Y("y:Q", title=say("accuracy"), scale=share, axis=alt.Axis(tickCount=6, format="~g"))
    hues = alt.Scale(domain=list(ENDS), range=["var(--ink)", "var(--validation)"])
    colour = alt.Color("w:N", scale=hues, legend=None)
    tips = [
        alt.Tooltip("w:N", title=say("epoch")),
        alt.Tooltip("x:Q", title=say("confidence"), format=".3f"),
        alt.Tooltip("y:Q", title=say("accuracy"), format=".3f"),
        alt.Tooltip("n:Q", title=say("share of the examples"), format=".1%"),
    ]
    ideal = data.mark_line(stroke="var(--soft)", strokeWidth=1, strokeDash=[2, 3]).encode(
        x=x, y=alt.Y("x:Q", scale=share)
    )
    lines = data.mark_line(strokeWidth=2).encode(
        x=x,
        y=y,
        color=colour,
        strokeDash=alt.StrokeDash("w:N", scale=alt.Scale(domain=list(ENDS), range=[[], [6, 3]]), legend=None),
    )
    size = alt.Size("n:Q", scale=alt.Scale(domain=[0, 1], range=[24, 500]), legend=None)
    dots = data.mark_point(filled=True, opacity=0.85).encode(x=x, y=y, color=colour, size=size, tooltip=tips)
    return spec(
        alt.layer(ideal, lines, dots),
        "reliability",
        say(
            "Accuracy against confidence, in 15 bins of confidence, with the weights of the kept epoch and of the last."
        ),
        280,
    )
