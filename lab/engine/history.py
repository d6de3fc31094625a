"""The rows both engines write, made from what they measured in one place so that they cannot differ in form."""

from lab.training import shortest


def row(
    epoch: int, fitted: dict[str, float], train: dict[str, float], validation: dict[str, float], rate: float
) -> dict[str, float]:
    """Return one row of a history: what the run saw while it trained, and both splits measured afterwards.

    Args:
        epoch: from 1.
        fitted: "data_loss", "penalty" and "accuracy", means over the examples of the epoch as they were trained on.
        train, validation: the same three of a split, with the weights at the end of the epoch, in inference mode.
        rate: the learning rate of the epoch's first step.
    """
    values = {
        "loss": fitted["data_loss"] + fitted["penalty"],
        "data_loss": fitted["data_loss"],
        "penalty": fitted["penalty"],
        "accuracy": fitted["accuracy"],
        "train_data_loss": train["data_loss"],
        "train_accuracy": train["accuracy"],
        "val_loss": validation["data_loss"] + validation["penalty"],
        "val_data_loss": validation["data_loss"],
        "val_penalty": validation["penalty"],
        "val_accuracy": validation["accuracy"],
        "learning_rate": rate,
    }
    return {"epoch": epoch} | {name: shortest(value) for name, value in values.items()}


def tested(kept: dict[str, float]) -> dict[str, float]:
    """Return the test metrics of a run from the measurement of its kept weights on the test split."""
    values = {"loss": kept["data_loss"] + kept["penalty"]} | kept
    return {name: shortest(value) for name, value in values.items()}
