"""The table of `benchmarks.advise`: what was counted over all repetitions, with intervals."""

import math
from collections.abc import Mapping, Sequence

import numpy as np
import scipy

from benchmarks.advice_truth import Key, Truth, family_of, read_key
from benchmarks.advice_tuners import METHODS

BUDGETS = ("same seconds", "same epochs")


def wilson(count: int, of: int) -> str:
    """Return a share in percent with Wilson's 95 % interval, as "5 % [1, 24] (1 of 20)"; "-" of none."""
    if not of:
        return "-"
    interval = scipy.stats.binomtest(count, of).proportion_ci(method="wilson")
    return f"{count / of:.0%} [{interval.low:.0%}, {interval.high:.0%}] ({count} of {of})"


def mean(values: Sequence[float]) -> str:
    """Return a mean share in percent with its 95 % interval by Student's t."""
    own = 100 * np.asarray(values)
    if len(own) < 2:
        return f"{own.mean():.1f} %" if len(own) else "-"
    half = scipy.stats.t.ppf(0.975, len(own) - 1) * own.std(ddof=1) / math.sqrt(len(own))
    return f"{own.mean():.1f} % [{own.mean() - half:.1f}, {own.mean() + half:.1f}]"


def chosen_by(one: Mapping, method: str) -> Key:
    """Return the setting that a method takes: of advice the best that helps, and otherwise the plain model."""
    if method == "advice":
        helps = [key for key, answer in one["said"] if answer == "helps"]
        return read_key(helps[0] if helps else one["plain"])
    if method == "best validation score":
        return read_key(one["by validation"])
    if method == "plain model":
        return read_key(one["plain"])
    name, budget = method.split(", ")
    found = one["others"][name][budget]
    return read_key(found[2] if found else one["plain"])


def is_false(one: Mapping) -> bool:
    """Return whether an answer claims that a setting helps which is no better than the plain model on fresh points."""
    return any(claim[2] >= 0 for claim in one["checked"])


def rows(repetitions: Sequence[Mapping], truths: Mapping[tuple[str, int], Truth]) -> list[list[str]]:
    """Return the rows of the table: method, false claims, found, regret, worse than plain, trials."""
    methods = ["advice", "best validation score", "plain model"]
    methods += [f"{name}, {budget}" for budget in BUDGETS for name in METHODS]
    table = []
    for method in methods:
        regret, worse, found, trials = [], [], [], []
        for one in repetitions:
            known = truths[one["task"], one["rows"]]
            key = chosen_by(one, method)
            regret.append(known.regret(key))
            worse.append(known.difference(key) > known.difference(read_key(one["plain"])))
            if known.helping:
                found.append(family_of(key) in known.helping)
            if ", " in method:
                name, budget = method.split(", ")
                trials.append((one["others"][name][budget] or [0])[0])
        false = "-"
        if method == "advice":
            false = wilson(sum(is_false(one) for one in repetitions), len(repetitions))
            found = [
                bool({family_of(read_key(key)) for key, answer in one["said"] if answer == "helps"} & known.helping)
                for one in repetitions
                if (known := truths[one["task"], one["rows"]]).helping
            ]
        tried = f"{np.median(trials):.0f}" if trials else "-"
        table.append(
            [
                method,
                false,
                wilson(sum(found), len(found)),
                mean(regret),
                wilson(sum(worse), len(worse)),
                tried,
            ]
        )
    return table


def by_task(repetitions: Sequence[Mapping], truths: Mapping[tuple[str, int], Truth]) -> list[list[str]]:
    """Return one row per task and size: repetitions, what helps, what advice said, false answers, regret."""
    table = []
    for (kind, size), known in sorted(truths.items()):
        own = [one for one in repetitions if (one["task"], one["rows"]) == (kind, size)]
        said: dict[str, int] = {}
        for one in own:
            for key, answer in one["said"]:
                if answer == "helps":
                    family = family_of(read_key(key))
                    said[family] = said.get(family, 0) + 1
        false = sum(is_false(one) for one in own)
        gain = -known.difference(known.best) / known.loss
        table.append(
            [
                kind,
                str(size),
                str(len(own)),
                f"{', '.join(sorted(known.helping)) or 'nothing'} ({gain:.1%})",
                ", ".join(f"{family} {count}" for family, count in said.items()) or "nothing",
                str(false),
                mean([known.regret(chosen_by(one, "advice")) for one in own]),
            ]
        )
    return table


def print_table(repetitions: Sequence[Mapping], truths: Mapping[tuple[str, int], Truth]) -> None:
    """Print both tables."""
    from rich.console import Console
    from rich.table import Table

    console = Console(width=200)
    counts = [sum((one["task"], one["rows"]) == key for one in repetitions) for key in truths]
    if not counts:
        console.print("No repetitions yet.")
        return
    title = f"{len(repetitions)} repetitions: {min(counts)} to {max(counts)} of each of {len(counts)} tasks and sizes"
    headings = ("method", "false answers", "best family found", "regret", "worse than plain", "trials (median)")
    summary = Table(*headings, title=title)
    for row in rows(repetitions, truths):
        summary.add_row(*row)
    console.print(summary)
    headings = ("task", "rows", "repetitions", "best (gain)", "said to help", "false answers", "regret")
    each = Table(*headings, title="By task")
    for row in by_task(repetitions, truths):
        each.add_row(*row)
    console.print(each)
