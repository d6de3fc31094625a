"""A driver that can be killed at any step of writing, forked from a process that has loaded TensorFlow only.

That saves the seconds of loading it. Nothing of this is in the lab: the steps are counted by what stands in the place
of `os.fsync`, `os.rename` and others in the forked process, and a file that safetensors writes may be cut in the
middle. Drivers and their workers keep a journal (`tests.chaos_journal`).
"""

import builtins
import functools
import json
import multiprocessing
import os
import signal
import sys
from multiprocessing import forkserver
from pathlib import Path

from tests.chaos_journal import keep_journal, note

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


def kill_at(results: Path, step: int, moment: str) -> None:
    """Let this process die before or after a step of writing, counted from 1.

    It dies as by a loss of power, but for what the kernel still writes.
    """
    import safetensors.numpy

    left = step

    def kill() -> None:
        note(results, "killed", [], 0)
        os.kill(os.getpid(), signal.SIGKILL)

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


def drive(folder: str, epochs: int, every: float, engine: str, at: tuple[int, str] | None) -> None:
    """Run the experiment in a folder of results and write a journal, as a process of its own does.

    Args:
        folder: of the results.
        epochs, every: of the experiment, and the seconds between its checkpoints.
        engine: "cohort" or "keras_fit" in this process, or "workers", two of them.
        at: the step of writing at which this process is to die, and the moment.
    """
    from lab import run
    from lab.sweep.source import Source
    from lab.sweep.workers import Workers

    keep_journal()
    if at is not None:
        kill_at(Path(folder), *at)
    options: dict[str, object] = {"engine": engine}
    if engine == "workers":
        # The process that forks them is no child of this one, which must not wait for its end.
        forkserver._forkserver.ensure_running = lambda: None
        options = {"workers": Workers(count=2), "source": Source(script(Path(folder).parent, epochs))}
    run.run(experiment(epochs), results_folder=folder, checkpoint_every=every, **options)


def script(folder: Path, epochs: int) -> Path:
    """Write the script from which workers load the experiment."""
    path = folder / "x.py"
    if not path.exists():
        path.write_text(
            f'"""Is anything lost?"""\nfrom tests.chaos_driver import experiment\n\nEXPERIMENT = experiment({epochs})\n'
        )
    return path


def load() -> None:
    """Load what trains."""
    from lab.engine.precision import prepare

    prepare("exact")
    import keras  # noqa: F401
    import tensorflow  # noqa: F401

    import lab.engine.cohort
    import lab.engine.keras_fit
    import lab.results
    import lab.statistics.scope
    import lab.sweep.checkpoints  # noqa: F401


@functools.cache
def prepare_workers() -> None:
    """Start the process from which workers are forked."""
    import dask
    from distributed import utils

    # Dask would load only itself there.
    utils._forkserver_preload_set = True
    multiprocessing.set_forkserver_preload(["distributed", "tests.chaos_worker"])
    forkserver.ensure_running()
    dask.config.set({"distributed.worker.multiprocessing-method": "forkserver"})


def nursery() -> None:
    """Load what a driver needs, then fork one for each line of arguments; say its process id and how it ended."""
    load()
    for line in sys.stdin:
        folder, epochs, every, engine, at = json.loads(line)
        if engine == "workers":
            prepare_workers()
        pid = os.fork()
        if pid == 0:
            sys.stdin.close()
            try:
                drive(folder, epochs, every, engine, at)
            except BaseException as error:
                print(f"{type(error).__name__}: {error}", file=sys.stderr, flush=True)
                os._exit(1)
            os._exit(0)
        print(pid, flush=True)
        print(os.waitpid(pid, 0)[1], flush=True)
