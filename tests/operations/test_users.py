"""`fargo announce` and `fargo users remove`, with a gateway that runs, and without."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from store.entries import ALICE, BATCH, BOB
from store.reactor import done, reactor
from world.gateway import FARGO, Gateway
from world.process import Process, until
from world.world import World

from fargo.backfill import backfill
from fargo.cli import live, main, texts
from fargo.operations import texts as operations
from fargo.statemachine import texts as core
from fargo.statemachine.model.commands import SendText
from fargo.statemachine.model.events import Announced, UserRemoved
from fargo.store.directory_lock import DirectoryLock
from fargo.store.opening import log_in, open_reader
from fargo.store.state import open_log, tables_in, why_not_together
from fargo.store.vault import Vault, vault_in

CONFIGURATION = """
[xmpp]
domain = "sip.example.org"
secret = "open sesame"
allowed_domains = ["example.org"]
[sip]
address = "127.0.0.2"
[state]
directory = "state"
"""
PAUSE = "A pause tonight.\nFrom ten."
BODY = "{jabber:client}body"


def fargo(*args: str | Path, given: str = "") -> Result:
    result = CliRunner().invoke(main, [*map(str, args)], input=given)
    assert result.exception is None or isinstance(result.exception, SystemExit)
    return result


@pytest.fixture
async def file(tmp_path: Path) -> Path:
    """The configuration of a gateway that does not run, with two users, each with a password."""
    state = tmp_path / "state"
    state.mkdir(mode=0o700)
    with closing(open_log(state, backfill)) as log, closing(Vault(tables_in(state), log.mark, reactor())) as vault:
        log.append(BATCH)
        for user in (ALICE, BOB):
            await done(vault.keep(user, f"password of {user}"))
    path = tmp_path / "fargo.toml"
    path.write_text(CONFIGURATION)
    return path


def owners(state: Path) -> list[str]:
    """Return the users of whom the vault has passwords."""
    with sqlite3.connect(vault_in(state)) as db:
        return [user for (user,) in db.execute("select user from passwords order by user")]


async def test_a_user_is_removed_from_log_and_vault_if_no_gateway_runs(file: Path) -> None:
    state = file.parent / "state"
    result = fargo("users", "remove", ALICE.upper(), "--yes", "-c", file)
    assert (result.exit_code, result.stdout) == (0, f"{texts.REMOVED.format(user=ALICE)}\n")
    with closing(open_reader(log_in(state))) as log:
        assert {recorded.user for recorded, _ in log.read()} == {entry[0].user for entry in BATCH} - {ALICE}
    assert owners(state) == [BOB]
    assert why_not_together(state) is None
    for name in (log_in(state), vault_in(state)):
        assert f"password of {ALICE}".encode() not in name.read_bytes()
        assert ALICE.encode() not in name.read_bytes()
    result = fargo("users", "remove", ALICE, "--yes", "-c", file)
    assert (result.exit_code, result.stderr) == (2, f"Error: {texts.NOTHING_OF_USER.format(path=state, user=ALICE)}\n")


async def test_it_is_asked_before(file: Path) -> None:
    result = fargo("users", "remove", ALICE, "-c", file, given="n\n")
    assert result.exit_code == 1
    assert texts.REMOVE.format(user=ALICE) in result.stdout
    assert owners(file.parent / "state") == [ALICE, BOB]
    assert fargo("users", "remove", ALICE, "-c", file, given="y\n").exit_code == 0


async def test_another_process_has_the_state(file: Path) -> None:
    lock = DirectoryLock(file.parent / "state")
    result = fargo("users", "remove", ALICE, "--yes", "-c", file)
    lock.release()
    assert result.exit_code == 2
    assert owners(file.parent / "state") == [ALICE, BOB]


def test_nobody_is_told_if_no_gateway_runs(tmp_path: Path) -> None:
    (tmp_path / "fargo.toml").write_text(CONFIGURATION)
    result = fargo("announce", "Hello.", "-c", tmp_path / "fargo.toml")
    assert (result.exit_code, texts.NOT_RUNNING.format(path=tmp_path / "state") in result.stderr) == (2, True)


def test_a_gateway_that_cannot_be_asked_is_no_gateway_that_does_not_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "fargo.toml").write_text(CONFIGURATION)
    monkeypatch.setattr(live, "gateway_of", lambda _: 4711)
    for words in (["announce", "Hello."], ["users", "remove", ALICE, "--yes"]):
        result = fargo(*words, "-c", tmp_path / "fargo.toml")
        problem = texts.GATEWAY_WITHOUT_SOCKET.format(path=tmp_path / "state", pid=4711)
        assert (result.exit_code, result.stderr) == (2, f"Error: {problem}\n")


@pytest.mark.parametrize(("text", "problem"), [(" \n", texts.EMPTY_TEXT), ("x" * 2001, "2,001")])
def test_what_cannot_be_said(tmp_path: Path, text: str, problem: str) -> None:
    (tmp_path / "fargo.toml").write_text(CONFIGURATION)
    result = fargo("announce", "-", "-c", tmp_path / "fargo.toml", given=text)
    assert (result.exit_code, problem in result.stderr) == (2, True)


# --- a gateway that runs


async def command(gateway: Gateway, *args: str) -> tuple[int, str]:
    process = await Process.start("fargo", FARGO, *args, "-c", gateway.configuration)
    return await process.ended(), process.output


async def test_a_user_is_spoken_to_and_removed(world: World, gateway: Gateway) -> None:
    alice = await world.client("alice")
    await world.register(alice)
    assert (await command(gateway, "announce", PAUSE))[1].strip() == texts.ANNOUNCED.format(users=1, seconds=0)
    said = await alice.wait(lambda stanza: stanza.findtext(BODY) == PAUSE, "the message")
    assert said.get("from") == gateway.jid
    code, told = await command(gateway, "users", "remove", BOB, "--yes")
    assert (code, operations.NO_SUCH_USER.format(user=BOB) in told) == (2, True)
    mark = len(alice.stanzas)
    code, told = await command(gateway, "users", "remove", alice.bare_jid, "--yes")
    assert (code, told.strip()) == (0, texts.REMOVED_WHILE_RUNNING.format(user=alice.bare_jid))
    await alice.wait(lambda each: each.findtext(BODY) == core.USER_REMOVED, "a message", after=mark)
    await alice.presence(gateway.jid, "unsubscribe", after=mark)
    await world.provider.unregistered("alice")
    await until(lambda: not owners(gateway.state), "the password is erased")
    with closing(open_reader(gateway.log)) as log:
        events = [type(recorded.event) for recorded, _ in log.read(alice.bare_jid)]
        texts_sent = [each.command for _, issued in log.read() for each in issued if isinstance(each.command, SendText)]
    assert events.index(Announced) < events.index(UserRemoved)
    assert [each.text for each in texts_sent] == [PAUSE, core.USER_REMOVED]
    await world.register(alice)
