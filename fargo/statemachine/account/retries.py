"""The pauses between attempts to register an account that fail (RFC 5626 §4.5).

Rules:

1. For about five minutes the pauses are at most 8 seconds: most outages are short, and until the account is registered
   again no call arrives. After that they grow up to five minutes.
2. A pause is between half its longest and its longest, so that a server that comes back is not asked by all accounts at
   once. The fraction of the second of the failure decides, so a replay derives the same.
3. A registrar that asks for a longer pause gets it (Retry-After, RFC 3261 §20.33).
"""

from typing import Final

_FREQUENT: Final = 50
"""After so many attempts with pauses of 4 to 8 seconds five minutes are over."""
_LONGEST: Final = (2.0, 4.0, *(8.0,) * _FREQUENT, 15.0, 30.0, 60.0, 120.0, 300.0)
"""Seconds, by the number of failures in a row before the latest one."""


def pause(failures: int, at: float, wait: float = 0.0) -> float:
    """Return the seconds until the next attempt. ``failures``: how many in a row have failed before the one that has
    failed at ``at``. ``wait``: the seconds that the registrar wants to have.
    """
    longest = _LONGEST[min(failures, len(_LONGEST) - 1)]
    return max(longest * (0.5 + 0.5 * (at % 1.0)), wait)
