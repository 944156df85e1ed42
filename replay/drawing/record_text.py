"""What became of a call, in words for people. Hostile text stays on its line."""

from typing import Final

from fargo.statemachine.model.call_records import Direction
from fargo.statemachine.reason import Cause
from replay.reading.records import Record

CAUSES: Final = {
    Cause.HUNG_UP: "hung up",
    Cause.CANCELLED: "gave up",
    Cause.ELSEWHERE: "answered elsewhere",
    Cause.NOT_FOUND: "not found",
    Cause.UNAVAILABLE: "unavailable",
    Cause.NO_ANSWER: "no answer",
    Cause.BUSY: "busy",
    Cause.DECLINED: "declined",
    Cause.FORBIDDEN: "forbidden",
    Cause.MEDIA: "no audio that both ends have",
    Cause.APPLICATION: "no call that can be put through",
    Cause.TRANSPORT: "no way for the audio",
    Cause.SECURITY: "no encryption that both ends have",
    Cause.NETWORK: "network trouble",
    Cause.SERVER_ERROR: "server trouble",
    Cause.FAULT: "a bug",
}


def peer(record: Record) -> str:
    """With whom, and which way."""
    if record.peer_name and record.peer:
        who = f"{record.peer_name} ({record.peer})"
    else:
        who = record.peer_name or record.peer or "an anonymous caller"
    return plain(f"{'to' if record.direction == Direction.OUT else 'from'} {who}")


def audio(record: Record) -> str:
    """Which way the audio went, and whether it was heard from one end only."""
    one_way = record.from_client != record.from_phone and 0 in (record.from_client, record.from_phone)
    return f"{record.audio}, one way" if one_way else record.audio


def ending(record: Record) -> str:
    """Who ended it and why, with the text that people were given."""
    if record.ended is None:
        return "going on"
    told = f"{record.ended_by}: {CAUSES[Cause(record.cause)]}"
    return plain(f"{told}. {record.reason}" if record.reason else told)


def talked(record: Record, now: float) -> str:
    """How long it was, or has been, talked, in minutes and seconds; "" if it was not."""
    if record.answered is None:
        return ""
    whole = int((now if record.ended is None else record.ended) - record.answered)
    minutes, seconds = divmod(max(whole, 0), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"


def plain(text: str) -> str:
    """The text on one line, with a question mark for whatever would not be seen."""
    return "".join(c if c.isprintable() else "?" for c in text)
