"""Numbers in prose held against the tables they were read from.

A sentence is checked number by number: each decimal, percentage and interval must be a cell of the experiment's tables
or a plain statistic of them, rounded as it is written. An interval must be that of one paired difference, all three
numbers together. Which columns count follows from the words of the sentence (test, validation, accuracy, loss, ...), so
that a number is not excused by an unrelated column that happens to hold it.

Not checked: numbers that the script's own code holds, which are settings.
"""

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np

from tests.table_facts import Facts

SPLITS = {"train": ("train",), "val": ("validation", "val_loss"), "test": ("test",)}
QUANTITIES = {
    "loss": ("loss", "lowers", "raises", "worse", "better"),
    "accuracy": ("accuracy", "right", "points", "%"),
    "gap": ("gap",),
}
_NUMBER = re.compile(
    r"(?<![\w.^])(?=[+-]?\.?\d)(?P<sign>[+-](?=[.\d]))?(?P<whole>\d{1,3}(?: \d{3})+(?!\d)|\d+)?(?P<part>\.\d+)?"
    r"(?<=\d)(?P<power>e[+-]?\d+)?(?P<unit>\s?%|\spoints)?(?![\w^])"
)
_INTERVAL = re.compile(r"\s*\[([^\[\],]+),\s*([^\[\],]+)\]")


@dataclass(frozen=True)
class Number:
    """A number as it is written.

    Args:
        text: as it stands in the sentence.
        value: of a percentage, a hundredth of it.
        half: half a unit of its last digit.
        share: whether it is a percentage or in points of one.
        interval: where it is followed by one, both ends, each with half a unit of its last digit.
        sentence: that it stands in, with its paragraph.
    """

    text: str
    value: float
    half: float
    share: bool
    interval: tuple[tuple[float, float], ...] | None
    sentence: str
    paragraph: str


def paragraphs(docstring: str) -> Iterator[str]:
    """Yield the paragraphs of a docstring without its commands."""
    for paragraph in re.split(r"\n\s*\n", docstring.replace("\N{MINUS SIGN}", "-")):
        if not paragraph.strip().startswith("python "):
            yield re.sub(r"`[^`]*`", "", paragraph)


def sentences(paragraph: str) -> list[str]:
    """Return the sentences of a paragraph, or the lines of a table."""
    if paragraph.startswith("    "):
        return paragraph.splitlines()
    return re.split(r"(?<=[.?])\s+(?=[A-Z(\"\d])", " ".join(paragraph.split()))


def numbers(sentence: str, paragraph: str) -> Iterator[Number]:
    """Yield the numbers of a sentence that are to be checked."""
    position = 0
    while match := _NUMBER.search(sentence, position):
        position = match.end()
        number = _number(match, sentence, paragraph)
        opened = sentence.rfind("[", 0, match.start())
        interval = _INTERVAL.match(sentence, match.end()) or (opened >= 0 and _INTERVAL.match(sentence, opened))
        if interval and interval.end() > match.start():
            ends = [_end(end, number.share or "points" in sentence) for end in interval.groups()]
            position = max(position, interval.end())
            if interval.start() < match.start():
                # The difference is written elsewhere; of a t interval it is the middle.
                (low, high), half = ends, ends[0][1]
                number = replace(number, text=interval[0], value=(low[0] + high[0]) / 2, half=2 * half)
            yield replace(number, interval=tuple(ends))
        elif match["part"] or match["power"] or match["unit"]:
            yield number


def _end(text: str, share: bool) -> tuple[float, float]:
    """Return one end of an interval, and half a unit of its last digit."""
    match = _NUMBER.fullmatch(text.strip())
    if not match:
        return float("nan"), 0.0
    number = _number(match, "", "")
    scale = 0.01 if share and not number.share else 1.0
    return scale * number.value, scale * number.half


def _number(match: re.Match[str], sentence: str, paragraph: str) -> Number:
    digits = (match["whole"] or "0").replace(" ", "") + (match["part"] or "")
    power = int((match["power"] or "e0")[1:])
    share = bool(match["unit"])
    scale = 10.0**power / (100 if share else 1)
    value = float(digits) * scale * (-1 if match["sign"] == "-" else 1)
    half = 0.5 * 10.0 ** -len((match["part"] or ".")[1:]) * scale
    return Number(match[0].strip(), value, half * 1.001, share, None, sentence, paragraph)


def settings(source: str) -> set[float]:
    """Return the numbers that a script's code holds, and the shares that are left of them."""
    found = {
        float(node.value)
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Constant) and isinstance(node.value, (int, float)) and not isinstance(node.value, bool)
    }
    return found | {float(part) for part in re.findall(r"(?<=_)\d*\.\d+(?=[\"'_+])", source)}


WORDS = {
    "last": "",
    "first": r"start|first|begin|before|untrained|from",
    "lowest": r"lowest|best|reach",
    "highest": r"up to|jump|highest|rises",
    "middle": "",
    "range": r"\d to \W?\d|\d and \W?\d|most|between|largest|within|more|range",
    "cells": r"seed|start|run|each",
    "half": r"half",
    "deviation": r"deviation|differ|agree|spread",
}
"""The words by which a sentence asks for a place on a curve, or for a statistic of the runs."""


def holds(number: Number, known: Facts) -> bool:
    """Say whether the tables hold a number."""
    if number.interval:
        written = ((number.value, number.half), *number.interval)
        for column in (column for column in known.pairs if _fits(column, number)):
            for rows in (known.pairs[column][:, :3], -known.pairs[column][:, [0, 2, 1]]):
                ends = [np.abs(rows[:, i] - value) <= half for i, (value, half) in enumerate(written)]
                if np.logical_and.reduce(ends).any():
                    return True
        return False
    for (column, *kinds), candidates in known.values.items():
        asked = all(re.search(WORDS[kind], number.sentence) for kind in kinds)
        if asked and _fits(column, number) and (np.abs(candidates - number.value) <= number.half).any():
            return True
    differences = [rows[rows[:, 3] == 1, 0] for column, rows in known.pairs.items() if _fits(column, number)]
    return _compares(number.sentence) and any(
        (np.abs(np.abs(found) - abs(number.value)) <= number.half).any() for found in differences
    )


def _compares(sentence: str) -> bool:
    return bool(re.search(r"\b(lower|lowers|higher|raise|raises|costs|rises|gains|difference)\b|\bby \.", sentence))


def _fits(column: str, number: Number) -> bool:
    """Say whether a column may be meant: it is of a split and a quantity that the sentence names, if it names any."""
    if any(name in column for name in ("epoch", "onset", "parameters")):
        return False
    if number.share and any(name in column for name in ("loss", "norm")):
        return False
    # All three numbers of an interval must agree, which no other column does by chance.
    for words in () if number.interval else (SPLITS, QUANTITIES):
        said = _named(words, number.sentence) or _named(words, number.paragraph)
        mine = {name for name in words if any(part.startswith(name) for part in re.split(r"[\W_]", column))}
        if said and mine and not said & mine:
            return False
    return True


def _named(words: Mapping[str, tuple[str, ...]], text: str) -> set[str]:
    return {
        name for name, synonyms in words.items() if any(re.search(rf"(?<!\w){re.escape(w)}", text) for w in synonyms)
    }


def unheld(text: str, known: Facts, allowed: set[float]) -> list[Number]:
    """Return the numbers of a text that neither the tables nor the script's settings hold."""
    return [number for number in checked(text, allowed, known.settings) if not holds(number, known)]


def checked(text: str, allowed: set[float], rounded: frozenset[float]) -> list[Number]:
    """Return the numbers of a text that its tables must hold: all but settings.

    Args:
        text: the docstring of a script, or a line of results/README.md.
        allowed: settings that are written in full.
        rounded: settings that may be rounded, as rates of a sweep are.
    """
    found = []
    for paragraph in paragraphs(text):
        for sentence in sentences(paragraph):
            found += [
                one
                for one in numbers(sentence, paragraph)
                if one.interval
                or (abs(one.value) not in allowed and not any(abs(abs(one.value) - s) <= one.half for s in rounded))
            ]
    return found
