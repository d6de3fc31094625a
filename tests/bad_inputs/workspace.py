"""The folder in which bad files are tried: results of an experiment, logs of Keras, tables of data; all of it good."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np

from lab import results
from tests.test_results import experiment

ROWS = "".join(f"{i},{i * i % 7},{'ab'[i % 2]}\n" for i in range(60))
DATA = f"a,b,kind\n{ROWS}"
LOG = "epoch,accuracy,loss,val_accuracy,val_loss\n" + "".join(f"{e},0.5,{1 / (e + 1)},0.5,1.0\n" for e in range(4))
X = np.arange(120.0).reshape(60, 2)
Y = np.arange(60) % 2


def build(folder: Path) -> None:
    """Make results/x, logs/, t.csv and t.npz in a folder."""
    (folder / "results").mkdir()
    results.rebuild(experiment(folder / "results" / "x"))
    (folder / "logs").mkdir()
    for name in ("none-seed0", "none-seed1", "half-seed0", "half-seed1"):
        (folder / "logs" / f"{name}.csv").write_text(LOG)
    (folder / "t.csv").write_text(DATA)
    np.savez(folder / "t.npz", x=X, y=Y)


Damage = str | bytes | dict[str, np.ndarray] | Callable[[Path], object]


def spoil(path: Path, damage: Damage) -> None:
    """Put other content into a file: a text, bytes, arrays of an .npz file, or what a function makes of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(damage, str):
        path.write_text(damage, encoding="utf-8")
    elif isinstance(damage, bytes):
        path.write_bytes(damage)
    elif isinstance(damage, dict):
        np.savez(path, **damage)
    else:
        damage(path)


def gone(path: Path) -> None:
    """Remove what is there."""
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def pipe(path: Path) -> None:
    """Put a named pipe in its place, which a reader would wait for without end."""
    gone(path)
    os.mkfifo(path)


def folder(path: Path) -> None:
    """Put a folder in its place."""
    gone(path)
    path.mkdir()


def loop(path: Path) -> None:
    """Put a link to itself in its place."""
    gone(path)
    path.symlink_to(path.name)


def torn(path: Path) -> None:
    """Leave out the last bytes."""
    path.write_bytes(path.read_bytes()[:-5])


def edited(old: str, new: str) -> Callable[[Path], object]:
    """Return what replaces the first of a text's occurrences."""
    return lambda path: path.write_text(path.read_text().replace(old, new, 1))
