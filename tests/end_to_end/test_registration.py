"""Registration of a SIP account (XEP-0077, XEP-0100). It is tried before the answer, and each refusal says why."""

from xml.etree import ElementTree as ET

import pytest
from world.gateway import Gateway
from world.ports import free_port
from world.process import until
from world.stanza import NS, Failure, element, failure, form, show
from world.world import World

from fargo.adapters.xmpp import texts
from fargo.statemachine.account import texts as account_texts
from fargo.store.copies import names_of_passwords

from .customer import Customer
from .engines import sip_only

ROUNDS = 4


@pytest.fixture
async def customer(world: World, gateway: Gateway) -> Customer:
    """Alice before she registers."""
    return Customer(world, gateway, await world.client("alice"))


async def test_a_form_registers_and_the_gateway_subscribes(customer: Customer) -> None:
    client, jid = customer.client, customer.gateway.jid
    assert failure(await customer.submit()) is None
    await client.presence(jid, "subscribe")
    signed_in = await client.presence(jid)
    assert signed_in.findtext("client:status", "", NS) == account_texts.SIGNED_IN.format(uri="sip:alice@sip.test")
    assert customer.world.provider.contacts("alice")


async def test_plain_fields_register_too(customer: Customer) -> None:
    account = customer.account
    address = f"{account.user}@{account.host}:{account.port}"
    answer = await customer.client.register(customer.gateway.jid, username=address, password=account.password)
    assert failure(answer) is None
    assert customer.world.provider.contacts("alice")


async def test_the_form_says_what_is_known_and_keeps_the_password(customer: Customer) -> None:
    before = await customer.client.registration(customer.gateway.jid)
    assert before.find("register:query/register:registered", NS) is None
    await customer.register()
    after = await customer.client.registration(customer.gateway.jid)
    assert after.find("register:query/register:registered", NS) is not None
    assert after.findtext("register:query/register:username", "", NS) == "alice@sip.test"
    assert customer.account.password not in "".join(after.itertext())


async def test_a_wrong_password_is_refused(customer: Customer) -> None:
    wrong = await customer.refused(password="wrong")
    assert (wrong.kind, wrong.condition) == ("modify", "not-acceptable")
    assert "user name or password" in wrong.text


async def test_a_port_where_nobody_listens_is_refused(customer: Customer, engine: str) -> None:
    wrong = await customer.refused(**{"x-port": str(free_port(customer.account.host))})
    assert (wrong.kind, wrong.condition) == ("wait", "remote-server-timeout")
    template = account_texts.SERVER_UNREACHABLE if engine == "telepathy" else account_texts.SERVER_SILENT
    assert wrong.text == template.format(uri="sip:alice@sip.test", server=customer.account.host)


async def test_a_broken_registrar_is_refused(customer: Customer) -> None:
    customer.world.provider.refuse_registration("alice", 500, "Server Internal Error")
    wrong = await customer.refused()
    assert (wrong.kind, wrong.condition) == ("wait", "remote-server-timeout")


async def test_an_account_that_is_barred_is_refused(customer: Customer) -> None:
    customer.world.provider.refuse_registration("alice", 403, "Forbidden")
    wrong = await customer.refused()
    assert (wrong.kind, wrong.condition) == ("modify", "not-acceptable")


@sip_only
async def test_a_malformed_account_is_refused(customer: Customer) -> None:
    for field, value, said in (
        ("username", "alice", "no domain"),
        ("username", "alice@sip test", "SIP domain"),
        ("password", "", "password is missing"),
        ("x-transport", "pigeon", texts.BAD_TRANSPORT),
        ("x-port", "99999", texts.BAD_PORT),
        ("x-port", "sip", texts.BAD_PORT),
    ):
        wrong = await customer.refused(**{field: value})
        assert wrong.condition in ("not-acceptable", "bad-request"), (field, value)
        assert said in wrong.text, (field, value)
        assert not customer.world.provider.contacts("alice"), (field, value)


async def test_tcp_to_the_provider(customer: Customer) -> None:
    assert failure(await customer.submit(**{"x-transport": "tcp"})) is None
    [contact] = customer.world.provider.contacts("alice")
    assert "transport=tcp" in contact


async def test_a_change_of_password_at_the_provider_is_followed(alice: Customer) -> None:
    alice.world.provider.set_password("alice", "through-the-glass")
    assert failure(await alice.submit(password="through-the-glass")) is None
    mark = len(alice.client.stanzas)
    wrong = await alice.refused(password="looking-glass")
    assert wrong.condition == "not-acceptable"
    await alice.signed_in(after=mark)
    assert alice.world.provider.contacts("alice")


async def test_passwords_and_user_names_have_any_characters(customer: Customer, engine: str) -> None:
    provider = customer.world.provider
    refused = {"tab\there": "control character", "col:on": "colon"} if engine == "telepathy" else {}
    for password in (' p\u00e4ss"w\\ord%23 ', "\U0001f511#@;,", "tab\there", "col:on"):
        provider.set_password("alice", password)
        wrong = failure(await customer.submit(password=password))
        if password in refused:
            assert wrong is not None
            assert refused[password] in wrong.text
        else:
            assert wrong is None, (password, wrong)
    provider.set_password("9901#1", "extension")
    for written in ("9901#1", "9901%231"):
        address = f" sip:{written}@{provider.domain}\u00a0"
        assert failure(await customer.submit(username=address, password="extension")) is None, written


async def test_a_change_of_the_password_by_the_plain_fields_keeps_the_proxy(alice: Customer) -> None:
    account = alice.account
    alice.world.provider.set_password("alice", "through-the-glass")
    fields = {"username": f"{account.user}@{account.domain}", "password": "through-the-glass"}
    assert failure(await alice.client.register(alice.gateway.jid, **fields)) is None
    form = await alice.client.registration(alice.gateway.jid)
    shown = "".join(form.itertext())
    assert account.host in shown
    assert str(account.port) in shown


async def test_a_form_that_is_cancelled_changes_nothing(alice: Customer) -> None:
    form = element("x", "jabber:x:data", type="cancel")
    answer = await alice.client.request("set", alice.gateway.jid, element("query", NS["register"], form))
    assert (answer.get("type"), len(answer)) == ("result", 0)
    assert alice.world.provider.contacts("alice")


async def test_cancelling_signs_out_and_forgets(alice: Customer) -> None:
    mark = len(alice.client.stanzas)
    assert failure(await alice.client.unregister(alice.gateway.jid)) is None
    await alice.client.presence(alice.gateway.jid, "unavailable", after=mark)
    await alice.client.presence(alice.gateway.jid, "unsubscribe", after=mark)
    await alice.world.provider.unregistered("alice")
    wrong = failure(await alice.client.unregister(alice.gateway.jid))
    assert wrong is not None
    assert wrong.condition == "registration-required"


def submission(customer: Customer) -> ET.Element:
    return form("submit", FORM_TYPE=NS["register"], **customer.fields)


async def at_once(customer: Customer, *payloads: ET.Element) -> list[Failure | None]:
    """Submit several registration queries in one write, and return what became of each, in their order."""
    client = customer.client
    requests = [
        element(
            "iq", None, element("query", NS["register"], each), type="set", id=client.new_id(), to=customer.gateway.jid
        )
        for each in payloads
    ]
    client.send("".join(show(each) for each in requests))
    return [failure(await client.answer(each)) for each in requests]


async def test_a_registration_that_is_cancelled_in_the_same_write_ends_cancelled(customer: Customer) -> None:
    for _ in range(ROUNDS):
        refused, accepted = await at_once(customer, submission(customer), element("remove"))
        assert refused is not None
        assert (refused.text, accepted) == (account_texts.CANCELLED, None)
        await customer.world.provider.unregistered("alice")
        await until(lambda: not names_of_passwords(customer.gateway.state), "the password is erased")
        wrong = failure(await customer.client.unregister(customer.gateway.jid))
        assert wrong is not None
        assert wrong.condition == "registration-required"


async def test_a_registration_that_follows_a_cancellation_in_the_same_write_stays(alice: Customer) -> None:
    for times in range(1, ROUNDS):
        told = await at_once(alice, *[element("remove"), submission(alice)] * times)
        assert told[::2] == [None] * times, "each cancellation is accepted"
        assert [each and each.text for each in told[1::2]] == [account_texts.CANCELLED] * (times - 1) + [None]
        await alice.world.provider.registered("alice")
        after = await alice.client.registration(alice.gateway.jid)
        assert after.find("register:query/register:registered", NS) is not None
        await until(lambda: len(names_of_passwords(alice.gateway.state)) == 1, "the old password is erased")


async def test_no_password_is_in_the_log_or_the_output(alice: Customer) -> None:
    await alice.refused(password="canary-wrong-password")
    output = alice.gateway.process.output
    written = b"".join(path.read_bytes() for path in alice.gateway.state.glob("fargo.db*"))
    for secret in (alice.account.password, "canary-wrong-password"):
        assert secret not in output
        assert secret.encode() not in written
    assert (alice.gateway.state / "vault.db").stat().st_mode & 0o777 == 0o600
