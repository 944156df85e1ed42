"""Stands in for the gate: lets everything in, unless a test says otherwise."""

from fargo.limits.refusal import Refusal
from fargo.statemachine.model.events import Event


class Admitting:
    """`stanzas` and `events` are why stanzas and events are not let in, None if they are."""

    def __init__(self) -> None:
        self.stanzas: Refusal | None = None
        self.events: Refusal | None = None

    def stanza(self, kind: str, sender: str, to: str) -> Refusal | None:
        return self.stanzas

    def event(self, user: str, event: Event) -> Refusal | None:
        return self.events
