"""Mistakes in a Keras model that Keras accepts in silence, found in its layers, its graph and how it is compiled."""

from pathlib import Path

import keras

from lab.checks import UsageError
from lab.models.chains import Graph, is_graph
from lab.models.findings_of_graphs import of_dropouts, of_ends
from lab.models.findings_of_layers import Finding, beside_decay, named_layers, of_layer
from lab.models.keras_file import load, read_configuration


def lint(model: keras.Model | str | Path) -> list[Finding]:
    """Return the mistakes in a model that Keras accepts in silence.

    These are penalties that charge nothing (set on a built layer, on frozen weights, of strength 0); penalties on
    biases and the parameters of normalization; a softmax or sigmoid whose loss takes logits, and the reverse; a softmax
    over one number; dropout whose values a batch normalization normalizes; L2 beside a decoupled weight decay; huge
    strengths, and activity penalties from before Keras 3.14.

    The layers of every built model are examined. What concerns the graph is found in Functional and Sequential models
    only, and what concerns the loss and the optimizer in compiled models, and in `.keras` files of models that were
    compiled when they were saved.

    Args:
        model: a built model, or the path of a `.keras` file.

    Raises:
        UsageError: the model is neither, or not built.
        DataError: the file cannot be used.

    Reference: Li et al. 2019, "Understanding the Disharmony between Dropout and Batch Normalization by Variance
    Shift"; Loshchilov and Hutter 2019, "Decoupled Weight Decay Regularization".
    """
    compiled, version = None, ""
    if isinstance(model, str | Path):
        path = Path(model)
        config, version = read_configuration(path)
        compiled, model = config.get("compile_config"), load(path)
    elif not isinstance(model, keras.Model):
        raise UsageError(f"model must be a keras.Model or the path of a .keras file, got {type(model).__name__}")
    elif model.compiled:
        compiled = model.get_compile_config()
    if not model.built:
        raise UsageError(f"model must be built, got {model.name!r}, which is not; call it on data once")
    compiled = compiled if isinstance(compiled, dict) else {}
    found = [finding for path, layer in named_layers(model) for finding in of_layer(path, layer, version)]
    if is_graph(model):
        graph = Graph(model)
        found += of_dropouts(graph)[0]
        found += of_ends(model, graph, compiled.get("loss"))
    found += beside_decay(model, compiled.get("optimizer"))
    return list(dict.fromkeys(found))
