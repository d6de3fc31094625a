"""The collapsed panel "Questions to ask first": whether anything speaks against believing the differences."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lab.results.tables import Tables
from lab.statistics import FACTS, words
from lab.statistics.language import say
from lab.statistics.playbook import Answer, playbook


@dataclass(frozen=True)
class PlaybookPanel:
    """The panel: how many answers are warnings, and for each question its text, its answer and whether it warns."""

    warnings: int
    rows: Sequence[tuple[str, str, bool]]


def playbook_panel(tables: Tables) -> PlaybookPanel:
    """Return the panel of an experiment or of imported histories."""
    summary = tables.summary
    is_known = set(FACTS) <= set(summary) and summary["val_data_loss"].notna().any()
    answers = playbook(tables.histories, tables.strengths, summary if is_known else None)
    return PlaybookPanel(
        sum(one.is_warning for one in answers), [(*_sentences(one), one.is_warning) for one in answers]
    )


def _sentences(answer: Answer) -> tuple[str, str]:
    """Return a question and its answer in words."""
    values = _written(answer.values)
    match answer.question:
        case "overfit":
            said = say(
                "{count} of {runs} lost a tenth or more of their validation loss again; at most {rise}", **values
            )
            return say("Did the best run of a variant overfit badly?"), said
        case "edge":
            said = say("{count} of {families} families", **values)
            if values["names"]:
                said = f"{said}: {values['names']}"
            return say("Does the best strength lie at an end?"), said
        case "short":
            said = say("{share} of the runs kept an epoch of the last quarter", **values)
            return say("Was training too short?"), said
        case "long":
            said = say("{share} of a run's epochs came after the kept one (median)", **values)
            return say("Was training too long?"), said
        case "noise":
            said = say("{end} from epoch to epoch, {seeds} from seed to seed: {ratio} times", **values)
            return say("How noisy is the end of training?"), said
        case "diverged":
            return say("How many runs diverged?"), say("{count} of {runs}", **values)
        case "tuned":
            said = say("from {fewest} to {most} runs of a variant", **values)
            if values["fewest"] == values["most"]:
                said = say("{most} of each variant", most=values["most"])
            return say("Does every variant have as many runs?"), said
        case "shared":
            said = say("{share}: deviation {common} shared, {own} of a variant's own", **values)
            return say("How much of the spread over seeds do variants share, which pairing takes out?"), said
        case _:
            said = say("deviation {seeds} over seeds, {folds} over the folds of a seed", **values)
            return say("Do seeds or folds spread more?"), said


def _written(values: Mapping[str, float | str]) -> dict[str, str]:
    return {name: _number(name, value) for name, value in values.items()}


def _number(name: str, value: float | str) -> str:
    """Return a number as it is written: a count whole, a share or a rise in percent, another with three digits."""
    if isinstance(value, int | str):
        return str(value)
    return f"{100 * value:.0f} %" if name in ("share", "rise") else words.number(value, ".3g")
