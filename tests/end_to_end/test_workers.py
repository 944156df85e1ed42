"""Workers: processes that share a database, and one that takes the place of another."""

import re
from contextlib import closing

import pytest
from world.gateway import Gateway
from world.postgresql import PostgresqlServer
from world.world import World

from fargo.edge.leftover import end, find, run_dir_in
from fargo.store.opening import open_reader
from fargo.store.places import DatabaseAddress
from fargo.workers.texts import STANDS_BY, TAKES_OVER
from replay.verifying.report import report
from replay.verifying.verify import verify

from .customer import Customer
from .pjsip_calls import hear_each_other
from .test_user_agent_phones import called

WAITS = f"{re.escape(STANDS_BY.partition('{')[0])}a"
TAKEN = re.escape(TAKES_OVER.format(worker="a"))


@pytest.fixture
def database(postgresql: PostgresqlServer) -> DatabaseAddress:
    return postgresql.new_address()


def die(gateway: Gateway) -> None:
    """Let the machine of a gateway be gone: the gateway and its edge."""
    gateway.process.kill()
    if edge := find(run_dir_in(gateway.state)):
        end(edge)


async def test_another_process_takes_a_worker_over(world: World, database: DatabaseAddress) -> None:
    settings = {"log": {"store": database.uri}}
    first = await world.add(Gateway(world.server, settings=settings, worker="a"))
    other = Gateway(world.server, settings=settings, worker="a", like=first)
    await other.run()
    await other.process.line(WAITS)
    alice = Customer(world, first, await world.client("alice"))
    await alice.register()
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
    with closing(open_reader(database)) as log:
        verdict = verify(log.read())
        assert not verdict.differences, "\n".join(report(verdict))
