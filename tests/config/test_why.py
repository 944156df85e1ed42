"""`fargo why` tells what happened in a call, with the times of the reader's zone."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from fargo.calls import records
from fargo.cli import main, texts
from replay.explaining import texts as explaining
from replay.reading import golden

SESSIONS = Path(__file__).parents[2] / "replay/sessions"
BUSY = SESSIONS / "endings-a-refused-call-says-why-486-busy-here-busy.jsonl"
REGISTERED = SESSIONS / "registration-plain-fields-register-too.jsonl"
ALICE = "alice@localhost"
(CALL,) = records(golden.read(BUSY))
BEGAN = datetime.fromtimestamp(CALL.began, UTC)


def why(*args: str, log: Path = BUSY) -> Result:
    result = CliRunner().invoke(main, ["why", *args, "--log", str(log)])
    assert result.exception is None or isinstance(result.exception, SystemExit)
    return result


@pytest.mark.parametrize("hint", [[], ["carol"], ["7"], [f"{BEGAN:%d %B %Y %H:%M}"], ["yesterday 10:00"]])
def test_the_call_that_is_meant(hint: list[str]) -> None:
    told = why("Alice@localhost/laptop", *hint, "--tz", "UTC").stdout
    assert told.startswith(f"On {BEGAN:%Y-%m-%d %H:%M:%S} UTC, {ALICE} called carol@sip.test. ")
    assert "“Busy Here” (486)" in told
    assert explaining.NOTHING_IS_BROKEN in told
    assert f"    Call: {ALICE}/7\n" in told
    assert texts.OTHER_CALLS not in told


@pytest.mark.parametrize(("days", "warned"), [(0, False), (0.9, False), (-1.1, True), (30, True)])
def test_a_call_that_is_far_from_the_time_is_not_given_silently(days: float, warned: bool) -> None:
    time = BEGAN + timedelta(days)
    told = why(ALICE, f"{time:%Y-%m-%d %H:%M:%S}", "--tz", "UTC").stderr
    far = texts.FAR_FROM_HINT.format(user=ALICE, time=f"{time:%Y-%m-%d %H:%M:%S} UTC")
    assert told == (f"{far}\n" if warned else "")


def test_times_have_their_zone() -> None:
    told = why(ALICE, "--tz", "Asia/Tokyo").stdout
    assert told.startswith(f"On {BEGAN + timedelta(hours=9):%Y-%m-%d %H:%M:%S} JST (UTC+0900), ")


def test_a_diagram_for_an_issue_tracker() -> None:
    told = why(ALICE, "--mermaid").stdout
    diagram = told[told.index("```mermaid\n") :]
    assert "sequenceDiagram\n    participant client as XMPP client\n" in diagram
    assert "    sip->>gateway: 486 Busy Here\n" in diagram
    assert diagram.rstrip().endswith("```")


@pytest.mark.parametrize(
    ("args", "log", "sentence"),
    [
        (["bob@localhost"], BUSY, texts.NO_SUCH_USER.format(path=BUSY, user="bob@localhost")),
        ([ALICE, "dave"], BUSY, texts.NO_CALL_AS_HINTED.format(path=BUSY, user=ALICE, hint="dave")),
        ([ALICE], REGISTERED, texts.NO_CALL_OF_USER.format(path=REGISTERED, user=ALICE)),
    ],
)
def test_nothing_to_tell(args: list[str], log: Path, sentence: str) -> None:
    result = why(*args, log=log)
    assert (result.exit_code, result.stdout) == (2, "")
    assert sentence in result.stderr
