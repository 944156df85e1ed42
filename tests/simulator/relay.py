"""The media relay, and the adapter that waits for its answers.

Rules:

1. A command reaches it at once; its answers wait in `sent`, and may overtake each other with the quirk.
2. Each end of a session has a port at the relay, the offerer an even one and the answerer an odd one.
3. It is a process of its own: when the gateway crashes its sessions stay, and only its answers are lost.
4. A client that has restarted ICE is told new credentials, and everything else as before.
5. `Broken` is raised for what a relay could make nothing of.
"""

from collections.abc import Iterator
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from fargo.statemachine.media.codecs import has_voice, kind
from fargo.statemachine.media.description import (
    Codec,
    Description,
    IceUdp,
    MediaProfile,
    RawUdp,
    Transport,
    Unusable,
    address,
    profile,
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

from .broken import Broken
from .quirks import Quirk
from .values import AWAY, G722, HEARD, OPUS, PCMA, PCMU, PHONE, TONES, relay_media

ENOUGH: Final = 5
"""So many deletions without an answer, and the gateway may take it that the relay is not there."""
_TRANSCODED: Final = {each.name: each for each in (OPUS, PCMU, PCMA, G722, TONES)}
_FLOWS: Final = (Flow(RelayParty.OFFERER, 50, 8000, HEARD), Flow(RelayParty.ANSWERER, 49, 7840))


class Kept(Struct, frozen=True):
    """A session: its name and port, what was offered last, by whom, and in which manner and with which codecs to the
    other end. ``ufrag``: of the client's ICE; ``times``: how often it has begun that; ``phone``: where that is;
    ``ignored``: how often its deletion was. ``doubted``: the gateway may not know what was answered, and ask again.
    ``rings``: it plays the ringing tone; ``unheard``: that it does, the gateway may not know. ``said``: what a phone
    has answered last, and ``number``: which of several, None if there was one only. ``heard``: which of several phones
    is passed on, None while none is.
    """

    name: str
    port: int
    offer: Description
    by: RelayParty
    profile: MediaProfile
    codecs: tuple[Codec, ...]
    joined: bool = False
    ufrag: str = ""
    times: int = 1
    phone: str = ""
    ignored: int = 0
    doubted: bool = False
    rings: bool = False
    unheard: bool = False
    said: Description | None = None
    number: int | None = None
    heard: int | None = 0

    def knows(self, end: Description) -> "Kept":
        """After one end has described itself."""
        where = address(end)
        phone = where.ip if where and where.ip in (PHONE, AWAY) else self.phone
        of_phone = where is not None and where.ip in (PHONE, AWAY)
        ufrag = end.transport.ufrag if isinstance(end.transport, IceUdp) and not of_phone else self.ufrag
        times = self.times + (self.ufrag not in ("", ufrag))
        return replace(self, phone=phone, ufrag=ufrag, times=times)

    def told(self, by: RelayParty, profile: MediaProfile, phone: RelayPhone | None) -> Transport:
        """Return the address at which the relay expects one end's audio, once the other end has described itself. Each
        phone is told another.
        """
        port = self.port + (by is RelayParty.OFFERER)
        port += 1000 * phone.number if phone and phone.party is not by else 0
        return relay_media(profile, port, f"relay{self.port}-{self.times}")


class Relay(Struct, frozen=True):
    """The relay. ``made``: how many sessions; ``asked``: the commands that `sent` answers, with the session that each
    was about, None if there was none.
    """

    made: int = 0
    sessions: tuple[Kept, ...] = ()
    asked: tuple[tuple[Issued, Kept | None], ...] = ()
    sent: tuple[RelayEvent, ...] = ()

    # --- what may happen next

    def moves(self, quirks: frozenset[Quirk]) -> Iterator[tuple[str, str]]:
        """Everything that it may do instead of what it should."""
        if Quirk.RELAY_DIES in quirks and self.sessions:
            yield "die", ""
        if Quirk.RELAY_REFUSES in quirks and self._first():
            yield from (("refuse it", ""), ("keep silent", ""))
        if Quirk.OVERTAKING in quirks and len(self.sent) > 1:
            yield "overtake", ""

    def act(self, what: str) -> "Relay":
        """The relay after it has done so."""
        match what:
            case "die":
                forgotten = tuple((issued, None) for issued, _ in self.asked)
                lost = RelayLost("The media relay was restarted.")
                return replace(self, sessions=(), asked=forgotten, sent=(*self.sent, lost))
            case "refuse it":
                return self._refuses()
            case "keep silent":
                return self._keeps_silent()
            case "overtake":
                return replace(self, sent=(*self.sent[1:], self.sent[0]))
        raise AssertionError(f"a relay has no move {what}")

    def _refuses(self) -> "Relay":
        """It has not done what it was asked, and says so; what it is to delete is not there."""
        issued, _ = self._first()[0]
        refused = replace(self, sent=(RelayRefused(issued.id, "It is overloaded."), *self.sent[1:]))
        return refused._without(issued.command.session) if isinstance(issued.command, OfferRelay) else refused

    def _keeps_silent(self) -> "Relay":
        """The adapter waits no longer. The worst of what may be: it has made what it was asked for, but not deleted,
        unless it has been asked for that again.
        """
        issued, before = self._first()[0]
        silent = replace(self, sent=(RelayRefused(issued.id, "It does not answer.", silent=True), *self.sent[1:]))
        again = [each.command for each, _ in self.asked].count(issued.command) > 1
        if isinstance(issued.command, DeleteRelay) and before and not again:
            return replace(silent, sessions=(*silent.sessions, replace(before, ignored=before.ignored + 1)))
        return silent

    def _first(self) -> tuple[tuple[Issued, Kept | None], ...]:
        """Return the request that its next answer is to; () if there is none, or it is a refusal already."""
        if not self.sent or not isinstance(self.sent[0], RelayDescribed | RelayDone):
            return ()
        command = self.sent[0].command
        return tuple(each for each in self.asked if each[0].id == command)

    def taken(self) -> "Relay":
        """The relay after its next answer has arrived. What it says to have deleted, it has."""
        answered = self._first()
        gone = {issued.command.session for issued, _ in answered if isinstance(issued.command, DeleteRelay)}
        left = (each for each in self.asked if each not in answered)
        asked = tuple((issued, None if before and before.name in gone else before) for issued, before in left)
        return replace(self, sent=self.sent[1:], asked=asked)

    def crash(self) -> "Relay":
        """The gateway goes down: what was answered reaches nobody, but that its sessions are lost is noticed."""
        doubted = tuple(replace(each, doubted=True, unheard=True) for each in self.sessions)
        lost = tuple(each for each in self.sent if isinstance(each, RelayLost))
        return replace(self, asked=(), sent=lost, sessions=doubted)

    # --- what it is told

    def hear(self, issued: Issued) -> "Relay":
        """The relay after a command has reached it."""
        command = issued.command
        assert isinstance(command, RelayCommand)
        before = self._session(command.session)
        heard = replace(self, asked=(*self.asked, (issued, before)))
        match command:
            case OfferRelay():
                return heard._offered(issued.id, command)
            case DeleteRelay(name):
                return heard._without(name)._says(RelayDone(issued.id, _FLOWS if before and before.joined else ()))
            case _ if before is None:
                return heard._says(RelayRefused(issued.id, "Unknown call-id", unknown=True))
            case AnswerRelay():
                return heard._answered(issued.id, before, command)
            case PlayDigit():
                return heard._says(RelayDone(issued.id))
            case PlayRinging() | StopRinging():
                rings = isinstance(command, PlayRinging)
                if rings and before.rings and not before.unheard:
                    raise Broken("the ringing tone is played once", (before, command))
                return heard._with(replace(before, rings=rings, unheard=False))._says(RelayDone(issued.id))
            case SwitchPhone(phone=phone, on=on):
                of_others = before.heard if before.heard != phone.number else None
                if on and of_others is not None and not before.doubted:
                    raise Broken("one phone at a time is passed on", (before, command))
                return heard._with(replace(before, heard=phone.number if on else of_others))._says(RelayDone(issued.id))

    def _offered(self, name: str, command: OfferRelay) -> "Relay":
        before = self._session(command.session)
        offered = [codec for codec in command.description.codecs if codec.name not in command.strip]
        codecs = (*offered, *(_TRANSCODED[each] for each in command.transcode if each in _TRANSCODED))
        one_of_each = tuple({kind(codec): codec for codec in reversed(codecs)}.values())[::-1]
        kept = Kept(command.session, self.made * 2, command.description, command.by, command.profile, one_of_each)
        if before:
            kept = replace(kept, port=before.port, ufrag=before.ufrag, times=before.times, phone=before.phone)
            kept = replace(kept, rings=before.rings, unheard=before.unheard, said=before.said, heard=before.heard)
            kept = replace(kept, number=before.number)
        kept = kept.knows(command.description)
        told = Description("audio", one_of_each, kept.told(command.by, command.profile, command.phone), command.mux)
        told = replace(told, video=_video(command.description.video, command.profile, kept.port))
        return replace(self._with(kept), made=self.made + (before is None))._says(RelayDescribed(name, told))

    def _answered(self, name: str, kept: Kept, command: AnswerRelay) -> "Relay":
        # While another phone rings, that which has transferred the call may be described once more: if ICE begins anew,
        # video ends, or it has moved.
        number = command.phone.number if command.phone else None
        known = kept.said == command.description or (number is not None and number == kept.number)
        if kept.rings and _is_phone(command.description) and not known:
            raise Broken("a phone that is heard is not drowned by the ringing tone", (kept, command))
        if kept.joined and not kept.doubted:
            raise Broken("a session is answered once", (kept, command))
        if command.by is kept.by:
            raise Broken("nobody answers what they offered", (kept, command))
        if _manner(command.description) is not kept.profile:
            raise Broken("the answerer answers in the manner that it was offered", (kept, command))
        if _manner(kept.offer) is not command.profile:
            raise Broken("the offerer is answered in its own manner", (kept, command))
        if not {kind(c) for c in command.description.codecs} <= {kind(c) for c in kept.codecs}:
            raise Broken("codecs are within what the relay offered", (kept, command))
        answered = {kind(codec) for codec in command.description.codecs}
        codecs = tuple(codec for codec in kept.offer.codecs if kind(codec) in answered)
        told = codecs if has_voice(codecs) else kept.offer.codecs
        kept = kept.knows(command.description)
        answer = Description("audio", told, kept.told(command.by, command.profile, command.phone), command.mux)
        if command.description.video and not kept.offer.video and not kept.doubted:
            raise Broken("no video is answered that was not offered", (kept, command))
        answer = replace(answer, video=_video(command.description.video, command.profile, kept.port))
        if _is_phone(command.description):
            kept = replace(kept, said=command.description, number=number)
        return self._with(replace(kept, joined=True))._says(RelayDescribed(name, answer))

    # --- itself

    def _session(self, name: str) -> Kept | None:
        return next((kept for kept in self.sessions if kept.name == name), None)

    def _with(self, kept: Kept) -> "Relay":
        return replace(self, sessions=(*self._without(kept.name).sessions, kept))

    def _without(self, name: str) -> "Relay":
        return replace(self, sessions=tuple(kept for kept in self.sessions if kept.name != name))

    def _says(self, event: RelayEvent) -> "Relay":
        return replace(self, sent=(*self.sent, event))


def _video(video: Description | None, profile: MediaProfile, port: int) -> Description | None:
    """Return the relay's video for an end, in the place of the other end's."""
    if video is None:
        return None
    return Description("video", video.codecs, relay_media(profile, port + 5000, "seen"), profile is MediaProfile.DTLS)


def _manner(end: Description) -> MediaProfile | Unusable:
    """Return the profile of an end. A phone that wants us to make the offer has no address before its answer."""
    return MediaProfile.PLAIN if isinstance(end.transport, RawUdp) else profile(end)


def _is_phone(end: Description) -> bool:
    """Return True if an end is a phone whose place is known."""
    where = address(end)
    return where is not None and where.ip in (PHONE, AWAY)
