"""What `docs/upstream` says of Keras still holds."""

import runpy
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FOLDER = ROOT / "docs" / "upstream"


@pytest.mark.slow
@pytest.mark.parametrize("script", sorted(path.name for path in FOLDER.glob("*.py")))
def test_a_script_prints_what_the_page_says(script, capsys):
    runpy.run_path(str(FOLDER / script), run_name="__main__")
    printed = capsys.readouterr().out
    assert f"$ python docs/upstream/{script}\n{printed}```" in (FOLDER / "README.md").read_text(encoding="utf-8")


def test_cutmix_mixes_labels_by_another_share_than_pixels():
    mean, largest = runpy.run_path(str(FOLDER / "cutmix_label_share.py"))["measured"](8)
    assert 1 < mean < largest <= 16


def test_tversky_weighs_the_wrong_mistakes():
    case = runpy.run_path(str(FOLDER / "tversky_alpha_beta.py"))
    assert case["measured"](1.0, 0.0) == pytest.approx(case["expected"](0.0, 1.0), abs=1e-6)
    assert case["measured"](1.0, 0.0) != pytest.approx(case["expected"](1.0, 0.0), abs=1e-2)


def test_decay_does_not_reach_the_iterate_that_is_stepped():
    case = runpy.run_path(str(FOLDER / "schedule_free_weight_decay.py"))
    (_, z), (_, wanted) = case["measured"](20), case["expected"](20)
    assert z == 1.0
    assert wanted < 0.9
