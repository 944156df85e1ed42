"""The SIP leg of a call whose gateway or edge was lost: what it says again, and what it does otherwise.

Rules:

1. After a restart, what is pending is sent again (`unheard`), and each leg goes on from where it was (`resume`).
2. If the call goes on at another edge, `moved` comes first. The far end finds us no more: its requests within a dialog
   go to our old Contact, and its responses to our requests to the old Via. Our responses find it from anywhere
   (RFC 3261 §18.2.2), and so do our requests in its dialogs.
"""

from typing import assert_never

from fargo.statemachine.effects import Effects
from fargo.statemachine.legs.user_agent import called, confirmed, recalling, unheard
from fargo.statemachine.legs.user_agent.phases import (
    Confirmed,
    Lingering,
    Releasing,
    UacCalling,
    UacCancelling,
    UacProceeding,
    UacRecalling,
    UasProceeding,
    UasRefused,
    UasReleasing,
    UserAgentLeg,
    UserAgentStep,
)


def restarted(effects: Effects) -> None:
    """Send again what may have been lost, after a restart of the gateway."""
    unheard.restarted(effects)


def moved(leg: UserAgentLeg, effects: Effects) -> UserAgentStep:
    """Give up what cannot go on at another edge than that which the far end knows (rule 2)."""
    match leg:
        case UacCalling() | UacProceeding():
            return recalling.begin(leg, effects)
        case UacCancelling():
            return recalling.give_up(leg, effects)
        case Confirmed():
            return confirmed.moved(leg, effects), ()
        case UacRecalling() | UasProceeding() | UasRefused() | UasReleasing() | Releasing() | Lingering():
            return leg, ()
        case _:
            assert_never(leg)


def resume(leg: UserAgentLeg, effects: Effects) -> UserAgentLeg:
    """Go on with the call after a restart of the gateway, and say again what the far end may not have heard."""
    match leg:
        case UacCalling(invite=invite):
            unheard.send_again(invite.command, effects)
            return leg
        case UacRecalling():
            return recalling.go_on(leg, effects)
        case UasProceeding():
            called.ring_again(leg, effects)
            return leg
        case Confirmed():
            return confirmed.resume(leg, effects)
        case UacProceeding() | UacCancelling() | UasRefused() | UasReleasing() | Releasing() | Lingering():
            return leg
        case _:
            assert_never(leg)


def edge_restarted(effects: Effects) -> None:
    """Send again all that is not answered, after a restart of the edge."""
    unheard.edge_restarted(effects)
