"""When a cohort goes on in a smaller program, because most of its runs have ended."""

from collections.abc import Sequence


def worth_compacting(replicas: int, going: int, ahead: int, costs: Sequence[float]) -> bool:
    """Say whether a smaller program saves more time than its compilation takes.

    Args:
        replicas: how many replicas the program has.
        going: how many of them have not ended.
        ahead: how many more epochs they are expected to train.
        costs: the seconds of each of the program's epochs; the first includes its compilation.
    """
    if 2 * going > replicas or len(costs) < 2:
        return False
    return ahead * min(costs) * (1 - going / replicas) > costs[0] - min(costs)
