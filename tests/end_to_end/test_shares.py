"""Two workers with ejabberd, which spreads users over their streams by a hash: what comes to the wrong worker."""

import asyncio
import os
import re
import signal
from collections.abc import AsyncIterator
from contextlib import closing

import pytest_asyncio
from click.testing import CliRunner
from world.ejabberd import BalancingEjabberd
from world.gateway import Gateway
from world.jingle_call import JingleCall
from world.postgresql import PostgresqlServer
from world.process import until
from world.stanza import failure
from world.world import World

from fargo.cli import main
from fargo.cli import texts as cli
from fargo.statemachine.model.commands import Fault
from fargo.store.places import DatabaseAddress
from fargo.workers.texts import COMES

from .customer import Customer
from .pjsip_calls import hear_each_other
from .test_self_service import ask, body, run
from .test_self_service import note as said
from .test_user_agent_phones import called
from .verified import verified

USERS = ("alice", "dave", "bob")


@pytest_asyncio.fixture
async def world() -> AsyncIterator[World]:
    async with World(dict.fromkeys(USERS, "wonderland"), server=BalancingEjabberd) as made:
        yield made


async def restart(*workers: Gateway) -> None:
    """Restart workers, whose calls go on. ejabberd gives the places that became free, in order, to their streams."""
    for each in reversed(workers):
        os.kill(each.process.pid, signal.SIGTERM)
        assert await each.process.ended() == 0
    for each in workers:
        await each.start()


async def went(user: Customer, *workers: Gateway) -> None:
    """Wait until a user has moved from one worker to the other."""
    jid = user.client.bare_jid
    said = re.escape(COMES.format(user=jid))
    comes = [asyncio.create_task(each.process.line(said)) for each in workers]
    done, others = await asyncio.wait(comes, return_when=asyncio.FIRST_COMPLETED)
    for each in others:
        each.cancel()
    for each in done:
        await each


async def one_binding(user: Customer) -> None:
    """Wait until the provider knows one Contact of a user."""
    name = user.account.user
    await until(lambda: len(user.world.provider.contacts(name)) == 1, "one binding")


async def test_what_comes_to_the_wrong_worker_reaches_the_users_own(
    world: World, postgresql: PostgresqlServer, database: DatabaseAddress
) -> None:
    settings, options = {"log": {"store": database.uri}}, ["--keep-calls"]
    first = await world.add(Gateway(world.server, settings=settings, worker="a", options=options))
    second = await world.add(Gateway(world.server, settings=settings, worker="b", options=options, like=first))
    alice, dave, bob = users = [Customer(world, first, await world.client(name)) for name in USERS]
    await alice.register()
    await dave.register()
    assert "register" in await ask(bob, "help")
    call, phone = await called(alice, await world.media())
    await hear_each_other(call, phone)
    await restart(second, first)  # now all stanzas come to the other worker

    # A user without an account, who writes a password in the chat; a form with one; a call.
    account = bob.account
    assert "password" in await ask(bob, f"register {account.user}@{account.host}:{account.port}")
    await ask(bob, account.password)
    await bob.signed_in()
    mark = len(dave.client.stanzas)
    assert failure(await dave.submit()) is None
    await dave.signed_in(after=mark)
    await call.inform("hold")
    await phone.event("media", state="held")
    mark = len(phone.events)
    await call.inform("unhold")
    await phone.event("media", state="active", after=mark)
    await hear_each_other(call, phone)
    await call.terminate()
    assert (await phone.closed())["status"] == 200

    # When they are quiet, they move to the worker to which their stanzas come, and register there.
    for each in users:
        await went(each, first, second)
        await each.signed_in()
        call = await each.call("carol", await world.media())
        await call.answered()
        await call.terminate()
    for each in users:
        await one_binding(each)
        phone.dial(f"sip:{each.account.user}@sip.test")
        incoming = await JingleCall.incoming(each.client, await world.media())
        await incoming.accept()
        await incoming.terminate()
    assert not any(isinstance(each.command, Fault) for _, issued in verified(database) for each in issued)
    with closing(postgresql.connect(database)) as db:
        assert db.execute("select count(*) from handed_on").fetchall() == [(0,)]


def fargo(gateway: Gateway, *words: str, worker: str | None = None) -> tuple[int, str]:
    """Return the exit code and the output of a command about a gateway, or about a worker of it."""
    which = ("--worker", worker) if worker else ()
    done = CliRunner().invoke(main, [*words, "-c", str(gateway.configuration), *which])
    return done.exit_code, done.output


async def test_who_looks_after_the_users_of_two_workers(
    world: World, postgresql: PostgresqlServer, database: DatabaseAddress
) -> None:
    settings: dict[str, dict[str, object]] = {
        **{"log": {"store": database.uri}, "xmpp": {"admins": [f"alice@{world.server.domain}"]}},
        **{"workers.a": {}, "workers.b": {}},
    }
    first = await world.add(Gateway(world.server, settings=settings, worker="a"))
    second = await world.add(Gateway(world.server, settings=settings, worker="b", like=first))
    gateways = {"a": first, "b": second}
    alice, dave, bob = users = [Customer(world, first, await world.client(name)) for name in USERS]
    for each in users:
        await each.register()
    with closing(postgresql.connect(database)) as db:
        of = {str(jid): str(name) for jid, name in db.execute("select jid, worker from owners").fetchall()}
    here = of[alice.client.bare_jid]
    (there,) = gateways.keys() - {here}
    theirs = [each for each in (dave, bob) if of[each.client.bare_jid] == there]
    assert theirs, "the admin has another worker than somebody"
    other = theirs[0]

    # What is about one worker has to name it; what reads the log has all.
    for command in (["status"], ["drain"], ["announce", "Soon."], ["users", "remove", "--yes", other.client.bare_jid]):
        code, told = fargo(first, *command)
        assert (code, "a, b" in told) == (2, True), command
    assert fargo(gateways[here], "status", worker=here)[1].count("\nhanded on ") == 1
    (await (await other.call("nobody", await world.media())).ended())
    for command in (["accounts"], ["calls"], ["why", other.client.bare_jid]):
        code, told = fargo(first, *command)
        assert (code, other.client.bare_jid in told) == (0, True), (command, told)
    assert fargo(first, "users", "export", other.client.bare_jid)[0] == 0

    # Whoever has been asked speaks of their own users, and says that there are others.
    note = f"This is so of the users of worker {here}. Other workers: {there}."
    told = await ask(alice, "admin users")
    assert alice.client.bare_jid in told
    assert other.client.bare_jid not in told
    assert note in told
    assert note in said(await run(alice.client, first.jid, "admin-users"))
    for words in ("failures", "drain", "drain off"):
        assert note in await ask(alice, f"admin {words}"), words
    mark = len(alice.client.stanzas)
    await ask(alice, "admin announce Soon.")
    await alice.client.wait(lambda each: note in body(each), "the answer", after=mark)

    # A removal reaches the worker that has the user, from the command line, and from a chat.
    mark = len(other.client.stanzas)
    code, told = fargo(gateways[here], "users", "remove", other.client.bare_jid, "--yes", worker=here)
    assert (code, told) == (0, f"{cli.REMOVED_ELSEWHERE.format(user=other.client.bare_jid, worker=there)}\n")
    await other.client.presence(first.jid, "unsubscribe", after=mark)
    await world.provider.unregistered(other.account.user)
    await other.register()
    mark = len(other.client.stanzas)
    assert f"Worker {there} has the user" in await ask(alice, f"admin remove {other.client.bare_jid} yes")
    await other.client.presence(first.jid, "unsubscribe", after=mark)
    verified(database)
