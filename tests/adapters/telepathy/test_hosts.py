"""Several real hosts behind one real edge, with two accounts on each: an account is on one of them, and may move."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest_asyncio
from world.process import until

from fargo.adapters.telepathy import texts
from fargo.adapters.telepathy.host import memory_kib
from fargo.adapters.telepathy.pool import Limits
from fargo.edge.telepathy.routing import route_params
from fargo.edge.telepathy.settings import TelepathyEdgeSettings
from fargo.statemachine.model.call1 import (
    CallArrived,
    CallState,
    CallStateChanged,
    ChangeReason,
    ChannelClosed,
    HangUp,
)
from fargo.statemachine.model.commands import SignOut
from fargo.statemachine.model.events import SipSignedIn, SipSignedOut, SipTrouble

from .rig import USER, Rig
from .sip import Dialog, SipAgent
from .test_calls import OFFER, answer, arrive, closed, converse
from .wire import RAKIA

USERS = ("ann", "ben", "cal", "dan", "eve")
SETTLED = 1
"""Seconds."""
GROWTH_MIB = 2
"""The memory that the tests let a host grow by, beyond what it has with two accounts."""
GROWTH_SECONDS = 120


@pytest_asyncio.fixture
async def rig(edge: TelepathyEdgeSettings, tmp_path: Path, agent: SipAgent) -> AsyncIterator[Rig]:
    """An adapter whose hosts have two accounts each."""
    async with started(edge, tmp_path, agent, Limits(accounts=2, settled_seconds=SETTLED)) as running:
        yield running


@pytest_asyncio.fixture
async def limited(edge: TelepathyEdgeSettings, tmp_path: Path, agent: SipAgent) -> AsyncIterator[Rig]:
    """An adapter whose hosts have two accounts each, and are drained when they have grown a little."""
    async with started(edge, tmp_path / "measured", agent, Limits(accounts=2, settled_seconds=SETTLED)) as measured:
        for user in USERS[:2]:
            await sign_in(measured, agent, user)
        used = memory_kib(measured.child("telepathy-rakia"))
    assert used
    agent.contacts.clear()
    limit = Limits(accounts=2, settled_seconds=SETTLED, memory_mib=used // 1024 + GROWTH_MIB)
    async with started(edge, tmp_path / "limited", agent, limit) as running:
        yield running


@asynccontextmanager
async def started(edge: TelepathyEdgeSettings, directory: Path, agent: SipAgent, limits: Limits) -> AsyncIterator[Rig]:
    route = route_params("udp", agent.address, agent.port, RAKIA, edge)
    async with Rig(
        directory / "sip", route, (edge.inside_ip, edge.inside_port), limits, edge_key=edge.inside_key
    ) as running:
        yield running


async def sign_in(rig: Rig, agent: SipAgent, user: str) -> str:
    name = rig.sign_in(agent.uri.replace("alice", user))
    await rig.expect(SipSignedIn, connection=name)
    return name


async def all_signed_in(rig: Rig, agent: SipAgent, users: Iterable[str] = USERS) -> dict[str, str]:
    """Sign in the users, one after the other. Return the name of the connection of each."""
    return {user: await sign_in(rig, agent, user) for user in users}


def rakias(rig: Rig) -> list[int]:
    return rig.children("telepathy-rakia")


async def rings(rig: Rig, agent: SipAgent, user: str, connection: str) -> tuple[str, Dialog]:
    """Call a user at the only contact of theirs."""
    [contact] = agent.contacts[user]
    call, dialog = await arrive(rig, agent, contact)
    assert call.startswith(f"{connection}/")
    return call, dialog


async def talks(rig: Rig, agent: SipAgent, user: str, connection: str) -> tuple[str, Dialog]:
    call, dialog = await rings(rig, agent, user, connection)
    await answer(rig, agent, call, dialog)
    return call, dialog


async def hung_up(rig: Rig, agent: SipAgent, call: str, dialog: Dialog) -> None:
    agent.request(dialog, "BYE")
    await agent.expect(200)
    await rig.expect(CallStateChanged, leg=call, state=CallState.ENDED)
    await closed(rig, call)


async def grown(rig: Rig, agent: SipAgent, user: str, connection: str) -> None:
    """Refuse calls until the host of the account is drained."""
    async with asyncio.timeout(GROWTH_SECONDS):
        while f"{texts.HOST.format(number=1)} uses" not in rig.output:
            call, _ = await rings(rig, agent, user, connection)
            rig.do(HangUp(call, ChangeReason.BUSY))
            await agent.refusal()
            await rig.expect(CallStateChanged, leg=call, state=CallState.ENDED)
            await closed(rig, call)


def connection_events(rig: Rig) -> list[SipSignedIn | SipSignedOut]:
    return [each for each in rig.events if isinstance(each, SipSignedIn | SipSignedOut)]


# --- several hosts


async def test_calls_each_way_on_every_host(rig: Rig, agent: SipAgent) -> None:
    connections = await all_signed_in(rig, agent)
    assert len(rakias(rig)) == len(rig.children("dbus-daemon")) == 3
    calls = []
    for user, name in connections.items():
        calls.append(await converse(rig, agent, name))
        calls.append(await talks(rig, agent, user, name))
    for place, (call, dialog) in enumerate(calls):
        if place % 3:
            await hung_up(rig, agent, call, dialog)
        else:
            rig.do(HangUp(call, ChangeReason.USER_REQUESTED))
            await rig.expect(CallStateChanged, leg=call, state=CallState.ENDED)
            await closed(rig, call)


async def test_a_rakia_that_dies_takes_only_its_own_accounts(rig: Rig, agent: SipAgent) -> None:
    connections = await all_signed_in(rig, agent)
    calls = {user: await talks(rig, agent, user, name) for user, name in connections.items()}
    rig.events.clear()
    os.kill(rakias(rig)[1], signal.SIGKILL)
    for user in ("cal", "dan"):
        await rig.expect(SipSignedOut, connection=connections[user], trouble=SipTrouble.HOST)
    told = [await agent.expect("BYE") for _ in range(2)]
    assert {each["call-id"] for each in told} == {calls[user][1].call_id for user in ("cal", "dan")}
    for user in ("ann", "ben", "eve"):
        await hung_up(rig, agent, *calls[user])
    assert not connection_events(rig)
    for user in ("cal", "dan"):
        agent.contacts[user].clear()
        name = await sign_in(rig, agent, user)
        await hung_up(rig, agent, *await talks(rig, agent, user, name))
    assert len(rakias(rig)) == 3


async def test_an_account_is_used_once_whatever_host_has_room(rig: Rig, agent: SipAgent) -> None:
    connections = await all_signed_in(rig, agent)
    again = rig.sign_in(agent.uri.replace("alice", "ann"), user="mercutio@example.org")
    assert await rig.expect(SipSignedOut) == SipSignedOut(again, SipTrouble.IN_USE)
    rig.do(SignOut(connections["ann"]))
    await rig.expect(SipSignedOut, connection=connections["ann"])
    other = rig.sign_in(agent.uri.replace("alice", "ann"), user="mercutio@example.org")
    await rig.expect(SipSignedIn, connection=other)


async def test_an_empty_host_ends_and_another_is_started_when_it_is_needed(rig: Rig, agent: SipAgent) -> None:
    connections = await all_signed_in(rig, agent, USERS[:3])
    first, _ = rakias(rig)
    rig.do(SignOut(connections["cal"]))
    await rig.expect(SipSignedOut, connection=connections["cal"])
    await until(lambda: rakias(rig) == [first], "the second host has ended")
    await sign_in(rig, agent, "dan")
    assert len(rakias(rig)) == 2
    for user in ("ann", "ben"):
        rig.do(SignOut(connections[user]))
        await rig.expect(SipSignedOut, connection=connections[user])
    await until(lambda: first not in rakias(rig), "the first host has ended")
    assert len(rakias(rig)) == 1


# --- a host that has grown


@asynccontextmanager
async def moving(rig: Rig, agent: SipAgent) -> AsyncIterator[dict[str, str]]:
    """Let the host of ann and ben grow. Meanwhile the registrar is silent, and ann's second registration under way."""
    connections = await all_signed_in(rig, agent, ("ann", "ben"))
    agent.silent = True  # before the host is found to have grown: ann may move at once
    await grown(rig, agent, "ben", connections["ben"])
    rig.events.clear()
    moved = await agent.expect("REGISTER")
    assert "sip:ann@" in moved["to"]
    yield connections
    agent.silent = False


async def test_a_grown_host_is_left_while_a_call_on_it_goes_on(limited: Rig, agent: SipAgent) -> None:
    rig = limited
    connections = await all_signed_in(rig, agent, ("ann", "ben"))
    [old] = rakias(rig)
    before = {user: list(agent.contacts[user]) for user in connections}
    call, dialog = await talks(rig, agent, "ann", connections["ann"])
    await grown(rig, agent, "ben", connections["ben"])
    await until(lambda: len(agent.contacts["ben"]) == 1 and agent.contacts["ben"] != before["ben"], "ben has moved")
    assert agent.contacts["ann"] == before["ann"]
    assert rakias(rig)[0] == old
    await hung_up(rig, agent, *await talks(rig, agent, "ben", connections["ben"]))
    await hung_up(rig, agent, call, dialog)
    await until(lambda: len(agent.contacts["ann"]) == 1 and agent.contacts["ann"] != before["ann"], "ann has moved")
    await until(lambda: old not in rakias(rig), "the old host has ended")
    for user, name in connections.items():
        await hung_up(rig, agent, *await talks(rig, agent, user, name))
        await hung_up(rig, agent, *await converse(rig, agent, name))
    assert len(rakias(rig)) == 1
    assert not connection_events(rig)


async def test_a_call_that_comes_while_its_account_moves_goes_on(limited: Rig, agent: SipAgent) -> None:
    rig = limited
    async with moving(rig, agent) as connections:
        [before], [bens] = agent.contacts["ann"], agent.contacts["ben"]
        call, dialog = await talks(rig, agent, "ann", connections["ann"])
    _, moved = await agent.has_contacts("ann", 2)
    other, its_dialog = await arrive(rig, agent, moved)
    assert (call, other) == (f"{connections['ann']}/1", f"{connections['ann']}/2")
    await answer(rig, agent, other, its_dialog)
    await until(lambda: agent.contacts["ben"] != [bens], "it is ben's turn")
    forked, its_branch = await arrive(rig, agent, moved)
    assert (await agent.fork(its_branch, before, OFFER)).code == 480
    await answer(rig, agent, forked, its_branch)
    await hung_up(rig, agent, forked, its_branch)
    assert not [each for each in rig.events if isinstance(each, CallArrived)]
    assert agent.contacts["ann"] == [before, moved]
    await hung_up(rig, agent, call, dialog)
    await until(lambda: agent.contacts["ann"] == [moved], "the first registration is closed")
    await hung_up(rig, agent, other, its_dialog)
    assert not connection_events(rig)


async def test_a_host_that_dies_after_an_account_has_moved_ends_only_the_call_on_it(
    limited: Rig, agent: SipAgent
) -> None:
    rig = limited
    async with moving(rig, agent) as connections:
        call, _ = await talks(rig, agent, "ann", connections["ann"])
    _, moved = await agent.has_contacts("ann", 2)
    await agent.has_contacts("ben", 1)
    os.kill(rakias(rig)[0], signal.SIGKILL)
    await rig.expect(ChannelClosed, leg=call)
    agent.contacts["ann"] = [moved]
    await hung_up(rig, agent, *await talks(rig, agent, "ann", connections["ann"]))
    await hung_up(rig, agent, *await converse(rig, agent, connections["ann"]))
    assert connections["ann"] not in [each.connection for each in connection_events(rig)]


async def test_an_account_that_signs_out_while_it_moves_leaves_nothing(limited: Rig, agent: SipAgent) -> None:
    rig = limited
    async with moving(rig, agent) as connections:
        rig.do(SignOut(connections["ann"]))
        while (await agent.expect("REGISTER"))["expires"] != "0":
            pass
    assert await rig.expect(SipSignedOut) == SipSignedOut(connections["ann"], SipTrouble.ASKED)
    await agent.has_contacts("ann", 0)


async def test_an_account_that_its_registrar_refuses_a_second_time_stays(limited: Rig, agent: SipAgent) -> None:
    rig = limited
    connections = await all_signed_in(rig, agent, ("ann", "ben"))
    before = {user: list(agent.contacts[user]) for user in connections}
    agent.refuse = 403, "One registration is enough"
    await grown(rig, agent, "ben", connections["ben"])
    refused = texts.MOVE_FAILED.format(user=USER, why=SipTrouble.CREDENTIALS)
    await until(lambda: rig.output.count(refused) == 2, "both have been refused")
    agent.refuse = None
    assert agent.contacts == before
    for user, name in connections.items():
        await hung_up(rig, agent, *await talks(rig, agent, user, name))
    assert not connection_events(rig)
    for name in connections.values():
        rig.do(SignOut(name))
        await rig.expect(SipSignedOut, connection=name)
