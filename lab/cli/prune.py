"""`python -m lab prune`: what is in an experiment's folder of runs that its declaration does not name."""

from lab.checks import DataError
from lab.cli.folders import below
from lab.cli.options import RESULTS, Flag, Folder, Name


def prune(experiment: Name, /, *, yes: Flag = False, results: Folder = RESULTS) -> None:
    """List the runs that the experiment does not have as it was last run; with --yes, remove them.

    They are left by variants, seeds or sizes that it had once; the tables and the page have none of them. What the lab
    did not write is never touched.

    Args:
        experiment: a folder below the results.
        yes: remove what would be listed.
        results: the folder with the experiments' folders.
    """
    from lab.results import has_experiment, only_driver
    from lab.results.prune import remove, strays

    folder = below(results, experiment)
    if not has_experiment(folder):
        raise DataError(f"{folder} holds no experiment; run it first: python -m lab list")
    if not yes:
        found = strays(folder)
        for stray in found:
            print(f"{stray.path.relative_to(folder)}: {stray.what}")
        size = _size(sum(stray.size for stray in found))
        print(f"{len(found)} of no use to {experiment}, {size}; --yes removes them" if found else "nothing to remove")
        return
    # Whoever runs the experiment may name some of them in a moment.
    with only_driver(folder):
        found = strays(folder)
        for stray in found:
            remove(stray)
    print(f"removed {len(found)}, {_size(sum(stray.size for stray in found))}" if found else "nothing to remove")


def _size(size: int) -> str:
    return f"{size / 1e6:.1f} MB" if size >= 1e5 else f"{size / 1e3:.1f} kB"
