"""Models: factories of our own, and what is done to a model that somebody else wrote.

    factories           dense and convolutional nets with any regularization, seeded
    blocks              one hidden layer: its parts, their order and their checks
    user_model          anybody's model: seeded where it is not, checked, refused in a sentence
    seeding             seeds for initializers and random layers that have none
    keras_settings      Keras's settings for all models, which must be at their defaults
    final_activation    softmax or sigmoid at the end of a model whose loss takes logits
    trial               a model that is built twice and called before it is trained

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
