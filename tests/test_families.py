"""The table of regularizers: it names fields that exist, and the page is made from it."""

import dataclasses
from pathlib import Path

import pytest

from lab.models.families import FAMILIES
from lab.models.families_page import page
from lab.regularization import InTraining, Regularization
from lab.regularization.of_inputs import OfInputs
from lab.training import LOSSES, Training

ROOT = Path(__file__).parent.parent
VALUES = {"Regularization": Regularization, "Training": Training}
NOT_FAMILIES = {"groups", "ghost_size", "batch_momentum", "block_size", "lookahead_pull", "swa_every"}
"""Fields that say how another one is done."""


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.field)
def test_a_family_names_a_field_its_default_and_strengths_that_are_taken(family):
    kind = VALUES[family.value]
    assert getattr(kind(), family.field) == family.off
    assert len(set(family.strengths)) == 3 or family.strengths == (True,) or family.field == "kernels"
    for strength in family.strengths:
        assert getattr(kind(**{family.field: strength}), family.field) == strength
    assert set(family.losses) <= set(LOSSES)
    assert all((ROOT / "experiments" / f"{name}.py").is_file() for name in family.shown)


def test_every_field_of_a_regularization_is_a_family():
    fields = {f.name for f in dataclasses.fields(Regularization)} - NOT_FAMILIES
    assert fields == {family.field for family in FAMILIES if family.value == "Regularization"}


def test_every_way_to_regularize_by_training_is_a_family():
    fields = {f.name for kind in (InTraining, OfInputs) for f in dataclasses.fields(kind)} - NOT_FAMILIES
    assert fields <= {family.field for family in FAMILIES if family.value == "Training"}


def test_the_page_of_regularizers_is_made_from_the_table():
    assert (ROOT / "docs" / "regularizers.md").read_text(encoding="utf-8") == page()
