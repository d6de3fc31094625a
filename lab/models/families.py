"""The families of regularizers: one table, from which docs/regularizers.md is made and which advice is taken from.

`lab.models.families_page` prints it. Nothing here needs Keras.
"""

from lab.models.families_of_inputs import OF_INPUTS
from lab.models.families_of_models import OF_MODELS
from lab.models.families_of_training import OF_TRAINING
from lab.models.family import Family

__all__ = ["FAMILIES", "Family"]

FAMILIES = (*OF_MODELS, *OF_TRAINING, *OF_INPUTS)
"""The regularizers of which the lab has a strength, in the order of the documentation."""
