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

from typing import Final, NamedTuple, TypeAlias, assert_never

from msgspec.structs import replace

from fargo.statemachine.effects import Effects
from fargo.statemachine.legs.leg_events import Answered, Offered, RouteLost, TransportChanged
from fargo.statemachine.legs.relay import adding, remaking, seeing, texts
from fargo.statemachine.legs.relay.adding import VideoNews
from fargo.statemachine.legs.relay.moving import LONGEST_REPLY, expect_nothing, renegotiate, switched
from fargo.statemachine.legs.relay.objections import objection
from fargo.statemachine.legs.relay.relay_session import (
    AddingVideo,
    AwaitingAnswer,
    Deleting,
    Ends,
    Joined,
    Lasting,
    Offering,
    OfferingAgain,
    Passing,
    PassingAnswer,
    RelayLeg,
    RelayRequest,
    RelaySession,
    Renegotiating,
    first_answer,
    first_offer,
    first_offer_again,
    renumbers,
    to_client,
)
from fargo.statemachine.legs.relay.remaking import Rerouted
from fargo.statemachine.media.description import Description, IceUdp, MediaProfile
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
    RelayPhone,
    RelayRefused,
    StopRinging,
    SwitchPhone,
)
from fargo.statemachine.pending import PendingCommands, Reply
from fargo.statemachine.reason import Cause, Reason

# Seconds.
_DELETE_AGAIN: Final = 30.0
_MOST_REPEATED_DELETIONS: Final = 4
_DESCRIBED: Final = OfferRelay | AnswerRelay | DeleteRelay
"""The commands of which only the last about a session counts."""
News: TypeAlias = tuple[Offered | Answered | TransportChanged | Rerouted | RouteLost | VideoNews, ...]


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
    effects.emit_pending(first_offer(terms, description), LONGEST_REPLY)
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
    effects.emit_pending(first_offer_again(terms, ends) if again else first_answer(terms, ends), LONGEST_REPLY)
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
            effects.emit(PlayDigit(session.terms.name, party, digit, duration, session.terms.present))


def ring(leg: RelayLeg, rings: bool, effects: Effects) -> None:
    """Let the client hear the ringing tone, or no longer. The relay's reply is waited for so that it is asked again if
    the gateway is restarted (`resume`): nothing else would end the tone.
    """
    for session in leg:
        if isinstance(session, Passing):
            name, client = session.terms.name, session.terms.client
            _settle_ringing(name, effects)
            effects.emit_pending(PlayRinging(name, client) if rings else StopRinging(name, client), None)


def _settle_ringing(session: str, effects: Effects) -> None:
    """Forget what was asked about the ringing tone before: something else is wanted by now."""
    for name, each in effects.pending.items():
        if isinstance(each.command, PlayRinging | StopRinging) and each.command.session == session:
            effects.settle(name)


def is_joined(leg: RelayLeg) -> bool:
    """Return whether the two ends hear each other through the relay."""
    return any(isinstance(session, Passing) for session in leg)


def is_used(leg: RelayLeg) -> bool:
    """Return whether the call goes through the relay, or is to."""
    return any(not isinstance(session, Deleting) for session in leg)


# --- deleting


def delete(leg: RelayLeg, effects: Effects) -> RelayLeg:
    """End every session."""
    return tuple([s if isinstance(s, Deleting) else _delete(s.terms, effects) for s in leg])


def _delete(terms: RelayRequest, effects: Effects) -> Deleting:
    """End a session, until the relay has done so; what else it was asked for counts no longer."""
    expect_nothing(terms, effects)
    effects.emit_pending(DeleteRelay(terms.name, terms.present), _DELETE_AGAIN, _MOST_REPEATED_DELETIONS)
    return Deleting(terms)


def resume(leg: RelayLeg, effects: Effects) -> None:
    """Ask for everything again that the relay has not answered: the gateway was away, and the request may be lost. The
    relay does the same again. What has been overtaken is not asked again: the relay may have heard what came after it.
    """
    names, pending = [session.terms.name for session in leg], effects.pending
    for name, each in pending.items():
        if not isinstance(each.command, RelayCommand) or each.command.session not in names:
            continue
        if isinstance(each.command, _DESCRIBED) and is_overtaken(name, pending):
            effects.settle(name)
        else:
            effects.repeat(name, each.repeats)
    for session in leg:
        if isinstance(session, Passing):
            switched(session.terms, effects)


def restart(leg: RelayLeg, effects: Effects) -> RelayLeg:
    """End every session, again if need be: the gateway was away, and what it told the relay may not have arrived."""
    return tuple([_delete(session.terms, effects) for session in leg])


def abandon(leg: RelayLeg, effects: Effects) -> None:
    """End every session with as little code as possible: the gateway lost track of the call."""
    for name, each in effects.pending.items():
        if isinstance(each.command, RelayCommand) and each.command.session in [session.terms.name for session in leg]:
            effects.settle(name)
    for session in leg:
        deletion = DeleteRelay(session.terms.name, session.terms.present)
        effects.emit_pending(deletion, _DELETE_AGAIN, _MOST_REPEATED_DELETIONS)


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
    about = [(other, each.command.session) for other, each in pending.items() if isinstance(each.command, _DESCRIBED)]
    last = {session: other for other, session in about}
    return last[dict(about)[name]] != name


def fold(leg: RelayLeg, reply: Reply, effects: Effects) -> RelayStep:
    """Return the leg after a reply of the relay, or after none has come in time."""
    session = _session(leg, reply)
    others = tuple(s for s in leg if s is not session)
    match session, reply.answer:
        case (
            (Offering() | OfferingAgain() | PassingAnswer() | Renegotiating() | AddingVideo()),
            RelayDescribed(description=description),
        ):
            return _described(others, session, reply, description, effects)
        case (
            (PassingAnswer(problem=None) | Renegotiating(problem=None) | AddingVideo()),
            RelayRefused(problem=problem, unknown=True),
        ):
            return RelayStep((*others, _again(session, problem, effects)))
        case (
            (Offering() | OfferingAgain() | PassingAnswer() | Joined() | Renegotiating() | AddingVideo()),
            RelayRefused() as refused,
        ):
            return _failed(others, session, _refusal(refused), effects)
        case (
            (Offering() | OfferingAgain() | PassingAnswer() | Joined() | Renegotiating() | AddingVideo()),
            None,
        ):
            return _failed(others, session, _failure(texts.SILENT), effects)
        case Deleting(terms), RelayDone(flows=flows):
            return RelayStep(others, carried=_carried(terms, flows))
        case Deleting(), _:
            return RelayStep(others)
        case _:
            return RelayStep(leg)


def _described(
    others: RelayLeg,
    session: Offering | OfferingAgain | PassingAnswer | Renegotiating | AddingVideo,
    reply: Reply,
    description: Description,
    effects: Effects,
) -> RelayStep:
    """Return the leg after the relay's description for an end; ``session`` is the one that it is about."""
    offers = isinstance(reply.command, OfferRelay)
    if isinstance(session, AddingVideo):
        settled, video_news = seeing.described(session, offers, description.video, effects)
        return RelayStep((*others, settled), video_news)
    if problem := objection(session, offers, description):
        return _failed(others, session, _failure(problem), effects)
    match session:
        case Offering(terms, offered):
            after = AwaitingAnswer(remaking.shown_to_called(terms, description), offered, moved=session.moved)
            return RelayStep((*others, after), (Offered(description, terms.profile),))
        case OfferingAgain(terms, offered):
            return RelayStep((*others, AwaitingAnswer(terms, offered, description, session.moved)))
        case PassingAnswer(terms, told) if offers:
            effects.emit_pending(first_answer(terms, told), LONGEST_REPLY)
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
    return renegotiate(terms, session.ends, restarts, effects), rerouted


def _renegotiated(
    session: Renegotiating, offers: bool, description: Description, effects: Effects
) -> tuple[Joined | Renegotiating, News]:
    """Tell the relay the phone's description after the client's; after that, the ends are joined again."""
    terms, ends = session.terms, session.ends
    if offers and session.problem is not None:
        ends = replace(ends, phone=remaking.answering(ends.phone, terms, description))
    if offers and session.shows and session.problem is None:
        effects.emit(SwitchPhone(terms.name, RelayPhone(terms.phone, terms.phones), on=False))
        effects.emit_pending(to_client(terms, ends), LONGEST_REPLY)
        terms = replace(terms, upcoming=description)
        return replace(session, terms=terms, shows=False), (Offered(description, terms.profile),)
    if offers:
        effects.emit_pending(to_client(terms, ends), LONGEST_REPLY)
        return replace(session, ends=ends, anew=description), ()
    if session.problem is not None and session.anew is not None:
        lost = _failure(session.problem)
        terms, rerouted = remaking.moved(terms, description, session.anew, ends, lost)
        switched(terms, effects)
        if session.shows:
            return renegotiate(terms, ends, False, effects, shows=True), rerouted
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
            effects.emit_pending(first_offer(terms, offered), LONGEST_REPLY)
            return OfferingAgain(terms, offered, problem)
        case PassingAnswer(terms, told):
            expect_nothing(terms, effects)
            effects.emit_pending(first_offer_again(terms, told), LONGEST_REPLY)
            return replace(session, anew=None, problem=problem)
        case Joined(terms, ends):
            return renegotiate(terms.forgotten, ends, False, effects, problem)
        case Renegotiating(terms, ends, restarts):
            expect_nothing(terms, effects)
            return renegotiate(terms.forgotten, ends, restarts, effects, problem, session.shows)
        case AddingVideo(terms, _, ends):
            expect_nothing(terms, effects)
            without = adding.without_video(ends)
            return renegotiate(terms.forgotten, without, adding.restarts(session), effects, problem)
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
