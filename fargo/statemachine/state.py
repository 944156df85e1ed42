"""All that is known of one XMPP user, as a value; how a call is found in it, and put back changed."""

from collections.abc import Callable, Mapping
from typing import Final

from msgspec import Struct, field
from msgspec.structs import replace

from fargo.statemachine import call as calls
from fargo.statemachine import jingle_leg
from fargo.statemachine.account import Account, Unregistered
from fargo.statemachine.call import Call
from fargo.statemachine.contacts import Contacts
from fargo.statemachine.farewell import Farewells
from fargo.statemachine.paths import Policy
from fargo.statemachine.proposal import Proposals
from fargo.statemachine.session import JingleEvent

MOST_CALLS: Final = 8
"""So many a user may be in at a time."""


class User(Struct, frozen=True, gc=False):
    """All that is known of one user: account, clients and contacts, calls by id. ``version``: of the last event
    folded in; ``policy``: what the operator wants for calls.
    """

    jid: str
    version: int = 0
    account: Account = field(default_factory=Unregistered)
    contacts: Contacts = field(default_factory=Contacts)
    calls: Mapping[str, Call] = field(default_factory=dict)
    proposals: Proposals = field(default_factory=dict)
    farewells: Farewells = field(default_factory=dict)
    policy: Policy = field(default_factory=Policy)
    stopping: bool = False


def is_busy(user: User) -> bool:
    """Whether the user is in as many calls as one may be."""
    return sum(map(calls.is_live, user.calls.values())) >= MOST_CALLS


def concerned(user: User, event: JingleEvent) -> Call | None:
    """The call whose XMPP leg the event is about; there are never two."""
    for call in user.calls.values():
        if jingle_leg.concerns(call.jingle, event):
            return call
    return None


def changed(user: User, before: Call, after: Call) -> User:
    """The user with a call as it is after an event; the same object if it is the same."""
    return user if after is before else replace(user, calls={**user.calls, after.id: after})


def each(user: User, change: Callable[[Call], Call]) -> User:
    """The user with every call changed like this; the same object if none is."""
    others = {name: new for name, call in user.calls.items() if (new := change(call)) is not call}
    return replace(user, calls={**user.calls, **others}) if others else user


def with_call(user: User, call: Call) -> User:
    """The user with one more call, or another state of one."""
    return replace(user, calls={**user.calls, call.id: call})
