"""A bug in the core, an exception in a fold, ends the call that it happened in, and nothing else.

Rules:

1. What the failed fold has emitted is dropped. The call is ended from what was known before the event, as any other end
   ends it: every client and the phone are told, and what they have to hear is repeated until they have heard it.
2. If that fails too, each leg is told with as little code as possible and the call is dropped. So is a call that had
   ended already: its legs may not fail for ever.
3. An event about several things is folded in parts. A fault costs only the part that it happened in: its call is ended,
   or what the part was about is dropped, so that it cannot fail for ever.
4. A request is refused, so that nobody waits for an answer, and a password that came with it is erased.
"""

from collections.abc import Callable
from functools import partial
from typing import TypeAlias

from msgspec.structs import replace

from fargo.statemachine import incoming, texts
from fargo.statemachine.call import bridge, call_state
from fargo.statemachine.call.call_state import Call
from fargo.statemachine.effects import Effects
from fargo.statemachine.legs.jingle import jingle_leg, jmi
from fargo.statemachine.legs.jingle.jingle_session import Terminated
from fargo.statemachine.legs.relay import relay_leg
from fargo.statemachine.legs.sip import sip_leg
from fargo.statemachine.legs.sip.sip_leg import SipArrival
from fargo.statemachine.model.call_records import Side
from fargo.statemachine.model.commands import Fault, ForgetSecret, RefuseIq
from fargo.statemachine.model.events import Event, RegistrationSubmitted, TextWritten
from fargo.statemachine.model.jingle_events import CallProposed
from fargo.statemachine.model.sip import SipCallArrived, SipCallEvent, SipTextArrived
from fargo.statemachine.reason import Cause, Reason
from fargo.statemachine.texting import inbox, outbox
from fargo.statemachine.user_state import User, call_of, changed

UserChange: TypeAlias = Callable[[User, Effects], User]
"""One part of what an event leads to."""

_IN_CALL = Reason(Cause.FAULT, texts.FAULT_IN_CALL)


def in_each_call(user: User, change: Callable[[Call, Effects], Call], effects: Effects) -> User:
    """Change every call like this; end one if that fails. Return the same user if that changes none."""
    for call in user.calls.values():
        user = in_part(user, partial(_with_call, call=call, change=change), effects, call)
    effects.call = None
    return user


def _with_call(user: User, effects: Effects, call: Call, change: Callable[[Call, Effects], Call]) -> User:
    return changed(user, call, change(call, effects), effects)


def in_part(
    user: User,
    change: UserChange,
    effects: Effects,
    call: Call | None = None,
    drop: UserChange = lambda user, effects: user,
) -> User:
    """Do one part of what an event leads to. If that fails, drop what it is about and end the call that it belongs to,
    if to any (rule 3).
    """
    effects.call = call.id if call else None
    before = effects.mark()
    try:
        return change(user, effects)
    except Exception as error:
        effects.return_to(before)
        effects.call = call.id if call else None
        effects.emit(Fault(effects.call, _named(error)))
    before = effects.mark()
    try:
        user = drop(user, effects)
    except Exception:
        effects.return_to(before)
    return _ended(user, call, effects) if call else user


def ended(user: User, event: Event, error: Exception, effects: Effects) -> User:
    """Folding an event about one thing has failed: end the call that it is about, or refuse what it asked for."""
    call = _found(user, event)
    if call:
        effects.call = call.id
    effects.emit(Fault(call.id if call else None, _named(error)))
    iq = getattr(event, "iq", None)
    if iq is not None:
        effects.emit(RefuseIq(iq, "wait", "internal-server-error", texts.FAULT))
    match event:
        case SipCallArrived():
            return _turned_away(user, event, effects)
        case SipCallEvent():
            _tried(lambda: sip_leg.fail(event, effects), effects)
            _tried(lambda: inbox.forget(event, effects), effects)
        case RegistrationSubmitted(secret=secret) if secret:
            effects.emit(ForgetSecret(secret))
        case TextWritten():
            _tried(lambda: outbox.refuse(event, "wait", "internal-server-error", texts.FAULT, effects), effects)
        case SipTextArrived():
            _tried(lambda: inbox.failed(event, effects), effects)
        case CallProposed():
            _tried(lambda: jmi.reject(event, Reason(Cause.FAULT, texts.FAULT), effects), effects)
        case _:
            pass
    return _ended(user, call, effects) if call else user


def _found(user: User, event: Event) -> Call | None:
    try:
        return call_of(user, event)
    except Exception:
        return None


def _named(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"


def _turned_away(user: User, event: SipArrival, effects: Effects) -> User:
    """Refuse an incoming call that could not be handled, and tell the user that they missed it."""
    before = effects.mark()
    try:
        return incoming.turned_away(user, event, _IN_CALL, effects)
    except Exception:
        effects.return_to(before)
        _tried(lambda: sip_leg.abandon_arrival(event, effects), effects)
        return user


def _ended(user: User, call: Call, effects: Effects) -> User:
    """End the call (rule 1), or abandon it if that fails (rule 2)."""
    before = effects.mark()
    try:
        if call_state.is_live(call):
            return changed(user, call, bridge.end(call, _IN_CALL, effects), effects)
    except Exception:
        effects.return_to(before)
    _abandoned(call, effects)
    return replace(user, calls={name: other for name, other in user.calls.items() if name != call.id})


def _abandoned(call: Call, effects: Effects) -> None:
    """Tell each leg that the call is gone (rule 2), and skip what fails."""
    _tried(lambda: jingle_leg.abandon(call.jingle, texts.FAULT_IN_CALL, effects), effects)
    for leg in call_state.sip_legs(call):
        _tried(partial(sip_leg.abandon, leg, effects), effects)
    _tried(lambda: relay_leg.abandon(call.relay, effects), effects)
    if not isinstance(call.jingle, Terminated):
        _tried(lambda: call_state.missed(call, replace(call, jingle=Terminated()), effects), effects)
        _tried(lambda: call_state.ended(call, Side.GATEWAY, _IN_CALL, effects), effects)


def _tried(act: Callable[[], None], effects: Effects) -> None:
    before = effects.mark()
    try:
        act()
    except Exception:
        effects.return_to(before)
