"""The event log, the vault with passwords, and transient secrets.

`opening` opens a log; `interface` says what an open log can do. SQLite is behind both, in `sqlite`.
"""
