"""A backup of a gateway that is being written to all the time, restored after the gateway was killed."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path

from world.gateway import FARGO, Gateway
from world.process import Process
from world.stanza import NS, element
from world.world import World
from world.xmpp_client import XmppClient

from fargo.cli import texts
from fargo.store.copies import names_of_passwords
from fargo.store.opening import log_in, open_reader
from fargo.store.vault import UNUSED_DAYS
from fargo.texts import UNUSED_FOUND


async def fargo(*args: str | Path) -> tuple[int, str]:
    """Run a command; return its exit code and output."""
    process = await Process.start("fargo", FARGO, *args)
    return await process.ended(), process.output


def events(state: Path) -> int:
    with closing(open_reader(log_in(state))) as log:
        return len(log)


@asynccontextmanager
async def written_to(gateway: Gateway, client: XmppClient, times: int) -> AsyncIterator[None]:
    """Let a user ask the gateway for its form again and again, at least so many times."""
    done = asyncio.Event()
    rounds = 0

    async def write() -> None:
        nonlocal rounds
        while rounds < times or not done.is_set():
            await client.request("get", gateway.jid, element("query", NS["register"]))
            rounds += 1

    writing = asyncio.create_task(write())
    try:
        yield
    finally:
        done.set()
        await writing


async def test_a_backup_of_a_gateway_that_is_written_to_is_restored_and_starts(
    world: World, gateway: Gateway, tmp_path: Path
) -> None:
    alice, dave = await world.client("alice"), await world.client("dave")
    await world.register(alice)
    backups = [tmp_path / str(number) for number in range(4)]
    async with written_to(gateway, dave, 20):
        for number, backup in enumerate(backups):
            if number == 2:
                await world.register(dave)
            code, said = await fargo("backup", backup, "-c", gateway.configuration)
            assert (code, said) == (0, texts.BACKED_UP.format(path=backup))
    for backup in backups:
        code, said = await fargo("backup", "--verify", backup)
        assert (code, said.splitlines()[-1]) == (0, texts.BACKUP_SOUND.format(path=backup))
    written = [events(backup) for backup in backups]
    assert written == sorted(written)
    assert written[0] < written[-1], "it was written to"
    assert [len(names_of_passwords(backup)) for backup in backups] == [1, 1, 2, 2]
    gateway.process.kill()
    await gateway.process.ended()
    code, said = await fargo("restore", backups[1], "-c", gateway.configuration, "--replace")
    assert code == 0, said
    mark = len(alice.stanzas)
    await gateway.start()
    await signed_in(alice, gateway, mark)
    code, said = await fargo("backup", "--verify", gateway.state)
    assert code == 0, said


async def signed_in(client: XmppClient, gateway: Gateway, after: int) -> None:
    await client.wait(
        lambda each: each.get("from") == gateway.jid and any("Signed in" in (part.text or "") for part in each.iter()),
        "the news that it is signed in",
        after=after,
    )


async def test_an_old_log_beside_a_newer_vault_is_refused_and_costs_no_password(
    world: World, gateway: Gateway, tmp_path: Path
) -> None:
    old = tmp_path / "old"
    alice, dave = await world.client("alice"), await world.client("dave")
    await world.register(alice)
    assert (await fargo("backup", old, "-c", gateway.configuration))[0] == 0
    await world.register(dave)
    await gateway.process.stop()
    gateway.log.write_bytes((old / "fargo.db").read_bytes())
    code, said = await fargo("run", "-c", gateway.configuration)
    assert code == 2
    assert "is older than the passwords in" in said
    code, said = await fargo("accept-log", "-c", gateway.configuration)
    assert (code, said) == (0, texts.LOG_ACCEPTED.format(path=gateway.log))
    mark = len(alice.stanzas)
    await gateway.start()
    await signed_in(alice, gateway, mark)
    assert UNUSED_FOUND.format(count=1, days=UNUSED_DAYS) in gateway.process.output
