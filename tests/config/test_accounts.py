"""`fargo accounts` lists accounts and their changes, and `fargo users export` gives all that there is about a user."""

import json
import sys
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from fargo.cli import main, texts
from fargo.cli.accounts import LATEST
from fargo.statemachine.model.call_records import RecordAccount
from fargo.statemachine.model.commands import Issued
from fargo.statemachine.model.events import Recorded, StreamOpened
from fargo.store.directory_lock import DirectoryLock
from fargo.store.opening import log_in, open_store
from replay.reading import golden

SESSIONS = Path(__file__).parents[2] / "replay/sessions"
BUSY = SESSIONS / "endings-a-refused-call-says-why-486-busy-here-busy.jsonl"
CANCELLED = SESSIONS / "registration-cancelling-signs-out-and-forgets.jsonl"
ALICE = "alice@localhost"


def fargo(*args: str | Path) -> Result:
    result = CliRunner().invoke(main, [*map(str, args)])
    assert result.exception is None or isinstance(result.exception, SystemExit)
    return result


def told(*args: str, log: Path = BUSY) -> list[dict[str, object]]:
    result = fargo("accounts", *args, "--json", "--log", log)
    assert result.exit_code == 0
    found: list[dict[str, object]] = json.loads(result.stdout)
    return found


def test_each_account_is_listed_with_its_last_words() -> None:
    lines = fargo("accounts", "--log", BUSY).stdout.splitlines()
    assert lines[0].split() == ["USER", "ACCOUNT", "SINCE", "(UTC)", "STATE"]
    assert [line.split()[:2] for line in lines[1:]] == [[ALICE, "alice@sip.test"]]
    [row] = told()
    assert (row["user"], row["account"], row["signed_in"]) == (ALICE, "alice@sip.test", False)
    assert row["status"] == "Signed out of sip:alice@sip.test."
    assert str(row["since"]).endswith("Z")


def test_the_changes_of_one_account_in_any_spelling() -> None:
    changes = told("Alice@LOCALHOST/desk")
    assert [each["signed_in"] for each in changes][:1] == [True]
    assert changes[-1] == told()[0]
    assert [each["since"] for each in changes] == sorted(str(each["since"]) for each in changes)
    lines = fargo("accounts", ALICE, "--log", BUSY, "--tz", "Asia/Tokyo").stdout.splitlines()
    assert "SINCE (JST)" in lines[0]
    assert len(lines) == 1 + len(changes)


def test_a_cancelled_account_is_none() -> None:
    assert ALICE not in [each["user"] for each in told(log=CANCELLED)]
    assert told(ALICE, log=CANCELLED)[-1]["account"] is None


def test_nobody_and_a_stranger() -> None:
    result = fargo("accounts", "bob@localhost", "--log", BUSY)
    assert (result.exit_code, result.stdout) == (2, "")
    assert texts.NO_SUCH_USER.format(path=BUSY, user="bob@localhost") in result.stderr
    result = fargo("accounts", "--log", CANCELLED)
    assert (result.exit_code, texts.NOBODY_REGISTERED.format(path=CANCELLED) in result.stderr) == (2, True)


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """A state directory with the log of somebody whose account has often changed."""
    with closing(open_store(log_in(tmp_path))) as log:
        for version in range(1, 31):
            record = RecordAccount("alice@sip.test", bool(version % 2), f"Number {version}\x1b[31m.")
            entry = (Recorded(ALICE, version, 1e9 + version, StreamOpened()), (Issued(ALICE, f"{version}.0", record),))
            log.append([entry])
    return tmp_path


def test_it_is_said_if_no_gateway_runs(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    result = fargo("accounts", "--log", log_in(state))
    assert result.stderr == f"{texts.AS_IT_WAS.format(path=state)}\n"
    monkeypatch.setattr(sys.modules["fargo.cli.accounts"], "gateway_of", lambda _: 4711)
    assert fargo("accounts", "--log", log_in(state)).stderr == ""


def test_the_latest_changes_or_all(state: Path) -> None:
    assert len(told(ALICE, log=log_in(state))) == LATEST
    assert len(told(ALICE, "--all", log=log_in(state))) == 30


def test_no_terminal_obeys_a_provider(state: Path) -> None:
    result = fargo("accounts", ALICE, "--log", log_in(state))
    assert "Number 30?[31m." in result.stdout


# --- export


def test_all_that_there_is_about_a_user(tmp_path: Path) -> None:
    result = fargo("users", "export", ALICE.upper(), "--log", BUSY)
    assert result.exit_code == 0
    found = json.loads(result.stdout)
    assert found["user"] == ALICE
    assert found["account"]["address"] == "alice@sip.test"
    assert [call["peer"] for call in found["calls"]] == ["carol@sip.test"]
    entries = [entry for entry in golden.read(BUSY) if entry[0].user == ALICE]
    again = tmp_path / "again.jsonl"
    again.write_text("\n".join(json.dumps(each) for each in found["entries"]))
    assert list(golden.read(again)) == entries


def test_a_file_that_only_its_owner_reads(tmp_path: Path) -> None:
    file = tmp_path / "alice.json"
    assert fargo("users", "export", ALICE, "--log", BUSY, "-o", file).stdout == ""
    assert json.loads(file.read_text())["user"] == ALICE
    assert file.stat().st_mode & 0o777 == 0o600
    assert fargo("users", "export", ALICE, "--log", BUSY, "-o", tmp_path / "no/where").exit_code == 2


def test_a_gateway_that_runs_is_no_matter(state: Path) -> None:
    lock = DirectoryLock(state)
    assert fargo("users", "export", ALICE, "--log", log_in(state)).exit_code == 0
    lock.release()
