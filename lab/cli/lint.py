"""`python -m lab lint`: what silently goes wrong in a saved model, and the line that mends it."""

from pathlib import Path

from lab.checks import DataError
from lab.cli.options import ModelFile


def lint(model: ModelFile) -> None:
    """List what silently goes wrong in a saved Keras model. Exits with 1 if something does.

    Args:
        model: the path of a .keras file. Nothing in it is run.
    """
    from lab.models.keras_file import read_configuration

    # Before TensorFlow loads.
    read_configuration(Path(model))
    from lab.models.findings import lint as look

    found = look(Path(model))
    for finding in found:
        print(f"{finding.layer}: {finding.reason}\n    mend: {finding.mend}")
    if found:
        raise DataError(f"{model} has {len(found)} {'finding' if len(found) == 1 else 'findings'}")
    print(f"{model}: nothing found")
