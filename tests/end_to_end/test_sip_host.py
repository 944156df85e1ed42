"""A rakia or an edge dies: its calls end with a reason, it is started again, and its users are signed in again."""

import os
import signal
from pathlib import Path

import pytest

from fargo import texts
from fargo.statemachine.account.texts import ENGINE_FAILED
from fargo.statemachine.texts import RESTARTED

from .customer import Customer
from .engines import telepathy_only

TOLD_SECONDS = 10


def children(pid: int, name: str) -> list[int]:
    """Return the pids of the children of a process that run the program of this name."""
    return [
        child
        for child in map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split())
        if Path(f"/proc/{child}/cmdline").read_bytes().split(b"\0")[0].endswith(name.encode())
    ]


@telepathy_only
async def test_a_sip_host_that_dies_is_replaced(alice: Customer) -> None:
    world, pid = alice.world, alice.gateway.process.pid
    bob = await world.phone("bob")
    call = await alice.call("bob", await world.media())
    await call.answered()
    [rakia] = children(pid, "telepathy-rakia")
    mark = len(alice.client.stanzas)
    os.kill(rakia, signal.SIGKILL)
    ended = await call.ended()
    assert ended.reason == "connectivity-error"
    assert ended.text == ENGINE_FAILED
    await alice.signed_in(after=mark)
    [successor] = children(pid, "telepathy-rakia")
    assert successor != rakia
    await bob.event("CALL_CLOSED")
    again = await alice.call("bob", await world.media())
    await again.answered()
    await again.terminate()
    await bob.event("CALL_CLOSED", after=len(bob.events) - 1)


@telepathy_only
@pytest.mark.parametrize("answers", [True, False], ids=["answered", "ringing"])
@pytest.mark.parametrize("options", [(), ("--keep-calls",)], ids=["killed", "stopped"])
async def test_both_ends_are_told_that_the_gateway_was_restarted(
    alice: Customer, answers: bool, options: tuple[str, ...]
) -> None:
    """rakia ends with it, and the edge does not."""
    gateway, mark = alice.gateway, len(alice.client.stanzas)
    gateway.options = options
    gateway.process.kill()
    await gateway.process.ended()
    await gateway.start()
    await alice.signed_in(after=mark)
    bob = await alice.world.phone("bob", answers)
    call = await alice.call("bob", await alice.world.media())
    await (call.answered() if answers else call.ringing())
    os.kill(gateway.process.pid, signal.SIGTERM if options else signal.SIGKILL)
    await gateway.process.ended()
    await gateway.start()
    ended = await call.ended(TOLD_SECONDS)
    assert ended.text == RESTARTED
    await bob.event("CALL_CLOSED", TOLD_SECONDS)


async def test_an_edge_that_dies_is_replaced(alice: Customer) -> None:
    world, pid = alice.world, alice.gateway.process.pid
    [edge] = children(pid, "kamailio")
    os.kill(edge, signal.SIGKILL)
    await alice.gateway.process.line(texts.RUNNING_AGAIN.format(name=texts.EDGE))
    assert children(pid, "kamailio") != [edge]
    bob = await world.phone("bob")
    media = await world.media()
    call = await alice.call("bob", media)
    await call.answered()
    await call.terminate()
    await bob.event("CALL_CLOSED")
