"""The demonstration from beginning to end, and its output on the terminal (80 columns wide)."""

import asyncio
import math
import sys
from contextlib import AsyncExitStack, closing
from pathlib import Path

from demo import servers
from demo.guest import prepare_pidgin
from demo.lock import Pids
from demo.servers import CALLER, GUEST, PHONE
from demo.talk import Counted, DemoError, call_in, call_out
from world.gateway import FARGO
from world.process import Server, until
from world.stanza import NS, element, failure
from world.xmpp_client import XmppClient

from fargo.calls import CallName
from fargo.store.opening import open_reader
from replay.drawing.ladder import ladder
from replay.reading.steps import replayed, replayed_call

ROSTER_SECONDS = 10
POLL_SECONDS = 0.02

GUIDE = """\
To call {phone} yourself, open this page in a browser on this machine:

  {page}

It is a phone for {guest}@{xmpp.domain}: log in and click on {phone}. Or start a
Pidgin that is already configured for {guest}:

  {pidgin}

{phone} is on its contact list: right-click, "Audio Call". To configure a Pidgin of
your own, start it like that file does, with these settings:

  account   protocol XMPP, username {guest}, domain {xmpp.domain}, password {password}
  advanced  connection security "Use encryption if available",
            allow plaintext auth over unencrypted streams,
            connect port {xmpp.client_port}, connect server {xmpp.address}
  network   (in the preferences) STUN server {stun}

{guest}@{xmpp.domain} has already registered its SIP account. A registration
form would ask for:

  SIP address {account.user}@{account.domain}, password {account.password},
  proxy {account.host}, port {account.port}

To see all calls step by step in a browser:

  {fargo} inspect --log {log}
"""


async def show(run: Path, once: bool, pids: Pids) -> int:
    """Start everything in this directory, make the calls, stay unless `once` is set. Return the exit code."""
    async with AsyncExitStack() as parts:
        demo = Demonstration(run, pids, parts)
        try:
            await demo.start()
            heard = await demo.calls()
        except (DemoError, OSError) as error:
            raise DemoError(f"{error}\n{demo.report()}") from error
        if once or not heard:
            return 0 if heard else 1
        await demo.stay()
        return 0


class Demonstration:
    """The servers, and what the demonstration does with them."""

    def __init__(self, run: Path, pids: Pids, parts: AsyncExitStack) -> None:
        self._run = run
        self._pids = pids
        self._parts = parts
        self._servers: list[Server] = []
        self.xmpp = servers.prosody(run)
        self.sip = servers.provider(run)
        self.phone = servers.phone(run, self.sip)
        self.relay = servers.relay(run)
        self.gateway = servers.gateway(run, self.xmpp, self.relay)
        self.stun = servers.stun()
        self.page = servers.page(run, self.xmpp)

    async def start(self) -> None:
        """Start all servers, and register the accounts."""
        xmpp, sip, relay, gateway = self.xmpp, self.sip, self.relay, self.gateway
        await self._start(xmpp)
        say("XMPP server", f"prosody at {xmpp.address} port {xmpp.client_port}, domain {xmpp.domain}")
        await self._start(sip)
        say("SIP provider", f"kamailio at {sip.address} port {sip.port}, domain {sip.domain}")
        await self._start(self.phone)
        say("SIP phone", f"baresip as {PHONE}@{sip.domain}: answers, and plays a tone")
        await self._start(relay)
        say("media relay", f"rtpengine at {relay.address} port {relay.port}")
        await self._start(gateway)
        say("gateway", f"fargo at {gateway.address} port {gateway.port}, XMPP domain {gateway.jid}")
        await self._parts.enter_async_context(self.stun)
        self.caller = await self._parts.enter_async_context(XmppClient(xmpp, CALLER, "demo", available=False))
        await self._register(self.caller, CALLER)
        say("registered", f"{self.caller.bare_jid} with the SIP account {CALLER}@{sip.domain}")
        await self._prepare_guest()
        say("registered", f"{GUEST}@{xmpp.domain} with the SIP account {GUEST}@{sip.domain}")

    async def calls(self) -> bool:
        """Make and draw an outgoing and an incoming call. Return whether both had audio in both directions."""
        caller, phone, domain = self.caller, self.phone, self.sip.domain
        print(f"\nOutgoing call: {caller.bare_jid} calls {PHONE}@{domain}.\n")
        out = await call_out(caller, f"{self.contact}/fargo", phone)
        await self._print(out)
        print(f"\nIncoming call: {PHONE}@{domain} calls {CALLER}@{domain}.\n")
        back = await call_in(caller, f"sip:{CALLER}@{domain}", phone)
        await self._print(back)
        return out.both_ways and back.both_ways

    async def stay(self) -> None:
        """Keep running until Ctrl-C. Raises DemoError if a server ends before."""
        await self._start(self.page)
        print("\n" + self._guide())
        if sys.stdin.isatty():
            asyncio.get_running_loop().add_reader(sys.stdin, self._asked_to_call)
            print(f"Press Enter for a call from {PHONE} to {GUEST}, or Ctrl-C to stop.", flush=True)
        else:
            print("Press Ctrl-C to stop.", flush=True)
        ends = [asyncio.create_task(each.process.ended(math.inf)) for each in self._servers]
        try:
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            print("\nStopping.", flush=True)
            return
        gone = next(each for each in self._servers if not each.process.running)
        raise DemoError(f"{gone.process.name} has ended. {gone.process.report()}")

    def report(self) -> str:
        """Return the last output of the server that was started last: the gateway, once it runs."""
        return self._servers[-1].process.report() if self._servers else ""

    @property
    def contact(self) -> str:
        """Return the phone's address for XMPP users."""
        return f"{PHONE}%{self.sip.domain}@{self.gateway.jid}"

    async def _start(self, server: Server) -> None:
        await self._parts.enter_async_context(server)
        self._servers.append(server)
        self._pids.add(server.process.pid)

    async def _register(self, client: XmppClient, user: str) -> None:
        """Register the SIP account of this user with the gateway, and become available."""
        account = self.sip.account(user)
        answer = await client.register_by_form(
            self.gateway.jid,
            **{
                "username": f"{account.user}@{account.domain}",
                "password": account.password,
                "x-proxy": account.host,
                "x-port": str(account.port),
            },
        )
        if wrong := failure(answer):
            raise DemoError(f"the gateway refused to register {client.bare_jid}: {wrong.text}")
        await client.available()

    async def _prepare_guest(self) -> None:
        """Register the guest, and add the phone to their contact list, as their client would."""
        # Kept in an attribute, because slixmpp loses one of its tasks if the client is collected before the loop ends.
        self._guest = XmppClient(self.xmpp, GUEST, "demo", available=False)
        async with self._guest as client:
            await self._register(client, GUEST)
            name = element("item", None, element("group", text="SIP"), jid=self.contact, name=PHONE)
            await client.request("set", None, element("query", NS["roster"], name))
            client.subscribe(self.contact)
            try:
                async with asyncio.timeout(ROSTER_SECONDS):
                    while not await self._is_on_roster(client):
                        await asyncio.sleep(POLL_SECONDS)
            except TimeoutError:
                raise TimeoutError(f"{self.contact} was not added to the contact list of {client.bare_jid}") from None

    async def _is_on_roster(self, client: XmppClient) -> bool:
        roster = await client.request("get", None, element("query", NS["roster"]))
        seen = {item.get("jid"): item.get("subscription") for item in roster.iterfind("roster:query/roster:item", NS)}
        return seen.get(self.contact) in ("to", "both") and seen.get(self.gateway.jid) in ("from", "both")

    async def _print(self, counted: Counted) -> None:
        """Draw the last call, and print the packet counts."""
        for line in await self._drawn():
            print(line)
        print(f"\n{counted}", flush=True)

    async def _drawn(self) -> list[str]:
        """Return the ladder of the last call, once its end is in the log."""
        with closing(open_reader(self.gateway.log)) as log:
            user = self.caller.bare_jid
            await until(lambda: not list(replayed(log.read(user)))[-1].after.calls, "the log has the end of the call")
            id = [id for step in replayed(log.read(user)) for id in step.after.calls if id not in step.before.calls][-1]
            call = CallName(user, id)
            return list(ladder(replayed_call(log, call), call, brief=True))

    def _guide(self) -> str:
        return GUIDE.format(
            phone=PHONE,
            guest=GUEST,
            password=self.xmpp.accounts[GUEST],
            xmpp=self.xmpp,
            stun=self.stun.address,
            page=self.page.url,
            account=self.sip.account(GUEST),
            pidgin=shown(prepare_pidgin(self._run / "pidgin", self.xmpp, self.stun.address)),
            fargo=shown(FARGO),
            log=shown(self.gateway.log),
        )

    def _asked_to_call(self) -> None:
        """Handle the Enter key: let the phone call the guest, if they are online."""
        if not sys.stdin.readline():
            asyncio.get_running_loop().remove_reader(sys.stdin)
        elif self.sip.contacts(GUEST):
            print(f"{PHONE} calls {GUEST}.", flush=True)
            self._dialling = asyncio.create_task(self.phone.dial(f"sip:{GUEST}@{self.sip.domain}"))
        else:
            print(f"{GUEST} is not online: log in first.", flush=True)


def say(what: str, how: str) -> None:
    """Print a line of progress."""
    print(f"{what:<14}{how}", flush=True)


def shown(path: Path) -> str:
    """Return the path, relative to the current directory if it is below it."""
    return str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)
