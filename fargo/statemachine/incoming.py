"""Incoming calls: who calls the user, and which clients ring.

Rule: dial rules apply to the caller's number before it becomes a contact. A caller whom a rule refuses is told so, and
leaves no message about a missed call.
"""

from collections.abc import Mapping

from msgspec.structs import replace

from fargo.statemachine import address, forwarded, naming, numbering, referred, texts
from fargo.statemachine.account import roster, sign_in
from fargo.statemachine.account.account_state import Account, Credentials, Registered
from fargo.statemachine.address import BadAddress, SipUri
from fargo.statemachine.call import bridge, call_state, seeking, transfer
from fargo.statemachine.call.call_state import Call, Caller
from fargo.statemachine.dial_rules import rewriting
from fargo.statemachine.effects import Effects
from fargo.statemachine.legs.jingle import forking
from fargo.statemachine.legs.jingle.jingle_session import Terminated
from fargo.statemachine.legs.sip import sip_leg
from fargo.statemachine.legs.sip.phases import Access, Trunk
from fargo.statemachine.legs.sip.sip_leg import SipArrival
from fargo.statemachine.media import paths, pictures
from fargo.statemachine.media.description import Srtp, is_secured
from fargo.statemachine.model.call_records import Direction, Side
from fargo.statemachine.model.presence import Client, SignedIn
from fargo.statemachine.model.requests import LastStranger
from fargo.statemachine.reason import Cause, Reason
from fargo.statemachine.user_state import User, address_book, changed, closed, is_busy, is_woken


def arrived(user: User, event: SipArrival, effects: Effects) -> User:
    """Ring the clients that can take the call. A call that is known already was signalled twice."""
    channel = sip_leg.name_of_new(event)
    credentials = called(user.account, event.connection)
    granted = access(user, credentials, event.connection, effects)
    for call in user.calls.values():
        known = next((leg for leg in call_state.sip_legs(call) if sip_leg.is_known(leg, event)), None)
        if known is not None:
            effects.call = call.id
            sip_leg.arrived_again(known, event, granted, effects)
            return user
    if replaced := referred.taken_over(user, event):
        return _taken_over(user, replaced, event, granted, credentials, effects)
    if reason := closed(user):
        return turned_away(user, event, reason, effects)
    if credentials and isinstance(use := _srtp(user, credentials, granted.trunk), Reason):
        return turned_away(user, event, use, effects)
    effects.call = id = str(effects.version)
    taken_in = sip_leg.arrived(event, granted, effects)
    if taken_in is None:
        return user
    sip, offered = taken_in
    if credentials is None:
        call = Call(id, event.connection, effects.at, Terminated(), sip)
        call_state.begun(call, channel, _caller(user, event, granted, "")[1], None, effects)
        refused = bridge.end(call, Reason(Cause.UNAVAILABLE, texts.CALLED_NOT_SIGNED_IN), effects)
        return changed(user, None, refused, effects)
    user, caller = _caller(user, event, granted, credentials.gateway)
    call = Call(id, event.connection, effects.at, Terminated(), sip, caller)
    if isinstance(offered, Reason):
        call_state.begun(call, channel, caller, None, effects)
        call_state.ended(call, Side.PHONE, offered, effects)
        return changed(user, None, call, effects)
    if caller.rewritten and caller.rewritten.refusal:
        call_state.begun(call, channel, caller, None, effects)
        refused = replace(call, settled=True)
        return changed(user, None, bridge.end(refused, Reason(Cause.FORBIDDEN, texts.CALLER_REFUSED), effects), effects)
    spoken = sip_leg.direct_profiles(sip)
    able = roster.able(user.contacts, spoken, user.policy)
    forward = forwarded.line(user, sip, caller.words, address.bare(caller.jid), credentials.gateway)
    sees = paths.sees(user.policy, sip_leg.capabilities(sip).video, bool(offered.crypto))
    call = replace(call, forward=forward, sees=sees)
    if unreachable := _unreachable(user, able, effects):
        call_state.begun(call, channel, caller, None, effects)
        return changed(user, None, bridge.turn_away(call, unreachable, effects), effects)
    if is_secured(offered) and caller.address:
        user = replace(user, contacts=roster.shown_dtls(user.contacts, caller.address, True))
    seen = sees and offered.video is not None and any(client.sees for client in able.values())
    profile = paths.as_it_is(offered, spoken, user.policy, seen)
    sid = f"{credentials.nonce}{effects.version}"
    alone = pictures.without(offered)
    jingle = forking.invite(sid, caller.jid, alone, profile, caller.is_stranger, effects, caller.nick)
    call_state.begun(call, channel, caller, jingle.invitation.sid, effects)
    call = replace(call, jingle=jingle, wakes=None if able or not is_woken(user) else user.policy)
    for jid in able:
        call = seeking.seek(call, jid, user.contacts, user.policy, effects)
    if call.wakes and not roster.questions(effects.pending):
        call = bridge.search_ended(call, effects)
    introduced = replace(user, contacts=roster.introduced(user.contacts, address.bare(caller.jid), able))
    return changed(introduced, None, call, effects)


def _taken_over(
    user: User, call: Call, event: SipArrival, granted: Access, credentials: Credentials | None, effects: Effects
) -> User:
    """Let a caller have the place of the phone in a call that they name (RFC 3891)."""
    effects.call = call.id
    taken_in = sip_leg.arrived(event, granted, effects, takes_over=True)
    if taken_in is None:
        return user
    leg, offered = taken_in
    if isinstance(offered, Reason):
        return changed(user, call, replace(call, left=call_state.lasting((*call.left, leg))), effects)
    _, caller = _caller(user, event, granted, credentials.gateway if credentials else "")
    return changed(user, call, transfer.taken_over(call, leg, caller.words, effects), effects)


def turned_away(user: User, event: SipArrival, reason: Reason, effects: Effects) -> User:
    """Refuse a call that cannot be brought to the user for a reason of the gateway's own."""
    effects.call = id = str(effects.version)
    credentials = called(user.account, event.connection)
    granted = access(user, credentials, event.connection, effects)
    taken_in = sip_leg.arrived(event, granted, effects)
    if taken_in is None:
        return user
    user, caller = _caller(user, event, granted, credentials.gateway if credentials else "")
    call = Call(id, event.connection, effects.at, Terminated(), taken_in[0], caller if credentials else None)
    call_state.begun(call, sip_leg.name_of_new(event), caller, None, effects)
    return changed(user, None, bridge.end(call, reason, effects), effects)


def called(account: Account, connection: str) -> Credentials | None:
    """Return the account that a call over this connection is for; None if no account is signed in by it."""
    if isinstance(account, Registered) and isinstance(account.connection, SignedIn):
        return account.credentials if account.connection.connection == connection else None
    return None


def access(user: User, credentials: Credentials | None, connection: str, effects: Effects) -> Access:
    """Return what the call needs of the account."""
    if credentials is None:
        return Access()
    trunk = sign_in.trunk(connection, effects.registrations)
    found = Access(credentials.nonce, trunk, user.policy.ring_seconds, own=credentials.uri.domain)
    use = _srtp(user, credentials, trunk)
    return found if isinstance(use, Reason) else replace(found, srtp=use)


def _srtp(user: User, credentials: Credentials, trunk: Trunk | None) -> Srtp | Reason:
    """Return the encryption that a caller may offer, or must; or why the user cannot be called."""
    return paths.srtp(credentials.account.srtp, trunk is not None and trunk.secure, user.policy)


def _unreachable(user: User, able: Mapping[str, Client], effects: Effects) -> Reason | None:
    """Return why no client can be called now; None if one can, or if features are still unknown, or clients that are
    not online may be woken.
    """
    if user.settings.busy:
        return Reason(Cause.BUSY, texts.CALLED_UNDISTURBED)
    if is_busy(user):
        return Reason(Cause.BUSY, texts.CALLED_IN_TOO_MANY_CALLS)
    if roster.questions(effects.pending) or not all(client.dnd for client in able.values()):
        return None
    if able:
        return Reason(Cause.BUSY, texts.CALLED_UNDISTURBED)
    return None if is_woken(user) else forking.NOBODY


def _caller(user: User, event: SipArrival, access: Access, gateway: str) -> tuple[User, Caller]:
    """Return who calls."""
    uri, name = sip_leg.caller(event, access)
    return named(user, uri, name, gateway)


def named(user: User, uri: SipUri | BadAddress, name: str | None, gateway: str) -> tuple[User, Caller]:
    """Return somebody at the SIP side, with the JID that stands for them: an anonymous one if no JID can express their
    address. What their JID does not keep of the address is remembered, so that they can be called back.
    """
    book = address_book(user, gateway)
    hidden = f"{naming.ANONYMOUS}@{gateway}"
    unseen = not roster.is_subscribed(user.contacts, hidden)
    nobody = Caller(f"{hidden}/{roster.RESOURCE}", None, name, is_stranger=unseen)
    if isinstance(uri, BadAddress):
        return user, nobody
    canonical = naming.canonical(uri, book)
    known = rewriting.rewritten(canonical, book, user.settings, user.policy, Direction.IN)
    jid, written = naming.contact(known.uri, book), numbering.digits(uri.user) or uri.user
    if isinstance(jid, BadAddress):
        return user, replace(nobody, rewritten=known, written=written)
    is_stranger = not roster.is_subscribed(user.contacts, jid)
    after = replace(user, contacts=roster.spelled(user.contacts, known.uri))
    if is_stranger and gateway and not known.refusal:
        after = replace(after, stranger=LastStranger(jid, name))
    return after, Caller(f"{jid}/{roster.RESOURCE}", known.uri.words, name, known, written, is_stranger)
