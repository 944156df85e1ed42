"""A call in a paragraph that can be pasted to its user, or to a provider's hotline: what happened, whose side it was,
what to do next, and the facts by which others find the call.

Rules:

1. It is told from the call's record only, and says nothing that the record does not.
2. Each time has its zone. Hostile text stays on its line (`fargo.plain`).
"""

from collections.abc import Callable, Iterator
from typing import Final

from fargo.calls import Record
from fargo.plain import plain
from fargo.statemachine.model.call_records import AudioPath, Direction, Rewriting, Side
from fargo.statemachine.reason import Cause
from replay.explaining import quality, texts
from replay.explaining.advice import advice

Clock = Callable[[float], str]
"""Gives a time (seconds since 1970) to the second, with its zone."""


def paragraph(call: Record, clock: Clock) -> str:
    """Return what happened in a call, and what to do next."""
    return plain(" ".join((_begun(call, clock), *_course(call), *_end(call), *advice(call))))


def facts(call: Record, clock: Clock) -> Iterator[tuple[str, str]]:
    """Yield what others find the call by, each with its name; what is not known is left out."""
    yield texts.CALL, plain(str(call.name))
    yield texts.BEGAN, clock(call.began)
    if call.ended is not None:
        yield texts.ENDED, clock(call.ended)
    yield from details(call)


def details(call: Record) -> Iterator[tuple[str, str]]:
    """Yield those of the facts that are neither its name nor a time."""
    status = "" if call.sip_status is None else str(call.sip_status)
    held = "" if not call.held else texts.SECONDS.format(seconds=call.held // 1000)
    named = {
        texts.CALL_ID: ", ".join(each for each in call.call_ids if each != call.forwarded_call_id),
        texts.FROM: call.sip_from,
        texts.TO: call.sip_to,
        texts.STATUS: status,
        texts.DIAL_RULES: _rewritten(call.rewritten),
        texts.TRANSFERRED_TO: call.passed_in_words,
        texts.FORWARDED_TO: call.forwarded_to,
        texts.FORWARDED_CALL_ID: call.forwarded_call_id,
        texts.CLIENT: "" if call.forwarded_to else call.client,
        texts.AUDIO: _audio(call),
        texts.ADDRESSES: _addresses(call),
        texts.HELD: held,
        texts.PACKETS: _packets(call),
        texts.QUALITY_FROM_CLIENT: quality.in_figures(call.client_quality),
        texts.QUALITY_FROM_PHONE: quality.in_figures(call.phone_quality),
    }
    return ((name, plain(value)) for name, value in named.items() if value)


def _rewritten(known: Rewriting | None) -> str:
    if known is None:
        return ""
    rules = "; ".join(known.rules)
    if known.result is None:
        return texts.NUMBER_REFUSED.format(written=known.written, rules=rules)
    return texts.REWRITTEN.format(written=known.written, number=known.number, result=known.result, rules=rules)


def _begun(call: Record, clock: Clock) -> str:
    if call.direction == Direction.OUT:
        return texts.CALLED.format(user=call.name.user, peer=call.peer or texts.THE_GATEWAY, at=clock(call.began))
    who = call.peer_in_words or texts.SOMEBODY
    told = texts.WAS_CALLED.format(user=call.name.user, peer=who, at=clock(call.began))
    return f"{told} {texts.FORWARDED.format(to=call.forwarded_to)}" if call.forwarded_to else told


def _course(call: Record) -> Iterator[str]:
    """Yield if the call was answered, and what was heard."""
    if call.answered is not None:
        yield texts.ANSWERED.format(after=_time(call.answered - call.began))
        if call.ended is not None:
            yield texts.TALKED.format(time=_time(call.ended - call.answered))
    elif call.ended is not None:
        yield texts.NOT_ANSWERED.format(after=_time(call.ended - call.began))
    if call.answered is None and call.early_audio is not None:
        yield texts.ANNOUNCEMENT
    for each in call.transfers:
        if template := (texts.USER_TRANSFERS if each.by_user else texts.TRANSFERS)[each.step]:
            yield template.format(to=each.to or texts.NOBODY, why=each.why.rstrip("."))
    match call.silent:
        case ():
            yield from quality.told(call)
        case (Side.CLIENT,):
            yield texts.NOTHING_FROM_CLIENT
        case (Side.PHONE,):
            yield texts.NOTHING_FROM_PHONE
        case _:
            yield texts.NO_AUDIO


def _end(call: Record) -> Iterator[str]:
    if call.ended is None:
        yield texts.IN_PROGRESS
        return
    side = texts.THE_NUMBER if call.forwarded_ended else texts.SIDES[Side(call.ended_by)]
    yield texts.ENDINGS[Cause(call.cause)].format(side=side)
    if call.reason:
        yield texts.WORDS.format(reason=call.reason.rstrip("."))


def _audio(call: Record) -> str:
    if not call.audio:
        return ""
    path = texts.BETWEEN_PHONES if call.forwarded_to else texts.PATHS[AudioPath(call.audio)]
    codecs = ", ".join(call.codecs) or texts.NO_CODEC
    encrypted = texts.AUDIO_END_TO_END if call.audio == AudioPath.DIRECT else texts.AUDIO_ENCRYPTED
    return (encrypted if call.encrypted else texts.AUDIO_OF).format(path=path, codecs=codecs)


def _addresses(call: Record) -> str:
    if not (call.media_local or call.media_remote):
        return ""
    local, remote = call.media_local or texts.UNKNOWN, call.media_remote or texts.UNKNOWN
    return texts.BETWEEN.format(local=local, remote=remote)


def _packets(call: Record) -> str:
    if call.from_client is None or call.from_phone is None:
        return ""
    return texts.PACKETS_OF.format(from_client=call.from_client, from_phone=call.from_phone)


_MINUTE: Final = 60


def _time(seconds: float) -> str:
    """Return a duration as people say it."""
    whole = int(seconds)
    if whole < 1:
        return texts.LESS_THAN_A_SECOND
    if whole < _MINUTE:
        return texts.SECONDS.format(seconds=whole)
    return texts.MINUTES.format(minutes=whole // _MINUTE, seconds=whole % _MINUTE)
