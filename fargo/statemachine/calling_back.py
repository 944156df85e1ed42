"""A call that the user asks the gateway for (`call NUMBER`): their clients ring, and then the number is called.

Rules:

1. It is a call out that comes to the clients like one in, from the contact that stands for the number. What is known of
   audio then is what is known of a caller without an offer: the codecs of every phone, and no address.
2. When a client has taken the call, the number is offered what the client has described. When the number answers, the
   client is told its address; or before, if the number describes early audio, whatever the policy for calls of a
   client: this one has taken the call, and hears nothing else. While the number rings without that, a relay plays the
   ringing tone to the client. Why a number has not answered, a message says, too.
3. What the user may not call, they may not have called. Encrypted audio cannot be had: nothing is known of the keys
   when the client is called.
4. Only clients that are online ring. If the user has asked not to be disturbed by others, that does not matter here.
"""

from msgspec.structs import replace

from fargo.statemachine import dialling, naming, outgoing, texts
from fargo.statemachine.account import roster
from fargo.statemachine.account.account_state import Credentials
from fargo.statemachine.address import BadAddress, SipUri, bare
from fargo.statemachine.call import call_state, seeking
from fargo.statemachine.call.call_state import Call, Caller
from fargo.statemachine.dial_rules import rewriting
from fargo.statemachine.effects import Effects
from fargo.statemachine.legs.jingle import forking
from fargo.statemachine.legs.sip import sip_leg
from fargo.statemachine.legs.sip.phases import Line, Preparing
from fargo.statemachine.media import paths
from fargo.statemachine.user_state import User, address_book, changed


def begin(user: User, known: Credentials, typed: str, gateway: str, effects: Effects) -> User | str:
    """Ring the user's clients, to call what the user has typed; or return why that cannot be. ``known``: the user's
    account; ``gateway``: our JID.
    """
    book = address_book(user, gateway)
    uri = dialling.typed(typed, book)
    if isinstance(uri, BadAddress):
        return uri.problem
    contact = naming.contact(uri, book)
    if isinstance(contact, BadAddress):
        return contact.problem
    spelled = replace(user, contacts=roster.spelled(user.contacts, naming.canonical(uri, book)))
    line = outgoing.line_of_call(spelled, contact)
    if isinstance(line, outgoing.Refusal):
        return line.reason.text
    if not sip_leg.engine_capabilities(line.engine).transport_change:
        return texts.ENGINE_DOES_NOT_CALL_BACK
    if line.srtp == "required":
        return texts.NO_KEYS_YET
    return _rung(spelled, known, replace(line, srtp="off", early="always"), contact, uri, effects) or texts.NO_CLIENT


def _rung(user: User, known: Credentials, line: Line, contact: str, uri: SipUri, effects: Effects) -> User | None:
    """Ring the clients that can take the call. Return None if there is none."""
    sip = Preparing(line, effects.at + line.ring_seconds)
    spoken = sip_leg.direct_profiles(sip)
    able = roster.able(user.contacts, spoken, user.policy)
    if not any(not client.dnd for client in able.values()):
        return None
    effects.call = id = str(effects.version)
    offer = sip_leg.offered(sip)
    assert offer, "the client is called first"
    profile = paths.as_it_is(offer, spoken, user.policy)
    us, introduces = f"{contact}/{roster.RESOURCE}", not roster.is_subscribed(user.contacts, contact)
    jingle = forking.invite(f"{known.nonce}{effects.version}", us, offer, profile, introduces, effects)
    call = Call(id, line.connection, effects.at, jingle, sip, Caller(us, uri.words, None), settled=True)
    written = rewriting.record(line.rewritten, dialling.dialled(contact))
    call_state.placed(call, line.target.words, jingle.invitation.sid, written, effects)
    for jid in able:
        call = seeking.seek(call, jid, user.contacts, user.policy, effects)
    introduced = replace(user, contacts=roster.introduced(user.contacts, bare(us), able))
    return changed(introduced, None, call, effects)
