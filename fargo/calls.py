"""A summary of each call, made from the call records in a log: a projection, computed whenever somebody asks for it.

Rules:

1. A call's name is ``JID/ID``: its user, and the version of the event that it began with.
2. A call without an end is in progress, as far as the log knows.
3. Whatever tells of calls, a list, a page or the gateway's own output, tells of this summary, so that all say the same.
"""

from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple, assert_never, cast, get_args

from msgspec import Struct
from msgspec.structs import replace

from fargo import texts
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
    RecordTransfer,
    Rewriting,
    Side,
    TransferStep,
)
from fargo.statemachine.model.events import Recorded
from fargo.statemachine.model.ng import Quality
from fargo.statemachine.reason import FAILURES, Cause
from fargo.store.entries import Entry

_OF_CALLS: Final = frozenset(get_args(CallRecord))
_VIDEO_RATE, _MPEG_AUDIO = "/90000", "MPA/90000"


class CallName(NamedTuple):
    """A call: its user (bare JID), and its id, the version of the event that it began with."""

    user: str
    id: str

    def __str__(self) -> str:
        return f"{self.user}/{self.id}"


class Record(Struct, frozen=True):
    """A call: its user, peer and direction, when it began, was answered and ended (seconds since 1970), which client
    took part, the path of the audio and why (through a relay: RTP packets from either end, and how well they got
    through if the relay knows), who ended it and why. ``rewritten``: what dial rules
    have made of the peer's number, if they have changed it. What has not happened is None, or "".

    ``forwarded_to``: the SIP address that it was forwarded to; ``forwarded_call_id``: the Call-ID of the call there,
    one of ``call_ids``, too; ``forwarded_ended``: whoever was called there ended it. ``transfers``: what has become of
    the transfers that phones have asked for, in order.

    What only our own user agent knows: each Call-ID, From and To of the last INVITE, the status of the response that
    refused it; when the client began to hear a phone that had not answered; the codecs that were agreed on last and the
    addresses of the audio, for how many milliseconds an end was on hold (``held_since``: since when it is), and if the
    audio of the phone was encrypted, as far as the relay or, if it went directly, as far as the client.
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
    client_quality: Quality | None = None
    phone_quality: Quality | None = None
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
    rewritten: Rewriting | None = None
    forwarded_to: str = ""
    forwarded_call_id: str = ""
    forwarded_ended: bool = False
    transfers: tuple[RecordTransfer, ...] = ()

    @property
    def transferred_to(self) -> str:
        """Return the SIP address of the phone that the call was transferred to last, "" if it was not."""
        return next(reversed(self.passed_to), "")

    @property
    def passed_to(self) -> tuple[str, ...]:
        """Return the SIP addresses of all phones that the call was transferred to, in order."""
        return tuple(each.to for each in self.transfers if each.step is TransferStep.DONE)

    @property
    def passed_in_words(self) -> str:
        """Return these addresses for people, "" if the call was not transferred."""
        return texts.THEN_TO.join(self.passed_to)

    @property
    def call_id(self) -> str:
        """Return the Call-ID of the call to or from the peer: the last, if it was placed twice; "" if none is known."""
        return next((each for each in reversed(self.call_ids) if each != self.forwarded_call_id), "")

    @property
    def video(self) -> tuple[str, ...]:
        """Return the codecs of video that were agreed on last, such as "VP8/90000"; none if there is no video."""
        return video_of(self.codecs)

    @property
    def peer_in_words(self) -> str:
        """Return the other end, "" if nothing is known of it."""
        return person_in_words(self.peer_name, self.peer)

    @property
    def failed(self) -> bool:
        """Return True if something failed in the call, or kept it from coming about."""
        return self.cause in FAILURES

    @property
    def silent(self) -> tuple[Side, ...]:
        """Return the ends of an answered call from which the relay received no audio; none if it is not known. Before
        the answer nobody has to speak: a phone alone plays an announcement.
        """
        if self.answered is None:
            return ()
        return tuple(
            end for end, packets in ((Side.CLIENT, self.from_client), (Side.PHONE, self.from_phone)) if packets == 0
        )

    @property
    def mos(self) -> float | None:
        """Return the score of the direction that sounded worse; None if that of neither is known."""
        known = [each.mos for each in (self.client_quality, self.phone_quality) if each]
        return min(known, default=None)


def video_of(codecs: tuple[str, ...]) -> tuple[str, ...]:
    """Return those of the codecs in a record that are of video, which all have one clock rate (RFC 3551 §5)."""
    return tuple(each for each in codecs if each.endswith(_VIDEO_RATE) and each != _MPEG_AUDIO)


def person_in_words(name: str | None, address: str | None) -> str:
    """Return a name and an address, or what is known of them; "" if nothing is."""
    return texts.NAMED.format(name=name, address=address) if name and address else name or address or ""


def cause_in_words(cause: str) -> str:
    """Return why a call ended, as lists tell it."""
    return texts.CAUSES[Cause(cause)]


def records(entries: Iterable[Entry], known: Iterable[Record] = ()) -> list[Record]:
    """Return the calls that begin in the entries, in the order of their beginnings, behind those already known."""
    calls = {record.name: record for record in known}
    for entry in entries:
        for name, of_call in call_records(entry):
            if call := taken(calls.get(name), name, entry[0], of_call):
                calls[name] = call
    return list(calls.values())


def call_records(entry: Entry) -> Iterator[tuple[CallName, CallRecord]]:
    """Yield the call records of an entry, each with the call that it is about."""
    recorded, issued = entry
    for each in issued:
        if type(each.command) in _OF_CALLS:  # quicker than to compare with each of them
            record = cast(CallRecord, each.command)
            yield CallName(recorded.user, record.call), record


def taken(call: Record | None, name: CallName, recorded: Recorded, of_call: CallRecord) -> Record | None:
    """Return a call as it is after another record of it, which was written for an event; None if its beginning is not
    known.
    """
    match of_call:
        case RecordBegun(_, direction, peer, peer_name, session, _, rewritten):
            call = Record(name, direction.value, peer or "", peer_name or "", session or "", recorded.at)
            return call if rewritten is None else replace(call, rewritten=rewritten)
        case _ if call is None:
            return None
        case RecordPath(_, audio, why, to):
            return replace(call, audio=audio.value, audio_why=why, forwarded_to=to or "")
        case RecordAnswered(_, client):
            return replace(call, answered=recorded.at, client=client)
        case RecordEarlyAudio():
            return replace(call, early_audio=call.early_audio or recorded.at)
        case RecordCarried(_, from_client, from_phone, of_client, of_phone):
            packets = replace(call, from_client=from_client, from_phone=from_phone)
            return replace(packets, client_quality=of_client, phone_quality=of_phone)
        case RecordDialog(_, call_id, forwarded=True):
            # In front: that of the call to or from the peer stays the last, also if one to such a number has failed.
            return replace(call, call_ids=(call_id, *call.call_ids), forwarded_call_id=call_id)
        case RecordDialog(_, call_id, sender, recipient):
            return replace(call, call_ids=(*call.call_ids, call_id), sip_from=sender, sip_to=recipient)
        case RecordMedia():
            return _with_media(call, of_call, recorded.at)
        case RecordTransfer(call_id=call_id):
            others = () if call_id is None else (call_id,)
            return replace(call, transfers=(*call.transfers, of_call), call_ids=(*others, *call.call_ids))
        case RecordEnded():
            return _ended(call, of_call, recorded.at)
        case _:
            assert_never(of_call)


def _ended(call: Record, end: RecordEnded, at: float) -> Record:
    return replace(
        _taken_off_hold(call, at),
        ended=at,
        ended_by=end.by.value,
        cause=end.cause.value,
        reason=end.text,
        sip_status=end.sip_status,
        forwarded_ended=end.forwarded,
    )


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
