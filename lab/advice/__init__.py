"""Advice: which regularizer helps a model on data, and how sure that is.

space          each family at its strengths and learning rates
screening      the best setting of each family, by validation
screening_file what it found, for the same command after a kill
fresh_splits   training and test examples of the confirmation
confirming     seeds are added until each candidate is decided
script         the confirmation as a script
answer         the sentence and the table
"""

import math
import re
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from lab.advice.answer import Advice, diagnosis_of, sentence_of, table_of
from lab.advice.confirming import confirm
from lab.advice.fresh_splits import parts_of
from lab.advice.notes import said_once
from lab.advice.screening import screen
from lab.advice.screening_file import FILE, identity_of, remember, remembered
from lab.advice.space import factory_of, settings
from lab.checks import UsageError, number, shown
from lab.engine import precision
from lab.engine.tensorflow import load_tensorflow
from lab.plan import extremes
from lab.study import folder_name
from lab.sweep.resumption import forgotten
from lab.training import Training

if TYPE_CHECKING:
    from lab.data import Dataset
    from lab.engine.task import History

__all__ = ["Advice", "advise", "seconds_of"]

SCREENING_SHARE = 0.5
"""The share of the budget after which no further family is tried."""

CANDIDATES = 3
"""The most families that are confirmed."""

MOST_SEEDS = 24
"""The most seeds that confirm, where there are test examples for so many."""


def seconds_of(budget: str | float) -> float:
    """Return a budget in seconds: a number of seconds, or a text as "90s", "5m" or "1h".

    Raises:
        UsageError: it is no such text, or not above 0.
    """
    if not isinstance(budget, str):
        return number("budget", budget, "the seconds that the advice may take", low_open=True)
    found = re.fullmatch(r"([0-9]{1,6}(?:\.[0-9]{1,3})?)([smh])", budget)
    if found is None or float(found[1]) == 0:
        raise UsageError(f"budget must be a number above 0 with s, m or h, as '5m', got {shown(budget)}")
    return float(found[1]) * {"s": 1, "m": 60, "h": 3600}[found[2]]


def advise(
    model: str | Path | Callable,
    data: "Callable[..., Dataset]",
    *,
    budget: str | float = "5m",
    margin: float | None = None,
    training: Training | None = None,
    families: Sequence[str] | None = None,
    name: str = "advice",
    results_folder: str | Path = "results",
    clock: Callable[[], float] = time.monotonic,
    say: Callable[[str], None] = lambda sentence: None,
) -> Advice:
    """Try the families of regularizers on a model, confirm the best on fresh seeds, and say what helps.

    Each family is tried at a few strengths, and each of these at the same learning rates, as is the plain model. The
    validation split chooses. The best families and the plain model are then trained at fresh seeds, each with its own
    split into training and validation and its own part of the test split, which nothing has looked at before. Seeds are
    added until each candidate is decided, and the decisions allow for that.

    Args:
        model: the path of a .keras file, whose weights are drawn anew, or a factory that takes `regularization`.
        data: a loader with its arguments bound, whose test split has at least 50 examples.
        budget: as `seconds_of` takes it. The first five confirming seeds are trained whatever it says.
        margin: the smallest difference in test data loss that matters; None calls nothing equivalent.
        training: of all runs, whose learning rate is the middle one of three; None takes 100 epochs with a patience of
            10 and the loss that fits the labels.
        families: the names of those that are tried, as docs/regularizers.md has them; None tries all that fit.
        name: of the confirming experiment, whose folder is made.
        results_folder: the folder of that folder.
        clock: of the budget, in seconds. `time.process_time` counts those of the processors, which no other process
            makes longer.
        say: told in sentences what is done and why.

    After a kill, the same call goes on: with the confirmation if the screening had ended, and otherwise anew. A command
    that is interrupted says what the best answer so far is.

    Raises:
        UsageError, DataError: as `lab.run.run`; too few test examples; a family that does not fit.
    """
    from lab.results.files import make_folder

    begun = clock()
    seconds = seconds_of(budget)
    folder = Path(results_folder) / folder_name("names of experiments and variants become folders", name)
    if margin is not None:
        number("margin", margin, "the smallest difference that matters", low_open=True)
    if not isinstance(training, Training | None):
        raise UsageError(f"training must be a Training, got {shown(training)}")
    factory = factory_of(model)
    if not callable(data):
        raise UsageError(f"data must be a loader, with functools.partial around it, got {shown(data)}")
    # A loader may compute with TensorFlow, and most fail without it.
    precision.check("exact")
    precision.prepare("exact")
    loaded = data()
    parts = parts_of(loaded, MOST_SEEDS)
    # Fail before half of the budget is spent on results that cannot be written.
    make_folder(folder)
    load_tensorflow("exact")
    training = training or _training_for(loaded, model)
    images = loaded.train.x.ndim == 4
    low, high = extremes(loaded)
    space = settings(data, factory, training, images=images, pixels=0 <= low <= high <= 1, families=families)
    identity = identity_of(space)
    with said_once(say), forgotten():
        known = remembered(folder, identity, seconds, space)
        if known is None:
            say(f"screening {len(space) - 1} families and the plain model, each at the same learning rates")
            known = screen(space, begun + SCREENING_SHARE * seconds, say, clock)
            remember(folder, identity, seconds, *known)
        else:
            say(f"going on from the screening in {folder / FILE}")
        found, left_out = known
        for family, why in left_out.items():
            say(f"{family} {why}")
        plain = found["none"]
        diagnosis = _diagnosis(plain.rows)
        say(diagnosis)
        best = sorted((family for family in found if family != "none"), key=lambda family: found[family].loss)
        candidates = [found[family].setting for family in best[:CANDIDATES]]
        if not candidates:
            raise UsageError(f"budget must suffice for one family beside the plain model, got {budget!r}; raise it")
        say(f"confirming {', '.join(one.label for one in candidates)} on test examples that nothing has looked at")
        folder, comparison = confirm(
            name,
            data,
            [plain.setting, *candidates],
            parts=parts,
            margin=margin,
            until=begun + seconds,
            clock=clock,
            tried=len(found) - 1,
            results_folder=Path(results_folder),
            say=say,
        )
    table = table_of(comparison)
    sentence = sentence_of(table, len(found) - 1)
    return Advice(sentence, diagnosis, table, left_out, folder, clock() - begun)


def _training_for(data: "Dataset", model: object) -> Training:
    return Training(epochs=100, patience=10, loss=_loss_for(data, model))


def _loss_for(data: "Dataset", model: object) -> str:
    if data.classes is None:
        return "squared_error"
    one_output = False
    if len(data.classes) == 2 and isinstance(model, str | Path):
        from lab.models.keras_file import load

        one_output = load(Path(model)).output_shape[-1] == 1
    return "binary_cross_entropy" if data.train.y.ndim == 2 or one_output else "softmax_cross_entropy"


def _diagnosis(rows: "History") -> str:
    import pandas as pd

    from lab.statistics import run_facts

    status = "finished" if math.isfinite(rows[-1]["val_data_loss"]) else "diverged"
    facts = run_facts(pd.DataFrame(rows), status=status)
    return diagnosis_of(facts["verdict"], facts["train_data_loss"], facts["val_data_loss"])
