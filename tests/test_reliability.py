"""Reliability curves: their formula, the panel of the page, and what is refused."""

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from lab import pages, results
from lab.checks import DataError
from lab.pages.reliability_panel import reliability_panel
from lab.results import fields
from lab.results.tables import read_tables
from lab.statistics.reliability import BINS, RELIABILITY, curve, reliability
from tests.test_page_curves import NAMES, rich


def test_a_bin_has_the_mean_confidence_and_the_share_of_the_right():
    p = np.array([[0.6, 0.4], [0.65, 0.35], [0.1, 0.9], [1.0, 0.0], [0.5, 0.5]])
    y = np.array([0, 1, 1, 0, 1])
    assert curve(p, y) == [
        (8, 1, 0.5, 0.0),
        (9, 1, 0.6, 1.0),
        (10, 1, 0.65, 0.0),
        (14, 1, 0.9, 1.0),
        (15, 1, 1.0, 1.0),
    ]


def test_one_logit_gives_the_curve_of_two_of_which_the_first_is_0():
    generator = np.random.default_rng(0)
    logits, y = generator.normal(size=(200, 1)) * 2, generator.integers(0, 2, 200)
    two = np.hstack([np.zeros_like(logits), logits])
    one, other = reliability("binary_cross_entropy", logits, y), reliability("softmax_cross_entropy", two, y)
    np.testing.assert_allclose(one, other, rtol=1e-12)


def test_each_of_several_classes_or_its_absence_counts_as_an_example():
    logits, y = np.array([[2.0, -1.0], [0.5, 3.0]]), np.array([[1, 0], [0, 1]])
    alone = reliability("binary_cross_entropy", logits.reshape(-1, 1), y.ravel())
    assert reliability("binary_cross_entropy", logits, y) == alone
    assert sum(row[1] for row in alone) == 4


@pytest.mark.parametrize(("loss", "logit"), [("squared_error", 0.0), ("softmax_cross_entropy", np.inf)])
def test_what_is_no_probability_has_no_curve(loss, logit):
    assert reliability(loss, np.array([[logit, 1.0]]), np.array([0])) is None


FITS = [[3, 7, 0.2, 0.1], [15, 2, 1.0, 1.0]]


@pytest.mark.parametrize(
    "curves",
    [
        [],
        {"first": FITS},
        {"kept": []},
        {"kept": [[3, 7, 0.2]]},
        {"kept": [[3, 7, 0.2, 0.1, 0.1]]},
        {"kept": [3, 7, 0.2, 0.1]},
        {"kept": FITS[::-1]},
        {"kept": [FITS[0], FITS[0]]},
        {"kept": [[0, 7, 0.2, 0.1]]},
        {"kept": [[BINS + 1, 7, 0.2, 0.1]]},
        {"kept": [[3, 0, 0.2, 0.1]]},
        {"kept": [[3, 7.5, 0.2, 0.1]]},
        {"kept": [[3, 7, 1.2, 0.1]]},
        {"kept": [[3, 7, 0.2, -0.1]]},
        {"kept": [[3, 7, 0.2, None]]},
        {"kept": [[3, 7, "0.2", 0.1]]},
    ],
)
def test_a_curve_that_no_run_leaves_is_refused(curves):
    rule = fields.RUN["reliability"]
    assert rule.fits({"kept": FITS, "last": FITS})
    assert not rule.fits(curves)
    assert rule.rule == "an object with lists of [bin, examples, confidence, accuracy] for 'kept' and 'last'"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return sure(tmp_path_factory.mktemp("sure") / "sure")


def sure(folder: Path) -> Path:
    """An experiment in which "none" becomes surer and no righter from the kept epoch to the last, and "l2" does not."""
    rich(folder)
    histories = pd.read_csv(folder / "histories.csv")
    of_none = histories["variant"] == "none"
    histories["val_accuracy"] = histories["val_accuracy"].mask(of_none, 0.5 + histories["epoch"] / 1000)
    results.write_atomically(folder / "histories.csv", results.to_csv(histories))
    rows = [
        ("sure", name, seed, weights, *row)
        for name in NAMES[:2]
        for seed in range(3)
        for weights, row in (("kept", (9, 10, 0.6, 0.6)), ("last", (14, 10, 0.9 if name == "none" else 0.7, 0.6)))
    ]
    table = pd.DataFrame(rows, columns=["experiment", "variant", "seed", "weights", *RELIABILITY])
    results.write_atomically(folder / "reliability.csv", results.to_csv(table))
    pages.experiment_page(folder)
    return folder


def test_the_panel_says_of_which_variant_the_loss_rises_while_accuracy_rises(folder):
    panel = reliability_panel(read_tables(folder), NAMES)
    assert [name for name, _ in panel.rows] == NAMES[:2]
    assert dict(panel.rows)["none"][2:] == ["0.600 → 0.900", "0.000 → 0.300"]
    histories, summary = (pd.read_csv(folder / f"{name}.csv") for name in ("histories", "summary"))
    kept = histories.merge(summary[["variant", "seed", "kept_epoch"]]).query(
        "variant == 'none' and epoch == kept_epoch"
    )
    last = histories[(histories["variant"] == "none") & (histories["epoch"] == 40)]
    expected = [f"{kept[name].mean():.3f} to {last[name].mean():.3f}" for name in ("val_data_loss", "val_accuracy")]
    assert panel.sentence.startswith(
        f"In none the validation loss rises from {expected[0]} from the kept epoch to the last, while the accuracy "
        f"goes from {expected[1]}. The mean confidence goes from 0.600 to 0.900: "
    )


@pytest.mark.parametrize(
    ("before", "after", "sentence"),
    [
        ("kept,9", "best,9", "line 2: 'weights' must be one of 'kept', 'last', got 'best'; "),
        (",9,10,", ",16,10,", "line 2: 'bin' must be a whole number in [1, 15], got 16; "),
        ("10,0.6,0.6", "10,1.6,0.6", "line 2: 'confidence' must be a number in [0, 1], got 1.6; "),
        ("sure,none,0,", "sure,none,8,", "line 2: 'variant' must be a run in summary.csv at seed 8, got 'none'; "),
    ],
)
def test_a_table_that_was_edited_is_refused(folder, tmp_path, before, after, sentence):
    for path in folder.glob("*.*"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    path = tmp_path / "reliability.csv"
    path.write_text(path.read_text().replace(before, after, 1))
    with pytest.raises(DataError, match=re.escape(f"{path}, {sentence}")):
        read_tables(tmp_path)
