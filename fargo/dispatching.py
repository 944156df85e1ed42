"""Dispatching: hands each command to the part of the gateway that carries it out.

Rules:

1. A command has one part that carries it out. Those for the log alone never come here: the engine keeps them.
2. A stanza that the limits slow down is held back, until the gateway stops at the latest.
"""

from collections.abc import Callable
from typing import Any, NamedTuple, assert_never

from twisted.internet.base import DelayedCall
from twisted.logger import Logger

from fargo import texts
from fargo.adapters.put import PutEvent
from fargo.adapters.relay.adapter import RelayAdapter
from fargo.adapters.xmpp.adapter import XmppAdapter
from fargo.limits.gate import Gate
from fargo.sip_service import SipService
from fargo.statemachine.model.call_records import LogRecord
from fargo.statemachine.model.commands import (
    Fault,
    Forget,
    ForgetSecret,
    ForgetText,
    Issued,
    SipCommand,
    XmppCommand,
)
from fargo.statemachine.model.ng import RelayCommand, RelayRefused
from fargo.store.texts_under_way import TextsUnderWay
from fargo.store.vault import Vault


class Executors(NamedTuple):
    """The parts that carry out commands. ``relay`` is None if none is configured; ``put`` then refuses its commands."""

    xmpp: XmppAdapter
    sip: SipService
    relay: RelayAdapter | None
    vault: Vault
    texts: TextsUnderWay
    put: PutEvent


class Dispatcher:
    """Built on the parts, the gate that is told of each command and slows some down, and the reactor's callLater."""

    _logger = Logger()

    def __init__(self, to: Executors, gate: Gate, call_later: Callable[..., DelayedCall]) -> None:
        self._to = to
        self._gate = gate
        self._call_later = call_later
        self._held_back: list[tuple[Issued, DelayedCall]] = []
        self._is_stopping = False

    def do(self, issued: Issued) -> None:
        """Hand a command to the part that carries it out."""
        match issued.command:
            case ForgetSecret(secret):
                self._to.vault.forget(secret).addErrback(self._not_erased)
            case ForgetText(text):
                self._to.texts.forget(text)
            case command if isinstance(command, XmppCommand):
                self._send(issued)
            case command if isinstance(command, SipCommand):
                self._gate.sent(issued)
                self._to.sip.do(issued)
            case command if isinstance(command, RelayCommand):
                self._ask_relay(issued)
            case Forget() | Fault():
                raise TypeError("the engine carries these out itself")
            case command if isinstance(command, LogRecord):
                raise TypeError("call records are for the log only")
            case _:
                assert_never(issued.command)

    def stop(self) -> None:
        """Send what is held back, and hold back nothing from now on."""
        self._is_stopping = True
        for issued, call in self._held_back:
            if call.active():
                call.cancel()
                self._to.xmpp.do(issued)

    def _send(self, issued: Issued) -> None:
        wait = self._gate.sent(issued)
        if wait and not self._is_stopping:
            self._held_back = [each for each in self._held_back if each[1].active()]
            self._held_back.append((issued, self._call_later(wait, self._to.xmpp.do, issued)))
        else:
            self._to.xmpp.do(issued)

    def _ask_relay(self, issued: Issued) -> None:
        if self._to.relay:
            self._to.relay.do(issued)
        else:
            self._to.put(issued.user, RelayRefused(issued.id, texts.NO_RELAY))

    def _not_erased(self, failure: Any) -> None:
        self._logger.failure(texts.ERASE_BUG, failure=failure)
