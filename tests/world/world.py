"""The whole world in one object: the servers, and the clients and phones of a test, ended in reverse order."""

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from typing import Any, Self, TypeVar

from . import RELAY_ADDRESS
from .baresip import Baresip
from .browser import BrowserPhone, Chromium, PhonePage
from .devtools import DevTools
from .gateway import Gateway
from .pjsip import Pjsip
from .process import Server
from .prosody import Prosody
from .provider import Provider
from .rtp import RtpEndpoint
from .rtpengine import Rtpengine
from .shared_browser import shared_browser
from .sipp import Sipp
from .stanza import failure
from .tap import RtpTap
from .xmpp_client import XmppClient
from .xmpp_server import STRANGER_DOMAIN, XmppServer

XMPP_ACCOUNTS = {
    "alice": "wonderland",
    "dave": "red-planet",
    f"eve@{STRANGER_DOMAIN}": "outside",
}
SIP_ACCOUNTS = {"alice": "looking-glass", "dave": "blue-moon", "bob": "builder", "carol": "singer"}


Part = TypeVar("Part")


class World:
    """An XMPP server with alice, dave and a stranger, or other accounts, and a SIP provider with alice, dave, bob and
    carol.
    """

    def __init__(
        self,
        accounts: Mapping[str, str] = XMPP_ACCOUNTS,
        server: type[XmppServer] = Prosody,
        provider: type[Provider] = Provider,
    ) -> None:
        self.server = server(accounts)
        self.provider = provider(SIP_ACCOUNTS)
        self._parts = AsyncExitStack()
        self._servers: list[Server] = []
        self._devtools: DevTools | None = None
        self.loopback = True
        """Chromium uses addresses of loopback for audio."""
        self._relay: Rtpengine | None = None

    async def __aenter__(self) -> Self:
        try:
            await self.add(self.server)
            await self.add(self.provider)
        except BaseException:
            await self._parts.aclose()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._parts.aclose()

    async def add(self, part: AbstractAsyncContextManager[Part]) -> Part:
        """Enter a context that lasts as long as the world."""
        if isinstance(part, Server):
            self._servers.append(part)
        return await self._parts.enter_async_context(part)

    async def gateway(
        self, path: str = "auto", engine: str = "sip", media: Mapping[str, object] | None = None, **more: Any
    ) -> Gateway:
        """Start a gateway between the two servers, with the relay if there is one. `path` is its audio path, `media`
        further options of [media]. `more` are further arguments of `Gateway`.
        """
        relay = {"relay": f"{self._relay.address}:{self._relay.port}"} if self._relay else {}
        settings = {"media": {"path": path, **relay, **(media or {})}}
        return await self.add(Gateway(self.server, settings=settings, engine=engine, **more))

    async def register(self, client: XmppClient, user: str | None = None) -> None:
        """Register the client's SIP account with the form, and wait until it is signed in at the provider.

        The SIP user has the XMPP user's name unless another one is given. If the registration is refused, raises
        ConnectionRefusedError with the Failure.
        """
        account = self.provider.account(user or client.bare_jid.partition("@")[0])
        fields = {
            "username": f"{account.user}@{account.domain}",
            "password": account.password,
            "x-proxy": account.host,
            "x-port": str(account.port),
        }
        if wrong := failure(await client.register_by_form(self.server.component, **fields)):
            raise ConnectionRefusedError(wrong)
        await self.provider.registered(account.user)

    async def contact(self, client: XmppClient, user: str) -> str:
        """Add a SIP user to the client's roster, and return the full JID that the gateway shows as available."""
        bare = f"{user}@{self.server.component}"
        client.subscribe(bare)
        return (await client.presence(bare)).get("from", "")

    async def client(self, account: str = "alice", resource: str = "laptop", available: bool = True) -> XmppClient:
        """Start an XMPP client and log it in."""
        return await self.add(XmppClient(self.server, account, resource, available))

    async def browser(
        self,
        user: str = "alice",
        asks_first: bool = True,
        hertz: int = 700,
        resource: str = "browser",
        colour: str | None = None,
    ) -> BrowserPhone:
        """Start an XMPP client in a tab of Chromium and log it in. `colour`: it has video, and sends a picture of
        this colour.
        """
        if self._devtools is None:
            self._page = await self.add(PhonePage(self.server))
            self._devtools = await self._chromium()
        phone = await BrowserPhone.opened(self._devtools, self._page.url)
        await phone.log_in(self.server, user, resource, asks_first, hertz, colour)
        return phone

    async def _chromium(self) -> DevTools:
        """Return a connection to the Chromium of all worlds, or, without loopback, to one of this world alone."""
        if self.loopback:
            return await self.add(DevTools(await shared_browser()))
        return (await self.add(Chromium(loopback=False))).devtools

    async def phone(self, user: str = "bob", answers: bool = True, hertz: int = 440, **more: Any) -> Baresip:
        """Start a SIP phone and register it. It plays a tone of this frequency. `more` are further arguments of
        `Baresip`.
        """
        return await self.add(Baresip(self.provider.account(user), answers, hertz=hertz, **more))

    async def pjsip(self, user: str = "carol", answers: bool = True, hertz: int = 600, **more: Any) -> Pjsip:
        """Start a pjsip phone and register it. `more` are further arguments of `Pjsip`."""
        return await self.add(Pjsip(self.provider.account(user), answers, hertz=hertz, **more))

    async def scripted_phone(self, phone: Sipp, user: str = "carol") -> Sipp:
        """Start a SIPp as the phone of this user."""
        self.provider.route(user, phone.address, phone.port)
        return await self.add(phone)

    async def caller(self, user: str, scenario: str, talk_seconds: float = 2, status: int = 0) -> Sipp:
        """Start a SIPp that calls this user immediately."""
        return await self.add(Sipp.calling(self.provider, user, scenario, talk_seconds, status=status))

    async def relay(self, address: str = RELAY_ADDRESS, *more: str, **settings: int) -> Rtpengine:
        """Start a media relay, for gateways that are started later. The arguments are those of `Rtpengine`."""
        self._relay = await self.add(Rtpengine(None, address, *more, **settings))
        return self._relay

    async def media(self) -> RtpEndpoint:
        return await self.add(RtpEndpoint())

    async def tap(self) -> RtpTap:
        return await self.add(RtpTap())

    def report(self) -> str:
        """Return the last output of every program: the first thing to read when a test has failed."""
        return "\n".join(server.process.report() for server in self._servers if hasattr(server, "process"))
