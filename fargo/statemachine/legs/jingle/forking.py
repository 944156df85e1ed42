"""Calling the user's clients: all that can take the call at once (RFC 3261 calls it forking), until one accepts.

Rules:

1. Clients that announce Jingle Message Initiation are sent one proposal, at the user's bare JID, or each its own if one
   of them is not to ring; each of the others is sent a session-initiate. All have the same session id.
2. The first to accept wins, by session-accept or by <proceed/>, and the others are told so. A client that proceeds is
   invited then, and still has to accept.
3. A client that declines speaks for its user: nobody rings any longer. So does one that cancels, as it has called
   nobody. One that is busy, or gone, leaves the call to the others.
4. When nobody is left, the caller hears the most telling refusal.
5. What a client is offered depends on how it sends and receives audio, its profile. As long as that offer is not there,
   the client is not invited.
6. An invitation that may have been lost in a restart of the gateway is sent again only if the client says that it knows
   no such session: one that has it may take the second for a call of its own.
"""

from typing import ClassVar, Final, TypeAlias, TypeGuard, assert_never

from msgspec import Struct
from msgspec.structs import replace

from fargo.statemachine.address import bare
from fargo.statemachine.deadline import Deadline
from fargo.statemachine.effects import Effects
from fargo.statemachine.legs.jingle import describing, jingle_session, texts
from fargo.statemachine.legs.jingle.invitations import (
    AwaitingOffer,
    Called,
    Invitation,
    Invited,
    Proposed,
    Retracted,
    content_of,
    invite_client,
    retract,
    send_proposal,
    withdraw,
)
from fargo.statemachine.legs.jingle.jingle_session import GONE, JingleEvent, Session, Terminated, about
from fargo.statemachine.legs.jingle.single_session import Active, Describing
from fargo.statemachine.legs.leg_events import Ended, LegEvents, Ringing
from fargo.statemachine.media.description import Description, MediaProfile
from fargo.statemachine.media.offer import malformed_contents
from fargo.statemachine.model.commands import AcceptIq, InformSession, ProposeCall, RefuseIq
from fargo.statemachine.model.events import IqFailed, IqSucceeded, ResourceUnavailable
from fargo.statemachine.model.jingle_events import CallAction, CallMessaged, SessionAccepted, SessionTerminated
from fargo.statemachine.pending import Reply
from fargo.statemachine.reason import Cause, Reason, from_jingle

NOBODY: Final = Reason(Cause.UNAVAILABLE, texts.NOBODY)

_ELSEWHERE: Final = Reason(Cause.ELSEWHERE, texts.ANSWERED_ELSEWHERE)
_DECLINED: Final = Reason(Cause.ELSEWHERE, texts.DECLINED_ELSEWHERE)
# When several clients refuse, the caller hears the most telling refusal, the first of these.
_TELLING: Final = (Cause.DECLINED, Cause.BUSY, Cause.MEDIA, Cause.TRANSPORT, Cause.APPLICATION, Cause.SECURITY)
# Seconds that clients have to say what they can do, when a call comes in while they are being asked.
_LONGEST_SEARCH: Final = 5.0


# --- the phases


class Searching(Struct, frozen=True, gc=False):
    """No client that can take the call is known; clients are still being asked what they can do."""

    called: ClassVar[tuple[()]] = ()
    proposal: ClassVar[None] = None
    refusal: ClassVar[None] = None
    invitation: Invitation
    since: float


class Forking(Struct, frozen=True, gc=False):
    """Clients are called, and none has taken the call. ``refusal``: the most telling one so far, None if there is none
    that the caller should hear.
    """

    invitation: Invitation
    called: tuple[Called, ...] = ()
    proposal: Proposed | Retracted | None = None
    refusal: Reason | None = None


class Proceeding(Struct, frozen=True, gc=False):
    """A client has said that it takes the call, and is the only one left; it has yet to accept the session."""

    proposal: ClassVar[None] = None
    invitation: Invitation
    called: tuple[Called]
    refusal: Reason | None = None


Inviting: TypeAlias = Searching | Forking | Proceeding
ForkingStep: TypeAlias = tuple[Inviting | Describing | Active | Terminated, LegEvents]


# --- whom to call


def invite(
    sid: str,
    us: str,
    offer: Description,
    profile: MediaProfile | None,
    introduces: bool,
    effects: Effects,
    nick: str | None = None,
) -> Searching:
    """Return the leg before any client is called: see `add` and `propose`. ``offer``: the caller's own. ``profile``:
    that of the clients that can take it as it is, None if none can. ``introduces``, ``nick``: see `Invitation`.
    """
    contents = {} if profile is None else {profile: content_of(offer)}
    return Searching(Invitation(sid, us, contents, introduces, nick, profile), effects.at)


def takes_more(leg: object, asks_first: bool) -> TypeGuard[Searching | Forking]:
    """Return whether one more client can be called, one that wants to be asked first or one that does not."""
    match leg:
        case Searching() | Forking(proposal=None | Proposed()):
            return True
        case Forking(proposal=Retracted()):
            return not asks_first
        case _:
            return False


def session_with(
    leg: Searching | Forking, client: str, profile: MediaProfile, bundles: bool, sees: bool = False
) -> Session:
    """Return the session that a client (full JID) is to be called in."""
    gathers = leg.invitation.direct is MediaProfile.DTLS and profile is MediaProfile.DTLS
    us, sid = leg.invitation.us, leg.invitation.sid
    return Session(sid, us, client, calls=False, profile=profile, bundles=bundles, gathers=gathers, sees=sees)


def add(leg: Searching | Forking, session: Session, effects: Effects) -> Forking:
    """Call one client directly, unless it is called already."""
    forking = _forking(leg)
    if session.client in [each.session.client for each in forking.called]:
        return forking
    return replace(forking, called=(*forking.called, invite_client(leg.invitation, session, effects)))


def propose(leg: Searching | Forking, session: Session, apart: bool, effects: Effects, seen: bool = False) -> Forking:
    """Call a client that wants to be asked first (rule 1). ``apart``: by a proposal of its own. ``seen``: the caller
    offers video, too.
    """
    forking = _forking(leg)
    proposal = forking.proposal if isinstance(forking.proposal, Proposed) else Proposed((), {})
    commands = proposal.commands
    if not commands or (apart and session.client not in proposal.sessions):
        to = session.client if apart else effects.user
        commands = (*commands, send_proposal(leg.invitation, to, seen and session.sees, effects))
    elif not apart:
        session = replace(session, sees=session.sees and all(each.sees for each in proposal.sessions.values()))
    sessions = {**proposal.sessions, session.client: replace(session, proposed=True)}
    return replace(forking, proposal=Proposed(commands, sessions))


def _forking(leg: Searching | Forking) -> Forking:
    return Forking(leg.invitation) if isinstance(leg, Searching) else leg


def offered(leg: Inviting, offer: Description, profile: MediaProfile, effects: Effects) -> Inviting:
    """Invite the clients of a profile that wait for their offer, which is there now."""
    contents = {**leg.invitation.contents, profile: content_of(offer)}
    invitation = replace(leg.invitation, contents=contents)
    match leg:
        case Searching():
            return replace(leg, invitation=invitation)
        case Forking(called=called):
            before = [each for each in called if isinstance(each, Invited)]
            waiting = [each.session for each in called if isinstance(each, AwaitingOffer)]
            now = [invite_client(invitation, session, effects) for session in waiting]
            return replace(leg, invitation=invitation, called=(*before, *now))
        case Proceeding(called=(AwaitingOffer(session),)):
            return replace(leg, invitation=invitation, called=(invite_client(invitation, session, effects),))
        case Proceeding():
            return replace(leg, invitation=invitation)
        case _:
            assert_never(leg)


def route_lost(leg: Inviting, profile: MediaProfile, reason: Reason, effects: Effects) -> ForkingStep:
    """End the call for the clients of a profile, which cannot be reached any more."""
    contents = {other: content for other, content in leg.invitation.contents.items() if other is not profile}
    leg = replace(leg, invitation=replace(leg.invitation, contents=contents))
    cut = tuple([each for each in leg.called if each.session.profile is profile])
    left = tuple([each for each in leg.called if each.session.profile is not profile])
    kept = unwanted = leg.proposal
    if isinstance(kept, Proposed):
        others = {client: each for client, each in kept.sessions.items() if each.profile is not profile}
        kept, unwanted = (replace(kept, sessions=others), None) if others else (Retracted(), kept)
    withdraw(leg.invitation, cut, unwanted, reason, effects)
    return _left(leg, left, kept, reason if leg.refusal is None else leg.refusal)


# --- what is known of a leg


def sessions(leg: Inviting) -> tuple[Session, ...]:
    """Return the sessions with clients that have been invited."""
    return tuple([each.session for each in leg.called if isinstance(each, Invited)])


def with_session(leg: Inviting, session: Session) -> Inviting:
    """Return the leg with what is known now of the session with an invited client."""
    match leg:
        case Searching():
            return leg
        case Forking(called=called):
            return replace(leg, called=tuple([_known_now(each, session) for each in called]))
        case Proceeding(called=(each,)):
            return replace(leg, called=(_known_now(each, session),))
        case _:
            assert_never(leg)


def _known_now(called: Called, session: Session) -> Called:
    return Invited(session) if isinstance(called, Invited) and called.session.client == session.client else called


def proposes(leg: object, us: str) -> TypeGuard[Forking]:
    """Return whether our proposal in a contact's name (JID) is with clients."""
    return isinstance(leg, Forking) and isinstance(leg.proposal, Proposed) and bare(leg.invitation.us) == bare(us)


def concerns(leg: Inviting, event: JingleEvent) -> bool:
    """Return whether the event is about a client that is called, or about the proposal."""
    for each in leg.called:
        knows = isinstance(each, Invited) or isinstance(event, CallMessaged | ResourceUnavailable)
        if knows and about(each.session, event):
            return True
    return isinstance(event, CallMessaged) and event.sid == leg.invitation.sid and proposes(leg, event.to)


def deadline(leg: Inviting) -> Deadline | None:
    """Return by when a client that can take the call must have shown up."""
    if isinstance(leg, Searching):
        return Deadline(texts.ABLE_CLIENT, leg.since + _LONGEST_SEARCH)
    return None


def search_ended(leg: Inviting) -> ForkingStep:
    """End a search: no other client will say that it can take the call."""
    return (Terminated(), (Ended(NOBODY),)) if isinstance(leg, Searching) else (leg, ())


def _left(
    leg: Inviting, called: tuple[Called, ...], proposal: Proposed | Retracted | None, refusal: Reason | None
) -> ForkingStep:
    """Return the leg with those who may still accept (rule 4)."""
    if not called and not isinstance(proposal, Proposed):
        return Terminated(), (Ended(refusal or NOBODY),)
    match leg:
        case Searching():
            return leg, ()
        case Forking():
            return replace(leg, called=called, proposal=proposal, refusal=refusal), ()
        case Proceeding():
            return replace(leg, refusal=refusal), ()
        case _:
            assert_never(leg)


def stream_opened(leg: Inviting, effects: Effects) -> None:
    """Ask the invited clients whether they know of the session: invitations, and answers to them, may have been lost
    with the stream.
    """
    for session in sessions(leg):
        jingle_session.only_ask(session, effects)


def resume(leg: Inviting, effects: Effects) -> Inviting:
    """Go on after a restart of the gateway (rule 6). A search begins anew, as the presence of the clients arrives only
    now.
    """
    for session in sessions(leg):
        jingle_session.doubt(session, effects)
    return replace(leg, since=effects.at) if isinstance(leg, Searching) else leg


# --- what clients say


def replied(leg: Inviting, reply: Reply, effects: Effects) -> ForkingStep:
    """Fold a client's reply to what we sent, or its silence. A client that does not take the invitation is out of the
    call; information that is lost does no harm.
    """
    match reply.answer:
        case IqSucceeded():
            _known(leg, reply, effects)
            return leg, (Ringing(),)
        case IqFailed(condition="item-not-found") if _invited_again(leg, reply, effects):
            return leg, ()
        case IqFailed() if isinstance(reply.command, ProposeCall):
            return _left(leg, leg.called, _proposed_without(leg.proposal, reply.command.to), leg.refusal)
        case IqFailed(condition=condition, text=text) if condition in GONE or jingle_session.is_vital(reply):
            told = text or condition
        case None:
            told = texts.SILENT
            for session in sessions(leg):
                if about(session, reply):
                    jingle_session.terminate(session, Reason(Cause.NO_ANSWER, texts.CLIENT_SILENT), effects)
        case _:
            _known(leg, reply, effects)
            return leg, ()
    return drop(leg, reply, Reason(Cause.UNAVAILABLE, texts.CALL_REFUSED.format(told=told)), effects)


def _proposed_without(proposal: Proposed | Retracted | None, to: str) -> Proposed | None:
    """Return what is left of a proposal that has come back, None if nothing is."""
    if not isinstance(proposal, Proposed):
        return None
    sessions = {client: session for client, session in proposal.sessions.items() if to not in (client, bare(client))}
    return replace(proposal, sessions=sessions) if sessions else None


def _known(leg: Inviting, reply: Reply, effects: Effects) -> None:
    """Take a client's answer to our question for that to the invitation, which may have been lost."""
    for session in sessions(leg):
        if about(session, reply):
            jingle_session.known(session, effects)


def _invited_again(leg: Inviting, reply: Reply, effects: Effects) -> bool:
    """Invite a client again that does not know the session, if it has not acknowledged the invitation (rule 6)."""
    asked = isinstance(reply.command, InformSession)
    concerned = [session for session in sessions(leg) if asked and about(session, reply)]
    return any(jingle_session.initiate_again(session, effects) for session in concerned)


def accepted(leg: Inviting, event: SessionAccepted, effects: Effects) -> ForkingStep:
    """Give the call to the client that sends session-accept, if it accepts what we offered."""
    if problem := malformed_contents(event.contents):
        effects.emit(RefuseIq(event.iq, "modify", "bad-request", problem))
        return leg, ()
    effects.emit(AcceptIq(event.iq))
    [winner] = [session for session in sessions(leg) if session.client == event.iq.sender]
    offer = leg.invitation.contents[winner.profile].description
    assert offer is not None
    taken = describing.taken(winner, event.contents, offer, effects)
    if isinstance(taken, Reason):
        jingle_session.terminate(winner, taken, effects)
        return drop(leg, event, taken, effects)
    others = tuple([each for each in leg.called if each.session.client != winner.client])
    withdraw(leg.invitation, others, leg.proposal, _ELSEWHERE, effects)
    return taken


def messaged(leg: Inviting, event: CallMessaged, effects: Effects) -> ForkingStep:
    """Fold what a client says about the proposal (XEP-0353 §3). Without a proposal only its end counts."""
    proposal = leg.proposal
    match event.action:
        case CallAction.REJECT:
            reason = from_jingle(event.condition or "decline", event.text)
            declined = Reason(Cause.DECLINED, reason.text) if reason.cause is not Cause.BUSY else reason
            return _declined(leg, leg.called, declined, effects)
        case CallAction.RINGING if isinstance(proposal, Proposed):
            return leg, (Ringing(),)
        case CallAction.PROCEED if isinstance(proposal, Proposed):
            return _proceeded(leg, proposal, event.sender, effects), (Ringing(),)
        case CallAction.FINISH:
            return _finished(leg, event, effects)
        case CallAction.RINGING | CallAction.PROCEED | CallAction.ACCEPT | CallAction.RETRACT:
            return leg, ()
        case _:
            assert_never(event.action)


def _proceeded(leg: Inviting, proposal: Proposed, client: str, effects: Effects) -> Proceeding:
    """Give the call to the client that proceeds. Its server tells the others that were sent the proposal. A client that
    was invited at once is not invited again.
    """
    effects.settle(*proposal.commands)
    others = tuple([each for each in leg.called if each.session.client != client])
    withdraw(leg.invitation, others, None, _ELSEWHERE, effects)
    for each in leg.called:
        if isinstance(each, Invited) and each.session.client == client:
            return Proceeding(leg.invitation, (each,), leg.refusal)
    # A client that is not known to want to be asked first is taken to be able to do what those are that are.
    session = proposal.sessions.get(client) or replace(next(iter(proposal.sessions.values())), client=client)
    return Proceeding(leg.invitation, (invite_client(leg.invitation, session, effects),), leg.refusal)


def _finished(leg: Inviting, event: CallMessaged, effects: Effects) -> ForkingStep:
    """Fold that a client says that the call is over, as if it had ended its session."""
    reason = from_jingle(event.condition or "success", event.text)
    for session in sessions(leg):
        if about(session, event):
            jingle_session.terminate(session, reason, effects)
    return drop(leg, event, reason, effects)


def terminated(leg: Inviting, event: SessionTerminated, reason: Reason, effects: Effects) -> ForkingStep:
    """Fold the end of a session by its client."""
    for session in sessions(leg):
        if about(session, event):
            jingle_session.terminated(session, reason, effects)
    return drop(leg, event, reason, effects)


def drop(leg: Inviting, event: JingleEvent, reason: Reason, effects: Effects) -> ForkingStep:
    """Leave the client that the event is about out of the call."""
    declines = reason.cause in (Cause.HUNG_UP, Cause.CANCELLED)
    refusal = Reason(Cause.DECLINED, reason.text) if declines else reason
    for each in leg.called:
        if about(each.session, event):
            jingle_session.forget(each.session, effects)
    left = tuple([each for each in leg.called if not about(each.session, event)])
    if refusal.cause is Cause.DECLINED:
        return _declined(leg, left, refusal, effects)
    return _left(leg, left, leg.proposal, _more_telling(leg.refusal, refusal))


def _declined(leg: Inviting, called: tuple[Called, ...], refusal: Reason, effects: Effects) -> ForkingStep:
    """End the call for the clients that are still called, because one has declined (rule 3)."""
    withdraw(leg.invitation, called, leg.proposal, _DECLINED, effects)
    return Terminated(), (Ended(_more_telling(leg.refusal, refusal) or NOBODY, settled=True),)


def _more_telling(one: Reason | None, other: Reason) -> Reason | None:
    """Return which of two refusals the caller should hear."""
    return other if _rank(other) < _rank(one) else one


def _rank(reason: Reason | None) -> int:
    return _TELLING.index(reason.cause) if reason and reason.cause in _TELLING else len(_TELLING)


# --- taking it back


def end(leg: Inviting, reason: Reason, effects: Effects) -> None:
    """End the call for all clients: the other end is gone."""
    withdraw(leg.invitation, leg.called, leg.proposal, reason, effects)


def give_way(leg: Forking, effects: Effects) -> Forking:
    """Take the proposal back because the user has proposed a call to the caller at the same moment (XEP-0353 §4.1)."""
    if isinstance(leg.proposal, Proposed):
        effects.settle(*leg.proposal.commands)
        retract(leg.invitation, Reason(Cause.CANCELLED, texts.GLARE), True, effects)
    return replace(leg, proposal=Retracted())
