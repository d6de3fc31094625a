"""The table of `benchmarks.advise`: what was counted over all repetitions, with intervals."""

import math
from collections import Counter
from collections.abc import Collection, Mapping, Sequence

import numpy as np
import scipy

from benchmarks.advice_truth import Key, Truth, family_of, read_key
from benchmarks.advice_tuners import METHODS
from lab.advice.space import COMBINED

BUDGETS = ("same seconds", "same epochs")

ADVISED = "the one it advises"
"""Of advice, the best of the settings that help alone, as a tuner chooses one."""


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
    if method in ("advice", ADVISED):
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


def finds(one: Mapping, known: Truth) -> bool:
    """Return whether an answer says of a family that helps most that it helps."""
    return not known.helping.isdisjoint(family_of(read_key(key)) for key, answer in one["said"] if answer == "helps")


def rows(repetitions: Sequence[Mapping], truths: Mapping[tuple[str, int], Truth]) -> list[list[str]]:
    """Return the rows of the table: method, false claims, found, regret, worse than plain, repetitions, trials."""
    methods = ["advice", ADVISED, "best validation score", "plain model"]
    methods += [f"{name}, {budget}" for budget in BUDGETS for name in METHODS]
    table = []
    for method in methods:
        regret, worse, found, trials = [], [], [], []
        tried_in = [one for one in repetitions if ", " not in method or method.split(", ")[0] in one["others"]]
        for one in tried_in:
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
            found = [finds(one, known) for one in repetitions if (known := truths[one["task"], one["rows"]]).helping]
        median = f"{np.median(trials):.0f}" if trials else "-"
        table.append(
            [
                method,
                false,
                wilson(sum(found), len(found)),
                mean(regret),
                wilson(sum(worse), len(worse)),
                str(len(tried_in)),
                median,
            ]
        )
    return table


def by_task(repetitions: Sequence[Mapping], truths: Mapping[tuple[str, int], Truth]) -> list[list[str]]:
    """Return one row per task and size: repetitions, what helps, in how many it was found, and more."""
    table = []
    for (kind, size), known in sorted(truths.items()):
        own = [one for one in repetitions if (one["task"], one["rows"]) == (kind, size)]
        said = [family_of(read_key(key)) for one in own for key, answer in one["said"] if answer == "helps"]
        false = sum(is_false(one) for one in own)
        gain = -known.difference(known.best) / known.loss
        table.append(
            [
                kind,
                str(size),
                str(len(own)),
                f"{_best(known.helping)} ({gain:.1%})",
                str(sum(finds(one, known) for one in own)) if known.helping else "-",
                ", ".join(f"{family} {count}" for family, count in _counts(said)) or "nothing",
                str(false),
                mean([known.regret(chosen_by(one, "advice")) for one in own]),
            ]
        )
    return table


def _best(families: Collection[str]) -> str:
    """Return the families that help most, of which combinations are only counted."""
    combinations = [family for family in families if COMBINED in family]
    listed = sorted(set(families).difference(combinations))
    if combinations:
        listed.append(f"{len(combinations)} combination{'s' if len(combinations) > 1 else ''}")
    return ", ".join(listed) or "nothing"


def _counts(families: Sequence[str]) -> list[tuple[str, int]]:
    """Return how often each family occurs, the most frequent first and all combinations together last."""
    counts = Counter("combinations" if COMBINED in family else family for family in families)
    return sorted(counts.items(), key=lambda one: (one[0] == "combinations", -one[1], one[0]))


HEADINGS = (
    "method",
    "false answers",
    "best family found",
    "regret",
    "worse than plain",
    "repetitions",
    "trials (median)",
)

HEADINGS_BY_TASK = ("task", "rows", "repetitions", "best (gain)", "found", "said to help", "false answers", "regret")

BEGIN, END = "<!-- python -m benchmarks.advise -->", "<!-- end -->"
"""Between them stand the tables in README.md."""


def markdown(repetitions: Sequence[Mapping], truths: Mapping[tuple[str, int], Truth]) -> str:
    """Return both tables and what they rest on, as they stand in README.md."""
    counts = [sum((one["task"], one["rows"]) == key for one in repetitions) for key in truths]
    if not counts:
        return "There are no repetitions yet.\n"
    of_each = str(counts[0]) if min(counts) == max(counts) else f"{min(counts)} to {max(counts)}"
    rests = f"Repetitions so far: {len(repetitions)}, {of_each} of each of {len(truths)} of 18 tasks and sizes."
    tables = (
        markdown_table(HEADINGS, rows(repetitions, truths)),
        markdown_table(HEADINGS_BY_TASK, by_task(repetitions, truths)),
    )
    return "\n\n".join((rests, *tables)) + "\n"


def markdown_table(headings: Sequence[str], table: Sequence[Sequence[str]]) -> str:
    """Return a table in Markdown."""
    return "\n".join(f"| {' | '.join(row)} |" for row in (headings, ["---"] * len(headings), *table))


def between(text: str, tables: str, begin: str = BEGIN) -> str:
    """Return a text with tables between `begin` and `END` in place of what stands there."""
    before, _, rest = text.partition(begin)
    _, _, after = rest.partition(END)
    return f"{before}{begin}\n\n{tables}\n{END}{after}"
