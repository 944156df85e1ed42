"""Calls for a user whose only client is a mobile one that sleeps: its server stores the proposal and wakes it
(XEP-0353 §3.1, XEP-0357), with prosody and ejabberd.
"""

from collections.abc import AsyncIterator
from xml.etree import ElementTree as ET

import pytest
import pytest_asyncio
from sqlite_utils import Database
from world.ejabberd import MobileEjabberd
from world.gateway import Gateway
from world.jingle_call import JingleCall
from world.process import until
from world.prosody import MobileProsody
from world.push_service import NODE, PushService
from world.rtp import RtpEndpoint
from world.sip_agent import Call, ScriptedProvider, audio
from world.stanza import element
from world.world import World
from world.xmpp_client import CALL_FEATURES, XmppClient
from world.xmpp_server import XmppServer

from .customer import Customer
from .engines import sip_only
from .scripted_calls import Talk
from .test_proposals import MESSAGES, say
from .test_reachability import ask

pytestmark = sip_only

ARCHIVE = "urn:xmpp:mam:2"
STORED = "{urn:xmpp:forward:0}forwarded/{jabber:client}message"


@pytest_asyncio.fixture(params=[MobileProsody, MobileEjabberd], ids=["prosody", "ejabberd"])
async def world(servers: None, request: pytest.FixtureRequest) -> AsyncIterator[World]:
    server: type[XmppServer] = request.param
    async with World(server=server) as made:
        yield made
        print(made.report())


class Mobile:
    """Alice, whose only client is a mobile one."""

    def __init__(self, world: World, gateway: Gateway, provider: ScriptedProvider, push: PushService) -> None:
        self.world = world
        self.gateway = gateway
        self.provider = provider
        self.push = push
        self._slept = 0

    def client(self) -> XmppClient:
        """Return her client, which is online as long as its context lasts."""
        return XmppClient(self.world.server, "alice", "mobile", features=(*CALL_FEATURES, MESSAGES))

    def customer(self, client: XmppClient) -> Customer:
        return Customer(self.world, self.gateway, client, self.provider)

    async def asleep(self) -> None:
        """Wait until the gateway knows that the client is offline once more."""
        self._slept += 1
        gone = "select 1 from events where type = 'ResourceUnavailable'"
        await until(lambda: len(list(Database(self.gateway.log).query(gone))) >= self._slept, "the client sleeps")

    async def is_called(self, media: RtpEndpoint) -> Call:
        """Let a phone call her, whose server then wakes the client."""
        mark = len(self.push.stanzas)
        phone = self.provider.call(media)
        assert (await phone.response(phone.invite)).status == 180
        assert NODE in ET.tostring(await self.push.notified(after=mark), encoding="unicode")
        return phone


async def archived(client: XmppClient) -> list[ET.Element]:
    """Return the messages in the user's archive (XEP-0313)."""
    mark = len(client.stanzas)
    await client.request("set", None, element("query", ARCHIVE))
    results = (each.find(f"{{{ARCHIVE}}}result") for each in client.stanzas[mark:])
    found = (each.find(STORED) for each in results if each is not None)
    return [each for each in found if each is not None]


@pytest_asyncio.fixture
async def mobile(world: World, gateway: Gateway, scripted: ScriptedProvider) -> Mobile:
    """Alice, who stays signed in. Her client sleeps, and her server may wake it."""
    mobile = Mobile(world, gateway, scripted, await world.add(PushService(world.server, "dave", "push")))
    async with mobile.client() as client:
        alice = mobile.customer(client)
        await alice.register()
        assert "stay signed in" in await ask(alice, "stay on")
        await mobile.push.wakes(client)
    await mobile.asleep()
    return mobile


async def test_a_client_that_sleeps_is_woken_for_a_call_and_finds_the_one_that_it_missed(mobile: Mobile) -> None:
    """All in one world, as ejabberd takes seconds to start."""
    media = await mobile.world.media()
    phone = await mobile.is_called(media)
    async with mobile.client() as client:
        proposals = [each.find(f"{{{MESSAGES}}}propose") for each in await archived(client)]
        [sid] = [each.get("id", "") for each in proposals if each is not None]
        say(client, f"bob@{mobile.gateway.jid}/fargo", "proceed", sid)
        call = await JingleCall.incoming(client, await mobile.world.media())
        assert call.sid == sid
        await call.accept()
        talk = Talk(mobile.customer(client), call, phone, media, audio(await phone.accepted())[:2])
        await talk.heard()
        await talk.hang_up()
        assert not [each for each in await archived(client) if "Missed call" in "".join(each.itertext())]
    await mobile.asleep()

    phone = await mobile.is_called(media)
    phone.cancel()
    assert (await phone.final(phone.invite)).status == 487
    async with mobile.client() as client:
        found = await archived(client)
        [missed] = [each for each in found if "Missed call" in "".join(each.itertext())]
        assert missed.get("from") == f"bob@{mobile.gateway.jid}"
        assert any(each.find(f"{{{MESSAGES}}}retract") is not None for each in found)
