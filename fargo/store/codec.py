"""Events and commands as a store keeps them: a type, a format, and a body in JSON. The same for each kind of store."""

from collections.abc import Callable
from typing import Any, Final, TypeVar

import msgspec

from fargo.statemachine.model.commands import Command
from fargo.statemachine.model.events import Event
from fargo.statemachine.model.wire import wire_name
from fargo.store import texts
from fargo.store.formats import UPCASTS, FormatError, current_format, upcast

_T = TypeVar("_T")

_ENCODER: Final = msgspec.json.Encoder()
_EVENTS: Final["msgspec.json.Decoder[Event]"] = msgspec.json.Decoder(Event)
_COMMANDS: Final["msgspec.json.Decoder[Command]"] = msgspec.json.Decoder(Command)

_BODIES: Final["msgspec.json.Decoder[dict[str, Any]]"] = msgspec.json.Decoder(dict[str, Any])


def encode(value: Event | Command) -> tuple[str, int, str]:
    """Return type, format and body of an event or a command."""
    name = wire_name(type(value))
    return name, current_format(name), _ENCODER.encode(value).decode()


def survives(event: Event) -> bool:
    """Return True if the event would be read from a store exactly as it is."""
    try:
        back = _EVENTS.decode(_ENCODER.encode(event))
    except (msgspec.MsgspecError, UnicodeEncodeError, TypeError):
        return False
    return back == event


def _decoding(decoder: "msgspec.json.Decoder[_T]") -> Callable[[str, int, str], _T]:
    """Return the function that decodes type, format and body with this decoder. It raises FormatError."""

    def decode(name: str, format: int, body: str) -> _T:
        try:
            # Most types have one format only, and need no more than this to be recognized.
            if (format == 1 and name not in UPCASTS) or format == current_format(name):
                return decoder.decode(body)
            return decoder.decode(msgspec.json.encode(upcast(name, format, _BODIES.decode(body))))
        except msgspec.DecodeError as error:
            raise FormatError(texts.UNREADABLE.format(name=name, why=error)) from error

    return decode


decode_event: Final = _decoding(_EVENTS)
decode_command: Final = _decoding(_COMMANDS)
