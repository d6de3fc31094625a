"""Models: the lab's own factories, and what is done to models that somebody else wrote.

    factories             dense and convolutional nets with any regularization, seeded
      residual            nets of residual branches
      blocks              one hidden layer: its parts, their order and their checks
      convolution_blocks  convolutions of one size, then pooling
    families              the table of all regularizers: papers, formulas, first strengths
      families_of_models  those of a Regularization; families_of_training: those of a Training
      families_of_inputs  those that change its examples
      families_page       docs/regularizers.md, made from it
    user_model            anybody's model: seeded where it is not, checked, refused in a sentence
      seeding             seeds for initializers and random layers that have none
      keras_settings      Keras's settings for all models, which must be at their defaults
      final_activation    the softmax or sigmoid at the end of a model whose loss takes logits
      trial               a model built twice and called before it is trained
      shapes              whether data fit a model, and how a refusal writes a shape
    regularized_model     an existing model with the same graph and weights, regularized, and a table of what was done
      placement           which layer gets which regularizer, and why not
      treatment           how each regularizer is built in
      normalization       the normalization behind a layer
      kernels, chains     the weights of a layer to regularize; the layers that follow a layer
      graph_copy          a copy of the graph, with changed and added layers
    saved_model           the model of a .keras file as a factory
      keras_file          the file itself, which is read without running anything in it
    backbone              the frozen beginning of a saved model, and a trained head joined to it
    findings              mistakes in a model that Keras accepts in silence
      findings_of_layers  those in single layers
      findings_of_graphs  those between layers

Importing this package does not load Keras. Calling a factory does, and so does naming `regularized`, `describe`,
`joined` or `lint`.
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
from lab.models.residual import residual_conv, residual_dense
from lab.models.saved_model import saved

if TYPE_CHECKING:
    from lab.models.backbone import joined
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
    "joined",
    "lint",
    "regularized",
    "residual_conv",
    "residual_dense",
    "saved",
    "simple_conv",
]

_HOMES = {
    "describe": "lab.models.regularized_model",
    "joined": "lab.models.backbone",
    "lint": "lab.models.findings",
    "regularized": "lab.models.regularized_model",
}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'lab.models' has no attribute {name!r}")
