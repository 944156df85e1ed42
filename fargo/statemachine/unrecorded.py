"""The events that need no row in the log.

Rules:

1. An event of a user without an account that changes nothing in their state is answered, and not written: nobody who is
   not registered can make the log grow. So it is with the presence of such a user's clients, which is of no use.
2. Presence of a registered user that changes nothing is not written, and neither is what it is answered with: servers
   send it once for each contact, and ask for that of each contact.
3. A SIP request of a dialog that there is not, or no longer, is answered, and not written: whoever was called once has
   a Contact to which such requests can be sent at any time.
4. That somebody types is passed on and not written, as long as nothing has to be remembered of it.
5. Folding the log leads to the same state without these events. Their commands have the version 0 in their ids, which
   no event has, and no reply to them is expected.
6. A fault is always written.
"""

from collections.abc import Callable
from typing import Final, TypeAlias, get_args

from msgspec.structs import replace

from fargo.statemachine.account.account_state import Unregistered
from fargo.statemachine.media.paths import Policy
from fargo.statemachine.model.commands import Fault, Issued, SendPresence, ShowContacts
from fargo.statemachine.model.composing import Composing
from fargo.statemachine.model.events import (
    Event,
    PresenceProbed,
    Recorded,
    ResourceAvailable,
    SubscriptionChanged,
    TypingNoticed,
    XmppEvent,
)
from fargo.statemachine.model.sip_messages import SipRequestReceived, TextReceived
from fargo.statemachine.user_state import User, call_of

XMPP_EVENTS: Final = frozenset(get_args(XmppEvent))
# The kinds of events that may need no row.
_OF_STRANGERS: Final = XMPP_EVENTS | {SipRequestReceived}
_OF_SIP: Final = frozenset({SipRequestReceived, TextReceived})
_OF_USERS: Final = _OF_SIP | {PresenceProbed, ResourceAvailable, SubscriptionChanged, TypingNoticed}
_SHOWN: Final = SendPresence | ShowContacts

Fold: TypeAlias = Callable[[User, Recorded], tuple[User, tuple[Issued, ...], str | None]]
"""The function of `machine` of that name."""


def answers(
    fold: Fold, user: User, event: Event, at: float, policy: Policy, no_room: bool, draining: bool
) -> tuple[Issued, ...] | None:
    """Return the commands that an event leads to, if it needs no row; None if it needs one. ``policy``,
    ``no_room`` and ``draining``: those that the user would be told before the event.
    """
    kind, stranger = type(event), isinstance(user.account, Unregistered)
    if kind not in (_OF_STRANGERS if stranger else _OF_USERS):
        return None
    if stranger and kind is ResourceAvailable:
        return ()
    # Most SIP requests are about a call, which is seen without folding them.
    if kind is SipRequestReceived and call_of(user, event) is not None:
        return None
    if isinstance(event, TextReceived) and not isinstance(event.text, Composing):
        return None
    if user.policy != policy or user.no_room != no_room or user.draining != draining:
        user = replace(user, policy=policy, no_room=no_room, draining=draining)
    after, issued, call = fold(user, Recorded(user.jid, 0, at, event))
    if after != user or any(isinstance(each.command, Fault) for each in issued):
        return None
    if kind in _OF_SIP:
        return issued if call is None else None
    if stranger or all(isinstance(each.command, _SHOWN) for each in issued):
        return issued
    return None
