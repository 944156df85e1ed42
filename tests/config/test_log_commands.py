"""`fargo log`: the statistics of a log, and deleting old events."""

import json
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from fargo.cli import main, texts
from fargo.store.opening import open_reader, open_store
from replay.reading import golden

SESSION = Path(__file__).parents[2] / "replay/sessions/calls-a-call-in-has-sound-both-ways.jsonl"
CONFIG = """
[xmpp]
domain = "sip.example.org"
secret = "x"
allowed_domains = ["example.org"]
[sip]
address = "192.0.2.1"
[state]
directory = "."
[log]
keep = "{}"
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    with closing(open_store(tmp_path / "fargo.db")) as log:
        log.append(golden.read(SESSION))
    return tmp_path / "fargo.db"


def fargo(*args: str | Path) -> Result:
    result = CliRunner().invoke(main, ["log", *map(str, args)])
    assert result.exception is None or isinstance(result.exception, SystemExit)
    return result


def length(path: Path) -> int:
    with closing(open_reader(path)) as log:
        return len(log)


def test_stats_are_the_same_of_a_golden_log(path: Path) -> None:
    told, of_golden = (json.loads(fargo("stats", "--json", "--log", each).stdout) for each in (path, SESSION))
    assert told.pop("bytes") == path.stat().st_size
    assert of_golden.pop("bytes") == SESSION.stat().st_size
    assert told == of_golden
    assert (told["users"], told["calls"], told["events"]) == (1, 1, length(path))
    assert sum(told["types"].values()) == told["events"]


def test_stats_for_people(path: Path) -> None:
    users, calls, size, events, *types = fargo("stats", "--log", path).stdout.splitlines()
    assert (users.split(), calls.split(), size.split()[0]) == (["users", "1"], ["calls", "1"], "size")
    assert events.startswith(f"events  {length(path)} from 2026-11-23 08:")
    assert "           1  RegistrationSubmitted" in types


def test_stats_of_nothing(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").touch()
    assert fargo("stats", "--log", tmp_path / "a.jsonl").stdout.splitlines()[-1] == "events  0"


def test_what_is_old_leaves(path: Path) -> None:
    before = length(path)
    result = fargo("compact", "--log", path, "--keep", "9999y")
    nothing, _, _ = texts.COMPACTED.format(count=0, before="|", after="").partition("|")
    assert result.stdout.startswith(nothing)
    result = fargo("compact", "--log", path, "--keep", "forever")
    assert length(path) == before
    times = [recorded.at for recorded, _ in golden.read(SESSION)]
    assert times[-1] < 2e9, "the clock is past it"


def test_a_log_in_use_stays_as_large(path: Path) -> None:
    with closing(open_store(path)) as log:
        assert len(log)
        result = fargo("compact", "--log", path, "--keep", "9999y")
    assert result.exit_code == 0
    assert result.stdout.splitlines()[1:] == [texts.LOG_IN_USE]


def test_the_configuration_says_how_long(path: Path) -> None:
    config = path.parent / "fargo.toml"
    config.write_text(CONFIG.format("forever"))
    assert fargo("compact", "-c", config).exit_code == 0
    config.write_text(CONFIG.format("a while"))
    assert "log.keep: “a while” is not valid; expected how long calls stay" in fargo("compact", "-c", config).stderr


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ([], texts.KEEP_MISSING),
        (["--keep", "0d"], texts.NOT_A_DURATION.format(value="0d")),
        (["--keep", "soon"], texts.NOT_A_DURATION.format(value="soon")),
    ],
)
def test_how_long_has_to_be_said(path: Path, options: list[str], told: str) -> None:
    result = fargo("compact", "--log", path, *options)
    assert result.exit_code == 2
    assert told in result.stderr


def test_golden_logs_stay_whole() -> None:
    result = fargo("compact", "--log", SESSION, "--keep", "1d")
    assert (result.exit_code, result.stderr) == (2, f"Error: {texts.GOLDEN_LOG_FIXED.format(path=SESSION)}\n")
