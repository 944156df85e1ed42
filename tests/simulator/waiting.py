"""An invariant of the commands that wait for a reply: each belongs to something that exists.

A command that nobody waits for any more, but whose refusal would count, has no deadline. If it stayed when its session,
proposal or client is gone, it would stay for ever.
"""

from collections.abc import Iterator

from fargo.statemachine.call.call_state import Call, sip_legs
from fargo.statemachine.legs.jingle import jingle_leg, jingle_session
from fargo.statemachine.legs.jingle.forking import Forking
from fargo.statemachine.legs.jingle.invitations import Proposed
from fargo.statemachine.legs.relay.relay_session import Deleting
from fargo.statemachine.model.commands import (
    AcceptSession,
    AskFeatures,
    ChangeContent,
    InformDescription,
    InformSession,
    InformTransport,
    InitiateSession,
    MessageCall,
    ProposeCall,
    TerminateSession,
)
from fargo.statemachine.model.ng import AnswerRelay, DeleteRelay, OfferRelay, PlayRinging, StopRinging
from fargo.statemachine.model.sip_messages import SendRequest, SendResponse
from fargo.statemachine.pending import Pending, Reply
from fargo.statemachine.user_state import User


def astray(user: User) -> Iterator[Pending]:
    """Yield the pending commands that belong to nothing."""
    return (waiting for name, waiting in user.pending.items() if not _belongs(user, name, waiting))


def _belongs(user: User, name: str, waiting: Pending) -> bool:
    """Return whether a command waits for something that may still be answered."""
    call = user.calls.get(waiting.call or "")
    match waiting.command:
        case InitiateSession() | AcceptSession():
            return call is not None and _is_in(call.jingle, waiting)
        case InformSession() | InformTransport() | InformDescription() | ChangeContent():
            return call is not None and _is_in(call.jingle, waiting)
        case ProposeCall():
            leg = call.jingle if call else None
            return isinstance(leg, Forking) and isinstance(leg.proposal, Proposed) and name in leg.proposal.commands
        case OfferRelay(session) | AnswerRelay(session):
            known = [each.terms.name for each in call.relay if not isinstance(each, Deleting)] if call else []
            return session in known and waiting.until is not None
        case PlayRinging(session) | StopRinging(session):
            return call is not None and any(session == each.terms.name for each in call.relay)
        case AskFeatures(to=client):
            return client in user.contacts.clients
        case TerminateSession() | MessageCall() | DeleteRelay():
            return waiting.until is not None
        case SendRequest(dialog) | SendResponse(dialog):
            return waiting.until is not None or (call is not None and _has(call, (name, dialog)))
        case _:
            return False


def _has(call: Call, names: tuple[str | None, ...]) -> bool:
    return any(each.name in names for each in sip_legs(call) if each.name)


def _is_in(leg: jingle_leg.JingleLeg, waiting: Pending) -> bool:
    reply = Reply(waiting.command, None)
    return any(jingle_session.about(session, reply) for session in jingle_leg.sessions(leg))
