"""The journal of the processes of a sweep: when each began to train runs, each epoch, each checkpoint that was written.

It is written by what stands in the place of methods of the lab, in the processes of a chaos test only, into a file
beside the folder of results: `sweep0.journal` for `sweep0`.
"""

import json
import os
import time
from collections.abc import Callable
from pathlib import Path


def note(results: Path, kind: str, runs: list[str], epoch: int) -> None:
    """Write a line: the seconds, this process, and the rest."""
    line = json.dumps([time.monotonic(), os.getpid(), kind, runs, epoch])
    handle = os.open(results.with_name(f"{results.name}.journal"), os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.write(handle, f"{line}\n".encode())
    os.close(handle)


def keep_journal(on_begin: Callable[[Path], None] = lambda results: None) -> None:
    """Write a journal from now on; `on_begin` is called with the folder of results whenever runs begin to train."""
    from lab.sweep import checkpoints, resumption

    writing, offering = checkpoints.write, checkpoints.Checkpoints.offer

    def write(path, state, header):
        writing(path, state, header)
        note(path.parent.parent.parent, "checkpoint", header["runs"], state.epoch)

    def offer(self, engine, tasks):
        results = self.folder.parent.parent
        on_begin(results)
        take = offering(self, engine, tasks)
        runs = [self.names[id(task)] for task in tasks]
        epoch = resumption._epochs[runs[0]]
        note(results, "begin", runs, epoch)

        def taken(going, capture):
            nonlocal epoch
            epoch += 1
            note(results, "epoch", [self.names[id(task)] for task in going], epoch)
            take(going, capture)

        return taken

    checkpoints.write, checkpoints.Checkpoints.offer = write, offer
