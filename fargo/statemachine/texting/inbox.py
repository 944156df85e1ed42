"""Texts for the user from SIP addresses: MESSAGE requests (RFC 3428) become chat messages (RFC 7572 §5).

Rules:

1. The text goes to the user's bare JID, from the contact that stands for its sender, as callers have one. So it reaches
   whatever client the user reads; while there is none, the XMPP server keeps it.
2. It is taken over the account's own registration only, and answered in any case. The answer follows the message to
   the user, so nothing that was accepted is lost with the gateway.
3. Dial rules apply to its sender as to a caller, and may refuse it.
4. That the user is in a call, or is not to be called, is no reason to refuse a text.
5. A text within a call (RFC 3428 §7) is of the one with whom the user talks. From whom the call was forwarded to, none
   is taken.
"""

from fargo.statemachine import address, incoming
from fargo.statemachine.call.call_state import Call
from fargo.statemachine.effects import Effects
from fargo.statemachine.legs.jingle import jingle_leg
from fargo.statemachine.legs.sip import sip_leg
from fargo.statemachine.legs.sip.sip_leg import SipLegEvent, SipTextArrival
from fargo.statemachine.model.commands import DeliverText, ForgetText, ShowTyping
from fargo.statemachine.model.composing import Composing
from fargo.statemachine.model.kept_text import KeptText
from fargo.statemachine.texting import typing
from fargo.statemachine.user_state import User

_OK, _FORBIDDEN, _UNAVAILABLE, _BUG = 200, 403, 480, 500


def received(user: User, event: SipTextArrival, effects: Effects) -> User:
    """Deliver a text to the user, or refuse it."""
    credentials = incoming.called(user.account, event.connection)
    if credentials is None or (user.no_room and isinstance(event.text, KeptText)):
        refuse(event, _UNAVAILABLE, effects)
        return user
    access = incoming.access(user, credentials, event.connection, effects)
    who = sip_leg.text_sender(event, access)
    known, sender = incoming.named(user, *who, credentials.gateway)
    if sender.rewritten and sender.rewritten.refusal:
        refuse(event, _FORBIDDEN, effects)
        return user
    contact = address.bare(sender.jid)
    if isinstance(event.text, Composing):
        effects.emit(ShowTyping(contact, user.jid, event.text.active, event.text.seconds))
        known = typing.understands(user, contact)
    else:
        effects.emit(DeliverText(contact, user.jid, event.text, sender.nick))
    sip_leg.answer_text(event, _OK, effects)
    return typing.understands(known, contact) if sip_leg.understands_typing(event) else known


def in_call(user: User, call: Call, event: SipLegEvent, effects: Effects) -> SipLegEvent:
    """Deliver the text that an event of a call may bring (rule 5). Return the event; without its text if the leg must
    not take that.
    """
    text = sip_leg.text_in_call(event)
    if text is None:
        return event
    peer = _peer(call) if event.leg == call.sip.name else None
    if peer and sip_leg.takes_text(call.sip, event):
        effects.emit(DeliverText(peer, user.jid, text))
        return event
    forget(event, effects)
    return event if peer else sip_leg.without_text(event)


def _peer(call: Call) -> str | None:
    """Return the contact (bare JID) with whom the user talks, None if nobody of theirs is in the call."""
    if call.caller:
        return address.bare(call.caller.jid)
    return next((address.bare(each.us) for each in jingle_leg.sessions(call.jingle)), None)


def forget(event: SipLegEvent, effects: Effects) -> None:
    """Forget the text that an event may bring, as it is not taken."""
    if text := sip_leg.text_in_call(event):
        effects.emit(ForgetText(text.name))


def refuse(event: SipTextArrival, status: int, effects: Effects) -> None:
    """Refuse a text with a status."""
    sip_leg.answer_text(event, status, effects)
    if isinstance(event.text, KeptText):
        effects.emit(ForgetText(event.text.name))


def failed(event: SipTextArrival, effects: Effects) -> None:
    """Refuse a text that a bug kept from being handled."""
    refuse(event, _BUG, effects)
