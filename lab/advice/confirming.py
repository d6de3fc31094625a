"""Confirming: the candidates and the plain model on fresh seeds, and on test examples that chose nothing."""

import functools
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from lab.advice.against_plain import against_plain, chances
from lab.advice.answer import sentence_of, table_of
from lab.advice.fresh_splits import FIRST_SEED, fresh_splits
from lab.advice.pace import Forecast, Pace
from lab.advice.script import FILE, script_of
from lab.advice.space import Setting
from lab.experiment import Experiment, Variant
from lab.run import run
from lab.sweep.progress import listening
from lab.sweep.resumption import so_far

if TYPE_CHECKING:
    import pandas as pd

    from lab.results.tables import Tables

FEWEST_TO_GIVE_UP = 24
"""With fewer seeds, the estimate that more of them would hardly tell is not relied on."""

HOPELESS = 0.1
"""Seeds are added as long as what is undecided has at least this chance to be decided after the most of them."""


def variants_of(plain: Sequence[Setting], chosen: Sequence[Setting]) -> dict[str, Setting]:
    """Return what is confirmed by the names of the variants.

    Args:
        plain: the plain model at some learning rates; the first one is the baseline, the others are named by theirs.
        chosen: the candidates.
    """
    first, *others = plain
    named = {f"{one.name}-rate-{one.learning_rate:g}": one for one in others}
    return {first.name: first, **named, **{one.name: one for one in chosen}}


def confirm(
    name: str,
    load: Callable,
    settings: Mapping[str, Setting],
    plain: Sequence[str],
    *,
    most_seeds: int,
    margin: float | None,
    until: float,
    pace: Pace,
    tried: int,
    tested: int,
    results_folder: Path,
    say: Callable[[str], None],
) -> "tuple[Path, Tables, pd.DataFrame]":
    """Add seeds until each candidate is decided, the time is over, or more seeds would decide nothing further.

    The decisions hold although one looks after each batch, and over all candidates together: see
    `lab.statistics.sequential`. The first look is always reached.

    Args:
        name: of the experiment, whose folder is made.
        load: the data, as `lab.advice.fresh_splits` takes them.
        settings: as `variants_of` returns them.
        plain: those of them that are the plain model, the baseline first.
        most_seeds: the last look.
        margin: as in `lab.statistics.compare`.
        until: when no further batch is begun that would end later, by the clock of `pace`.
        pace: how long the batches of the screening took; those of the confirmation are added.
        tried: how many families were screened.
        tested: how many test examples there are.
        results_folder: the folder of the experiment's folder.
        say: told what is done and why.

    Returns:
        The experiment's folder, with experiment.py if its data and model have a source, its tables, and the comparison
        of the candidates, as `lab.advice.against_plain` makes it.
    """
    from lab.results.files import write_atomically
    from lab.results.tables import read_tables
    from lab.statistics.sequential import looks

    data = functools.partial(fresh_splits, load)
    variants = {
        called: Variant(data=data, model=one.variant.model, training=one.variant.training)
        for called, one in settings.items()
    }
    plan = looks(most_seeds)
    look: int | None = plan[0]
    while look is not None:
        experiment = Experiment(
            name=name,
            question="Which regularizer helps this model on these data?",
            notes=_notes(plain),
            variants=variants,
            baseline=plain[0],
            seeds=range(FIRST_SEED, FIRST_SEED + look),
            redraw_data=True,
        )
        with pace.measured():
            folder = run(
                experiment, results_folder=results_folder, margin=margin, most_seeds=most_seeds, progress=listening()
            )
        tables = read_tables(folder)
        script = script_of(experiment, folder / FILE)
        if script is not None:
            write_atomically(folder / FILE, script)
        compared = against_plain(tables, plain, margin=margin, most_seeds=most_seeds)
        table = table_of(compared)
        undecided = table[table["answer"] == "undecided"]
        so_far(f"so far, on {look} fresh seeds: {sentence_of(table, tried, tested)}")
        say(f"confirmed on {look} fresh seeds: {len(undecided)} of {len(table)} candidates undecided")
        if undecided.empty:
            break
        # With a margin, a candidate may still be shown to be equivalent.
        if look >= FEWEST_TO_GIVE_UP and margin is None and np.isinf(undecided["more_seeds"]).all():
            still = compared[compared["decision"] == "not shown"]
            if (chances(tables, still, most_seeds) < HOPELESS).all():
                say(f"giving up on these: more seeds would hardly tell on {tested} test examples")
                break
        look = _following(plan, look, len(settings), pace.forecast_after_last(), until - pace.clock())
    return folder, tables, compared


def _notes(plain: Sequence[str]) -> str:
    """Return what a reader of the experiment's page has to know, as the page compares with the baseline only."""
    if len(plain) == 1:
        return ""
    first, *others = plain
    return (
        f"The plain model is confirmed at {len(plain)} learning rates, {first} and {', '.join(others)}. A candidate "
        f"helps if it is better than each of them. The comparison here is with {first} alone; the answer compares each "
        "candidate with the one beside which it looks worst."
    )


def _following(plan: Sequence[int], look: int, count: int, forecast: Forecast, left: float) -> int | None:
    """Return at how many seeds to look next, None where no batch would end in time.

    The seeds double where that is in time, as most of the time of a small batch is not that of its runs. The looks in
    between are taken when it ends.
    """
    in_time = [seeds for seeds in plan if seeds > look and forecast.at_most((seeds - look) * count) <= left]
    return next((seeds for seeds in in_time if seeds >= 2 * look), max(in_time, default=None))


class Size(NamedTuple):
    """The size of a confirmation.

    Args:
        candidates: how many are confirmed.
        seeds: the most that confirm.
    """

    candidates: int
    seeds: int


def size_for(seconds: float, most: Size, pace: Pace, *, plain: int, like_last: bool) -> Size:
    """Return how many candidates and seeds there is time for.

    Where the first seeds of all candidates would not end in time, there are fewer candidates, but at least one. The
    first looks decide more where fewer follow; so looks that would not be reached are wasted.

    Args:
        seconds: that are left.
        most: the most of both.
        pace: how long the batches of the screening took.
        plain: at how many learning rates the plain model is confirmed.
        like_last: whether the last batch trained the same settings, as a shortlist does. If not, each setting is taken
            to be a program of its own.
    """
    from lab.statistics.sequential import FIRST_LOOK, looks

    def forecast(settings: int) -> Forecast:
        return pace.forecast_after_last() if like_last else pace.forecast(settings)

    fewest = plain + 1
    counts = range(plain + most.candidates, fewest, -1)
    count = next((n for n in counts if forecast(n).seconds(FIRST_LOOK * n) <= seconds), fewest)
    expected = forecast(count)

    def is_reached(seeds: int) -> bool:
        look: int | None = FIRST_LOOK
        left = seconds - expected.seconds(FIRST_LOOK * count)
        while look is not None and look < seeds:
            before = look
            look = _following(looks(seeds), before, count, expected, left)
            left -= expected.seconds(((look or before) - before) * count)
        return look == seeds

    return Size(count - plain, max(filter(is_reached, looks(most.seeds)), default=FIRST_LOOK))
