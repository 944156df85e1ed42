"""The gateway as somebody to talk to: all that users can ask of it, by chat alone, and by ad-hoc commands alone."""

from xml.etree import ElementTree as ET

import pytest
from world.gateway import Gateway
from world.process import until
from world.stanza import NS, element, failure, form
from world.world import World
from world.xmpp_client import CALL_FEATURES, XmppClient

from fargo.adapters.xmpp import adhoc

from .customer import Customer
from .engines import sip_only

COMMANDS = "http://jabber.org/protocol/commands"
ROSTERX = "http://jabber.org/protocol/rosterx"
SECONDS = 60.0

pytestmark = sip_only


@pytest.fixture
async def customer(world: World, gateway: Gateway) -> Customer:
    """Alice before she registers, with a client that asks whether to add contacts."""
    client = await world.add(XmppClient(world.server, "alice", "laptop", features=(*CALL_FEATURES, ROSTERX)))
    return Customer(world, gateway, client)


async def ask(customer: Customer, text: str) -> str:
    """Write to the gateway, and return what it says next."""
    client, jid = customer.client, customer.gateway.jid
    mark = len(client.stanzas)
    client.send(element("message", None, element("body", text=text), type="chat", to=jid, id=client.new_id()))
    said = await client.wait(lambda each: bool(body(each)) and each.get("from") == jid, "an answer", SECONDS, mark)
    return body(said)


async def offered(customer: Customer) -> tuple[str | None, str | None]:
    """Return the JID and the name of the contact that the client asks to add."""
    item = f"{{{ROSTERX}}}x/{{{ROSTERX}}}item[@action='add']"
    stanza = await customer.client.wait(lambda each: each.find(item) is not None, "a contact", SECONDS)
    found = stanza.find(item)
    assert found is not None
    return found.get("jid"), found.get("name")


def body(stanza: ET.Element) -> str:
    return stanza.findtext("client:body", "", NS)


def address(customer: Customer) -> str:
    """Return the SIP address as it is typed where there is no field for the server."""
    account = customer.account
    return f"{account.user}@{account.host}:{account.port}"


async def test_a_user_does_everything_by_chat(customer: Customer) -> None:
    account = customer.account
    assert "register alice@example.net" in await ask(customer, "help")
    assert "no SIP account" in await ask(customer, "status")
    assert "as your next message" in await ask(customer, f"register {address(customer)}")
    assert "refused the user name or password" in await ask(customer, "wrong-canary-1")
    assert "as your next message" in await ask(customer, f"register {address(customer)}")
    assert "Nothing was registered" in await ask(customer, "cancel")
    assert "as your next message" in await ask(customer, f"register {address(customer)}")
    registered = await ask(customer, account.password)
    assert registered.startswith("Registered.")
    assert "Delete your message" in registered
    assert customer.world.provider.contacts("alice")
    assert "not understood" in await ask(customer, account.password)
    assert "Signed in as" in await ask(customer, "status")
    assert await ask(customer, "calls") == "There have been no calls yet."
    assert await ask(customer, "hang up") == "You are in no call."
    assert "busy" in await ask(customer, "busy on")
    assert "busy off" in await ask(customer, "busy")
    assert await ask(customer, "busy off") == "Your clients ring again."
    assert "You stay signed in" in await ask(customer, "stay on")
    assert await ask(customer, "stay off") == await ask(customer, "stay")
    assert "forwarded to +441632960111" in await ask(customer, "forward +44 1632 960111")
    assert await ask(customer, "forward off") == await ask(customer, "forward")
    assert await ask(customer, "sed s/^[+]441632/0/") == "Rule 1: s/^[+]441632/0/"
    assert await ask(customer, "sed -t +44 1632 960111") == "+441632960111 becomes 0960111."
    assert "1: s/^" in await ask(customer, "rules")
    assert "Deleted" in await ask(customer, "sed -d 1")
    assert "Nobody has called" in await ask(customer, "keep")
    assert "asks you whether" in await ask(customer, "keep +44 1632 960111 as Bob")
    assert await offered(customer) == (f"+441632960111@{customer.gateway.jid}", "Bob")
    assert "such as call" in await ask(customer, "call")
    assert "clients ring" in await ask(customer, "call +44 1632 960111")
    assert await ask(customer, "hang up") == "Calls that were ended: 1."
    assert "unregister yes" in await ask(customer, "unregister")
    assert "is removed" in await ask(customer, "unregister yes")
    await until(lambda: not customer.world.provider.contacts("alice"), "the provider forgets")
    files = [each.read_bytes() for each in customer.gateway.log.parent.glob(f"{customer.gateway.log.name}*")]
    for secret in (account.password, "wrong-canary-1"):
        assert not any(secret.encode() in each for each in files)
        assert secret not in customer.gateway.process.report()


async def run(client: XmppClient, at: str, node: str, *payload: ET.Element, **attributes: str) -> ET.Element:
    """Run a step of an ad-hoc command, and return the <command/> of the answer."""
    command = element("command", COMMANDS, *payload, node=node, **attributes)
    answer = await client.request("set", at, command, SECONDS)
    assert failure(answer) is None, failure(answer)
    found = answer.find(f"{{{COMMANDS}}}command")
    assert found is not None
    return found


def note(command: ET.Element) -> str:
    assert command.get("status") == "completed"
    return command.findtext(f"{{{COMMANDS}}}note", "")


async def test_a_user_does_everything_by_commands(customer: Customer) -> None:
    client, at = customer.client, customer.gateway.jid

    async def submit(node: str, **fields: str) -> str:
        asking = await run(client, at, node)
        assert asking.get("status") == "executing"
        session = asking.get("sessionid") or ""
        return note(await run(client, at, node, form("submit", **fields), sessionid=session, action="complete"))

    listed = await client.request("get", at, element("query", NS["items"], node=COMMANDS))
    nodes = {each.get("node") for each in listed.iterfind("items:query/items:item", NS)}
    assert nodes == {*adhoc.names()}
    assert "admin-users" not in nodes
    assert "no SIP account" in note(await run(client, at, "status"))
    assert "refused the user name or password" in await submit(
        "register", **{**customer.fields, "password": "wrong-canary-2"}
    )
    asking = await run(client, at, "register")
    cancelled = await run(client, at, "register", sessionid=asking.get("sessionid") or "", action="cancel")
    assert cancelled.get("status") == "canceled"
    assert (await submit("register", **customer.fields)).startswith("Registered.")
    assert "Signed in as" in note(await run(client, at, "status"))
    assert note(await run(client, at, "calls")) == "There have been no calls yet."
    assert note(await run(client, at, "hang-up")) == "You are in no call."
    assert "busy" in await submit("busy", busy="1")
    shown = await run(client, at, "busy")
    assert shown.findtext("data:x/data:field/data:value", "", NS) == "true"
    assert "ring again" in await submit("busy", busy="0")
    assert "You stay signed in" in await submit("stay", stay="1")
    assert "only while" in await submit("stay", stay="0")
    assert "forwarded to +441632960111" in await submit("forward", number="+44 1632 960111")
    assert "not forwarded" in await submit("forward", number="")
    assert await submit("rules", rule="s/^[+]441632/0/", number="+441632960111") == "+441632960111 becomes 0960111."
    assert "Rule 1" in await submit("rules", rule="s/^[+]441632/0/")
    assert "Deleted" in await submit("rules", delete="1")
    assert "asks you whether" in await submit("keep", number="+44 1632 960111", name="Bob")
    assert await offered(customer) == (f"+441632960111@{at}", "Bob")
    assert "clients ring" in await submit("call", number="+44 1632 960111")
    assert note(await run(client, at, "hang-up")) == "Calls that were ended: 1."
    assert "is removed" in await submit("unregister", sure="1")
    await until(lambda: not customer.world.provider.contacts("alice"), "the provider forgets")
    refused = failure(await client.request("set", at, element("command", COMMANDS, node="status", action="prev")))
    assert refused is not None
    assert (refused.condition, refused.specific) == ("bad-request", "bad-action")
    files = [each.read_bytes() for each in customer.gateway.log.parent.glob(f"{customer.gateway.log.name}*")]
    for secret in (customer.account.password, "wrong-canary-2"):
        assert not any(secret.encode() in each for each in files)


async def test_an_admin_looks_after_users_by_chat(world: World, engine: str) -> None:
    settings = {"xmpp": {"admins": ["alice@localhost"]}}
    gateway = await world.add(Gateway(world.server, settings=settings, engine=engine))
    alice, dave = [Customer(world, gateway, await world.client(each)) for each in ("alice", "dave")]
    await dave.register()
    assert f"{dave.client.bare_jid}: sip:dave@sip.test, signed in" in await ask(alice, "admin users")
    assert await ask(alice, "admin failures") == "No call has failed that is known here."
    mark = len(dave.client.stanzas)
    assert await ask(alice, "admin announce A pause, soon.") == "Users who are told: 1."
    await dave.client.wait(lambda each: body(each) == "A pause, soon.", "what is announced", after=mark)
    assert await ask(alice, "admin drain") == "No new calls begin. Calls that go on: 0."
    assert "is about to be restarted" in await ask(dave, "call 01632 960000")
    assert "is about to be restarted" in await ask(dave, "status")
    assert await ask(alice, "admin drain off") == "Calls can begin. Calls that go on: 0."
    assert "restarted" not in await ask(dave, "status")
    assert "is removed" in await ask(alice, f"admin remove {dave.client.bare_jid} yes")
    await dave.client.wait(lambda each: "has removed" in body(each), "why the account is gone", after=mark)
    await until(lambda: not world.provider.contacts("dave"), "the provider forgets")
    assert "not understood" in await ask(dave, "admin users")
    await gateway.stop()
