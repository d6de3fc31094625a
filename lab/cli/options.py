"""The options that change the size and the data of an experiment, and what their values stand for."""

import functools
import os
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter, Token

from lab.checks import UsageError, choice, number, whole
from lab.data.folds import MOST
from lab.data.labels import OF_A_COLUMN
from lab.engine.precision import PRECISIONS
from lab.run import ENGINES, KEPT_MODELS
from lab.seeds import MOST_SEEDS
from lab.sweep.workers import MOST_WORKERS, Workers

TABLES = (".csv", ".parquet")
OF_TABLES = ("target", "labels", "categories", "leave_out", "group", "time", "sample_weight", "class_weight")
"""The options on the columns of a table."""
FILES = (".npz", *TABLES)
# Those of lab.statistics.language, which is not read before it is needed.
LANGUAGES = ("en", "ja")
DATA = ("digits", "fashion_mnist", "mnist", "cifar10", "cifar100", "spirals", "circles", "moons")


def _count(meaning: str, most: int, least: int = 1) -> Parameter:
    """Return a parameter that takes whole numbers only: 1.5 is refused, not rounded, and None is no number.

    Each number of a command is such a parameter, since cyclopts takes 1.5 for 1.
    """

    def convert(_: type, tokens: Sequence[Token]) -> int:
        text = tokens[0].value
        value = int(text) if re.fullmatch(r"-?[0-9]{1,18}", text) else text
        return whole(str(tokens[0].keyword), value, meaning, low=least, high=most)

    return Parameter(converter=convert)


def _not_empty(kind: Callable[[str], Any], argument: str = "the name of an experiment") -> Parameter:
    """Return a parameter that refuses the empty text that an unset variable of a shell leaves.

    Args:
        kind: what a text is made into.
        argument: what it is called where it is no option.
    """

    def convert(_: type, tokens: Sequence[Token]) -> Any:
        if tokens[0].value:
            return kind(tokens[0].value)
        raise UsageError(f"{tokens[0].keyword or argument} must not be empty, got ''")

    return Parameter(converter=convert)


def _one_of(choices: Sequence[str]) -> Parameter:
    """Return a parameter that takes one of these words. With `Literal | None` the word None would be taken, too."""

    def convert(_: type, tokens: Sequence[Token]) -> str:
        return choice(str(tokens[0].keyword), tokens[0].value, choices)

    return Parameter(converter=convert)


def _confidence(_: type, tokens: Sequence[Token]) -> float:
    """Return the number in a text, or refuse the text. Whether the number is a probability, the comparison checks."""
    try:
        return float(tokens[0].value)
    except ValueError:
        rule = "in (0, 1) (it is the probability of an interval)"
        raise UsageError(f"{tokens[0].keyword} must be {rule}, got {tokens[0].value!r}") from None


def _margin(_: type, tokens: Sequence[Token]) -> float:
    """Return the number in a text, or refuse the text."""
    rule = "above 0 (it is the smallest difference that matters)"
    try:
        return number("margin", float(tokens[0].value), "the smallest difference that matters", low_open=True)
    except (ValueError, UsageError):
        raise UsageError(f"{tokens[0].keyword} must be a number {rule}, got {tokens[0].value!r}") from None


def _share(_: type, tokens: Sequence[Token]) -> float:
    """Return the number in a text, or refuse the text. Whether it is a share, the command checks."""
    try:
        return float(tokens[0].value)
    except ValueError:
        raise UsageError(f"{tokens[0].keyword} must be a number, got {tokens[0].value!r}") from None


Share = Parameter(converter=_share)


def _seconds(_: type, tokens: Sequence[Token]) -> float:
    """Return the seconds in a text, or refuse the text."""
    text, keyword = tokens[0].value, str(tokens[0].keyword)
    value = float(text) if re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,9})?", text) else text
    return number(keyword, value, "the seconds of training after which a checkpoint is written")


Flag = Annotated[bool, Parameter(negative="", show_default=False)]
Name = Annotated[str, _not_empty(str)]
Text = Annotated[str | None, _not_empty(str)]
Folder = Annotated[Path, _not_empty(Path)]
ModelFile = Annotated[Path, _not_empty(Path, "the path of a model")]
OptionalPath = Annotated[Path | None, _not_empty(Path)]
Margin = Annotated[float | None, Parameter(converter=_margin)]
Confidence = Annotated[float, Parameter(converter=_confidence)]
Size = Annotated[int | None, _count("the number of examples", 10**9)]
Columns = Annotated[tuple[str, ...], Parameter(negative="", consume_multiple=True, show_default=False)]
Count = Annotated[int | None, _count("the number of seeds", MOST_SEEDS)]
Seed = Annotated[int, _count("the seed of a run", 2**31, 0)]
Fold = Annotated[int | None, _count("the fold of a run, from 0", MOST, 0)]
Port = Annotated[int, _count("the port of the address, 0 for a free one", 65535, 0)]
Language = Annotated[str, _one_of(LANGUAGES)]
RESULTS = Path("results")


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Options:
    """The options of `run` and of the scripts."""

    data: Text = None
    "Another data set by name (fashion_mnist, ...), or your own: x.npz, x.csv or x.parquet with --target, a folder."
    target: Text = None
    "The column of a CSV or Parquet file that is to be predicted."
    separator: Text = None
    "What stands between the cells of a CSV file; a comma unless named, as ';' or '\\\\t', which is a tab."
    labels: Annotated[str | None, _one_of(OF_A_COLUMN)] = None
    "What that column holds, classes or numbers; found from its cells unless named. Numbers are scaled to deviation 1."
    categories: Columns = ()
    "Columns of that file whose numbers are names, as postal codes are."
    leave_out: Columns = ()
    "Columns of that file that are not learned from."
    group: Text = None
    "A column of that file of which no two splits share a value, as of patients."
    time: Text = None
    "A column of numbers or dates by which the splits follow one another: training, validation, test."
    sample_weight: Text = None
    "A column of that file that says how much each row counts in training."
    class_weight: Annotated[str | None, _one_of(("balanced",))] = None
    "balanced: each class counts alike in training, however many rows it has."
    image_size: Size = None
    "The height and width in pixels that the pictures of a folder get."
    train_size: Size = None
    "The number of training examples."
    validation_size: Size = None
    "The number of validation examples."
    seeds: Count = None
    "The number of seeds, counted from 0."
    until_decided: Flag = False
    "Add seeds until each variant is decided: 5, 8, 12, 16, 24, ... up to --most-seeds."
    most_seeds: Annotated[int | None, _count("the most seeds of --until-decided", 10_000, 5)] = None
    "The most seeds of --until-decided; 48 unless given."
    margin: Margin = None
    'The smallest difference in test data loss that matters; where less is shown, a variant is "equivalent".'
    folds: Annotated[int | None, _count("the number of folds", MOST)] = None
    "The number of parts that the data are cut into; each of them tests the runs of its fold."
    epochs: Annotated[int | None, _count("the most epochs a run trains", 1_000_000)] = None
    "The most epochs a run trains."
    results: Folder = RESULTS
    "The folder in which the experiment's folder is made."
    engine: Annotated[str | None, _one_of(ENGINES)] = None
    "cohort (unless named) trains runs of one structure together; keras_fit, the reference, one after the other."
    precision: Annotated[str | None, _one_of(PRECISIONS)] = None
    "exact (unless named) multiplies in float32; fast in bfloat16 or TF32, where the hardware has units for it."
    keep_models: Annotated[str | None, _one_of(KEPT_MODELS)] = None
    "best publishes each run with its model, as model.keras; none (unless named) does not."
    checkpoint_every: Annotated[float | None, Parameter(converter=_seconds)] = None
    "Seconds after which runs in training are written to the disk again (30, more where that costs much; 0 never)."
    retry_failed: Flag = False
    "Train again the runs that failed before; without it they are reported again and not trained."
    workers: Annotated[int | None, _count("the number of processes that train", MOST_WORKERS)] = None
    "Train in so many processes on this machine, which divide its threads; in one unless given."
    cluster: Text = None
    "Train with the workers of the Dask scheduler at this address, as tcp://10.0.0.1:8786."
    scheduler_file: Annotated[OptionalPath, Parameter(name="--scheduler-file")] = None
    "Train with the workers of the Dask scheduler that has written its address into this file."
    fresh: Flag = False
    "Train again what is already published, and replace it when everything is trained."
    language: Language = "en"
    "The language of the report and the pages: en or ja."
    quiet: Flag = False
    "Print nothing but what was found wrong."
    verbose: Flag = False
    "Print one line per run that ended, on a terminal too."

    def __post_init__(self) -> None:
        if self.quiet and self.verbose:
            raise UsageError("--quiet must be left out where --verbose is given, got both; leave one out")
        if self.until_decided and self.seeds is not None:
            raise UsageError(f"--seeds must be left out where --until-decided is given, got {self.seeds}")
        if self.most_seeds is not None and not self.until_decided:
            raise UsageError(f"--most-seeds must be left out without --until-decided, got {self.most_seeds}")

    def crew(self) -> Workers | None:
        """Return who trains beside this process, or None.

        Raises:
            UsageError: several are named, there is no such file, or Dask is not installed.
        """
        given = {
            name: value
            for name in ("workers", "cluster", "scheduler_file")
            if (value := getattr(self, name)) is not None
        }
        if len(given) > 1:
            words = " and ".join(f"--{name.replace('_', '-')}" for name in given)
            raise UsageError(
                f"one of --workers, --cluster and --scheduler-file must be given, got {words}; leave one out"
            )
        if not given:
            return None
        return Workers(count=self.workers, cluster=self.cluster, scheduler_file=self.scheduler_file)

    def loader(self) -> tuple[Callable | None, str]:
        """Return the loader that `--data` names, or None, and what the data is called.

        Raises:
            UsageError: an unknown name, an option that this data needs, or that it does not take.
        """
        path = Path(self.data or "")
        for option in OF_TABLES:
            value = getattr(self, option)
            if value and path.suffix not in TABLES:
                words = f"--{option.replace('_', '-')}"
                raise UsageError(f"{words} must be left out unless --data is a CSV or Parquet file, got {value!r}")
        if self.separator is not None and path.suffix != ".csv":
            raise UsageError(f"--separator must be left out unless --data is a CSV file, got {self.separator!r}")
        # A folder that is called like a data file is no folder of pictures; the loader of such files refuses it.
        is_folder = self.data not in (None, *DATA) and path.suffix not in FILES and path.is_dir()
        if self.image_size is not None and not is_folder:
            raise UsageError(f"--image-size must be left out unless --data is a folder, got {self.image_size}")
        if self.data is None:
            return None, ""
        import lab.data

        called = re.sub(r"[^A-Za-z0-9_-]", "_", Path(os.path.realpath(path)).stem)
        if is_folder:
            if self.image_size is None:
                raise UsageError("--image-size must be given where --data is a folder of pictures, got none")
            return functools.partial(lab.data.from_folder, path, size=self.image_size), called
        if path.suffix not in FILES:
            choice("data", self.data, DATA, otherwise="the path of an .npz, .csv or .parquet file or of a folder")
            return getattr(lab.data, self.data), self.data
        if path.suffix == ".npz":
            return functools.partial(lab.data.from_npz, path), called
        if self.target is None:
            raise UsageError("--target must name the column to predict where --data is a CSV or Parquet file, got none")
        return self._table(path, self.target), called

    def _table(self, path: Path, target: str) -> Callable:
        """Return the loader of a table. It binds no defaults, as the id of a run follows from what is bound."""
        from lab.data import from_csv, from_parquet
        from lab.data.csv_file import csv_table
        from lab.data.parquet import parquet_target

        is_csv = path.suffix == ".csv"
        # Shells pass a tab as the two characters that stand for it.
        separator = (self.separator or ",").replace("\\t", "\t")
        table = csv_table(path, separator) if is_csv else parquet_target(path, target)
        bound: dict[str, Any] = {
            name: getattr(self, name)
            for name in ("categories", "leave_out", "group", "time", "sample_weight", "class_weight")
        }
        if separator != ",":
            bound["separator"] = separator
        if (self.labels or (table.kind(target) if target in table.columns else "classes")) == "numbers":
            bound |= {"labels": "numbers", "scale_target": True}
        given = {name: value for name, value in bound.items() if value}
        return functools.partial(from_csv if is_csv else from_parquet, path, target=target, **given)
