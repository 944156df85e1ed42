"""A summary of each call, made from the call records in a log: a projection, computed whenever somebody asks for it.

Rules:

1. A `Record` has the columns of the log's view `calls` (docs/log.md), by their names and with the same values.
2. A call without an end is in progress, as far as the log knows.
"""

import re
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
    RecordDialog,
    RecordEarlyAudio,
    RecordEnded,
    RecordMedia,
    RecordPath,
    Side,
)
from fargo.statemachine.model.events import Recorded
from fargo.statemachine.reason import FAILURES, Cause
from fargo.store.entries import Entry
from replay.reading.call_name import CallName

_NUMBER: Final = re.compile(r"\+?[\d\s()./-]*\d[\d\s()./-]*")
"""A telephone number as people write it (E.123)."""


class Record(Struct, frozen=True):
    """A call: its user, peer and direction, when it began, was answered and ended (seconds since 1970), which client
    took part, the path of the audio and why (through a relay: RTP packets from either end), who ended it and why. What
    has not happened is None, or "".

    What only our own user agent knows: each Call-ID, From and To of the last INVITE, the status of the response that
    refused it; when the client began to hear a phone that had not answered; the codecs that were agreed on last and the
    addresses of the audio, for how many milliseconds an end was on hold (``held_since``: since when it is), and if the
    audio between phone and relay was encrypted.
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
    call_ids: tuple[str, ...] = ()
    sip_from: str = ""
    sip_to: str = ""
    sip_status: int | None = None
    early_audio: float | None = None
    codecs: tuple[str, ...] = ()
    media_local: str = ""
    media_remote: str = ""
    held: int | None = None
    held_since: float | None = None
    encrypted: bool | None = None

    @property
    def failed(self) -> bool:
        """Return True if something failed in the call, or kept it from coming about."""
        return self.cause in FAILURES


class Wanted(Struct, frozen=True):
    """The calls that are asked for: of a user, begun at or after a time and before another, with somebody (a part of an
    address or a name, or of a number however it is written), with a Call-ID, ended by a side or for a cause; None means
    any.
    """

    user: str | None = None
    since: float | None = None
    until: float | None = None
    cause: Cause | None = None
    failed: bool = False
    peer: str | None = None
    call_id: str | None = None
    by: Side | None = None

    def has(self, record: Record) -> bool:
        """Return True if a call is one of them."""
        return (
            self.user in (None, record.name.user)
            and (self.since is None or self.since <= record.began)
            and (self.until is None or record.began < self.until)
            and self.cause in (None, record.cause)
            and (record.failed or not self.failed)
            and (self.peer is None or is_with(record, self.peer))
            and (self.call_id is None or self.call_id in record.call_ids)
            and self.by in (None, record.ended_by)
        )


def is_with(record: Record, text: str) -> bool:
    """Return True if the text is a part of the peer's address or name, or a number that is a part of the peer's."""
    number = _digits(text) if _NUMBER.fullmatch(text) else ""
    among = number and number in _digits(record.peer.partition("@")[0])
    return bool(among) or any(text.casefold() in each.casefold() for each in (record.peer, record.peer_name))


def _digits(text: str) -> str:
    return "".join(each for each in text if each.isdecimal())


def records(entries: Iterable[Entry], known: Iterable[Record] = ()) -> list[Record]:
    """Return the calls that begin in the entries, in the order of their beginnings, behind those already known."""
    calls = {record.name: record for record in known}
    for recorded, of_call in _call_records(entries):
        name = CallName(recorded.user, of_call.call)
        call = calls.get(name)
        match of_call:
            case RecordBegun(_, direction, peer, peer_name, session):
                calls[name] = Record(name, direction.value, peer or "", peer_name or "", session or "", recorded.at)
            case _ if call is None:  # its beginning is not among the entries
                continue
            case RecordPath(_, audio, why):
                calls[name] = replace(call, audio=audio.value, audio_why=why)
            case RecordAnswered(_, client):
                calls[name] = replace(call, answered=recorded.at, client=client)
            case RecordEarlyAudio():
                calls[name] = replace(call, early_audio=call.early_audio or recorded.at)
            case RecordCarried(_, from_client, from_phone):
                calls[name] = replace(call, from_client=from_client, from_phone=from_phone)
            case RecordDialog(_, call_id, sender, recipient):
                calls[name] = replace(call, call_ids=(*call.call_ids, call_id), sip_from=sender, sip_to=recipient)
            case RecordMedia():
                calls[name] = _with_media(call, of_call, recorded.at)
            case RecordEnded(_, by, cause, text, status):
                calls[name] = replace(
                    _taken_off_hold(call, recorded.at),
                    ended=recorded.at,
                    ended_by=by.value,
                    cause=cause.value,
                    reason=text,
                    sip_status=status,
                )
            case _:
                assert_never(of_call)
    return list(calls.values())


def _with_media(call: Record, media: RecordMedia, at: float) -> Record:
    """Return a call whose audio session is this one from a time on."""
    call = _taken_off_hold(call, at)
    return replace(
        call,
        codecs=media.codecs,
        media_local=media.local or "",
        media_remote=media.remote or "",
        held=call.held or 0,
        held_since=at if media.held_by else None,
        encrypted=media.encrypted,
    )


def _taken_off_hold(call: Record, at: float) -> Record:
    if call.held is None or call.held_since is None:
        return call
    return replace(call, held=call.held + int((at - call.held_since) * 1000), held_since=None)


COLUMNS: Final = (
    *("call", "user", "direction", "peer", "peer_name", "began", "answered", "ended", "waited", "talked"),
    *("client", "audio", "audio_why", "from_client", "from_phone", "ended_by", "cause", "reason", "session"),
    *("call_id", "sip_from", "sip_to", "sip_status", "early_audio", "codecs", "media_local", "media_remote", "held"),
    "encrypted",
)
"""The columns of the view."""


def row(record: Record) -> dict[str, str | float | None]:
    """Return a record for programs, in the order of the view's columns."""
    return {
        "call": str(record.name),
        "user": record.name.user,
        "direction": record.direction,
        "peer": record.peer,
        "peer_name": record.peer_name,
        "began": instant(record.began),
        "answered": instant(record.answered),
        "ended": instant(record.ended),
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
        "call_id": record.call_ids[-1] if record.call_ids else "",
        "sip_from": record.sip_from,
        "sip_to": record.sip_to,
        "sip_status": record.sip_status,
        "early_audio": instant(record.early_audio),
        "codecs": ", ".join(record.codecs),
        "media_local": record.media_local,
        "media_remote": record.media_remote,
        "held": None if record.held is None else record.held / 1000,
        "encrypted": record.encrypted,
    }


def seconds(since: float | None, until: float | None) -> float | None:
    """Return the seconds from one time to another, to the millisecond; None if either has not come."""
    return None if since is None or until is None else int((until - since) * 1000) / 1000


def _call_records(entries: Iterable[Entry]) -> Iterator[tuple[Recorded, CallRecord]]:
    return (
        (recorded, each.command)
        for recorded, issued in entries
        for each in issued
        if isinstance(each.command, CallRecord)
    )


def instant(at: float | None) -> str | None:
    """Return a time as in the log's column `time`, cut to the millisecond as there."""
    if at is None:
        return None
    return f"{datetime.fromtimestamp(int(at), UTC):%Y-%m-%dT%H:%M:%S}.{int((at - int(at)) * 1000):03}Z"
