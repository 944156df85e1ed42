"""SIP sign-in and sign-out by presence (XEP-0100 §4.4): the account follows the user's clients, and the contacts follow
the account.
"""

from world.gateway import Gateway
from world.stanza import NS, element
from world.world import World

from .customer import Customer


async def test_the_last_client_leaving_signs_out_and_the_first_signs_in(alice: Customer) -> None:
    world = alice.world
    phone = await world.client("alice", "phone")
    alice.client.unavailable()
    await phone.presence(alice.client.jid, "unavailable")
    assert world.provider.contacts("alice")
    phone.drop()
    await world.provider.unregistered("alice")
    await alice.client.available()
    await world.provider.registered("alice")


async def test_contacts_are_available_with_capabilities_while_signed_in(alice: Customer) -> None:
    bare = alice.contact("bob").partition("/")[0]
    alice.client.subscribe(bare)
    await alice.client.presence(bare, "subscribed")
    shown = await alice.client.presence(alice.contact("bob"))
    caps = shown.find("caps:c", NS)
    assert caps is not None
    node = f"{caps.get('node')}#{caps.get('ver')}"
    info = await alice.client.request("get", alice.contact("bob"), element("query", NS["disco"], node=node))
    features = {each.get("var") for each in info.iterfind("disco:query/disco:feature", NS)}
    assert features >= {NS["jingle"], NS["rtp"], NS["audio"], NS["raw-udp"]}


async def test_a_failure_to_sign_in_is_told_in_words(alice: Customer) -> None:
    alice.client.unavailable()
    await alice.world.provider.unregistered("alice")
    alice.world.provider.set_password("alice", "changed")
    mark = len(alice.client.stanzas)
    await alice.client.available()
    told = await alice.client.wait(
        lambda s: s.get("from") == alice.gateway.jid and "refused" in s.findtext("client:status", "", NS),
        "presence that says what is wrong",
        after=mark,
    )
    assert "Check both and register again" in told.findtext("client:status", "", NS)


async def test_after_a_restart_the_gateway_asks_who_is_online(world: World, gateway: Gateway, alice: Customer) -> None:
    # Killed, so that it cannot sign out: all it knows afterwards is from the log.
    gateway.process.kill()
    await gateway.process.ended()
    mark = len(alice.client.stanzas)
    await gateway.start()
    await alice.signed_in(after=mark)
    await world.provider.registered("alice")


async def test_when_the_xmpp_server_was_away_everything_comes_back(world: World, gateway: Gateway) -> None:
    customer = Customer(world, gateway, await world.client("alice"))
    await customer.register()
    await world.server.stop()
    await world.server.start()
    again = Customer(world, gateway, await world.client("alice"))
    await again.signed_in()
