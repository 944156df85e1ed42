"""Workers: the processes of a gateway that is several, with one log in a database.

A worker is a named share of the users. One process at a time is the worker: the one that has its lease
(`fargo.store.postgresql.lease`). Others may wait for that, on other machines.

1. `standby` waits until it is this process's turn, `following` folds meanwhile what another process writes. `heartbeat`
   lets the log know that the process lives.
2. `share` has the worker's users: it takes what comes for them, hands on what comes for others, and moves them, as
   `routes` decides.
"""
