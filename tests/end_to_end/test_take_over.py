"""The machine of a worker dies in the middle of calls, and another one, with other SIP addresses, goes on with them.

A test has all of a user's calls at once, as each take-over takes its time: answered in both directions, and ringing.
"""

import re
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import closing
from typing import NamedTuple

import pytest
import pytest_asyncio
from world.baresip import Baresip
from world.gateway import Gateway
from world.jingle_call import JingleCall
from world.pjsip import Pjsip
from world.process import until
from world.rtpengine import Rtpengine
from world.sipp import Sipp
from world.world import World

from fargo.statemachine.model.events import PolicyChanged
from fargo.statemachine.model.sip_messages import SipResponseReceived
from fargo.store.entries import Entry
from fargo.store.opening import open_reader
from fargo.store.places import DatabaseAddress

from .customer import Customer
from .pjsip_calls import PJSIP_HERTZ, hear_each_other, hold_each_other
from .test_workers import die
from .verified import verified

OTHER_ADDRESS = "127.0.0.6"
"""The SIP address of the machine that takes over."""


class Machines(NamedTuple):
    """The machine that is the worker, and the one that waits."""

    first: Gateway
    other: Gateway

    async def change(self) -> None:
        """The first is gone with its edge, and the other takes its place."""
        die(self.first)
        await self.first.process.ended()
        await self.other.ready()


@pytest_asyncio.fixture
async def relay(world: World) -> Rtpengine:
    """It is on a machine of its own."""
    return await world.relay()


@pytest_asyncio.fixture
async def machines(
    world: World,
    relay: Rtpengine,
    path: str,
    database: DatabaseAddress,
    record_session: Callable[[Iterable[Entry]], None],
) -> AsyncIterator[Machines]:
    media = {"path": path, "relay": f"{relay.address}:{relay.port}"}
    settings = {"log": {"store": database.uri}, "media": media}
    first = await world.add(Gateway(world.server, settings=settings, worker="a"))
    other = Gateway(world.server, settings=settings, worker="a", like=first, address=OTHER_ADDRESS)
    await other.run()
    yield Machines(first, other)
    await other.stop()
    assert await other.process.ended() == 0, other.process.report()
    record_session(verified(database))


@pytest_asyncio.fixture
async def alice(world: World, machines: Machines) -> Customer:
    customer = Customer(world, machines.first, await world.client("alice"))
    await customer.register()
    return customer


async def out(alice: Customer, user: str, answers: bool = True) -> tuple[JingleCall, Pjsip]:
    """Alice calls a phone."""
    phone = await alice.world.pjsip(user, answers, hertz=PJSIP_HERTZ)
    call = await alice.call(user, await alice.world.media())
    await (call.answered() if answers else call.ringing())
    return call, phone


async def into(alice: Customer, user: str) -> tuple[JingleCall, Baresip]:
    """A phone that has no UPDATE calls Alice, who accepts."""
    phone, mark = await alice.world.phone(user), len(alice.client.stanzas)
    await phone.dial("sip:alice@sip.test")
    call = await JingleCall.incoming(alice.client, await alice.world.media(), after=mark)
    await call.accept()
    await phone.event("CALL_ESTABLISHED")
    return call, phone


async def rung(alice: Customer) -> tuple[JingleCall, Sipp]:
    """A phone calls Alice, and her client rings."""
    mark = len(alice.client.stanzas)
    phone = await alice.world.caller("alice", "call")
    call = await JingleCall.incoming(alice.client, await alice.world.media(), after=mark)
    await call.ring()
    return call, phone


def told(database: DatabaseAddress) -> list[str]:
    """The methods by which far ends were told where we are, and have taken it in."""
    with closing(open_reader(database)) as log:
        events = [recorded.event for recorded, _ in log.read()]
    moved = [place for place, each in enumerate(events) if isinstance(each, PolicyChanged)][1:]
    later = events[moved[0] :] if moved else []
    answers = (each for each in later if isinstance(each, SipResponseReceived) and each.status == 200)
    return sorted(each.method for each in answers if each.method in ("UPDATE", "INVITE"))


@pytest.mark.parametrize("path", ["auto", "relay"])
async def test_calls_go_on(alice: Customer, machines: Machines, database: DatabaseAddress) -> None:
    called, carol = await out(alice, "carol")
    calling, bob = await into(alice, "bob")
    unanswered, dave = await out(alice, "dave", answers=False)
    unaccepted, sipp = await rung(alice)
    await hear_each_other(called, carol)
    mark = len(dave.events)
    await machines.change()
    await until(lambda: told(database) == ["INVITE", "UPDATE"], "the far ends know where we are")

    await hear_each_other(called, carol)
    await hold_each_other(called, carol)
    carol.hang_up()
    assert (await called.ended()).reason == "success"

    await bob.hold()
    await calling.told("hold")
    held = len(alice.client.stanzas)
    await bob.resume()
    await calling.told("unhold", after=held)
    await calling.terminate()
    await bob.event("CALL_CLOSED")

    await unaccepted.accept()
    await sipp.process.until(lambda: "ACK sip:" in sipp.messages, "the caller confirms the answer")
    await unaccepted.terminate()
    await sipp.followed()

    await dave.event("incoming", after=mark)
    dave.answer()
    await unanswered.answered()
    await hear_each_other(unanswered, dave)
    mark = len(dave.events)
    await unanswered.terminate()
    await dave.event("state", state="DISCONNECTED", after=mark)
    await until(lambda: registered(alice) == [machines.other.address], "the old Contact is removed")


def registered(alice: Customer) -> list[str]:
    """The addresses of the gateway that the provider knows."""
    return [re.findall(r"@([0-9.]+):", each)[0] for each in alice.world.provider.contacts("alice")]
