"""The layers Keras lacks: DropConnect for Dense and Conv2D, DropBlock, Maxout, local response and ghost batch
normalization, weight normalization and standardization.

Each is an ordinary Keras layer, registered under the package name "lab": a model that holds one is saved to a
`.keras` file and, wherever this module has been imported, loaded from it without `custom_objects`. So are the
penalties of `lab.regularizers`, which this module imports.
"""

import lab.regularizers  # noqa: F401, it registers what a saved model may hold
from lab.layers.dropblock import DropBlock
from lab.layers.dropconnect import DropConnectConv2D, DropConnectDense, drop_weights
from lab.layers.ghost_normalization import GhostBatchNormalization
from lab.layers.maxout import Maxout
from lab.layers.normalized_kernels import NormalizedConv2D, NormalizedDense
from lab.layers.response_normalization import LocalResponseNormalization

__all__ = [
    "DropBlock",
    "DropConnectConv2D",
    "DropConnectDense",
    "GhostBatchNormalization",
    "LocalResponseNormalization",
    "Maxout",
    "NormalizedConv2D",
    "NormalizedDense",
    "drop_weights",
]
