"""A gateway whose log and passwords are in PostgreSQL: a call goes on while connections to the database are lost, and
while the gateway is killed and started again, also as a worker, and as one process after that.
"""

import asyncio
import json
import sys
from contextlib import closing
from pathlib import Path

import pytest
from world.gateway import FARGO, Gateway
from world.postgresql import PostgresqlServer, postgresql_server
from world.process import Process, until
from world.world import World

from fargo.calls import records
from fargo.statemachine.texts import STOPPING
from fargo.store.places import DatabaseAddress
from fargo.texts import COMMIT_FAILED

from .customer import Customer
from .pjsip_calls import SILENCE, hear_each_other, hold_each_other
from .test_take_over import told as told_where
from .test_user_agent_phones import called
from .verified import verified

_LOSE_CONNECTIONS = """
    select pg_terminate_backend(pid, 10000) from pg_stat_activity where application_name like 'fargo, %'
"""


_IMPATIENT = """
from fargo.cli import main
from fargo.store.postgresql import threaded
threaded.AWAY_SECONDS = 1.0
main()
"""
"""A gateway that waits for a server that is away for a second."""


async def told(gateway: Gateway, *arguments: str) -> str:
    """Return what a command says that finds the log by the configuration. It must succeed."""
    process = await Process.start("fargo", FARGO, *arguments, "-c", gateway.configuration)
    assert await process.ended() == 0, process.report()
    return process.output


async def become(gateway: Gateway, worker: str | None) -> None:
    """Kill a gateway, and let it go on as this worker, or as one process."""
    gateway.process.kill()
    await gateway.process.ended()
    gateway.tables.pop("workers.a", None)
    if worker:
        gateway.tables[f"workers.{worker}"] = {}
    gateway.options = ("--worker", worker) if worker else ()
    await gateway.start()


async def test_a_call_goes_on(world: World, postgresql: PostgresqlServer, database: DatabaseAddress) -> None:
    gateway = await world.add(Gateway(world.server, settings={"log": {"store": database.uri}}))
    alice = Customer(world, gateway, await world.client("alice"))
    with closing(postgresql.connect(database)) as db:
        db.execute(_LOSE_CONNECTIONS)
        await alice.register()
        db.execute(_LOSE_CONNECTIONS)
        call, phone = await called(alice, await world.media())
        db.execute(_LOSE_CONNECTIONS)
        await hold_each_other(call, phone)
        for worker in (None, "a", None):
            await become(gateway, worker)
            if worker:
                await until(lambda: bool(told_where(database)), "the phone knows where the gateway is")
            mark = len(phone.events)
            await call.inform("hold")
            await phone.event("media", state="held", after=mark)
            await call.inform("unhold")
            await hear_each_other(call, phone)
            phone.hold()
            await call.media.hears(SILENCE)
            phone.resume()
            await hear_each_other(call, phone)
        db.execute(_LOSE_CONNECTIONS)
        phone.hang_up()
        assert (await call.ended()).reason == "success"
        await phone.closed()
        assert f"The database {database} can be used." in await told(gateway, "check")
        sealed = db.execute("select string_agg(sealed, '') from passwords").fetchall()[0][0]
        assert isinstance(sealed, bytes)
        assert alice.account.password.encode() not in sealed
    [row] = json.loads(await told(gateway, "calls", "--json"))
    assert (row["user"], row["cause"]) == (alice.client.bare_jid, "hung-up")
    await gateway.stop()
    assert await gateway.process.ended() == 0, gateway.process.report()
    assert not list(gateway.state.glob("*.db"))
    verified(database)


@pytest.mark.servers
async def test_a_server_that_stays_away_is_told_to_everybody_and_the_next_start_knows_it(
    world: World, tmp_path: Path
) -> None:
    with postgresql_server(tmp_path) as server:
        database = server.new_address()
        program = (sys.executable, "-c", _IMPATIENT)
        gateway = await world.add(Gateway(world.server, settings={"log": {"store": database.uri}}, program=program))
        alice = Customer(world, gateway, await world.client("alice"))
        await alice.register()
        call, phone = await called(alice, await world.media())
    informing = asyncio.create_task(call.inform("active"))  # anything that the log has to take
    ended = await call.ended()
    assert (ended.reason, ended.text) == ("connectivity-error", STOPPING)
    await phone.closed()
    assert await gateway.process.ended() == 1
    informing.cancel()
    assert COMMIT_FAILED.partition("{")[0] in gateway.process.output
    with postgresql_server(tmp_path):
        await gateway.start()
        await gateway.stop()
        [call_record] = records(verified(database))
        assert call_record.ended is not None
