"""Workers: processes that share a database, and one that takes the place of another."""

import asyncio
import os
import re
import signal
from contextlib import closing

from world.ejabberd import BalancingEjabberd
from world.gateway import FARGO, Gateway
from world.postgresql import PostgresqlServer
from world.process import Process
from world.sip_agent import ScriptedProvider
from world.world import World

from fargo.calls import records
from fargo.edge.leftover import end, find, run_dir_in
from fargo.statemachine.reason import Cause
from fargo.store.places import DatabaseAddress
from fargo.store.postgresql.texts import LEASE_LOST
from fargo.workers.texts import STANDS_BY, TAKES_OVER

from .customer import Customer
from .pjsip_calls import hear_each_other
from .scripted_calls import Talk, inward, out
from .test_user_agent_phones import called
from .verified import verified

USERS = [f"user{number}" for number in range(50)]
WAITS = f"{re.escape(STANDS_BY.partition('{')[0])}a"
TAKEN = re.escape(TAKES_OVER.format(worker="a"))


def die(gateway: Gateway) -> None:
    """Let the machine of a gateway be gone: the gateway and its edge."""
    gateway.process.kill()
    if edge := find(run_dir_in(gateway.state)):
        end(edge)


async def with_spare(world: World, database: DatabaseAddress) -> tuple[Gateway, Gateway, Customer]:
    """A worker, a process that waits for its place, and a user who is registered."""
    settings = {"log": {"store": database.uri}}
    first = await world.add(Gateway(world.server, settings=settings, worker="a"))
    other = Gateway(world.server, settings=settings, worker="a", like=first)
    await other.run()
    await other.process.line(WAITS)
    alice = Customer(world, first, await world.client("alice"))
    await alice.register()
    return first, other, alice


async def status(gateway: Gateway) -> tuple[int, str]:
    """Return the exit code and the output of `fargo status` about a worker."""
    process = await Process.start("status", FARGO, "status", "-c", gateway.configuration, "--worker", "a")
    return await process.ended(), process.output


async def test_another_process_takes_a_worker_over(world: World, database: DatabaseAddress) -> None:
    first, other, alice = await with_spare(world, database)
    lease = rf"^lease +has another process \(process {first.process.pid} on .*, connected since 20"
    log = r"^log +followed: 1 users, up to position [1-9]\d*, read to its end "
    async with asyncio.timeout(30):
        code, told = await status(other)
        while not re.search(log, told, re.M):  # it looks again when it has asked for the lease again
            code, told = await status(other)
    assert (code, bool(re.search(lease, told, re.M))) == (4, True), told
    die(first)
    await first.process.ended()
    await other.process.line(TAKEN)
    heard = len(alice.client.stanzas)
    await other.ready()
    await alice.signed_in(after=heard)
    call, phone = await called(alice, await world.media())
    await hear_each_other(call, phone)
    phone.hang_up()
    assert (await call.ended()).reason == "success"
    await first.run()
    await first.process.line(WAITS)
    await other.stop()
    await first.ready()
    verified(database)


async def test_a_process_that_was_frozen_says_nothing_when_another_has_its_place(
    world: World, database: DatabaseAddress
) -> None:
    first, other, alice = await with_spare(world, database)
    os.kill(first.process.pid, signal.SIGSTOP)
    alice.client.send(f"<message type='chat' to='{first.jid}'><body>status</body></message>")
    await other.process.line(TAKEN)
    heard = len(alice.client.stanzas)
    os.kill(first.process.pid, signal.SIGCONT)
    assert await first.process.ended() == 1
    assert re.search(re.escape(LEASE_LOST.partition("{")[0]), first.process.output)
    await other.ready()
    await alice.signed_in(after=heard)
    answers = [each for each in alice.client.stanzas[heard:] if each.tag.endswith("message")]
    assert answers == [], "the first process has answered, and the other has never heard the question"
    await other.stop()
    verified(database)


async def follows(talk: Talk) -> None:
    """The phone is told where the gateway is now."""
    told = await talk.phone.request_of("INVITE")
    talk.phone.follow(told)
    talk.phone.respond(told, 200, sdp=talk.phone.sdp(talk.media))
    await talk.phone.request_of("ACK")


async def hangs_up(talk: Talk) -> None:
    """The client hangs up, and the phone is told."""
    ends = asyncio.create_task(talk.phone.ended())
    await talk.call.terminate()
    await ends


async def test_no_call_is_lost_when_a_worker_is_gone(database: DatabaseAddress, postgresql: PostgresqlServer) -> None:
    async with World(dict.fromkeys(USERS, "secret"), server=BalancingEjabberd) as world:
        settings = {"log": {"store": database.uri}}
        first = await world.add(Gateway(world.server, settings=settings, worker="a"))
        second = await world.add(Gateway(world.server, settings=settings, worker="b", like=first))
        spare = Gateway(world.server, settings=settings, worker="a", like=first)
        await spare.run()
        await spare.process.line(WAITS)
        provider = await world.add(ScriptedProvider())
        customers = [Customer(world, first, await world.client(name), provider) for name in USERS]
        await asyncio.gather(*(each.register() for each in customers))
        talks = [await (out, inward)[number % 2](each, provider) for number, each in enumerate(customers)]
        workers = owners(postgresql, database)
        assert {workers[each.client.bare_jid] for each in customers} == {"a", "b"}, "both have some of the users"

        die(first)
        of_first = [each for each in talks if workers[each.alice.client.bare_jid] == "a"]
        await asyncio.gather(*(follows(each) for each in of_first))
        await spare.ready()
        await of_first[0].heard()
        ends = [talk.hang_up() if number % 4 < 2 else hangs_up(talk) for number, talk in enumerate(talks)]
        await asyncio.gather(*ends)
        await asyncio.gather(*(each.stop() for each in (spare, second)))
    assert [each.cause for each in records(verified(database))] == [Cause.HUNG_UP] * len(USERS)


def owners(server: PostgresqlServer, database: DatabaseAddress) -> dict[object, object]:
    """Return the worker of each user."""
    with closing(server.connect(database)) as db:
        return {row[0]: row[1] for row in db.execute("select jid, worker from owners")}
