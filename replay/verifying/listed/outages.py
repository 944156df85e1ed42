"""The listed changes of what outlives the relay, the XMPP stream and the gateway."""

from collections import Counter
from collections.abc import Container, Iterable
from typing import Final

from msgspec.structs import replace

from fargo.statemachine.legs.jingle import jingle_leg
from fargo.statemachine.legs.jingle.jingle_session import GONE
from fargo.statemachine.legs.relay.relay_leg import is_used
from fargo.statemachine.legs.relay.relay_session import Deleting, Offering, OfferingAgain
from fargo.statemachine.model import rules
from fargo.statemachine.model.call_records import RecordAccount
from fargo.statemachine.model.commands import (
    AcceptSession,
    ChangeContent,
    Command,
    Fault,
    InformDescription,
    InformSession,
    InformTransport,
    PresenceKind,
    SendPresence,
    SignIn,
    SignOut,
    TerminateSession,
)
from fargo.statemachine.model.events import IqFailed, ResourceUnavailable, Restarted, StreamOpened, TimePassed
from fargo.statemachine.model.ng import (
    AnswerRelay,
    OfferRelay,
    PlayRinging,
    RelayDone,
    RelayLost,
    RelayRefused,
    StopRinging,
)
from fargo.statemachine.model.sip_messages import (
    InviteReceived,
    ReleaseFlow,
    SendRegister,
    SendRequest,
    SendResponse,
    SipRequestUndelivered,
    SipResponseReceived,
)
from fargo.statemachine.user_state import User
from replay.verifying.difference import Difference, Explains
from replay.verifying.listed.comparing import in_calls, without_texts
from replay.verifying.listed.faults import ENDING

_LOOP_DETECTED: Final = 482

_NOT_ASKED_AGAIN: Final = Offering | OfferingAgain | Deleting
"""Sessions for which the relay is asked anyway, or no more."""

_ENDING_AWAITED: Final = ENDING | SendRequest | SendResponse

_SAID_ONCE_MORE: Final = (
    *(ChangeContent, InformDescription, InformSession, InformTransport),
    *(AnswerRelay, OfferRelay, PlayRinging, StopRinging),
)
"""The commands that are said again after a restart, or are not, by today's rules only."""

_OF_ACCOUNT: Final = RecordAccount | ReleaseFlow | SendPresence | SendRegister | SignIn | SignOut
"""The commands that follow from the account's being signed in as long as it is for a client's sake."""


def _relay_asked_again(difference: Difference) -> bool:
    """The relay was lost, and the older rules gave up what was to go through it. Today it is asked again for each
    session that it has described.
    """
    if not isinstance(difference.recorded.event, RelayLost):
        return False
    used = [call for call in difference.before.calls.values() if is_used(call.relay)]
    known = [each.terms.name for call in used for each in call.relay if not isinstance(each, _NOT_ASKED_AGAIN)]
    then, now = Counter(in_calls(difference.then)), Counter(in_calls(difference.now))
    asked = [command.session if isinstance(command, OfferRelay) else None for command, _ in (now - then).elements()]
    given_up = {(type(command) is Fault, call) for command, call in then - now}
    return Counter(asked) == Counter(known) and given_up <= {(False, call.id) for call in used}


def _calls_outlive_gateway(difference: Difference) -> bool:
    """The older rules ended the calls of our own user agent at a restart, refused an INVITE that was repeated, or ended
    a call whose client had heard our acceptance before.
    """
    event, then, now = difference.recorded.event, difference.then, difference.now
    if isinstance(event, IqFailed):
        waiting = difference.before.pending.get(event.command)
        accepted = waiting is not None and isinstance(waiting.command, AcceptSession)
        return accepted and event.condition == "unexpected-request" and not now
    if isinstance(event, InviteReceived):
        refused = [each.command.status for each in then if isinstance(each.command, SendResponse)]
        return refused == [_LOOP_DETECTED] and len(then) == 1 and not now
    if not isinstance(event, Restarted) or difference.before.policy.engine != "sip":
        return False
    beside = [[each.command for each in issued if each.call is None] for issued in (then, now)]
    return beside[0] == beside[1]


def _presence_asked_again(difference: Difference) -> bool:
    """The XMPP stream was opened, and by the older rules the user's server got a probe in place of the request."""
    probed = [replace(each, command=probing(each.command)) for each in without_texts(difference.now)]
    return isinstance(difference.recorded.event, StreamOpened) and probed == without_texts(difference.then)


def _clients_awaited(difference: Difference) -> bool:
    """The XMPP stream was opened, and by the older rules clients were taken for gone that had not been heard of, or
    whose presence did not come. Today their calls go on, and end later if at all; and what they have missed, or the end
    of a call, is said again.
    """
    user, event = difference.before, difference.recorded.event
    then, now = (
        Counter((probing(each.command), each.call) for each in without_texts(issued))
        for issued in (difference.then, difference.now)
    )
    gone, added = list((then - now).elements()), list((now - then).elements())
    if not isinstance(event, IqFailed | ResourceUnavailable | TimePassed):
        return bool(added) and not gone and all(_is_said_again(command, user, event) for command, _ in added)
    calls = _awaiting(user)
    if isinstance(event, TimePassed):
        calls |= {call for command, call in gone if _takes_for_gone(command)}
        return _ends_only(gone, calls) and _ends_only(added, _awaiting(user))
    said = isinstance(event, ResourceUnavailable) or event.condition in GONE
    return said and not added and bool(gone) and _ends_only(gone, calls)


def _awaiting(user: User) -> set[str | None]:
    """Return the ids of the calls with a client that is not heard of."""
    sessions = ((call.id, jingle_leg.sessions(call.jingle)) for call in user.calls.values())
    return {id for id, those in sessions if any(each.client in user.awaited for each in those)}


def _takes_for_gone(command: Command) -> bool:
    return isinstance(command, TerminateSession) and command.condition == "connectivity-error"


def _ends_only(commands: Iterable[tuple[Command, str | None]], calls: Container[str | None]) -> bool:
    """Return True if the commands only end these calls, or sign the account out or in."""
    return all(
        isinstance(command, _OF_ACCOUNT) if call is None else call in calls and isinstance(command, _ENDING_AWAITED)
        for command, call in commands
    )


def _is_said_again(command: Command, user: User, event: object) -> bool:
    """Return True if a client that was not connected is told this once more."""
    if not isinstance(command, AcceptSession | InformSession | InformTransport | TerminateSession):
        return False
    if isinstance(event, StreamOpened):
        return isinstance(command, TerminateSession) and command.to in user.awaited
    return command.to in user.awaited and bool(user.awaited[command.to].missed)


def _heard_once_more(difference: Difference) -> bool:
    """The gateway was restarted, and by the older rules less was said again, or what a later piece had made void; or
    the relay has replied about the ringing tone, or a client that it knows of no video that it was told to remove.
    """
    event, waiting = difference.recorded.event, difference.before.pending
    if isinstance(event, Restarted):
        differing = _apart(difference)
        return bool(differing) and all(isinstance(each, _SAID_ONCE_MORE) for each in differing)
    if not isinstance(event, RelayDone | RelayRefused | IqFailed) or event.command not in waiting:
        return False
    about = waiting[event.command].command
    if isinstance(event, IqFailed):
        gone = event.condition == "item-not-found" and event.jingle is None
        return isinstance(about, ChangeContent) and gone and not difference.now
    return isinstance(about, PlayRinging | StopRinging) and not difference.now and not difference.then


def _silence_borne(difference: Difference) -> bool:
    """An offer in a call had no response, and by the older rules that ended the call."""
    event = difference.recorded.event
    if not isinstance(event, SipResponseReceived | SipRequestUndelivered) or difference.now:
        return False
    if isinstance(event, SipResponseReceived) and not event.by_edge:
        return False
    waiting = difference.before.pending.get(event.command)
    offer = waiting.command if waiting else None
    if not isinstance(offer, SendRequest) or offer.recipient.tag is None:
        return False
    return offer.method in ("INVITE", "UPDATE")


def _apart(difference: Difference) -> list[Command]:
    """Return the commands that are issued only by the older rules, or only today."""
    then, now = Counter(in_calls(difference.then)), Counter(in_calls(difference.now))
    return [command for command, _ in (*(then - now).elements(), *(now - then).elements())]


def probing(command: Command) -> Command:
    """Return the command as it was before the request was repeated."""
    if isinstance(command, SendPresence) and command.kind is PresenceKind.SUBSCRIBE:
        return replace(command, kind=PresenceKind.PROBE)
    return command


EXPLANATIONS: Final[dict[str, Explains]] = {
    rules.RELAY_ASKED_AGAIN.name: _relay_asked_again,
    rules.CALLS_OUTLIVE_GATEWAY.name: _calls_outlive_gateway,
    rules.PRESENCE_ASKED_AGAIN.name: _presence_asked_again,
    rules.CLIENTS_AWAITED.name: _clients_awaited,
    rules.HEARD_ONCE_MORE.name: _heard_once_more,
    rules.SILENCE_BORNE.name: _silence_borne,
}
