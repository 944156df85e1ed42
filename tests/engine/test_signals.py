"""SIGHUP reads the configuration again, and SIGUSR1 prints the state of users and calls, while the gateway goes on."""

import os
import re
import signal
from collections.abc import Mapping
from contextlib import closing

import pytest
from world import GATEWAY_ADDRESS
from world.gateway import Gateway, toml
from world.jingle_call import JingleCall
from world.sipp import Sipp
from world.stanza import failure
from world.world import World

from fargo import texts
from fargo.statemachine.model.events import PolicyChanged
from fargo.store.opening import open_reader
from replay.verifying.verify import verify

Changes = Mapping[str, Mapping[str, object]]


async def reloaded(gateway: Gateway, line: str, changed: Changes) -> str:
    """Change the configuration's file, tell the gateway, and return all that it has printed once it says this."""
    mark = len(gateway.process.lines)
    tables = {name: {**values, **changed.get(name, {})} for name, values in gateway.tables.items()}
    gateway.write(gateway.configuration.name, toml(tables | {each: changed[each] for each in changed.keys() - tables}))
    os.kill(gateway.process.pid, signal.SIGHUP)
    await gateway.process.line(re.escape(line.partition("{")[0].rstrip()), after=mark)
    return "\n".join(gateway.process.lines[mark:])


async def ringing(world: World) -> JingleCall:
    """Let Alice call a phone that rings."""
    alice = await world.client("alice")
    await world.register(alice)
    contact = f"carol%{world.provider.domain}@{world.server.component}/fargo"
    await world.scripted_phone(Sipp.unanswering())
    call = await JingleCall.outgoing(alice, contact, await world.media())
    await call.ringing()
    return call


def policies(gateway: Gateway) -> list[PolicyChanged]:
    """Return the policies in the log so far. The line that tells of a change may be ahead of the log."""
    with closing(open_reader(gateway.log)) as log:
        found = [recorded.event for recorded, _ in log.read()]
        assert not verify(log.read()).differences
    return [event for event in found if isinstance(event, PolicyChanged)]


async def test_a_change_reaches_users_with_calls_and_leaves_the_calls_as_they_are(
    world: World, gateway: Gateway
) -> None:
    call = await ringing(world)
    changes: Changes = {"sip": {"emergency": "refuse", "ring_seconds": 5}, "log": {"keep": "7d", "level": "debug"}}
    told = await reloaded(gateway, texts.RELOADED, changes)
    assert texts.RELOADED.format(options="sip.ring_seconds, sip.emergency, log.keep, log.level") in told
    assert texts.NEEDS_RESTART.partition("}")[2] not in told
    assert call.peer
    await call.terminate("cancel")
    await gateway.process.line(r"alice@localhost called carol@sip.test: cancelled \(the client\), after")
    assert [(each.policy.ring_seconds, each.policy.emergency) for each in policies(gateway)] == [
        (180, "call"),
        (5, "refuse"),
    ]


async def test_a_bad_file_is_refused_with_all_mistakes(world: World, gateway: Gateway) -> None:
    before = len(gateway.process.lines)
    bad: Changes = {"sip": {"ring_seconds": 1, "colour": "blue"}, "log": {"keep": "soon"}, "xmpp": {"secret": ""}}
    await reloaded(gateway, texts.NOT_RELOADED, bad)
    os.kill(gateway.process.pid, signal.SIGUSR1)
    await gateway.process.line(re.escape(texts.STATE_ENDS.format(calls=0, users=0)))
    told = "\n".join(gateway.process.lines[before:])
    for option in ("sip.ring_seconds", "sip.colour", "log.keep", "xmpp.secret"):
        assert f"{option}: " in told
    await world.register(await world.client("alice"))
    assert [each.policy.ring_seconds for each in policies(gateway)] == [180]


async def test_what_needs_a_restart_is_named_and_no_secret_is(world: World, gateway: Gateway) -> None:
    changes: Changes = {"sip": {"port": gateway.port + 1}, "xmpp": {"secret": "open sesame"}}
    told = await reloaded(gateway, texts.RELOADED_SAME, changes)
    line = texts.NEEDS_RESTART.format(options="xmpp.secret, sip.port")
    await gateway.process.line(re.escape(line))
    assert "open sesame" not in told + gateway.process.output
    assert world.server.secret not in gateway.process.output


@pytest.mark.parametrize(
    "change",
    [{"allowed_domains": ["elsewhere.example"]}, {"denied_users": ["alice@localhost"]}],
    ids=lambda each: next(iter(each)),
)
async def test_who_is_no_longer_allowed_loses_their_calls_and_comes_back(
    world: World, gateway: Gateway, change: dict[str, object]
) -> None:
    call = await ringing(world)
    await reloaded(gateway, texts.RELOADED, {"xmpp": change})
    await world.provider.unregistered("alice")
    wrong = failure(await call.client.register_by_form(world.server.component, username="x", password="y"))
    assert wrong is not None
    assert wrong.condition == "forbidden"
    mark = len(call.client.stanzas)
    await reloaded(gateway, texts.RELOADED, {})
    await call.client.presence(gateway.jid, after=mark)
    await world.provider.registered("alice")


async def test_the_state_of_users_and_calls_is_printed(world: World, gateway: Gateway) -> None:
    call = await ringing(world)
    os.kill(gateway.process.pid, signal.SIGUSR1)
    await gateway.process.line(re.escape(texts.STATE_ENDS.format(calls=1, users=1)))
    told = gateway.process.output
    assert re.search(rf"User {call.client.bare_jid}: Signed in.*alice@{world.provider.domain}", told)
    assert re.search(rf"Call {call.client.bare_jid}/\d+: from {re.escape(call.client.jid)} to carol%", told)
    assert world.provider.account("alice").password not in told
    assert GATEWAY_ADDRESS in told
    await call.terminate("cancel")
