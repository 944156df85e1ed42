"""Parcels, handed on from worker to worker: texts that are a stanza as XML, or an event as the log has it.

Rules:

1. A stanza goes as it came. What an adapter makes of it depends on its user's state (is it a password that was asked
   for?), and has names of what only the memory of this process has. The worker that has the user finds all of that out.
2. Anything else that comes up here about a user of another worker is an event already.
3. A user who moves does so with a word, the last that is handed on: what they have used of their limits.
"""

from collections.abc import Mapping

import msgspec

from fargo.statemachine.model.events import Event
from fargo.store.codec import decode_event, encode
from fargo.store.formats import FormatError
from fargo.store.ownership import NOTHING

_STANZA = "<"
_WORD = "{"


def of_word(used: Mapping[str, float]) -> str:
    """Return the word with which a user moves who has used so much of their limits (`fargo.limits.gate`)."""
    return msgspec.json.encode(used).decode() if used else NOTHING


def word_in(text: str) -> Mapping[str, float] | None:
    """Return what a user who moves has used of their limits, None if the text is no such word. Raises FormatError."""
    if not is_word(text):
        return None
    try:
        return {} if text == NOTHING else msgspec.json.decode(text, type=dict[str, float])
    except msgspec.DecodeError as error:
        raise FormatError(str(error)) from error


def is_word(text: str) -> bool:
    """Return True if a text is the word of a user who moves."""
    return text == NOTHING or text.startswith(_WORD)


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
