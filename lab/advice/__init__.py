"""Advice: which regularizer helps a model on data, and how sure that is.

arguments        the budget, and the training where none is given
space            settings: families at a strength and a learning rate
balance          the first strengths of penalties
trials           settings that train together, the worse of which leave
pace             how long a batch of runs will take
screening        the plain model at its best rate, the best setting of each family
combining        combinations of the families that survive
choosing         all of these in their shares of the budget: what is confirmed
screening_file   what was tried, for the same command after a kill
diagnosis        whether the plain model memorizes or underfits
fresh_splits     the splits of the confirmation
confirming       seeds are added until each candidate is decided
script           the confirmation as a script
against_plain    candidates against the plain model at its learning rates
recommended      the model that is advised
false_claims     how often answers were wrong on planted tasks
answer           the sentence, the table, the folder
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from lab.advice.against_plain import best_plain
from lab.advice.answer import Advice, recommended_in, sentence_of, table_of
from lab.advice.arguments import seconds_of, training_for
from lab.advice.choosing import choose
from lab.advice.confirming import confirm, variants_of
from lab.advice.fresh_splits import check_tested
from lab.advice.notes import said_once
from lab.advice.recommended import Recommended
from lab.advice.screening_file import FOLDER
from lab.advice.space import Setting, Space, factory_of, is_built, space_of, written
from lab.checks import UsageError, number, shown
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
        found = choose(space, loaded, folder, begun, seconds, clock, say)
        chosen = found.chosen
        if not chosen:
            raise UsageError(f"budget must suffice for one family beside the plain model, got {budget!r}; raise it")
        rates = " and one of ".join(f"{one.learning_rate:.2g}" for one in found.plain)
        say(
            f"confirming {', '.join(one.label for one in chosen)} and the plain model at a learning rate of {rates} on "
            "test examples that nothing has looked at"
        )
        settings = variants_of(found.plain, chosen)
        plain = list(settings)[: len(found.plain)]
        folder, tables, compared = confirm(
            name,
            data,
            settings,
            plain,
            most_seeds=found.most_seeds,
            margin=margin,
            until=begun + seconds,
            pace=found.pace,
            tried=found.tried,
            tested=len(loaded.test),
            results_folder=Path(results_folder),
            say=say,
        )
        table = table_of(compared, tables.summary, _costs(space, chosen))
        best = best_plain(tables, plain)
        advised = recommended_in(table, best)
        summary = tables.summary
        own = summary[summary["variant"].map(str) == advised]
        recommended = Recommended(
            settings[advised],
            len(own),
            tuple(own["kept_epoch"].dropna().astype(int)),
        )
        advice = Advice(
            sentence_of(
                table, found.tried, len(loaded.test), None if best == plain[0] else settings[best].learning_rate
            ),
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


def _costs(space: Space, chosen: Sequence[Setting]) -> dict[str, str]:
    return {one.name: "; ".join(space.families[family].cost for family, _ in one.parts) for one in chosen}
