"""The parts of a worker that take part when users come and go (`fargo.workers.share.Around`)."""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from fargo.adapters.xmpp.adapter import XmppAdapter
from fargo.limits.gate import Gate
from fargo.limits.rejection import Rejection
from fargo.sip_service import SipService
from fargo.statemachine import machine
from fargo.statemachine.user_state import User
from fargo.store.passwords import KeptPassword
from fargo.store.vault import Vault


class AroundShare(NamedTuple):
    """``knows_calls`` lets the journal know of a user's calls, ``fails`` stops the gateway with a reason."""

    xmpp: XmppAdapter
    sip: SipService
    vault: Vault
    gate: Gate
    knows_calls: Callable[[User], None]
    fails: Callable[[str], None]

    def take(self, stanza: str) -> bool:
        """Take a stanza as if it had come here. Return False if it is for another component."""
        return self.xmpp.take(stanza)

    def turn_down(self, stanza: str, refusal: Rejection) -> None:
        """Answer a stanza that is not taken, if its kind gets an answer."""
        self.xmpp.turn_down(stanza, refusal)

    def reopen(self) -> None:
        """Connect to the XMPP server anew."""
        self.xmpp.reopen()

    def came(self, user: User, passwords: Sequence[KeptPassword]) -> None:
        """Know a user who has come here."""
        self.vault.take_in(passwords)
        self.sip.know(user.jid, user.registrations)
        self.knows_calls(user)

    def left(self, user: User) -> None:
        """Know a user no longer."""
        self.sip.forget(user.jid, user.registrations)
        self.vault.let_go(machine.secrets(user))

    def used(self, user: str, known: User | None) -> Mapping[str, float]:
        """Forget and return what a user has used of their limits."""
        return self.gate.let_go(user, known)

    def use(self, user: str, used: Mapping[str, float]) -> None:
        """Know what a user who has come has used of their limits."""
        self.gate.take_in(user, used)

    def failed(self, why: str) -> None:
        """Stop the gateway, with this reason."""
        self.fails(why)
