"""Numbers from the tables, and how sure they are: facts per run, variants against the baseline, curves over seeds.

Tables in, tables out; nothing here draws, prints or needs Keras. Each rule is documented where it is applied: the
onset in `onset.py`, the verdict in `facts.py`, the comparison in `comparison.py`, decisions while seeds are added in
`sequential.py`, the luck of test examples that all runs share in `crossed.py`, what a comparison generalizes over in
`scope.py`, the number of seeds in `power.py` and `seeds_needed.py`, curves of unequal length in `bands.py`.
"""

from lab.statistics.bands import BANDS, UNEQUAL, curves
from lab.statistics.comparison import COMPARISON, DECISIONS, RULES, compare
from lab.statistics.estimates import CORRECTIONS, METHODS, adjust
from lab.statistics.facts import FACTS, VERDICTS, diverged, facts, run_facts
from lab.statistics.measures import better_direction
from lab.statistics.onset import find_onset
from lab.statistics.power import SEEDS_CONFIDENCE, seeds_for, seeds_interval
from lab.statistics.seeds_needed import seeds_needed_interval

__all__ = [
    "BANDS",
    "COMPARISON",
    "CORRECTIONS",
    "DECISIONS",
    "FACTS",
    "METHODS",
    "RULES",
    "SEEDS_CONFIDENCE",
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
    "seeds_interval",
    "seeds_needed_interval",
]
