"""Parcels, handed on from worker to worker: texts that are a stanza as XML, or an event as the log has it.

Rules:

1. A stanza goes as it came. What an adapter makes of it depends on its user's state (is it a password that was asked
   for?), and has names of what only the memory of this process has. The worker that has the user finds all of that out.
2. Anything else that comes up here about a user of another worker is an event already.
"""

import msgspec

from fargo.statemachine.model.events import Event
from fargo.store.codec import decode_event, encode
from fargo.store.formats import FormatError

_STANZA = "<"


def of_event(event: Event) -> str:
    """Return an event as a text."""
    return msgspec.json.encode(encode(event)).decode()


def event_in(text: str) -> Event | None:
    """Return the event in a text, None if it is a stanza. Raises FormatError if it is neither."""
    if text.startswith(_STANZA):
        return None
    try:
        name, format, body = msgspec.json.decode(text, type=tuple[str, int, str])
    except msgspec.DecodeError as error:
        raise FormatError(str(error)) from error
    return decode_event(name, format, body)
