"""The decision about a transfer that a phone asks for (REFER), and the line to the new phone.

Rules:

1. The number is called as if the user called it, with their account: what they may not call, nobody can send their
   calls to. So dial rules apply, what the operator allows of other domains, and the limits, which have let the REFER in
   before (`fargo.limits`). Nor is a call sent to an emergency number, also if dial rules have made it one.
2. The call takes the place of one that the user is in, so it is not one more.
3. It insists on no more encryption than the user's account does, and has its audio by the path that the call has.
"""

from msgspec.structs import replace

from fargo.statemachine import naming, outgoing, texts
from fargo.statemachine.account import account_state, sign_in
from fargo.statemachine.account.account_state import Registered
from fargo.statemachine.address import BadAddress
from fargo.statemachine.call import transfer
from fargo.statemachine.call.call_state import Call
from fargo.statemachine.call.transfer import Destination
from fargo.statemachine.effects import Effects
from fargo.statemachine.legs.sip import transferring
from fargo.statemachine.legs.sip.referral import Referral
from fargo.statemachine.legs.sip.sip_leg import SipArrival, SipLegEvent
from fargo.statemachine.model.presence import SignedIn
from fargo.statemachine.outgoing import Refusal
from fargo.statemachine.reason import Cause, Reason
from fargo.statemachine.user_state import User, address_book


def begin(user: User, call: Call, event: SipLegEvent, referral: Referral, effects: Effects) -> Call:
    """Return the call after its phone has asked for a transfer."""
    return transfer.referred(call, event, _wanted(user, referral), effects)


def _wanted(user: User, referral: Referral) -> Destination:
    """Return whom a phone wants to be called, on which line, or why not."""
    uri, known = referral.uri, account_state.in_force(user.account)
    if isinstance(uri, BadAddress):
        return Destination(Reason(Cause.NOT_FOUND, uri.problem), "")
    if known is None:
        return Destination(Reason(Cause.UNAVAILABLE, texts.NOT_SIGNED_IN.format(status="").strip()), uri.words)
    book = address_book(user, known.gateway)
    jid = naming.contact(uri, book)
    if isinstance(jid, BadAddress):
        return Destination(Reason(Cause.NOT_FOUND, jid.problem), uri.words)
    found = outgoing.line_of_transfer(user, jid)
    if isinstance(found, Refusal):
        return Destination(found.reason, uri.words)
    return Destination(replace(found, refers=referral), found.target.words)


def contact(user: User, refer_to: str) -> str | None:
    """Return the contact (bare JID) that stands for whom a REFER names, None if that is nobody who could be called.
    ``refer_to``: the value of its header.
    """
    known = account_state.in_force(user.account)
    if known is None or not isinstance(user.account, Registered) or not isinstance(user.account.connection, SignedIn):
        return None
    trunk = sign_in.trunk(user.account.connection.connection, user.registrations)
    uri = transferring.named(refer_to, trunk)
    jid = uri if isinstance(uri, BadAddress) else naming.contact(uri, address_book(user, known.gateway))
    return None if isinstance(jid, BadAddress) else jid


def taken_over(user: User, event: SipArrival) -> Call | None:
    """Return the call that one which comes in takes over (RFC 3891), None if it takes over none."""
    if not transferring.takes_over(event):
        return None
    return next((each for each in user.calls.values() if transferring.is_taken_over(each.sip, event)), None)
