"""The Contacts in a registrar's answer: for how long it keeps ours, and which of them are of no use any more."""

from typing import Final

from fargo.statemachine import address
from fargo.statemachine.model.sip_messages import Binding, RegisterAnswered
from fargo.statemachine.model.sip_values import Endpoint

_MOST_STALE: Final = 8
"""The most Contacts that one REGISTER removes."""
_PORT: Final = 5060
"""The port of a SIP URI that names none (RFC 3261 §19.1.2), other than over TLS."""


def granted(event: RegisterAnswered, asked: int) -> int:
    """Return for how many seconds the registrar keeps our Contact (RFC 3261 §10.2.4). ``asked``: what we asked for.

    Our Contact says it, else Expires, else it is what was asked for. If the registrar has rewritten our Contact, or
    left it out, and there is no Expires, ours may be any of those that are not known to be another's.
    """
    own = [each.expires for each in event.bindings if each.ours and each.name == event.connection]
    others = [each.expires for each in event.bindings if not each.ours]
    of_own = max((each for each in own if each is not None), default=event.headers.expires)
    of_others = min((each for each in others if each), default=None)
    seconds = of_own if own or of_own is not None else of_others
    return asked if seconds is None else min(seconds, asked)


def stale(event: RegisterAnswered) -> tuple[str, ...]:
    """Return the Contacts of ours that are to be removed: those of other registrations, of other SIP engines, and of
    this registration at an address where the registrar no longer sees us.
    """
    here = _here(event)
    of_ours = (each for each in event.bindings if each.ours)
    left = [each.contact for each in of_ours if each.name != event.connection or (here and each not in here)]
    return tuple(left[:_MOST_STALE])


def _here(event: RegisterAnswered) -> list[Binding]:
    """Return the bindings of the registration that have our address as the registrar sees it."""
    own = (each for each in event.bindings if each.ours and each.name == event.connection)
    return [each for each in own if _is_at(each.contact, event.seen)]


def _is_at(contact: str, seen: Endpoint | None) -> bool:
    """Return True if a Contact leads to an address at which we are seen. Connections come from any port."""
    parsed = address.parse_uri(contact)
    found = None if isinstance(parsed, address.BadAddress) else address.server(parsed[0].domain)
    if seen is None or found is None or found[0] != seen.ip:
        return False
    return seen.transport != "udp" or (found[1] or _PORT) == seen.port


def is_elsewhere(event: RegisterAnswered, before: Endpoint | None) -> bool:
    """Return True if the registrar sees us elsewhere than before, and has no Contact with that address yet."""
    seen = event.seen
    if seen is None or _here(event):
        return False
    return before is None or seen.ip != before.ip or (seen.transport == "udp" and seen.port != before.port)
