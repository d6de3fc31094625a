"""The folder in which MLflow keeps runs as files: <experiment>/<run>/metrics, params, tags and meta.yaml."""

import re
from pathlib import Path

from lab.checks import DataError
from lab.results.files import read_bytes
from lab.results.logs.logged import Curve, Logged, curves_by_column
from lab.results.logs.mlflow_tables import RUN_NAME

_REMEDY = "correct the file, or name another folder"


def experiments(folder: Path) -> list[Path]:
    """Return the experiments of MLflow that a folder is or holds, those with runs."""
    return [place for place in (folder, *sorted(folder.glob("[!.]*"))) if _runs(place)]


def read(folder: Path) -> list[Logged]:
    """Return the runs of the experiment that a folder is, or of the only one that it holds; deleted ones are left out.

    Raises:
        DataError: it holds several, or a file is damaged.
    """
    found = experiments(folder)
    if len(found) > 1:
        raise DataError(
            f"{folder} must hold the runs of one experiment, got {', '.join(place.name for place in found)}; name one "
            f"of them, as in {found[0]}"
        )
    return [_logged(run) for run in _runs(found[0])]


def _runs(place: Path) -> list[Path]:
    if not (place / "meta.yaml").is_file():
        return []
    runs = (path.parent for path in sorted(place.glob("*/metrics")))
    return [run for run in runs if (run / "meta.yaml").is_file() and not _is_deleted(run)]


def _is_deleted(run: Path) -> bool:
    return re.search(r"^lifecycle_stage:\s*deleted\s*$", _text(run / "meta.yaml"), re.MULTILINE) is not None


def _logged(run: Path) -> Logged:
    metrics = run / "metrics"
    curves = {
        path.relative_to(metrics).as_posix(): _curve(path) for path in sorted(metrics.rglob("*")) if path.is_file()
    }
    settings = {path.name: _text(path) for path in sorted((run / "params").glob("*")) if path.is_file()}
    name = _text(run / "tags" / RUN_NAME).strip() if (run / "tags" / RUN_NAME).is_file() else run.name
    return Logged(name, str(run), curves_by_column(curves, str(run)), settings)


def _curve(path: Path) -> Curve:
    """Return a metric's values by their steps: a line each, with the time, the value and the step."""
    points = []
    for line, text in enumerate(_text(path).splitlines(), 1):
        words = text.split()
        try:
            points.append((float(int(words[2])), float(words[1])))
        except (IndexError, ValueError):
            raise DataError(
                f"{path}, line {line}, must have a time, a value and a step, got {text!r}; {_REMEDY}"
            ) from None
    return sorted(points, key=lambda point: point[0])


def _text(path: Path) -> str:
    try:
        return read_bytes(path, _REMEDY).decode()
    except UnicodeDecodeError as error:
        raise DataError(f"{path} cannot be read as text ({error}); {_REMEDY}") from None
