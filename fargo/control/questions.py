"""The questions that the control socket takes, and the form of its answers."""

from typing import TypeAlias

from msgspec import Raw, Struct


class _Question(Struct, frozen=True, tag_field="ask", forbid_unknown_fields=True):
    pass


class AskStatus(_Question, frozen=True, tag="status"):
    """How the gateway is. The answer is a `fargo.operations.values.GatewayStatus`."""


Question: TypeAlias = AskStatus


class ControlReply(Struct, frozen=True, omit_defaults=True):
    """What the gateway answers: JSON, or nothing and a ``problem``, as a sentence."""

    answer: Raw = Raw()
    problem: str | None = None
