"""The command `reglab advise` from a .keras file and a CSV file: stopped by signals, gone on with, and to its end."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import pytest

ROOT = Path(__file__).parent.parent


@pytest.fixture
def advise(tmp_path):
    """Return a function that begins the command and kills it when it has said something, or waits for its end."""
    random = np.random.default_rng(0)
    table = pd.DataFrame(random.normal(size=(400, 4)), columns=list("abcd"))
    table["town"] = random.choice(["x", "y"], 400)
    table["price"] = table["a"] * 2 + table["b"] ** 2 + random.normal(size=400)
    table.to_csv(tmp_path / "houses.csv", index=False)
    inputs = keras.Input((6,))
    hidden = keras.layers.Dense(8, activation="relu")(inputs)
    keras.Model(inputs, keras.layers.Dense(1)(hidden)).save(tmp_path / "model.keras")

    def begin(stop=None, said="", budget="40s"):
        words = ["advise", "model.keras", "--data", "houses.csv", "--target", "price", "--budget", budget]
        with (tmp_path / "output").open("w") as output:
            begun = subprocess.Popen(
                [sys.executable, "-u", "-m", "lab", *words],
                cwd=tmp_path,
                env=os.environ | {"PYTHONPATH": str(ROOT)},
                stdout=output,
                stderr=subprocess.PIPE,
                text=True,
            )
            while stop and said not in (tmp_path / "output").read_text() and begun.poll() is None:
                time.sleep(0.05)
            if stop:
                begun.send_signal(stop)
            _, errors = begun.communicate(timeout=280)
        return begun.returncode, (tmp_path / "output").read_text(), errors

    begin.folder = tmp_path / "results" / "advice-houses"
    return begin


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_an_advice_that_is_stopped_and_killed_gives_its_answer_so_far_and_goes_on(advise):
    code, said, errors = advise(signal.SIGINT, "screening ")
    assert code == 128 + signal.SIGINT
    assert errors.splitlines()[-1].startswith("interrupted; what is published stays")
    assert "so far no family can be compared with the plain model" in errors
    tried = json.loads((advise.folder / "advice" / "screening.json").read_text())["tried"]
    assert {len(one["parts"]) for one in tried} == {0}

    code, said, _ = advise(signal.SIGKILL, "confirming ")
    assert code == -signal.SIGKILL
    assert "going on from the screening in results/advice-houses/advice/screening.json" in said

    # It takes no less time for the confirmation than it had, so all that was screened counts.
    code, said, errors = advise(signal.SIGTERM, "confirmed on 5 fresh seeds")
    assert code == 128 + signal.SIGTERM
    assert "fresh seeds" in errors

    code, said, errors = advise(budget="20s")
    assert code == 0, errors
    answer = (advise.folder / "advice" / "advice.txt").read_text().splitlines()[0]
    assert said.splitlines()[-1] == answer
    loaded = keras.saving.load_model(advise.folder / "advice" / "model.keras")
    assert loaded.output_shape == (None, 1)
    described = json.loads((advise.folder / "advice" / "model.json").read_text())
    assert described["input_shape"] == [6]
    assert (advise.folder / "index.html").is_file()
    assert (advise.folder / "advice" / "experiment.py").is_file()
