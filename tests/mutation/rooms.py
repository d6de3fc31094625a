"""The rooms in which faults are planted, and the test files that are asked of each: its own, and those near it.

A file is asked only for the faults that one of its tests reaches. Tests marked slow are not asked, nor is a file that
is not named here: a fault that is noticed elsewhere only is noticed late.
"""

from pathlib import Path

ROOT = Path(__file__).parent.parent.parent

ROOMS = {
    "lab.results": "results results_rules file_names logs_rules tables schema driver layout keras_logs other_logs "
    "imported elsewhere prune full_disk failures equal_time",
    "lab.statistics": "statistics_rules bands comparison comparison_symmetries estimates facts folds_compared "
    "identical language measures onset power reliability sequential words compare ensemble equal_time playbook "
    "heat_map tables crossed",
    "lab.identity": "identity sources sources_reached failures plan",
    "lab.data": "data data_archives data_arguments data_cache data_examples data_folder data_folds data_frames "
    "data_groups data_labels data_overlap data_parquet data_rounding data_several data_tables data_weights "
    "frozen_backbone planar",
    "lab.sweep": "sweep_rules sweep_state progress status layout failed_runs checkpoints verify study workers handover "
    "ensemble trial watch publishing",
    "lab.checks": "checks ranges regularization training",
    "lab.seeds": "seeds training",
    "lab.training": "training ranges",
    "lab.regularization": "regularization ranges",
    "lab.advice": "advice advice_rules advice_screening advice_diagnosis",
    "lab.engine.history": "history training",
}


def is_room(room: str) -> bool:
    """Return whether a name is that of a room or of a part of one."""
    return any(f"{room}.".startswith(f"{name}.") for name in ROOMS) and all(path.is_file() for path in files_of(room))


def files_of(room: str) -> list[Path]:
    """Return the files of a room, or of a part of it such as "lab.results.logs"."""
    place = ROOT.joinpath(*room.split("."))
    return sorted(place.rglob("*.py")) if place.is_dir() else [place.with_suffix(".py")]


def asked_of(room: str) -> list[str]:
    """Return the paths of the test files that are asked, relative to the project."""
    names = next(tests for name, tests in ROOMS.items() if f"{room}.".startswith(f"{name}."))
    return [f"tests/test_{name}.py" for name in names.split()]
