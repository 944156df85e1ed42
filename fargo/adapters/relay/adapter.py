"""The relay adapter: relay sessions, through an rtpengine that speaks the NG protocol.

It carries commands out, tells what came of it, and decides nothing. What the flags of a request mean is said in
rtpengine's own documentation; which of them let real clients hear each other was found by trying.
"""

from collections.abc import Callable
from dataclasses import dataclass
from secrets import token_hex
from typing import Any, Final, TypeAlias, assert_never
from urllib.parse import quote

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from fargo.adapters.relay import sdp
from fargo.adapters.relay.ng import Ng, RefusedError, Reply, SilentError, Value
from fargo.adapters.relay.watch import Watch
from fargo.statemachine.media.description import Content, Description, MediaProfile, Role
from fargo.statemachine.model.commands import Issued
from fargo.statemachine.model.ng import (
    AnswerRelay,
    DeleteRelay,
    Flow,
    OfferRelay,
    Party,
    PlayDigit,
    RelayCommand,
    RelayDescribed,
    RelayDone,
    RelayEvent,
    RelayLost,
    RelayRefused,
)

Put: TypeAlias = Callable[[str, RelayEvent], None]
"""put(bare JID of the user, event)"""

_NONCE_BYTES: Final = 4
_OTHER: Final = {Party.OFFERER: Party.ANSWERER, Party.ANSWERER: Party.OFFERER}
_SPEAKER: Final[dict[Party, Role]] = {Party.OFFERER: "initiator", Party.ANSWERER: "responder"}


@dataclass(frozen=True, slots=True)
class RelaySettings:
    """Where rtpengine listens for the NG protocol: an IPv4 address and a port."""

    host: str
    port: int


class RelayAdapter:
    """`put` takes every event of a user; `broadcast` takes `RelayLost`, for everyone; `take` gives a digit by its name,
    once.
    """

    def __init__(
        self,
        put: Put,
        broadcast: Callable[[RelayLost], None],
        take: Callable[[str], str | None],
        settings: RelaySettings,
        reactor: Any,
    ) -> None:
        self._put = put
        self._take = take
        self._nonce = token_hex(_NONCE_BYTES)
        self._ng = Ng(settings.host, settings.port, reactor)
        self._watch = Watch(self._ng, self._nonce, broadcast, reactor)
        self._log = Logger()

    def start(self) -> None:
        """From now on commands are carried out, and the relay is watched."""
        self._ng.start()
        self._watch.start()

    def stop(self) -> Deferred[None]:
        """Fires when all is let go; sessions are deleted by commands, before."""
        self._watch.stop()
        return self._ng.stop()

    def do(self, issued: Issued) -> None:
        """Carry out a RelayCommand; one event is put for it."""
        command: RelayCommand = issued.command  # type: ignore[assignment]
        Deferred.fromCoroutine(self._do(issued, command)).addErrback(self._unexpected, issued)

    async def _do(self, issued: Issued, command: RelayCommand) -> None:
        self._put(issued.user, await self._done(issued, command))

    async def _done(self, issued: Issued, command: RelayCommand) -> RelayEvent:
        cookie = f"{self._nonce}:{quote(issued.user)}:{issued.id}"
        try:
            return _event(command, issued.id, await self._ng.ask(cookie, self._request(command)))
        except SilentError as problem:
            return RelayRefused(issued.id, str(problem), silent=True)
        except (RefusedError, sdp.UnwritableError, sdp.MalformedSdpError) as problem:
            return RelayRefused(issued.id, str(problem))

    def _request(self, command: RelayCommand) -> dict[str, Value]:
        match command:
            case OfferRelay():
                return _offer(command)
            case AnswerRelay():
                return _answer(command)
            case PlayDigit(to=to, digit=name, duration=duration):
                digit = self._take(name)
                if digit is None:
                    raise RefusedError("The gateway does not have that digit any more.")
                request: dict[str, Value] = {"command": "play DTMF", "call-id": command.session, "code": digit}
                # The end that plays is named, and the other one hears it.
                return request | {"from-tag": _OTHER[to].value} | ({"duration": duration} if duration else {})
            case DeleteRelay():
                # The whole session goes with one end of it; without naming one, the reply counts nothing.
                request = {"command": "delete", "call-id": command.session, "from-tag": Party.OFFERER.value}
                return request | {"delete-delay": 0}
            case _:
                assert_never(command)

    def _unexpected(self, failure: Failure, issued: Issued) -> None:
        self._log.failure("The command {id} of {user} failed", failure=failure, id=issued.id, user=issued.user)
        self._put(issued.user, RelayRefused(issued.id, "The gateway has a bug; its log says more."))


# --- command -> request

# Towards one who is asked: what it has to speak, and how.
_OFFERED: Final[dict[MediaProfile, dict[str, Value]]] = {
    MediaProfile.PLAIN: {"transport-protocol": sdp.PLAIN, "ICE": "remove"},
    MediaProfile.ICE: {"transport-protocol": sdp.PLAIN, "ICE": "force"},
    # Passive: who is called starts the handshake when its ICE is done. Without SDES off there are twelve keys besides.
    MediaProfile.DTLS: {"transport-protocol": sdp.DTLS, "ICE": "force", "DTLS": "passive", "SDES": ["off"]},
}
# Towards one who asked: it has said itself which profile it speaks.
_ANSWERED: Final[dict[MediaProfile, dict[str, Value]]] = {
    MediaProfile.PLAIN: {"ICE": "remove"},
    MediaProfile.ICE: {"ICE": "force"},
    MediaProfile.DTLS: {"ICE": "force"},
}


def _offer(command: OfferRelay) -> dict[str, Value]:
    # Browsers want one port and no other (RFC 8829 §4.1.1), so it is not asked whether they can.
    mux: list[Value] = ["offer", "require"] if command.mux else ["demux"]
    codec: dict[str, Value] = {}
    if command.strip:
        codec["strip"] = list(command.strip)
    if command.transcode:
        codec["transcode"] = list(command.transcode)
    return {
        **_described("offer", command.session, command.description, command.by),
        "from-tag": command.by.value,
        **_OFFERED[command.profile],
        "rtcp-mux": mux,
        **({"codec": codec} if codec else {}),
    }


def _answer(command: AnswerRelay) -> dict[str, Value]:
    return {
        **_described("answer", command.session, command.description, command.by),
        # The tags of an answer are those of the offer that it answers.
        "from-tag": _OTHER[command.by].value,
        "to-tag": command.by.value,
        **_ANSWERED[command.profile],
        "rtcp-mux": ["accept" if command.mux else "demux"],
    }


def _described(command: str, session: str, description: Description, by: Party) -> dict[str, Value]:
    """What an offer and an answer have in common."""
    return {
        "command": command,
        "call-id": session,
        "sdp": sdp.write(Content("", description=description), _SPEAKER[by]),
        # A zero address is that of a client whose candidates are still to come (RFC 8840 §4.1), and no hold.
        "replace": ["origin", "session-connection", "zero-address"],
        # Without it a digit is taken, and never played. It makes the relay decode and encode every call, also where
        # both ends have the same codec: measured with G.711, 0.6 % of a core for a call instead of 0.3 %.
        "flags": ["inject-DTMF"],
    }


# --- reply -> event


def _event(command: RelayCommand, name: str, reply: Reply) -> RelayEvent:
    match command:
        case OfferRelay(by=by) | AnswerRelay(by=by):
            return RelayDescribed(name, _description(reply, by))
        case PlayDigit():
            return RelayDone(name)
        case DeleteRelay():
            return RelayDone(name, tuple(_flows(reply)))
        case _:
            assert_never(command)


def _description(reply: Reply, by: Party) -> Description:
    """What the relay says in the place of an end."""
    description = sdp.read(str(reply.get("sdp", "")), _SPEAKER[by]).description
    assert description, "SDP describes something"
    return description


def _flows(reply: Reply) -> list[Flow]:
    """What was received from each end, from the statistics of a session that is gone; [] if there was none."""
    return [_flow(party, reply["tags"][party]) for party in Party if party in reply.get("tags", ())]


def _flow(party: Party, tag: Reply) -> Flow:
    streams = [stream for media in tag.get("medias", ()) for stream in media.get("streams", ())]
    counted = [stream["stats"] for stream in streams if "RTP" in stream.get("flags", ())]
    return Flow(party, sum(each["packets"] for each in counted), sum(each["bytes"] for each in counted))
