"""`python -m lab`."""

from lab.cli import lab

lab()
