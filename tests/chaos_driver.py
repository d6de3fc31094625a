"""A driver that can be killed at any step of writing, forked from a process that has loaded TensorFlow only.

That saves the seconds of loading it. Nothing of this is in the lab: the steps are counted by what stands in the place
of `os.fsync`, `os.rename` and others in the forked process, and a file that safetensors writes may be cut in the
middle. Every driver writes a journal: when it began to train runs, each epoch, each checkpoint that was written.
"""

import builtins
import functools
import json
import os
import signal
import sys
import time
from pathlib import Path

MOMENTS = ("before", "after")


def experiment(epochs: int):
    """Return an experiment of eight runs that end one by one."""
    from lab.data import digits
    from lab.experiment import Experiment, Variant
    from lab.models import dense
    from lab.regularization import Regularization
    from lab.training import Training

    def variant(rate: float, **regularization: object) -> Variant:
        return Variant(
            data=functools.partial(digits, train_size=60, label_noise=0.2),
            model=functools.partial(dense, widths=(48,), regularization=Regularization(**regularization)),
            training=Training(epochs=epochs, batch_size=20, patience=epochs // 2, learning_rate=rate),
        )

    variants = {
        "none": variant(0.01),
        "dropout": variant(0.01, dropout=0.4, normalization="batch"),
        "noise": variant(0.003, noise=0.1, normalization="batch"),
        "l2": variant(0.003, l2=1e-3, normalization="batch"),
    }
    return Experiment(name="x", variants=variants, baseline="none", seeds=(0, 1))


def kill() -> None:
    """End this process as a loss of power would end it, but for what the kernel still writes."""
    os.kill(os.getpid(), signal.SIGKILL)


def kill_at(step: int, moment: str) -> None:
    """Let this process die before or after a step of writing, counted from 1."""
    import safetensors.numpy

    left = step

    def now(at: str) -> bool:
        nonlocal left
        left -= at == "before"
        return left == 0 and at == moment

    def guarded(working, torn=None):
        @functools.wraps(working)
        def stepping(*args, **keywords):
            if now("before"):
                if torn is not None:
                    torn(*args, **keywords)
                kill()
            result = working(*args, **keywords)
            if now("after"):
                kill()
            return result

        return stepping

    def half_written(arrays, filename, metadata) -> None:
        whole = safetensors.numpy.save(arrays, metadata)
        Path(filename).write_bytes(whole[: len(whole) // 2])

    opening = builtins.open

    @functools.wraps(opening)
    def opened(file, mode="r", *args, **keywords):
        writes = bool(set(mode) & set("wxa+"))
        if writes and now("before"):
            kill()
        result = opening(file, mode, *args, **keywords)
        if writes and now("after"):
            kill()
        return result

    builtins.open = opened
    for name in ("fsync", "rename", "replace", "mkdir", "unlink"):
        setattr(os, name, guarded(getattr(os, name)))
    safetensors.numpy.save_file = guarded(safetensors.numpy.save_file, half_written)


def drive(folder: str, epochs: int, every: float, engine: str, journal: str, at: tuple[int, str] | None) -> None:
    """Run the experiment in a folder of results and write a journal, as a process of its own does."""
    from lab import run
    from lab.sweep import checkpoints, resumption

    handle = os.open(journal, os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def note(kind: str, runs: list[str], epoch: int) -> None:
        line = json.dumps([time.monotonic(), os.getpid(), kind, runs, epoch])
        os.write(handle, f"{line}\n".encode())

    writing, offering = checkpoints.write, checkpoints.Checkpoints.offer

    def write(path, state, header):
        writing(path, state, header)
        note("checkpoint", header["runs"], state.epoch)

    def offer(self, engine, tasks):
        take = offering(self, engine, tasks)
        runs = [self.names[id(task)] for task in tasks]
        epoch = resumption._epochs[runs[0]]
        note("begin", runs, epoch)

        def taken(going, capture):
            nonlocal epoch
            epoch += 1
            note("epoch", [self.names[id(task)] for task in going], epoch)
            take(going, capture)

        return taken

    checkpoints.write, checkpoints.Checkpoints.offer = write, offer
    if at is not None:
        kill_at(*at)

    run.run(experiment(epochs), results_folder=folder, engine=engine, checkpoint_every=every)


def nursery() -> None:
    """Load what a driver needs, then fork one for each line of arguments; say its process id and how it ended."""
    from lab.engine.precision import prepare

    prepare("exact")
    import keras  # noqa: F401
    import tensorflow  # noqa: F401

    import lab.engine.cohort
    import lab.engine.keras_fit
    import lab.results
    import lab.statistics.scope
    import lab.sweep.checkpoints  # noqa: F401

    for line in sys.stdin:
        pid = os.fork()
        if pid == 0:
            sys.stdin.close()
            try:
                drive(*json.loads(line))
            except BaseException as error:
                print(f"{type(error).__name__}: {error}", file=sys.stderr, flush=True)
                os._exit(1)
            os._exit(0)
        print(pid, flush=True)
        print(os.waitpid(pid, 0)[1], flush=True)


if __name__ == "__main__":
    nursery()
