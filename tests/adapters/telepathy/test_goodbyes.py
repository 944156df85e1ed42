"""A real rakia, its bus or the adapter dies behind a real edge, which goes on: the phones in its calls are told."""

import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeAlias

import pytest
import pytest_asyncio
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from fargo.adapters.telepathy.goodbyes import PAUSE, ROUNDS, Goodbyes
from fargo.edge.telepathy.routing import route_params
from fargo.edge.telepathy.settings import TelepathyEdgeSettings
from fargo.statemachine.model.events import SipSignedIn, SipSignedOut

from .rig import Rig
from .sip import Message, SipAgent
from .test_calls import answer, arrive, converse, place
from .wire import RAKIA

TOLD_SECONDS = 10
Told: TypeAlias = Callable[[], Awaitable[Message]]
Begin: TypeAlias = Callable[[Rig, SipAgent, str], Awaitable[Told]]
Death: TypeAlias = Callable[[Rig], Awaitable[None]]


@pytest.fixture
def start(edge: TelepathyEdgeSettings, tmp_path: Path, agent: SipAgent) -> Callable[[], Rig]:
    """Start an adapter whose accounts reach `agent` through the edge."""
    route = route_params("udp", agent.address, agent.port, RAKIA, edge)
    return lambda: Rig(tmp_path / "sip", route, (edge.inside_ip, edge.inside_port), edge_key=edge.inside_key)


@pytest_asyncio.fixture
async def rig(start: Callable[[], Rig]) -> AsyncIterator[Rig]:
    async with start() as running:
        yield running


# --- calls: each returns what waits until the phone is told


async def ringing_out(rig: Rig, agent: SipAgent, connection: str) -> Told:
    _, invite = await place(rig, agent, connection)
    agent.reply(invite, 180, "Ringing")

    async def told() -> Message:
        cancel = await agent.expect("CANCEL", TOLD_SECONDS)
        agent.reply(cancel, 200, "OK")
        agent.reply(invite, 487, "Request Terminated")
        return cancel

    return told


async def ringing_in(rig: Rig, agent: SipAgent, connection: str) -> Told:
    await arrive(rig, agent)
    return lambda: agent.refusal(TOLD_SECONDS)


async def active_out(rig: Rig, agent: SipAgent, connection: str) -> Told:
    await converse(rig, agent, connection)
    return lambda: bye(agent)


async def active_in(rig: Rig, agent: SipAgent, connection: str) -> Told:
    call, dialog = await arrive(rig, agent)
    await answer(rig, agent, call, dialog)
    return lambda: bye(agent)


async def bye(agent: SipAgent) -> Message:
    request = await agent.expect("BYE", TOLD_SECONDS)
    agent.reply(request, 200, "OK")
    return request


each_call = pytest.mark.parametrize("begin", [ringing_out, ringing_in, active_out, active_in])


# --- deaths


async def rakia_dies(rig: Rig) -> None:
    os.kill(rig.child("telepathy-rakia"), signal.SIGKILL)


async def bus_dies(rig: Rig) -> None:
    os.kill(rig.child("dbus-daemon"), signal.SIGKILL)


@each_call
@pytest.mark.parametrize("death", [rakia_dies, bus_dies])
async def test_the_phone_is_told_that_rakia_is_gone(
    rig: Rig, agent: SipAgent, connection: str, begin: Begin, death: Death
) -> None:
    told = await begin(rig, agent, connection)
    await death(rig)
    await told()
    await rig.expect(SipSignedOut, connection=connection)
    await is_well(rig, agent)


@each_call
async def test_the_phone_is_told_when_the_gateway_is_back(
    start: Callable[[], Rig], agent: SipAgent, begin: Begin
) -> None:
    async with in_call(start, agent, begin) as (first, told):
        first.kill()
        await first.stop()
        async with start() as second:
            await told()
            await is_well(second, agent)


@each_call
async def test_the_phone_is_told_of_a_call_that_is_left_at_the_end(
    start: Callable[[], Rig], agent: SipAgent, begin: Begin
) -> None:
    """As with `fargo run --keep-calls`."""
    async with in_call(start, agent, begin) as (rig, told):
        await rig.stop()
        await told()


@asynccontextmanager
async def in_call(start: Callable[[], Rig], agent: SipAgent, begin: Begin) -> AsyncIterator[tuple[Rig, Told]]:
    """Start an adapter that signs an account in and begins a call. Yield it, and what waits until the phone is told."""
    async with start() as rig:
        yield rig, await begin(rig, agent, await signed_in(rig, agent))


async def is_well(rig: Rig, agent: SipAgent) -> None:
    """A call each way comes into being, and no phone is told anything."""
    connection = await signed_in(rig, agent)
    for begin in (active_out, active_in):
        await begin(rig, agent, connection)
    assert not agent.has("BYE")


async def signed_in(rig: Rig, agent: SipAgent) -> str:
    name = rig.sign_in(agent.uri)
    await rig.expect(SipSignedIn, connection=name)
    return name


# --- how often the edge is told


class Scene:
    """`told` has what the edge was told, each time, and `answer` answers the last."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.living = ["a", "b"]
        self.told: list[str] = []
        self.answers: list[Deferred[int | None]] = []
        self.goodbyes = Goodbyes(lambda: self.living, self, self.clock)  # type: ignore[arg-type]

    def ask(self, method: str, parameters: str, header: str) -> Deferred[int | None]:
        assert (method, parameters) == ("HOSTS", "")
        self.told.append(header.removeprefix("Fargo-Hosts: "))
        self.answers.append(Deferred())
        return self.answers[-1]

    def answer(self, status: int | None) -> None:
        self.answers[-1].callback(status)
        self.clock.advance(PAUSE)


def test_it_is_told_once_if_there_is_no_other_call() -> None:
    scene = Scene()
    scene.goodbyes.say()
    scene.answer(200)
    assert scene.told == ["a b"]
    assert not scene.clock.getDelayedCalls()


def test_it_is_told_until_there_is_none_and_each_time_who_lives_now() -> None:
    scene = Scene()
    scene.goodbyes.say()
    scene.answer(202)
    scene.living = ["b", "c"]
    scene.answer(None)
    scene.answer(200)
    assert scene.told == ["a b", "a b", "b c"]


def test_it_is_told_so_often_and_no_more() -> None:
    scene = Scene()
    scene.goodbyes.say()
    for _ in range(ROUNDS):
        scene.answer(202)
    assert len(scene.told) == ROUNDS
    assert not scene.clock.getDelayedCalls()


def test_an_answer_about_earlier_names_ends_nothing() -> None:
    scene = Scene()
    scene.goodbyes.say()
    scene.living = ["a"]
    scene.goodbyes.say()
    scene.answers[0].callback(200)
    scene.answer(202)
    assert scene.told == ["a b", "a", "a"]


def test_rounds_are_not_doubled_by_news() -> None:
    scene = Scene()
    for _ in range(3):
        scene.goodbyes.say()
        scene.answers[-1].callback(202)
    scene.clock.advance(PAUSE)
    assert len(scene.told) == 4


def test_at_the_end_it_is_told_once_more() -> None:
    scene = Scene()
    scene.goodbyes.say()
    scene.answers[-1].callback(202)
    scene.living = []
    finished = scene.goodbyes.finish()
    assert not finished.called
    scene.answer(202)
    assert finished.called
    assert scene.told == ["a b", ""]
    assert not scene.clock.getDelayedCalls()
