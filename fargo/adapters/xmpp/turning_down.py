"""The answers to stanzas that are not let in: errors, and for a proposed call its rejection."""

from twisted.words.xish.domish import Element

from fargo.adapters.xmpp import jingle_message, messages
from fargo.adapters.xmpp.stanza import MalformedError, attribute, iq_error, iq_of, make_stanza, sender_of, stanza_error
from fargo.limits.rejection import Rejection
from fargo.statemachine.account.roster import RESOURCE
from fargo.statemachine.model.commands import MessageCall, SendText
from fargo.statemachine.model.events import Event, GatewayAsked
from fargo.statemachine.model.jingle_events import CallAction, CallProposed
from fargo.statemachine.model.requests import Register
from fargo.statemachine.reason import Cause, Reason, to_jingle


def answer(stanza: Element, refusal: Rejection, event: Event | None = None) -> Element | None:
    """Return the answer to a stanza that is not let in, None if its kind gets none (RFC 6120 §8.3.1, RFC 6121 §4.7.1).
    ``event``: what is in it, if that is known.
    """
    error = stanza_error(refusal.kind, refusal.condition, refusal.text)
    match stanza.name, stanza.getAttribute("type"):
        case "iq", "get" | "set":
            return iq_error(iq_of(stanza), error)
        case "presence", "subscribe":
            return make_stanza("presence", attribute(stanza, "to"), sender_of(stanza), error.getElement(), type="error")
        case "message", None | "normal" | "chat" if jingle_message.concerns(stanza):
            return _rejection(event or _event(stanza), refusal)
        case "message", _ if isinstance(event, GatewayAsked) and isinstance(event.request, Register):
            told = SendText(event.to, event.sender, refusal.text)
            return messages.stanza(told, stanza.getAttribute("id", ""))
        case _:
            return None


def answer_unread(stanza: Element, refusal: Rejection) -> Element | None:
    """Return the answer to a stanza that is not even looked at. Who has written a message is told, too."""
    if stanza.name == "message" and stanza.body:
        return messages.refusal(stanza, stanza_error(refusal.kind, refusal.condition, refusal.text))
    return answer(stanza, refusal)


def _event(stanza: Element) -> Event | None:
    try:
        return jingle_message.event(stanza)
    except MalformedError:
        return None


def _rejection(event: Event | None, refusal: Rejection) -> Element | None:
    """Return the rejection of a proposed call (XEP-0353 §3.4). Other messages about calls get no answer."""
    if not isinstance(event, CallProposed):
        return None
    us = event.to if "/" in event.to else f"{event.to}/{RESOURCE}"
    condition = to_jingle(Reason(Cause.CONGESTION if refusal.kind == "wait" else Cause.FORBIDDEN))
    rejection = MessageCall(us, event.sender, event.sid, CallAction.REJECT, condition, refusal.text)
    return jingle_message.stanza(rejection, event.sid)
