"""The guide through all experiments: one card per folder, whatever the folder lacks."""

import functools
from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import quote

from lab import results
from lab.checks import DataError
from lab.pages.answer import answer
from lab.pages.experiment import metric_of, notes
from lab.pages.look import Look, looks
from lab.pages.overview import Best, best, counted, datasets, first_sentence, found, regularizers
from lab.pages.sparkline import Frame, Line, frame, sparkline
from lab.pages.studies import Picture, picture, study_text
from lab.report.curves import tidy
from lab.report.save import baseline_of
from lab.report.strength_path import strengths_of
from lab.report.theme import in_order, styles
from lab.results.processes import divided
from lab.results.schema import COMPARISON, FIGURES_FOLDER, HISTORIES, PAGE_FILE, STRENGTH_TABLE, SUMMARY, figure_file
from lab.results.tables import Tables, read_table
from lab.statistics.language import say

LISTED = 8
"""The most variants in the legend of a card."""

_DRAWN = ["variant", "seed", "fold", "epoch", "train_data_loss", "val_data_loss", "loss", "val_loss"]


@dataclass(frozen=True)
class Card:
    """An experiment or a study as the guide shows it.

    Args:
        name: of its folder.
        title: the question; the name where none is known.
        link: to its own page; empty where there is none.
        answer: of an experiment; its first sentence has what was found.
        notes: in paragraphs.
        looks: of the variants, the baseline first.
        variants, runs, seeds: how many an experiment has; 0 for a study.
        best: its best variant; None for a study.
        found: the kinds of its outcome, keys of `lab.pages.overview.FOUND`.
        regularizers: that some of its runs have.
        data: the names of the data that some of its runs train on.
        brief: the answer in one line.
        lines: the small chart of an experiment; frame: what its edges are.
        picture: the figure of a study, or of an experiment without histories.
        problem: why something is not shown; empty where nothing is wrong.
    """

    name: str
    title: str
    link: str
    answer: str = ""
    notes: list[str] = field(default_factory=list)
    looks: list[Look] = field(default_factory=list)
    variants: int = 0
    runs: int = 0
    seeds: int = 0
    best: Best | None = None
    found: list[str] = field(default_factory=list)
    regularizers: list[str] = field(default_factory=list)
    data: list[str] = field(default_factory=list)
    brief: str = ""
    lines: list[Line] = field(default_factory=list)
    frame: Frame | None = None
    picture: Picture | None = None
    problem: str = ""

    @property
    def sentence(self) -> str:
        """The first sentence of the answer, in the language that is spoken."""
        return first_sentence([self.answer])

    @property
    def listed(self) -> list[int]:
        """The places of the variants in the legend: those of the chart, or the first ones where there is none."""
        return sorted({line.v for line in self.lines}) or list(range(min(LISTED, self.variants)))


def cards(folder: Path, pool: Executor | None = None) -> dict[str, Card]:
    """Return the cards of all experiments and studies below a folder by their names, in this order.

    Args:
        folder: of the experiments' folders.
        pool: of processes that read some of them; None reads all of them here.
    """
    shown = [path for path in sorted(folder.iterdir()) if is_shown(path)]
    made = divided([functools.partial(card, path) for path in shown], pool)
    return {path.name: one for path, one in zip(shown, made, strict=True)}


def is_shown(folder: Path) -> bool:
    """Say whether a folder holds an experiment or a study, or what is left of one."""
    is_left = results.has_study(folder, folder.name) or (folder / PAGE_FILE).exists()
    return is_left or _is_experiment(folder)


def _is_experiment(folder: Path) -> bool:
    return results.has_experiment(folder) or any(results.has_table(folder, name) for name in (SUMMARY, HISTORIES))


def card(folder: Path) -> Card:
    """Return the card of the experiment or study in a folder. It never fails: a card says what is wrong."""
    link = f"{quote(folder.name)}/{PAGE_FILE}" if (folder / PAGE_FILE).exists() else ""
    shown = Card(folder.name, folder.name, link)
    try:
        return (_experiment_card if _is_experiment(folder) else _study_card)(folder, shown)
    # One folder's tables, whatever they hold, must not keep the guide from the others.
    except Exception as error:
        sentence = " ".join(str(error).split()) or type(error).__name__
        return replace(shown, problem=say("This cannot be shown: {why}", why=sentence))


def _study_card(folder: Path, shown: Card) -> Card:
    if not results.has_study(folder, folder.name):
        # The figures of a study are kept where its tables are not.
        return replace(shown, picture=_first_figure(folder))
    study = study_text(folder, folder.name)
    figure = study.pictures[0] if study.pictures else None
    return replace(
        shown,
        title=study.title,
        notes=study.notes,
        brief=first_sentence(study.notes),
        picture=_from_guide(folder, figure),
    )


def _experiment_card(folder: Path, shown: Card) -> Card:
    about = results.read_experiment(folder) if results.has_experiment(folder) else {}
    shown = replace(shown, title=str(about.get("question") or folder.name), notes=notes(folder))
    summary, comparison = (read_table(folder, name) for name in (SUMMARY, COMPARISON))
    compared = comparison.assign(variant=comparison["variant"].map(str))
    names = in_order(summary["variant"].map(str), baseline_of(compared))
    strengths = read_table(folder, STRENGTH_TABLE) if results.has_table(folder, STRENGTH_TABLE) else None
    paths = Tables(summary, summary, compared, "", strengths)
    styled = looks(styles(names, names[0], strengths_of(paths.path_runs())))
    shown = replace(
        shown,
        answer=answer(compared, summary, metric=metric_of(compared)),
        looks=styled,
        variants=len(names),
        runs=len(summary),
        seeds=int(summary["seed"].nunique()),
        best=best(compared),
        found=found(compared, summary),
        brief=counted(compared),
    )
    try:
        records = results.read_provenance(folder)
        shown = replace(shown, regularizers=regularizers(records), data=datasets(records))
    except DataError as error:
        shown = replace(shown, problem=say("Its regularizers are not known: {why}", why=" ".join(str(error).split())))
    try:
        if not results.has_table(folder, HISTORIES):
            return replace(shown, picture=_first_figure(folder, "overlay"))
        histories = read_table(folder, HISTORIES)
        curves = tidy(histories[[n for n in _DRAWN if n in histories]], names[0])
        return replace(shown, lines=sparkline(curves, names), frame=frame(curves))
    except Exception as error:
        return replace(shown, problem=say("Its curves cannot be shown: {why}", why=" ".join(str(error).split())))


def _first_figure(folder: Path, name: str = "*") -> Picture | None:
    figure = next(iter(sorted((folder / FIGURES_FOLDER).glob(figure_file(name)))), None)
    return _from_guide(folder, picture(figure)) if figure else None


def _from_guide(folder: Path, figure: Picture | None) -> Picture | None:
    """Return a figure linked from the guide, which is one folder further up."""
    return figure and replace(figure, source=f"{quote(folder.name)}/{figure.source}")


def in_chapters(every: dict[str, Card], chapters: Sequence[tuple[str, Sequence[str]]]) -> list[tuple[str, list[Card]]]:
    """Return all cards in chapters, each with its heading.

    Args:
        every: the cards by name.
        chapters: each a heading and the names of its experiments in order. What is in no chapter comes last; an
            experiment on other data ("name-data") comes with the first.
    """
    left = dict(every)
    found: list[tuple[str, list[Card]]] = []
    for heading, names in chapters:
        cards = [left.pop(name) for stem in names for name in list(left) if name == stem or name.startswith(f"{stem}-")]
        found += [(heading, cards)] if cards else []
    if left:
        found.append(("Others" if found else "", list(left.values())))
    return found
