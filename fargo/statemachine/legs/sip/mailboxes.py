"""Mailboxes at a provider (RFC 3842). Only our own user agent subscribes to them (`SipCapabilities.voicemail`)."""

from fargo.statemachine.effects import Effects
from fargo.statemachine.legs.sip.phases import Access
from fargo.statemachine.legs.sip.sip_leg import SipLegEvent
from fargo.statemachine.legs.user_agent import subscription
from fargo.statemachine.model.mailbox import Subscription
from fargo.statemachine.model.message_summary import MessageSummary
from fargo.statemachine.model.sip_messages import SipRequestReceived, SipRequestUndelivered, SipResponseReceived
from fargo.statemachine.model.sip_values import Endpoint, OtherBody


def subscribe(
    known: Subscription | None, connection: str, access: Access, seen: Endpoint | None, effects: Effects
) -> Subscription:
    """Subscribe to the mailbox of the account, or renew the subscription. ``seen``: our address, as the server sees
    it.
    """
    if known is None:
        return subscription.begin(connection, access, seen, effects)
    return subscription.renew(known, access, seen, effects)


def subscribed(known: Subscription, event: SipLegEvent, access: Access, effects: Effects) -> Subscription:
    """Return a subscription after an event that may answer what was sent for it."""
    if not isinstance(event, SipResponseReceived | SipRequestUndelivered):
        return known
    return subscription.answered(known, event, access, effects)


def is_notice(event: SipLegEvent) -> bool:
    """Return True if an event is a request outside of all calls that may be about a mailbox."""
    if not isinstance(event, SipRequestReceived) or event.head.method != "NOTIFY":
        return False
    return not isinstance(event.body, OtherBody)


def notified(
    known: Subscription | None, before: MessageSummary, event: SipLegEvent, access: Access, effects: Effects
) -> tuple[Subscription | None, MessageSummary]:
    """Answer a notice (`is_notice`). Return the subscription and what is known of the mailbox, as they were before or
    otherwise.
    """
    assert isinstance(event, SipRequestReceived), "it is a request (`is_notice`)"
    return subscription.notified(known, before, event, access, effects)
