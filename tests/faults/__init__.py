"""The fate of calls if something dies, hangs or is full: faults in each phase of a call, with real servers.

cells.py    the matrix as data: what is expected of each cell, and what is not so yet
site.py     the gateway and the servers around it, and who starts them again
strikes.py  the faults: how each one happens, and when it is over
phases.py   the phases: how a call comes to each one, and how it goes on from there
checks.py   what must be true afterwards
runner.py   one cell from start to end
matrix.py   many cells, each as a process in namespaces of its own; script/faults is its command line
page.py     the table in docs/reliability.md
"""
