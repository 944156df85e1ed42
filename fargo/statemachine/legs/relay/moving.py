"""An end of a relay session moves, or takes other codecs: what the relay is told, and when.

Rules:

1. The descriptions of both ends are kept as long as audio passes. A change of either is told to the relay as a new
   offer of the client, which the phone's description answers.
2. What changes while the relay has yet to answer is kept until it has.
"""

from collections.abc import Callable
from typing import Final, assert_never

from msgspec.structs import replace

from fargo.statemachine.effects import Effects
from fargo.statemachine.legs.relay import adding, texts
from fargo.statemachine.legs.relay.relay_session import (
    AddingVideo,
    AwaitingAnswer,
    Deleting,
    Ends,
    Joined,
    Offering,
    OfferingAgain,
    Passing,
    PassingAnswer,
    RelayLeg,
    RelayRequest,
    RelaySession,
    Renegotiating,
    offer_again,
)
from fargo.statemachine.media.description import Codec, Crypto, Description, IceUdp, MediaProfile, RawUdp, Transport
from fargo.statemachine.model.ng import RelayCommand, RelayPhone, SwitchPhone

# The adapter gives up on the relay before that.
LONGEST_REPLY: Final = 15.0
"""The seconds that the relay has for a reply."""


def expect_nothing(terms: RelayRequest, effects: Effects) -> None:
    """Wait for no more replies about a session."""
    for name, each in effects.pending.items():
        if isinstance(each.command, RelayCommand) and each.command.session == terms.name:
            effects.settle(name)


def client_moved(leg: RelayLeg, transport: IceUdp, effects: Effects) -> RelayLeg:
    """Follow the client (rule 1), whose transport is this by now. Only other credentials are news: a client that has
    candidates to add is found by its own packets (RFC 8445 §7.3.1.3). What a calling client says before the relay has
    been told both ends, it is told together, when the phone has answered.
    """
    return tuple(_with_client(session, transport, effects) for session in leg)


def _with_client(session: RelaySession, transport: IceUdp, effects: Effects) -> RelaySession:
    match session:
        case PassingAnswer(ends=ends) | Joined(ends=ends) | Renegotiating(ends=ends) | AddingVideo(ends=ends):
            before = ends.client.transport
            if not isinstance(before, IceUdp) or transport.ufrag == before.ufrag:
                return session
            return moved(session, Ends(replace(ends.client, transport=transport), ends.phone), True, effects)
        case Offering() | AwaitingAnswer() | OfferingAgain() if session.terms.outward:
            offered = replace(session.offer, transport=transport)
            profile = MediaProfile.DTLS if transport.fingerprint else session.terms.profile
            news = session.moved or _is_news(session.offer.transport, transport)
            return replace(session, terms=replace(session.terms, profile=profile), offer=offered, moved=news)
        case Offering() | AwaitingAnswer() | OfferingAgain() | Deleting():
            return session
        case _:
            assert_never(session)


def _is_news(before: Transport, now: IceUdp) -> bool:
    """Return True if the relay cannot find the client by its packets with what it was told. An offer that is repeated
    gives the phone another address, so it is repeated for nothing less.
    """
    if not isinstance(before, IceUdp):
        return True
    return (before.ufrag, before.pwd, before.fingerprint) != (now.ufrag, now.pwd, now.fingerprint)


def phone_moved(leg: RelayLeg, transport: RawUdp, crypto: tuple[Crypto, ...], effects: Effects) -> RelayLeg:
    """Follow the phone (rule 1), which wants audio elsewhere, or encrypts it with another key."""
    return with_phone(leg, lambda phone: replace(phone, transport=transport, crypto=crypto), effects)


def phone_speaks(leg: RelayLeg, codecs: tuple[Codec, ...], effects: Effects) -> RelayLeg:
    """Follow the phone, which takes only these codecs from now on."""
    return with_phone(leg, lambda phone: replace(phone, codecs=codecs), effects)


def phone_described(leg: RelayLeg, description: Description, effects: Effects) -> RelayLeg:
    """Take what a phone describes in its answer, or another phone in its place, after early audio."""
    return with_phone(leg, lambda _: description, effects)


def shown_to_another(leg: RelayLeg, effects: Effects) -> RelayLeg | None:
    """Ask how the relay describes itself to another phone. What it answers is reported (`Offered`). Return None if the
    call does not use the relay.
    """
    if not any(isinstance(session, Passing) for session in leg):
        return None
    return tuple(_shown_to_another(session, effects) if isinstance(session, Passing) else session for session in leg)


def _shown_to_another(session: Passing, effects: Effects) -> Renegotiating:
    terms, ends, restarts, problem = replace(session.terms, phones=session.terms.phones + 1), session.ends, False, None
    if isinstance(session, AddingVideo):
        ends, restarts = adding.without_video(ends), adding.restarts(session)
    if isinstance(session, Renegotiating):
        restarts, problem = session.restarts, session.problem
    return renegotiate(terms, ends, restarts, effects, problem, shows=True)


def passed_on(leg: RelayLeg, description: Description, effects: Effects) -> RelayLeg:
    """Let the phone that was shown the relay last (`shown_to_another`) have the place of the one before.
    ``description``: its own.
    """
    return tuple(_passed_on(session, description, effects) for session in leg)


def _passed_on(session: RelaySession, description: Description, effects: Effects) -> RelaySession:
    terms = session.terms
    if isinstance(session, Offering | AwaitingAnswer | OfferingAgain | Deleting) or terms.number == terms.phones:
        return session
    shown, ends = terms.upcoming, replace(session.ends, phone=description)
    now = replace(terms, number=terms.phones, shown=replace(terms.shown, phone=shown), upcoming=None)
    if isinstance(session, Joined) and shown is not None and shown.transport == RawUdp():
        after: RelaySession = renegotiate(now, ends, False, effects, texts.SESSION_LOST)
    else:
        after = moved(replace(session, terms=now), ends, False, effects)
    effects.emit(SwitchPhone(terms.name, RelayPhone(terms.phone, terms.number), on=False))
    effects.emit(SwitchPhone(terms.name, RelayPhone(terms.phone, now.number), on=True))
    return after


def switched(terms: RelayRequest, effects: Effects) -> None:
    """Say again which of the phones is passed on, the others first, as the relay may not have heard it."""
    if not terms.phones:
        return
    for number in sorted(range(terms.phones + 1), key=lambda each: each == terms.number):
        effects.emit(SwitchPhone(terms.name, RelayPhone(terms.phone, number), on=number == terms.number))


def with_phone(leg: RelayLeg, change: Callable[[Description], Description], effects: Effects) -> RelayLeg:
    """Tell the relay of a change of the phone, if it is one, in the session that has heard of the phone."""
    return tuple(_with_ends(session, change, effects) for session in leg)


def _with_ends(session: RelaySession, change: Callable[[Description], Description], effects: Effects) -> RelaySession:
    match session:
        case PassingAnswer(ends=ends) | Joined(ends=ends) | Renegotiating(ends=ends) | AddingVideo(ends=ends):
            phone = change(ends.phone)
            return session if phone == ends.phone else moved(session, replace(ends, phone=phone), False, effects)
        case Offering() | AwaitingAnswer() | OfferingAgain() | Deleting():
            return session
        case _:
            assert_never(session)


def moved(
    session: PassingAnswer | Passing, ends: Ends, restarts: bool, effects: Effects
) -> PassingAnswer | Renegotiating | AddingVideo:
    """Tell the relay that an end has moved; it has to know both ends first."""
    match session:
        case PassingAnswer() | AddingVideo():
            return replace(session, ends=ends)
        case Joined(terms):
            return renegotiate(terms, ends, restarts, effects)
        case Renegotiating(terms):
            return renegotiate(terms, ends, session.restarts or restarts, effects, session.problem, session.shows)
        case _:
            assert_never(session)


def renegotiate(
    terms: RelayRequest,
    ends: Ends,
    restarts: bool,
    effects: Effects,
    problem: str | None = None,
    shows: bool = False,
) -> Renegotiating:
    """Begin a new negotiation. ``restarts``, ``problem``, ``shows``: see `Renegotiating`."""
    another = shows and problem is None
    effects.emit_pending(offer_again(terms.to_next if another else terms, ends), LONGEST_REPLY)
    return Renegotiating(terms, ends, restarts, problem, shows=shows)
