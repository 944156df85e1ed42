"""`fargo backup`, `restore` and `accept-log`, and what `check` and `run` say of a log that is not the passwords'."""

import os
import shutil
import socket
import tomllib
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from world.ports import free_port

from fargo.backfill import backfill
from fargo.cli import main, texts
from fargo.config_sections import INSIDE
from fargo.store.opening import open_reader, open_store
from fargo.store.sqlite.vault_tables import open_vault, write_mark
from fargo.store.state import open_log, take_lock, why_not_together
from fargo.store.texts import IN_USE, NO_BACKUP, NOT_EMPTY, STATE_EXISTS
from replay.reading import golden

SESSION = Path(__file__).parents[2] / "replay/sessions/calls-a-call-in-has-sound-both-ways.jsonl"
USER = "alice@localhost"
SECRET = "uDDlnzp1LYP46JeM"
"""The name of the password in SESSION."""
CONFIG = """
[xmpp]
domain = "sip.example.org"
secret = "x"
allowed_domains = ["example.org"]
[sip]
address = "127.0.0.2"
port = {port}
inside_port = {inside}
[state]
directory = "state"
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "fargo.toml"
    path.touch(mode=0o600)
    path.write_text(CONFIG.format(port=free_port("127.0.0.2"), inside=free_port(INSIDE)))
    return path


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """The state of a gateway that has stopped: the log has a session, and the vault its password."""
    directory = tmp_path / "state"
    directory.mkdir(mode=0o700)
    with (
        closing(open_log(directory, backfill)) as log,
        closing(open_vault(directory / "vault.db")) as vault,
        vault.conn as conn,
    ):
        log.append(golden.read(SESSION))
        conn.execute("insert into passwords (name, user, password) values (?, ?, 'one')", [SECRET, USER])
        write_mark(conn, log.mark())
    (directory / "edge.key").write_text("a key of the SIP edge")
    return directory


def fargo(*args: str | Path) -> Result:
    result = CliRunner().invoke(main, [*map(str, args)])
    assert result.exception is None or isinstance(result.exception, SystemExit)
    return result


def told(result: Result) -> tuple[int, str, str]:
    return result.exit_code, result.stdout, result.stderr


def change_password(copy: Path, sql: str) -> None:
    with closing(open_vault(copy / "vault.db")) as vault, vault.conn as conn:
        conn.execute(sql)


def entries(directory: Path) -> int:
    with closing(open_reader(directory / "fargo.db")) as log:
        return len(log)


def test_a_backup_is_made_verified_and_restored(config: Path, state: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    assert told(fargo("backup", copy, "-c", config)) == (0, f"{texts.BACKED_UP.format(path=copy)}\n", "")
    verified = fargo("backup", "--verify", copy)
    assert (verified.exit_code, verified.stdout.splitlines()[-1]) == (0, texts.BACKUP_SOUND.format(path=copy))
    shutil.rmtree(state)
    assert told(fargo("restore", copy, "-c", config)) == (0, f"{texts.RESTORED.format(path=state)}\n", "")
    assert why_not_together(state) is None
    assert entries(state) == sum(1 for _ in golden.read(SESSION))


def test_a_backup_replaces_nothing(config: Path, state: Path) -> None:
    assert told(fargo("backup", state, "-c", config)) == (2, "", f"Error: {NOT_EMPTY.format(path=state)}\n")


def test_a_state_is_replaced_only_if_told(config: Path, state: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    fargo("backup", copy, "-c", config)
    refused = fargo("restore", copy, "-c", config)
    assert told(refused) == (2, "", f"Error: {STATE_EXISTS.format(path=state)}\n")
    assert "--replace" in refused.stderr
    replaced = fargo("restore", copy, "-c", config, "--replace")
    (moved,) = state.glob("replaced-*")
    assert replaced.stdout.splitlines() == [texts.RESTORED.format(path=state), texts.MOVED_ASIDE.format(path=moved)]
    assert entries(moved) == entries(state)


def test_nothing_is_restored_while_a_gateway_runs(config: Path, state: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    fargo("backup", copy, "-c", config)
    with closing(open_log(state, backfill)):
        refused = fargo("restore", copy, "-c", config, "--replace")
    assert told(refused) == (2, "", f"Error: {IN_USE.format(path=state, holder=os.getpid())}\n")


def test_what_is_no_backup_is_refused(config: Path, tmp_path: Path) -> None:
    for arguments in (("backup", "--verify", tmp_path), ("restore", tmp_path, "-c", config)):
        said = f"Error: {NO_BACKUP.format(path=tmp_path, name='fargo.db')}\n"
        assert told(fargo(*arguments)) == (2, "", said)


def test_a_password_that_a_backup_lacks_is_noticed(config: Path, state: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    fargo("backup", copy, "-c", config)
    change_password(copy, "update passwords set name = 'other'")
    verified = fargo("backup", "--verify", copy)
    assert (verified.exit_code, verified.stdout.splitlines()[-1]) == (
        1,
        texts.PASSWORD_MISSING.format(path=copy, user=USER),
    )


def test_a_log_that_folds_otherwise_is_noticed(config: Path, state: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    with closing(open_store(state / "fargo.db")) as log:
        (recorded, issued), *_ = log.read()
        log.condense(recorded, issued[:-1])
    fargo("backup", copy, "-c", config)
    verified = fargo("backup", "--verify", copy)
    assert verified.exit_code == 1
    assert texts.BACKUP_SOUND.format(path=copy) not in verified.stdout


@pytest.mark.usefixtures("servers")
def test_a_missing_log_is_refused_until_it_comes_back_or_another_is_accepted(
    config: Path, state: Path, tmp_path: Path
) -> None:
    assert fargo("check", "--offline", "-c", config).exit_code == 0
    right = shutil.move(state / "fargo.db", tmp_path / "right.db")
    problem = why_not_together(state)
    assert problem
    for command in (["check", "--offline"], ["run"]):
        refused = fargo(*command, "-c", config)
        assert told(refused) == (2, "", f"Error: {config}: state.directory: {problem}\n")
    assert not (state / "fargo.db").exists()
    accepted = fargo("accept-log", "-c", config)
    assert told(accepted) == (0, f"{texts.LOG_ACCEPTED.format(path=state / 'fargo.db')}\n", "")
    assert fargo("check", "--offline", "-c", config).exit_code == 0
    shutil.move(right, state / "fargo.db")
    assert fargo("check", "--offline", "-c", config).exit_code == 2, "the other log is the gateway's now"
    assert fargo("accept-log", "-c", config).exit_code == 0
    assert fargo("check", "--offline", "-c", config).exit_code == 0


@pytest.mark.usefixtures("servers")
@pytest.mark.parametrize("way", ["the right log", "accept-log"])
def test_an_old_log_beside_a_newer_vault_is_refused_and_both_ways_out_work(
    config: Path, state: Path, tmp_path: Path, way: str
) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    fargo("backup", old, "-c", config)
    with closing(open_log(state, backfill)) as log, closing(open_vault(state / "vault.db")) as vault:
        (recorded, _), *_ = log.read()
        log.append([(type(recorded)("bob@localhost", 1, recorded.at, recorded.event), ())])
        with vault.conn as conn:
            write_mark(conn, log.mark())
    fargo("backup", new, "-c", config)
    shutil.copy(old / "fargo.db", state)
    assert f"state.directory: {why_not_together(state)}\n" in fargo("check", "--offline", "-c", config).stderr
    if way == "accept-log":
        assert fargo("accept-log", "-c", config).exit_code == 0
    else:
        shutil.copy(new / "fargo.db", state)
    assert fargo("check", "--offline", "-c", config).exit_code == 0
    with closing(open_vault(state / "vault.db")) as vault:
        assert [row["name"] for row in vault.table("passwords").rows] == [SECRET]


def test_a_log_that_belongs_needs_no_acceptance(config: Path, state: Path) -> None:
    result = fargo("accept-log", "-c", config)
    assert told(result) == (2, "", f"Error: {texts.LOG_BELONGS.format(path=state)}\n")


@pytest.mark.usefixtures("servers")
def test_a_second_gateway_is_refused_before_its_ports_are(config: Path, state: Path) -> None:
    port = tomllib.loads(config.read_text())["sip"]["port"]
    lock = take_lock(state)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.2", port))
        refused = fargo("run", "-c", config)
    lock.release()
    assert told(refused) == (2, "", f"Error: {IN_USE.format(path=state, holder=os.getpid())}\n")
