"""A rakia or an edge dies: its calls end with a reason, it is started again, and its users are signed in again."""

import os
import signal
from pathlib import Path

from fargo import texts
from fargo.statemachine.account.texts import ENGINE_FAILED

from .customer import Customer
from .engines import telepathy_only


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
    await bob.hang_up()
    again = await alice.call("bob", await world.media())
    await again.answered()
    await again.terminate()
    await bob.event("CALL_CLOSED", after=len(bob.events) - 1)


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
