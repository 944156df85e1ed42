"""Runs a TelepathyAdapter on Twisted's gireactor: what to do comes in, what happened goes out, a line of JSON each.

The tests run on asyncio, so the gireactor has a process of its own. The first line in is a `Setup`, each other one an
`Issued`; every line out is an `Out`. The log goes to standard error. The end of the input ends it.
"""

import sys
from pathlib import Path
from typing import Any

import msgspec
from twisted.internet import gireactor

gireactor.install()

from twisted.internet import reactor, stdio  # noqa: E402
from twisted.logger import globalLogBeginner, textFileLogObserver  # noqa: E402
from twisted.protocols.basic import LineReceiver  # noqa: E402

from fargo.adapters.telepathy.adapter import TelepathyAdapter  # noqa: E402
from fargo.adapters.telepathy.host import HostSettings  # noqa: E402
from fargo.statemachine.model.commands import Issued  # noqa: E402

sys.path.append(str(Path(__file__).parents[2]))
from adapters.telepathy.wire import RAKIA, Out, Setup  # noqa: E402


class Driver(LineReceiver):
    delimiter = b"\n"
    adapter: TelepathyAdapter | None = None

    def __init__(self, reactor: Any) -> None:
        self._reactor = reactor

    def lineReceived(self, line: bytes) -> None:  # noqa: N802 (Twisted's name)
        if self.adapter:
            self.adapter.do(msgspec.json.decode(line, type=Issued))
            return
        setup = msgspec.json.decode(line, type=Setup)
        self.adapter = TelepathyAdapter(
            lambda user, event: self.tell(Out(user, event)),
            setup.passwords.get,
            lambda account, rakia: {**setup.route, "proxy-host": str(setup.route["proxy-host"]).replace(RAKIA, rakia)},
            setup.edge,
            HostSettings(Path(setup.directory)),
            self._reactor,
            setup.limits,
        )
        self.adapter.start().addCallbacks(lambda _: self.tell(Out()), self.failed)

    def tell(self, out: Out) -> None:
        self.sendLine(msgspec.json.encode(out))  # type: ignore[no-untyped-call] # Twisted's

    def failed(self, failure: Any) -> None:
        sys.stderr.write(f"{failure.value}\n")
        self._reactor.stop()

    def connectionLost(self, reason: Any = None) -> None:  # noqa: N802
        if self.adapter:
            self.adapter.stop().addBoth(self.stopped)

    def stopped(self, _: object) -> None:
        if self._reactor.running:
            self._reactor.stop()


def run(reactor: Any) -> None:
    observer = textFileLogObserver(sys.stderr)
    globalLogBeginner.beginLoggingTo([observer], redirectStandardIO=False)  # type: ignore[list-item] # zope's, not Python's
    stdio.StandardIO(Driver(reactor))
    reactor.run()


run(reactor)
