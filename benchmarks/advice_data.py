"""Advice on real data, checked at 30 further seeds.

    python -m benchmarks.advice_data --minutes 30        # goes on where the last call stopped
    python -m benchmarks.advice_data --minutes 0         # only the table

The table is printed and written into README.md. Advice is asked about three models on each of five data sets, with
`benchmarks.advise.BUDGET` seconds of processor time. All that it has confirmed is trained again at seeds that it never
saw, which cut splits of their own, beside the plain model at both of its learning rates. Fashion-MNIST is left out
where its files are not there.
"""

import argparse
import functools
import json
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence

from benchmarks.advice_table import between, markdown_table
from benchmarks.advise import BUDGET, FOLDER, README
from lab.advice import advise
from lab.advice.against_plain import against_plain
from lab.checks import DataError
from lab.data import Dataset, digits, fashion_mnist, from_arrays
from lab.engine.tensorflow import load_tensorflow
from lab.experiment import Experiment, Variant
from lab.models import conv, dense
from lab.results.files import write_atomically
from lab.run import run
from lab.training import Training

FILE = "data.json"

FURTHER = range(2000, 2030)
"""The seeds after the advice."""

EPOCHS, PATIENCE = 60, 10

BEGIN = "<!-- python -m benchmarks.advice_data -->"
HEADINGS = ("data", "model", "plain model", "answer", "candidate", "difference", "at 30 further seeds")


def table(name: str, *, seed: int = 0) -> Dataset:
    """Return a table that scikit-learn ships, standardized: a fifth validates, three tenths or 60 rows test."""
    from sklearn import datasets

    x, y = getattr(datasets, f"load_{name}")(return_X_y=True)
    numbers = name == "diabetes"
    return from_arrays(
        x, y, standardize=True, labels="numbers" if numbers else "classes", scale_target=numbers, name=name,
        validation_size=len(y) // 5, test_size=max(60, len(y) * 3 // 10), seed=seed,
    )  # fmt: skip


DATA: dict[str, Callable[..., Dataset]] = {
    "digits": functools.partial(digits, train_size=300, validation_size=300),
    "breast_cancer": functools.partial(table, "breast_cancer"),
    "wine": functools.partial(table, "wine"),
    "diabetes": functools.partial(table, "diabetes"),
    "fashion_mnist": functools.partial(fashion_mnist, train_size=300, validation_size=300, test_size=1000),
}

DENSE = {"16": functools.partial(dense, widths=(16,)), "128, 128": functools.partial(dense, widths=(128, 128))}
OF_TABLES = {**DENSE, "32, 32, 32, 32": functools.partial(dense, widths=(32,) * 4)}
OF_IMAGES = {**DENSE, "conv 8, 16": functools.partial(conv, blocks=((8,), (16,)), widths=(32,))}


def models_for(data: str) -> Mapping[str, Callable]:
    """Return the three models of a data set by their widths."""
    return OF_IMAGES if data in ("digits", "fashion_mnist") else OF_TABLES


def asked(data: str, model: str) -> dict:
    """Ask about a model on a data set, and train what was confirmed at the further seeds."""
    load, factory = DATA[data], models_for(data)[model]
    loss = "squared_error" if data == "diabetes" else "softmax_cross_entropy"
    training = Training(epochs=EPOCHS, patience=PATIENCE, loss=loss)
    with tempfile.TemporaryDirectory() as folder:
        advice = advise(factory, load, budget=BUDGET, training=training, results_folder=folder, clock=time.process_time)
    candidates = set(advice.table["variant"])
    plain = [name for name in advice.settings if name not in candidates]
    further = confirmed({name: one.variant for name, one in advice.settings.items()}, plain, load)
    return {
        "data": data,
        "model": model,
        "seconds": round(advice.seconds, 1),
        "verdict": advice.diagnosis.verdict,
        "sentence": advice.sentence,
        "said": [
            [one.variant, one.answer, one.difference, one.low, one.high, one.seeds] for one in advice.table.itertuples()
        ],
        "further": further,
    }


def confirmed(variants: Mapping[str, Variant], plain: Sequence[str], load: Callable[..., Dataset]) -> dict[str, list]:
    """Return by candidate its decision, its difference and the ends of its interval at the further seeds.

    As in the answer, a candidate is compared with the plain model at the learning rate beside which it looks worst.

    Args:
        variants: the plain model and the candidates.
        plain: those of them that are the plain model, the one at its first learning rate first.
        load: the data.
    """
    from lab.results.tables import read_tables

    own = {name: Variant(data=load, model=one.model, training=one.training) for name, one in variants.items()}
    experiment = Experiment(
        name="further", question="?", variants=own, baseline=plain[0], seeds=FURTHER, redraw_data=True
    )
    with tempfile.TemporaryDirectory() as folder:
        tables = read_tables(run(experiment, results_folder=folder))
        rows = against_plain(tables, plain, margin=None, most_seeds=None)
    return {
        str(one.variant): [one.decision, one.difference, one.difference_low, one.difference_high]
        for one in rows.itertuples()
    }


def rows_of(one: Mapping) -> list[list[str]]:
    """Return the rows of a model on a data set: one for each candidate, the first with what all have in common."""
    found = []
    for place, (name, answer, *difference, seeds) in enumerate(one["said"]):
        decision, *later = one["further"][name]
        common = [one["data"], one["model"], one["verdict"]] if place == 0 else ["", "", ""]
        found.append([*common, answer, name, f"{_interval(difference)} ({seeds})", f"{decision} {_interval(later)}"])
    return found


def _interval(numbers: Sequence[float]) -> str:
    mean, low, high = (f"{number:+.3f}" for number in numbers)
    return f"{mean} [{low}, {high}]"


def summary(found: Sequence[Mapping]) -> str:
    """Return how the claims fared, in a sentence."""
    pairs = [(answer, one["further"][name][0]) for one in found for name, answer, *_ in one["said"]]
    helps = [decision for answer, decision in pairs if answer == "helps"]
    others = [decision for answer, decision in pairs if answer != "helps"]
    return (
        f"{len(found)} models: {len(helps)} times a candidate was said to help, and the further seeds show it better "
        f"in {helps.count('better')} of them and worse in {helps.count('worse')}; of {len(others)} other candidates "
        f"they show {others.count('better')} better and {others.count('worse')} worse."
    )


def markdown(found: Sequence[Mapping]) -> str:
    """Return the table and its summary, as they stand in README.md."""
    if not found:
        return "Nothing has been asked yet.\n"
    rows = [row for one in found for row in rows_of(one)]
    return f"{summary(found)}\n\n{markdown_table(HEADINGS, rows)}\n"


def read_found() -> list[dict]:
    """Return what has been asked so far."""
    path = FOLDER / FILE
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else []


def main() -> None:
    """Ask about the models that have not been asked about, and write the table into README.md."""
    sentence = (__doc__ or "").split("\n")[0]
    parser = argparse.ArgumentParser(prog="python -m benchmarks.advice_data", description=sentence)
    parser.add_argument("--minutes", type=float, default=30, help="no question is begun that would end later")
    given = parser.parse_args()
    load_tensorflow("exact")
    found = read_found()
    ends, longest = time.monotonic() + 60 * given.minutes, 0.0
    for data, model in [(name, model) for name in DATA for model in models_for(name)]:
        if time.monotonic() + longest > ends:
            break
        if any((one["data"], one["model"]) == (data, model) for one in found):
            continue
        begun = time.monotonic()
        try:
            found.append(json.loads(json.dumps(asked(data, model))))
        except DataError as error:
            print(f"{data} is left out: {error}", flush=True)
            continue
        lines = ",\n".join(json.dumps(one) for one in found)
        write_atomically(FOLDER / FILE, f"[\n{lines}\n]\n")
        longest = max(longest, time.monotonic() - begun)
        print(f"{data}, {model}: {found[-1]['sentence']}", flush=True)
    print(markdown(found), end="")
    write_atomically(README, between(README.read_text(encoding="utf-8"), markdown(found), BEGIN))


if __name__ == "__main__":
    main()
