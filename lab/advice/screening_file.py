"""The findings of a screening, kept so that the same command can go straight on to the confirmation."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lab.advice.screening import Screened
from lab.advice.space import RATES, Setting
from lab.identity import NUMERICS, declare, identify

FILE = "screening.json"


def identity_of(space: Mapping[str, Sequence[Setting]]) -> str:
    """Return what is equal for screenings of the same data and settings.

    Raises:
        UsageError: the loader or the factory has no identity.
    """
    plain = space["none"][0].variant
    settings = [
        {
            "model": declare(one.variant.model, f"model of {one.label}", omit=("seed",), defaults=False),
            "training": declare(one.variant.training, f"training of {one.label}", defaults=False),
        }
        for settings in space.values()
        for one in settings
    ]
    return identify({"data": declare(plain.data, "data", defaults=False), "settings": settings, "numerics": NUMERICS})


def remember(
    folder: Path, identity: str, seconds: float, found: Mapping[str, Screened], left_out: Mapping[str, str]
) -> None:
    """Write down what was found.

    Args:
        folder: of the advice; made where there is none.
        identity: of the space.
        seconds: how long the screening was allowed to take.
        found, left_out: as `lab.advice.screening.screen` returns them.
    """
    from lab.results.files import write_atomically

    best = {family: _written(one) for family, one in found.items()}
    content = {"id": identity, "seconds": seconds, "best": best, "left_out": dict(left_out)}
    write_atomically(folder / FILE, json.dumps(content, indent=1) + "\n")


def remembered(
    folder: Path, identity: str, seconds: float, space: Mapping[str, Sequence[Setting]]
) -> tuple[dict[str, Screened], dict[str, str]] | None:
    """Return what an earlier screening found; None where there was none, another one, or one with less time.

    The arguments are those of `remember`. A screening that left nothing out for want of time counts whatever time it
    was allowed.
    """
    try:
        content = json.loads((folder / FILE).read_text(encoding="utf-8"))
        if content["id"] != identity or (content["left_out"] and content["seconds"] < seconds):
            return None
        found = {family: _read(one, space[family]) for family, one in content["best"].items()}
        return found, {str(family): str(why) for family, why in content["left_out"].items()}
    except (OSError, ValueError, KeyError, TypeError, IndexError, AttributeError):
        return None


def _written(one: Screened) -> dict[str, Any]:
    training = one.setting.variant.training
    return {
        "strength": one.setting.strength,
        "learning_rate": training.learning_rate,
        "loss": one.loss,
        "rows": [dict(row) for row in one.rows],
    }


def _read(written: Mapping[str, Any], settings: Sequence[Setting]) -> Screened:
    known = [one for one in settings if one.strength == written["strength"]]
    if not known and settings[0].extended is not None:
        known = settings[0].extended(written["strength"])
    rates = [one.variant.training.learning_rate for one in known]
    if len(rates) != len(RATES):
        raise ValueError("strengths have one setting for each learning rate")
    return Screened(known[rates.index(written["learning_rate"])], float(written["loss"]), list(written["rows"]))
