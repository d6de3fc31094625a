"""Which fields of a training do not go together, or not with its loss."""

from collections.abc import Mapping
from typing import Any

from lab.checks import UsageError

ENTROPIES = ("softmax_cross_entropy", "binary_cross_entropy")


def check_combination(fields: Mapping[str, Any]) -> None:
    """Refuse what contradicts itself.

    Args:
        fields: those of a `lab.training.Training` by name, each in its range.

    Raises:
        UsageError: two fields that do the same, or one that means nothing for the loss.
    """
    mixing = [name for name in ("mixup", "cutmix", "row_cutmix", "manifold_mixup") if fields[name]]
    if len(mixing) > 1:
        raise UsageError(
            f"mixup, cutmix, row_cutmix and manifold_mixup must not be combined, got {', '.join(mixing)}; keep "
            "one of them"
        )
    loss = fields["loss"]
    if fields["label_smoothing"] and loss not in ENTROPIES:
        raise UsageError(
            f"label_smoothing spreads the target of a cross-entropy and means nothing for the loss {loss!r}, got "
            f"{fields['label_smoothing']}; set it to 0 or choose softmax_cross_entropy"
        )
    for name in ("focal", "noise_robust", "confidence_penalty"):
        if fields[name] and loss not in ENTROPIES:
            raise UsageError(f"{name} changes a cross-entropy and means nothing for {loss!r}, got {fields[name]}")
    reshaped = [name for name in ("label_smoothing", "focal", "noise_robust") if fields[name]]
    if len(reshaped) > 1:
        raise UsageError(f"label_smoothing, focal and noise_robust must not be combined, got {', '.join(reshaped)}")
    if fields["r_drop"] and loss == "hinge":
        raise UsageError(
            f"r_drop must be 0 for the loss 'hinge' (it compares probabilities or numbers), got {fields['r_drop']}; "
            "choose softmax_cross_entropy or leave it out"
        )
