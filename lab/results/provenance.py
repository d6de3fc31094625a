"""provenance.json: how an experiment's runs were run, for pages that are drawn where the runs are not.

It holds for each run what run.json says and the tables do not show, without repetition: the parts of the
declarations (data, model, training, ...) and the environments are listed once, and a run refers to them by number.
"""

import functools
import json
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any

from lab.checks import DataError
from lab.results import fields
from lab.results.files import parse_json, read_bytes, rebuild_remedy, write_atomically
from lab.results.schema import PROVENANCE_FILE, SCHEMA

RUN = ("variant", "seed", "fold", "folds", "id", "status", "measured", "parameters", "seconds", "target_scale")
"""The fields of run.json that each run has in its own line."""

ENVIRONMENT = ("engine", "threads", "versions")
"""The fields of run.json that many runs share."""


def write_provenance(folder: Path, records: Iterable[Mapping[str, Any]]) -> None:
    """Write provenance.json.

    Args:
        folder: of the experiment.
        records: the contents of the runs' run.json, in the order of experiment.json.
    """
    parts: dict[str, _Distinct] = {}
    environments = _Distinct()
    runs = []
    for record in records:
        declaration = record.get("declaration", {})
        for name in declaration:
            parts.setdefault(name, _Distinct())
        places = [parts[name].place(declaration[name]) if name in declaration else None for name in parts]
        run = {name: record[name] for name in RUN if name in record}
        run["environment"] = environments.place({name: record[name] for name in ENVIRONMENT if name in record})
        runs.append(json.dumps(run | {"declaration": places}))
    listed = ",\n  ".join(f"{json.dumps(name)}: {_lines(values.texts, 3)}" for name, values in parts.items())
    text = (
        f'{{\n "schema": {SCHEMA},\n "environments": {_lines(environments.texts, 2)},\n'
        f' "parts": {{\n  {listed}\n }},\n "runs": {_lines(runs, 2)}\n}}\n'
    )
    write_atomically(folder / PROVENANCE_FILE, text)


class _Distinct:
    """Different values as JSON, in the order in which they came."""

    def __init__(self) -> None:
        self.texts: dict[str, int] = {}

    def place(self, value: Any) -> int:
        """Return the place of a value, which is added if it is new."""
        return self.texts.setdefault(json.dumps(value), len(self.texts))


def _lines(texts: Collection[str], indent: int) -> str:
    """Return JSON texts as a JSON list: one line per object, numbers and words in one line."""
    if not any(text.startswith(("{", "[")) for text in texts):
        return f"[{', '.join(texts)}]"
    margin = "\n" + " " * indent
    return "[" + ",".join(margin + text for text in texts) + margin[:-1] + "]"


def read_provenance(folder: Path) -> list[dict[str, Any]]:
    """Read how an experiment's runs were run.

    Returns:
        For each run, in the order of experiment.json, the fields `RUN` and `ENVIRONMENT` of its run.json and its
        "declaration"; what run.json did not say is absent. Empty where there is no provenance.json.

    Raises:
        DataError: the file is torn, or a field is wrong.
    """
    path = folder / PROVENANCE_FILE
    if not path.exists():
        return []
    remedy = rebuild_remedy(folder)
    return list(_records(path, read_bytes(path, remedy), remedy))


# A report reads one file three times: to know that it is whole, for the page, and for the card of the guide.
@functools.lru_cache(maxsize=1)
def _records(path: Path, text: bytes, remedy: str) -> list[dict[str, Any]]:
    content = parse_json(path, text, remedy)
    fields.check(path, content, fields.PROVENANCE, remedy)
    records = []
    checked = set()
    for run in content["runs"]:
        fields.check(path, run, fields.PROVENANCE_RUN, remedy)
        try:
            environment = content["environments"][run["environment"]]
            declaration = {
                name: values[place]
                for (name, values), place in zip(content["parts"].items(), run["declaration"], strict=False)
                if place is not None
            }
        except IndexError:
            raise DataError(f"{path} must list all parts and environments that its runs refer to; {remedy}") from None
        if run["environment"] not in checked:
            fields.check(path, environment, fields.PROVENANCE_ENVIRONMENT, remedy)
            checked.add(run["environment"])
        record = {name: run[name] for name in RUN if name in run} | environment
        records.append(record | ({"declaration": declaration} if declaration else {}))
    return records
