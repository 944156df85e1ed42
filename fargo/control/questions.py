"""The questions that the control socket takes, and the form of its answers."""

from typing import Annotated, Final, TypeAlias

from msgspec import Meta, Raw, Struct

LONGEST_TEXT: Final = 2000
"""Characters of what is announced."""


class _Question(Struct, frozen=True, tag_field="ask", forbid_unknown_fields=True):
    pass


class AskStatus(_Question, frozen=True, tag="status"):
    """The state of the gateway. The answer is a `fargo.operations.values.GatewayStatus`."""


class RemoveUser(_Question, frozen=True, tag="remove-user"):
    """Remove a user (bare JID). The answer is a `fargo.operations.values.UserRemoval`."""

    user: str


class Announce(_Question, frozen=True, tag="announce"):
    """Say something to all registered users who are online, or to all. The answer is a
    `fargo.operations.values.Announcement`.
    """

    text: Annotated[str, Meta(min_length=1, max_length=LONGEST_TEXT)]
    everyone: bool = False


class ListUsers(_Question, frozen=True, tag="list-users"):
    """The registered users. The answer is a `fargo.operations.values.UserList`."""


class ListFailures(_Question, frozen=True, tag="list-failures"):
    """The latest calls that have failed. The answer is a `fargo.operations.values.FailureList`."""


class Drain(_Question, frozen=True, tag="drain"):
    """Take no new calls from now on, or take them again. The answer is a `fargo.operations.values.Draining`."""

    on: bool = True


Question: TypeAlias = AskStatus | RemoveUser | Announce | ListUsers | ListFailures | Drain


class ControlReply(Struct, frozen=True, omit_defaults=True):
    """The answer of the gateway: JSON, or nothing and a ``problem``, as a sentence."""

    answer: Raw = Raw()
    problem: str | None = None
