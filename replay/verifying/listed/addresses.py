"""The listed changes of addresses: what a JID or the address of an account means, and which JID a caller has."""

from typing import Final

from msgspec.structs import replace

from fargo.statemachine import address, dialling
from fargo.statemachine.account import entered
from fargo.statemachine.account.account_state import in_force
from fargo.statemachine.address import BadAddress, SipUri
from fargo.statemachine.model import rules
from fargo.statemachine.model.call_records import RecordBegun
from fargo.statemachine.model.commands import (
    Command,
    InitiateSession,
    ProposeCall,
    SendRegistrationForm,
    SendText,
    TerminateSession,
)
from fargo.statemachine.model.events import (
    Event,
    PresenceProbed,
    RegistrationAsked,
    RegistrationSubmitted,
    SubscriptionChanged,
)
from fargo.statemachine.model.jingle_events import CallProposed, SessionInitiated
from fargo.statemachine.model.sip import SipCallArrived
from fargo.statemachine.user_state import address_book
from replay.verifying.difference import Difference, Explains
from replay.verifying.listed.comparing import without_text

_OF_CALLER: Final = InitiateSession | ProposeCall | SendText | TerminateSession
"""Commands that are sent in the caller's name when a call comes in, is tried on one more client, or ends before
it was heard.
"""


def _numbers_as_written(difference: Difference) -> bool:
    """The event names an address that the older rules read otherwise."""
    event = difference.recorded.event
    if isinstance(event, RegistrationSubmitted):
        written = event.account.address
        otherwise = _account_by_older(written) != address.parse_account(written)
        return otherwise or entered.meant(event, in_force(difference.before.account)) != event.account
    if isinstance(event, RegistrationAsked):
        return _shows_as_entered(difference)
    jid = _named(event)
    if jid is None or address.local_of(jid) is None:
        return False
    book = address_book(difference.before, address.domain_of(jid))
    return _contact_by_older(jid, book.own) != dialling.target(jid, book)


def _shows_as_entered(difference: Difference) -> bool:
    """The form shows an account as it was entered before it was read so."""
    then, now = (
        [each.command.account for each in issued if isinstance(each.command, SendRegistrationForm)]
        for issued in (difference.then, difference.now)
    )
    return then != now and [each and entered.tidy(each) for each in then] == now


def _named(event: Event) -> str | None:
    """Return the contact that an event of a client names."""
    match event:
        case SessionInitiated():
            return event.iq.to
        case CallProposed(to=to) | PresenceProbed(to=to) | SubscriptionChanged(to=to):
            return to
        case _:
            return None


def _contact_by_older(jid: str, own: str | None) -> SipUri | BadAddress:
    """Return what a contact's JID meant by the older rules."""
    local = address.unescape_local(address.local_of(jid) or "")
    split = max(local.rfind("%"), local.rfind("@"))
    return _checked(local, own or "") if split < 0 else _checked(local[:split], local[split + 1 :])


def _account_by_older(text: str) -> SipUri | BadAddress:
    """Return what the address of an account meant by the older rules."""
    text = text.strip()
    user, at, domain = text[4 * (text[:4].lower() == "sip:") :].rpartition("@")
    return _checked(address.unescape_user(user), domain) if at else address.parse_account("")


def _checked(user: str, domain: str) -> SipUri | BadAddress:
    """Return an address if the older rules took it: they had another form of no domain."""
    uri = address.checked(user, domain)
    return uri if isinstance(uri, BadAddress) else SipUri(user, domain.lower())


def _callers_are_contacts(difference: Difference) -> bool:
    """A call has come in, or is brought to one more client, and the caller has another JID or another name."""
    then, now = difference.then, difference.now
    calls = {id for id, call in difference.before.calls.items() if call.caller is not None}
    if isinstance(difference.recorded.event, SipCallArrived):
        calls.add(str(difference.recorded.version))
    if len(then) != len(now):
        return False
    pairs = [(one, other) for one, other in zip(then, now, strict=True) if one != other]
    return bool(pairs) and all(
        {one.call, other.call} & calls and _nameless(one.command) == _nameless(other.command) for one, other in pairs
    )


def _nameless(command: Command) -> Command:
    """Return a command without what says who calls."""
    match command:
        case RecordBegun():
            return replace(command, peer=None, name=None)
        case _ if isinstance(command, _OF_CALLER):
            return without_text(replace(command, sender=""))
        case _:
            return command


EXPLANATIONS: Final[dict[str, Explains]] = {
    rules.NUMBERS_AS_WRITTEN.name: _numbers_as_written,
    rules.CALLERS_ARE_CONTACTS.name: _callers_are_contacts,
}
