"""[workers]: each worker has the options of all, with those of its own in their place, and a directory of its own."""

import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from fargo import texts
from fargo.cli import main
from fargo.cli import texts as cli_texts
from fargo.config import ConfigError, load

GOOD = """
[xmpp]
domain = "sip.example.org"
secret = "open sesame"
allowed_domains = ["example.org"]
[sip]
address = "127.0.0.2"
[log]
store = "postgresql:///fargo"
[state]
directory = "state"
[workers.a]
[workers.b.sip]
port = 5080
tls_port = 5081
[workers.b.metrics]
address = "127.0.0.1:9464"
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "fargo.toml"
    path.touch(mode=0o600)
    path.write_text(GOOD)
    return path


def test_a_worker_has_its_own_options_and_directory(file: Path) -> None:
    a, b, all_ = load(file, "a"), load(file, "b"), load(file)
    assert (a.worker, b.worker, all_.worker) == ("a", "b", None)
    assert a.workers == b.workers == all_.workers == ("a", "b")
    assert (a.sip.port, a.sip.tls_port, b.sip.port, b.sip.tls_port) == (5060, 5061, 5080, 5081)
    assert b.sip.address == a.sip.address == ("127.0.0.2",)
    assert (a.metrics.address, b.metrics.address) == (None, ("127.0.0.1", 9464))
    state = file.parent / "state"
    assert [each.state.directory for each in (a, b, all_)] == [state / "a", state / "b", state]
    assert a.keys == b.keys == all_.keys == state


@pytest.mark.parametrize(
    ("old", "new", "place", "why"),
    [
        ("[workers.a]", "[workers.A]", ":12: workers.A", texts.BAD_WORKER_NAME),
        ("[workers.a]", "[workers.'../a']", ": workers.../a", texts.BAD_WORKER_NAME),
        ("[workers.a]", "[workers]\na = 5", ": workers.a", texts.NOT_A_WORKER_TABLE),
        ("[workers.a]", "[workers.a]\nsip = 5", ": workers.a.sip", texts.NOT_A_WORKER_TABLE),
        ('[log]\nstore = "postgresql:///fargo"', "", ": workers", texts.WORKERS_NEED),
        ("[sip]", "[sip]\nengine = 'telepathy'", ": workers", texts.WORKERS_NEED),
    ],
)
def test_mistakes(file: Path, old: str, new: str, place: str, why: str) -> None:
    assert old in GOOD
    file.write_text(GOOD.replace(old, new))
    with pytest.raises(ConfigError, match=f"{re.escape(place)}: {re.escape(why)}"):
        load(file)


def test_a_mistake_in_the_options_of_a_worker_is_found_there(file: Path) -> None:
    file.write_text(GOOD.replace("port = 5080", "port = 0"))
    load(file, "a")
    with pytest.raises(ConfigError, match=r":14: sip\.port: “?0"):
        load(file, "b")


def test_an_unknown_worker_is_told_with_the_known_ones(file: Path) -> None:
    with pytest.raises(ConfigError, match=re.escape(texts.NO_SUCH_WORKER.format(name="c", known="a, b"))):
        load(file, "c")


@pytest.mark.parametrize("command", ["run --as-root", "check", "status", "stop", "drain"])
def test_a_command_about_one_process_asks_which(file: Path, command: str) -> None:
    result = CliRunner().invoke(main, [*command.split(), "-c", str(file)])
    assert result.exit_code == 2
    assert cli_texts.WHICH_WORKER.format(workers="a, b") in result.stderr


def test_a_worker_is_named_on_the_command_line(file: Path) -> None:
    result = CliRunner().invoke(main, ["status", "-c", str(file), "--worker", "b"])
    assert str(file.parent / "state" / "b") in result.stderr
