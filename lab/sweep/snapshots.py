"""The weights at the ends of the cycles of a run, which make a snapshot ensemble.

A run of which each cycle is to be seen is trained once for each of them, in one cohort and to the end of that cycle
only. No bit of a run depends on its company, so these are one and the same run, of which the later ends go on.

Reference: Huang et al. 2017, "Snapshot Ensembles: Train 1, Get M for Free".
"""

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

from lab.checks import DataError, UsageError
from lab.experiment import Variant
from lab.sweep.unpublished import train
from lab.training import Training

if TYPE_CHECKING:
    import keras

    from lab.engine.task import History


def cycle_ends(training: Training) -> list[int]:
    """Return the epochs that end the cycles of a learning rate that restarts, from 1.

    Raises:
        UsageError: the rate does not restart, cycles do not end with epochs, or runs may end before.
    """
    if training.schedule != "cosine_restarts" or training.cycles < 2:
        raise UsageError(
            "schedule must be 'cosine_restarts' with at least 2 cycles for snapshots (each is the net at the end of a "
            f"cycle), got {training.schedule!r} with {training.cycles}"
        )
    if training.epochs % training.cycles:
        raise UsageError(
            f"epochs must be a multiple of cycles for snapshots (cycles must end with epochs), got {training.epochs} "
            f"epochs and {training.cycles} cycles"
        )
    if training.patience is not None:
        raise UsageError(
            f"patience must be None for snapshots (a run that ends early has fewer cycles), got {training.patience}"
        )
    length = training.epochs // training.cycles
    return [length * cycle for cycle in range(1, training.cycles + 1)]


def snapshots(name: str, variant: Variant, seeds: Sequence[int]) -> "list[list[keras.Model]]":
    """Train a variant and return the nets at the ends of its cycles, those of each seed in their order.

    Args:
        name: of the variant.
        variant: whose learning rate restarts.
        seeds: of the runs.

    Raises:
        UsageError: as of `cycle_ends`.
        DataError: a run diverged.
    """
    ends = cycle_ends(variant.training)
    variants = dict.fromkeys(((name, end) for end in ends), variant)

    def ended(
        runs: "Sequence[tuple[tuple[str, int], int]]", epoch: int, histories: "Sequence[History]"
    ) -> "Collection[tuple[tuple[str, int], int]]":
        return [(key, seed) for key, seed in runs if key[1] == epoch]

    trained = train(variants, seeds=seeds, leave=ended)
    nets: list[list[keras.Model]] = []
    for seed in seeds:
        nets.append([])
        for end in ends:
            run = trained[(name, end), seed]
            if run.trained.status == "diverged" or run.trained.last_weights is None:
                raise DataError(
                    f"every cycle must end with a finite loss, got none for seed {seed} of variant {name!r}; lower the "
                    "learning rate"
                )
            model = run.task.build()
            model.set_weights(run.trained.last_weights)
            nets[-1].append(model)
    return nets
