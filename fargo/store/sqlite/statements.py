"""The statements of SQLite that write entries, and the columns that are read, as `fargo.store.rows` has them."""

from typing import Final

APPEND_EVENT: Final = """
    insert into events (id, user, version, at, call, rules, type, format, body) values (?, ?, ?, ?, ?, ?, ?, ?, ?)
"""
APPEND_COMMAND: Final = "insert into commands (event, place, call, type, format, body) values (?, ?, ?, ?, ?, ?)"
REPLACE_COMMAND: Final = f"replace {APPEND_COMMAND.removeprefix('insert ')}"

FOLD_COLUMNS: Final = "id, user, version, at, type, format, body"
"""The columns of an event that folding it needs."""
EVENT_COLUMNS: Final = "id, user, version, at, type, call, rules, format, body"
ENTRY_COLUMNS: Final = """
    e.id, e.user, e.version, e.at, e.type, e.call, e.rules, e.format, e.body, c.place, c.call, c.type, c.format, c.body
"""
"""The columns of an event beside one of its commands, or beside nulls if it has none."""
