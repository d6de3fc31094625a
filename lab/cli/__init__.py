"""The command line: `python -m lab list | run | report | compare`, and `main(EXPERIMENT)` for the scripts."""

from lab.cli.app import lab, main

__all__ = ["lab", "main"]
