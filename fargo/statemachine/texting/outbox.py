"""Texts of the user's to SIP addresses: chat messages become MESSAGE requests (RFC 3428, RFC 7572 §4).

Rules:

1. Every text gets one answer: an error with a sentence, or a receipt (XEP-0184) if the client has asked for one and the
   text has been delivered. Accepted for later (202) is not delivered.
2. One request is under way to an address at a time, and the next follows its final answer (RFC 3428 §8). So the parts
   of a long text, and several texts, arrive in their order.
3. A part is never sent again after a final answer, other than to a challenge. What becomes of the rest of a text whose
   part has failed is told, and nothing more of it is sent.
4. The texts themselves are not here, but under their names in the memory of the gateway. They are forgotten with the
   final answer, and are lost in a restart, which the client is told.
"""

from typing import Final

from msgspec.structs import replace

from fargo.statemachine import address, outgoing
from fargo.statemachine.effects import Effects
from fargo.statemachine.legs.sip import sip_leg
from fargo.statemachine.legs.sip.sip_leg import SipLegEvent
from fargo.statemachine.model.commands import ConfirmText, ForgetText, RefuseText
from fargo.statemachine.model.composing import Composing
from fargo.statemachine.model.events import TextWritten, TypingNoticed
from fargo.statemachine.model.kept_text import KeptText
from fargo.statemachine.outgoing import LineWords, Refusal
from fargo.statemachine.reason import Cause, Reason
from fargo.statemachine.texting import texts, typing
from fargo.statemachine.texting.outgoing_text import OutgoingText
from fargo.statemachine.user_state import User, closed

_MOST: Final = 32
"""The texts of a user that may be under way."""
_WORDS: Final = LineWords(texts.OWN_ADDRESS, texts.NO_FOREIGN_TEXTS, texts.NO_EMERGENCY_TEXTS)
_ERRORS: Final = {
    Cause.NOT_FOUND: ("cancel", "item-not-found"),
    Cause.UNAVAILABLE: ("wait", "recipient-unavailable"),
    Cause.NO_ANSWER: ("wait", "recipient-unavailable"),
    Cause.BUSY: ("wait", "recipient-unavailable"),
    Cause.DECLINED: ("auth", "forbidden"),
    Cause.FORBIDDEN: ("auth", "forbidden"),
    Cause.MEDIA: ("cancel", "feature-not-implemented"),
    Cause.SECURITY: ("cancel", "remote-server-not-found"),
    Cause.NETWORK: ("wait", "remote-server-timeout"),
}
"""The error of a message by why it failed (RFC 7247 §7); of all others it is service-unavailable."""


# --- from the client


def written(user: User, event: TextWritten, effects: Effects) -> User:
    """Send a text of a client, or refuse it."""
    line = outgoing.line(user, event.to, _WORDS)
    if not isinstance(line, Refusal) and not sip_leg.engine_capabilities(line.engine).texts:
        line = Refusal("cancel", "service-unavailable", Reason(Cause.MEDIA, texts.NO_TEXTS))
    if not isinstance(line, Refusal) and user.no_room:
        line = Refusal("wait", "resource-constraint", Reason(Cause.CONGESTION, texts.NO_ROOM))
    if not isinstance(line, Refusal) and len(user.texts) >= _MOST:
        line = Refusal("wait", "resource-constraint", Reason(Cause.CONGESTION, texts.TOO_MANY_WAITING))
    if isinstance(line, Refusal):
        refuse(event, line.kind, line.condition, line.reason.text, effects)
        return user
    text = OutgoingText(event.sender, event.to, event.id, event.receipt, line, event.parts, len(event.parts))
    contact = address.bare(event.to)
    return _sent(typing.stopped(user, contact), (*_without_notices(user, contact), text), effects)


def noticed(user: User, event: TypingNoticed, effects: Effects) -> User:
    """Tell a contact that the user types, or does not any more, if that is of use (`typing`)."""
    contact = event.to
    if contact not in user.typing.able or (not event.active and contact not in user.typing.told):
        return user
    line = outgoing.line(user, event.to, _WORDS)
    full = closed(user) or len(user.texts) >= _MOST
    if isinstance(line, Refusal) or full or not sip_leg.engine_capabilities(line.engine).texts:
        return user
    notice = OutgoingText(event.sender, contact, None, False, line, (Composing(event.active),), 1)
    after = typing.began(user, contact) if event.active else typing.stopped(user, contact)
    return _sent(after, (*_without_notices(user, contact), notice), effects)


def _without_notices(user: User, contact: str) -> tuple[OutgoingText, ...]:
    """Return the texts without the notices for a contact that were not sent yet."""
    return tuple(each for each in user.texts if each.command or not _is_notice(each) or each.contact != contact)


def _is_notice(text: OutgoingText) -> bool:
    return any(isinstance(each, Composing) for each in text.parts)


def refuse(event: TextWritten, kind: str, condition: str, why: str, effects: Effects) -> None:
    """Tell a client that its text is not sent."""
    effects.emit(RefuseText(event.to, event.sender, event.id, kind, condition, why))
    _forget(event.parts, effects)


def _sent(user: User, waiting: tuple[OutgoingText, ...], effects: Effects) -> User:
    """Return the user with these texts. The first to each address is sent (rule 2)."""
    busy = {each.line.target for each in waiting if each.command}
    kept = []
    for each in waiting:
        if each.line.target in busy:
            kept.append(each)
        else:
            busy.add(each.line.target)
            kept.append(replace(each, command=sip_leg.send_text(each.line, each.parts[0], effects)))
    return replace(user, texts=tuple(kept))


# --- from the provider


def concerned(user: User, event: SipLegEvent) -> OutgoingText | None:
    """Return the text that an event is about, None if it is about none."""
    return _under(user, sip_leg.text_of(event)) if user.texts else None


def _under(user: User, command: str | None) -> OutgoingText | None:
    return next((each for each in user.texts if each.command and each.command == command), None)


def answered(user: User, text: OutgoingText, event: SipLegEvent, effects: Effects) -> User:
    """Go on after an answer about a text."""
    came_of_it = sip_leg.text_answered(text.line, event, effects)
    if sip_leg.understands_typing(event):
        user = typing.understands(user, address.bare(text.contact))
    if isinstance(came_of_it, Reason):
        return _failed(user, text, came_of_it, effects)
    if came_of_it.command:
        return _with(user, text, replace(text, command=came_of_it.command))
    _forget(text.parts[:1], effects)
    left = replace(text, parts=text.parts[1:], command=None)
    if left.parts:
        return _go_on(_with(user, text, left), effects)
    if text.receipt and text.id and came_of_it.delivered:
        effects.emit(ConfirmText(text.contact, text.client, text.id))
    return _go_on(_without(user, text), effects)


def unanswered(user: User, command: str, effects: Effects) -> User:
    """Give up the text that a pending command was sent for, if for any: nobody has answered in time."""
    effects.settle(command)
    text = _under(user, command)
    return _failed(user, text, Reason(Cause.NETWORK, texts.UNANSWERED), effects) if text else user


def dropped(user: User, command: str) -> User:
    """Return the user without a text whose end could not be handled because of a bug."""
    return replace(user, texts=tuple(each for each in user.texts if each.command != command))


def _failed(user: User, text: OutgoingText, reason: Reason, effects: Effects) -> User:
    """Tell the client why its text was not delivered, and go on with the next."""
    _tell(text, reason, effects)
    left = _without(user, text)
    return _go_on(typing.does_not_understand(left, text.contact) if _is_notice(text) else left, effects)


def _tell(text: OutgoingText, reason: Reason, effects: Effects) -> None:
    if _is_notice(text):
        return
    kind, condition = _ERRORS.get(reason.cause, ("cancel", "service-unavailable"))
    sent = text.count - len(text.parts)
    why = texts.IN_PART.format(sent=sent, count=text.count, why=reason.text) if sent else reason.text
    effects.emit(RefuseText(text.contact, text.client, text.id, kind, condition, why))
    _forget(text.parts, effects)


def _go_on(user: User, effects: Effects) -> User:
    return _sent(user, user.texts, effects)


def _with(user: User, before: OutgoingText, after: OutgoingText) -> User:
    return replace(user, texts=tuple(after if each is before else each for each in user.texts))


def _without(user: User, text: OutgoingText) -> User:
    return replace(user, texts=tuple(each for each in user.texts if each is not text))


def _forget(parts: tuple[KeptText | Composing, ...], effects: Effects) -> None:
    for each in parts:
        if isinstance(each, KeptText):
            effects.emit(ForgetText(each.name))


# --- start and stop


def restarted(user: User, effects: Effects) -> User:
    """Tell the clients that their texts are lost with the memory of the gateway that was restarted."""
    return _given_up(user, texts.RESTARTED, effects)


def stopping(user: User, effects: Effects) -> User:
    """Tell the clients that nobody waits for an answer to their texts any more: the gateway is about to stop."""
    return _given_up(user, texts.STOPPING, effects)


def _given_up(user: User, why: str, effects: Effects) -> User:
    if not user.texts:
        return user
    for each in user.texts:
        if each.command:
            effects.settle(each.command)
        _tell(each, Reason(Cause.NETWORK, why), effects)
    return replace(user, texts=())
