"""The listed changes of Jingle sessions and their proposals."""

from typing import Final, TypeAlias

from fargo.statemachine.legs.jingle import jingle_leg, jmi, trickled
from fargo.statemachine.legs.jingle.forking import Inviting
from fargo.statemachine.legs.jingle.jingle_session import about
from fargo.statemachine.legs.jingle.single_session import Describing
from fargo.statemachine.legs.relay.relay_session import AwaitingAnswer, Offering, OfferingAgain
from fargo.statemachine.media.description import IceUdp
from fargo.statemachine.model import rules
from fargo.statemachine.model.call1 import HangUp
from fargo.statemachine.model.call_records import LogRecord
from fargo.statemachine.model.commands import (
    AcceptIq,
    Command,
    Issued,
    MessageCall,
    RefuseIq,
    RejectContents,
    SendText,
    TerminateSession,
)
from fargo.statemachine.model.jingle_events import (
    ContentAdded,
    ContentEvent,
    ContentModified,
    ContentRemoved,
    DescriptionInformed,
    SecurityInformed,
    SessionAccepted,
    SessionInitiated,
    SessionTerminated,
    TransportInformed,
    TransportReplaced,
)
from fargo.statemachine.model.ng import AnswerRelay, DeleteRelay, OfferRelay
from fargo.statemachine.model.sip_messages import SendRequest, SendResponse
from replay.verifying.difference import Difference, Explains

_NOT_TAKEN: Final = "feature-not-implemented"
_ENDING: TypeAlias = TerminateSession | MessageCall | SendText | HangUp | DeleteRelay | SendResponse | SendRequest
"""The commands that follow when a client leaves a call."""


def _commands(issued: tuple[Issued, ...]) -> list[Command]:
    """Return the commands without the records of calls."""
    return [each.command for each in issued if not isinstance(each.command, LogRecord)]


# --- ICE


def _ice_in_any_stanza(difference: Difference) -> bool:
    """The client has named no credentials, or something by transport-info that the older rules have not heard; or both
    are true of an event before, and the relay is told something else than it was.
    """
    event = difference.recorded.event
    if isinstance(event, SessionInitiated | SessionAccepted) and _lacks_credentials(event):
        return True
    if isinstance(event, SessionAccepted):
        return _has_trickled(event, difference)
    calls = [difference.before.calls[call] for call in difference.calls if call in difference.before.calls]
    if any(isinstance(call.jingle, Describing) for call in calls):
        return True
    moved = any(isinstance(each, _UNANSWERED) and each.moved for call in calls for each in call.relay)
    then, now = _commands(difference.then), _commands(difference.now)
    left = [each for each in then if not isinstance(each, AnswerRelay)]
    return moved and len(left) < len(then) and left == [each for each in now if not isinstance(each, OfferRelay)]


_UNANSWERED: Final = (Offering, AwaitingAnswer, OfferingAgain)


def _lacks_credentials(event: SessionInitiated | SessionAccepted) -> bool:
    transports = [each.description.transport for each in event.contents if each.description]
    return any(isinstance(each, IceUdp) and not (each.ufrag and each.pwd) for each in transports)


def _has_trickled(event: SessionAccepted, difference: Difference) -> bool:
    sessions = [each for call in difference.before.calls.values() for each in jingle_leg.sessions(call.jingle)]
    return any(about(each, event) and each.trickled != trickled.Trickled() for each in sessions)


# --- actions about contents


def _jingle_refusals(difference: Difference) -> bool:
    """A client has sent an action about contents, which was refused then, or acknowledged although it names none of the
    contents.
    """
    event, then, now = difference.recorded.event, _commands(difference.then), _commands(difference.now)
    if not isinstance(event, ContentEvent) or len(then) != 1 or not now:
        return False
    match event, then[0]:
        case ((ContentAdded() | TransportReplaced()), RefuseIq(condition=condition)) if condition == _NOT_TAKEN:
            rejected = len(now) == 2 and isinstance(now[0], AcceptIq) and isinstance(now[1], RejectContents)
            return rejected or _is_refused(now, "item-not-found")
        case ContentRemoved(), RefuseIq(condition=condition) if condition == _NOT_TAKEN:
            left = isinstance(now[0], AcceptIq) and all(isinstance(each, _ENDING) for each in now[1:])
            return left or _is_refused(now, "item-not-found")
        case ((TransportInformed() | DescriptionInformed()), AcceptIq()):
            return _is_refused(now, "item-not-found")
        case ((ContentModified() | SecurityInformed()), RefuseIq(condition=condition)) if condition == _NOT_TAKEN:
            return _is_refused(now, "item-not-found")
        case _, RefuseIq(condition=condition) if condition == _NOT_TAKEN:
            return _is_refused(now, "item-not-found") or _is_refused(now, "unexpected-request")
        case _:
            return False


def _is_refused(now: list[Command], condition: str) -> bool:
    return len(now) == 1 and isinstance(now[0], RefuseIq) and now[0].condition == condition


# --- ends


def _cancel_declines(difference: Difference) -> bool:
    """A client that is called has ended its session with the reason cancel. Today's rules end all the others, too."""
    event = difference.recorded.event
    if not isinstance(event, SessionTerminated) or event.condition != "cancel":
        return False
    called = any(
        isinstance(call.jingle, Inviting) and jingle_leg.concerns(call.jingle, event)
        for call in difference.before.calls.values()
    )
    changed = [each for each in _commands(difference.now) if each not in _commands(difference.then)]
    return called and all(isinstance(each, _ENDING) for each in changed)


def _taken_back(difference: Difference) -> bool:
    """The client has taken its proposal back before. Its session-initiate is acknowledged, and ended."""
    event, before = difference.recorded.event, difference.before.pending
    if not isinstance(event, SessionInitiated):
        return False
    told = [each.command for each in before.values() if jmi.is_proceed(each.command)]
    back = any((each.sid, each.to) == (event.sid, event.iq.sender) and jmi.is_taken_back(each) for each in told)
    now = _commands(difference.now)
    return back and any(isinstance(each, TerminateSession) for each in now)


EXPLANATIONS: Final[dict[str, Explains]] = {
    rules.ICE_IN_ANY_STANZA.name: _ice_in_any_stanza,
    rules.JINGLE_REFUSALS.name: _jingle_refusals,
    rules.CANCEL_DECLINES.name: _cancel_declines,
    rules.TAKEN_BACK.name: _taken_back,
}
