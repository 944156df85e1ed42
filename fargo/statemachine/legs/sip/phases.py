"""The phases of a SIP leg in which no engine has the call: before it is placed, and after its end."""

from typing import ClassVar

from msgspec import Struct

from fargo.statemachine.address import SipUri
from fargo.statemachine.model.sip import SipEngine


class Line(Struct, frozen=True, gc=False):
    """The engine, connection and target of an outgoing call.

    ``nonce`` makes the names that are derived from it unlike those of other users.
    """

    engine: SipEngine
    connection: str
    target: SipUri
    nonce: str


class Preparing(Struct, frozen=True, gc=False):
    """The call is placed as soon as it is known what to offer."""

    name: ClassVar[None] = None
    line: Line


class Over(Struct, frozen=True, gc=False):
    """Nothing is left of the call on the SIP side."""

    name: ClassVar[None] = None
