"""Models: factories of our own, and what is done to a model that somebody else wrote.

    factories           dense and convolutional nets with any regularization, seeded
    blocks              one hidden layer: its parts, their order and their checks
    user_model          anybody's model: seeded where it is not, checked, refused in a sentence
    seeding             seeds for initializers and random layers that have none
    keras_settings      Keras's settings for all models, which must be at their defaults
    final_activation    softmax or sigmoid at the end of a model whose loss takes logits
    trial               a model that is built twice and called before it is trained
    regularized_model   a model of the same graph and weights, regularized, with a table of what was done
      placement         which layer gets what, and why not
      treatment         how it is put there, with normalization
      kernels, chains   what the weights of a layer are, what follows a layer
      graph_copy        the graph made anew
    saved_model         a .keras file as a factory; keras_file: the file itself
    findings            what silently goes wrong in a model

Importing this package loads no Keras; calling a factory does, and so does naming what is for models that exist.
"""

import importlib
from typing import TYPE_CHECKING, Any

from lab.models.factories import (
    ACTIVATIONS,
    INITIALIZERS,
    KERAS_INITIALIZERS,
    alexnet_like,
    conv,
    dense,
    simple_conv,
)
from lab.models.saved_model import saved

if TYPE_CHECKING:
    from lab.models.findings import lint
    from lab.models.regularized_model import describe, regularized

__all__ = [
    "ACTIVATIONS",
    "INITIALIZERS",
    "KERAS_INITIALIZERS",
    "alexnet_like",
    "conv",
    "dense",
    "describe",
    "lint",
    "regularized",
    "saved",
    "simple_conv",
]

_HOMES = {
    "describe": "lab.models.regularized_model",
    "lint": "lab.models.findings",
    "regularized": "lab.models.regularized_model",
}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'lab.models' has no attribute {name!r}")
