"""The cells of a table of calls, in words for people. Hostile text stays on its line (`fargo.plain`)."""

from fargo.calls import Record, cause_in_words
from fargo.plain import plain
from fargo.statemachine.model.call_records import AudioPath, Direction
from replay.drawing import texts


def peer(record: Record) -> str:
    """Return whom the user called, or who called the user; with the number as it was before dial rules, and the numbers
    that the call was forwarded and transferred to.
    """
    told = _peer(record)
    if record.rewritten is not None:
        told = texts.FROM_NUMBER.format(peer=told, number=record.rewritten.written)
    if record.forwarded_to:
        told = texts.FORWARDED.format(peer=told, to=record.forwarded_to)
    if record.transferred_to:
        told = texts.TRANSFERRED.format(peer=told, to=record.passed_in_words)
    return plain(told)


def _peer(record: Record) -> str:
    if record.direction == Direction.OUT:
        return texts.TO.format(peer=record.peer or texts.THE_GATEWAY)
    return texts.FROM.format(peer=record.peer_in_words or texts.AN_ANONYMOUS_CALLER)


def audio(record: Record) -> str:
    """Return the path of the audio, which may have been heard from one end only, its first codec, that of video, if
    audio was encrypted, its score in the worse direction, and how long an end was on hold.
    """
    told = texts.ONE_WAY.format(audio=record.audio) if len(record.silent) == 1 else record.audio
    if record.codecs:
        told = texts.WITH_CODEC.format(audio=told, codec=record.codecs[0].partition("/")[0])
    if record.video:
        told = texts.WITH_VIDEO.format(audio=told, codec=record.video[0].partition("/")[0])
    if record.encrypted:
        told = (texts.END_TO_END if record.audio == AudioPath.DIRECT else texts.ENCRYPTED).format(audio=told)
    if record.mos is not None:
        told = texts.WITH_MOS.format(audio=told, mos=record.mos)
    return plain(texts.HELD.format(audio=told, time=_time(record.held // 1000)) if record.held else told)


def ending(record: Record) -> str:
    """Return who ended the call and why, with the text that people were given."""
    if record.ended is None:
        return texts.IN_PROGRESS
    template = texts.ENDING_WITH_REASON if record.reason else texts.ENDING
    by = texts.TARGET if record.forwarded_ended else record.ended_by
    return plain(template.format(by=by, cause=cause_in_words(record.cause), reason=record.reason))


def talked(record: Record, now: float) -> str:
    """Return for how long the ends have talked, in minutes and seconds; "" if the call was not answered."""
    if record.answered is None:
        return ""
    return _time(max(int((now if record.ended is None else record.ended) - record.answered), 0))


def _time(whole: int) -> str:
    """Return seconds as people write a time."""
    minutes, seconds = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"
