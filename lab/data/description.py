"""The data of a model as JSON: how rows become its inputs, and the meaning of its outputs."""

import json
from typing import Any

from lab.data.dataset import Dataset
from lab.data.preprocessing import Preprocessing
from lab.data.standardization import Standardization


def description(data: Dataset) -> str:
    """Return what a model trained on a dataset needs to be applied to new rows, as JSON, to be written beside it.

    Returns:
        An object with "input_shape"; "classes", their names in the order of the outputs, or null where the labels are
        numbers; "several", whether an example may have several classes; "target", the mean and the deviation by which
        a prediction p is scaled back, `p * deviation + mean`, or null; "standardization", the mean and the deviation
        of each input, or null; for a table, "columns", from which `Preprocessing.from_json` takes the preprocessing;
        and, for features, "backbone", the file, the hash and the layer of the net that makes the model's inputs of
        preprocessed ones: `lab.models.joined` puts it before the model.
    """
    made = data.preprocessing
    described: dict[str, Any] = {
        "input_shape": list(data.input_shape),
        "classes": None if data.classes is None else list(data.classes),
        "several": data.several,
        "target": None if data.target is None else _scale(data.target),
        "standardization": _scale(made) if isinstance(made, Standardization) else None,
    }
    if data.backbone is not None:
        described["backbone"] = {name: getattr(data.backbone, name) for name in ("file", "content", "layer")}
    if isinstance(made, Preprocessing):
        described |= json.loads(made.to_json())
    return json.dumps(described, indent=1) + "\n"


def _scale(scale: Standardization) -> dict[str, Any]:
    return {"mean": scale.mean.tolist(), "deviation": scale.deviation.tolist()}
