"""Facts on how an experiment was run, from the records of its runs, and how its variants differ."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from lab.statistics.language import named, say

# Fields in which the seeds and folds of one variant differ: no difference between variants.
_SEEDS = ("seed", "fold", "fingerprint")


@dataclass(frozen=True)
class Change:
    """A difference between a variant and the baseline: the path of a value, and both values as JSON."""

    path: str
    baseline: str
    variant: str


@dataclass(frozen=True)
class Provenance:
    """Facts on how the runs of an experiment were made.

    Args:
        runs: how many records there are; with 0 all else is empty.
        facts: label and text, one line each.
        declaration: the first declaration of the baseline, as indented JSON.
        changes: how each other variant differs from the baseline.
    """

    runs: int
    facts: Sequence[tuple[str, str]] = ()
    declaration: str = ""
    changes: Sequence[tuple[str, Sequence[Change]]] = ()


def provenance(records: Sequence[Mapping[str, Any]], names: Sequence[str]) -> Provenance:
    """Return how runs were made.

    Args:
        records: one per run, as `lab.results.read_provenance` returns them; what a record lacks is left out.
        names: the variants in order, the baseline first.
    """
    if not records:
        return Provenance(0)
    declared = _first(records)
    baseline = declared.get(names[0])
    changes = []
    if baseline:
        flat = _flat(baseline)
        changes = [(name, _changes(flat, _flat(declared[name]))) for name in names[1:] if declared.get(name)]
    return Provenance(
        len(records),
        [(label, text) for label, text in _facts(records) if text],
        json.dumps(baseline, indent=2, ensure_ascii=False) if baseline else "",
        changes,
    )


def declarations(records: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, str]]:
    """Return the first declaration of each variant: by the path of each value, as JSON; seeds are left out.

    Args:
        records: as for `provenance`; variants whose records have no declaration are absent.
    """
    return {name: _flat(declaration) for name, declaration in _first(records).items() if declaration}


def _first(records: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    declared: dict[str, Any] = {}
    for record in records:
        declared.setdefault(str(record["variant"]), record.get("declaration"))
    return declared


def _facts(records: Sequence[Mapping[str, Any]]) -> list[tuple[str, str]]:
    seconds = [float(record["seconds"]) for record in records if record.get("seconds") is not None]
    took = ""
    if seconds:
        each = duration(float(np.median(seconds)))
        took = say("{all} in all, {each} per run (median)", all=duration(sum(seconds)), each=each)
    versions: dict[str, set[str]] = {}
    for record in records:
        for name, version in (record.get("versions") or {}).items():
            versions.setdefault(str(name), set()).add(str(version))
    machine = versions.pop("machine", set())
    seeds = sorted({int(record["seed"]) for record in records if "seed" in record})
    return [
        ("Runs", _counted(records, "status")),
        ("Seeds", ranges(seeds)),
        ("Folds", _counted(records, "folds")),
        ("Engine", _counted(records, "engine")),
        ("Time", took),
        ("Threads", _counted(records, "threads")),
        ("Parameters", _counted(records, "parameters")),
        ("Train measured on", _part(records)),
        ("Unit of the losses", _unit(records)),
        ("Versions", say(", ").join(f"{name} {say(' and ').join(sorted(found))}" for name, found in versions.items())),
        ("Machine", say(" and ").join(sorted(machine))),
    ]


def _counted(records: Sequence[Mapping[str, Any]], name: str) -> str:
    """Return the values of a field: the value alone if all have it, else each with its count."""
    counts = Counter(record[name] for record in records if record.get(name) is not None)
    words = {value: f"{value:,}".replace(",", "\N{NARROW NO-BREAK SPACE}") if isinstance(value, int) else str(value)
             for value in counts}  # fmt: skip
    if name == "status":
        return say(", ").join(
            say("{count} {status}", count=count, status=named(words[value])) for value, count in counts.most_common()
        )
    if len(counts) == 1:
        return next(iter(words.values()))
    shown = [
        say("{value} (1 run)", value=words[value])
        if count == 1
        else say("{value} ({count} runs)", value=words[value], count=count)
        for value, count in counts.most_common(6)
    ]
    return say(", ").join(shown) + (say(" and {count} others", count=len(counts) - 6) if len(counts) > 6 else "")


def _part(records: Sequence[Mapping[str, Any]]) -> str:
    """Return on how many training examples train was measured; nothing where it was on the whole split."""
    counted = _counted(records, "measured")
    return counted and say(
        "{count} examples, a fixed random part of the training split; the standard error of a mean over n of N "
        "is their standard deviation times √((1 - n / N) / n)",
        count=counted,
    )


def _unit(records: Sequence[Mapping[str, Any]]) -> str:
    """Return in which units the target was scaled; nothing where it was not."""
    scales = sorted({tuple(record["target_scale"]) for record in records if record.get("target_scale")})
    if not scales:
        return ""
    lowest, highest = (", ".join(f"{one:.6g}" for one in ends) for ends in (scales[0], scales[-1]))
    has_folds = any("fold" in record for record in records)
    span = "{lowest} to {highest}, by seed and fold" if has_folds else "{lowest} to {highest}, by seed"
    found = lowest if len(scales) == 1 else say(span, lowest=lowest, highest=highest)
    return say("the square of the target's standard deviation over the training split ({scale})", scale=found)


def duration(seconds: float) -> str:
    """Return a time in words: "4.2 s", "3 min 20 s", "2 h 5 min"."""
    if seconds < 60:
        return say("{seconds} s", seconds=f"{seconds:.1f}" if seconds < 10 else f"{seconds:.0f}")
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return say("{minutes} min {seconds} s", minutes=minutes, seconds=rest)
    return say("{hours} h {minutes} min", hours=minutes // 60, minutes=minutes % 60)


def ranges(numbers: Sequence[int]) -> str:
    """Return rising whole numbers in words, neighbours as a range: "0 to 4, 7"."""
    parts: list[list[int]] = []
    for number in numbers:
        if parts and number == parts[-1][-1] + 1:
            parts[-1].append(number)
        else:
            parts.append([number])
    return say(", ").join(
        say("{low} to {high}", low=part[0], high=part[-1]) if len(part) > 2 else say(", ").join(map(str, part))
        for part in parts
    )


def _flat(value: Any, path: str = "") -> dict[str, str]:
    if isinstance(value, Mapping) and value:
        found: dict[str, str] = {}
        for name, item in value.items():
            if not (path in ("", "data") and name in _SEEDS):
                found |= _flat(item, f"{path}.{name}" if path else str(name))
        return found
    return {path: json.dumps(value, ensure_ascii=False)}


def _changes(baseline: Mapping[str, str], variant: Mapping[str, str]) -> list[Change]:
    paths = dict.fromkeys([*baseline, *variant])
    return [
        Change(path, baseline.get(path, say("absent")), variant.get(path, say("absent")))
        for path in paths
        if baseline.get(path) != variant.get(path)
    ]
