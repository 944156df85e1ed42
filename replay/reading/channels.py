"""The SIP channel that an event or a command is about."""

from collections.abc import Iterable

from fargo.statemachine.model.call1 import CallArrived, PlaceCall
from fargo.statemachine.model.commands import Issued
from fargo.statemachine.model.events import Event


def channel(event: Event, issued: Iterable[Issued]) -> str:
    """The SIP channel of the call that begins with an event and its commands, "" if it has none."""
    if isinstance(event, CallArrived):
        return event.channel
    return next((each.id for each in issued if isinstance(each.command, PlaceCall)), "")


def channel_of(issued: Issued) -> str:
    """The SIP channel that a command is about, "" if none."""
    if isinstance(issued.command, PlaceCall):
        return issued.id
    found: str = getattr(issued.command, "channel", "")
    return found
