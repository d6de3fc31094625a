"""The regularization lab: which regularizer helps a Keras model, by how much, and how sure are we.

An experiment is a value (`lab.experiment.Experiment`): variants, each a loader (`lab.data`), a factory
(`lab.models`) and a training (`lab.training`), times seeds. `lab.run.run` trains it, `lab.results`
reads the CSV files it leaves, `lab.report` draws them. `python -m lab --help` says the rest.
"""
