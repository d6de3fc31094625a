"""What the tables say and how sure it is: facts of each run, variants against the baseline, curves over seeds.

Tables in, tables out; nothing here draws, prints or needs Keras. Every rule is written down where it is applied:
the onset in `onset.py`, the verdict in `runs.py`, the comparison in `pairs.py`, unequal lengths in `bands.py`.
"""

from lab.statistics.bands import BANDS, UNEQUAL, curves
from lab.statistics.comparison import COMPARISON, DECISIONS, better_direction, compare
from lab.statistics.estimates import CORRECTIONS, METHODS, adjust
from lab.statistics.facts import FACTS, VERDICTS, diverged, facts, run_facts
from lab.statistics.onset import find_onset
from lab.statistics.power import seeds_for

__all__ = [
    "BANDS",
    "COMPARISON",
    "CORRECTIONS",
    "DECISIONS",
    "FACTS",
    "METHODS",
    "UNEQUAL",
    "VERDICTS",
    "adjust",
    "better_direction",
    "compare",
    "curves",
    "diverged",
    "facts",
    "find_onset",
    "run_facts",
    "seeds_for",
]
