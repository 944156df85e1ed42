"""Workers, their log and the network between them, simulated: whatever happens, one process speaks for a user.

1. Time stands still until somebody waits (Twisted's Clock). Nothing is random but the story, which has a seed.
2. What is ours is real: the engine, the core, the signs of life, standing by, and what decides about leases and about
   commits whose connection is lost. PostgreSQL is a model (`server`), as are the machines and their network.
3. Code that waits, as a thread does, runs in a `fibre`: one at a time, and only when its time has come.
"""
