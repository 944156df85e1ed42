"""A provider's word on a mailbox for voice messages (RFC 3842 §5), as events and the user's state have it."""

from msgspec import Struct


class MessageSummary(Struct, frozen=True, gc=False, omit_defaults=True, tag="MessageSummary"):
    """The messages of a mailbox. ``waiting``: there are new ones. ``new``, ``old``: how many voice messages, None if
    the provider does not say. ``urgent``: how many of the new ones. ``account``: the URI of the mailbox, None if it is
    not named.
    """

    waiting: bool
    new: int | None = None
    old: int | None = None
    urgent: int = 0
    account: str | None = None
