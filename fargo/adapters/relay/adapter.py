"""The relay adapter: carry out commands for relay sessions with rtpengine's NG protocol, and put the results as events.

It decides nothing about calls. rtpengine's documentation explains the flags of the requests. Which flags let real
clients hear each other was found by experiment.
"""

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex
from typing import Any, Final, assert_never
from urllib.parse import quote

from msgspec.structs import replace
from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from fargo.adapters.relay import texts
from fargo.adapters.relay.ng import Ng, NgReply, RefusedError, SilentError, Value
from fargo.adapters.relay.quality import quality
from fargo.adapters.relay.ringing import ringing_tone
from fargo.adapters.relay.watch import Watch
from fargo.adapters.sdp.grammar import DTLS, FEEDBACK, PLAIN, SDES
from fargo.adapters.sdp.reading import MalformedSdpError, read
from fargo.adapters.sdp.session_keys import SessionKeys
from fargo.adapters.sdp.writing import UnwritableError, write
from fargo.statemachine.media.codecs import kind
from fargo.statemachine.media.description import (
    Codec,
    Content,
    Description,
    IceUdp,
    MediaProfile,
    RawUdp,
    Role,
    Srtp,
    Transport,
)
from fargo.statemachine.model.commands import Issued
from fargo.statemachine.model.ng import (
    AnswerRelay,
    DeleteRelay,
    Flow,
    OfferRelay,
    PlayDigit,
    PlayRinging,
    RelayCommand,
    RelayDescribed,
    RelayDone,
    RelayEvent,
    RelayLost,
    RelayParty,
    RelayPhone,
    RelayRefused,
    StopRinging,
    SwitchPhone,
)

_NONCE_BYTES: Final = 4
# What a number is reserved with: an answer may have any codec under a number that was offered. The relay takes only a
# codec that it knows, and this one never occurs with such a clock rate.
_RESERVED: Final = Codec(0, "telephone-event", 7000)
_LONG: Final = 1000
"""So often the ringing tone is played, if nobody stops it: longer than any phone rings."""
_SECOND: Final = "2"
"""Ends the cookie of the second request for a command."""
_OTHER: Final = {RelayParty.OFFERER: RelayParty.ANSWERER, RelayParty.ANSWERER: RelayParty.OFFERER}
_SPEAKER: Final[dict[RelayParty, Role]] = {RelayParty.OFFERER: "initiator", RelayParty.ANSWERER: "responder"}


@dataclass(frozen=True, slots=True)
class RelaySettings:
    """The IPv4 address and the port on which rtpengine listens for the NG protocol."""

    host: str
    port: int


class RelayAdapter:
    """The link between rtpengine and the engine.

    `put` is called with each event of a user, `broadcast` with `RelayLost`, which concerns every user. `take_digit`
    returns the digit that is kept under a name and forgets it; it returns None if there is none. `keys` has the keys of
    encrypted audio. `kept` is a file in which `Watch` keeps a number.
    """

    def __init__(
        self,
        put: Callable[[str, RelayEvent], None],
        broadcast: Callable[[RelayLost], None],
        take_digit: Callable[[str], str | None],
        keys: SessionKeys,
        settings: RelaySettings,
        kept: Path,
        reactor: Any,
    ) -> None:
        self._put = put
        self._take_digit = take_digit
        self._keys = keys
        self._nonce = token_hex(_NONCE_BYTES)
        self._ng = Ng(settings.host, settings.port, reactor)
        self._watch = Watch(self._ng, self._nonce, kept, broadcast, reactor)
        self._asked: defaultdict[str, set[str]] = defaultdict(set)
        """The cookies of the requests that wait for their replies, by session."""
        self._log = Logger()

    @property
    def answers(self) -> bool:
        """True if the relay has answered the latest question that it was asked, or has not been silent yet."""
        return self._watch.answers

    @property
    def sessions(self) -> int | None:
        """The number of sessions of the relay, of all its users; None if it has not told."""
        return self._watch.sessions

    def start(self) -> None:
        """Begin to carry out commands."""
        self._ng.start()

    def watch(self) -> None:
        """Begin to watch the relay. If it was lost while the gateway was down, that is noticed now."""
        self._watch.start()

    def stop(self) -> Deferred[None]:
        """Release the port. The Deferred fires when it is free. Sessions must have been deleted by commands before."""
        self._watch.stop()
        return self._ng.stop()

    def do(self, issued: Issued) -> None:
        """Carry out a RelayCommand. One event is put for it."""
        command: RelayCommand = issued.command  # type: ignore[assignment]
        Deferred.fromCoroutine(self._do(issued, command)).addErrback(self._unexpected, issued)

    async def _do(self, issued: Issued, command: RelayCommand) -> None:
        self._put(issued.user, await self._done(issued, command))

    async def _done(self, issued: Issued, command: RelayCommand) -> RelayEvent:
        cookie = f"{self._nonce}:{quote(issued.user)}:{issued.id}"
        try:
            self._use_keys(command)
            self._note(command, cookie)
            reply = await self._ng.ask(cookie, self._request(command))
            if isinstance(command, DeleteRelay) and not reply.get("tags"):
                by = _OTHER[_deleted_by(command)]
                reply = await self._ng.ask(f"{cookie}:{_SECOND}", _deletion(command.session, by, command.phone))
            return self._event(command, issued.id, reply)
        except SilentError as problem:
            return RelayRefused(issued.id, str(problem), silent=True)
        except RefusedError as problem:
            return RelayRefused(issued.id, str(problem), unknown=problem.unknown, unasked=problem.unasked)
        except MalformedSdpError as problem:
            return RelayRefused(issued.id, str(problem))
        except UnwritableError as problem:
            return RelayRefused(issued.id, str(problem), unasked=True)
        finally:
            self._asked.get(command.session, set()).discard(cookie)

    def _request(self, command: RelayCommand) -> dict[str, Value]:
        match command:
            case OfferRelay():
                return _offer(command, self._keys)
            case AnswerRelay():
                return _answer(command, self._keys)
            case PlayDigit(to=to, digit=name, duration=duration, phone=phone):
                digit = self._take_digit(name)
                if digit is None:
                    raise RefusedError(texts.DIGIT_GONE, unasked=True)
                request: dict[str, Value] = {"command": "play DTMF", "call-id": command.session, "code": digit}
                # rtpengine wants the tag of the party that plays the tone; the other party hears it.
                return request | {"from-tag": _tag(_OTHER[to], phone)} | ({"duration": duration} if duration else {})
            case PlayRinging(to=to):
                return {**_to_one("play media", command.session, to), "blob": ringing_tone(), "repeat-times": _LONG}
            case StopRinging(to=to):
                return _to_one("stop media", command.session, to)
            case SwitchPhone(phone=phone, on=on):
                verb = "unblock media" if on else "block media"
                return {"command": verb, "call-id": command.session, "from-tag": _tag(phone.party, phone)}
            case DeleteRelay():
                return _deletion(command.session, _deleted_by(command), command.phone)
            case _:
                assert_never(command)

    def _note(self, command: RelayCommand, cookie: str) -> None:
        """Remember what is asked about a session. What is asked of one that is to be deleted is repeated no more: the
        relay would make the session again.
        """
        if isinstance(command, DeleteRelay):
            for asked in self._asked.pop(command.session, set()):
                self._ng.withdraw(asked)
        else:
            self._asked[command.session].add(cookie)

    def _use_keys(self, command: RelayCommand) -> None:
        """Keep the keys of a description as long as the session exists."""
        match command:
            case OfferRelay(session, description) | AnswerRelay(session, description):
                self._keys.begin(session, (each.key for each in description.crypto))
            case DeleteRelay(session):
                self._keys.end(session)
            case PlayDigit() | PlayRinging() | StopRinging() | SwitchPhone():
                pass
            case _:
                assert_never(command)

    def _event(self, command: RelayCommand, name: str, reply: NgReply) -> RelayEvent:
        match command:
            case OfferRelay(session=session, by=by) | AnswerRelay(session=session, by=by):
                description = _description(reply, by, self._keys)
                self._keys.use(session, (each.key for each in description.crypto))
                return RelayDescribed(name, description)
            case PlayDigit() | PlayRinging() | StopRinging() | SwitchPhone():
                return RelayDone(name)
            case DeleteRelay():
                return RelayDone(name, tuple(_flows(reply)))
            case _:
                assert_never(command)

    def _unexpected(self, failure: Failure, issued: Issued) -> None:
        self._log.failure(texts.COMMAND_BUG, failure=failure, id=issued.id, user=issued.user)
        self._put(issued.user, RelayRefused(issued.id, texts.BUG, unasked=True))


# --- commands to requests


def _to_one(command: str, session: str, party: RelayParty) -> dict[str, Value]:
    """Return a request about the media that one party hears."""
    return {"command": command, "call-id": session, "from-tag": party.value}


def _tag(party: RelayParty, phone: RelayPhone | None) -> str:
    """Return the tag of a party of a session with this phone."""
    if phone is None or phone.party is not party or not phone.number:
        return party.value
    return f"{party}-{phone.number}"


def _deleted_by(command: DeleteRelay) -> RelayParty:
    """Return the party that deletes a session first. If there were several phones, it is the client: the relay deletes
    nothing but the party itself if there is another that does not take audio from it.
    """
    return _OTHER[command.phone.party] if command.phone else RelayParty.OFFERER


def _deletion(session: str, party: RelayParty, phone: RelayPhone | None) -> dict[str, Value]:
    """Return the request that deletes a session by one of its parties. Without one the reply has no statistics. A new
    relay to which the answerer has offered a call again does not know the offerer yet.
    """
    return {"command": "delete", "call-id": session, "from-tag": _tag(party, phone), "delete-delay": 0}


# Without it the relay accepts a digit but never plays it. With it the relay transcodes every call, even if both parties
# have the same codec. Measured with G.711: 0.6 % of a core for a call instead of 0.3 %.
_INJECT_DTMF: Final = "inject-DTMF"
# The relay tells each end itself what it receives from it, and so has statistics of it (`quality`). It passes the
# reports of the ends on no more, as they would be about other packets than those that the other end has sent.
# So it is not told to if there is video: it would not pass on the requests for a picture either.
_GENERATE_RTCP: Final = "generate RTCP"

# Flags of an offer: what the answerer must speak.
_OFFERED: Final[dict[MediaProfile, dict[str, Value]]] = {
    MediaProfile.PLAIN: {"transport-protocol": PLAIN, "ICE": "remove"},
    MediaProfile.ICE: {"transport-protocol": PLAIN, "ICE": "force"},
    # Passive: the answerer starts the handshake when its ICE is done. Without "off" the SDP has twelve SDES keys.
    MediaProfile.DTLS: {"transport-protocol": DTLS, "ICE": "force", "DTLS": "passive", "SDES": ["off"]},
}
# Flags of an answer: the profile is that of the offerer's own offer.
_ANSWERED: Final[dict[MediaProfile, dict[str, Value]]] = {
    MediaProfile.PLAIN: {"ICE": "remove"},
    MediaProfile.ICE: {"ICE": "force"},
    MediaProfile.DTLS: {"ICE": "force"},
}


# Flags of an offer of plain RTP to a phone that can encrypt it, or must. The relay offers all suites that it has, and
# also those that do not encrypt; the latter are not read (`sdp.crypto`).
_ENCRYPTED: Final[dict[Srtp, dict[str, Value]]] = {
    "off": {},
    "optional": {"DTLS": "off", "OSRTP": ["offer"]},
    "required": {"DTLS": "off", "transport-protocol": SDES},
}


def _offer(command: OfferRelay, keys: SessionKeys) -> dict[str, Value]:
    # Browsers accept nothing but one port for RTP and RTCP (RFC 8829 §4.1.1), so it is required, not just offered.
    mux: list[Value] = ["offer", "require"] if command.mux else ["demux"]
    codec: dict[str, Value] = {}
    if command.strip:
        codec["strip"] = list(command.strip)
    if command.transcode:
        codec["transcode"] = list(command.transcode)
    description = _reserving(command.description, command.reserved)
    plain = _sees(description, command.closed) and command.profile is not MediaProfile.DTLS
    return {
        **_described("offer", command.session, description, command.by, keys, command.closed),
        "from-tag": _tag(command.by, command.phone),
        # With one phone, the relay knows who is meant.
        **({"to-tag": _tag(_OTHER[command.by], command.phone)} if command.phone else {}),
        **_OFFERED[command.profile],
        **({"transport-protocol": FEEDBACK} if plain else {}),
        **_ENCRYPTED[command.srtp],
        "address-family": f"IP{command.family}",
        # Until the other end has answered, it has no address, and the relay would pass on whatever arrives for it.
        "drop-traffic": "start",
        "rtcp-mux": mux,
        **({"codec": codec} if codec else {}),
    }


def _reserving(description: Description, reserved: tuple[int, ...]) -> Description:
    """Return the description with numbers reserved, unless they are taken."""
    taken = {codec.id for codec in description.codecs}
    more = tuple(replace(_RESERVED, id=each) for each in reserved if each not in taken)
    return replace(description, codecs=(*description.codecs, *more))


# Without it the relay takes an answer with ICE that has yet to name its candidates for a hold, and plays no tone there.
_TRICKLES: Final = "a=ice-options:trickle\r\n"


def _answer(command: AnswerRelay, keys: SessionKeys) -> dict[str, Value]:
    described = _described("answer", command.session, command.description, command.by, keys, command.closed)
    transport = command.description.transport
    if isinstance(transport, IceUdp) and not transport.candidates:
        described["sdp"] = str(described["sdp"]) + _TRICKLES
    return {
        **described,
        # rtpengine wants the tags of the offer that this answers.
        "from-tag": _tag(_OTHER[command.by], command.phone),
        "to-tag": _tag(command.by, command.phone),
        **_ANSWERED[command.profile],
        "drop-traffic": "stop",
        "rtcp-mux": ["accept" if command.mux else "demux"],
    }


def _described(
    command: str, session: str, description: Description, by: RelayParty, keys: SessionKeys, closed: bool
) -> dict[str, Value]:
    """Return what an offer and an answer have in common."""
    return {
        "command": command,
        "call-id": session,
        "sdp": write(Content("", description=description), _SPEAKER[by], keys, closed),
        # A zero address means that the candidates are still to come (RFC 8840 §4.1). It does not mean hold.
        "replace": ["origin", "session-connection", "zero-address"],
        "flags": [
            _INJECT_DTMF,
            *([] if _sees(description, closed) else [_GENERATE_RTCP]),
            *_sources(description.transport),
        ],
    }


def _sees(description: Description, closed: bool) -> bool:
    """Return True if the session has a stream for video."""
    return description.video is not None or closed


def _sources(transport: Transport) -> list[Value]:
    """Return the flags which say from where the relay takes a party's audio. What comes from elsewhere is dropped.

    From the address that the party described, or that ICE has found. The relay does not learn another one: whoever
    sends to its port first would be taken for the party, and would hear the other. Only a party behind a NAT has to be
    found by its packets.
    """
    hidden = isinstance(transport, RawUdp) and any(each.hidden for each in transport.candidates)
    return ["strict-source"] if hidden else ["strict-source", "endpoint-learning-off"]


# --- replies to events


def _description(reply: NgReply, by: RelayParty, keys: SessionKeys) -> Description:
    """Return the description with which the relay represents one party to the other."""
    description = read(str(reply.get("sdp", "")), _SPEAKER[by], keys).description
    assert description, "read returns a content with a description"
    return replace(description, codecs=tuple(each for each in description.codecs if kind(each) != kind(_RESERVED)))


def _flows(reply: NgReply) -> list[Flow]:
    """Return what each party has sent, from the statistics of a deleted session; [] if there was no session. Phones of
    which one has had the place of another are one party.
    """
    tags = {party: [each for each in reply.get("tags", ()) if _is_of(each, party)] for party in RelayParty}
    return [_flow(party, found, reply) for party, found in tags.items() if found]


def _is_of(tag: str, party: RelayParty) -> bool:
    return tag.partition("-")[0] == party


def _flow(party: RelayParty, tags: list[str], reply: NgReply) -> Flow:
    # Audio alone: an end that sends a picture and no sound is silent.
    found = (media for tag in sorted(tags, key=_number, reverse=True) for media in reply["tags"][tag].get("medias", ()))
    medias = [media for media in found if media.get("type", "audio") == "audio"]
    streams = [stream for media in medias for stream in media.get("streams", ())]
    counted = [stream["stats"] for stream in streams if "RTP" in stream.get("flags", ())]
    packets, octets = (sum(each[of] for each in counted) for of in ("packets", "bytes"))
    return Flow(party, packets, octets, quality(reply, medias))


def _number(tag: str) -> int:
    """Return which of the phones has a tag, 0 for the first."""
    return int(tag.partition("-")[2] or 0)
