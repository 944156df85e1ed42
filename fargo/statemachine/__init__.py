"""The pure core: it folds what was signalled into what to do about it.

Rules of this room:

1. No clock, no randomness, no I/O, no Twisted. Time is an argument; every id comes from the log.
2. It imports the standard library's typing, enum and dataclasses (and the likes of re and ipaddress), msgspec, and
   itself.
3. Events and commands are what is written: tagged. States are what is computed. Both are frozen msgspec Structs, which
   are made and changed several times faster than dataclasses.
4. Every fold is total: any event in any state gives a state and commands.
"""
