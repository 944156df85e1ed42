"""A user of the gateway: an XMPP client, and the SIP account that it registers."""

from xml.etree import ElementTree as ET

from world.gateway import Gateway
from world.jingle_call import JingleCall
from world.provider import Provider, SipAccount
from world.rtp import RtpEndpoint
from world.sip_agent import ScriptedProvider
from world.stanza import NS, Failure, failure
from world.world import World
from world.xmpp_client import XmppClient


class Customer:
    """One user with one client. The account is at the world's SIP provider, or at a scripted one."""

    def __init__(
        self,
        world: World,
        gateway: Gateway,
        client: XmppClient,
        provider: Provider | ScriptedProvider | None = None,
    ) -> None:
        self.world = world
        self.provider = provider or world.provider
        self.gateway = gateway
        self.client = client

    @property
    def account(self) -> SipAccount:
        """Return the account at the SIP provider."""
        return self.provider.account(self.client.bare_jid.partition("@")[0])

    @property
    def fields(self) -> dict[str, str]:
        """Return the fields of the registration form, filled in with the account."""
        account = self.account
        return {
            "username": f"{account.user}@{account.domain}",
            "password": account.password,
            "x-proxy": account.host,
            "x-port": str(account.port),
        }

    async def submit(self, **changed: str) -> ET.Element:
        """Submit the registration form with the account and some changes, and return the answer."""
        return await self.client.register_by_form(self.gateway.jid, **{**self.fields, **changed})

    async def register(self, **changed: str) -> None:
        """Register, with some changes of the form, and wait until the gateway says that the account is signed in."""
        wrong = failure(await self.submit(**changed))
        assert wrong is None, wrong
        await self.signed_in()
        # By now the gateway knows the features of this client.
        await self.client.wait(lambda s: s.find("disco:query", NS) is not None, "a question about what it can do")

    async def signed_in(self, after: int = 0) -> None:
        """Wait until the gateway's presence says that the account is signed in. `after` skips that many stanzas."""
        await self.client.wait(
            lambda s: s.get("from") == self.gateway.jid and "Signed in" in s.findtext("client:status", "", NS),
            "presence that says that the account is signed in",
            after=after,
        )

    async def refused(self, **changed: str) -> Failure:
        """Register with invalid changes and return the error."""
        wrong = failure(await self.submit(**changed))
        assert wrong is not None
        return wrong

    def contact(self, user: str) -> str:
        """Return the full JID for calling a SIP user of the same provider."""
        return f"{user}@{self.gateway.jid}/fargo"

    async def call(self, user: str, media: RtpEndpoint) -> JingleCall:
        """Call a SIP user of the same provider."""
        return await JingleCall.outgoing(self.client, self.contact(user), media)
