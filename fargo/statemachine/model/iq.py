"""Requests that must be answered (RFC 6120 §8.2.3), and how they were asked."""

from msgspec import Struct


class ByChat(Struct, frozen=True, gc=False, tag="chat"):
    """Something is asked by a chat message, and answered by one."""


class ByCommand(Struct, frozen=True, gc=False, tag="command"):
    """Something is asked by a step of an ad-hoc command (XEP-0050), with the node and the id of its session."""

    node: str
    session: str


class Iq(Struct, frozen=True, gc=False, omit_defaults=True):
    """A request that must be answered (RFC 6120 §8.2.3): its sender (full JID), its recipient, and its id. ``by``: how
    it was asked, so that the answer has that form; None for an IQ of the protocol that the event names.
    """

    sender: str
    to: str
    id: str
    by: ByChat | ByCommand | None = None
