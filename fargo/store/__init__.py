"""The event log, the vault with passwords, transient secrets, and the state directory as a whole.

`opening` opens a log; `interface` says what an open log can do. `state` decides if log and vault belong together, and
`copies` copies both. SQLite is behind all of them, in `sqlite`.
"""
