"""A call is stepped through, forward and back, by commands through a pipe and in a terminal."""

import os
import pty
import select
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from fargo.cli import main
from replay.drawing import texts
from replay.drawing.text import value_at
from replay.reading.texts import CALLS_IN_LOG, UNKNOWN_CALL

SESSION = Path(__file__).parents[2] / "replay/sessions/calls-a-call-in-has-sound-both-ways.jsonl"
CALL = "alice@localhost/7"
TYPES = [
    *("CallArrived", "IqSucceeded", "CallStateChanged", "SessionAccepted", "CallStateChanged", "CallStateChanged"),
    *("SendingStateChanged", "ReceivingStateChanged", "SendingStateChanged", "ReceivingStateChanged"),
    *("CallStateChanged", "IqSucceeded"),
]


def piped(*commands: str, call: str = CALL, log: Path = SESSION) -> Result:
    text = "".join(f"{command}\n" for command in commands)
    return CliRunner().invoke(main, ["replay", "step", call, "--log", str(log)], input=text)


def told(*commands: str) -> list[str]:
    """Return the lines that are printed after those of the first step."""
    result = piped(*commands)
    assert (result.exit_code, result.stderr) == (0, "")
    return result.stdout.removeprefix(piped().stdout).splitlines()


def visited(*commands: str) -> list[int]:
    """The steps that are shown, in order."""
    return [int(line.split()[1]) for line in piped(*commands).stdout.splitlines() if line.startswith("step ")]


def test_it_begins_with_the_first_step_and_ends_with_the_input() -> None:
    lines = piped().stdout.splitlines()
    assert lines[:3] == [
        "step 1 of 12: Forking | Arriving",
        "2026-11-23 08:20:45.563  alice@localhost  event 7",
        "    CallArrived",
    ]
    assert lines[-1] == ""
    assert "> " not in piped("n").stdout.replace("->", ""), "a prompt in a pipe"


@pytest.mark.parametrize(
    ("commands", "steps"),
    [
        (["next"], [1, 2]),
        (["n 3", "", "b", "back 2"], [1, 4, 5, 4, 2]),
        (["go 12", "go 1"], [1, 12, 1]),
        (["go 12", "next", "b 12", "go 0", "go 13", "go x", "go", "n x", "n -1", "show"], [1, 12, 12]),
        (["to sessionacc", "to CallState", "to CallState", "to closed", "to CallState"], [1, 4, 5, 6, 11]),
        (["until active", "until Answering", "until TALKING", "until -"], [1, 4, 10, 11]),
        (["until answering", "b", "until Answering"], [1, 4, 3, 4]),
        (["until Arriving", "to ", "until "], [1]),
        (["n", "q", "n"], [1, 2]),
        (["n", "quit", "n"], [1, 2]),
    ],
)
def test_moving(commands: list[str], steps: list[int]) -> None:
    assert visited(*commands) == steps


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("b", texts.NO_SUCH_STEP.format(count=12, at=1)),
        ("n x", texts.NOT_A_NUMBER.format(text="x")),
        ("dance now", texts.UNKNOWN_COMMAND.format(name="dance")),
        ("to Phone", texts.NOT_FOUND.format(name="Phone", names=", ".join(dict.fromkeys(TYPES)))),
        (
            "until Dialling",
            texts.NOT_FOUND.format(name="Dialling", names="Forking, Arriving, Active, Answering, Talking"),
        ),
        ("state calls.8", texts.UNKNOWN_PLACE.format(path="calls.8", parts="7")),
        ("state jid.x", texts.UNKNOWN_PLACE.format(path="jid.x", parts=texts.NOTHING)),
    ],
)
def test_what_cannot_be_done_is_said(command: str, said: str) -> None:
    assert told(command) == [said]


def test_the_list_marks_where_one_is() -> None:
    lines = told("n 2", "list")[-12:]
    assert [line.split()[-4] for line in lines] == TYPES
    assert [line[0] for line in lines] == [" ", " ", ">", *" " * 9]
    assert lines[3] == "    4      0.023  SessionAccepted         Active | Answering"
    assert lines[11].split()[2:] == ["IqSucceeded", "-", "|", "-"]


def test_the_state_is_that_after_the_step() -> None:
    assert told("s calls.7.sip.ringing") == ["  calls.7.sip.ringing  False"]
    assert told("n", "s calls.7.sip.ringing")[-1:] == ["  calls.7.sip.ringing  True"]
    client = "contacts.clients.alice@localhost/laptop.profiles.0"
    assert told(f"state {client}") == [f"  {client}  plain"]
    whole = told("state")
    assert whole[0].split() == ["User"]
    assert {line.split()[0].partition(".")[0] for line in whole} > {"jid", "account", "contacts", "calls"}


def test_the_commands_and_deadlines_of_a_step() -> None:
    assert told("n", "commands")[-1:] == ["  8.0  RingCall(channel=1.0/1)"]
    assert told("go 8", "commands")[-1:] == ["  14.0  CompleteReceiving(channel=1.0/1, state=3)"]
    assert told("n 2", "commands")[-1:] == [texts.NO_COMMANDS]
    due = told("deadlines")
    assert due[0] == "  2026-11-23 08:21:25.563, in 40.000 seconds: call 7: the XMPP client's answer"
    assert due == sorted(due)
    assert told("go 12", "deadlines")[-1] == texts.NO_DEADLINES


def test_help_has_every_command() -> None:
    commands = [line.split()[0] for line in told("help")]
    assert commands == sorted(commands)
    assert {*commands} == {
        *("back", "commands", "deadlines", "go", "help", "list", "next", "quit", "show", "state", "to", "until")
    }


def test_a_call_that_is_not_there_and_a_log_that_cannot_be_read(tmp_path: Path) -> None:
    result = piped(call="nobody@localhost/1")
    assert (result.exit_code, result.stdout) == (2, "")
    unknown = UNKNOWN_CALL.format(name="nobody@localhost/1", others=CALLS_IN_LOG.format(calls=CALL))
    assert result.stderr == f"Error: {SESSION}: {unknown}\n"
    assert piped(log=tmp_path / "none.jsonl").exit_code == 2


def test_a_place_in_a_tree() -> None:
    tree = {"a": ({"b.c": 1, "b": 2},), "": 3}
    assert value_at(tree, "") is tree
    assert value_at(tree, "a.0.b.c") == 1
    assert value_at(tree, "a.0.b") == 2
    with pytest.raises(LookupError, match=r"^b\.c, b$"):
        value_at(tree, "a.0.d")


class Terminal:
    """The command in a terminal."""

    def __init__(self) -> None:
        self._ours, theirs = pty.openpty()
        command: list[str | Path] = [Path(sys.executable).with_name("fargo"), "replay", "step", CALL, "--log", SESSION]
        environment = {**os.environ, "TERM": "dumb"}
        self.process = subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, env=environment)
        os.close(theirs)

    def type(self, text: bytes, until: bytes) -> bytes:
        """Type something, and read until something is there."""
        os.write(self._ours, text)
        read = b""
        while until not in read:
            assert select.select([self._ours], [], [], 60)[0], f"no {until!r} after {read!r}"
            read += os.read(self._ours, 4096)
        return read

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self._ours)


def test_in_a_terminal() -> None:
    terminal = Terminal()
    try:
        assert b"Call alice@localhost/7. Type help" in terminal.type(b"", b"step 1> ")
        assert b"step 2 of 12: Forking" in terminal.type(b"\n", b"step 2> ")
        assert b"step 4 of 12: Active" in terminal.type(b"until answering\n", b"step 4> ")
        terminal.type(b"b\n", b"step 3> ")
        assert b"step 4 of 12: Active" in terminal.type(b"\x10\x10\n", b"step 4> ")  # Ctrl-P: what was typed before
        terminal.type(b"\x04", b"\n")
        assert terminal.process.wait(60) == 0
    finally:
        terminal.close()
