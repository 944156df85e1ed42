"""Registration of SIP accounts by our own user agent: the registrar's words, restarts, and switches of the engine."""

from world.gateway import Gateway
from world.process import until
from world.world import World

from fargo.statemachine.account import texts

from .customer import Customer
from .engines import sip_only

pytestmark = sip_only

URI = "sip:alice@sip.test"


def line(contact: str) -> str:
    """The parameter of a Contact that says which registration it is of."""
    return contact.partition(";line=")[2]


async def killed(gateway: Gateway) -> None:
    """The gateway has no chance to sign out: all it knows afterwards is from the log."""
    gateway.process.kill()
    await gateway.process.ended()


async def started(gateway: Gateway, alice: Customer, engine: str) -> str:
    """The gateway starts with an engine, and signs the account in by itself. Return the only Contact."""
    mark, provider, options = len(alice.client.stanzas), alice.world.provider, gateway.tables["sip"]
    of_sip = {} if engine == "sip" else {name: options.pop(name) for name in ("tls_port", "gateway_port")}
    options["engine"] = engine
    await gateway.start()
    options |= of_sip
    await alice.signed_in(after=mark)
    await until(lambda: len(provider.contacts("alice")) == 1, "alice has one contact")
    return provider.contacts("alice")[0]


async def test_an_account_is_registered_and_removed_when_the_gateway_stops(
    world: World, gateway: Gateway, alice: Customer
) -> None:
    [contact] = world.provider.contacts("alice")
    assert line(contact)
    await gateway.stop()
    assert world.provider.contacts("alice") == []


async def test_the_last_client_that_leaves_signs_out(world: World, alice: Customer) -> None:
    alice.client.unavailable()
    await world.provider.unregistered("alice")


async def test_a_wrong_password_is_refused_in_the_registrars_words(world: World, gateway: Gateway) -> None:
    wrong = await Customer(world, gateway, await world.client("alice")).refused(password="wrong")
    said = texts.SAID.format(words="Unauthorized", status=401)
    assert wrong.text == texts.LOGIN_REFUSED.format(server="sip.test", uri=URI, said=said)
    assert (wrong.kind, wrong.condition) == ("modify", "not-acceptable")


async def test_the_registrars_reason_reaches_the_user(world: World, gateway: Gateway) -> None:
    world.provider.refuse_registration("alice", 403, "Payment overdue")
    wrong = await Customer(world, gateway, await world.client("alice")).refused()
    said = texts.SAID.format(words="Payment overdue", status=403)
    assert wrong.text == texts.REGISTRAR_REFUSES.format(server="sip.test", uri=URI, said=said)


async def test_a_restart_keeps_the_registration(world: World, gateway: Gateway, alice: Customer) -> None:
    [before] = world.provider.contacts("alice")
    await killed(gateway)
    assert await started(gateway, alice, "sip") == before


async def test_a_switch_of_engines_needs_nothing_entered_and_leaves_no_contact(
    world: World, gateway: Gateway, alice: Customer
) -> None:
    await gateway.stop()
    of_telepathy = await started(gateway, alice, "telepathy")
    await killed(gateway)
    assert world.provider.contacts("alice") == [of_telepathy]
    assert await started(gateway, alice, "sip") != of_telepathy
