"""The model that is advised: trained once more, as at a confirming seed or on all training examples, and written."""

import functools
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from lab.advice.fresh_splits import FIRST_SEED, fresh_splits
from lab.advice.space import Setting
from lab.checks import DataError
from lab.data import Dataset, Split
from lab.sweep.unpublished import TrainedRun, train

if TYPE_CHECKING:
    import keras
    import pandas as pd


@dataclass(frozen=True, eq=False)
class Recommended:
    """The setting that is advised: the best that helps, and otherwise the plain model.

    Args:
        setting: the setting.
        seeds: how many seeds confirmed.
        kept_epochs: those of its runs at the confirming seeds.
    """

    setting: Setting
    seeds: int
    kept_epochs: Sequence[int]

    def trained(self, seeds: int = 1) -> list[TrainedRun]:
        """Return its runs at the first confirming seeds, trained again; they are those that are published."""
        variant = replace(self.setting.variant, data=functools.partial(fresh_splits, self.setting.variant.data))
        runs = train({"advised": variant}, seeds=range(FIRST_SEED, FIRST_SEED + seeds), redraw_data=True)
        return [_kept(one) for one in runs.values()]

    @functools.cached_property
    def members(self) -> list[TrainedRun]:
        """Its runs at all confirming seeds, trained again once."""
        return self.trained(self.seeds)

    def data(self) -> Dataset:
        """Return the data of the first confirming seed."""
        return fresh_splits(self.setting.variant.data)

    def retrained(self) -> tuple["keras.Model", Dataset]:
        """Return its model trained on the training and the validation examples, and these data.

        It trains as many epochs as the confirming runs kept in the median, at the learning rates they had in them.
        There is no example left that could say whether it went well.
        """
        epochs = max(1, round(float(np.median(self.kept_epochs))))
        load = functools.partial(all_training, self.setting.variant.data)
        variant = replace(
            self.setting.variant, data=load, training=replace(self.setting.variant.training, patience=None)
        )

        def leave(keys: Sequence[tuple[str, int]], epoch: int, _: object) -> Collection[tuple[str, int]]:
            return keys if epoch >= epochs else ()

        run = _kept(train({"advised": variant}, seeds=[FIRST_SEED], leave=leave)["advised", FIRST_SEED])
        model = run.task.build()
        model.set_weights(run.trained.last_weights or [])
        return model, run.task.data

    def ensembles(self, data: Dataset) -> "pd.DataFrame":
        """Return how good ensembles of its runs at the confirming seeds are, on the whole test split.

        No run has learned from a test example, but these examples have decided that the setting is advised. So its own
        losses are a little too low, and the gain of an ensemble over its members is not.

        Args:
            data: with the whole test split.

        Returns:
            A table with the columns `lab.statistics.ensembles.ENSEMBLES`.
        """
        from lab.engine.outputs import measured_on_test, predicted
        from lab.models.ensemble import mean_outputs
        from lab.statistics.ensembles import ensembles

        task = replace(self.members[0].task, data=data)
        outputs = np.stack([predicted(one.model(), data.test.x) for one in self.members])
        loss = task.training.loss
        return ensembles(lambda group: measured_on_test(task, mean_outputs(loss, outputs[group])), len(outputs))

    def joined(self, data: Dataset) -> "keras.Model":
        """Return the ensemble of its runs at the confirming seeds as one model."""
        from lab.models.ensemble import joined_ensemble

        loss = self.setting.variant.training.loss
        return joined_ensemble([one.model() for one in self.members], loss, data.test.x[:1])


def _kept(run: TrainedRun) -> TrainedRun:
    if run.trained.weights is None:
        raise DataError(
            "the model that is advised must have kept an epoch, but its loss was not finite at this seed; lower the "
            "learning rate"
        )
    return run


def all_training(load: Callable[..., Dataset]) -> Dataset:
    """Return data whose training split has the validation examples, too.

    They are also those that validate, as data must have some; nothing is to be chosen by them.
    """
    data = load()
    pool = object()
    parts = (data.train, data.validation)
    weight = None
    if data.train.weight is not None:
        weight = np.concatenate([data.train.weight, np.full(len(data.validation), data.train.weight.mean(), "f4")])
    x, y = (np.concatenate([np.asarray(getattr(one, name)) for one in parts]) for name in ("x", "y"))
    return replace(
        data,
        train=Split(x, y, pool=pool, weight=weight),
        validation=replace(data.validation, pool=pool),
        test=replace(data.test, pool=pool),
    )
