"""An experiment changed from outside: other data, fewer examples, seeds or epochs."""

import dataclasses
import functools
from collections.abc import Callable
from typing import TYPE_CHECKING

from lab.checks import whole
from lab.experiment import Experiment, Variant

if TYPE_CHECKING:
    from lab.data import Dataset


def adjusted(
    experiment: Experiment,
    *,
    data: "Callable[..., Dataset] | None" = None,
    data_name: str = "",
    train_size: int | None = None,
    validation_size: int | None = None,
    seeds: int | None = None,
    epochs: int | None = None,
) -> Experiment:
    """Return an experiment with other data, fewer examples, seeds or epochs; None leaves a thing as it is.

    Args:
        experiment: what to adjust.
        data: a loader that takes the place of every variant's; the variants' bound arguments stay. If the
            experiment has settings of its own for `data_name`, those are taken instead.
        data_name: what the data is called; becomes part of the experiment's name.
        train_size, validation_size: the number of training and of validation examples.
        seeds: how many seeds, counted from 0.
        epochs: the most epochs.
    """
    if data_name in experiment.elsewhere:
        experiment = dataclasses.replace(
            experiment.elsewhere[data_name], question=experiment.elsewhere[data_name].question or experiment.question
        )
        data = None
    if data is not None:
        # What a study beside the experiment looks at is not this data.
        experiment = dataclasses.replace(experiment, name=f"{experiment.name}-{data_name}", studies=())

    def change(variant: Variant) -> Variant:
        load, training = variant.data, variant.training
        if data is not None:
            bound = load if isinstance(load, functools.partial) else functools.partial(load)
            load = functools.partial(data, **bound.keywords)
        for name, size in (("train_size", train_size), ("validation_size", validation_size)):
            if size is not None:
                load = functools.partial(load, **{name: whole(name, size, "the number of examples of a split")})
        if epochs is not None:
            training = dataclasses.replace(training, epochs=epochs)
        return Variant(data=load, model=variant.model, training=training)

    variants = {name: change(variant) for name, variant in experiment.variants.items()}
    if seeds is not None:
        experiment = dataclasses.replace(experiment, seeds=range(whole("seeds", seeds, "the number of seeds")))
    # A study beside the experiment is made smaller by what it understands of this.
    studies = [
        study.sized(train_size=train_size, seeds=seeds, epochs=epochs, strict=False) for study in experiment.studies
    ]
    return dataclasses.replace(experiment, variants=variants, studies=studies)
