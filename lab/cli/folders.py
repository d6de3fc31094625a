"""The folder of an experiment that a command line names."""

from pathlib import Path

from lab.checks import UsageError, shown


def named(output: Path | None, folder: Path, ending: str) -> Path:
    """Return the file that an export writes: what was named, or one called after the experiment.

    Another ending is refused: it may be that of a file which is not the lab's to replace.

    Args:
        output: the file that was named; None for none.
        folder: of the experiment.
        ending: of such files, as ".pdf".
    """
    path = output or Path(f"{folder.name}{ending}")
    if path.suffix != ending:
        raise UsageError(f"output must end in {ending}, got {shown(str(path))}")
    return path


def below(results: Path, name: str) -> Path:
    """Return the folder of an experiment, or refuse a name that leads out of the results: files are written there.

    Args:
        results: the folder with the experiments' folders.
        name: of one of them.
    """
    path = Path(name)
    if path.name != str(path) or path.name == ".." or "\0" in name:
        raise UsageError(
            f"the experiment must be the name of a folder in {results}, got {shown(name)}; --results names another "
            f"folder of results"
        )
    return results / path
