"""The user's mailbox for voice messages, and the subscription to it (RFC 3842, RFC 6665), as a user's state and a
`Snapshot` keep them.

Values only. `self_service.voicemail` changes the mailbox, and the SIP engine the subscription. Times are in seconds
since 1970.
"""

from typing import Final

from msgspec import Struct

from fargo.statemachine.model.message_summary import MessageSummary
from fargo.statemachine.model.sip_messages import SendRequest
from fargo.statemachine.model.sip_values import Endpoint

SUBSCRIBED_SECONDS: Final = 3600
"""The lifetime that is asked for, unless the provider wants a longer one (RFC 6665 §4.1.2)."""


class _Value(Struct, frozen=True, gc=False, omit_defaults=True):
    pass


class Subscription(_Value, frozen=True):
    """The subscription to the mailbox over one connection.

    ``name``: that of its dialog (`sip_messages`, rule 1). ``due``: when the next SUBSCRIBE is to be sent, or the
    present one counts as unanswered; None if there is none any more, as the provider has no mailbox to subscribe to.
    ``command``, ``request``: the SUBSCRIBE that has no final response yet, and its id. ``tries``: how often that was
    sent in other forms. ``cseq``: the number of the latest one. ``remote``, ``target``, ``routes``: the tag of the far
    end, its Contact and the route set, once there is a dialog. ``heard``: the number of the latest NOTIFY that has
    changed anything. ``seconds``: the lifetime to ask for. ``failures``: how often in a row there was no subscription.
    ``seen``: our address as the registrar saw it when the SUBSCRIBE was sent. ``cut``: the way to us was lost since.
    """

    connection: str
    name: str
    due: float | None = None
    command: str | None = None
    request: SendRequest | None = None
    tries: int = 0
    cseq: int = 0
    remote: str | None = None
    target: str | None = None
    routes: tuple[str, ...] = ()
    heard: int = 0
    seconds: int = SUBSCRIBED_SECONDS
    failures: int = 0
    seen: Endpoint | None = None
    cut: bool = False


class Mailbox(_Value, frozen=True):
    """The mailbox of an account. ``of``: the nonce of its registration. ``summary``: the latest word of the provider,
    of which the user has been told. ``given_up``: a bug has kept the subscription from being pursued, so there is none
    until the gateway is restarted.
    """

    of: str
    summary: MessageSummary = MessageSummary(False)
    subscription: Subscription | None = None
    given_up: bool = False


GIVEN_UP: Final = Mailbox("", given_up=True)
