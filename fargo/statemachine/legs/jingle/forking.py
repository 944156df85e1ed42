"""Calling the user's clients: all that can take the call at once, until one of them accepts.

Rules:

1. Clients that announce Jingle Message Initiation are sent one proposal, at the user's bare JID; the others a
   session-initiate each. All of it has one session id.
2. The first to accept wins, be it by session-accept or by <proceed/>, and the others are told so. Who proceeds is then
   invited, and still has to accept.
3. A client that declines has spoken for its user: nobody rings any longer. One that is busy, or gone, leaves the
   call to the others.
4. When nobody is left, the caller hears the most telling refusal.
5. What a client is offered depends on how it sends and receives audio: its manner. While that offer is not there, its
   session waits.
"""

from collections.abc import Callable
from typing import Final

from msgspec.structs import replace

from fargo.statemachine.address import bare
from fargo.statemachine.deadline import Deadline
from fargo.statemachine.effects import Effects
from fargo.statemachine.legs.jingle import jingle_session
from fargo.statemachine.legs.jingle.jingle_session import Inviting, JingleEvent, Over, Session, Step, Talking
from fargo.statemachine.legs.leg_events import Answered, Ended, Ringing
from fargo.statemachine.media.description import Content, Description, MediaProfile, Unusable, common
from fargo.statemachine.media.offer import audio, malformed_contents
from fargo.statemachine.model.commands import AcceptIq, MessageCall, ProposeCall, RefuseIq
from fargo.statemachine.model.events import CallAction, CallMessaged, IqFailed, ResourceUnavailable, SessionAccepted
from fargo.statemachine.reason import Cause, Reason, from_jingle, to_jingle

NOBODY: Final = Reason(Cause.UNAVAILABLE, "None of the called user's clients can take a call.")

_ELSEWHERE: Final = Reason(Cause.ELSEWHERE, "The call was answered on another device.")
_DECLINED: Final = Reason(Cause.ELSEWHERE, "The call was declined on another device.")
# When several clients refuse, the caller hears the most telling of it, the first of these.
_TELLING: Final = (Cause.DECLINED, Cause.BUSY, Cause.MEDIA, Cause.TRANSPORT, Cause.APPLICATION, Cause.SECURITY)
# Seconds that clients have to say what they can do, when a call comes while they are being asked.
_LONGEST_SEARCH: Final = 5.0


def invite(sid: str, us: str, offer: Description | None, effects: Effects) -> Inviting:
    """The beginning; nobody is called yet: see `add` and `propose`. ``offer``: the caller's own, if clients that speak
    plain RTP can take it as it is.
    """
    leg = Inviting(sid, us, {}, effects.at, (), "", NOBODY)
    return leg if offer is None else _with_content(leg, MediaProfile.PLAIN, offer)


def _with_content(leg: Inviting, profile: MediaProfile, offer: Description) -> Inviting:
    return replace(leg, contents={**leg.contents, profile: Content("voice", description=jingle_session.named(offer))})


def add(leg: Inviting, client: str, profile: MediaProfile, effects: Effects) -> Inviting:
    """Call one client directly, unless it is called already or another has taken the call."""
    if leg.taken or client in [session.client for session in _everyone(leg)]:
        return leg
    return _call(leg, Session(leg.sid, leg.us, client, calls=False, profile=profile), effects)


def _everyone(leg: Inviting) -> tuple[Session, ...]:
    return (*leg.sessions, *leg.waiting)


def _call(leg: Inviting, session: Session, effects: Effects) -> Inviting:
    """Invite a client, or let it wait for the offer (rule 5)."""
    content = leg.contents.get(session.profile)
    if content is None:
        return replace(leg, waiting=(*leg.waiting, session))
    return replace(leg, sessions=(*leg.sessions, jingle_session.initiate(session, content, effects)))


def propose(leg: Inviting, client: str, profile: MediaProfile, effects: Effects) -> Inviting:
    """Call a client that wants to be asked first; one proposal is for all of them (XEP-0353 §5.1)."""
    if leg.taken:
        return leg
    proposal = leg.proposal or effects.emit(ProposeCall(leg.us, effects.user, leg.sid))
    return replace(leg, proposal=proposal, profiles={**leg.profiles, client: profile})


def offered(leg: Inviting, offer: Description, profile: MediaProfile, effects: Effects) -> Inviting:
    """What clients of a manner are offered is there: invite those that wait for it."""
    waiting, leg = leg.waiting, _with_content(replace(leg, waiting=()), profile, offer)
    for session in waiting:
        leg = _call(leg, session, effects)
    return leg


def cut(leg: Inviting, profile: MediaProfile, reason: Reason, effects: Effects) -> Step:
    """There is no way to clients of a manner any more."""
    profiles = {client: other for client, other in leg.profiles.items() if other is not profile}
    unwanted = "" if profiles else leg.proposal
    _withdraw(
        replace(_without(leg, lambda session: session.profile is not profile), proposal=unwanted), reason, effects
    )
    return _left(
        replace(
            _without(leg, lambda session: session.profile is profile),
            contents={other: content for other, content in leg.contents.items() if other is not profile},
            proposal=leg.proposal if profiles else "",
            retracted=bool(unwanted) or leg.retracted,
            profiles=profiles,
            refusal=reason if leg.refusal is NOBODY else leg.refusal,
        )
    )


def concerns(leg: Inviting, event: JingleEvent) -> bool:
    """Whether the event is about the proposal, or a client that is not invited yet."""
    match event:
        case CallMessaged():
            return _waits(leg, event) or (
                bool(leg.proposal) and event.sid == leg.sid and bare(event.to) == bare(leg.us)
            )
        case ResourceUnavailable():
            return _waits(leg, event)
        case IqFailed():
            return bool(leg.proposal) and leg.proposal == event.command
        case _:
            return False


def _waits(leg: Inviting, event: JingleEvent) -> bool:
    return any(jingle_session.about(session, event) for session in leg.waiting)


def deadline(leg: Inviting) -> Deadline | None:
    """By when a client that can take the call must have shown up."""
    if _anyone(leg):
        return None
    return Deadline("a client that can take the call", leg.since + _LONGEST_SEARCH)


def search_ended(leg: Inviting) -> Step:
    """No client that can take the call will show up any more."""
    return _left(leg)


def _anyone(leg: Inviting) -> bool:
    """Whether there is anybody who may still accept."""
    return bool(leg.sessions or leg.waiting or leg.proposal)


def _left(leg: Inviting) -> Step:
    """Rule 4."""
    return (leg, ()) if _anyone(leg) else (Over(), (Ended(leg.refusal),))


def stream_opened(leg: Inviting, effects: Effects) -> Inviting:
    """Invitations, and the answers to them, may have been lost with the stream: whether a client rings, and has not
    only not said so, is what it knows the session for. So that question takes the place of all others.
    """
    asked = (jingle_session.ask(replace(session, owed={}), effects) for session in leg.sessions)
    return replace(leg, sessions=tuple(asked))


# --- what clients say


def accepted(leg: Inviting, event: SessionAccepted, effects: Effects) -> Step:
    """session-accept: the winner, if what it accepts is what we offered."""
    if problem := malformed_contents(event.contents):
        effects.emit(RefuseIq(event.iq, "modify", "bad-request", problem))
        return leg, ()
    effects.emit(AcceptIq(event.iq))
    winner = {session.client: session for session in leg.sessions}[event.iq.sender]
    answer = _answer(leg, winner.profile, event.contents)
    if isinstance(answer, Reason):
        jingle_session.terminate(winner, answer, effects)
        return drop(leg, event, answer, effects)
    _withdraw(_without(leg, lambda session: session.client == winner.client), _ELSEWHERE, effects)
    return Talking(winner), (Answered(answer),)


def _answer(leg: Inviting, profile: MediaProfile, contents: tuple[Content, ...]) -> Description | Reason:
    """What the client accepts, if it answers what it was offered."""
    answer, offer = audio(contents), leg.contents[profile].description
    assert offer is not None
    if isinstance(answer, Reason):
        return answer
    if answer.profile is not profile:
        return Reason(
            Cause.TRANSPORT, f"The client answered in another way ({answer.profile}) than offered ({profile})."
        )
    shared = common(offer, answer.description)
    return Reason(Cause.MEDIA, shared.problem) if isinstance(shared, Unusable) else shared


def messaged(leg: Inviting, event: CallMessaged, effects: Effects) -> Step:
    """What a client says about the proposal (XEP-0353 §5)."""
    match event.action:
        case CallAction.RINGING:
            return leg, (Ringing(),)
        case CallAction.PROCEED if leg.proposal:
            return _proceeded(leg, event, effects), (Ringing(),)
        case CallAction.REJECT:
            reason = from_jingle(event.condition or "decline", event.text)
            declined = Reason(Cause.DECLINED, reason.text) if reason.cause is not Cause.BUSY else reason
            return _declined(leg, declined, effects)
        case CallAction.PROCEED | CallAction.ACCEPT | CallAction.RETRACT | CallAction.FINISH:
            return leg, ()


def _proceeded(leg: Inviting, event: CallMessaged, effects: Effects) -> Inviting:
    """The client that proceeds gets the call; its server tells the others that were sent the proposal. One that was
    invited at once need not be invited again.
    """
    others = _without(leg, lambda session: session.client == event.sender)
    _withdraw(replace(others, proposal=""), _ELSEWHERE, effects)
    if invited := tuple([session for session in leg.sessions if session.client == event.sender]):
        return replace(leg, sessions=invited, waiting=(), proposal="", taken=True)
    # One that we have not seen among those that want to be asked speaks as they do.
    profile = leg.profiles.get(event.sender) or next(iter(leg.profiles.values()), MediaProfile.PLAIN)
    session = Session(leg.sid, leg.us, event.sender, calls=False, proposed=True, profile=profile)
    return _call(replace(leg, sessions=(), waiting=(), proposal="", taken=True), session, effects)


def _without(leg: Inviting, leaves: Callable[[Session], bool]) -> Inviting:
    return replace(
        leg,
        sessions=tuple([session for session in leg.sessions if not leaves(session)]),
        waiting=tuple([session for session in leg.waiting if not leaves(session)]),
    )


def unproposed(leg: Inviting) -> Step:
    """Nobody got our proposal."""
    return _left(replace(leg, proposal=""))


def drop(leg: Inviting, event: JingleEvent, reason: Reason, effects: Effects) -> Step:
    """The client that the event is about is out."""
    # A client that hangs up on an invitation means to decline it.
    refusal = Reason(Cause.DECLINED, reason.text) if reason.cause is Cause.HUNG_UP else reason
    others = _without(leg, lambda session: jingle_session.about(session, event))
    rest = replace(others, refusal=_more_telling(leg.refusal, refusal))
    return _declined(rest, refusal, effects) if refusal.cause is Cause.DECLINED else _left(rest)


def _declined(leg: Inviting, refusal: Reason, effects: Effects) -> Step:
    """Rule 3."""
    _withdraw(leg, _DECLINED, effects)
    return Over(), (Ended(_more_telling(leg.refusal, refusal)),)


def _more_telling(one: Reason, other: Reason) -> Reason:
    """Of two refusals, the one that the caller should hear."""

    def rank(reason: Reason) -> int:
        return _TELLING.index(reason.cause) if reason.cause in _TELLING else len(_TELLING)

    return other if rank(other) < rank(one) else one


# --- taking it back


def end(leg: Inviting, reason: Reason, effects: Effects) -> None:
    """The other end is gone: nobody is to ring any longer."""
    _withdraw(leg, reason, effects)


def _withdraw(leg: Inviting, reason: Reason, effects: Effects) -> None:
    """Who has proceeded and waits for the offer is told as those are that have only been asked."""
    for session in leg.sessions:
        jingle_session.terminate(session, reason, effects)
    if leg.proposal or any(session.proposed for session in leg.waiting):
        retract(leg, reason, False, effects)


def retract(leg: Inviting, reason: Reason, tie_break: bool, effects: Effects) -> None:
    """Take the proposal back (XEP-0353 §5.3)."""
    condition = "expired" if tie_break else to_jingle(reason)
    message = MessageCall(leg.us, effects.user, leg.sid, CallAction.RETRACT, condition, reason.text, tie_break)
    effects.emit(message)
