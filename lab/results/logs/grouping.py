"""Which variant and seed a logged run is: by the end of its name, or by its settings."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lab.checks import DataError

_SEEDED = re.compile(r"(.*?)[-_/., ]*(?:seed|execution)[-_= ]?([0-9]{1,15})", re.IGNORECASE)
"""A name that ends in a seed; TensorBoard's folders of a KerasTuner search end in the number of the execution."""

_SEEDS = ("seed", "random_seed", "random_state")
"""Settings that say the seed."""


@dataclass(frozen=True)
class Place:
    """Where a run belongs in an experiment."""

    variant: str
    seed: int


def places(runs: Sequence[tuple[str, Mapping[str, str]]], whole: str) -> list[Place]:
    """Return the variant and the seed of each run.

    1. A name that ends in a seed says both: `l2-seed3`, `l2_seed=3` and `l2/seed_3` are variant `l2` at seed 3.
    2. Of the other runs those with settings are of one variant if all settings but `seed`, `random_seed` and
       `random_state` are equal. It is called by those in which the runs differ, as in `dropout=0.5, l2=0.01`. Without
       a setting for the seed, equal runs are its seeds 0, 1, ... in their order.
    3. Else the name is the variant, and the seed is 0.

    Args:
        runs: the name and the settings of each, empty where they are not known.
        whole: the name of the variant where no setting differs.

    Raises:
        DataError: two runs are the same variant at the same seed.
    """
    unnamed = [settings for name, settings in runs if settings and not _SEEDED.fullmatch(name)]
    differing = sorted({key for one in unnamed for key in one if key not in _SEEDS and not _is_common(key, unnamed)})
    found: list[Place] = []
    count: dict[str, int] = {}
    for name, settings in runs:
        match = _SEEDED.fullmatch(name)
        if match:
            found.append(Place(match[1] or whole, int(match[2])))
        elif settings:
            variant = ", ".join(f"{key}={settings[key]}" for key in differing if key in settings) or whole
            seed = next((settings[key] for key in _SEEDS if re.fullmatch("[0-9]{1,15}", settings.get(key, ""))), None)
            if seed is None:
                seed = str(count.get(variant, 0))
                count[variant] = int(seed) + 1
            found.append(Place(variant, int(seed)))
        else:
            found.append(Place(name, 0))
    first: dict[Place, str] = {}
    for (name, _), place in zip(runs, found, strict=True):
        if first.setdefault(place, name) != name or found.count(place) > 1:
            other = [name for (name, _), its in zip(runs, found, strict=True) if its == place][1]
            raise DataError(
                f"the logs in {whole} must have one run per variant and seed, got {first[place]} and {other} for "
                f"variant {place.variant!r}, seed {place.seed}; rename one of them, as in {place.variant}-seed1"
            )
    return found


def _is_common(key: str, settings: Sequence[Mapping[str, str]]) -> bool:
    return len({one.get(key) for one in settings}) == 1
