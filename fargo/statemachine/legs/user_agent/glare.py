"""Offers of both ends that cross each other (RFC 3261 §14.1).

Each end refuses the other's offer with 491, and tries again after a random time, the owner of the Call-ID later than
the other. It is drawn from the time of the event, so that a replay draws the same, also if all names are others
(`replay.exporting`).
"""

from hashlib import sha256

from fargo.statemachine.legs.user_agent.dialog import Dialog


def pause(dialog: Dialog, at: float) -> float:
    """Return the seconds to wait: 2.1 to 4 for the owner of the Call-ID, else 0 to 2, in steps of 10 ms. ``at``: the
    time at which the offer was refused.
    """
    seed = f"{at!r}\0{dialog.sent}"
    drawn = int.from_bytes(sha256(seed.encode()).digest()[:8], "big")
    return 2.1 + drawn % 191 / 100 if dialog.calls else drawn % 201 / 100
