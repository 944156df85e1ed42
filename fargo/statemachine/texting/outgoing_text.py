"""A text of the user's on its way to a SIP address, as a value of the user's state."""

from msgspec import Struct

from fargo.statemachine.legs.sip.phases import Line
from fargo.statemachine.model.composing import Composing
from fargo.statemachine.model.kept_text import KeptText


class OutgoingText(Struct, frozen=True, gc=False):
    """A text that has no final answer yet.

    ``client``: the full JID that has written it. ``contact``: the JID that it was written to. ``id``: that of its
    stanza, None if it has none. ``receipt``: the client wants to know when it is delivered (XEP-0184). ``line``: where
    it goes. ``parts``: those that are not delivered yet, in order; ``count``: how many there were. ``command``: the id
    of the command that the first of them was sent with, None if it waits for an earlier text. A notice that the user
    types is such a text, too.
    """

    client: str
    contact: str
    id: str | None
    receipt: bool
    line: Line
    parts: tuple[KeptText | Composing, ...]
    count: int
    command: str | None = None
