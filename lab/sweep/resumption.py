"""From where the runs in training go on, for the sentence that an interrupted command ends with."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

_epochs: dict[str, int] = {}
"""The epoch of the checkpoint of each run in training, 0 where there is none: a process trains one experiment."""


_answer = ""


def so_far(answer: str) -> None:
    """Note the answer that an interrupted command gives before its sentence; "" for none."""
    global _answer
    _answer = answer


def answered() -> str:
    """Return the answer so far, with the end of its line; "" if there is none."""
    return f"{_answer}\n" if _answer else ""


@contextmanager
def forgotten() -> Iterator[None]:
    """Forget the answer so far where the context begins and where it ends, unless an interruption ends it."""
    so_far("")
    try:
        yield
    except KeyboardInterrupt:
        # The command that is interrupted says the answer when this exception has reached it.
        raise
    except BaseException:
        so_far("")
        raise
    so_far("")


def nothing_trains() -> None:
    """Forget all runs."""
    _epochs.clear()


def begin(runs: Iterable[str]) -> None:
    """Note that these runs train from now on."""
    for run in runs:
        _epochs.setdefault(run, 0)


def checkpointed(runs: Iterable[str], epoch: int) -> None:
    """Note that the same command would go on with these runs after an epoch, from the first one for 0."""
    _epochs.update(dict.fromkeys(runs, epoch))


def published(run: str) -> None:
    """Note that a run does not train any more."""
    _epochs.pop(run, None)


def told() -> str:
    """Return from where the runs in training would go on, as in ": 3 runs after epoch 12"; "" without any.

    It may be called from any thread while the others are.
    """
    epochs = sorted(dict(_epochs).values())
    begun, anew = [epoch for epoch in epochs if epoch], epochs.count(0)
    parts = []
    if begun:
        span = str(begun[0]) if begun[0] == begun[-1] else f"{begun[0]} to {begun[-1]}"
        parts.append(f"{_runs(len(begun))} after epoch {span}")
    if anew:
        parts.append(f"{_runs(anew)} from the first epoch")
    return f": {' and '.join(parts)}" if parts else ""


def _runs(count: int) -> str:
    return "1 run" if count == 1 else f"{count} runs"
