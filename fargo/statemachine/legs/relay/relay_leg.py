"""The relay's part in a call: the sessions at the media relay that audio goes through, if it does not go directly.

Rules:

1. The bridge hands over what one end described, and what comes back is for the other: an offer becomes `Offered`, an
   answer `Answered`, each in the relay's own addresses.
2. An incoming call has one session for each profile in which the user's clients are called: only the one whose client
   accepts is kept.
3. An end may move while the relay has yet to answer what was said of it before: then only the answer to the latest
   command counts, but a session of which anything is refused, or never answered, is lost.
4. Every session that was asked for is deleted, and deleted again until the relay says that it is gone, or has been
   silent for too long to be there.
5. A client that restarts ICE (RFC 8445 §2.4) sends a new description, and the relay answers it on behalf of the phone.
   So the descriptions of both ends are kept as long as audio passes. A phone that moves (RFC 3264 §8.3.1) is handled in
   the same way: its new description is sent to the relay as the answer to the client's.
6. If the relay fails before the called end is called, and the two ends could do without it, they do (`fallback`). Any
   other failure ends the route of every client that is called, or talks, through it.
7. A relay that has lost its sessions is asked for them again (`remaking`), and the ends are told its new addresses.
"""

from collections.abc import Callable
from typing import Final, NamedTuple, TypeAlias, assert_never

from msgspec.structs import replace

from fargo.statemachine.effects import Effects
from fargo.statemachine.legs.leg_events import Answered, Offered, RouteLost, TransportChanged
from fargo.statemachine.legs.relay import remaking, texts
from fargo.statemachine.legs.relay.objections import objection
from fargo.statemachine.legs.relay.relay_session import (
    AwaitingAnswer,
    Deleting,
    Ends,
    Joined,
    Lasting,
    Offering,
    OfferingAgain,
    Passing,
    PassingAnswer,
    RelayRequest,
    RelaySession,
    Renegotiating,
    first_answer,
    first_offer,
    first_offer_again,
    offer_again,
    renumbers,
    to_client,
)
from fargo.statemachine.legs.relay.remaking import Rerouted
from fargo.statemachine.media.description import Codec, Crypto, Description, IceUdp, MediaProfile, RawUdp, Transport
from fargo.statemachine.model.ng import (
    AnswerRelay,
    DeleteRelay,
    Flow,
    OfferRelay,
    PlayDigit,
    PlayRinging,
    Quality,
    RelayCommand,
    RelayDescribed,
    RelayDone,
    RelayLost,
    RelayRefused,
    StopRinging,
)
from fargo.statemachine.pending import PendingCommands, Reply
from fargo.statemachine.reason import Cause, Reason

# Seconds. The adapter gives up on the relay before the first of these.
_LONGEST_REPLY: Final = 15.0
_DELETE_AGAIN: Final = 30.0
_MOST_REPEATED_DELETIONS: Final = 4
RelayLeg: TypeAlias = tuple[RelaySession, ...]
News: TypeAlias = tuple[Offered | Answered | TransportChanged | Rerouted | RouteLost, ...]


class Carried(NamedTuple):
    """The RTP packets that a session received from either end, and how well they got through, None if not known."""

    from_client: int
    from_phone: int
    client_quality: Quality | None
    phone_quality: Quality | None


class RelayStep(NamedTuple):
    """The leg after something happened, what the bridge should know, and what was carried, None if nothing was."""

    leg: RelayLeg
    news: News = ()
    carried: Carried | None = None


# --- told by the bridge


def offer(
    leg: RelayLeg, terms: RelayRequest, description: Description, fallback: Description | None, effects: Effects
) -> RelayLeg:
    """Ask for a session, with what the calling end offers."""
    effects.emit_pending(first_offer(terms, description), _LONGEST_REPLY)
    return (*leg, Offering(terms, description, fallback))


def has(leg: RelayLeg, profile: MediaProfile) -> bool:
    """Return whether there is a session for clients of a profile."""
    return any(session.terms.profile is profile for session in leg if not isinstance(session, Deleting))


def answer(leg: RelayLeg, profile: MediaProfile, description: Description, effects: Effects) -> RelayLeg | None:
    """Send the called end's answer to the session that made the offer, and delete the other sessions.

    Return None if no session made an offer: the call does not use the relay.
    """
    session = _awaiting(leg, profile)
    if session is None:
        return None
    terms = session.terms
    ends = Ends(session.offer, description) if terms.outward else Ends(description, session.offer)
    others = delete(tuple(s for s in leg if s is not session), effects)
    if isinstance(session, OfferingAgain) and not session.moved:
        return (*others, PassingAnswer(terms, ends, ends, None, session.problem))
    again = session.moved or renumbers(terms, ends)
    effects.emit_pending(first_offer_again(terms, ends) if again else first_answer(terms, ends), _LONGEST_REPLY)
    if isinstance(session, OfferingAgain):
        return (*others, PassingAnswer(terms, ends, ends, None, session.problem))
    return (*others, PassingAnswer(terms, ends, ends, session.anew))


def _awaiting(leg: RelayLeg, profile: MediaProfile) -> AwaitingAnswer | OfferingAgain | None:
    for session in leg:
        if isinstance(session, AwaitingAnswer | OfferingAgain) and session.terms.profile is profile:
            return session
    return None


def why(leg: RelayLeg) -> str:
    """Return why the call goes through the relay; it does, as its answer is with the relay."""
    [answering] = [session for session in leg if isinstance(session, PassingAnswer)]
    return answering.terms.why


def play(leg: RelayLeg, to_client: bool, digit: str, duration: int | None, effects: Effects) -> None:
    """Play a digit to the client or to the phone."""
    for session in leg:
        if isinstance(session, Passing):
            party = session.terms.client if to_client else session.terms.phone
            effects.emit(PlayDigit(session.terms.name, party, digit, duration))


def ring(leg: RelayLeg, rings: bool, effects: Effects) -> None:
    """Let the client hear the ringing tone, or no longer."""
    for session in leg:
        if isinstance(session, Passing):
            name, client = session.terms.name, session.terms.client
            effects.emit(PlayRinging(name, client) if rings else StopRinging(name, client))


def is_joined(leg: RelayLeg) -> bool:
    """Return whether the two ends hear each other through the relay."""
    return any(isinstance(session, Passing) for session in leg)


def is_used(leg: RelayLeg) -> bool:
    """Return whether the call goes through the relay, or is to."""
    return any(not isinstance(session, Deleting) for session in leg)


# --- an end moves


def client_moved(leg: RelayLeg, transport: IceUdp, effects: Effects) -> RelayLeg:
    """Follow the client (rule 5), whose transport is this by now. Only other credentials are news: a client that has
    candidates to add is found by its own packets (RFC 8445 §7.3.1.3). What a calling client says before the relay has
    been told both ends, it is told together, when the phone has answered.
    """
    return tuple(_with_client(session, transport, effects) for session in leg)


def _with_client(session: RelaySession, transport: IceUdp, effects: Effects) -> RelaySession:
    match session:
        case PassingAnswer(ends=ends) | Joined(ends=ends) | Renegotiating(ends=ends):
            before = ends.client.transport
            if not isinstance(before, IceUdp) or transport.ufrag == before.ufrag:
                return session
            return _moved(session, Ends(replace(ends.client, transport=transport), ends.phone), True, effects)
        case Offering() | AwaitingAnswer() | OfferingAgain() if session.terms.outward:
            offered = replace(session.offer, transport=transport)
            profile = MediaProfile.DTLS if transport.fingerprint else session.terms.profile
            moved = session.moved or _is_news(session.offer.transport, transport)
            return replace(session, terms=replace(session.terms, profile=profile), offer=offered, moved=moved)
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
    """Follow the phone (rule 5), which wants audio elsewhere, or encrypts it with another key."""
    return _with_phone(leg, lambda phone: replace(phone, transport=transport, crypto=crypto), effects)


def phone_speaks(leg: RelayLeg, codecs: tuple[Codec, ...], effects: Effects) -> RelayLeg:
    """Follow the phone, which takes only these codecs from now on."""
    return _with_phone(leg, lambda phone: replace(phone, codecs=codecs), effects)


def phone_described(leg: RelayLeg, description: Description, effects: Effects) -> RelayLeg:
    """Take what a phone describes in its answer, or another phone in its place, after early audio."""
    return _with_phone(leg, lambda _: description, effects)


def shown_again(leg: RelayLeg, effects: Effects) -> RelayLeg | None:
    """Ask how the relay describes itself to a phone by now, to offer it to another. What it answers is reported
    (`Offered`). Return None if the call does not use the relay.
    """
    if not is_joined(leg):
        return None
    return tuple(_shown_again(session, effects) if isinstance(session, Passing) else session for session in leg)


def _shown_again(session: Passing, effects: Effects) -> Renegotiating:
    again = _moved(session, session.ends, False, effects)
    assert isinstance(again, Renegotiating), "the ends are joined"
    return replace(again, shows=True)


def _with_phone(leg: RelayLeg, change: Callable[[Description], Description], effects: Effects) -> RelayLeg:
    """Tell the relay of a change of the phone, if it is one, in the session that has heard of the phone."""
    return tuple(_with_ends(session, change, effects) for session in leg)


def _with_ends(session: RelaySession, change: Callable[[Description], Description], effects: Effects) -> RelaySession:
    match session:
        case PassingAnswer(ends=ends) | Joined(ends=ends) | Renegotiating(ends=ends):
            phone = change(ends.phone)
            return session if phone == ends.phone else _moved(session, replace(ends, phone=phone), False, effects)
        case Offering() | AwaitingAnswer() | OfferingAgain() | Deleting():
            return session
        case _:
            assert_never(session)


def _moved(
    session: PassingAnswer | Passing, ends: Ends, restarts: bool, effects: Effects
) -> PassingAnswer | Renegotiating:
    """Tell the relay that an end has moved; it has to know both ends first."""
    match session:
        case PassingAnswer():
            return replace(session, ends=ends)
        case Joined(terms):
            return _renegotiate(terms, ends, restarts, effects)
        case Renegotiating(terms):
            again = _renegotiate(terms, ends, session.restarts or restarts, effects, session.problem)
            return replace(again, shows=session.shows)
        case _:
            assert_never(session)


def _renegotiate(
    terms: RelayRequest, ends: Ends, restarts: bool, effects: Effects, problem: str | None = None
) -> Renegotiating:
    effects.emit_pending(offer_again(terms, ends), _LONGEST_REPLY)
    return Renegotiating(terms, ends, restarts, problem)


# --- deleting


def delete(leg: RelayLeg, effects: Effects) -> RelayLeg:
    """End every session."""
    return tuple([s if isinstance(s, Deleting) else _delete(s.terms, effects) for s in leg])


def _delete(terms: RelayRequest, effects: Effects) -> Deleting:
    """End a session, until the relay has done so; what else it was asked for counts no longer."""
    _expect_nothing(terms, effects)
    effects.emit_pending(DeleteRelay(terms.name), _DELETE_AGAIN, _MOST_REPEATED_DELETIONS)
    return Deleting(terms)


def _expect_nothing(terms: RelayRequest, effects: Effects) -> None:
    """Wait for no more replies about a session."""
    for name, each in effects.pending.items():
        if isinstance(each.command, RelayCommand) and each.command.session == terms.name:
            effects.settle(name)


def resume(leg: RelayLeg, effects: Effects) -> None:
    """Ask for everything again that the relay has not answered: the gateway was away, and the request may be lost. The
    relay does the same again.
    """
    names = [session.terms.name for session in leg]
    for name, each in effects.pending.items():
        if isinstance(each.command, OfferRelay | AnswerRelay | DeleteRelay) and each.command.session in names:
            effects.repeat(name, each.repeats)


def restart(leg: RelayLeg, effects: Effects) -> RelayLeg:
    """End every session, again if need be: the gateway was away, and what it told the relay may not have arrived."""
    return tuple([_delete(session.terms, effects) for session in leg])


def abandon(leg: RelayLeg, effects: Effects) -> None:
    """End every session with as little code as possible: the gateway lost track of the call."""
    for name, each in effects.pending.items():
        if isinstance(each.command, RelayCommand) and each.command.session in [session.terms.name for session in leg]:
            effects.settle(name)
    for session in leg:
        effects.emit_pending(DeleteRelay(session.terms.name), _DELETE_AGAIN, _MOST_REPEATED_DELETIONS)


# --- folding


def concerns(leg: RelayLeg, reply: Reply) -> bool:
    """Return whether the reply is to a command about one of the sessions."""
    return _session(leg, reply) is not None


def _session(leg: RelayLeg, reply: Reply) -> RelaySession | None:
    if isinstance(reply.command, OfferRelay | AnswerRelay | DeleteRelay):
        for session in leg:
            if session.terms.name == reply.command.session:
                return session
    return None


def is_overtaken(name: str, pending: PendingCommands) -> bool:
    """Return whether the relay has been asked something else about a session since this command (rule 3)."""
    about = [(other, each.command.session) for other, each in pending.items() if isinstance(each.command, RelayCommand)]
    last = {session: other for other, session in about}
    return last[dict(about)[name]] != name


def fold(leg: RelayLeg, reply: Reply, effects: Effects) -> RelayStep:
    """Return the leg after a reply of the relay, or after none has come in time."""
    session = _session(leg, reply)
    others = tuple(s for s in leg if s is not session)
    match session, reply.answer:
        case (
            (Offering() | OfferingAgain() | PassingAnswer() | Renegotiating()),
            RelayDescribed(description=description),
        ):
            return _described(others, session, reply, description, effects)
        case ((PassingAnswer(problem=None) | Renegotiating(problem=None)), RelayRefused(problem=problem, unknown=True)):
            return RelayStep((*others, _again(session, problem, effects)))
        case (
            (Offering() | OfferingAgain() | PassingAnswer() | Joined() | Renegotiating()),
            RelayRefused() as refused,
        ):
            return _failed(others, session, _refusal(refused), effects)
        case ((Offering() | OfferingAgain() | PassingAnswer() | Joined() | Renegotiating()), None):
            return _failed(others, session, _failure(texts.SILENT), effects)
        case Deleting(terms), RelayDone(flows=flows):
            return RelayStep(others, carried=_carried(terms, flows))
        case Deleting(), _:
            return RelayStep(others)
        case _:
            return RelayStep(leg)


def _described(
    others: RelayLeg,
    session: Offering | OfferingAgain | PassingAnswer | Renegotiating,
    reply: Reply,
    description: Description,
    effects: Effects,
) -> RelayStep:
    """Return the leg after the relay's description for an end; ``session`` is the one that it is about."""
    offers = isinstance(reply.command, OfferRelay)
    if problem := objection(session, offers, description):
        return _failed(others, session, _failure(problem), effects)
    match session:
        case Offering(terms, offered):
            after = AwaitingAnswer(remaking.shown_to_called(terms, description), offered, moved=session.moved)
            return RelayStep((*others, after), (Offered(description, terms.profile),))
        case OfferingAgain(terms, offered):
            return RelayStep((*others, AwaitingAnswer(terms, offered, description, session.moved)))
        case PassingAnswer(terms, told) if offers:
            effects.emit_pending(first_answer(terms, told), _LONGEST_REPLY)
            return RelayStep((*others, replace(session, anew=description)))
        case PassingAnswer():
            joined, rerouted = _joined(session, description, effects)
            return RelayStep((*others, joined), (Answered(description), *rerouted))
        case Renegotiating():
            renegotiated, news = _renegotiated(session, offers, description, effects)
            return RelayStep((*others, renegotiated), news)
        case _:
            assert_never(session)


def _joined(
    session: PassingAnswer, for_caller: Description, effects: Effects
) -> tuple[Joined | Renegotiating, tuple[Rerouted, ...]]:
    """Join the ends. If one has moved in the meantime, tell the relay; if the relay has, tell the called end."""
    terms = remaking.shown_to_caller(session.terms, for_caller)
    rerouted: tuple[Rerouted, ...] = ()
    if session.anew is not None:
        terms, rerouted = remaking.moved_called(terms, session.anew, session.told, _failure(session.problem))
    if session.ends == session.told:
        return Joined(terms, session.ends), rerouted
    restarts = session.ends.client != session.told.client
    return _renegotiate(terms, session.ends, restarts, effects), rerouted


def _renegotiated(
    session: Renegotiating, offers: bool, description: Description, effects: Effects
) -> tuple[Joined | Renegotiating, News]:
    """Tell the relay the phone's description after the client's; after that, the ends are joined again."""
    terms, ends = session.terms, session.ends
    if offers and session.problem is not None:
        ends = replace(ends, phone=remaking.answering(ends.phone, terms, description))
    if offers:
        effects.emit_pending(to_client(terms, ends), _LONGEST_REPLY)
        if session.shows:
            terms = remaking.shown_to_phone(terms, description)
            shown = replace(session, terms=terms, ends=ends, anew=description, shows=False)
            return shown, (Offered(description, terms.profile),)
        return replace(session, ends=ends, anew=description), ()
    if session.problem is not None and session.anew is not None:
        lost = _failure(session.problem)
        terms, rerouted = remaking.moved(terms, description, session.anew, ends, lost)
        return Joined(terms, ends), rerouted
    if session.restarts and isinstance(description.transport, IceUdp):
        return Joined(remaking.shown_to_client(terms, description), ends), (TransportChanged(description.transport),)
    return Joined(terms, ends), ()


def _carried(terms: RelayRequest, flows: tuple[Flow, ...]) -> Carried | None:
    by_party = {flow.party: flow for flow in flows}
    client, phone = (by_party.get(party, Flow(party)) for party in (terms.client, terms.phone))
    if not (client.packets or phone.packets):
        return None
    return Carried(client.packets, phone.packets, client.quality, phone.quality)


# --- failures


def lost(leg: RelayLeg, event: RelayLost, effects: Effects) -> RelayLeg:
    """Ask for every session again: the relay is gone, or has forgotten them (rule 7)."""
    return tuple(_again(session, event.problem, effects) for session in leg)


def _again(session: RelaySession, problem: str, effects: Effects) -> RelaySession:
    """Begin a session anew with what the ends have said. An offer without a reply is repeated by the adapter."""
    match session:
        case Offering() | OfferingAgain() | Deleting():
            return session
        case AwaitingAnswer(terms, offered):
            effects.emit_pending(first_offer(terms, offered), _LONGEST_REPLY)
            return OfferingAgain(terms, offered, problem)
        case PassingAnswer(terms, told):
            _expect_nothing(terms, effects)
            effects.emit_pending(first_offer_again(terms, told), _LONGEST_REPLY)
            return replace(session, anew=None, problem=problem)
        case Joined(terms, ends):
            return _renegotiate(terms, ends, False, effects, problem)
        case Renegotiating(terms, ends, restarts):
            _expect_nothing(terms, effects)
            return _renegotiate(terms, ends, restarts, effects, problem)
        case _:
            assert_never(session)


def _failure(problem: str | None) -> Reason:
    return Reason(Cause.NETWORK, texts.FAILED.format(problem=problem or texts.SESSION_LOST))


def _refusal(refused: RelayRefused) -> Reason:
    """Return why a session is lost. The relay is to blame only for what it has answered."""
    if refused.unasked:
        return Reason(Cause.MEDIA, texts.UNASKED.format(problem=refused.problem))
    return _failure(refused.problem)


def _failed(others: RelayLeg, session: Lasting, why: Reason, effects: Effects) -> RelayStep:
    """Do without a session (rule 6). It is deleted, as the relay may have made it all the same."""
    left = (*others, _delete(session.terms, effects))
    if isinstance(session, Offering) and session.fallback is not None:
        return RelayStep(left, (Offered(session.fallback, session.terms.profile),))
    return RelayStep(left, (RouteLost(session.terms.profile, why),))
