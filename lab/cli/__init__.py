"""The command line: `reglab run | compare | report | ...`, and `main(EXPERIMENT)` for the scripts.

A script imports this before it declares anything, so nothing heavy is loaded until it is asked for.

    app            the commands
    running        `run`, and what is printed at its end; options: its sizes and data; fresh: `run --fresh`
    find           where scripts are, and what they declare
    status         `status`; watch: `watch`
    verify         `verify`; cost: `cost`; prune: `prune`
    folders        the folder of an experiment that is named
    drawing        `report`: folders drawn again, on several cores
    compare        `compare`; terminal: its table, and the table that ends a run
    lint           `lint`
    export_model   `export model`; export_page: `export page` and `export pdf`; ensemble: `ensemble`
    sentences      how a command ends; usage: refusals of a wrong command line; interruption: Ctrl-C and its like
"""

from typing import TYPE_CHECKING

from lab.cli.sentences import install, sentences

if TYPE_CHECKING:
    from lab.cli.find import Question

__all__ = ["lab", "main"]

install()


def main(question: "Question") -> None:
    """Answer the command line of a script that declares an experiment or a study: `--help`, `--data`, `--seeds`, ...

    In a notebook there is no command line: the experiment is run as it is declared.

    Args:
        question: what the script declares.
    """
    with sentences():
        from lab.cli.app import answer_script

        answer_script(question)


def lab(words: list[str] | None = None) -> None:
    """Answer `reglab`, which is `python -m lab`.

    Args:
        words: the command line after the program's name; None takes the process's own.
    """
    with sentences():
        from lab.cli.app import answer

        answer(words)
