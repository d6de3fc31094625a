"""`export page` and `export pdf`: an experiment as one file, to be sent to somebody."""

from typing import Annotated

from cyclopts import Parameter

from lab.cli.folders import below, named
from lab.cli.options import RESULTS, Folder, Language, Name, OptionalPath


def export_page(
    experiment: Name,
    /,
    *,
    output: Annotated[OptionalPath, Parameter(name=["--output", "-o"])] = None,
    results: Folder = RESULTS,
    language: Language = "en",
) -> None:
    """Write the page of an experiment or study as one file that holds its figures and the script of its charts.

    Args:
        experiment: a folder below the results.
        output: the file; <experiment>.html in the current folder unless named.
        results: the folder with the experiments' folders.
        language: of the page: en or ja.
    """
    from lab import pages
    from lab.results import write_atomically
    from lab.statistics.language import speaking

    folder = below(results, experiment)
    path = named(output, folder, ".html")
    with speaking(language):
        write_atomically(path, pages.single_file(folder))
    print(f"page: {path}")


def export_pdf(
    experiment: Name,
    /,
    *,
    output: Annotated[OptionalPath, Parameter(name=["--output", "-o"])] = None,
    results: Folder = RESULTS,
    language: Language = "en",
) -> None:
    """Write an experiment on one sheet of paper: its question and answer, the curves, the differences and the table.

    Args:
        experiment: a folder below the results.
        output: the file; <experiment>.pdf in the current folder unless named.
        results: the folder with the experiments' folders.
        language: of the sheet: en or ja.
    """
    from lab import pages
    from lab.results import write_atomically
    from lab.statistics.language import speaking

    folder = below(results, experiment)
    path = named(output, folder, ".pdf")
    with speaking(language):
        write_atomically(path, pages.one_page(folder))
    print(f"sheet: {path}")
