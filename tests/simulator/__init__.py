"""A world in values around the core: clients, a connection manager, an engine; and what must hold in any run of it.

A world is an immutable value, `moves` says all that can happen in it next, `step` makes one of them happen. The
simulator draws moves, the explorer takes every one.
"""
