"""What is timed. No test times anything."""
