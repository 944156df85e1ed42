"""Texts for the user from SIP addresses: MESSAGE requests (RFC 3428) become chat messages (RFC 7572 §5).

Rules:

1. The text goes to the user's bare JID, from the contact that stands for its sender, as callers have one. So it reaches
   whatever client the user reads; while there is none, the XMPP server keeps it.
2. It is taken over the account's own registration only, and answered in any case. The answer follows the message to
   the user, so nothing that was accepted is lost with the gateway.
3. Dial rules apply to its sender as to a caller, and may refuse it.
4. That the user is in a call, or is not to be called, is no reason to refuse a text.
"""

from fargo.statemachine import address, incoming
from fargo.statemachine.effects import Effects
from fargo.statemachine.legs.sip import sip_leg
from fargo.statemachine.legs.sip.sip_leg import SipTextArrival
from fargo.statemachine.model.commands import DeliverText, ForgetText
from fargo.statemachine.user_state import User

_OK, _FORBIDDEN, _UNAVAILABLE, _BUG = 200, 403, 480, 500


def received(user: User, event: SipTextArrival, effects: Effects) -> User:
    """Deliver a text to the user, or refuse it."""
    credentials = incoming.called(user.account, event.connection)
    if credentials is None or user.no_room:
        refuse(event, _UNAVAILABLE, effects)
        return user
    access = incoming.access(user, credentials, event.connection, effects)
    who = sip_leg.text_sender(event, access)
    known, sender = incoming.named(user, *who, credentials.gateway)
    if sender.rewritten and sender.rewritten.refusal:
        refuse(event, _FORBIDDEN, effects)
        return user
    effects.emit(DeliverText(address.bare(sender.jid), user.jid, event.text, sender.nick))
    sip_leg.answer_text(event, _OK, effects)
    return known


def refuse(event: SipTextArrival, status: int, effects: Effects) -> None:
    """Refuse a text with a status."""
    sip_leg.answer_text(event, status, effects)
    effects.emit(ForgetText(event.text.name))


def failed(event: SipTextArrival, effects: Effects) -> None:
    """Refuse a text that a bug kept from being handled."""
    refuse(event, _BUG, effects)
