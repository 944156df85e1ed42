"""The user's clients come and go: what that means for the calls."""

from msgspec.structs import replace

from fargo.statemachine import address, awaited
from fargo.statemachine.account import roster
from fargo.statemachine.call import bridge, seeking
from fargo.statemachine.effects import Effects
from fargo.statemachine.faults import in_each_call, in_part
from fargo.statemachine.legs.jingle.forking import Inviting
from fargo.statemachine.model.events import FeaturesLearned, ResourceUnavailable
from fargo.statemachine.user_state import User, able_clients


def offline(user: User, event: ResourceUnavailable, effects: Effects) -> User:
    """Remove a client that went offline, and take it out of its calls."""
    left = removed(user, event.resource, effects)
    return in_each_call(
        left,
        lambda call, effects: call if awaited.stays(user, call, event) else bridge.client_gone(call, event, effects),
        effects,
    )


def removed(user: User, resource: str, effects: Effects) -> User:
    """Remove a client that is not online. Its calls go on."""
    return in_part(
        user,
        lambda user, effects: replace(user, contacts=roster.unavailable(user.contacts, resource, effects)),
        effects,
        drop=lambda user, effects: replace(user, contacts=roster.drop(user.contacts, resource)),
    )


def learned(user: User, event: FeaturesLearned, effects: Effects) -> User:
    """Store a client's features. Incoming calls that look for clients invite it if it can take a call, or end their
    search if no answer is pending any more.
    """
    known = replace(user, contacts=roster.learned(user.contacts, event, effects))
    client = able_clients(known).get(event.resource)
    if client and not client.dnd and event.resource not in able_clients(user):
        known = _introduced(known, event.resource)
        return in_each_call(
            known,
            lambda call, effects: seeking.seek(call, event.resource, known.contacts, user.policy, effects),
            effects,
        )
    if not roster.questions(effects.pending):
        return in_each_call(known, bridge.search_ended, effects)
    return known


def _introduced(user: User, client: str) -> User:
    """Note that a client is shown those who are calling."""
    contacts = user.contacts
    for call in user.calls.values():
        if call.caller and isinstance(call.jingle, Inviting):
            contacts = roster.introduced(contacts, address.bare(call.caller.jid), (client,))
    return replace(user, contacts=contacts)
