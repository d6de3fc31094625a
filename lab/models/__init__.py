"""Models: factories of our own, and what is done to a model that somebody else wrote.

    factories           dense and convolutional nets with any regularization, seeded
    blocks              one hidden layer: its parts, their order and their checks
    user_model          anybody's model: seeded where it is not, checked, refused in a sentence
    final_activation    softmax or sigmoid at the end of a model whose loss takes logits

Importing this package loads no Keras; calling a factory does.
"""

from lab.models.factories import (
    ACTIVATIONS,
    INITIALIZERS,
    KERAS_INITIALIZERS,
    alexnet_like,
    conv,
    dense,
    simple_conv,
)

__all__ = ["ACTIVATIONS", "INITIALIZERS", "KERAS_INITIALIZERS", "alexnet_like", "conv", "dense", "simple_conv"]
