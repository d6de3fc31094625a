"""Logs that other tools wrote, read as histories of the lab: never changed, never written beside, never unpickled.

    folder      which tool's logs a folder holds, and the runs in it as one long table
    logged      a run as it was logged: its name, its settings, its curves; and its history
    grouping    which variant and seed a run is, by its name or its settings
    metrics     the lab's columns by the names that people give to metrics

One reader per tool yields `logged.Logged`: `tensorboard_events`, `wandb_tables`, `mlflow_tables`, `mlruns_folder` and
`tuner_trials`. Files of `keras.callbacks.CSVLogger` are read by `lab.results.keras_logs`.
"""
