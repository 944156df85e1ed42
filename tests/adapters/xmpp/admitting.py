"""Stands in for the gate: lets everything in, unless a test says otherwise."""

from fargo.limits.rejection import Rejection
from fargo.statemachine.model.events import Event


class Admitting:
    """`stanzas` and `events` are why stanzas and events are not let in, None if they are."""

    def __init__(self) -> None:
        self.stanzas: Rejection | None = None
        self.events: Rejection | None = None

    def stanza(self, kind: str, sender: str, to: str) -> Rejection | None:
        return self.stanzas

    def event(self, user: str, event: Event) -> Rejection | None:
        return self.events
