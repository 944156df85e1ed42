"""New messages in the mailbox of a SIP provider, told to an XMPP client: with a subscription, and without one."""

from world.gateway import Gateway
from world.sip_agent import ScriptedProvider
from world.sip_login import Login
from world.stanza import NS
from world.world import World

from .customer import Customer
from .engines import sip_only

pytestmark = sip_only

BODY = f"{{{NS['client']}}}body"
ONE, TWO = "You have a new voice message.", "You have 2 new voice messages."
THREE = TWO.replace("2", "3")


async def told(alice: Customer, last: str) -> list[str]:
    """Wait for this message about voicemail. Return the first lines of all of them."""
    await alice.client.wait(lambda stanza: (stanza.findtext(BODY) or "").startswith(last), f"a message with {last!r}")
    bodies = [stanza.findtext(BODY) or "" for stanza in alice.client.stanzas]
    return [each.splitlines()[0] for each in bodies if "voice message" in each]


def summary(new: int, account: str) -> str:
    waiting = "yes" if new else "no"
    return f"Messages-Waiting: {waiting}\r\nMessage-Account: {account}\r\nVoice-Message: {new}/1 (0/0)\r\n"


async def test_new_voice_messages_are_told(world: World, gateway: Gateway, scripted: ScriptedProvider) -> None:
    scripted.logins, scripted.subscribing = [Login(scripted.domain, scripted.account().password)], 200
    alice = Customer(world, gateway, await world.client("alice"), scripted)
    await alice.register()
    subscription = await scripted.subscribed()
    asked = subscription.invite
    assert (asked["Event"], asked["Accept"]) == ("message-summary", "application/simple-message-summary")
    assert asked.uri == scripted.account().uri
    box = f"sip:*97@{scripted.domain}"
    assert (await scripted.notify(summary(2, box), subscription)).status == 200
    assert await told(alice, f"{TWO}\nCall the mailbox: *97@{scripted.domain}") == [TWO]
    for within in (subscription, None):
        assert (await scripted.notify(summary(2, box), within)).status == 200
    assert (await scripted.notify(summary(3, box))).status == 200
    assert await told(alice, THREE) == [TWO, THREE]
    assert (await scripted.notify("nonsense", subscription)).status == 400
    assert (await scripted.notify(summary(0, box), subscription)).status == 200
    assert (await scripted.notify(summary(1, box))).status == 200
    assert await told(alice, ONE) == [TWO, THREE, ONE]
