"""Phones of answered calls that are joined: each is told where another one takes audio, in the place of a client.

Rules:

1. Only our own user agent can do that (`SipCapabilities.joins`).
2. Whether the far end agrees is seen by the leg: what it was asked for is what it has, or is wanted, or neither.
3. The keys of encrypted audio are passed on. After a restart of the gateway they are lost, and nothing can be joined.
"""

from typing import Final, TypeAlias

from fargo.statemachine.effects import Effects
from fargo.statemachine.legs.sip.sip_leg import SipLeg
from fargo.statemachine.legs.user_agent import confirmed, offer_answer
from fargo.statemachine.legs.user_agent.offer_answer import Ours
from fargo.statemachine.legs.user_agent.phases import Confirmed
from fargo.statemachine.media import reach
from fargo.statemachine.media.description import Description, Transport
from fargo.statemachine.media.pictures import VideoFlow

_Place: TypeAlias = tuple[Transport | None, tuple[tuple[str, str], ...]]

can_be_joined: Final = offer_answer.can_be_joined
"""Return True if two far ends can send each other audio."""


def is_apart(one: Description, other: Description) -> bool:
    """Return True if one of two far ends is behind a NAT and the other is not, so that they would not hear each other
    without a relay. If both are, it may be the same NAT.
    """
    return reach.is_behind_nat(one) != reach.is_behind_nat(other)


def far_end(leg: SipLeg) -> Description | None:
    """Return how the phone takes audio, None if it cannot be joined with another: it has not answered, say."""
    return offer_answer.far_end(leg.session) if isinstance(leg, Confirmed) and not leg.keyless else None


def told(leg: SipLeg) -> Description | None:
    """Return how the phone was last asked to send its audio, None if its call is not answered."""
    return leg.wanted.local if isinstance(leg, Confirmed) else None


def join(leg: SipLeg, other: Description, holds: bool, effects: Effects) -> SipLeg:
    """Ask the phone to send its audio to another, which describes itself so. ``holds``: that one holds it."""
    if not isinstance(leg, Confirmed):
        return leg
    return confirmed.want(leg, offer_answer.joined(leg.session, leg.wanted, other, holds), effects)


def part(leg: SipLeg, before: Description, holds: bool, flow: VideoFlow, effects: Effects) -> SipLeg:
    """Ask the phone to send its audio as before it was asked to send it to another. ``holds``: the client holds it;
    ``flow``: what the client does with video.
    """
    return confirmed.want(leg, Ours(before, holds, flow), effects) if isinstance(leg, Confirmed) else leg


def has_joined(leg: SipLeg, other: Description) -> bool:
    """Return True if the phone sends its audio to the other."""
    return isinstance(leg, Confirmed) and _place(leg.session.ours.local) == _place(other)


def refuses(leg: SipLeg, other: Description) -> bool:
    """Return True if the phone was asked to, and does not want to."""
    return not isinstance(leg, Confirmed) or _place(other) not in (
        _place(leg.session.ours.local),
        _place(leg.wanted.local),
    )


def _place(description: Description) -> _Place:
    """Return where audio goes, and the keys."""
    return description.transport, tuple((each.suite, each.key) for each in description.crypto)
