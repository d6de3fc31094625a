"""The page docs/regularizers.md: `python -m lab.models.families_page` prints it."""

from lab.models.families import FAMILIES


def page() -> str:
    """Return the page of all families as Markdown."""
    lines = [
        "# Regularizers",
        "",
        "Made by `python -m lab.models.families_page` from `lab/models/families_of_models.py`,",
        "`lab/models/families_of_training.py` and `lab/models/families_of_inputs.py`; change these.",
        "The cost is what a step of training takes more, in kind; [costs.md](costs.md) has what it took in one net.",
        "",
        "| regularizer | field | first strengths | what it does | paper | in Keras | cost of a step | shown by |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for one in FAMILIES:
        strengths = ", ".join(
            str(strength) if isinstance(strength, str | bool) else f"{strength:g}" for strength in one.strengths
        )
        names = (*one.shown, "families") if one.is_compared else one.shown
        shown = ", ".join(f"[{name}](../experiments/{name}.py)" for name in names) or "-"
        cells = (
            one.name,
            f"`{one.value}.{one.field}`",
            strengths,
            one.formula + (f" (with {' or '.join(one.losses)})" if one.losses else ""),
            one.paper,
            one.keras,
            one.cost,
            shown,
        )
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    print(page(), end="")
