"""The statements about workers and their users, and about what is handed on.

Rules:

1. Those that change who has a user run on the connection that has the worker's lease, one after the other: so a worker
   that has lost its lease can change nothing.
2. Whoever writes something down for the worker of a user keeps that user where they are until it is committed (`for
   share`). So what is written down is found by the worker that has the user then, or moves with the user.
3. The server tells a worker when something is written down for it (NOTIFY), after the commit.
4. A worker that is away keeps nobody from writing to its users. So there is a limit for each user, beyond which nothing
   is written down.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from fargo.store.ownership import MOST_WRITTEN
from fargo.store.postgresql.connections import PatientConnection
from fargo.store.postgresql.sessions import Sessions

_CHANNEL: Final = "'fargo_' || current_schema()::regnamespace::oid"
LISTEN: Final = f"select {_CHANNEL}"
"""Gives the name of the channel on which workers are told, with the name of the worker."""

_ERASE: Final = ("delete from owners where jid = %(jid)s", "delete from handed_on where jid = %(jid)s")
TELL: Final = f"select pg_notify({_CHANNEL}, %(worker)s)"
"""Tells a worker that something is written down for it, or all workers that another is there."""
JOINED: Final = "+"
"""Before the name of a worker that is there: no name begins with it."""
_CLAIM: Final = """
    insert into owners (jid, worker, since) select %(jid)s, %(worker)s, position from log on conflict do nothing
"""
OWNER: Final = "select worker from owners where jid = %(jid)s"
_OWNER_WHO_STAYS: Final = f"{OWNER} for share"
_WRITE_DOWN: Final = "insert into handed_on (worker, jid, source, sealed) values (%s, %s, %s, %s)"
_WRITE_DOWN_UNLESS_FULL: Final = """
    insert into handed_on (worker, jid, source, sealed) select %s, %s, %s, %s
    where not exists (select from handed_on where jid = %s offset %s)
"""
_MOVE_WRITTEN: Final = "update handed_on set worker = %(to)s where jid = %(jid)s and worker = %(worker)s"
_GIVE: Final = """
    update owners set worker = %(to)s, since = (select position from log) where jid = %(jid)s and worker = %(worker)s
"""
_LET_GO: Final = """
    delete from owners where jid = %(jid)s and worker = %(worker)s
    and not exists (select from events where jid = %(jid)s) and not exists (select from handed_on where jid = %(jid)s)
    and not exists (select from passwords where jid = %(jid)s)
"""
"""A password that is left over stays a worker's, which erases it (`fargo.vault_upkeep`)."""
# All users of a log, found by its index: there are many more events than users.
_CLAIM_ALL: Final = """
    with recursive users (jid) as (
        select min(jid) from events
        union all
        select (select min(e.jid) from events e where e.jid > users.jid) from users where users.jid is not null
    )
    insert into owners (jid, worker, since)
    select users.jid, %(worker)s, log.position from users, log where users.jid is not null on conflict do nothing
"""
_ANYBODY: Final = "select exists (select from owners)"
_OWNED: Final = "select jid, since from owners where worker = %(worker)s"

VERSIONS: Final = """
    select jid, version from owners
    cross join lateral (select version from events where events.jid = owners.jid order by version desc limit 1) last
    where worker = %(worker)s
"""
"""Gives the last version of each user of a worker."""
WRITTEN: Final = """
    select id, jid, source, sealed, extract(epoch from clock_timestamp() - written)::double precision from handed_on
    where worker = %(worker)s and id <> all(%(but)s) order by id
"""
"""Gives what is written down for a worker, but not what it knows already."""
WRITTEN_OF_USER: Final = WRITTEN.replace("order by", "and jid = %(jid)s order by")
WAITING: Final = """
    select worker, count(*), extract(epoch from clock_timestamp() - min(written))::double precision from handed_on
    group by worker
"""
"""Gives how much is written down for each worker, and for how long the first of it has been."""
_NOBODY: Final = b"delete from owners"
_NOTHING: Final = b"delete from handed_on"
DONE: Final = b"delete from handed_on where id = any(%(done)s)"


def owned(connection: PatientConnection, worker: str) -> Mapping[str, int]:
    """Return the users of a worker. All who are in the log are its from now on, if nobody has a worker yet."""
    if not connection.execute(_ANYBODY).fetchall()[0][0]:
        connection.execute(_CLAIM_ALL, {"worker": worker})
    return dict(connection.execute(_OWNED, {"worker": worker}).fetchall())


def end_all(connection: PatientConnection) -> int:
    """Take the users from all workers, as there are none, and what is written down for these: it must not be done when
    there are workers again, some day. Return how much that was.
    """
    connection.execute(_NOBODY)
    return connection.execute(_NOTHING).rowcount


def settle(connection: PatientConnection, worker: str, user: str, things: Sequence[bytes]) -> int | None:
    """Return None if a user is a worker's, or has no other. Otherwise write these things down, as far as there is not
    too much already, return their number, and move there what was written down for this worker by somebody who did not
    know.
    """
    values = {"jid": user, "worker": worker}
    owner = None
    while owner is None:  # somebody may let the user go in between
        connection.execute(_CLAIM, values)
        found = connection.execute(_OWNER_WHO_STAYS, values).fetchone()
        owner = found[0] if found else None
    if owner == worker:
        return None
    connection.execute(_MOVE_WRITTEN, {**values, "to": owner})
    with connection.cursor() as cursor:
        rows = [(owner, user, worker, each, user, MOST_WRITTEN - 1) for each in things]
        cursor.executemany(_WRITE_DOWN_UNLESS_FULL, rows)
        number = cursor.rowcount
    connection.execute(TELL.encode(), {"worker": owner})
    return number


def give(connection: PatientConnection, worker: str, user: str, to: str, word: bytes) -> None:
    """Give a user of a worker to another, with what is written down for them, and the word that they have moved."""
    values = {"jid": user, "worker": worker, "to": to}
    connection.execute(_GIVE, values)
    connection.execute(_MOVE_WRITTEN, values)
    connection.execute(_WRITE_DOWN, (to, user, worker, word))
    connection.execute(TELL.encode(), {"worker": to})


def let_go(connection: PatientConnection, worker: str, user: str) -> None:
    """Note that a worker does not have a user any more, if nothing is known of them."""
    connection.execute(_LET_GO, {"jid": user, "worker": worker})


def note_done(connection: PatientConnection, done: Sequence[int]) -> None:
    """Note that things that were handed on are done."""
    connection.execute(DONE, {"done": list(done)})


def erase(sessions: Sessions, user: str) -> None:
    """Erase what is known of a user's worker, and what is written down for it. Raises StoreError."""
    with sessions.transaction() as connection:
        for statement in _ERASE:
            connection.execute(statement.encode(), {"jid": user})
