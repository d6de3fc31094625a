"""The options that change the size and the data of an experiment, and what their values stand for."""

import functools
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter, Token

from lab.checks import UsageError, choice, whole
from lab.run import ENGINES

DATA = ("digits", "fashion_mnist", "mnist", "cifar10", "cifar100", "spirals", "circles", "moons")


def _count(meaning: str, most: int) -> Parameter:
    """Return a parameter that takes whole numbers only: 1.5 is refused, not rounded, and None is no number."""

    def convert(_: type, tokens: Sequence[Token]) -> int:
        text = tokens[0].value
        value = int(text) if re.fullmatch(r"-?[0-9]{1,18}", text) else text
        return whole(str(tokens[0].keyword), value, meaning, high=most)

    return Parameter(converter=convert)


def _not_empty(kind: Callable[[str], Any]) -> Parameter:
    """Return a parameter that refuses the empty text that an unset variable of a shell leaves."""

    def convert(_: type, tokens: Sequence[Token]) -> Any:
        if tokens[0].value:
            return kind(tokens[0].value)
        raise UsageError(f"{tokens[0].keyword or 'the name of an experiment'} must not be empty, got ''")

    return Parameter(converter=convert)


def _one_of(choices: Sequence[str]) -> Parameter:
    """Return a parameter that takes one of these words. With `Literal | None` the word None would be taken, too."""

    def convert(_: type, tokens: Sequence[Token]) -> str:
        return choice(str(tokens[0].keyword), tokens[0].value, choices)

    return Parameter(converter=convert)


def _confidence(_: type, tokens: Sequence[Token]) -> float:
    """Return a number as people write it; what else a comparison refuses, it refuses itself."""
    try:
        return float(tokens[0].value)
    except ValueError:
        rule = "in (0, 1) (it is the probability of an interval)"
        raise UsageError(f"{tokens[0].keyword} must be {rule}, got {tokens[0].value!r}") from None


Flag = Annotated[bool, Parameter(negative="")]
Name = Annotated[str, _not_empty(str)]
Text = Annotated[str | None, _not_empty(str)]
Folder = Annotated[Path, _not_empty(Path)]
OptionalPath = Annotated[Path | None, _not_empty(Path)]
Confidence = Annotated[float, Parameter(converter=_confidence)]
Size = Annotated[int | None, _count("the number of examples", 10**9)]
RESULTS = Path("results")


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Options:
    """The options of `run` and of the scripts."""

    data: Text = None
    "Another data set by name (fashion_mnist, cifar10, ...), or a file of your own: x.npz, or x.csv with --target."
    target: Text = None
    "The column of a CSV file that is to be predicted."
    separator: Text = None
    "What stands between the cells of a CSV file; a comma unless named, as ';' or '\\t', which is a tab."
    train_size: Size = None
    "The number of training examples."
    validation_size: Size = None
    "The number of validation examples."
    seeds: Annotated[int | None, _count("the number of seeds", 10_000)] = None
    "The number of seeds, counted from 0."
    epochs: Annotated[int | None, _count("the most epochs a run trains", 1_000_000)] = None
    "The most epochs a run trains."
    results: Folder = RESULTS
    "The folder in which the experiment's folder is made."
    engine: Annotated[str | None, _one_of(ENGINES)] = None
    "cohort (unless named) trains runs of one structure together; keras_fit, the reference, one after the other."
    fresh: Flag = False
    "Train again what is already published, and replace it when everything is trained."

    def loader(self) -> tuple[Callable | None, str]:
        """Return the loader that `--data` names, or None, and what the data is called.

        Raises:
            UsageError: an unknown name, a .csv file without a target, or a target or separator without a .csv file.
        """
        path = Path(self.data or "")
        for name, value in (("--target", self.target), ("--separator", self.separator)):
            if value is not None and path.suffix != ".csv":
                raise UsageError(f"{name} must be left out unless --data is a CSV file, got {value!r}")
        if self.data is None:
            return None, ""
        import lab.data

        if path.suffix not in (".npz", ".csv"):
            choice("data", self.data, DATA, otherwise="the path of an .npz or .csv file")
            return getattr(lab.data, self.data), self.data
        called = re.sub(r"[^A-Za-z0-9_-]", "_", path.stem)
        if path.suffix == ".npz":
            return functools.partial(lab.data.from_npz, path), called
        if self.target is None:
            raise UsageError("--target must name the column to predict where --data is a CSV file, got none")
        load = functools.partial(lab.data.from_csv, path, target=self.target)
        if self.separator is None:
            return load, called
        # Shells pass a tab as the two characters that stand for it.
        return functools.partial(load, separator=self.separator.replace("\\t", "\t")), called
