"""Session timers (RFC 4028): one end refreshes the session, so that both notice when the other is gone.

Rules:

1. We do not ask for a timer, but agree to any that the far end or a proxy asks for, if its interval is not too small.
2. If the choice is ours, the caller refreshes, as RFC 4028 §9 recommends.
3. The session is refreshed when half of the interval has passed. If it is not, it is over some time before the end of
   the interval (RFC 4028 §10).
"""

from typing import Final, Literal

from msgspec import Struct

from fargo.statemachine.model.sip_values import SessionTimer, SipHeaders

SMALLEST: Final = 90
"""The smallest interval in seconds (RFC 4028 §5)."""
_MARGIN: Final = 32.0


class Refreshing(Struct, frozen=True, gc=False):
    """A session timer that both ends have agreed on: its interval in ``seconds``, whether the refreshes are ``ours``,
    and the time ``since`` the last one.
    """

    seconds: int
    ours: bool
    since: float


def is_too_small(headers: SipHeaders) -> bool:
    """Return True if a request demands refreshes too often. Only a sender that knows of timers can be told so."""
    asked = headers.session_expires
    return asked is not None and asked.seconds < SMALLEST and "timer" in headers.supported


def accept(headers: SipHeaders, at: float) -> Refreshing | None:
    """Return the timer that we agree to in the 2xx to a request of the far end; None if it asks for none."""
    asked = headers.session_expires
    if asked is None:
        return None
    able = "timer" in headers.supported or "timer" in headers.require
    return Refreshing(max(asked.seconds, SMALLEST), not able or asked.refresher == "uas", at)


def told(timer: Refreshing | None) -> tuple[SessionTimer | None, tuple[str, ...]]:
    """Return Session-Expires and Require of the 2xx to a request of the far end (RFC 4028 §9)."""
    if timer is None:
        return None, ()
    return SessionTimer(timer.seconds, "uas" if timer.ours else "uac"), () if timer.ours else ("timer",)


def asked(timer: Refreshing | None) -> SessionTimer | None:
    """Return Session-Expires of our next offer, or refresh: the end that refreshes stays the same."""
    if timer is None:
        return None
    refresher: Literal["uac", "uas"] = "uac" if timer.ours else "uas"
    return SessionTimer(timer.seconds, refresher)


def agreed(headers: SipHeaders, at: float) -> Refreshing | None:
    """Return the timer that a 2xx to our request tells; None if there is none (RFC 4028 §7.2)."""
    told = headers.session_expires
    return None if told is None else Refreshing(max(told.seconds, SMALLEST), told.refresher != "uas", at)


def due(timer: Refreshing) -> float:
    """Return when we have to refresh the session, or else when it is over."""
    return timer.since + timer.seconds / 2 if timer.ours else end(timer)


def end(timer: Refreshing) -> float:
    """Return when the session is over, unless it has been refreshed (RFC 4028 §10)."""
    return timer.since + timer.seconds - min(_MARGIN, timer.seconds / 3)
