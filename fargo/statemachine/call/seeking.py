"""The choice of the user's clients that are called, of those that are online and those that may be woken.

Rules:

1. A client that is online and can take the call is called, unless it is not to ring, or another one has taken the call.
2. If there is none, and the user stays signed in without one, a proposal goes to the user's bare JID (XEP-0353 §3.1).
   Their server stores it and wakes mobile clients. Those that come online and can take the call join it. The call rings
   for as long as any other, as nobody says that no client will come.
3. A client that takes the proposal before it has said what it can do is expected to be a mobile one (`paths.expected`).
"""

from msgspec.structs import replace

from fargo.statemachine.account import roster
from fargo.statemachine.account.roster import Contacts
from fargo.statemachine.call import placing
from fargo.statemachine.call.call_state import Call
from fargo.statemachine.effects import Effects
from fargo.statemachine.legs.jingle import forking
from fargo.statemachine.legs.jingle.forking import Searching
from fargo.statemachine.legs.leg_events import Ringing
from fargo.statemachine.legs.sip import sip_leg
from fargo.statemachine.media import paths
from fargo.statemachine.media.description import MediaProfile
from fargo.statemachine.media.paths import Policy


def seek(call: Call, jid: str, contacts: Contacts, policy: Policy, effects: Effects) -> Call:
    """Call a client of the user (full JID) that can take calls (rule 1)."""
    leg, client = call.jingle, contacts.clients[jid]
    if client.dnd or not forking.takes_more(leg, client.asks_first):
        return call
    profile = paths.profile_for(client.profiles, _direct(call, leg), policy)
    if profile is None:
        return call
    call = placing.prepared(call, leg, profile, policy, effects)
    session = forking.session_with(leg, jid, profile, client.bundles, client.sees)
    if client.asks_first:
        offer = sip_leg.offered(call.sip)
        seen = call.sees and offer is not None and offer.video is not None
        apart = roster.asks_apart(contacts)
        return _proposed(call, forking.propose(leg, session, apart, effects, seen), effects)
    return replace(call, jingle=forking.add(leg, session, effects))


def wake(call: Call, effects: Effects) -> Call:
    """Propose the call to clients that are not online (rule 2). The call stays as it is if there is nothing to propose,
    or nobody to propose it to.
    """
    leg, policy = call.jingle, call.wakes
    if policy is None or not isinstance(leg, Searching):
        return call
    profile = paths.expected(_direct(call, leg), policy)
    if profile is None:
        return call
    call = placing.prepared(call, leg, profile, policy, effects)
    session = forking.session_with(leg, effects.user, profile, False)
    return _proposed(call, forking.propose(leg, session, False, effects), effects)


def _direct(call: Call, leg: Searching | forking.Forking) -> list[MediaProfile]:
    """Return the profiles in which a client can be offered what the caller offers."""
    return [profile for profile in sip_leg.direct_profiles(call.sip) if profile in leg.invitation.contents]


def _proposed(call: Call, proposing: forking.Forking, effects: Effects) -> Call:
    # Not every client says that it rings (Dino does not), and the caller needs to hear something.
    return replace(call, jingle=proposing, sip=sip_leg.tell(call.sip, Ringing(), effects))
