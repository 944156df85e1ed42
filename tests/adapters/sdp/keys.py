"""The keys of encrypted audio, for tests of what passes them on."""

from twisted.internet.task import Clock

from fargo.adapters.sdp.session_keys import SessionKeys


def session_keys() -> SessionKeys:
    """Return an empty store, for which no time passes."""
    return SessionKeys(Clock().callLater)
