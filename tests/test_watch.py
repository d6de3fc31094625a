"""`reglab watch`: a page that grows in a real browser while a sweep goes on, for this machine only, read-only."""

import http.client
import json
import os
import signal
import subprocess
import sys
import threading
import types
from http.server import ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from lab import results, statistics
from lab.cli.watch import ENDED, HOST, Page, handler
from lab.results.driver import only_driver
from lab.results.schema import HISTORY, run_name
from lab.statistics.language import speaking
from lab.sweep.growing import TRAINING, Growing
from lab.sweep.journal import Journal

VARIANTS = ("none", "l2")
NAMES = [run_name(variant, seed, f"r{k:012x}") for k, variant in enumerate(VARIANTS) for seed in (0, 1)]
EPOCHS = 40


class Sweep:
    """A sweep of four runs that trains when it is told to."""

    def __init__(self, folder: Path):
        self.now = 0.0
        task = types.SimpleNamespace(training=types.SimpleNamespace(epochs=EPOCHS))
        self.runs = [types.SimpleNamespace(name=name, task=task) for name in NAMES]
        self.histories: list[list[dict]] = [[] for _ in NAMES]
        self.journal = Journal(folder, NAMES, clock=lambda: self.now)
        self.journal.on_plan(len(NAMES), 0)

    def train(self, to: int) -> None:
        for epoch in range(len(self.histories[0]) + 1, to + 1):
            self.now += 2.0
            for k, rows in enumerate(self.histories):
                loss = 0.3 + float(np.exp(-epoch / 8)) + 0.01 * k
                rows.append(dict.fromkeys(HISTORY, loss) | {"epoch": epoch, "val_accuracy": 1 - loss / 2})
            self.journal.on_epoch(self.runs, epoch, len(self.runs), 0.5, self.histories)


@pytest.fixture
def folder(tmp_path) -> Path:
    folder = tmp_path / "results" / "x"
    about = {"name": "x", "question": "Does it <b>grow</b>?", "notes": "", "baseline": "none", "runs": NAMES}
    results.write_experiment(folder, about | {"variants": list(VARIANTS)})
    return folder


@pytest.fixture
def sweep(folder):
    with only_driver(folder):
        yield Sweep(folder)


@pytest.fixture
def served(folder, monkeypatch):
    """The address of a server of the page that looks at every request."""
    monkeypatch.setattr("lab.cli.watch.EVERY", 0.0)
    monkeypatch.setattr("lab.cli.watch.SHARE", 0)
    server = ThreadingHTTPServer((HOST, 0), handler(Page(folder)))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server.server_address
    server.shutdown()
    server.server_close()
    thread.join()


def asked(address, path: str, method: str = "GET", **headers: str) -> tuple[int, str]:
    connection = http.client.HTTPConnection(*address, timeout=30)
    connection.request(method, path, headers=headers)
    answer = connection.getresponse()
    status, text = answer.status, answer.read().decode()
    connection.close()
    return status, text


def test_the_tables_hold_the_epochs_so_far_and_nothing_is_written(folder, sweep):
    growing = Growing(folder)
    assert growing.tables() is None
    sweep.train(2)
    before = sorted(path for path in folder.rglob("*"))
    assert len(growing.tables().histories) == 2 * len(NAMES)
    sweep.train(5)
    tables = growing.tables()
    assert tables.histories.groupby(["variant", "seed"], sort=False)["epoch"].apply(list).tolist() == [
        [1, 2, 3, 4, 5]
    ] * len(NAMES)
    assert tables.histories["variant"].drop_duplicates().tolist() == list(VARIANTS)
    assert set(tables.summary["verdict"]) == {TRAINING}
    assert tables.comparison.columns.tolist() == list(statistics.COMPARISON)
    assert len(tables.comparison) == 0
    assert tables.summary.index.tolist() == list(range(len(NAMES)))
    assert sorted(path for path in folder.rglob("*")) == before


@pytest.mark.parametrize(
    ("read", "left"),
    [
        ([[1, 2], [3], [4]], [1, 2, 3, 4]),
        ([[1, 2, 3], [1], [2]], [1, 2]),
        ([[1], [1, 2]], [1, 2]),
        ([[1, 2, 3], [2, 3]], [2, 3]),
    ],
)
def test_a_run_that_begins_again_is_shown_from_there(folder, sweep, monkeypatch, read, left):
    sweep.train(1)
    growing, parts = Growing(folder), iter(read)
    monkeypatch.setattr(
        "lab.sweep.growing.state.read_histories",
        lambda folder, cohort, begin: (
            [(NAMES[0], dict.fromkeys(HISTORY, 0.5) | {"epoch": epoch}) for epoch in next(parts)],
            begin + 1,
        ),
    )
    for _ in read:
        tables = growing.tables()
    assert tables.histories["epoch"].tolist() == left


def test_the_page_says_how_far_it_is_in_words(folder, sweep, monkeypatch):
    monkeypatch.setattr("lab.cli.watch.EVERY", 0.0)
    sweep.train(10)
    assert Page(folder).state()["says"] == (
        "0 of 4 runs have ended. Now train: 4 in epoch 10 of 40. About 1 min 0 s are left."
    )
    with speaking("ja"):
        assert Page(folder, "ja").state()["says"] == (
            "4 回中 0 回の実行が終わりました。学習中: 4 回が 40 エポック中 10 エポック。残り約 1 分 0 秒。"
        )


def test_it_waits_for_the_first_epoch_and_shows_who_no_longer_trains(folder, served):
    status, text = asked(served, "/x/")
    assert status == 200
    assert "0 of 4 runs have ended. No process trains it now." in text


def test_only_the_page_its_state_and_its_scripts_are_served(folder, sweep, served):
    sweep.train(3)
    assert asked(served, "/")[0] == 302
    status, page = asked(served, "/x/")
    assert status == 200
    assert "Does it &lt;b&gt;grow&lt;/b&gt;?" in page
    assert "connect-src &#39;self&#39;" in page
    assert json.loads(asked(served, "/x/state")[1])["version"] in page
    assert asked(served, "/assets/vega.js")[0] == 200
    for path in ("/x/experiment.json", "/../x/experiment.json", "/assets/../x/experiment.json", "/y/", "/x"):
        assert asked(served, path)[0] == 404
    assert asked(served, "/x/", method="POST")[0] == 501
    # A page elsewhere whose name was given this machine's address (DNS rebinding).
    assert asked(served, "/x/", Host="somewhere.example:80")[0] == 403


def test_the_page_grows_in_the_browser_and_keeps_what_is_chosen(sweep, served, browser):
    sweep.train(8)
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(f"http://{HOST}:{served[1]}/x/")
    page.wait_for_selector("html[data-drawn=all]", state="attached")
    page.evaluate("window.before = 'the same document'")
    page.get_by_label("metric").select_option("accuracy")
    assert page.locator(".glance div:has(dt:text-is('epochs')) dd").inner_text() == "8"
    sweep.train(30)
    page.wait_for_selector(".glance div:has(dt:text-is('epochs')) dd:text-is('30')")
    page.wait_for_selector("#curves[aria-busy=false]")
    page.locator("#live", has_text="epoch 30 of 40").wait_for()
    assert page.evaluate("window.before") == "the same document"
    assert page.url.endswith("#metric=accuracy")
    ticks = page.locator("#curves g.role-axis-label text").all_text_contents()
    assert "30" in ticks
    assert page.locator("#runs-table tbody tr").count() == len(NAMES)
    assert complaints == []
    page.close()


def test_ctrl_c_ends_it_with_a_sentence(folder, sweep):
    words = [sys.executable, "-m", "lab", "watch", "x", "--results", str(folder.parent)]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=os.environ)
    first = process.stdout.readline()
    assert first.startswith(f"page: http://{HOST}:")
    process.send_signal(signal.SIGINT)
    rest, _ = process.communicate(timeout=60)
    assert rest == f"{ENDED}\n"
    assert process.returncode == 0
