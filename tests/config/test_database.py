"""Commands that read, copy and change a log in PostgreSQL: they take its address, or find it in the configuration."""

import json
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from world.postgresql import PostgresqlServer

from fargo.backfill import backfill
from fargo.checking import database as checking
from fargo.checking import texts as checking_texts
from fargo.cli import main, texts
from fargo.config import ConfigError, load
from fargo.store.opening import log_in, open_reader, open_store
from fargo.store.places import DatabaseAddress
from fargo.store.state import open_log, require_key
from fargo.store.texts import NO_ADDRESS, PASSWORD_IN_ADDRESS
from replay.reading import golden

SESSION = Path(__file__).parents[2] / "replay/sessions/calls-a-call-in-has-sound-both-ways.jsonl"
CONFIG = """
[xmpp]
domain = "sip.example.org"
secret = "open sesame"
allowed_domains = ["example.org"]
[sip]
address = "127.0.0.2"
[state]
directory = "."
[log]
store = "{}"
keep = "90d"
"""
WITH_PASSWORD = "postgresql://fargo:correct-horse@db.example.org/fargo"


@pytest.fixture
def database(postgresql: PostgresqlServer) -> DatabaseAddress:
    return postgresql.new_address()


@pytest.fixture
def config(database: DatabaseAddress, tmp_path: Path) -> Path:
    path = tmp_path / "fargo.toml"
    path.touch(mode=0o600)
    path.write_text(CONFIG.format(database))
    return path


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """The log of a gateway in a file."""
    directory = tmp_path / "files"
    directory.mkdir()
    with closing(open_log(directory, backfill)) as log:
        log.append(golden.read(SESSION))
    return log_in(directory)


def fargo(*args: object) -> Result:
    result = CliRunner().invoke(main, [*map(str, args)])
    assert result.exception is None or isinstance(result.exception, SystemExit)
    return result


def test_a_log_is_copied_to_where_the_commands_find_it(config: Path, database: DatabaseAddress, files: Path) -> None:
    with closing(open_reader(files)) as log:
        count = len(log)
    copied = fargo("log", "copy", files, database, "-c", config)
    assert copied.stdout == texts.COPIED.format(entries=count, passwords=0, target=database) + "\n"
    for command in (("calls", "--json"), ("accounts", "--json"), ("log", "stats", "--json")):
        expected = json.loads(fargo(*command, "--log", files).stdout)
        found = json.loads(fargo(*command, "-c", config).stdout)
        if command[0] == "log":
            expected.pop("bytes")
            assert found.pop("bytes") > 0
        assert found == expected
        assert len(found) > 0
    assert fargo("replay", "verify", database).exit_code == 0
    user = json.loads(fargo("calls", "--json", "--log", database).stdout)[0]["user"]
    assert user in fargo("why", user, "-c", config).stdout
    assert fargo("log", "compact", "-c", config, "--keep", "1d").exit_code == 0
    with closing(open_reader(database)) as log:
        assert len(log) < count
    assert fargo("users", "remove", user, "--yes", "-c", config).exit_code == 0
    with closing(open_reader(database)) as log:
        assert log.version(user) == 0


def test_a_log_is_copied_for_workers_with_the_key_that_they_share(
    config: Path, database: DatabaseAddress, files: Path
) -> None:
    config.write_text(config.read_text() + "\n[workers.a]\n[workers.b]\n")
    copied = fargo("log", "copy", files, database, "-c", config)
    assert copied.exit_code == 0, copied.stderr
    require_key(load(config, "a").keys, database)
    assert not load(config, "a").state.directory.exists()


def test_a_log_is_compacted_while_a_gateway_runs(config: Path, database: DatabaseAddress) -> None:
    with closing(open_store(database)) as log:
        log.append(golden.read(SESSION))
        before = len(log)
        compacted = fargo("log", "compact", "-c", config, "--keep", "1d")
        assert compacted.exit_code == 0
        assert texts.LOG_IN_USE in compacted.stdout
        assert len(log) < before


def test_copies_of_a_database_are_not_ours(config: Path, database: DatabaseAddress, tmp_path: Path) -> None:
    for command in (("backup", tmp_path / "copy"), ("restore", tmp_path / "copy"), ("accept-log",)):
        refused = fargo(*command, "-c", config)
        assert refused.exit_code == 2
        assert texts.NOT_OF_DATABASE.format(database=database) in refused.stderr


def test_it_is_checked(config: Path, database: DatabaseAddress) -> None:
    answers = checking_texts.DATABASE_ANSWERS.format(database=database)
    assert [str(each) for each in checking.findings(load(config))] == [answers]
    open_store(database).close()
    assert [str(each) for each in checking.findings(load(config))] == [answers]
    config.write_text(CONFIG.format("postgresql:///x?host=/nowhere"))
    [found] = map(str, checking.findings(load(config)))
    assert found.startswith("log.store: postgresql:///x?host=/nowhere cannot be used as a log: connection to server")


@pytest.mark.parametrize(
    ("address", "problem"),
    [(WITH_PASSWORD, PASSWORD_IN_ADDRESS), ("fargo.db", NO_ADDRESS), ("mysql://localhost/fargo", NO_ADDRESS)],
)
def test_what_is_no_address_is_refused_and_no_password_shown(address: str, problem: str, tmp_path: Path) -> None:
    path = tmp_path / "fargo.toml"
    path.touch(mode=0o600)
    path.write_text(CONFIG.format(address))
    with pytest.raises(ConfigError) as raised:
        load(path)
    assert str(raised.value).endswith(f"log.store: {problem}")
    assert "correct-horse" not in str(raised.value)


def test_no_password_is_taken_from_a_command(tmp_path: Path) -> None:
    refused = fargo("calls", "--log", WITH_PASSWORD)
    assert refused.exit_code == 2
    assert PASSWORD_IN_ADDRESS.split(",")[0] in refused.stderr
    assert "correct-horse" not in refused.stderr
