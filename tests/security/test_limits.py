"""The log as a weapon, and the registration form as one: what a user, or somebody who never registered, can make the
gateway write, send and tell. The XMPP server has no limits of its own.

What is asserted is counted, so it does not depend on the speed of the machine. `script/bench flood` measures how much
others notice of a flood.
"""

import asyncio
import time
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from end_to_end.engines import ENGINES, IDS
from world.ports import free_port
from world.stanza import Failure, failure

from fargo.adapters.xmpp import texts as xmpp_texts
from fargo.limits import texts
from fargo.limits.tries import ANSWERED_AFTER

from .attacked import Attacked, component_named

ALICE = "alice@localhost/desk"
MALLORY = "mallory@localhost/x"
CONTACTS = 500
INITIATE = (
    "<iq type='set' from='{sender}' to='bob%sip.test@sip.localhost/fargo' id='{n}'><jingle xmlns='urn:xmpp:jingle:1'"
    " action='session-initiate' sid='{n}'>{content}</jingle></iq>"
)
OFFER = (
    "<content name='a' creator='initiator'><description xmlns='urn:xmpp:jingle:apps:rtp:1' media='audio'>{types}"
    "</description><transport xmlns='urn:xmpp:jingle:transports:raw-udp:1'/></content>"
)
SMALL = OFFER.format(types="<payload-type id='0' name='PCMU'/>")
LARGE = OFFER.format(types="".join(f"<payload-type id='{n}' name='{'x' * 1000}'/>" for n in range(60)))
"""An offer of 62 kB."""


@pytest_asyncio.fixture
async def registered(attacked: Attacked) -> AsyncIterator[Attacked]:
    """Alice has an account. Her client was online before, and nothing was written about that."""
    await attacked.server.send(f"<presence from='{ALICE}' to='sip.localhost'/>")
    await attacked.server.settled()
    assert attacked.rows() == 0
    assert await attacked.register(ALICE) is None
    await attacked.server.until(lambda each: each.find("{http://jabber.org/protocol/disco#info}query") is not None)
    await attacked.mailbox_refused()
    yield attacked


async def toggle(attacked: Attacked, times: int) -> None:
    """Alice's client goes offline and online so often. Each time, the account is signed out and in."""
    for _ in range(times):
        refused = attacked.rows("SipResponseReceived")
        for kind, said in (("type='unavailable'", "Signed out"), ("", "Signed in")):
            after = len(attacked.server.stanzas)
            await attacked.server.send(f"<presence from='{ALICE}' to='sip.localhost' {kind}/>")
            await attacked.server.until(lambda each, said=said: said in (each.findtext("{*}status") or ""), after)  # type: ignore[misc]
        await attacked.mailbox_refused(refused + 1)


async def test_the_presence_of_contacts_costs_the_log_the_same_however_many_there_are(registered: Attacked) -> None:
    server = registered.server
    before = registered.bytes()
    await toggle(registered, 2)
    with_none = registered.bytes() - before
    probe = "<presence from='alice@localhost' to='{n}@sip.localhost' type='probe'/>"
    await server.send(*(probe.format(n=n) for n in range(CONTACTS)))
    await server.settled()
    assert registered.rows("PresenceProbed") == CONTACTS, "each becomes known by it"
    before, after = registered.bytes(), len(server.stanzas)
    await toggle(registered, 2)
    with_contacts = registered.bytes() - before
    assert with_contacts < with_none + 1000
    shown = [each for each in server.stanzas[after:] if (each.get("from") or "").endswith("/fargo")]
    assert len(shown) >= 4 * CONTACTS, "and all of them are shown all the same"
    rows = registered.rows()
    again = f"<presence from='{ALICE}' to='{{n}}@sip.localhost'/>"
    await server.send(*(again.format(n=n) for n in range(CONTACTS)), *(probe.format(n=n) for n in range(CONTACTS)))
    await server.settled()
    assert registered.rows() == rows, "and presence that changes nothing is no row"


async def test_capabilities_that_change_all_the_time_fill_no_more_than_is_allowed(registered: Attacked) -> None:
    caps = "<c xmlns='http://jabber.org/protocol/caps' hash='sha-1' node='{long}' ver='{n}'/>"
    before = registered.bytes()
    for first in range(0, 20_000, 500):
        stanzas = (caps.format(long="x" * 900, n=n) for n in range(first, first + 500))
        await registered.server.send(
            *(f"<presence from='{ALICE}' to='sip.localhost'>{each}</presence>" for each in stanzas)
        )
        await registered.server.settled()
    assert registered.bytes() - before < 20_000_000 / 20 + 500 * 3000, (
        "at once, and what one read from the stream can add"
    )
    rows = registered.rows(user="alice@localhost")
    assert rows < 1000


async def test_what_was_refused_is_one_row(registered: Attacked) -> None:
    malformed = f"<iq type='set' from='{ALICE}' to='sip.localhost' id='i'><jingle xmlns='urn:xmpp:jingle:1'/></iq>"
    before, begun = registered.rows(), time.monotonic()
    for _ in range(20):
        await registered.server.send(*[malformed] * 500)
        await registered.server.settled()
    answers = [each for each in registered.server.stanzas if each.get("to") == ALICE and each.get("id") == "i"]
    refused = [
        each for each in map(component_named, answers) if failure(each) and _condition(each) == "policy-violation"
    ]
    assert len(answers) == 10_000, "everybody is answered"
    allowed = 4000 + 20 * (time.monotonic() - begun) + 1
    assert len(refused) >= 10_000 - allowed, "a client may send 4,000 stanzas at once, and 20 a second"
    written = registered.rows() - before
    assert written <= 10_000 - len(refused)
    await registered.gateway.stop()
    assert registered.rows("RequestsRefused", "sip.localhost") == 1
    assert registered.rows() - before - written < 10, "nothing but this row and the goodbye"


def _condition(stanza: object) -> str:
    wrong = failure(stanza)  # type: ignore[arg-type]
    return wrong.condition if wrong else ""


async def test_what_strangers_send_is_answered_and_not_written(attacked: Attacked) -> None:
    """Calls of 5,000 who never registered, 20 MB of offers of one, and whatever else there is."""
    server = attacked.server
    for first in range(0, 5000, 500):
        await server.send(
            *(INITIATE.format(sender=f"u{n}@localhost/x", n=f"c{n}", content=SMALL) for n in range(first, first + 500))
        )
        await server.settled()
    answers = {
        each.get("to"): _condition(component_named(each)) for each in server.stanzas if each.get("type") == "error"
    }
    assert [answers[f"u{n}@localhost/x"] for n in range(5000)] == ["registration-required"] * 5000
    await attacked.server.send(*(INITIATE.format(sender=MALLORY, n=f"c{n}", content=LARGE * 8) for n in range(40)))
    await attacked.server.settled()
    assert attacked.server.sent_bytes > 18_000_000
    for n in range(100):
        await server.send(
            f"<presence from='{MALLORY}{n}' to='sip.localhost'/>",
            f"<presence from='{MALLORY}{n}' to='sip.localhost' type='unavailable'/>",
            f"<presence from='mallory@localhost' to='{n}@sip.localhost' type='subscribe'/>",
            f"<presence from='mallory@localhost' to='{n}@sip.localhost' type='probe'/>",
            f"<message from='{MALLORY}' to='1@sip.localhost'><propose xmlns='urn:xmpp:jingle-message:0' id='p{n}'>"
            "<description xmlns='urn:xmpp:jingle:apps:rtp:1' media='audio'/></propose></message>",
            f"<iq type='result' from='{MALLORY}' to='sip.localhost' id='{n}.0'/>",
        )
    for payload in ("<query xmlns='jabber:iq:register'><remove/></query>", "<jingle xmlns='urn:xmpp:jingle:1'/>"):
        assert failure(component_named(await server.request(MALLORY, payload, "set"))) is not None
    assert attacked.rows() == 0
    kinds = [each.get("type") for each in server.stanzas if each.get("to") == "mallory@localhost"]
    assert kinds.count("unsubscribed") == 200
    rejected = [each for each in server.stanzas if each.find("{urn:xmpp:jingle-message:0}reject") is not None]
    assert len(rejected) == 100


async def test_large_offers_of_a_registered_user_are_refused_when_there_are_too_many(registered: Attacked) -> None:
    before = registered.bytes()
    for n in range(100):
        await registered.server.send(INITIATE.format(sender=ALICE, n=f"c{n}", content=LARGE))
        await registered.server.settled()
    conditions = [_condition(component_named(each)) for each in registered.server.stanzas if each.get("to") == ALICE]
    assert conditions.count("policy-violation") >= 50
    assert registered.bytes() - before < 20_000_000 / 20 + 200_000


# --- the registration form


@pytest.mark.parametrize("engine", ENGINES, ids=IDS.get)
async def test_the_form_tells_neither_passwords_nor_ports(attacked: Attacked) -> None:
    closed, silent = free_port("127.0.0.4"), await asyncio.start_server(lambda *_: None, "127.0.0.4", 0)
    scans = asyncio.gather(
        scanned(attacked, "alice", closed), scanned(attacked, "dave", silent.sockets[0].getsockname()[1])
    )
    for port in (22, 80, 161):
        wrong = await refused(attacked, "bob@localhost/x", **{"x-port": str(port)})
        assert wrong.text == texts.LOW_PORT.format(port=port)
    # Twenty passwords for an account, by as many users as it takes.
    for user, beyond in {
        "bob": "policy-violation",
        "u1": "policy-violation",
        "u2": "policy-violation",
        "u3": "resource-constraint",
    }.items():
        for _ in range(5):
            assert (await guessed(attacked, user)).condition == "not-acceptable"
        rows = attacked.rows()
        assert (await guessed(attacked, user)).condition == beyond, "twenty have failed at this provider in the end"
        assert attacked.rows() == rows
    right = await refused(attacked, "bob@localhost/x", password=attacked.provider.account("bob").password)
    assert right.condition == "resource-constraint", "not even the right one tells anything any more"
    (took, first), (_, second) = await scans
    silent.close()
    assert took >= ANSWERED_AFTER - 1, "a port that is closed is known at once"
    assert first == second, "and one at which nobody answers looks the same"


async def refused(attacked: Attacked, jid: str, **changed: str) -> Failure:
    wrong = await attacked.register(jid, "bob", **changed)
    assert wrong is not None
    return wrong


async def guessed(attacked: Attacked, user: str) -> Failure:
    return await refused(attacked, f"{user}@localhost/x", password="guess")


async def scanned(attacked: Attacked, user: str, port: int) -> tuple[float, str]:
    """Look what is at a port. Return how long that took, and what was told, without the user's name."""
    begun = time.monotonic()
    account = f"{user}@{attacked.provider.domain}"
    changed = {"username": account, "x-proxy": "127.0.0.4", "x-port": str(port), "x-transport": "tcp"}
    wrong = await refused(attacked, f"{user}@localhost/x", **changed)
    return time.monotonic() - begun, str(wrong).replace(account, "")


@pytest.mark.parametrize(
    "settings",
    [
        {
            "sip": {"providers": ["sip.test"]},
            "xmpp": {
                "denied_users": ["mallory@localhost"],
                "allowed_users": ["eve@other", "alice@localhost"],
                "registration": "closed",
            },
        }
    ],
)
async def test_only_listed_providers_and_users_are_served(attacked: Attacked) -> None:
    wrong = await attacked.register(ALICE)
    assert wrong is not None
    host = attacked.provider.account("alice").host
    assert wrong.text == texts.OTHER_PROVIDER.format(provider=host, providers="sip.test"), "its proxy is not listed"
    form = "<query xmlns='jabber:iq:register'/>"
    told = {
        jid: failure(component_named(await attacked.server.request(jid, form)))
        for jid in (ALICE, MALLORY, "dave@localhost/x", "carol@other/x", "eve@other/x")
    }
    conditions = [wrong.condition if wrong else None for wrong in told.values()]
    assert conditions == [None, "forbidden", "not-allowed", "forbidden", None]
    denied, closed = told[MALLORY], told["dave@localhost/x"]
    assert denied is not None
    assert denied.text == xmpp_texts.USER_NOT_SERVED.format(user="mallory@localhost")
    assert closed is not None
    assert closed.text == texts.CLOSED
    closed = await attacked.register("dave@localhost/x", "alice")
    assert closed is not None
    assert closed.text == texts.CLOSED
    assert attacked.rows() == 0
