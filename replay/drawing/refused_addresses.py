"""The addresses in an event that audio must not go to (`statemachine.media.reach`), for the details of its label."""

from collections.abc import Iterator

from fargo.statemachine.media.description import RefusedAddress
from fargo.statemachine.model.events import Event
from replay.drawing import texts
from replay.drawing.label import Label
from replay.drawing.parts import parts


def added(label: Label, event: Event) -> Label:
    """Return the label of an event with the addresses in it that are refused, each with the reason."""
    told = ", ".join(dict.fromkeys(f"{each.ip}:{each.port} ({each.why})" for each in _found(event)))
    if not told:
        return label
    refused = texts.REFUSED_ADDRESSES.format(addresses=told)
    return label._replace(details=f"{label.details}, {refused}" if label.details else refused)


def _found(value: object) -> Iterator[RefusedAddress]:
    if isinstance(value, RefusedAddress):
        yield value
        return
    for part in (parts(value) or {}).values():
        yield from _found(part)
