"""Labels for the records of calls and accounts: sentences for people."""

from typing import assert_never

from fargo.calls import cause_in_words, person_in_words, video_of
from fargo.statemachine.model.call_records import (
    AudioPath,
    Direction,
    LogRecord,
    RecordAccount,
    RecordAnswered,
    RecordBegun,
    RecordCarried,
    RecordDialog,
    RecordEarlyAudio,
    RecordEnded,
    RecordMedia,
    RecordPath,
    RecordTransfer,
    Rewriting,
    Side,
)
from fargo.statemachine.reason import FAILURES
from replay.drawing import texts
from replay.drawing.label import Label, Tone


def of(record: LogRecord, user: str) -> Label:
    """Return a record in this user's stream as a sentence."""
    match record:
        case RecordBegun(direction=Direction.OUT, peer=peer):
            return _begun(user, peer or texts.THE_GATEWAY, record.rewritten)
        case RecordBegun(peer=peer, name=name):
            caller = person_in_words(name, peer)
            return _begun(caller or texts.ANONYMOUS_CALLER, user, record.rewritten)
        case RecordPath(path=path, why=why):
            return _note((texts.DIRECT_AUDIO if path is AudioPath.DIRECT else texts.RELAYED_AUDIO).format(why=why))
        case RecordEarlyAudio():
            return _note(texts.EARLY_AUDIO)
        case RecordAnswered(client=client):
            return _note(texts.ANSWERED.format(client=client))
        case RecordCarried(from_client=from_client, from_phone=from_phone):
            return Label(_carried(record), Tone.NOTE if from_client and from_phone else Tone.ERROR)
        case RecordDialog(call_id=call_id, forwarded=forwarded):
            return _note((texts.FORWARDED_CALL_ID if forwarded else texts.CALL_ID).format(call_id=call_id))
        case RecordMedia():
            return _note(_agreed(record))
        case RecordTransfer(step=step, to=to, why=why):
            tone = Tone.ERROR if why else Tone.NOTE
            asked = texts.USER_TRANSFERS if record.by_user else texts.TRANSFERS
            return Label(f"{asked[step].format(to=to or texts.NOBODY)} {why}".strip(), tone)
        case RecordEnded(by=by, cause=cause, text=reason):
            template = texts.ENDED_WITH_REASON if reason else texts.ENDED
            side = texts.ENDED_BY_TARGET if record.forwarded else texts.ENDED_BY[by]
            sentence = template.format(by=side, cause=cause_in_words(cause), reason=reason)
            return Label(sentence, Tone.ERROR if cause in FAILURES else Tone.NOTE)
        case RecordAccount(address=address, status=status):
            return _note(texts.ACCOUNT.format(address=address, status=status) if address else texts.NO_ACCOUNT)
        case _:
            assert_never(record)


def _begun(caller: str, called: str, rewritten: Rewriting | None) -> Label:
    sentence = texts.CALLS.format(caller=caller, called=called)
    return _note(sentence if rewritten is None else f"{sentence} {number_told(rewritten)}")


def number_told(rewritten: Rewriting) -> str:
    """Return what dial rules have made of a number, as a sentence."""
    rules = "; ".join(rewritten.rules)
    if rewritten.result is None:
        return texts.NUMBER_REFUSED.format(number=rewritten.number, rules=rules)
    return texts.REWRITTEN.format(number=rewritten.number, result=rewritten.result, rules=rules)


def _carried(carried: RecordCarried) -> str:
    told = [texts.CARRIED.format(from_client=carried.from_client, from_phone=carried.from_phone)]
    for side, known in ((Side.CLIENT, carried.client_quality), (Side.PHONE, carried.phone_quality)):
        if known:
            end = texts.ENDED_BY[side]
            told.append(texts.QUALITY.format(end=end, loss=known.loss, jitter=known.jitter, mos=known.mos))
    return " ".join(told)


def _agreed(media: RecordMedia) -> str:
    seen = video_of(media.codecs)
    codecs = ", ".join(each.removesuffix("/8000") for each in media.codecs if each not in seen)
    local, remote = media.local or texts.NO_ADDRESS, media.remote or texts.NO_ADDRESS
    told, how = texts.AGREED.format(codecs=codecs, local=local, remote=remote), texts.BY_SRTP
    if media.encrypted and media.local is None:
        # Only SRTP that is keyed by DTLS goes to addresses which ICE finds.
        told, how = texts.AGREED_BY_ICE.format(codecs=codecs), texts.BY_DTLS
    encrypted = (how,) if media.encrypted else ()
    held_by = texts.HELD_BY_PHONE if media.forwarded else texts.HELD_BY
    video = (texts.VIDEO_AGREED.format(codecs=", ".join(seen)),) if seen else ()
    return " ".join((told, *video, *encrypted, *(held_by[by] for by in media.held_by)))


def _note(sentence: str) -> Label:
    return Label(sentence, Tone.NOTE)
