"""Plant small faults in the rooms where numbers, identities and files are made, and ask the tests: `make mutation`.

`faults.py` lists what can be planted in a file, `rooms.py` the rooms and the tests that are asked, `reach.py` records
once which test reaches which line, `planting.py` has the copy of the tree and the processes, `asking.py` plants one
fault at a time and asks the tests that reach it, and `__main__.py` prints the share of each room.
"""
