"""Calls with whom the user has on no roster, of a client that has to see whom it talks to: telepathy-gabble 0.19.

It asks for presence with <temppres/>, looks up the capabilities, and calls the full JID that the presence came from.
"""

from typing import ClassVar
from xml.etree import ElementTree as ET

from world.jingle_call import PAYLOADS, JingleCall, jingle_of
from world.rtp import PCMU
from world.stanza import NS, element
from world.xmpp_client import XmppClient

from .customer import Customer
from .engines import sip_only

pytestmark = sip_only

NEEDED = {NS[name] for name in ("jingle", "rtp", "audio", "raw-udp")}
PACKETS = 30


class GabbleCall(JingleCall):
    """A call as gabble describes it."""

    payloads: ClassVar = {PCMU: {**PAYLOADS[PCMU], "channels": "1"}}


async def looked_up(client: XmppClient, presence: ET.Element) -> str:
    """Return the full JID that the presence is from, once its capabilities are known to be sufficient for a call."""
    caps, jid = presence.find("caps:c", NS), presence.get("from", "")
    assert caps is not None
    node = f"{caps.get('node')}#{caps.get('ver')}"
    info = await client.request("get", jid, element("query", NS["disco"], node=node))
    assert {each.get("var") for each in info.iterfind("disco:query/disco:feature", NS)} >= NEEDED
    return jid


async def decloaked(client: XmppClient, contact: str, *asking: ET.Element) -> str:
    """Send presence to a contact (bare JID), and return the full JID that answers."""
    mark = len(client.stanzas)
    client.send(element("presence", None, *asking, to=contact))
    return await looked_up(client, await client.presence(contact, after=mark))


def called(stanza: ET.Element) -> bool:
    jingle = jingle_of(stanza)
    return jingle is not None and jingle.get("action") == "session-initiate"


async def test_a_client_sees_whom_it_calls_and_who_calls_and_can_call_back(alice: Customer) -> None:
    client, world = alice.client, alice.world
    bob = alice.contact("bob").partition("/")[0]
    await decloaked(client, f"+441632960000@{alice.gateway.jid}")
    await decloaked(client, f"dave%sip.test@{alice.gateway.jid}", element("decloak", NS["decloak"], reason="media"))

    there = await decloaked(client, bob, element("temppres", NS["temppres"], reason="media"))
    phone, media = await world.phone("bob"), await world.media()
    call = await GabbleCall.outgoing(client, there, media)
    await call.answered()
    call.talk()
    await media.received(PACKETS)
    await phone.hang_up()
    assert (await call.ended()).reason == "success"

    other, mark = await world.phone("carol"), len(client.stanzas)
    await other.dial("sip:alice@sip.test")
    call = await GabbleCall.incoming(client, await world.media(), after=mark)
    before = client.stanzas[mark : next(n for n, each in enumerate(client.stanzas) if n >= mark and called(each))]
    [shown] = [each for each in before if each.get("from") == call.peer]
    there = await looked_up(client, shown)
    await call.ring()
    await call.accept()
    await other.event("CALL_ESTABLISHED")
    await other.hang_up()
    assert (await call.ended()).reason == "success"

    back = await GabbleCall.outgoing(client, there, await world.media())
    await back.answered()
    await back.terminate()
