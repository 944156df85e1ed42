"""Logins of our own user agent at several realms (RFC 3261 §22.3): a proxy asks, and so does the registrar or the phone
behind it.
"""

import pytest
from world.gateway import Gateway
from world.jingle_call import JingleCall
from world.process import until
from world.provider import Proxy
from world.sip_agent import ScriptedProvider
from world.sip_login import Login
from world.world import World

from fargo.statemachine.account import texts

from .customer import Customer
from .engines import sip_only
from .scripted_calls import inward, out

pytestmark = sip_only

PACKETS = 20


@pytest.fixture
def logins(scripted: ScriptedProvider) -> list[Login]:
    """The realms at which the scripted provider's customers have to log in."""
    password = scripted.account().password
    scripted.logins = [Login("proxy.test", password, proxy=True), Login("registrar.test", password)]
    return scripted.logins


@pytest.mark.parametrize("together", [False, True], ids=["one after the other", "together"])
async def test_both_realms_get_their_answers(
    world: World, gateway: Gateway, scripted: ScriptedProvider, logins: list[Login], together: bool
) -> None:
    scripted.together = together
    alice = Customer(world, gateway, await world.client("alice"), scripted)
    await alice.register()
    [accepted] = scripted.registers
    answers = [[*accepted.all(name)] for name in ("Proxy-Authorization", "Authorization")]
    assert [len(each) for each in answers] == [1, 1]
    talk = await out(alice, scripted)
    await talk.heard()
    await talk.hang_up()
    given = [each.given for each in logins]
    assert given == ([2, 2] if together else [4, 2]), "the proxy has seen each request twice"
    talk = await inward(alice, scripted)
    await talk.hang_up()


async def test_a_realm_that_has_another_password_is_tried_once(
    world: World, gateway: Gateway, scripted: ScriptedProvider, logins: list[Login]
) -> None:
    logins[1].password = "another"
    alice = Customer(world, gateway, await world.client("alice"), scripted)
    wrong = await alice.refused()
    said = texts.SAID.format(words="Unauthorized", status=401)
    assert wrong.text == texts.LOGIN_REFUSED.format(
        server=scripted.domain, uri=f"sip:alice@{scripted.domain}", said=said
    )
    assert [each.given for each in logins] == [2, 0]
    assert scripted.registers == []


async def test_a_kamailio_before_the_registrar_has_a_realm_of_its_own(world: World, engine: str) -> None:
    """The proxy counts the uses of its nonces, and both servers ask for a login before a call, too. Calls to Alice come
    from the registrar, past the proxy.
    """
    proxy = await world.add(Proxy(world.provider))
    settings = {"sip": {"accept_from": [world.provider.address]}}
    gateway = await world.add(Gateway(world.server, settings=settings, engine=engine))
    alice = Customer(world, gateway, await world.client("alice"))
    await alice.register(**{"x-proxy": proxy.address, "x-port": str(proxy.port)})
    await until(lambda: len(world.provider.contacts("alice")) == 1, "alice has one contact")
    bob, media = await world.phone("bob"), await world.media()
    call = await alice.call("bob", media)
    await call.answered()
    call.talk()
    await media.received(PACKETS)
    await call.terminate()
    await bob.event("CALL_CLOSED")
    await bob.dial("sip:alice@sip.test")
    call = await JingleCall.incoming(alice.client, await world.media())
    await call.accept()
    await bob.event("CALL_ESTABLISHED")
    await bob.hang_up()
    assert (await call.ended()).reason == "success"
