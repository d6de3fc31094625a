"""The benchmarks: everything that is timed. No test times anything."""
