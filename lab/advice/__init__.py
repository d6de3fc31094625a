"""Advice: which regularizer helps a model on data, and how sure that is.

arguments        the budget, and the training where none is given
space            settings: families at a strength and a learning rate
balance          the first strengths of penalties
trials           settings that train together, the worse of which leave
pace             how long a batch of runs will take
screening        the plain model at its best rate, the best setting of each family
combining        combinations of the families that survive
screening_file   what was tried, for the same command after a kill
diagnosis        whether the plain model memorizes or underfits
fresh_splits     the splits of the confirmation
confirming       seeds are added until each candidate is decided
script           the confirmation as a script
recommended      the model that is advised
false_claims     how often answers were wrong on planted tasks
answer           the sentence, the table, the folder
"""

import contextlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from lab.advice.answer import Advice, recommended_in, sentence_of, skews_in, table_of
from lab.advice.arguments import seconds_of, training_for
from lab.advice.balance import around, balances
from lab.advice.combining import combine
from lab.advice.confirming import Size, confirm, size_for
from lab.advice.diagnosis import Diagnosis, diagnose, examined
from lab.advice.fresh_splits import check_tested
from lab.advice.notes import said_once
from lab.advice.pace import Pace
from lab.advice.recommended import Recommended
from lab.advice.screening import best_so_far, candidates, found_in, screen, shortlist, tune_plain
from lab.advice.screening_file import FILE, FOLDER, identity_of, recall, remember
from lab.advice.space import Setting, Space, factory_of, is_built, space_of, written
from lab.advice.trials import Trials
from lab.checks import DataError, UsageError, number, shown
from lab.data.dataset import extremes
from lab.engine import precision
from lab.engine.tensorflow import load_tensorflow
from lab.study import folder_name
from lab.sweep.resumption import forgotten, so_far
from lab.training import Training

if TYPE_CHECKING:
    import keras

    from lab.data import Dataset

__all__ = ["Advice", "advise", "seconds_of"]

TUNING_SHARE = 0.2
"""The share of the budget after which the plain model is tried at no further learning rate."""

SCREENING_SHARE = 0.5
"""The share of the budget after which nothing further is tried."""

SHORTLIST_SHARE = 0.7
"""The share of the budget after which the best settings are not compared with each other any longer."""

EXAMINED_SHARE = 0.1
"""The plain model's learning curve is measured if training it took less than this share of the budget."""

CANDIDATES = 5
"""The most settings that are confirmed beside the plain model; fewer where the time is short."""

MOST_SEEDS = 192
"""The most seeds that confirm, if the budget allows for them."""


def advise(
    model: "keras.Model | str | Path | Callable",
    data: "Callable[..., Dataset]",
    *,
    budget: str | float = "5m",
    margin: float | None = None,
    training: Training | None = None,
    families: Sequence[str] | None = None,
    ensemble: bool = False,
    name: str = "advice",
    results_folder: str | Path = "results",
    clock: Callable[[], float] = time.monotonic,
    say: Callable[[str], None] = lambda sentence: None,
) -> Advice:
    """Try the families of regularizers on a model, confirm the best on fresh seeds, and say what helps.

    The plain model is tried at several learning rates, and each family at a few strengths, each of these at learning
    rates around the plain model's best one. The validation split chooses. The best families, perhaps with a
    combination of them, and the plain model are then trained at fresh seeds, each with its own split into training and
    validation, and tested on the test split, which nothing has looked at before. Seeds are added until each candidate
    is decided. The decisions allow for that, and for the luck of the seeds and of the test examples.

    Args:
        model: a Keras model or the path of its .keras file, whose weights are drawn anew, or a factory that takes
            `regularization`. A model is written into the folder of the advice.
        data: a loader with its arguments bound, whose test split has at least 50 examples.
        budget: as `seconds_of` takes it. The first five confirming seeds of at least one candidate are trained whatever
            it says.
        margin: the smallest difference in test data loss that matters; None calls nothing equivalent.
        training: of all runs, whose learning rate is the middle one of those that are tried first; None takes 100
            epochs with a patience of 10 and the loss that fits the labels.
        families: the names of those that are tried, as docs/regularizers.md has them; None tries all that fit.
        ensemble: whether the ensemble of the advised runs is measured, too.
        name: of the confirming experiment, whose folder is made.
        results_folder: the folder of that folder.
        clock: of the budget, in seconds. `time.process_time` counts those of the processors, which no other process
            makes longer.
        say: told in sentences what is done and why.

    After a kill, the same call goes on from the last round of trials or from the last look of the confirmation. A
    command that is interrupted says what the best answer so far is.

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
    if not is_built(model):
        factory_of(model)
    if not callable(data):
        raise UsageError(f"data must be a loader, with functools.partial around it, got {shown(data)}")
    # A loader may compute with TensorFlow, and most fail without it.
    precision.check("exact")
    precision.prepare("exact")
    loaded = data()
    check_tested(loaded)
    # Fail before half of the budget is spent on results that cannot be written.
    make_folder(folder)
    load_tensorflow("exact")
    if is_built(model):
        model = written(model, folder / FOLDER)
    training, factory = training or training_for(loaded, model), factory_of(model)
    images, (low, high) = loaded.train.x.ndim == 4, extremes(loaded.train)
    space = space_of(data, factory, training, images=images, pixels=0 <= low <= high <= 1, families=families)
    with said_once(say), forgotten():
        found = _screened(space, loaded, folder, begun, seconds, clock, say)
        plain, chosen = found.plain, found.chosen
        if not chosen:
            raise UsageError(f"budget must suffice for one family beside the plain model, got {budget!r}; raise it")
        say(f"confirming {', '.join(one.label for one in chosen)} on test examples that nothing has looked at")
        folder, tables = confirm(
            name,
            data,
            [plain, *chosen],
            most_seeds=found.most_seeds,
            margin=margin,
            until=begun + seconds,
            pace=found.pace,
            tried=found.tried,
            tested=len(loaded.test),
            results_folder=Path(results_folder),
            say=say,
        )
        table = table_of(tables.comparison, skews_in(tables.summary, plain.name), _costs(space, chosen))
        advised = recommended_in(table, plain.name)
        summary = tables.summary
        own = summary[summary["variant"].map(str) == advised]
        settings = {one.name: one for one in (plain, *chosen)}
        recommended = Recommended(
            settings[advised],
            len(own),
            tuple(own["kept_epoch"].dropna().astype(int)),
        )
        advice = Advice(
            sentence_of(table, found.tried, len(loaded.test)),
            found.diagnosis,
            table,
            found.left_out,
            folder,
            clock() - begun,
            settings,
            recommended,
        )
        if ensemble:
            so_far(advice.sentence)
            say(f"measuring the ensemble of the {recommended.seeds} runs of {advised}")
            advice = replace(advice, ensemble=recommended.ensembles(loaded), seconds=clock() - begun)
    return advice


@dataclass(frozen=True)
class _Screened:
    """The result of the screening.

    Args:
        plain: the plain model at its best rate.
        diagnosis: of the plain model.
        chosen: the candidates.
        tried: how many families were.
        left_out: by family why it was not.
        most_seeds: that confirm.
        pace: how long its batches took.
    """

    plain: Setting
    diagnosis: Diagnosis
    chosen: Sequence[Setting]
    tried: int
    left_out: dict[str, str]
    most_seeds: int
    pace: Pace


def _screened(
    space: Space,
    data: "Dataset",
    folder: Path,
    begun: float,
    seconds: float,
    clock: Callable[[], float],
    say: Callable[[str], None],
) -> _Screened:
    identity, trials = identity_of(space), Trials(clock=clock)
    diagnosis, size = recall(folder, identity, seconds, space, trials)
    if trials.known:
        say(f"going on from the screening in {folder / FILE}")
    trials.on_epoch = lambda: so_far(best_so_far(trials))
    trials.on_round = lambda: remember(folder, identity, seconds, trials, diagnosis)
    say("tuning the learning rate of the plain model")
    trials.begin(begun + TUNING_SHARE * seconds)
    plain = tune_plain(space, trials, say)
    if diagnosis is None:
        diagnosis = diagnose(trials.known[plain.parts, plain.rate, 0].rows, _chance(space, data))
        if clock() - begun < EXAMINED_SHARE * seconds:
            say("measuring the learning curve of the plain model and the noise in the labels")
            # Parts of few examples may be too small for the model, or lack a class.
            with contextlib.suppress(UsageError, DataError):
                diagnosis = examined(diagnosis, plain, data)
        trials.on_round()
    say(str(diagnosis))
    space = replace(space, strengths=around(space, balances(space)))
    say(f"screening {len(space.families)} families, each at learning rates around that of the plain model")
    trials.begin(begun + SCREENING_SHARE * seconds)
    screen(space, plain.rate, trials, say)
    combine(space, plain, trials, say)
    found, left_out = found_in(space, plain, trials, say)
    for family, why in left_out.items():
        say(f"{family} {why}")
    tried = sum(name in found for name in space.families)
    trials.begin(begun + SHORTLIST_SHARE * seconds)
    best = candidates(shortlist(space, found, trials, say), CANDIDATES)
    # The shortlist trains the same settings on fresh splits, as the confirmation does.
    like_last = len(best) > 1 and not trials.is_over
    size = size or size_for(begun + seconds - clock(), Size(len(best), MOST_SEEDS), trials.pace, like_last=like_last)
    remember(folder, identity, seconds, trials, diagnosis, size)
    return _Screened(plain, diagnosis, best[: size.candidates], tried, left_out, size.seeds, trials.pace)


def _chance(space: Space, data: "Dataset") -> float | None:
    return space.training.chance(None if data.classes is None else len(data.classes), data.several)


def _costs(space: Space, chosen: Sequence[Setting]) -> dict[str, str]:
    return {one.name: "; ".join(space.families[family].cost for family, _ in one.parts) for one in chosen}
