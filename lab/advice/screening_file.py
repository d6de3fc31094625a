"""The trials of a screening, kept after each round, so that the same command goes on from them after a kill."""

import json
from pathlib import Path
from typing import Any

from lab.advice.confirming import Size
from lab.advice.diagnosis import Diagnosis
from lab.advice.space import PLAIN, Space
from lab.advice.trials import Key, Trial, Trials
from lab.identity import NUMERICS, declare, identify

FOLDER = "advice"
"""The folder of what is the advice's own, in that of the confirming experiment, whose JSON files are studies."""

FILE = f"{FOLDER}/screening.json"


def identity_of(space: Space) -> str:
    """Return what is equal for screenings of the same data and settings.

    Raises:
        UsageError: the loader or the factory has no identity.
    """
    plain = space.at((), 0).variant
    return identify(
        {
            "data": declare(plain.data, "data", defaults=False),
            "model": declare(plain.model, "model", omit=("seed",), defaults=False),
            "training": declare(plain.training, "training", defaults=False),
            "families": {name: list(strengths) for name, strengths in space.strengths.items()},
            "numerics": NUMERICS,
        }
    )


def remember(
    folder: Path, identity: str, seconds: float, trials: Trials, diagnosis: Diagnosis | None, size: Size | None = None
) -> None:
    """Write down what was tried.

    Args:
        folder: of the confirming experiment; made where there is none.
        identity: of the space.
        seconds: the budget.
        trials: all of them.
        diagnosis: of the plain model, if it has been made.
        size: of the confirmation, if the screening has ended, perhaps as its time was over; else None.
    """
    from lab.results.files import write_atomically

    tried = [
        {
            "parts": one.setting.parts,
            "rate": one.setting.rate,
            "seed": key[2],
            "loss": one.loss,
            "cut": key in trials.cut,
            "rows": [dict(row) for row in one.rows] if one.setting.family == PLAIN else [],
        }
        for key, one in trials.known.items()
    ]
    content = {
        "id": identity,
        "seconds": seconds,
        "size": size,
        "diagnosis": None if diagnosis is None else diagnosis.to_json(),
        "reasons": trials.reasons,
        "tried": tried,
    }
    write_atomically(folder / FILE, json.dumps(content) + "\n")


def recall(
    folder: Path, identity: str, seconds: float, space: Space, trials: Trials
) -> tuple[Diagnosis | None, Size | None]:
    """Take over what was tried before; return the diagnosis and the size of the confirmation, if they were known.

    What had not trained to its end counts unless there is more time now. A screening that has ended in as much time or
    more is not gone on with.

    Args:
        folder, identity, seconds: as for `remember`.
        space: in which the settings are.
        trials: are added to.
    """
    try:
        content = json.loads((folder / FILE).read_text(encoding="utf-8"))
        if content["id"] != identity:
            return None, None
        has_no_more_time = content["seconds"] >= seconds
        size = None if content["size"] is None or not has_no_more_time else Size(*map(int, content["size"]))
        tried = [one for one in content["tried"] if has_no_more_time or not one["cut"]]
        known = dict(_read(one, space) for one in tried)
        reasons = {str(family): str(why) for family, why in content["reasons"].items()}
        diagnosis = None if content["diagnosis"] is None else Diagnosis.from_json(content["diagnosis"])
        cut = {_read(one, space)[0] for one in tried if one["cut"]}
    except (OSError, ValueError, KeyError, TypeError, IndexError, AttributeError):
        return None, None
    trials.known |= known
    trials.reasons |= reasons
    trials.is_closed, trials.cut = size is not None, cut
    return diagnosis, size


def _read(written: dict[str, Any], space: Space) -> tuple[Key, Trial]:
    setting = space.at([(str(family), strength) for family, strength in written["parts"]], int(written["rate"]))
    trial = Trial(setting, float(written["loss"]), list(written["rows"]))
    return (setting.parts, setting.rate, int(written["seed"])), trial
