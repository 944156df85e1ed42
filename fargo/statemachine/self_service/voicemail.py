"""The user's mailbox for voice messages (RFC 3842): the gateway asks the provider about it, and tells of new messages.

Rules:

1. The gateway subscribes to the mailbox of an account that is signed in, once for each sign-in, and takes what the
   provider sends without a subscription too. What the SIP engine makes of that, `legs.sip.sip_leg` knows.
2. The user gets one message when there are new voice messages and were none, or when there are more than before. When
   they are gone, that is only noted. What is known outlives sign-ins and restarts, so nothing is told twice.
3. A SUBSCRIBE is the last command of its event, as others have names that are known to the adapters.
4. A notice that tells nothing new changes nothing.
"""

from msgspec.structs import replace

from fargo.statemachine import incoming, mailbox_address
from fargo.statemachine.account import account_state
from fargo.statemachine.account.account_state import Clearing, Credentials, Registered, Trying, Unregistered
from fargo.statemachine.deadline import Deadline
from fargo.statemachine.effects import Effects
from fargo.statemachine.legs.sip import mailboxes, sip_leg
from fargo.statemachine.legs.sip.sip_leg import SipLegEvent
from fargo.statemachine.model.commands import SendText
from fargo.statemachine.model.mailbox import Mailbox, Subscription
from fargo.statemachine.model.message_summary import MessageSummary
from fargo.statemachine.model.presence import SignedIn
from fargo.statemachine.model.registrations import Bound, Registration
from fargo.statemachine.model.sip import engine_named
from fargo.statemachine.self_service import texts
from fargo.statemachine.user_state import User, address_book

# --- the subscription


def noted(user: User, effects: Effects) -> User:
    """Return the user's state after a change of the account or its connection, or when time has passed. Subscribe, if
    need be (rule 1).
    """
    match user.account:
        case Unregistered():
            return _with(user, None)
        case Clearing() | Trying():
            return _ended(user)
        case Registered(credentials, connection):
            if not sip_leg.engine_capabilities(engine_named(credentials.account.engine)).voicemail:
                return _with(user, None)
            if not isinstance(connection, SignedIn):
                return _ended(user)
            return _pursued(user, credentials, connection.connection, effects)


def _pursued(user: User, credentials: Credentials, connection: str, effects: Effects) -> User:
    registration = effects.registrations.get(connection)
    if registration is None or not isinstance(registration.phase, Bound):
        return _ended(user)
    known = user.mailbox
    if known is None or known.of != credentials.nonce:
        known = Mailbox(credentials.nonce)
    before = known.subscription
    if before is None or before.connection != connection:
        before = None
    elif registration.phase.flow is None:
        before = replace(before, cut=True)
    if before is None or _is_due(before, effects.at) or _is_elsewhere(before, registration):
        access = incoming.access(user, credentials, connection, effects)
        before = mailboxes.subscribe(before, connection, access, registration.seen, effects)
    return _with(user, replace(known, subscription=before))


def _is_due(known: Subscription, at: float) -> bool:
    return known.due is not None and known.due <= at


def _is_elsewhere(known: Subscription, registration: Registration) -> bool:
    """Return True if the provider has another way to us than that which the subscription was made for."""
    is_bound = isinstance(registration.phase, Bound) and registration.phase.flow is not None
    return known.target is not None and is_bound and (known.cut or known.seen != registration.seen)


def _ended(user: User) -> User:
    return _with(user, replace(user.mailbox, subscription=None)) if user.mailbox else user


def _with(user: User, mailbox: Mailbox | None) -> User:
    return user if user.mailbox == mailbox else replace(user, mailbox=mailbox)


def restarted(user: User, effects: Effects) -> User:
    """Try once more after a restart of the gateway what a bug has prevented."""
    return _with(user, None) if user.mailbox and user.mailbox.given_up else user


def clock_jumped(user: User, effects: Effects, seconds: float) -> User:
    """Take time from the subscription that has passed for the provider."""
    known = user.mailbox.subscription if user.mailbox else None
    if user.mailbox is None or known is None or known.due is None:
        return user
    due = max(min(known.due, known.due - seconds), effects.at)
    return _with(user, replace(user.mailbox, subscription=replace(known, due=due)))


def deadline(user: User) -> Deadline | None:
    """Return when the next SUBSCRIBE is due, or the present one must have been answered."""
    known = user.mailbox.subscription if user.mailbox else None
    return Deadline(texts.MAILBOX_ASKED, known.due) if known and known.due is not None else None


# --- what is heard of it


def is_about(user: User, event: SipLegEvent) -> bool:
    """Return True if an event that is about no call is about the mailbox: a notice, or an answer to a SUBSCRIBE."""
    known = user.mailbox.subscription if user.mailbox else None
    if mailboxes.is_notice(event):
        named = known is not None and event.leg == known.name
        return named or incoming.called(user.account, event.leg) is not None
    return known is not None and known.command is not None and sip_leg.text_of(event) == known.command


def heard(user: User, event: SipLegEvent, effects: Effects) -> User:
    """Take in an event about the mailbox. Tell the user of new messages (rule 2)."""
    credentials = account_state.in_force(user.account)
    assert credentials, "the mailbox is of an account"
    known = user.mailbox
    if known is None or known.of != credentials.nonce:
        known = Mailbox(credentials.nonce)
    before = known.subscription
    connection = before.connection if before else event.leg
    access = incoming.access(user, credentials, connection, effects)
    if mailboxes.is_notice(event):
        after, summary = mailboxes.notified(before, known.summary, event, access, effects)
        if _has_grown(known.summary, summary):
            effects.emit(SendText(credentials.gateway, effects.user, words(user, summary, credentials.gateway)))
        return _with(user, replace(known, summary=summary, subscription=after))
    assert before, "it has sent a SUBSCRIBE"
    return _with(user, replace(known, subscription=mailboxes.subscribed(before, event, access, effects)))


def _has_grown(before: MessageSummary, after: MessageSummary) -> bool:
    """Return True if the user is to be told: there are new messages and were none, or there are more."""
    if not has_new(after):
        return False
    if not has_new(before):
        return True
    return before.new is not None and after.new is not None and after.new > before.new


def has_new(summary: MessageSummary) -> bool:
    """Return True if there are new voice messages."""
    return summary.waiting and summary.new != 0


# --- in words


def status(user: User, gateway: str) -> tuple[str, ...]:
    """Return what the user is told of the mailbox when they ask how things are: none or several lines."""
    if user.mailbox is None or not has_new(user.mailbox.summary):
        return ()
    return tuple(words(user, user.mailbox.summary, gateway).split("\n"))


def words(user: User, summary: MessageSummary, gateway: str) -> str:
    """Return how many new messages there are, and whom to call for them."""
    match summary.new:
        case None:
            said = texts.NEW_MESSAGES
        case 1:
            said = texts.ONE_MESSAGE
        case count:
            said = texts.SOME_MESSAGES.format(count=count)
    urgent = (texts.URGENT_MESSAGES.format(count=summary.urgent),) if summary.urgent else ()
    account = _account(user, summary.account, gateway)
    return "\n".join((said, *urgent, *((texts.CALL_MAILBOX.format(account=account),) if account else ())))


def _account(user: User, uri: str | None, gateway: str) -> str | None:
    """Return the address of a mailbox as people write it, None if it has none that they could call."""
    found = mailbox_address.read(uri, address_book(user, gateway))
    return found.words if found else None
