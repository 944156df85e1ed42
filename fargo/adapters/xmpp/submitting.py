"""Registrations that were submitted, by whatever way: they are put when their password is in the vault.

Rules:

1. Nothing is stored for a registration that is not let in.
2. The password is in no event, no answer and no line of the log.
"""

from collections.abc import Callable
from secrets import token_urlsafe
from typing import Any, Final, TypeAlias

from msgspec.structs import replace
from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.words.protocols.jabber.error import StanzaError
from twisted.words.xish.domish import Element

from fargo.adapters.xmpp import replies, texts
from fargo.adapters.xmpp.in_order import InOrder
from fargo.adapters.xmpp.registration import Submission
from fargo.adapters.xmpp.stanza import stanza_error
from fargo.statemachine.address import bare
from fargo.statemachine.model.commands import RefuseIq
from fargo.statemachine.model.events import Event, GatewayAsked, RegistrationSubmitted, SipAccount
from fargo.statemachine.model.iq import ByChat, Iq
from fargo.statemachine.model.requests import GiveUp

StorePassword: TypeAlias = Callable[[str, str], Deferred[str]]
"""store_password(bare JID of the user, password) fires with the name under which the vault has it"""

_NONCE_BYTES: Final = 6  # eight characters in base64
_log = Logger("fargo.adapters.xmpp")


class Submitting:
    """`admit` raises StanzaError for an event of a user (bare JID) that is not let in. `send` sends an answer."""

    def __init__(
        self,
        in_order: InOrder,
        store_password: StorePassword,
        admit: Callable[[str, Event], None],
        send: Callable[[Element], None],
    ) -> None:
        self._in_order = in_order
        self._store_password = store_password
        self._admit = admit
        self._send = send

    def submit(self, iq: Iq, submission: Submission) -> None:
        """Put a submitted registration, once its password is in the vault. Raise StanzaError if it is not let in."""
        user, password = bare(iq.sender), submission.password
        nonce = token_urlsafe(_NONCE_BYTES)
        submitted = RegistrationSubmitted(iq, submission.account, None, nonce, submission.plain)
        self._admit(user, submitted)
        if password is None:
            self._in_order.put(user, submitted)
            return
        storing: Deferred[Any] = self._store_password(user, password)
        storing.addCallbacks(lambda secret: replace(submitted, secret=secret), self._not_stored, errbackArgs=(iq,))
        self._in_order.put_later(user, storing)

    def write(self, sender: str, us: str, address: str, password: str) -> None:
        """Submit what was asked for in the chat of a client (full JID) with us. If it is not let in, answer there, and
        ask no longer.
        """
        iq = Iq(sender, us, token_urlsafe(_NONCE_BYTES), ByChat())
        try:
            self.submit(iq, Submission(SipAccount(address), password, plain=True))
        except StanzaError as error:
            self._refuse(iq, error)
            self._in_order.put(bare(sender), GatewayAsked(sender, us, GiveUp()))

    def _not_stored(self, failure: Failure, iq: Iq) -> None:
        _log.failure(texts.PASSWORD_NOT_STORED_LOG, failure=failure)
        self._refuse(iq, stanza_error("wait", "internal-server-error", texts.PASSWORD_NOT_STORED))

    def _refuse(self, iq: Iq, error: StanzaError) -> None:
        self._send(replies.stanza(RefuseIq(iq, str(error.type), error.condition, error.text or ""), iq.id))
