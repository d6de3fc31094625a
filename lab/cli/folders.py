"""The folder of an experiment that a command line names."""

from pathlib import Path

from lab.checks import UsageError, shown


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
