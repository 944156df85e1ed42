"""Messages that end something at the far end, until it has heard them: BYE, CANCEL, and refusals of a call.

Rules:

1. A BYE is heard with its final response, and a refusal with the ACK to it. A CANCEL is heard with its own response;
   what matters then is the response to the INVITE.
2. If the far end or its server cannot be reached, the message is sent again after growing pauses, some minutes in all.
   Each BYE is a new request then, with its own CSeq number and branch.
3. After a restart of the edge or the gateway, any pending message may have been lost: it is sent again at once, as part
   of the same transaction (`SendRequest.repeats`), so a server that has it takes it for a retransmission. What becomes
   of the INVITE of a new call after a restart of the gateway, its leg decides.
4. That a call has ended for the gateway does not end this: messages of a call that was dropped are sent again, too.
"""

from typing import Final, TypeGuard

from msgspec.structs import replace

from fargo.statemachine.effects import Effects
from fargo.statemachine.model.commands import Command
from fargo.statemachine.model.sip_messages import (
    SendRequest,
    SendResponse,
    SipRequestReceived,
    SipRequestUndelivered,
    SipResponseReceived,
    Undelivered,
)
from fargo.statemachine.model.sip_values import Party

# Seconds.
_LONGEST_RESPONSE: Final = 40.0
"""The adapter reports silence earlier, unless it was restarted."""
_PAUSES: Final = (2.0, 5.0, 15.0, 30.0, 60.0, 120.0)
_LONGEST_ACK: Final = 40.0
"""The adapter sends a final response again and again for almost as long (RFC 3261 §17.2.1)."""
_MOST_REFUSALS: Final = 4

LONGEST: Final = sum(_PAUSES) + (len(_PAUSES) + 1) * _LONGEST_RESPONSE
"""The time after which no BYE or CANCEL is sent again."""

_UNHEARD: Final = frozenset({408, 480, 500, 502, 503, 504})
"""The responses that servers on the path give if they did not reach the far end."""


# --- sending


def say(command: SendRequest, effects: Effects) -> None:
    """Send a BYE or CANCEL until it is heard."""
    effects.emit_pending(command, _LONGEST_RESPONSE, len(_PAUSES))


def refuse(command: SendResponse, effects: Effects) -> None:
    """Send a final response that refuses a call until it is acknowledged."""
    effects.emit_pending(command, _LONGEST_ACK, _MOST_REFUSALS)


def accept(command: SendResponse, effects: Effects) -> None:
    """Send a 2xx that is acknowledged later. How long to wait for that, the leg decides."""
    effects.emit_pending(command, None)


# --- hearing


def is_goodbye(command: Command) -> TypeGuard[SendRequest]:
    """Return True for a BYE or CANCEL."""
    return isinstance(command, SendRequest) and command.method in ("BYE", "CANCEL")


def answered(event: SipResponseReceived | SipRequestUndelivered, effects: Effects) -> bool:
    """Handle what has become of a BYE or CANCEL. Return True if it was one, and need not be sent again."""
    name = _meant(event, effects)
    if name is None or (isinstance(event, SipResponseReceived) and event.status < 200):
        return False
    if _is_heard(event) or not effects.pending[name].repeats:
        effects.settle(name)
        return True
    effects.postpone(name, _PAUSES[len(_PAUSES) - effects.pending[name].repeats])
    return False


def _meant(event: SipResponseReceived | SipRequestUndelivered, effects: Effects) -> str | None:
    """Return the id of the BYE or CANCEL that an event is about, None if it is about none. The response to a CANCEL
    carries the id of the INVITE, whose branch it has.
    """
    of_cancel = isinstance(event, SipResponseReceived) and event.method == "CANCEL"
    for name, each in effects.pending.items():
        command = each.command
        if is_goodbye(command) and event.command == (command.cancels if of_cancel else name):
            return name
    return None


def _is_heard(event: SipResponseReceived | SipRequestUndelivered) -> bool:
    if isinstance(event, SipResponseReceived):
        return event.status not in _UNHEARD
    return event.why is Undelivered.UNSENDABLE


def settle_bye(recipient: Party, effects: Effects) -> None:
    """Send the BYE to this end of a dialog no more: it has sent one itself."""
    for name in _byes(recipient, effects):
        effects.settle(name)


def is_ending(recipient: Party, effects: Effects) -> bool:
    """Return True if a BYE to this end of a dialog has not been heard."""
    return bool(_byes(recipient, effects))


def _byes(recipient: Party, effects: Effects) -> list[str]:
    said = ((name, each.command) for name, each in effects.pending.items())
    return [name for name, each in said if _is_bye(each) and each.recipient == recipient]


def _is_bye(command: Command) -> TypeGuard[SendRequest]:
    return isinstance(command, SendRequest) and command.method == "BYE"


def acknowledged(event: SipRequestReceived, effects: Effects) -> None:
    """Handle an ACK: the final response to its INVITE was heard."""
    for name in _finals(event, effects):
        effects.settle(name)


def is_answered(event: SipRequestReceived, effects: Effects) -> bool:
    """Return True if the INVITE that a CANCEL is about has a final response, which has not been acknowledged."""
    return bool(_finals(event, effects))


def _finals(event: SipRequestReceived, effects: Effects) -> list[str]:
    """Return the ids of the final responses to the INVITE that an ACK or CANCEL is about."""
    said = ((name, each.command) for name, each in effects.pending.items())
    return [name for name, each in said if isinstance(each, SendResponse) and _is_final(each, event)]


def _is_final(command: SendResponse, event: SipRequestReceived) -> bool:
    of_invite = command.status >= 200 and command.dialog == event.leg
    return of_invite and command.head.cseq == event.head.cseq


# --- sending again


def repeat(name: str, effects: Effects) -> None:
    """Send a pending message again, as its time has come, or give it up (rule 2)."""
    waiting = effects.pending[name]
    command = waiting.command
    if not waiting.repeats:
        effects.settle(name)
    elif _is_bye(command):
        anew = replace(command, cseq=command.cseq + 1, credentials=(), repeats=None)
        effects.repeat(name, waiting.repeats - 1, anew)
    else:
        effects.repeat(name, waiting.repeats - 1)


def restarted(effects: Effects) -> None:
    """Send again what has no final response, or no ACK, after a restart of the gateway (rule 3), other than what was
    sent because of that.
    """
    sent = {each.id for each in effects.issued}
    for name, each in effects.pending.items():
        if name in sent or not isinstance(each.command, SendRequest | SendResponse):
            continue
        if not _begins_call(each.command):
            send_again(name, effects)


def _begins_call(command: SendRequest | SendResponse) -> bool:
    return isinstance(command, SendRequest) and command.method == "INVITE" and command.recipient.tag is None


def edge_restarted(effects: Effects) -> None:
    """Send again all that has no final response, or no ACK, after a restart of the edge (rule 3)."""
    for name, each in effects.pending.items():
        if isinstance(each.command, SendRequest | SendResponse):
            send_again(name, effects)


def send_again(name: str, effects: Effects) -> None:
    """Send a pending message again as part of its transaction; the wait for an answer begins anew."""
    waiting, folded = effects.pending[name], effects.call
    effects.call = waiting.call
    command = waiting.command
    if isinstance(command, SendRequest) and command.cancels is None:
        command = replace(command, repeats=command.repeats or name)
    effects.emit(command)
    if waiting.seconds is not None:
        effects.postpone(name, waiting.seconds)
    effects.call = folded


# --- the end of a leg


def forget(dialog: str, effects: Effects) -> None:
    """Wait for no more answers in a dialog, other than that to a BYE."""
    for name, each in effects.pending.items():
        command = each.command
        of_it = isinstance(command, SendRequest | SendResponse) and dialog in (name, command.dialog)
        if of_it and not _is_bye(command):
            effects.settle(name)
