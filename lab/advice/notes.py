"""Warnings about the model, each given once: all variants have the same one."""

import re
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def said_once(say: Callable[[str], None]) -> Iterator[None]:
    """Say each warning about the model of a variant once, without the variant's name; leave other warnings alone."""
    from lab.models.final_activation import ModelWarning

    told: set[str] = set()
    with warnings.catch_warnings():
        warnings.simplefilter("always", ModelWarning)
        others = warnings.showwarning

        def show(message: Warning | str, category: type[Warning], *where: object) -> None:
            if not issubclass(category, ModelWarning):
                others(message, category, *where)  # type: ignore[arg-type]
                return
            sentence = re.sub(r" of variant ('[^']*'|\d+)", "", str(message))
            if sentence not in told:
                told.add(sentence)
                say(sentence)

        warnings.showwarning = show  # type: ignore[assignment]
        yield
