"""A gateway behind a server without limits, and what it has written."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from xml.etree import ElementTree as ET

from world.gateway import Gateway
from world.process import until
from world.provider import Provider
from world.stanza import Failure, failure

from fargo.store.opening import open_reader
from replay.verifying.report import report
from replay.verifying.verify import verify

from .component_server import ComponentServer


class Attacked:
    """The gateway, the server that delivers to it, and the SIP provider of its users."""

    def __init__(self, gateway: Gateway, server: ComponentServer, provider: Provider) -> None:
        self.gateway = gateway
        self.server = server
        self.provider = provider

    async def register(self, jid: str, user: str | None = None, **changed: str) -> Failure | None:
        """Register the provider's account of a user, of the same name unless another one is given, with some changes of
        the form. Return the error, None if it is accepted.
        """
        account = self.provider.account(user or jid.partition("@")[0])
        fields = {
            "username": f"{account.user}@{account.domain}",
            "password": account.password,
            "x-proxy": account.host,
            "x-port": str(account.port),
            **changed,
        }
        filled = "".join(f"<field var='{name}'><value>{value}</value></field>" for name, value in fields.items())
        form = f"<query xmlns='jabber:iq:register'><x xmlns='jabber:x:data' type='submit'>{filled}</x></query>"
        return failure(component_named(await self.server.request(jid, form, "set")))

    async def mailbox_refused(self, times: int = 1) -> None:
        """Wait until the provider has said so often that it has no mailbox to subscribe to: that is a row, too. Only
        our own user agent asks.
        """
        if self.rows("RegisterAnswered"):
            await until(lambda: self.rows("SipResponseReceived") >= times, "the answer to a SUBSCRIBE")

    def rows(self, type: str | None = None, user: str | None = None) -> int:
        """Return the number of events in the log."""
        where = "where (:type is null or type = :type) and (:user is null or user = :user)"
        with self._log() as db:
            return int(db.execute(f"select count(*) from events {where}", {"type": type, "user": user}).fetchone()[0])

    def bytes(self) -> int:
        """Return the bytes of all bodies in the log."""
        with self._log() as db:
            sizes = (
                db.execute(f"select coalesce(sum(length(body)), 0) from {each}") for each in ("events", "commands")
            )
            return sum(int(each.fetchone()[0]) for each in sizes)

    def users(self) -> set[str]:
        """Return everyone of whom anything is in the log."""
        with self._log() as db:
            return {user for (user,) in db.execute("select distinct user from events")}

    async def stop(self) -> None:
        """Stop the gateway. It has to end well, and its log to fold to the same commands."""
        await self.gateway.stop()
        assert await self.gateway.process.ended() == 0, self.gateway.process.report()
        with closing(open_reader(self.gateway.log)) as log:
            verdict = verify(log.read())
        assert not verdict.differences, "\n".join(report(verdict))

    @contextmanager
    def _log(self) -> Iterator[sqlite3.Connection]:
        with closing(sqlite3.connect(f"file:{self.gateway.log}?mode=ro", uri=True)) as db:
            yield db


def component_named(stanza: ET.Element) -> ET.Element:
    """Return a stanza with the namespace that clients see."""
    text = ET.tostring(stanza, encoding="unicode")
    return ET.fromstring(text.replace("jabber:component:accept", "jabber:client"))
