"""The pure core: it folds events into a state and commands.

Rules:

1. No clock, no randomness, no I/O, no Twisted. Time is an argument, and every id comes from the log.
2. It imports msgspec, itself, and pure modules of the standard library such as typing, enum, re and ipaddress.
3. Events and commands are logged, so they have tags. States are computed. All are frozen msgspec Structs, which are
   created and changed several times faster than dataclasses.
4. Every fold is total: any event in any state returns a state and commands.
"""
