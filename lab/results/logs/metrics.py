"""Names that people give to metrics, in the words of the lab's columns."""

import re

ALIASES = {
    "acc": "accuracy",
    "sparse_categorical_accuracy": "accuracy",
    "categorical_accuracy": "accuracy",
    "binary_accuracy": "accuracy",
    "lr": "learning_rate",
}
"""Other names of the columns, without the word for the split."""

MEASURED = ("loss", "accuracy")
"""What is logged of both splits."""

_SPLITS = {"train": "", "training": "", "val": "val_", "valid": "val_", "validation": "val_", "eval": "val_",
           "dev": "val_", "test": "test_"}  # fmt: skip


def column_of(name: str, folder: str = "") -> str:
    """Return the column of the lab that a metric is; "" if it is none of them.

    Read are `loss`, `accuracy` and `learning_rate` by their usual names. The split is a word of the name, as in
    `val_loss`, `Loss/val` or `validation.loss`, or the folder the metric was found in; without one it is train. The
    words `epoch` and `keras` are passed over (`epoch_loss`, `epoch/val_loss`, `train_loss_epoch`). A metric of the test
    split is no column: the lab has no curves of it.

    Args:
        name: as the tool has it.
        folder: the name of a folder for one split, as "validation" of the Keras callback for TensorBoard.
    """
    words = [word for word in re.split(r"[/_.\-\s]+", name.lower()) if word not in ("", "epoch", "keras")]
    splits = {_SPLITS[word] for word in (*words, folder.lower()) if word in _SPLITS}
    bare = "_".join(word for word in words if word not in _SPLITS)
    bare = ALIASES.get(bare, bare)
    if len(splits) > 1 or "test_" in splits:
        return ""
    split = next(iter(splits), "")
    if bare in MEASURED:
        return split + bare
    return bare if bare == "learning_rate" else ""
