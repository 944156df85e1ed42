"""Offers of both ends that cross each other (RFC 3261 §14.1).

Each end refuses the other's offer with 491, and tries again after a random time, the owner of the Call-ID later than
the other. The time is drawn from the dialog, so that a replay draws the same.
"""

from hashlib import sha256

from fargo.statemachine.legs.user_agent.dialog import Dialog


def pause(dialog: Dialog) -> float:
    """Return the seconds to wait: 2.1 to 4 for the owner of the Call-ID, else 0 to 2, in steps of 10 ms."""
    seed = f"{dialog.call_id}\0{dialog.local.tag}\0{dialog.sent}"
    drawn = int.from_bytes(sha256(seed.encode()).digest()[:8], "big")
    return 2.1 + drawn % 191 / 100 if dialog.calls else drawn % 201 / 100
