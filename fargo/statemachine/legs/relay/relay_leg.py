"""The relay's part in a call: the sessions at the media relay that audio goes through, if it does not go directly.

Rules:

1. The bridge hands over what one end described, and what comes back is for the other: an offer becomes `Offered`, an
   answer `Answered`, each in the relay's own addresses.
2. An incoming call has one session for each manner in which the user's clients are called: only the one whose client
   accepts is kept.
3. Every session that was asked for is deleted, and deleted again until the relay says that it is gone, or has been
   silent for too long to be there.
4. A client that restarts ICE (RFC 8445 §2.4) describes itself anew, and the relay answers that in the phone's name: so
   what either end said is kept as long as audio passes. A phone that moves (RFC 3264 §8.3.1) comes to the relay in the
   same way, as the answer to what the client had said before.
5. If the relay fails before the called end is called, and the two ends could do without it, they do (`fallback`). Any
   other failure cuts off whoever is called, or talks, through it.
"""

from typing import Final, NamedTuple, TypeAlias, assert_never

from msgspec import Struct
from msgspec.structs import replace

from fargo.statemachine.deadline import Deadline
from fargo.statemachine.effects import Effects
from fargo.statemachine.legs.leg_events import Answered, Offered, RouteLost, TransportChanged
from fargo.statemachine.media.description import Description, IceUdp, MediaProfile, RawUdp
from fargo.statemachine.model.ng import (
    AnswerRelay,
    DeleteRelay,
    Flow,
    OfferRelay,
    Party,
    PlayDigit,
    RelayDescribed,
    RelayDone,
    RelayLost,
    RelayRefused,
)
from fargo.statemachine.reason import Cause, Reason

# Seconds. The adapter gives up on the relay before the first of these.
_LONGEST_REPLY: Final = 15.0
_DELETE_AGAIN: Final = 30.0
_MOST_DELETIONS: Final = 5
# Codecs that the relay offers besides the offerer's own: to a phone what every phone has, to a client what every
# client of today has.
_FOR_PHONES: Final = ("PCMU", "PCMA", "telephone-event")
_FOR_CLIENTS: Final = ("opus", "PCMU", "PCMA", "telephone-event")
# Redundancy and comfort noise are between a client and the relay: phones name them, and then do otherwise.
_NOT_FOR_PHONES: Final = ("red", "CN")


class RelayRequest(Struct, frozen=True, gc=False):
    """What does not change about a session: its name, and how the client in it sends and receives. ``outward``: the
    client is the offerer. ``why``: the call needs the relay, a sentence.
    """

    name: str
    profile: MediaProfile
    outward: bool
    why: str

    @property
    def client(self) -> Party:
        """Which end the client is."""
        return Party.OFFERER if self.outward else Party.ANSWERER

    @property
    def phone(self) -> Party:
        """Which end the phone is."""
        return Party.ANSWERER if self.outward else Party.OFFERER


class Offering(Struct, frozen=True, gc=False):
    """The offer is with the relay. ``fallback``: what the called end can be offered without the relay, None if
    nothing.
    """

    terms: RelayRequest
    command: str
    since: float
    offer: Description
    fallback: Description | None


class Waiting(Struct, frozen=True, gc=False):
    """The relay's offer is with the called end."""

    terms: RelayRequest
    offer: Description


class Answering(Struct, frozen=True, gc=False):
    """The answer is with the relay. ``client_anew``, ``phone_anew``: how an end that has moved since describes
    itself.
    """

    terms: RelayRequest
    command: str
    since: float
    client: Description
    phone: Description
    client_anew: Description | None = None
    phone_anew: Description | None = None


class Joined(Struct, frozen=True, gc=False):
    """Both ends have described themselves: audio passes. ``left``: the credentials (ufrags) with which the client did
    ICE before; candidates that come late may still name them.
    """

    terms: RelayRequest
    client: Description
    phone: Description
    left: tuple[str, ...] = ()


class Restarting(Struct, frozen=True, gc=False):
    """An end has moved: the client's description is with the relay once more. ``told``: the client has restarted ICE,
    and is to be told where it is to send audio. ``left``: see `Joined`.
    """

    terms: RelayRequest
    command: str
    since: float
    client: Description
    phone: Description
    told: bool
    left: tuple[str, ...]


class Rejoining(Struct, frozen=True, gc=False):
    """And now the phone's is, and the relay says where the client is to send audio. ``told``, ``left``: as before."""

    terms: RelayRequest
    command: str
    since: float
    client: Description
    phone: Description
    told: bool
    left: tuple[str, ...]


class Deleting(Struct, frozen=True, gc=False):
    """The relay was told to end the session, for the nth time."""

    terms: RelayRequest
    command: str
    since: float
    times: int = 1


_Asking: TypeAlias = Offering | Answering | Restarting | Rejoining
_Talking: TypeAlias = Joined | Restarting | Rejoining
RelaySession: TypeAlias = _Asking | Waiting | Joined | Deleting
RelayLeg: TypeAlias = tuple[RelaySession, ...]
OfCommand: TypeAlias = RelayDescribed | RelayDone | RelayRefused
News: TypeAlias = tuple[Offered | Answered | TransportChanged | RouteLost, ...]


class Carried(NamedTuple):
    """What a session that is gone has received from either end, in RTP packets."""

    from_client: int
    from_phone: int


class Step(NamedTuple):
    """The leg after something happened, what the bridge should know, and what was carried, None if nothing was."""

    leg: RelayLeg
    news: News = ()
    carried: Carried | None = None


# --- told by the bridge


def offer(
    leg: RelayLeg, terms: RelayRequest, description: Description, fallback: Description | None, effects: Effects
) -> RelayLeg:
    """Ask for a session, with what the calling end offers."""
    if terms.outward:
        command = _to_phone(terms, description, _FOR_PHONES)
    else:
        command = OfferRelay(terms.name, description, terms.profile, terms.profile is MediaProfile.DTLS, _FOR_CLIENTS)
    return (*leg, Offering(terms, effects.emit(command), effects.at, description, fallback))


def _to_phone(terms: RelayRequest, client: Description, transcode: tuple[str, ...]) -> OfferRelay:
    return OfferRelay(terms.name, client, MediaProfile.PLAIN, False, transcode, _NOT_FOR_PHONES, terms.client)


def _to_client(terms: RelayRequest, client: Description, phone: Description) -> AnswerRelay:
    return AnswerRelay(terms.name, phone, terms.profile, client.mux, terms.phone)


def has(leg: RelayLeg, profile: MediaProfile) -> bool:
    """Whether there is a session for clients of a manner."""
    return any(session.terms.profile is profile for session in leg if not isinstance(session, Deleting))


def answer(leg: RelayLeg, profile: MediaProfile, description: Description, effects: Effects) -> RelayLeg | None:
    """The called end has answered what a session offered it, and the other sessions are not needed; None if no session
    has offered it anything: the ends do without the relay.
    """
    session = _waiting(leg, profile)
    if session is None:
        return None
    terms = session.terms
    client, phone = (session.offer, description) if terms.outward else (description, session.offer)
    told = _to_client(terms, client, phone) if terms.outward else AnswerRelay(terms.name, client, MediaProfile.PLAIN)
    answering = Answering(terms, effects.emit(told), effects.at, client, phone)
    return (*delete(tuple(s for s in leg if s is not session), effects), answering)


def _waiting(leg: RelayLeg, profile: MediaProfile) -> Waiting | None:
    for session in leg:
        if isinstance(session, Waiting) and session.terms.profile is profile:
            return session
    return None


def why(leg: RelayLeg) -> str:
    """Why the call goes through the relay."""
    return next((session.terms.why for session in leg if isinstance(session, Answering)), "")


def play(leg: RelayLeg, digit: str, duration: int, effects: Effects) -> None:
    """Play a digit to the phone."""
    for session in leg:
        if isinstance(session, _Talking):
            effects.emit(PlayDigit(session.terms.name, session.terms.phone, digit, duration))


def is_joined(leg: RelayLeg) -> bool:
    """Whether the two ends hear each other through the relay."""
    return any(isinstance(session, _Talking) for session in leg)


def is_used(leg: RelayLeg) -> bool:
    """Whether the call goes through the relay, or is to."""
    return any(not isinstance(session, Deleting) for session in leg)


def client_moved(leg: RelayLeg, transport: IceUdp, effects: Effects) -> RelayLeg:
    """Rule 4, if the client's transport is another than before: one that only has candidates to add is found by its
    own packets (RFC 8445 §7.3.1.3).
    """
    return tuple(_with_client(session, transport, effects) for session in leg)


def _with_client(session: RelaySession, transport: IceUdp, effects: Effects) -> RelaySession:
    match session:
        case Answering(client=client) if _is_another(transport, client):
            return replace(session, client_anew=_restarted(client, transport))
        case Joined() | Restarting() | Rejoining():
            if transport.ufrag in session.left or not _is_another(transport, session.client):
                return session
            return _restart(session, _restarted(session.client, transport), session.phone, True, effects)
        case Offering() | Waiting() | Answering() | Deleting():
            return session
        case _:
            assert_never(session)


def _is_another(transport: IceUdp, client: Description) -> bool:
    """Whether the client has restarted ICE: other credentials than it described itself with (RFC 8445 §9)."""
    return isinstance(client.transport, IceUdp) and transport.ufrag not in ("", client.transport.ufrag)


def _restarted(client: Description, transport: IceUdp) -> Description:
    before = client.transport.fingerprint if isinstance(client.transport, IceUdp) else None
    return replace(client, transport=replace(transport, fingerprint=transport.fingerprint or before))


def phone_moved(leg: RelayLeg, transport: RawUdp, effects: Effects) -> RelayLeg:
    """Rule 4, if the phone wants audio elsewhere."""
    return tuple(_with_phone(session, transport, effects) for session in leg)


def _with_phone(session: RelaySession, transport: RawUdp, effects: Effects) -> RelaySession:
    match session:
        case Answering(phone=phone):
            return replace(session, phone_anew=replace(phone, transport=transport))
        case Joined(client=client, phone=phone):
            return _restart(session, client, replace(phone, transport=transport), False, effects)
        case Restarting(client=client, phone=phone) | Rejoining(client=client, phone=phone):
            return _restart(session, client, replace(phone, transport=transport), session.told, effects)
        case Offering() | Waiting() | Deleting():
            return session
        case _:
            assert_never(session)


def _restart(session: _Talking, client: Description, phone: Description, told: bool, effects: Effects) -> Restarting:
    # What the phone speaks must be in the new offer, as it is what it will be said to answer.
    transcode = dict.fromkeys((*_FOR_PHONES, *(codec.name for codec in phone.codecs)))
    command = effects.emit(_to_phone(session.terms, client, tuple(transcode)))
    left = session.left if client is session.client else (*session.left, _ufrag(session.client))
    return Restarting(session.terms, command, effects.at, client, phone, told, left)


def _ufrag(client: Description) -> str:
    return client.transport.ufrag if isinstance(client.transport, IceUdp) else ""


def delete(leg: RelayLeg, effects: Effects) -> RelayLeg:
    """End every session."""
    return tuple([s if isinstance(s, Deleting) else _delete(s.terms, 1, effects) for s in leg])


def _delete(terms: RelayRequest, times: int, effects: Effects) -> Deleting:
    return Deleting(terms, effects.emit(DeleteRelay(terms.name)), effects.at, times)


# --- folding


def concerns(leg: RelayLeg, event: OfCommand) -> bool:
    """Whether a session waits for this answer."""
    return any(_command(session) == event.command for session in leg)


def _command(session: RelaySession) -> str:
    match session:
        case Offering() | Answering() | Restarting() | Rejoining() | Deleting():
            return session.command
        case Waiting() | Joined():
            return ""
        case _:
            assert_never(session)


def fold(leg: RelayLeg, event: OfCommand, effects: Effects) -> Step:
    """What an answer of the relay makes of the session that waits for it."""
    session = next(s for s in leg if _command(s) == event.command)
    others = tuple(s for s in leg if s is not session)
    match session, event:
        case Offering(terms, offer=offered), RelayDescribed(description=description):
            return Step((*others, Waiting(terms, offered)), (Offered(description, terms.profile),))
        case Answering(terms), RelayDescribed(description=description):
            return Step((*others, _joined(session, effects)), (Answered(description),))
        case Restarting(terms, client=client, phone=phone, told=told, left=left), RelayDescribed():
            command = effects.emit(_to_client(terms, client, phone))
            return Step((*others, Rejoining(terms, command, effects.at, client, phone, told, left)))
        case Rejoining(terms, client=client, phone=phone, left=left), RelayDescribed(description=description):
            joined = Joined(terms, client, phone, left)
            return Step((*others, joined), _elsewhere(description) if session.told else ())
        case ((Offering() | Answering() | Restarting() | Rejoining()), RelayRefused(problem=problem)):
            return _failed(others, session, problem, effects)
        case Deleting(), RelayRefused(silent=True):
            return Step(leg)
        case Deleting(terms), RelayDone(flows=flows):
            return Step(others, carried=_carried(terms, flows))
        case Deleting(), RelayDescribed() | RelayRefused():
            return Step(others)
        case _:
            return Step(leg)


def _joined(session: Answering, effects: Effects) -> Joined | Restarting:
    """The ends hear each other; if one has moved meanwhile, the relay is told now."""
    joined = Joined(session.terms, session.client, session.phone)
    client, phone = session.client_anew, session.phone_anew
    if client is None and phone is None:
        return joined
    return _restart(joined, client or session.client, phone or session.phone, client is not None, effects)


def _elsewhere(description: Description) -> News:
    return (TransportChanged(description.transport),) if isinstance(description.transport, IceUdp) else ()


def _carried(terms: RelayRequest, flows: tuple[Flow, ...]) -> Carried | None:
    packets = {flow.party: flow.packets for flow in flows}
    offerer, answerer = packets.get(Party.OFFERER, 0), packets.get(Party.ANSWERER, 0)
    if not (offerer or answerer):
        return None
    return Carried(offerer, answerer) if terms.outward else Carried(answerer, offerer)


def lost(leg: RelayLeg, event: RelayLost, effects: Effects) -> Step:
    """The relay is gone, or has forgotten its sessions."""
    step = Step(tuple(s for s in leg if isinstance(s, Deleting)))
    for session in leg:
        if not isinstance(session, Deleting):
            after = _failed(step.leg, session, event.problem, effects)
            step = Step(after.leg, step.news + after.news)
    return step


def _failed(others: RelayLeg, session: _Asking | Waiting | Joined, problem: str, effects: Effects) -> Step:
    """Rule 5. The relay may have made the session all the same."""
    left = (*others, _delete(session.terms, 1, effects))
    if isinstance(session, Offering) and session.fallback is not None:
        return Step(left, (Offered(session.fallback, session.terms.profile),))
    return Step(left, (RouteLost(session.terms.profile, Reason(Cause.NETWORK, f"The media relay failed: {problem}")),))


# --- waiting


def deadlines(leg: RelayLeg) -> tuple[Deadline, ...]:
    """By when the relay must have answered."""
    return tuple(Deadline("the media relay's answer", due) for session in leg if (due := _due(session)))


def _due(session: RelaySession) -> float:
    match session:
        case Offering() | Answering() | Restarting() | Rejoining():
            return session.since + _LONGEST_REPLY
        case Deleting():
            return session.since + _DELETE_AGAIN
        case Waiting() | Joined():
            return 0.0
        case _:
            assert_never(session)


def expire(leg: RelayLeg, effects: Effects) -> Step:
    """Do what is due by now."""
    step = Step(leg)
    for session in leg:
        due = _due(session)
        if not due or due > effects.at:
            continue
        others = tuple(s for s in step.leg if s is not session)
        match session:
            case Offering() | Answering() | Restarting() | Rejoining():
                after = _failed(others, session, "it does not answer.", effects)
                step = Step(after.leg, step.news + after.news)
            case Deleting(terms, times=times) if times < _MOST_DELETIONS:
                step = step._replace(leg=(*others, _delete(terms, times + 1, effects)))
            case _:
                step = step._replace(leg=others)
    return step


def restart(leg: RelayLeg, effects: Effects) -> RelayLeg:
    """The gateway was away: what it told the relay may not have arrived."""
    return tuple(_delete(session.terms, 1, effects) for session in leg)
