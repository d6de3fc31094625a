"""Ctrl-C, SIGTERM and SIGHUP end a command within three seconds, whatever it is doing.

The signal is raised as an exception where Python stands, so that half-written files are removed and the terminal is
left as it was. TensorFlow may keep Python waiting for longer than anybody who pressed Ctrl-C wants to wait: then a
thread ends the process. Nothing is lost by that, since runs and checkpoints appear by one rename.
"""

import contextlib
import os
import signal
import socket
import sys
import threading
from collections.abc import Iterator

from lab.sweep import resumption

SENTENCE = "interrupted; what is published stays, and the same command goes on from there"
"""The sentence, and from where the runs in training go on."""
PATIENCE = 1.5
"""Seconds until the process is ended where the exception did not end it."""

_SIGNALS = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))
_saying = threading.Lock()


class Interrupted(KeyboardInterrupt):
    """A signal that ends the command."""


@contextlib.contextmanager
def interruptible() -> Iterator[None]:
    """End the process with one sentence and the exit code 128 + signal if a signal arrives inside the block.

    A signal that is ignored stays ignored (as under nohup). In a notebook, an interpreter or another thread than the
    main one nothing is changed: there Ctrl-C belongs to somebody else.
    """
    if hasattr(sys, "ps1") or threading.current_thread() is not threading.main_thread():
        yield
        return
    arrived: list[int] = []

    def raise_interrupted(number: int, _: object) -> None:
        # The first signal counts: a second one must not disturb what the first one tidies up.
        if not arrived:
            arrived.append(number)
            # Code in C that cannot pass the exception on prints and forgets it; then the thread ends the process.
            sys.excepthook = _say_nothing
            sys.unraisablehook = _say_nothing
            raise Interrupted

    # A copy, because stderr is closed while TensorFlow loads.
    stderr = os.dup(2)
    before = {number: signal.getsignal(number) for number in _SIGNALS}
    reader, writer = socket.socketpair()
    writer.setblocking(False)
    left = threading.Event()
    old = signal.set_wakeup_fd(writer.fileno(), warn_on_full_buffer=False)
    threading.Thread(target=_watch, args=(reader, stderr, left), daemon=True).start()
    for number, handler in before.items():
        if handler != signal.SIG_IGN:
            signal.signal(number, raise_interrupted)
    try:
        yield
    except BaseException:
        # Libraries turn an interruption into an error of their own, as NumPy does while it is imported.
        if arrived:
            end(arrived[0], stderr)
        raise
    finally:
        # A command that ends well on Ctrl-C, as one that serves a page does, has been quick enough.
        left.set()
        for number, handler in before.items():
            signal.signal(number, handler or signal.SIG_DFL)
        signal.set_wakeup_fd(old)
        writer.close()
        os.close(stderr)


def end(number: int, stderr: int) -> None:
    """Say the sentence, once, and end the process with the exit code of a signal.

    Args:
        number: the signal's.
        stderr: a file descriptor.
    """
    with _saying:
        # A progress bar hides the cursor.
        cursor = "\x1b[?25h" if os.isatty(stderr) else ""
        with contextlib.suppress(OSError, ValueError, AttributeError):
            sys.stdout.flush()
        with contextlib.suppress(OSError):
            os.write(stderr, f"{cursor}{resumption.answered()}{SENTENCE}{resumption.told()}\n".encode())
        os._exit(128 + number)


def _say_nothing(*_: object) -> None:
    return None


def _watch(reader: socket.socket, stderr: int, left: threading.Event) -> None:
    """Wait for the byte that Python writes when a signal arrives, even while it computes outside Python."""
    with reader:
        while received := reader.recv(1):
            if received[0] in _SIGNALS and not left.wait(PATIENCE):
                end(received[0], stderr)
