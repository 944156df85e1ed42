"""What became of each call, gathered from the notes in a log: a projection, made anew whenever somebody asks.

Rules:

1. A record has the columns of the log's view `calls` (docs/log.md), by their names and with the same values.
2. A call without an end is going on, as far as the log knows.
"""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Final, assert_never

from msgspec import Struct
from msgspec.structs import replace

from fargo.statemachine.model.call_records import (
    CallRecord,
    RecordAnswered,
    RecordBegun,
    RecordCarried,
    RecordEnded,
    RecordPath,
)
from fargo.statemachine.model.events import Recorded
from fargo.statemachine.reason import FAILURES, Cause
from fargo.store.entries import Entry
from replay.reading.call_name import CallName


class Record(Struct, frozen=True):
    """A call: who with whom and which way, when (seconds since 1970), which client, how its audio went and why (through
    a relay: RTP packets from either end), who ended it and why. What has not happened is None, or "".
    """

    name: CallName
    direction: str
    peer: str
    peer_name: str
    session: str
    began: float
    answered: float | None = None
    ended: float | None = None
    client: str = ""
    audio: str = ""
    audio_why: str = ""
    from_client: int | None = None
    from_phone: int | None = None
    ended_by: str = ""
    cause: str = ""
    reason: str = ""

    @property
    def failed(self) -> bool:
        """Whether the call ended, or did not come about, for a reason that was nobody's wish."""
        return self.cause in FAILURES


class Wanted(Struct, frozen=True):
    """Which calls are asked for: whose, begun from when until before when, how ended; None for any."""

    user: str | None = None
    since: float | None = None
    until: float | None = None
    cause: Cause | None = None
    failed: bool = False

    def has(self, record: Record) -> bool:
        """Whether a call is one of them."""
        return (
            self.user in (None, record.name.user)
            and (self.since is None or self.since <= record.began)
            and (self.until is None or record.began < self.until)
            and self.cause in (None, record.cause)
            and (record.failed or not self.failed)
        )


def records(entries: Iterable[Entry], known: Iterable[Record] = ()) -> list[Record]:
    """The calls that begin in the entries, in the order in which they began, after those that are known already."""
    calls = {record.name: record for record in known}
    for recorded, note in _notes(entries):
        name = CallName(recorded.user, note.call)
        call = calls.get(name)
        match note:
            case RecordBegun(_, direction, peer, peer_name, session):
                calls[name] = Record(name, direction.value, peer, peer_name, session, recorded.at)
            case _ if call is None:  # its beginning is not among the entries
                continue
            case RecordPath(_, audio, why):
                calls[name] = replace(call, audio=audio.value, audio_why=why)
            case RecordAnswered(_, client):
                calls[name] = replace(call, answered=recorded.at, client=client)
            case RecordCarried(_, from_client, from_phone):
                calls[name] = replace(call, from_client=from_client, from_phone=from_phone)
            case RecordEnded(_, by, cause, text):
                calls[name] = replace(call, ended=recorded.at, ended_by=by.value, cause=cause.value, reason=text)
            case _:
                assert_never(note)
    return list(calls.values())


COLUMNS: Final = (
    *("call", "user", "direction", "peer", "peer_name", "began", "answered", "ended", "waited", "talked"),
    *("client", "audio", "audio_why", "from_client", "from_phone", "ended_by", "cause", "reason", "session"),
)
"""The view's."""


def row(record: Record) -> dict[str, str | float | None]:
    """The record as programs are given it, in the order of the view's columns."""
    return {
        "call": str(record.name),
        "user": record.name.user,
        "direction": record.direction,
        "peer": record.peer,
        "peer_name": record.peer_name,
        "began": _instant(record.began),
        "answered": _instant(record.answered),
        "ended": _instant(record.ended),
        "waited": seconds(record.began, record.ended if record.answered is None else record.answered),
        "talked": seconds(record.answered, record.ended),
        "client": record.client,
        "audio": record.audio,
        "audio_why": record.audio_why,
        "from_client": record.from_client,
        "from_phone": record.from_phone,
        "ended_by": record.ended_by,
        "cause": record.cause,
        "reason": record.reason,
        "session": record.session,
    }


def seconds(since: float | None, until: float | None) -> float | None:
    """From one time to another, to the millisecond; None if either has not come."""
    return None if since is None or until is None else int((until - since) * 1000) / 1000


def _notes(entries: Iterable[Entry]) -> Iterator[tuple[Recorded, CallRecord]]:
    return (
        (recorded, each.command)
        for recorded, issued in entries
        for each in issued
        if isinstance(each.command, CallRecord)
    )


def _instant(at: float | None) -> str | None:
    """A time as in the log's column `time`, cut to the millisecond as there."""
    if at is None:
        return None
    return f"{datetime.fromtimestamp(int(at), UTC):%Y-%m-%dT%H:%M:%S}.{int((at - int(at)) * 1000):03}Z"
