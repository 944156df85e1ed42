"""The decision to forward a call in, and its line, as the user wants it (`Settings.forward`).

Rules:

1. A call is forwarded if no client takes it: none is online that can, the user is busy by their own wish, none answers
   in time, or all that ring are busy or gone. What a client declines is not forwarded.
2. The number is called as if the user called it: what they may not call, calls are not forwarded to. Nor are they to an
   emergency number, also if dial rules have made it one.
3. Loops end: a call that was forwarded by the user before is not forwarded again, nor one that many have forwarded
   (RFC 5806 §6), nor one that may not go over another server (Max-Forwards), nor one of the number that calls are
   forwarded to. Nobody can forward to their own number.
4. A call beyond the number of calls that a user may be in is not forwarded.
"""

from typing import Final

from msgspec.structs import replace

from fargo.statemachine import address, dialling, naming, outgoing, texts
from fargo.statemachine.account.account_state import Credentials
from fargo.statemachine.address import BadAddress, SipUri
from fargo.statemachine.dial_rules import rewriting
from fargo.statemachine.dialling import AddressBook
from fargo.statemachine.legs.sip import sip_leg
from fargo.statemachine.legs.sip.phases import Forwarding, Line
from fargo.statemachine.legs.sip.sip_leg import SipLeg
from fargo.statemachine.model.sip import engine_named
from fargo.statemachine.outgoing import Refusal
from fargo.statemachine.user_state import User, address_book

_MOST: Final = 5
"""So often a call may have been forwarded before."""


def target(user: User, known: Credentials, typed: str, gateway: str) -> tuple[str, SipUri] | BadAddress:
    """Return the contact (bare JID) to whom calls can be forwarded by what the user has typed, and its SIP address; or
    why they cannot. ``known``: the user's account; ``gateway``: our JID.
    """
    book = address_book(user, gateway)
    if not sip_leg.engine_capabilities(engine_named(known.account.engine)).forwards:
        return BadAddress(texts.ENGINE_DOES_NOT_FORWARD)
    uri = dialling.typed(typed, book)
    jid = uri if isinstance(uri, BadAddress) else naming.contact(uri, book)
    if isinstance(uri, BadAddress) or isinstance(jid, BadAddress):
        return uri if isinstance(uri, BadAddress) else BadAddress(texts.NO_CONTACT)
    if naming.canonical(uri, book) == naming.canonical(known.uri, book):
        return BadAddress(texts.NO_FORWARD_TO_OWN)
    becomes = rewriting.rewritten(uri, book, user.settings, user.policy)
    if {dialling.dialled(jid), becomes.uri.user} & {*user.policy.emergency_numbers}:
        return BadAddress(texts.NO_FORWARD_TO_EMERGENCY)
    if becomes.refusal:
        return BadAddress(becomes.refusal.text)
    return jid, uri


def line(user: User, leg: SipLeg, caller: str, contact: str, gateway: str) -> Line | None:
    """Return the line on which a call that has come in is forwarded if no client takes it, None if it is not. ``leg``:
    the caller's; ``caller``: who calls, for people; ``contact``: the bare JID that stands for the caller.
    """
    if user.settings.forward is None or not sip_leg.capabilities(leg).forwards:
        return None
    found = outgoing.line_of_call(user, user.settings.forward)
    before, left = sip_leg.history(leg)
    if isinstance(found, Refusal) or found.trunk is None or len(before) >= _MOST or (left is not None and left < 2):
        return None
    if found.target.user in user.policy.emergency_numbers:
        return None
    offer = sip_leg.offered(leg)
    if offer is None or (offer.encryption_required and found.srtp == "off"):
        return None
    book = address_book(user, gateway)
    if contact in (user.settings.forward, naming.contact(found.target, book)):
        return None
    if any(_is_of(each.uri, found.trunk.own, book) for each in before):
        return None
    forwards = Forwarding(caller, before, None if left is None else left - 1)
    return replace(found, forwards=forwards)


def _is_of(text: str, own: SipUri, book: AddressBook) -> bool:
    """Return True if a SIP URI is the user's own."""
    parsed = address.parse_uri(text)
    return not isinstance(parsed, BadAddress) and naming.canonical(parsed[0], book) == naming.canonical(own, book)
