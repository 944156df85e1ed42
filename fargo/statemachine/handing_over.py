"""Transferring a call that the user is in (`transfer NUMBER`), or the two calls to each other (`transfer`).

Rules:

1. The call is the one that the user is in; of several the one that they do not hold. What has not been answered, or is
   being transferred, cannot be.
2. The number is called as if the user called it: what they may not call, nothing is transferred to, and nothing to an
   emergency number, also if dial rules have made it one. The call that is transferred does not count among those that
   the user may be in.
3. Audio of a call that is encrypted stays so: both phones have keys, or neither has (RFC 4568). They must share a codec
   and a family of addresses, as nobody translates between them.
4. The older of two calls goes on as the call between the two phones, and the other ends.
5. A client that has transfers (XEP-0251) names the call, and a contact of the gateway or the other call. That it is
   acknowledged means that the transfer has begun; what comes of it, the user is told in words, as after `transfer`.
"""

from typing import TypeGuard

from msgspec.structs import replace

from fargo.statemachine import dialling, naming, outgoing, texts
from fargo.statemachine.account import account_state, roster
from fargo.statemachine.account.account_state import Credentials
from fargo.statemachine.address import BadAddress, SipUri, bare, domain_of
from fargo.statemachine.call import call_state, handover
from fargo.statemachine.call.call_state import Call
from fargo.statemachine.call.texts import BEHIND_NAT
from fargo.statemachine.effects import Effects
from fargo.statemachine.legs.jingle import jingle_leg
from fargo.statemachine.legs.leg_events import Ended
from fargo.statemachine.legs.relay import relay_leg
from fargo.statemachine.legs.sip import joining, sip_leg
from fargo.statemachine.legs.sip.phases import Forwarding, Over
from fargo.statemachine.model.call_records import Side
from fargo.statemachine.model.commands import AcceptIq, RefuseIq
from fargo.statemachine.model.jingle_events import SessionEvent, SessionInformed
from fargo.statemachine.model.sip import engine_named
from fargo.statemachine.model.sip_messages import SendRequest, SendResponse
from fargo.statemachine.reason import Cause, Reason
from fargo.statemachine.user_state import User, address_book, changed


def begin(user: User, known: Credentials, typed: str | None, gateway: str, effects: Effects) -> User | str:
    """Transfer the user's call to what the user has typed, or join the two calls; or return why that cannot be.
    ``known``: the user's account; ``gateway``: our JID.
    """
    if problem := _objection(user, known):
        return problem
    calls = [call for call in user.calls.values() if handover.is_possible(call)]
    if not calls:
        return texts.NOBODY_TO_TRANSFER
    if typed is None:
        return _joined(user, calls, gateway, effects)
    if len(calls) > 1:
        calls = [call for call in calls if not jingle_leg.holds(call.jingle)]
    if len(calls) != 1:
        return texts.WHICH_TO_TRANSFER
    uri = dialling.typed(typed, address_book(user, gateway))
    return uri.problem if isinstance(uri, BadAddress) else _called(user, known, calls[0], uri, gateway, effects)


def _objection(user: User, known: Credentials) -> str | None:
    """Return why no call of the user's can be transferred now."""
    if not sip_leg.engine_capabilities(engine_named(known.account.engine)).joins:
        return texts.ENGINE_DOES_NOT_TRANSFER
    if any(call.handover for call in user.calls.values()):
        return texts.TRANSFERS_ALREADY
    return None


# --- by a client that has it (XEP-0251)


def is_asked(event: SessionEvent) -> TypeGuard[SessionInformed]:
    """Return True if a client wants to transfer a call of its."""
    return isinstance(event, SessionInformed) and event.to is not None


def informed(user: User, call: Call, event: SessionInformed, effects: Effects) -> User:
    """Transfer a call as its client wants, and acknowledge that; or refuse it with the reason (rule 5)."""
    after = _of_client(user, call, event, effects)
    if not isinstance(after, str):
        effects.call = call.id
        effects.emit(AcceptIq(event.iq))
        return after
    effects.emit(RefuseIq(event.iq, "cancel", "not-acceptable", after))
    return user


def _of_client(user: User, call: Call, event: SessionInformed, effects: Effects) -> User | str:
    known, gateway = account_state.in_force(user.account), domain_of(event.iq.to)
    if known is None or not handover.is_possible(call):
        return texts.NOBODY_TO_TRANSFER
    if problem := _objection(user, known):
        return problem
    if event.other_sid is not None:
        calls = [call, *(each for each in user.calls.values() if each is not call and _has(each, event))]
        return _joined(user, list(filter(handover.is_possible, calls)), gateway, effects)
    assert event.to is not None, "it is a transfer"
    uri = dialling.target(event.to, address_book(user, gateway))
    if domain_of(event.to) != gateway or isinstance(uri, BadAddress):
        return texts.TO_CONTACTS_ONLY
    return _called(user, known, call, uri, gateway, effects)


def _has(call: Call, event: SessionInformed) -> bool:
    """Return True if a call is the one with which its client wants another to be joined."""
    return any(
        (each.sid, each.client) == (event.other_sid, event.iq.sender) for each in jingle_leg.sessions(call.jingle)
    )


# --- to a number


def _called(user: User, known: Credentials, call: Call, uri: SipUri, gateway: str, effects: Effects) -> User | str:
    book = address_book(user, gateway)
    contact = naming.contact(uri, book)
    if isinstance(contact, BadAddress):
        return contact.problem
    if call.transferred_to == uri.words or (contact == _contact(call) and not call.transferred_to):
        return texts.YOURSELF
    spelled = replace(user, contacts=roster.spelled(user.contacts, naming.canonical(uri, book)))
    line = outgoing.line_of_transfer(spelled, contact)
    phone = joining.far_end(call.sip)
    assert phone, "the call can be transferred"
    if isinstance(line, outgoing.Refusal):
        return line.reason.text
    if bool(phone.crypto) != (line.srtp != "off") and (phone.crypto or line.srtp == "required"):
        return texts.NO_KEYS_TO_PASS_ON
    offer = replace(phone, encryption_required=bool(phone.crypto))
    peer = _peer(user, call, gateway)
    line = replace(line, forwards=Forwarding(peer, (), None))
    effects.call = call.id
    return changed(spelled, call, handover.to_line(call, peer, line, offer, gateway, effects), effects)


# --- to each other


def _joined(user: User, calls: list[Call], gateway: str, effects: Effects) -> User | str:
    """Join the phones of the two calls, which can be transferred (rules 3 and 4)."""
    if len(calls) == 1:
        return texts.ONE_TO_JOIN
    if len(calls) > 2:
        return texts.TWO_TO_JOIN
    call, other = sorted(calls, key=lambda each: each.since)
    one, two = joining.far_end(call.sip), joining.far_end(other.sip)
    assert one, "the call can be transferred"
    assert two, "so can the other"
    if not joining.can_be_joined(one, two):
        return texts.NO_AUDIO_IN_COMMON
    if joining.is_apart(one, two):
        return BEHIND_NAT
    leg, to, peer = other.sip, _peer(user, other, gateway), _peer(user, call, gateway)
    user = changed(user, other, _left(other, effects), effects)
    _moved(leg.name, call.id, effects)
    effects.call = call.id
    return changed(user, call, handover.to_phone(call, peer, to, leg, gateway, effects), effects)


def _left(call: Call, effects: Effects) -> Call:
    """End a call whose phone goes on in another."""
    effects.call = call.id
    reason = Reason(Cause.HUNG_UP, texts.JOINED)
    call_state.ended(call, Side.CLIENT, reason, effects)
    jingle, _ = jingle_leg.tell(call.jingle, Ended(reason), effects)
    return replace(call, jingle=jingle, sip=Over(), relay=relay_leg.delete(call.relay, effects), settled=True)


def _moved(leg: str | None, to: str, effects: Effects) -> None:
    """Let what waits for an answer of a leg belong to the call where the leg is now."""
    of_leg = {
        name: replace(each, call=to)
        for name, each in effects.pending.items()
        if isinstance(each.command, SendRequest | SendResponse) and leg in (name, each.command.dialog)
    }
    effects.pending = {**effects.pending, **of_leg}


# --- whom the user talks to


def _contact(call: Call) -> str | None:
    """Return the contact (bare JID) that stands for whom the user talks to."""
    return next((bare(each.us) for each in jingle_leg.sessions(call.jingle)), None)


def _peer(user: User, call: Call, gateway: str) -> str:
    """Return whom the user talks to, for people. A phone may have transferred the call to another."""
    if call.transferred_to:
        return call.transferred_to
    if call.caller:
        return call.caller.words
    contact = _contact(call)
    assert contact, "the user is in the call"
    uri = dialling.target(contact, address_book(user, gateway))
    return contact if isinstance(uri, BadAddress) else uri.words
