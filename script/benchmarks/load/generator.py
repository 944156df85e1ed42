"""The load generator: a process with all XMPP clients, which begins calls, sign-ins, registrations and texts.

Orders: `log_in` users by name, `available` and `unavailable`, `register` them, `run` loads, each at its rate. Each is
answered when all of it is done; `run` by the attempts of each load. `reached` is answered by the calls in that have
reached a client since it was asked last.
"""

import json
import sys
from collections.abc import Callable, Sequence
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

if __name__ == "__main__":
    sys.path.append(str(Path(__file__).resolve().parents[2]))

from benchmarks.load import stanzas
from benchmarks.load.accounts import Accounts, Provider
from benchmarks.load.attempts import Attempts, Begin
from benchmarks.load.calls import Calls
from benchmarks.load.client import Client, Server
from benchmarks.load.command_line import Answer, Order, Orders
from benchmarks.load.epoll import Loop
from benchmarks.load.texts import Texts

_LOGINS_AT_A_TIME = 32


class Generator:
    """The clients, by name of user, and what they do."""

    def __init__(self, loop: Loop, server: Server, provider: Provider) -> None:
        self._loop = loop
        self._server = server
        self._clients: dict[str, Client] = {}
        self._calls = Calls(loop)
        self._accounts = Accounts(loop, provider)
        self._texts = Texts()

    def do(self, order: Order, answer: Answer) -> None:
        match order["do"]:
            case "log_in":
                self._log_in(order["users"], lambda: answer(""))
            case "available" | "unavailable" as state:
                for each in self._named(order["users"]):
                    each.send(stanzas.AVAILABLE if state == "available" else stanzas.UNAVAILABLE)
                answer("")
            case "register":
                self._accounts.register_all(self._named(order["users"]), answer)
            case "run":
                self._run(order["loads"], answer)
            case "reached":
                answer(self._calls.reached)
                self._calls.reached = []

    def _named(self, users: Sequence[str]) -> list[Client]:
        return [self._clients[each] for each in users]

    def _log_in(self, users: Sequence[str], done: Callable[[], None]) -> None:
        waiting, ready = iter(users), 0

        def begin(user: str) -> None:
            client = Client(self._loop, self._server, user.encode(), user.encode())
            client.jingle = self._calls.jingle
            client.presence = self._accounts.presence
            client.message = self._texts.message
            self._clients[user] = client
            client.log_in(one_more)

        def one_more() -> None:
            nonlocal ready
            ready += 1
            if ready == len(users):
                done()
            elif user := next(waiting, None):
                begin(user)

        for user in list(islice(waiting, _LOGINS_AT_A_TIME)):
            begin(user)

    def _run(self, loads: list[dict[str, Any]], answer: Answer) -> None:
        running: dict[str, Attempts] = {}
        left = {each["kind"] for each in loads}

        def ended(kind: str) -> None:
            left.remove(kind)
            if not left:
                answer({kind: each.told for kind, each in running.items()})

        for each in loads:
            begin = self._beginning(each)
            timing = each["rate"], each["seconds"], each["hold"]
            running[each["kind"]] = Attempts(self._loop, begin, *timing, partial(ended, each["kind"]))

    def _beginning(self, load: dict[str, Any]) -> Begin:
        clients, hold = self._named(load["users"]), load["hold"]
        match load["kind"]:
            case "calls-out":
                return self._calls.out(clients, hold, encrypted=False)
            case "calls-relayed":
                return self._calls.out(clients, hold, encrypted=True)
            case "sign-ins":
                return self._accounts.sign_ins(clients, hold)
            case "registrations":
                return self._accounts.registrations(clients, hold)
            case "messages":
                return self._texts.out(clients)
            case kind:
                raise ValueError(f"no such load: {kind}")


def main(told: str) -> None:
    world = json.loads(told)
    server = Server(world["address"], world["client_port"], world["domain"].encode(), world["gateway"].encode())
    provider = Provider(world["sip_domain"].encode(), world["sip_host"].encode(), world["sip_port"])
    loop = Loop()
    Orders(loop, Generator(loop, server, provider).do)
    loop.run()


if __name__ == "__main__":
    main(*sys.argv[1:])
