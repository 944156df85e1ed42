"""The line of the journal about a call that has ended, and its fields for programs.

Rules:

1. It is told from the call's summary only (`fargo.calls`), which `fargo calls` shows, too. The call's name stands at
   the end, so that the log can be asked about it.
2. A call in which something failed is a warning, unless only the number or the person could not be reached: nobody
   but the user can do anything about that.
3. What is not known is left out of the line, and is null in the fields.
"""

from collections.abc import Iterator, Mapping
from typing import Final

from fargo.calls import Record, cause_in_words
from fargo.journal import texts
from fargo.journal.levels import Level
from fargo.plain import plain
from fargo.statemachine.model.call_records import Direction, Side
from fargo.statemachine.model.ng import Quality
from fargo.statemachine.reason import Cause

FieldValue = str | float | bool | None

_OF_USERS: Final = frozenset({Cause.NOT_FOUND, Cause.UNAVAILABLE})
_MINUTE: Final = 60


def level(call: Record) -> Level:
    """Return how much it matters that a call has ended so (rule 2)."""
    return Level.WARNING if call.failed and call.cause not in _OF_USERS else Level.INFO


def line(call: Record) -> str:
    """Return what became of a call, on one line."""
    template = texts.CALL_ENDED_BECAUSE if call.reason else texts.CALL_ENDED
    return plain(
        template.format(
            who=_who(call),
            ending=cause_in_words(call.cause),
            side=texts.THE_NUMBER if call.forwarded_ended else texts.SIDES[Side(call.ended_by)],
            facts=", ".join(_facts(call)),
            reason=call.reason,
            call=call.name,
        )
    )


def fields(call: Record) -> Mapping[str, FieldValue]:
    """Return the call for programs; docs/operations.md describes each field."""
    return {
        "user": call.name.user,
        "direction": call.direction,
        "peer": call.peer or None,
        "call": str(call.name),
        "ending": call.cause,
        "side": call.ended_by,
        "status": call.sip_status,
        "reason": call.reason or None,
        "answered": call.answered is not None,
        "seconds": round(_seconds(call), 3),
        "path": call.audio or None,
        "codec": call.codecs[0] if call.codecs else None,
        "video": call.video[0] if call.video else None,
        "call_id": call.call_id or None,
        "forwarded_to": call.forwarded_to or None,
        "transferred_to": call.transferred_to or None,
        "from_client": call.from_client,
        "from_phone": call.from_phone,
        **_quality("client", call.client_quality),
        **_quality("phone", call.phone_quality),
    }


def _quality(end: str, known: Quality | None) -> Mapping[str, FieldValue]:
    return {
        f"loss_from_{end}": known.loss if known else None,
        f"jitter_from_{end}": known.jitter if known else None,
        f"mos_from_{end}": known.mos if known else None,
    }


def _who(call: Record) -> str:
    told = _whom(call)
    return texts.TRANSFERRED.format(call=told, to=call.passed_in_words) if call.passed_to else told


def _whom(call: Record) -> str:
    if call.direction == Direction.OUT:
        return texts.CALLED.format(user=call.name.user, peer=call.peer or texts.THE_GATEWAY)
    told = texts.WAS_CALLED.format(user=call.name.user, peer=call.peer_in_words or texts.ANONYMOUS)
    return texts.FORWARDED.format(call=told, to=call.forwarded_to) if call.forwarded_to else told


def _facts(call: Record) -> Iterator[str]:
    yield (texts.NOT_ANSWERED if call.answered is None else texts.TALKED).format(time=_time(_seconds(call)))
    if call.audio:
        yield texts.ONE_WAY.format(path=call.audio) if len(call.silent) == 1 else call.audio
    if call.codecs:
        yield call.codecs[0]
    if call.video:
        yield texts.VIDEO.format(codec=call.video[0])
    if call.mos is not None:
        yield texts.MOS.format(mos=call.mos)
    if call.sip_status is not None and f"({call.sip_status})" not in call.reason:
        yield texts.REFUSED_AT.format(status=call.sip_status, domain=call.peer.rpartition("@")[2])


def _seconds(call: Record) -> float:
    """Return for how long the ends have talked, or tried to."""
    assert call.ended is not None, "it has ended"
    return max(call.ended - (call.began if call.answered is None else call.answered), 0.0)


def _time(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), _MINUTE)
    return (texts.MINUTES if minutes else texts.SECONDS).format(minutes=minutes, seconds=rest)
