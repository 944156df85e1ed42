"""The table of misuse: each wrong configuration or situation gets a sentence that says what is wrong and what to do."""

import os
import shutil
import signal
import socket
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest

from checking import misuse_files, misuse_machine, misuse_servers
from checking.row import Row
from checking.site import LAST_WORDS, Site
from fargo.checking import clock, component, database, relay, running_gateway, texts
from fargo.cli import gateway
from fargo.cli.texts import ALL_FINE, CONFIG_VALID
from fargo.control.client import NoGatewayError, SilentGatewayError
from fargo.operations.values import PartStatus
from fargo.store.directory_lock import DirectoryLock
from fargo.store.state import make_directory, take_lock

OLDER = Path(__file__).parents[1] / "fixtures/logs/before-notes.db"
ROWS = (*misuse_files.ROWS, *misuse_machine.ROWS, *misuse_servers.ROWS)


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    monkeypatch.setattr(gateway, "is_root", lambda: False)
    monkeypatch.setattr(component, "SECONDS", 0.3)
    monkeypatch.setattr(relay, "PONG_SECONDS", 0.3)
    with closing(Site(tmp_path)) as made:
        yield made


def told(row: Row, site: Site) -> str:
    """Return the sentence of a row, with what differs between two runs."""
    sip = site.tables.get("sip", {})
    today = datetime.now(UTC)
    made = datetime.fromtimestamp(Path(clock.__file__).stat().st_mtime, UTC)
    return row.said.format(
        file=site.file,
        directory=site.directory,
        server=site.server.port,
        relay=str(site.tables.get("media", {}).get("relay")).rpartition(":")[2],
        **{name: sip.get(name) for name in ("port", "tls_port", "inside_port")},
        uid=os.getuid(),
        process=os.getpid(),
        yesterday=(today - timedelta(days=1)).date(),
        soon=(today + timedelta(days=3)).date(),
        later=(today + timedelta(days=2)).date(),
        made=f"{made:%Y-%m-%d %H:%M}",
    )


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_each_misuse_gets_its_sentence(row: Row, site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = row.make(site, monkeypatch)
    result = site.run(*row.command)
    assert result.stderr == f"{told(row, site)}\n"
    assert result.exit_code == (2 if row.said.startswith("Error") else 0)
    assert "sesame" not in result.output
    if result.exit_code == 0:
        assert result.stdout.splitlines()[-1] == CONFIG_VALID.format(path=site.file)
    if isinstance(kept, DirectoryLock):
        kept.release()


def test_the_table_is_long_and_its_rows_differ() -> None:
    assert len(ROWS) >= 90
    assert len({row.name for row in ROWS}) == len(ROWS)


def test_what_keeps_a_gateway_from_starting_is_told_by_check_and_by_run(site: Site) -> None:
    site.state.mkdir(0o755)
    site.state.chmod(0o755)
    checked, ran = site.run("check", "--offline"), site.run("run")
    assert (checked.exit_code, checked.stderr) == (ran.exit_code, ran.stderr)


def test_all_is_right_if_nothing_is_made_wrong(site: Site) -> None:
    result = site.run("check")
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.splitlines() == [
        texts.VERSION.format(program=site.directory / "kamailio", version="5.6.3"),
        texts.EDGE_FINE,
        texts.SERVER_ACCEPTS.format(server="127.0.0.1", port=site.server.port, domain="sip.example.org"),
        ALL_FINE.format(path=site.file),
    ]
    assert not site.state.exists(), "nothing was made"
    assert LAST_WORDS[-1] == b"</stream:stream>"


def test_a_log_of_an_earlier_version_is_fine_and_is_left_as_it_is(site: Site) -> None:
    make_directory(site.state)
    shutil.copy(OLDER, site.state / "fargo.db")
    result = site.run("check")
    assert (result.exit_code, result.stderr) == (0, "")
    assert (site.state / "fargo.db").read_bytes() == OLDER.read_bytes()


@pytest.fixture
def runs(site: Site) -> Iterator[None]:
    """As a gateway, this process holds the lock of the directory and a port, and handles SIGQUIT."""
    make_directory(site.state)
    lock = take_lock(site.state)
    before = signal.signal(signal.SIGQUIT, lambda *_: None)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as held:
        held.bind(("127.0.0.2", int(str(site.tables["sip"]["port"]))))
        yield
    signal.signal(signal.SIGQUIT, before)
    lock.release()


@pytest.mark.usefixtures("runs")
@pytest.mark.parametrize("answer", [NoGatewayError(), PartStatus(), SilentGatewayError("It is silent.")])
def test_what_is_wrong_with_a_gateway_that_runs_is_told(
    site: Site, monkeypatch: pytest.MonkeyPatch, answer: Exception | PartStatus
) -> None:
    def ask(*_: object) -> SimpleNamespace:
        if isinstance(answer, Exception):
            raise answer
        return SimpleNamespace(parts={"edge": PartStatus("It is odd."), "relay": PartStatus("Silent."), "log": answer})

    monkeypatch.setattr(running_gateway, "ask", ask)
    result = site.run("check")
    says = {
        NoGatewayError: (0, ""),
        PartStatus: (2, f"Error: {site.file}: {texts.RUNS_BADLY.format(why='It is odd.')}\n"),
        SilentGatewayError: (0, f"Warning: {texts.RUNS_BADLY.format(why='It is silent.')}\n"),
    }
    assert (result.exit_code, result.stderr) == says[type(answer)]


@pytest.mark.usefixtures("runs")
def test_a_gateway_that_runs_is_left_alone(site: Site) -> None:
    """Neither is it driven out of the XMPP server, nor are its ports said to be in use."""
    result = site.run("check")
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.splitlines()[0] == texts.RUNS.format(path=site.state, pid=os.getpid())
    assert site.server.connections == 0


def test_a_gateway_that_runs_on_another_machine_is_left_alone(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "holder", lambda _: "process 7 on elsewhere")
    result = site.run("check")
    assert (result.exit_code, result.stderr) == (0, "")
    assert "Fargo runs elsewhere (process 7 on elsewhere)" in result.stdout
    assert site.server.connections == 0


def test_offline_means_that_the_server_is_not_connected_to(site: Site) -> None:
    result = site.run("check", "--offline")
    assert (result.exit_code, result.stdout) == (0, f"{CONFIG_VALID.format(path=site.file)}\n")
    assert site.server.connections == 0
