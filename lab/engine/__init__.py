"""The engines: what trains a run. `keras_fit` is the reference, `cohort` the fast one held against it."""
