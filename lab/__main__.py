"""`python -m lab`."""

from lab.cli.app import lab

lab()
