"""A running sweep: what is told of it, kept of it, and shared among processes."""
