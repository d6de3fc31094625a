"""A run's identity: its declaration as JSON, and the id that follows from it, wherever the code of either is."""

from lab.identity.declaration import NUMERICS, declare, identify

__all__ = ["NUMERICS", "declare", "identify"]
