"""The workers of a sweep that are there: each is tried out before it gets work, and started anew before it grows."""

import json
import queue
import threading
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from lab.checks import DataError, raised
from lab.sweep import on_worker
from lab.sweep.workers import Workers, version

if TYPE_CHECKING:
    from distributed import Client, Future

VISIBLE_WITHIN = 5.0
"""Seconds in which the file that a worker writes must be seen here: a shared file system may need some."""

LOOK_EVERY = 0.5
"""Seconds between two looks at which workers are there at least."""

SILENCE = 60.0
"""Seconds after which a worker from which nothing is heard counts as gone; a worker answers while it trains."""

PATIENCE = 120.0
"""Seconds in which a worker on this machine must start."""

GRACE = 10.0
"""Seconds to wait for another worker where none of those that are there can take work."""

RECYCLED_AFTER = 16
"""A worker is started anew after so many pieces of work, or when it has grown by half and by `GROWN_BY`."""

GROWN_BY = 512 * 1024**2
"""Bytes."""


@dataclass(eq=False)
class Worker:
    """A process that trains.

    Args:
        address: its address.
        last_seen: when the scheduler heard of it last, by the scheduler's clock.
        fresh: when `last_seen` changed last, by this process's clock.
        gpu: whether it declares GPUs, of which it takes one.
        state: "new", "ready", "refused", or "leaving" while it is started anew.
        host: in words, where it is.
        work: what it was given.
        future: of what it does now.
        done: how many pieces of work it has done.
        memory: the bytes that it took after the first.
    """

    address: str
    last_seen: float
    fresh: float
    gpu: bool
    state: str = "new"
    host: str = ""
    work: Any = None
    future: "Future | None" = None
    done: int = 0
    memory: int = 0


class Answer(NamedTuple):
    """The result of a piece of work, as the worker said it; "error" is a sentence where there is one."""

    worker: Worker
    work: Any
    content: dict[str, Any]


class Crew:
    """The workers of a client.

    Args:
        client: connected to a scheduler.
        workers: which they are.
        place: an empty folder in the results folder, in which each worker must be able to read and write.
        on_note: called with a sentence about a worker that gets no work.
        on_wait: called with a few words while there is no worker.
    """

    def __init__(
        self,
        client: "Client",
        workers: Workers,
        place: Path,
        on_note: Callable[[str], None],
        on_wait: Callable[[str], None],
    ) -> None:
        self.client, self.workers, self.place, self.on_note, self.on_wait = client, workers, place, on_note, on_wait
        self.there: dict[str, Worker] = {}
        self.inbox: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self.topic = f"reglab-{uuid.uuid4().hex}"
        self.token = uuid.uuid4().hex
        (place / "driver").write_text(self.token, encoding="ascii")
        # Both are called by a thread of Dask's, and read here.
        client.subscribe_topic(self.topic, lambda event: self.inbox.put(event[1]))
        self.refusals: list[str] = []
        self.looked = self.idle_since = -1.0

    def look(self) -> list[Worker]:
        """Look who has come and who has gone; return those who have gone and had work, which they keep.

        Raises:
            DataError: the scheduler is gone, no worker has started, or none can take work.
        """
        now = time.monotonic()
        if now - self.looked < LOOK_EVERY:
            return []
        self.looked = now
        try:
            found = self.client.scheduler_info()["workers"]
        except Exception as error:
            raise DataError(
                f"the workers {self.workers.place} can no longer be reached ({raised(error)}); what is published "
                "stays, and the same command goes on from there"
            ) from None
        for address, info in found.items():
            seen = info["last_seen"]
            known = self.there.get(address)
            if known is None:
                new = Worker(address, seen, now, bool((info.get("resources") or {}).get("GPU")))
                self.there[address] = new
                self._probe(new)
            elif known.last_seen != seen:
                known.last_seen, known.fresh = seen, now
        gone = [w for w in self.there.values() if w.address not in found or now - w.fresh > SILENCE]
        for worker in gone:
            del self.there[worker.address]
            if worker.future is not None:
                worker.future.cancel()
        self._refuse_if_nobody_can_work(now)
        return [worker for worker in gone if worker.work is not None]

    def idle(self) -> list[Worker]:
        """Return the workers that can take work."""
        return [worker for worker in self.there.values() if worker.state == "ready" and worker.future is None]

    def give(self, worker: Worker, function: Callable[[str], str], request: Mapping[str, Any], work: Any) -> None:
        """Give a worker work; `work` comes back with its answer."""
        worker.work = work
        worker.future = future = self.client.submit(
            function,
            json.dumps({**request, "topic": self.topic}),
            key=f"{self.topic}-{uuid.uuid4().hex}",
            workers=[worker.address],
            allow_other_workers=False,
            resources={"GPU": 1} if worker.gpu else None,
            pure=False,
        )
        future.add_done_callback(lambda done: self.inbox.put((worker, done)))

    def hear(self, seconds: float) -> Answer | dict[str, Any] | None:
        """Return the next answer or message, or None if there is none within some seconds."""
        try:
            news = self.inbox.get(timeout=seconds)
        except queue.Empty:
            return None
        if isinstance(news, dict):
            return news
        worker: Worker = news[0]
        future: Future = news[1]
        if future is not worker.future or self.there.get(worker.address) is not worker:
            return None
        content, work = _content(future), worker.work
        if content is None:
            # It was lost with its worker: the next look finds that.
            return None
        worker.work = worker.future = None
        if worker.state == "new":
            self._take_in(worker, content)
            return None
        if "error" in content:
            self._refuse(worker, f"the worker on {worker.host} gets no more work: {content['error']}")
        else:
            self._recycle(worker, content.get("memory", 0))
        return Answer(worker, work, content)

    def _probe(self, worker: Worker) -> None:
        name = f"worker-{uuid.uuid4().hex}"
        self.give(worker, on_worker.probe, {"folder": str(self.place), "name": name}, None)
        worker.host = name

    def _take_in(self, worker: Worker, content: Mapping[str, Any]) -> None:
        """Let a worker take work if it runs the same lab and this process sees what it has written."""
        path = self.place / worker.host
        worker.host = str(content.get("host", worker.address))
        who = f"the worker {worker.address} on {worker.host}"
        if "error" in content:
            self._refuse(worker, f"{who} gets no work: it cannot run the lab ({content['error']}); install it there")
        elif content["version"] != version():
            self._refuse(
                worker,
                f"{who} gets no work: it must run the lab {version()} as this machine does, got "
                f"{content['version']}; install the same version there",
            )
        elif content["trouble"] or not _holds(path, self.token):
            self._refuse(
                worker,
                f"{who} gets no work: it must see {self.place.parent} of this machine and write there, got "
                f"{content['trouble'] or 'another folder of that name'}; mount it there under the same path",
            )
        else:
            worker.state = "ready"

    def _refuse(self, worker: Worker, sentence: str) -> None:
        worker.state = "refused"
        self.refusals.append(sentence)
        self.on_note(sentence)

    def _refuse_if_nobody_can_work(self, now: float) -> None:
        if any(worker.state != "refused" for worker in self.there.values()):
            self.idle_since = -1.0
            return
        if self.idle_since < 0:
            self.idle_since = now
        waited = now - self.idle_since
        if self.there and waited >= (0 if self.workers.count else GRACE):
            raise DataError(f"no worker can train: {self.refusals[-1]}")
        if not self.there:
            self.on_wait(f"waiting for a worker {self.workers.place}")
            if self.workers.count and waited > PATIENCE:
                raise DataError(
                    f"workers must start within {PATIENCE:.0f} s, got none; close other programs, or train without "
                    "--workers"
                )

    def _recycle(self, worker: Worker, memory: int) -> None:
        """Start a worker anew before it has grown too large; a nanny does that, where it has one."""
        worker.done += 1
        if worker.done == 1:
            worker.memory = memory
        if worker.done < RECYCLED_AFTER and memory <= 1.5 * worker.memory + GROWN_BY:
            return
        worker.state = "leaving"

        def restart() -> None:
            try:
                self.client.restart_workers([worker.address], timeout=PATIENCE)
            except Exception:
                # It has no nanny, and goes on as it is.
                worker.state, worker.done = "ready", 0

        threading.Thread(target=restart, daemon=True).start()


def _content(future: "Future") -> dict[str, Any] | None:
    """Return the content of an answer, None if there is none, as the worker was lost."""
    if future.status == "finished":
        return dict(json.loads(future.result()))
    if future.status == "error":
        return {"error": raised(future.exception())}
    return None


def _holds(path: Path, token: str) -> bool:
    """Say whether a file holds a text; a shared file system may show it only after a while."""
    until = time.monotonic() + VISIBLE_WITHIN
    while True:
        try:
            return path.read_text(encoding="ascii") == token
        except OSError:
            if time.monotonic() > until:
                return False
            time.sleep(0.1)
