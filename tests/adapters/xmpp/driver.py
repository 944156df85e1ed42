"""The adapter alone in a process of its own, because a Twisted reactor can be started only once.

The first line of stdin is the settings. Each later line is a command to carry out (an Issued, as JSON), or empty: stop.
Each line of stdout is a JSON list: ["event", user, event], ["password", user, password], ["digit", digit], ["opened"],
["troubled", sentence], ["stopped"].
"""

import json
import sys
from typing import Any

import msgspec
from twisted.internet import reactor, stdio
from twisted.internet.defer import Deferred, succeed
from twisted.logger import globalLogBeginner, textFileLogObserver
from twisted.protocols.basic import LineOnlyReceiver

from fargo.adapters.xmpp.adapter import XmppAdapter
from fargo.adapters.xmpp.settings import XmppSettings
from fargo.statemachine.account.roster import Contacts
from fargo.statemachine.model.commands import Issued
from fargo.statemachine.model.events import Event
from fargo.store.texts_under_way import TextsUnderWay


def tell(*what: object) -> None:
    print(msgspec.json.encode(what).decode(), flush=True)


def put(user: str, event: Event) -> None:
    tell("event", user, event)


def store_password(user: str, password: str) -> Deferred[str]:
    tell("password", user, password)
    return succeed("secret-1")


def keep_digit(digit: str) -> str:
    tell("digit", digit)
    return "digit-1"


class Open:
    """Lets everything in."""

    def stanza(self, *_: object) -> None:
        return None

    def event(self, *_: object) -> None:
        return None


class Orders(LineOnlyReceiver):
    """The orders of the test."""

    delimiter = b"\n"
    MAX_LENGTH = 1_000_000
    adapter: XmppAdapter | None = None

    def __init__(self, reactor: Any) -> None:
        self._reactor = reactor

    def lineReceived(self, line: bytes) -> None:  # noqa: N802
        if not self.adapter:
            settings = msgspec.convert(json.loads(line), XmppSettings)
            self.adapter = XmppAdapter(
                *(put, store_password, keep_digit, TextsUnderWay(reactor.callLater), Open()),
                *(
                    lambda user: Contacts(),
                    lambda user: None,
                    lambda user: None,
                    lambda admin, question: succeed(""),
                    settings,
                ),
                lambda: tell("opened"),
                lambda why: tell("troubled", why),
            )
            self.adapter.start()
        elif line:
            self.adapter.do(msgspec.json.decode(line, type=Issued))
        else:
            self.adapter.stop().addCallback(self.stopped)

    def stopped(self, _: None) -> None:
        tell("stopped")
        self._reactor.stop()

    def connectionLost(self, reason: Any = None) -> None:  # noqa: N802
        if self._reactor.running:
            self._reactor.stop()


def run(reactor: Any) -> None:
    observer = textFileLogObserver(sys.stderr)
    globalLogBeginner.beginLoggingTo([observer], redirectStandardIO=False)  # type: ignore[list-item] # zope's, not Python's
    stdio.StandardIO(Orders(reactor))
    reactor.run()


if __name__ == "__main__":
    run(reactor)
