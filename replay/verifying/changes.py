"""Tell which differences between recorded commands and those of today a listed change of the rules explains.

Rules:

1. Every change in `fargo.statemachine.model.rules.CHANGES` has one predicate here, under its name.
2. A predicate is true only if its change accounts for the whole difference. It is asked only about events that were
   folded by older rules than the change's.
"""

from collections import Counter
from collections.abc import Callable, Container, Iterable
from typing import Final, TypeAlias

from msgspec.structs import replace

from fargo.statemachine.account.account_state import Registered
from fargo.statemachine.account.roster import shown_contacts
from fargo.statemachine.legs.jingle import jingle_leg
from fargo.statemachine.legs.jingle.jingle_session import GONE
from fargo.statemachine.legs.jingle.jmi import proposals
from fargo.statemachine.legs.relay.relay_leg import concerns, is_overtaken, is_used
from fargo.statemachine.legs.relay.relay_session import Deleting, Joined, Offering, OfferingAgain
from fargo.statemachine.media.description import IPV6, Description, RawUdp, families
from fargo.statemachine.model import rules
from fargo.statemachine.model.call1 import (
    CallMembersChanged,
    CloseChannel,
    HangUp,
    HoldStateChanged,
    RejectDescription,
    RequestHold,
)
from fargo.statemachine.model.call_records import CallRecord, LogRecord, RecordAccount
from fargo.statemachine.model.commands import (
    AcceptSession,
    Command,
    Fault,
    ForgetSecret,
    InformSession,
    InformTransport,
    InitiateSession,
    Issued,
    MessageCall,
    PresenceKind,
    RefuseIq,
    SendPresence,
    SendRegistrationForm,
    SendText,
    ShowContacts,
    SignIn,
    SignOut,
    TerminateSession,
)
from fargo.statemachine.model.events import (
    CallAction,
    CallProposed,
    FeaturesLearned,
    IqFailed,
    IqSucceeded,
    RegistrationCancelled,
    RegistrationSubmitted,
    ResourceUnavailable,
    Restarted,
    SessionAccepted,
    SessionInitiated,
    SipSignedOut,
    Stopping,
    StreamOpened,
    TimePassed,
)
from fargo.statemachine.model.ng import AnswerRelay, DeleteRelay, OfferRelay, RelayLost, RelayRefused
from fargo.statemachine.model.presence import SigningIn, Waiting
from fargo.statemachine.model.registrations import Bound, Leaving, Opening
from fargo.statemachine.model.rules import RuleChange
from fargo.statemachine.model.sip_messages import (
    InviteReceived,
    RegisterAnswered,
    RegisterUndelivered,
    ReleaseFlow,
    SendRegister,
    SendRequest,
    SendResponse,
    SipResponseReceived,
    Undelivered,
)
from fargo.statemachine.pending import Reply, due
from fargo.statemachine.user_state import User
from replay.verifying.difference import Difference

Explains: TypeAlias = Callable[[Difference], bool]

FOR_PEOPLE: Final = ("message", "status", "text", "why")
"""The fields of commands that contain a text for people."""

ABOUT_ALL_CALLS: Final = (
    FeaturesLearned
    | RegistrationCancelled
    | RelayLost
    | ResourceUnavailable
    | Restarted
    | SipSignedOut
    | Stopping
    | StreamOpened
    | TimePassed
)
"""Events that are folded into each call of the user. By the older rules a fault in one call lost them for all."""

_LOOP_DETECTED: Final = 482
_CHALLENGING: Final = frozenset({401, 407})

_NOT_ASKED_AGAIN: Final = Offering | OfferingAgain | Deleting
"""Sessions for which the relay is asked anyway, or no more."""

ENDING: Final = (
    TerminateSession | MessageCall | SendText | HangUp | CloseChannel | DeleteRelay | LogRecord | ForgetSecret
)
"""The commands of today's end of a call, or of the refusal of a call or an account that a fault has prevented."""

_ENDING_AWAITED: Final = ENDING | SendRequest | SendResponse
_OF_ACCOUNT: Final = RecordAccount | ReleaseFlow | SendPresence | SendRegister | SignIn | SignOut
"""The commands that follow from the account's being signed in as long as it is for a client's sake."""


def _all_that_is_due(difference: Difference) -> bool:
    """Several commands were overdue. What was done about some of them is done today, and more about the others."""
    overdue = _overdue(difference)
    return len(overdue) > 1 and _adds_only_of(overdue, difference)


def _end_after_fault(difference: Difference) -> bool:
    """The same fault happens today, and all that was done about it is done. Today the call gets the rest of its end,
    and an event about all calls reaches the others too.
    """
    faults = [each.command for each in difference.then if isinstance(each.command, Fault)]
    if len(faults) != 1:
        return False
    today = _of_same_error(faults[0], difference.now)
    failed, hung_up = {fault.call for fault in today}, _hung_up(difference.then)
    about_all = isinstance(difference.recorded.event, ABOUT_ALL_CALLS)
    if not today or faults[0].call not in (failed | {""} if about_all else failed):
        return False
    then = tuple(each for each in difference.then if not _is_done_otherwise(each.command, hung_up, about_all))
    added = _added(then, tuple(each for each in difference.now if each.command not in today))
    if added is None or not hung_up <= _hung_up(difference.now):
        return False
    if about_all:
        added = [each for each in added if each.call in failed or _is_fault(each)]
    own = failed | {difference.call_now, str(difference.recorded.version)}
    return all(isinstance(each.command, ENDING) and each.call in own for each in added)


def _of_same_error(fault: Fault, issued: Iterable[Issued]) -> list[Fault]:
    commands = (each.command for each in issued)
    return [each for each in commands if isinstance(each, Fault) and each.error == fault.error]


def _hung_up(issued: Iterable[Issued]) -> set[str]:
    return {each.command.channel for each in issued if isinstance(each.command, HangUp)}


def _is_done_otherwise(command: Command, hung_up: Container[str], about_all: bool) -> bool:
    """Return True if the older rules did this after a fault, and today's do it in another way: they hang up with
    another reason, close the channel when the phone has gone, and answer a request about all calls as they would
    without the fault.
    """
    match command:
        case Fault():
            return True
        case HangUp(channel=channel) | CloseChannel(channel=channel):
            return channel in hung_up
        case RefuseIq():
            return about_all
        case _:
            return False


def _late_refusal(difference: Difference) -> bool:
    """The client had acknowledged what it refuses, so nothing was done. Today the call is told."""
    event, pending = difference.recorded.event, difference.before.pending
    if difference.then or not isinstance(event, IqFailed) or event.command not in pending:
        return False
    refused = pending[event.command]
    acknowledged = isinstance(refused.command, InitiateSession | AcceptSession) and refused.until is None
    return acknowledged and _adds_only_of([event.command], difference)


def _late_answer(difference: Difference) -> bool:
    """The client answered information when its time was over, or it had been asked again, so nothing was done. Today
    the call is told.
    """
    event, pending = difference.recorded.event, difference.before.pending
    if difference.then or not isinstance(event, IqSucceeded | IqFailed) or event.command not in pending:
        return False
    informs = isinstance(pending[event.command].command, InformSession | InformTransport)
    return informs and _adds_only_of([event.command], difference)


def _refusal_of_overtaken(difference: Difference) -> bool:
    """The relay refuses, or has not answered in time, what was asked before something else."""
    event, user = difference.recorded.event, difference.before
    names = [event.command] if isinstance(event, RelayRefused) else _overdue(difference)
    overtaken = [name for name in names if _is_overtaken(name, user)]
    return bool(overtaken) and _adds_only_of(overtaken, difference)


def _is_overtaken(name: str, user: User) -> bool:
    """Return whether a session at the relay no longer depends on the answer to this command."""
    if name not in user.pending or not isinstance(user.pending[name].command, OfferRelay | AnswerRelay):
        return False
    reply = Reply(user.pending[name].command, None)
    sessions = [session for call in user.calls.values() for session in call.relay if concerns((session,), reply)]
    return is_overtaken(name, user.pending) or any(isinstance(session, Joined) for session in sessions)


def _overdue(difference: Difference) -> list[str]:
    """Return the ids of the commands that had not been answered in time when time had passed."""
    recorded = difference.recorded
    return due(difference.before.pending, recorded.at) if isinstance(recorded.event, TimePassed) else []


def _adds_only_of(names: Iterable[str], difference: Difference) -> bool:
    """Return True if all that was done is done today, and the rest belongs to the calls of these pending commands. What
    belongs to no call may concern any.
    """
    calls = {difference.before.pending[name].call for name in names}
    added = _added(difference.then, difference.now)
    return added is not None and all((None in calls or each.call in calls) and not _is_fault(each) for each in added)


def _added(then: tuple[Issued, ...], now: tuple[Issued, ...]) -> list[Issued] | None:
    """Return what is done only today, in any order and with any texts; None if something is no longer done."""
    left, added = Counter(each.command for each in without_texts(then)), []
    for each, textless in zip(now, without_texts(now), strict=True):
        if left[textless.command]:
            left[textless.command] -= 1
        else:
            added.append(each)
    return None if left.total() else added


def _is_fault(issued: Issued) -> bool:
    return isinstance(issued.command, Fault)


def _plain_sentences(difference: Difference) -> bool:
    """Only texts for people differ."""
    return without_texts(difference.then) == without_texts(difference.now)


def _every_proposal_answered(difference: Difference) -> bool:
    """A proposal was ignored. Or the client was told to proceed with a call that it had begun, and later that the call
    had expired.
    """
    event, then, now = difference.recorded.event, difference.then, difference.now
    if isinstance(event, CallProposed) and not then:
        return all(_answers(each.command, event) for each in now)
    if not isinstance(event, CallProposed | TimePassed) or _added(now, then) is None:
        return False
    return all(_answers_begun_call(each.command, difference.before) for each in _added(now, then) or ())


def _answers(command: Command, event: CallProposed) -> bool:
    if isinstance(command, MessageCall):
        return (command.to, command.sid) == (event.sender, event.sid)
    return isinstance(command, CallRecord)


def _answers_begun_call(command: Command, user: User) -> bool:
    """Return True if the command lets a client describe a call, or tells it that it is too late, although the client
    has described the call or no such answer is due.
    """
    if not isinstance(command, MessageCall):
        return False
    waits = any((each.to, each.sid) == (command.to, command.sid) for each in proposals(user.pending).values())
    expired = command.action is CallAction.FINISH and command.condition == "expired"
    return not waits and (expired or command.action is CallAction.PROCEED)


def _waiting_answer(difference: Difference) -> bool:
    """The older rules rejected a description. All else is done today."""
    then = [(each.command, each.call) for each in difference.then]
    left = [each for each in then if not isinstance(each[0], RejectDescription)]
    return left != then and left == [(each.command, each.call) for each in difference.now]


def _ipv6_audio(difference: Difference) -> bool:
    """A client described plain RTP with an address of IPv6, or with no address, of which it is told in other words."""
    event = difference.recorded.event
    if not isinstance(event, SessionInitiated | SessionAccepted):
        return False
    plain = [each.description for each in event.contents if each.description and _is_plain(each.description)]
    return any(IPV6 in families(each) for each in plain) or (
        any(not families(each) for each in plain) and _plain_sentences(difference)
    )


def _is_plain(description: Description) -> bool:
    return isinstance(description.transport, RawUdp)


def _encrypted_audio(difference: Difference) -> bool:
    """The registration form offers encryption, or the relay is asked to encrypt what it was asked for without that. Or
    a call that went directly goes through the relay.
    """
    then, now = without_texts(difference.then), without_texts(difference.now)
    opened = [replace(each, command=_open(each.command)) for each in now]
    if opened == then:
        return now != then
    if not isinstance(difference.recorded.event, SessionInitiated):
        return False
    direct = [each for each in then if isinstance(each.command, SendRequest) and each.command.method == "INVITE"]
    relayed = [each for each in now if isinstance(each.command, OfferRelay) and each.command.srtp != "off"]
    left, stays = (
        [(each.command, each.call) for each in some if each not in other and not isinstance(each.command, LogRecord)]
        for some, other in ((then, direct), (now, relayed))
    )
    return (len(direct), len(relayed)) == (1, 1) and left == stays


def _open(command: Command) -> Command:
    """Return the command as it was before there was encryption."""
    match command:
        case SendRegistrationForm():
            return replace(command, srtp=())
        case OfferRelay():
            return replace(command, srtp="off")
        case _:
            return command


def _hold_in_turn(difference: Difference) -> bool:
    """The older rules requested hold or resume when the client wanted it; today's do so when its turn has come."""
    then, now = ([(each.command, each.call) for each in issued] for issued in (difference.then, difference.now))
    requested, requests = ([each for each in some if isinstance(each[0], RequestHold)] for some in (then, now))
    if [each for each in then if each not in requested] != [each for each in now if each not in requests]:
        return False
    later = isinstance(difference.recorded.event, HoldStateChanged | CallMembersChanged)
    return (len(requested), len(requests)) == ((0, 1) if later else (1, 0))


def _each_realm(difference: Difference) -> bool:
    """A server asks for a login. Today another realm is answered, too, or another challenge of the same; or a registrar
    gets no third answer. Or a request that was changed counts the use of its nonces.
    """
    event, then, now = difference.recorded.event, _requests(difference.then), _requests(difference.now)
    if not isinstance(event, RegisterAnswered | SipResponseReceived):
        return False
    if then and _without_credentials(difference.then) == _without_credentials(difference.now):
        return True
    if not then:
        return any(len(each.credentials) > 1 for each in now)
    third = isinstance(event, RegisterAnswered) and not now
    return third and any(answer.challenge.stale for each in then for answer in each.credentials)


def _relay_asked_again(difference: Difference) -> bool:
    """The relay was lost, and the older rules gave up what was to go through it. Today it is asked again for each
    session that it has described.
    """
    if not isinstance(difference.recorded.event, RelayLost):
        return False
    used = [call for call in difference.before.calls.values() if is_used(call.relay)]
    known = [each.terms.name for call in used for each in call.relay if not isinstance(each, _NOT_ASKED_AGAIN)]
    then, now = (Counter((each.command, each.call) for each in issued) for issued in (difference.then, difference.now))
    asked = [command.session if isinstance(command, OfferRelay) else None for command, _ in (now - then).elements()]
    given_up = {(type(command) is Fault, call) for command, call in then - now}
    return Counter(asked) == Counter(known) and given_up <= {(False, call.id) for call in used}


def _requests(issued: Iterable[Issued]) -> list[SendRequest | SendRegister]:
    """Return the requests that answer a challenge."""
    requests = (each.command for each in issued)
    return [each for each in requests if isinstance(each, SendRequest | SendRegister) and each.credentials]


def _without_credentials(issued: Iterable[Issued]) -> list[Issued]:
    return [
        replace(each, command=replace(each.command, credentials=()))
        if isinstance(each.command, SendRequest | SendRegister)
        else each
        for each in issued
    ]


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


def probing(command: Command) -> Command:
    """Return the command as it was before the request was repeated."""
    if isinstance(command, SendPresence) and command.kind is PresenceKind.SUBSCRIBE:
        return replace(command, kind=PresenceKind.PROBE)
    return command


def _own_server_only(difference: Difference) -> bool:
    """A challenge was answered that is not answered today. Or an ACK had the credentials of its INVITE."""
    if not isinstance(difference.recorded.event, SipResponseReceived):
        return False
    then, now = _requests(difference.then), _requests(difference.now)
    if difference.recorded.event.status in _CHALLENGING:
        return bool(then) and not now
    given = all(each.method == "ACK" for each in then if isinstance(each, SendRequest))
    return given and not now and _without_credentials(difference.then) == _without_credentials(difference.now)


def _password_again(difference: Difference) -> bool:
    """An account that was changed without its password was tried. Today it is refused."""
    event, now = difference.recorded.event, [each.command for each in difference.now]
    if not isinstance(event, RegistrationSubmitted) or event.secret is not None:
        return False
    return len(now) == 1 and isinstance(now[0], RefuseIq) and now[0].iq == event.iq


def _contacts_together(difference: Difference) -> bool:
    """The older rules showed each contact with a command. All else is done today, in the same order."""
    together = _with_contacts_together(difference)
    return together is not difference and together.then == difference.now


def _with_contacts_together(difference: Difference) -> Difference:
    """Return the difference as if the older rules had shown all contacts at once, where today's do."""
    then = [(each.command, each.call) for each in difference.then]
    for each in difference.now:
        if not isinstance(each.command, ShowContacts):
            continue
        single = [(shown, each.call) for shown in shown_contacts(difference.before.contacts, each.command)]
        for place in range(len(then)):
            if then[place : place + len(single)] == single:
                then[place : place + len(single)] = [(each.command, each.call)]
                break
    if not any(isinstance(command, ShowContacts) for command, _ in then):
        return difference
    user, version = difference.recorded.user, difference.recorded.version
    named = (Issued(user, f"{version}.{n}", command, call) for n, (command, call) in enumerate(then))
    return replace(difference, then=tuple(named))


def _refused_as_silent(difference: Difference) -> bool:
    """A registrar refuses connections, and only texts for people differ."""
    match difference.recorded.event:
        case RegisterUndelivered(why=Undelivered.REFUSED) | RegisterAnswered(status=477, by_edge=True):
            pass
        case _:
            return False
    return without_texts(difference.then) == without_texts(difference.now)


def _tried_sooner(difference: Difference) -> bool:
    """An attempt to register that follows a failure was due before that of the older rules. Or the user was shown it,
    as signing in.
    """
    then, now = (Counter(map(_without_status, issued)) for issued in (difference.then, difference.now))
    if not all(_shows_attempt(command) for command, _ in then - now):
        return False
    if not now - then:
        return _is_retried(None, difference.before)
    due = isinstance(difference.recorded.event, TimePassed)
    return due and all(_follows_failure(command, difference.before) for command, _ in now - then)


def _without_status(issued: Issued) -> tuple[Command, str | None]:
    command = issued.command
    shows = isinstance(command, SendPresence | RecordAccount)
    return replace(command, status=None) if shows else command, issued.call


def _shows_attempt(command: Command) -> bool:
    match command:
        case SendPresence(show=show):
            return show == "xa"
        case RecordAccount(signed_in=signed_in):
            return not signed_in
        case _:
            return False


def _follows_failure(command: Command, user: User) -> bool:
    match command:
        case SignIn():
            return _is_retried(None, user)
        case SendRegister(connection=connection):
            return _is_retried(connection, user)
        case _:
            return False


def _is_retried(connection: str | None, user: User) -> bool:
    """Return True if the latest attempt to register over this connection, or anew, has failed."""
    if connection is None:
        failed = user.account.connection if isinstance(user.account, Registered) else None
        return isinstance(failed, Waiting | SigningIn)
    match user.registrations[connection].phase:
        case Bound(failures=failures, closures=closures):
            return failures > 0 or closures > 0
        case Leaving(failures=failures):
            return failures > 0
        case Opening():
            return False


def without_texts(issued: tuple[Issued, ...]) -> list[Issued]:
    """Return the commands with their texts for people left empty."""
    return [replace(each, command=_without_text(each.command)) for each in issued]


def _without_text(command: Command) -> Command:
    found = {name: getattr(command, name) for name in FOR_PEOPLE if name in command.__struct_fields__}
    return replace(command, **{name: "" for name, value in found.items() if not isinstance(value, int)})


EXPLANATIONS: Final[dict[str, Explains]] = {
    rules.ALL_THAT_IS_DUE.name: _all_that_is_due,
    rules.END_AFTER_FAULT.name: _end_after_fault,
    rules.LATE_REFUSAL.name: _late_refusal,
    rules.REFUSAL_OF_OVERTAKEN.name: _refusal_of_overtaken,
    rules.PLAIN_SENTENCES.name: _plain_sentences,
    rules.LATE_ANSWER.name: _late_answer,
    rules.EVERY_PROPOSAL_ANSWERED.name: _every_proposal_answered,
    rules.WAITING_ANSWER.name: _waiting_answer,
    rules.IPV6_AUDIO.name: _ipv6_audio,
    rules.ENCRYPTED_AUDIO.name: _encrypted_audio,
    rules.HOLD_IN_TURN.name: _hold_in_turn,
    rules.EACH_REALM.name: _each_realm,
    rules.RELAY_ASKED_AGAIN.name: _relay_asked_again,
    rules.CALLS_OUTLIVE_GATEWAY.name: _calls_outlive_gateway,
    rules.PRESENCE_ASKED_AGAIN.name: _presence_asked_again,
    rules.CLIENTS_AWAITED.name: _clients_awaited,
    rules.OWN_SERVER_ONLY.name: _own_server_only,
    rules.PASSWORD_AGAIN.name: _password_again,
    rules.CONTACTS_TOGETHER.name: _contacts_together,
    rules.REFUSED_AS_SILENT.name: _refused_as_silent,
    rules.TRIED_SOONER.name: _tried_sooner,
}
"""By the name of the change."""


def explained(difference: Difference) -> RuleChange | None:
    """Return the listed change that explains a difference, None if there is none. One that explains all but the way in
    which contacts are shown is enough.
    """
    together = _with_contacts_together(difference)
    for seen in (difference,) if together is difference else (difference, together):
        for change in rules.CHANGES:
            if difference.recorded.rules < change.version and EXPLANATIONS[change.name](seen):
                return change
    return None
