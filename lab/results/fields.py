"""The fields of the lab's JSON files: for each file one table with the rule of each field."""

import itertools
import re
import reprlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from lab.checks import DataError
from lab.results.schema import (
    COSTS_FILE,
    EXPERIMENT_FILE,
    OPTIONAL_TABLES,
    PROVENANCE_FILE,
    SCHEMA,
    STATUSES,
    STRENGTH_TABLE,
    TABLES,
    TEST,
    WEIGHTS,
)
from lab.statistics.measures import MEASURES
from lab.statistics.reliability import BINS, RELIABILITY
from lab.statistics.scope import NOTES
from lab.statistics.sequential import FIRST_LOOK

LARGEST = 2**53
"""The largest whole number that every reader of JSON takes exactly."""

_PLAIN = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+-]{0,149}")


@dataclass(frozen=True)
class Field:
    """The rule for a field, in words ("a whole number") and as a test, and whether the field may be left out."""

    rule: str
    fits: Callable[[Any], bool]
    optional: bool = False


def check(path: Path, record: Mapping[str, Any], fields: Mapping[str, Field], remedy: str) -> None:
    """Refuse a record with a field that is missing or wrong.

    Raises:
        DataError: as in "x/run.json must have 'seed', a whole number of at least 0; run the experiment again".
    """
    for name, field in fields.items():
        if name not in record:
            if not field.optional:
                raise DataError(f"{path} must have {name!r}, {field.rule}; {remedy}")
        elif not field.fits(record[name]):
            raise DataError(f"{name!r} in {path} must be {field.rule}, got {reprlib.repr(record[name])}; {remedy}")


def is_plain(name: Any) -> bool:
    """Say whether a name is plain: it names a file in its folder, and can neither lead out of it nor be hidden."""
    return isinstance(name, str) and _PLAIN.fullmatch(name) is not None


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_whole(value: Any, low: int = 0) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and low <= value <= LARGEST


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < 1e300


def _is_list(value: Any, fits: Callable[[Any], bool]) -> bool:
    return isinstance(value, list) and all(map(fits, value)) and len(set(value)) == len(value)


def _is_mapping(value: Any, fits: Callable[[Any], bool] = lambda _: True) -> bool:
    return isinstance(value, dict) and all(map(fits, value.values()))


def _or_null(fits: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda value: value is None or fits(value)


def _is_test(value: Any) -> bool:
    return value is None or (_is_mapping(value, _or_null(_is_number)) and set(value) == set(TEST))


def _are_measures(value: Any) -> bool:
    return _is_mapping(value, _or_null(_is_number)) and set(value) <= set(MEASURES)


def _are_curves(value: Any) -> bool:
    return _is_mapping(value, _is_curve) and set(value) <= set(WEIGHTS)


def _are_losses(value: Any) -> bool:
    return isinstance(value, list) and len(value) > 1 and all(map(_or_null(_is_number), value))


def _is_curve(value: Any) -> bool:
    rows = value if isinstance(value, list) and all(map(_is_bin, value)) else []
    return len(rows) > 0 and all(above[0] < below[0] for above, below in itertools.pairwise(rows))


def _is_bin(value: Any) -> bool:
    if not isinstance(value, list) or len(value) != len(RELIABILITY):
        return False
    k, examples, confidence, accuracy = value
    shares = all(_is_number(share) and 0 <= share <= 1 for share in (confidence, accuracy))
    return shares and _is_whole(k, 1) and k <= BINS and _is_whole(examples, 1)


def _is_path(value: Any) -> bool:
    return _is_mapping(value, lambda strength: _is_number(strength) and strength >= 0)


_NAME = "a name made of letters, digits, '_', '.', '+' and '-'"
_NAMES = "a list of different names made of letters, digits, '_', '.', '+' and '-'"
_WHOLE = "a whole number of at least {}"

VERSION = Field(f"{SCHEMA}, the version of this lab's files", lambda value: _is_whole(value) and value == SCHEMA)
TEXT = Field("a text", _is_text)
NOTE = Field("a text", _is_text, optional=True)
NAME = Field(_NAME, is_plain)
NAMES = Field(_NAMES, lambda value: _is_list(value, is_plain))
OBJECT = Field("an object", _is_mapping, optional=True)
SCALE = Field(
    "a list of numbers above 0",
    lambda value: isinstance(value, list) and all(_is_number(one) and one > 0 for one in value),
    optional=True,
)

RUN = {
    "schema": VERSION,
    "experiment": NAME,
    "variant": NAME,
    "seed": Field(_WHOLE.format(0), _is_whole),
    "fold": Field("a whole number of at least 0 and below 'folds'", _is_whole, optional=True),
    "folds": Field(_WHOLE.format(2), lambda value: _is_whole(value, 2), optional=True),
    "id": NAME,
    "engine": TEXT,
    "status": Field(f"{' or '.join(map(repr, STATUSES))}", lambda value: value in STATUSES),
    "parameters": Field(_WHOLE.format(0), _is_whole),
    "measured": Field(_WHOLE.format(1), lambda value: _is_whole(value, 1), optional=True),
    "zeros": Field("a number in [0, 1] or null", _or_null(lambda value: _is_number(value) and 0 <= value <= 1)),
    "chance": Field("a number above 0 or null", _or_null(lambda value: _is_number(value) and value > 0)),
    "kept_epoch": Field("a whole number of at least 1 or null", _or_null(lambda value: _is_whole(value, 1))),
    "rows": Field(_WHOLE.format(1), lambda value: _is_whole(value, 1)),
    "test": Field(f"null or an object with numbers for {', '.join(TEST)}", _is_test),
    "measures": Field(f"an object with numbers for some of {', '.join(MEASURES)}", _are_measures, optional=True),
    "reliability": Field(
        f"an object with lists of [{', '.join(RELIABILITY)}] for {' and '.join(map(repr, WEIGHTS))}",
        _are_curves,
        optional=True,
    ),
    "test_parts": Field("a list of at least two numbers or nulls", _are_losses, optional=True),
    "history_sha256": Field("64 hexadecimal digits", lambda value: _is_text(value) and len(value) == 64),
    "model_sha256": Field("64 hexadecimal digits", lambda value: _is_text(value) and len(value) == 64, optional=True),
    "seconds": Field("a number of at least 0", lambda value: _is_number(value) and value >= 0, optional=True),
    "threads": Field(_WHOLE.format(1), lambda value: _is_whole(value, 1), optional=True),
    "versions": Field("an object of texts", lambda value: _is_mapping(value, _is_text), optional=True),
    "target_scale": SCALE,
    "declaration": OBJECT,
}
"""The fields of run.json."""

FAILURE = {"schema": VERSION, **{name: RUN[name] for name in ("variant", "seed")}, "reason": TEXT}
FAILURE["fold"] = Field(_WHOLE.format(0), _is_whole, optional=True)
"""The fields of failed/<run>.json."""

EXPERIMENT = {
    "schema": replace(VERSION, optional=True),
    "name": TEXT,
    "baseline": TEXT,
    "runs": NAMES,
    "question": NOTE,
    "notes": NOTE,
    "variants": Field(_NAMES, NAMES.fits, optional=True),
    "seeds": Field("a list of different whole numbers", lambda value: _is_list(value, _is_whole), optional=True),
    "folds": Field(_WHOLE.format(2), lambda value: _is_whole(value, 2), optional=True),
    "margin": Field("a number above 0", lambda value: _is_number(value) and value > 0, optional=True),
    "most_seeds": Field(_WHOLE.format(FIRST_LOOK), lambda value: _is_whole(value, FIRST_LOOK), optional=True),
    "generalizes_over": Field(
        f"one of {', '.join(map(repr, NOTES))}", lambda value: _is_text(value) and value in NOTES, optional=True
    ),
    "paths": Field(
        "an object with strengths of at least 0 for the variants of each family",
        lambda value: _is_mapping(value, _is_path),
        optional=True,
    ),
    "source": NOTE,
    "company": Field(_NAMES, NAMES.fits, optional=True),
}
"""The fields of experiment.json."""

RESERVED = tuple(name.removesuffix(".json") for name in (EXPERIMENT_FILE, PROVENANCE_FILE, COSTS_FILE))
"""The names that no study may have, as its file would replace one of the experiment."""

RESERVED_TABLES = (*TABLES, STRENGTH_TABLE, *OPTIONAL_TABLES)
"""The names that no table of a study may have, as its file would replace one of the experiment."""

STUDY = {
    "schema": replace(VERSION, optional=True),
    "name": NAME,
    "id": TEXT,
    "tables": Field(
        f"{_NAMES}, none of them {', '.join(map(repr, RESERVED_TABLES))}",
        lambda value: NAMES.fits(value) and not set(value) & set(RESERVED_TABLES),
    ),
    "question": NOTE,
    "notes": NOTE,
    "figures": Field(_NAMES, NAMES.fits, optional=True),
    "declaration": OBJECT,
}
"""The fields of a study's file."""


def _are_places(value: Any) -> bool:
    return isinstance(value, list) and all(item is None or _is_whole(item) for item in value)


def _are_objects(value: Any) -> bool:
    return isinstance(value, list) and all(map(_is_mapping, value))


PROVENANCE = {
    "schema": VERSION,
    "environments": Field("a list of objects", _are_objects),
    "parts": Field("an object of lists", lambda value: _is_mapping(value, lambda item: isinstance(item, list))),
    "runs": Field("a list of objects", _are_objects),
}
"""The fields of provenance.json."""

PROVENANCE_RUN = {
    **{name: RUN[name] for name in ("variant", "seed", "fold", "folds", "id", "status", "measured", "parameters")},
    **{name: RUN[name] for name in ("seconds", "target_scale")},
    "environment": Field(_WHOLE.format(0), _is_whole),
    "declaration": Field("a list of whole numbers or null", _are_places),
}
"""The fields of a run in provenance.json."""

PROVENANCE_ENVIRONMENT = {"engine": TEXT, "threads": RUN["threads"], "versions": RUN["versions"]}
"""The fields of an environment in provenance.json."""

COSTS = {"schema": VERSION, "variants": Field("an object of objects", lambda value: _is_mapping(value, _is_mapping))}
"""The fields of costs.json that are read."""

COST = {
    "run": NAME,
    "seconds": replace(SCALE, optional=False),
    "steps": Field(_WHOLE.format(1), lambda value: _is_whole(value, 1)),
    "epochs": Field(_WHOLE.format(1), lambda value: _is_whole(value, 1)),
}
"""The fields of a variant in costs.json."""
