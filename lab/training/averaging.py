"""Which epochs join the equal average of the weights (SWA), and how much each counts."""


def first_averaged(swa: float, epochs: int) -> int:
    """Return the first epoch whose weights join the average, from 1; one beyond the last where `swa` is 0.

    Args:
        swa: the share of the epochs, at their end, that are averaged; above 0, at least the last one is.
        epochs: of the training.
    """
    return epochs - max(1, round(swa * epochs)) + 1 if swa else epochs + 1


def joining(swa: float, every: int, epochs: int, epoch: int) -> float:
    """Return how far the average goes towards the weights at the end of an epoch.

    Args:
        swa, epochs: as for `first_averaged`.
        every: every how many epochs weights join.
        epoch: from 1.

    Returns:
        1 until the first weights have joined, 1/2 for the second ones, 1/3 for the third, ...; 0 for epochs between.
    """
    since = epoch - first_averaged(swa, epochs)
    if since <= 0:
        return 1.0
    return 0.0 if since % every else 1.0 / (since // every + 1)
