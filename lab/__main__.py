"""`python -m lab`, for where the command `reglab` is not installed."""

import sys

# Python looks for modules in the working folder first, where a script may be called json.py or keras.py.
if not sys.flags.safe_path:
    sys.path.append(sys.path.pop(0))

from lab.cli import lab

# Processes that draw beside this one load this file too.
if __name__ == "__main__":
    lab()
