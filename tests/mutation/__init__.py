"""Plant small faults in the rooms where numbers, identities and files are made, and ask the tests: `make mutation`.

`faults.py` lists what can be planted in a file, `rooms.py` the rooms and the tests that are asked, `reach.py` records once
which test reaches which line, `planting.py` plants one fault at a time in a copy of the tree and asks the tests that reach
it, and `__main__.py` draws the sample and prints the share of each room.
"""
