"""A client that floods the gateway, as a process of its own; and `Flood`, which runs it.

It sends in turn the kinds of stanzas that lead to the largest rows: presence with other capabilities each time, going
offline, calls, contacts and malformed requests. A line on stdin is for how many seconds; a line on stdout is how many
stanzas it has sent.
"""

import asyncio
import json
import os
import sys
from pathlib import Path
from time import monotonic
from types import SimpleNamespace
from typing import Any, Final, Self

_KINDS: Final = (
    "<presence to='{gateway}'><c xmlns='http://jabber.org/protocol/caps' hash='sha-1' node='{long}' ver='{n}'/>"
    "</presence>",
    "<presence to='{gateway}' type='unavailable'/>",
    "<iq type='set' to='bob@{gateway}/fargo' id='{n}'><jingle xmlns='urn:xmpp:jingle:1' action='session-initiate'"
    " sid='{n}'><content name='a' creator='initiator'><description xmlns='urn:xmpp:jingle:apps:rtp:1' media='audio'>"
    "<payload-type id='0' name='{long}'/></description></content></jingle></iq>",
    "<presence to='{n}@{gateway}' type='subscribe'/>",
    "<iq type='set' to='{gateway}' id='{n}'><jingle xmlns='urn:xmpp:jingle:1' action='{long}'/></iq>",
)
_BURST: Final = 0.02
"""Seconds between two bursts."""


class Flood:
    """The process, from outside."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._sent = 0

    @classmethod
    async def start(cls, server: Any, user: str, gateway: str, per_second: int) -> Self:
        """Start it. It logs in as this user, and waits."""
        told = {
            "address": server.address,
            "client_port": server.client_port,
            "domain": server.domain,
            "accounts": server.accounts,
        }
        pipe = asyncio.subprocess.PIPE
        arguments = (json.dumps(told), user, gateway, str(per_second))
        environment = {**os.environ, "PYTHONPATH": ":".join(sys.path)}
        return cls(
            await asyncio.create_subprocess_exec(
                *("setpriv", "--pdeathsig", "KILL", "--", sys.executable, str(Path(__file__)), *arguments),
                stdin=pipe,
                stdout=pipe,
                env=environment,
            )
        )

    async def go(self, seconds: float) -> None:
        """Flood for so long."""
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(f"{seconds}\n".encode())
        self._sent = int(await self._process.stdout.readline())

    async def stop(self) -> int:
        """End it. Return how many stanzas it has sent."""
        assert self._process.stdin
        self._process.stdin.close()
        await self._process.wait()
        return self._sent


async def _run(told: str, user: str, gateway: str, per_second: str) -> None:
    from world.xmpp_client import XmppClient

    server: Any = SimpleNamespace(**json.loads(told))
    sent = 0
    async with XmppClient(server, user, "flooder") as client:
        while line := await asyncio.to_thread(sys.stdin.readline):
            begun, before = monotonic(), sent
            while (passed := monotonic() - begun) < float(line):
                while sent - before < passed * int(per_second):
                    stanza = _KINDS[sent % len(_KINDS)]
                    client.send(stanza.format(gateway=gateway, long="x" * 900, n=sent))
                    sent += 1
                client.stanzas.clear()
                await asyncio.sleep(_BURST)
            print(sent, flush=True)


if __name__ == "__main__":
    asyncio.run(_run(*sys.argv[1:]))
