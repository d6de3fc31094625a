"""A family of regularizers, as a row of the table in `lab.models.families`."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Family:
    """One kind of regularizer, whose strength is one field of a value.

    Args:
        name: in words.
        value: the value that has the field: "Regularization" or "Training".
        field: of the value.
        strengths: three to begin with, from weak to strong, in the order of what they do; one if it is on or off.
        kinds: the layers or the models it is for: "dense", "image", "residual", "table" or several of them, or
            others, for which no advice is given, as "random": models that draw something anyway.
        losses: the losses it goes with; empty for all.
        paper: its reference.
        formula: what it adds or does, in the notation of the field's docstring.
        keras: Keras's own form, or what Keras lacks.
        cost: what a step of training takes more.
        shown: the experiments of the lab that show it, besides the study `families`.
        off: the value of the field that leaves it out.
    """

    name: str
    value: str
    field: str
    strengths: tuple[float | str, ...]
    paper: str
    formula: str
    keras: str
    cost: str
    kinds: tuple[str, ...] = ("dense", "image", "residual")
    losses: tuple[str, ...] = ()
    shown: tuple[str, ...] = ()
    off: float | str | None = 0.0

    @property
    def is_compared(self) -> bool:
        """Whether the study `families` compares it: it fits a small convolutional net and has three strengths."""
        return len(self.strengths) == 3 and "image" in self.kinds


ONE_PASS = "one pass over the weights"
OUTPUTS = "one pass over the outputs"
"""Costs of a step that several families have."""
