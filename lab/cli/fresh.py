"""`run --fresh`: train again what is published, and replace it only when everything is trained."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

PLACE = ".fresh"
"""The folder, in an experiment's own, in which it is trained again."""


def afresh(folder: Path, train: Callable[[Path], Path]) -> Path:
    """Train an experiment or compute a study beside what is there, then put the new files in the place of the old.

    Interrupted while it trains, it leaves the old files as they are; called again, it goes on with what was trained
    anew. Runs of other declarations stay.

    Args:
        folder: of the experiment or study.
        train: trains or computes into a folder of results, and returns the folder it made there.

    Returns:
        The folder.
    """
    from lab.results.layout import run_folder, run_folders

    made = train(folder / PLACE)
    for new in [path for path in run_folders(made) if not path.name.startswith(".")]:
        old = run_folder(folder, new.name)
        old.parent.mkdir(exist_ok=True)
        if old.exists():
            aside = made / f".replaced-{new.name}"
            os.rename(old, aside)
            os.rename(new, old)
            shutil.rmtree(aside)
        else:
            os.rename(new, old)
    for new in sorted(path for path in made.glob("[!.]*") if path.is_file()):
        os.replace(new, folder / new.name)
    shutil.rmtree(folder / PLACE)
    return folder
