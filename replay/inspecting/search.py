"""The calls that somebody looks for on the page of all calls.

Rules:

1. What is looked for stands in the page's address, by the names of the fields here. Those of `fargo calls` have the
   same names and meanings.
2. "" and None mean any.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Literal

from msgspec import Meta, Struct

from fargo.calls import Record
from fargo.statemachine.model.call_records import Side
from fargo.statemachine.reason import Cause
from replay.explaining import quality
from replay.reading.records import is_with

Time = Annotated[str, Meta(pattern=r"^([12]\d{3}-(0\d|1[012])-([012]\d|3[01])T([01]\d|2[0-3]):[0-5]\d(:[0-5]\d)?)?$")]


class CallSearch(Struct, frozen=True, rename={"peer": "with", "cause": "ended"}):
    """The calls that are looked for.

    ``text``: a part of the user's or the peer's name or of a Call-ID. ``user``: a JID, or a part of its local part.
    ``peer``: see `is_with`. ``call_id``: all of it. ``by``, ``cause``: who ended the call, and why. ``reason``: a part
    of the text that people were given. ``since``, ``until``: when it began (UTC, in the form of HTML's datetime-local).
    ``before``: the name of a call; only calls that began before it are wanted.
    """

    text: str = ""
    user: str = ""
    peer: str = ""
    call_id: str = ""
    direction: Literal["", "in", "out"] = ""
    ending: Literal["", "failed", "unanswered", "answered", "poor", "open"] = ""
    by: Side | None = None
    cause: Cause | None = None
    reason: str = ""
    since: Time = ""
    until: Time = ""
    before: str = ""

    def has(self, record: Record) -> bool:
        """Return True if a call is one of them, whenever it began in relation to ``before``."""
        return (
            self._is_named(record)
            and self._is_of_user(record.name.user)
            and (not self.peer.strip() or is_with(record, self.peer.strip()))
            and self.call_id.strip() in ("", *record.call_ids)
            and self.direction in ("", record.direction)
            and self._ended_so(record)
            and (not self.since or _seconds(self.since) <= record.began)
            and (not self.until or record.began < _seconds(self.until))
        )

    def _is_named(self, record: Record) -> bool:
        names = "\n".join((record.name.user, record.peer, record.peer_name, *record.call_ids)).casefold()
        return self.text.strip().casefold() in names

    def _is_of_user(self, user: str) -> bool:
        wanted = self.user.strip().casefold()
        return wanted == user if "@" in wanted else wanted in user.partition("@")[0]

    def _ended_so(self, record: Record) -> bool:
        return (
            self.by in (None, record.ended_by)
            and self.cause in (None, record.cause)
            and self.reason.strip().casefold() in record.reason.casefold()
            and self._became_so(record)
        )

    def _became_so(self, record: Record) -> bool:
        match self.ending:
            case "":
                return True
            case "failed":
                return record.failed
            case "answered":
                return record.answered is not None
            case "poor":
                return record.answered is not None and (quality.is_poor(record) or bool(record.silent))
            case "unanswered":
                return record.answered is None and record.ended is not None
            case "open":
                return record.ended is None


def before(calls: Sequence[Record], name: str) -> Sequence[Record]:
    """Return the calls before the one of that name; none if it is not there (any more)."""
    place = next((place for place, call in enumerate(calls) if str(call.name) == name), 0)
    return calls[:place]


def _seconds(time: str) -> float:
    return datetime.fromisoformat(time).replace(tzinfo=UTC).timestamp()
