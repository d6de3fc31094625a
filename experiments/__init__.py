"""The experiments: one script a question. Nothing imports them but the tests and `python -m lab list`."""
