"""Calls as programs read them, and which of them are asked for.

Rules:

1. A row has the columns of the log's view `calls` (docs/log.md), by their names and with the same values.
"""

import re
from datetime import UTC, datetime
from typing import Final

from msgspec import Struct

from fargo.calls import Record
from fargo.statemachine.model.call_records import Side
from fargo.statemachine.reason import Cause

_NUMBER: Final = re.compile(r"\+?[\d\s()./-]*\d[\d\s()./-]*")
"""A telephone number as people write it (E.123)."""


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
    """Return True if the text is a part of the peer's address or name, or of the address that the call was forwarded
    or transferred to; or a number that is a part of theirs: as it is dialled, or as the peer's was before dial rules.
    """
    number = _digits(text) if _NUMBER.fullmatch(text) else ""
    numbers = [each.partition("@")[0] for each in (record.peer, record.forwarded_to, *record.passed_to)]
    if record.rewritten is not None:
        numbers += [record.rewritten.written, record.rewritten.number]
    among = number and any(number in _digits(each) for each in numbers)
    return bool(among) or any(
        text.casefold() in each.casefold()
        for each in (record.peer, record.peer_name, record.forwarded_to, *record.passed_to)
    )


def _digits(text: str) -> str:
    return "".join(each for each in text if each.isdecimal())


COLUMNS: Final = (
    *("call", "user", "direction", "peer", "peer_name", "began", "answered", "ended", "waited", "talked"),
    *("client", "audio", "audio_why", "from_client", "from_phone", "ended_by", "cause", "reason", "session"),
    *("call_id", "sip_from", "sip_to", "sip_status", "early_audio", "codecs", "media_local", "media_remote", "held"),
    *("encrypted", "loss_from_client", "loss_from_phone", "jitter_from_client", "jitter_from_phone"),
    *("mos_from_client", "mos_from_phone", "number_written", "number", "dial_rules"),
    *("forwarded_to", "forwarded_call_id", "transferred_to"),
)
"""The columns of the view."""


def row(record: Record) -> dict[str, str | float | None]:
    """Return a record for programs, in the order of the view's columns."""
    rewritten = record.rewritten
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
        "call_id": record.call_id,
        "sip_from": record.sip_from,
        "sip_to": record.sip_to,
        "sip_status": record.sip_status,
        "early_audio": instant(record.early_audio),
        "codecs": ", ".join(record.codecs),
        "media_local": record.media_local,
        "media_remote": record.media_remote,
        "held": None if record.held is None else record.held / 1000,
        "encrypted": record.encrypted,
        "loss_from_client": record.client_quality.loss if record.client_quality else None,
        "loss_from_phone": record.phone_quality.loss if record.phone_quality else None,
        "jitter_from_client": record.client_quality.jitter if record.client_quality else None,
        "jitter_from_phone": record.phone_quality.jitter if record.phone_quality else None,
        "mos_from_client": record.client_quality.mos if record.client_quality else None,
        "mos_from_phone": record.phone_quality.mos if record.phone_quality else None,
        "number_written": rewritten.written if rewritten else "",
        "number": rewritten.number if rewritten else "",
        "dial_rules": "; ".join(rewritten.rules) if rewritten else "",
        "forwarded_to": record.forwarded_to,
        "forwarded_call_id": record.forwarded_call_id,
        "transferred_to": record.transferred_to,
    }


def seconds(since: float | None, until: float | None) -> float | None:
    """Return the seconds from one time to another, to the millisecond; None if either has not come."""
    return None if since is None or until is None else int((until - since) * 1000) / 1000


def instant(at: float | None) -> str | None:
    """Return a time as in the log's column `time`, cut to the millisecond as there."""
    if at is None:
        return None
    return f"{datetime.fromtimestamp(int(at), UTC):%Y-%m-%dT%H:%M:%S}.{int((at - int(at)) * 1000):03}Z"
