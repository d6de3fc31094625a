"""`python -m lab advise`: which regularizer helps a saved model on a table or another data set."""

from pathlib import Path
from typing import Annotated

from lab.checks import UsageError
from lab.cli.options import OF_A_COLUMN, RESULTS, Flag, Folder, Margin, ModelFile, Options, Text, _one_of
from lab.cli.running import near, print_outcome, write_guide
from lab.outcome import draw_outcome
from lab.sweep.resumption import forgotten, so_far


def advise(
    model: ModelFile,
    /,
    *,
    data: Text = None,
    target: Text = None,
    separator: Text = None,
    labels: Annotated[str | None, _one_of(OF_A_COLUMN)] = None,
    budget: Text = "5m",
    margin: Margin = None,
    ensemble: Flag = False,
    retrain: Flag = False,
    results: Folder = RESULTS,
    quiet: Flag = False,
) -> None:
    """Say which regularizer helps a saved Keras model on data, confirmed on test examples that chose nothing.

    Args:
        model: the path of a .keras file. Nothing in it is run, and its weights are drawn anew.
        data: as `run` takes it.
        target: the column of a CSV or Parquet file that is to be predicted.
        separator: what stands between the cells of a CSV file; a comma unless named.
        labels: what that column holds, classes or numbers; found from its cells unless named.
        budget: how long it may take, as 90s, 5m or 1h.
        margin: the smallest difference in test data loss that matters; a smaller one is called equivalent.
        ensemble: measure the ensemble of the advised runs, too, and write it as ensemble.keras.
        retrain: the model that is written learns from the validation rows, too; nothing is left to say how good it is.
        results: the folder in which that of the confirmation is made, with its page, tables and histories. Its folder
            "advice" has model.keras, model.json, which says how rows become its inputs, and experiment.py, which runs
            the confirmation again.
        quiet: print nothing but the answer.
    """
    from lab.advice import advise as ask
    from lab.advice import seconds_of
    from lab.advice.false_claims import counted
    from lab.advice.screening_file import FOLDER
    from lab.models.keras_file import read_configuration

    seconds = seconds_of(budget or "5m")
    load, called = Options(data=data, target=target, separator=separator, labels=labels).loader()
    if load is None:
        raise UsageError("--data must name the data that the model is to be advised on, got none")
    # Before TensorFlow loads.
    read_configuration(Path(model))
    advice = ask(
        model,
        load,
        budget=seconds,
        margin=margin,
        ensemble=ensemble,
        name=f"advice-{called}",
        results_folder=results,
        say=(lambda sentence: None) if quiet else (lambda sentence: print(sentence, flush=True)),
    )
    with forgotten():
        # Who stops the command while it draws has the answer.
        so_far(advice.sentence)
        outcome = draw_outcome(advice.folder)
        write_guide(results)
        folder = advice.save(advice.folder / FOLDER, retrain=retrain)
    if not quiet:
        print()
        print_outcome(advice.folder, outcome)
        if advice.ensemble is not None:
            from lab.cli.terminal import console, ensemble_table

            console().print(ensemble_table(f"{advice.folder.name}, {advice.recommended.setting.name}", advice.ensemble))
        print(f"model: {near(folder / 'model.keras')}")
        print(f"preprocessing: {near(folder / 'model.json')}")
        print(advice.diagnosis)
        print(counted())
    print(advice.sentence)
