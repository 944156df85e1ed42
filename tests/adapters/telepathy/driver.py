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

sys.path.insert(0, str(Path(__file__).parent))
from wire import Out, Setup  # noqa: E402


class Driver(LineReceiver):
    delimiter = b"\n"
    adapter: TelepathyAdapter | None = None

    def lineReceived(self, line: bytes) -> None:  # noqa: N802 (Twisted's name)
        if self.adapter:
            self.adapter.do(msgspec.json.decode(line, type=Issued))
            return
        setup = msgspec.json.decode(line, type=Setup)
        self.adapter = TelepathyAdapter(
            lambda user, event: self.tell(Out(user, event)),
            setup.passwords.get,
            lambda account: setup.route,
            HostSettings(Path(setup.directory)),
            reactor,
        )
        self.adapter.start().addCallbacks(lambda _: self.tell(Out()), self.failed)

    def tell(self, out: Out) -> None:
        self.sendLine(msgspec.json.encode(out))

    def failed(self, failure: Any) -> None:
        sys.stderr.write(f"{failure.value}\n")
        reactor.stop()

    def connectionLost(self, reason: Any = None) -> None:  # noqa: N802
        if self.adapter:
            self.adapter.stop().addBoth(lambda _: reactor.running and reactor.stop())


globalLogBeginner.beginLoggingTo([textFileLogObserver(sys.stderr)], redirectStandardIO=False)
stdio.StandardIO(Driver())
reactor.run()
