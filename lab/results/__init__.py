"""The files that runs leave: how they are published, read and rebuilt. Nothing here needs Keras.

One file per thing:

    schema        every file name and column name
    files         single files, written whole or not at all; partial: what is half-written
    fields        the rules for the fields of the JSON files
    store         runs: publish, read, set aside, sweep
    many_runs     many runs read at once
    record        the content of run.json
    experiments   experiment.json
    studies       <study>.json and its tables
    aggregate     the tables, rebuilt from the runs
    provenance    provenance.json: how the runs were run
    costs         costs.json: how long a step of each variant takes
    tables        the tables, as reports read them; table_checks: the rules that they meet
    keras_logs    histories of plain Keras; csv_logger: its files
    logs          histories that other tools logged; imported: brought into the results
    histories     histories as one long table, whoever trained
    failures      why runs failed
    prune         runs that no declaration names
    driver        one process at a time
"""

from lab.results.aggregate import current_tables, is_stale, rebuild
from lab.results.driver import holder, only_driver
from lab.results.experiments import has_experiment, read_experiment, write_experiment
from lab.results.failures import Failure, current_failures, forget_failure, read_failures, write_failure
from lab.results.files import read_csv, sync, to_csv, write_atomically
from lab.results.histories import is_logs, load
from lab.results.provenance import read_provenance
from lab.results.schema import HISTORY, KEYS, SCHEMA, STRENGTHS, TABLES, TEST
from lab.results.store import is_published, publish, read_model, read_run, set_damaged_aside, sweep
from lab.results.studies import (
    check_names,
    has_study,
    is_computed,
    read_study,
    read_study_tables,
    study_names,
    write_study,
    write_study_tables,
)
from lab.results.tables import has_table

__all__ = [
    "HISTORY",
    "KEYS",
    "SCHEMA",
    "STRENGTHS",
    "TABLES",
    "TEST",
    "Failure",
    "check_names",
    "current_failures",
    "current_tables",
    "forget_failure",
    "has_experiment",
    "has_study",
    "has_table",
    "holder",
    "is_computed",
    "is_logs",
    "is_published",
    "is_stale",
    "load",
    "only_driver",
    "publish",
    "read_csv",
    "read_experiment",
    "read_failures",
    "read_model",
    "read_provenance",
    "read_run",
    "read_study",
    "read_study_tables",
    "rebuild",
    "set_damaged_aside",
    "study_names",
    "sweep",
    "sync",
    "to_csv",
    "write_atomically",
    "write_experiment",
    "write_failure",
    "write_study",
    "write_study_tables",
]
