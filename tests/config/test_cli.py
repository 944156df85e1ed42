"""The command line reports problems in sentences, and its pages describe all commands and options."""

import asyncio
import json
import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result
from pydantic import BaseModel
from pydantic.fields import FieldInfo
from world.ports import free_port
from world.rtpengine import Rtpengine

from fargo import texts as config_texts
from fargo.checking import relay as relay_check
from fargo.checking import texts
from fargo.cli import common, main
from fargo.cli.texts import CONFIG_VALID
from fargo.config import Config
from fargo.config_sections import INSIDE

DOCS = Path(__file__).parents[2] / "docs"
GOOD = """
[xmpp]
domain = "sip.example.org"
secret = "open sesame"
allowed_domains = ["example.org"]
[sip]
address = "127.0.0.2"
port = {port}
inside_port = {inside}
[state]
directory = "state"
"""


@pytest.fixture
def port() -> int:
    return free_port("127.0.0.2")


@pytest.fixture
def file(tmp_path: Path, port: int) -> Path:
    path = tmp_path / "fargo.toml"
    path.touch(mode=0o600)
    path.write_text(GOOD.format(port=port, inside=free_port(INSIDE)))
    return path


def fargo(*args: str | Path) -> Result:
    result = CliRunner().invoke(main, [*map(str, args)])
    assert result.exception is None or isinstance(result.exception, SystemExit)
    return result


def test_the_configuration_of_this_machine_is_the_default(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(common, "CONFIGURATION", tmp_path / "none.toml")
    assert "/var/lib/fargo" in fargo("calls").stderr
    monkeypatch.setattr(common, "CONFIGURATION", file)
    assert str(tmp_path / "state") in fargo("calls").stderr
    assert str(tmp_path / "state") in fargo("status").stderr


def test_it_runs_as_a_module() -> None:
    ran = subprocess.run((sys.executable, "-m", "fargo", "check", "--help"), capture_output=True, text=True, check=True)
    assert ran.stdout.startswith("Usage: python -m fargo check [OPTIONS]\n")


@pytest.mark.usefixtures("servers")
def test_a_right_configuration(file: Path) -> None:
    result = fargo("check", "--offline", "-c", file)
    assert (result.exit_code, result.stdout, result.stderr) == (0, f"{CONFIG_VALID.format(path=file)}\n", "")
    assert [each.name for each in file.parent.iterdir()] == [file.name], "nothing was made"


@pytest.mark.parametrize("command", ["check", "run"])
def test_mistakes_in_the_file(file: Path, command: str) -> None:
    file.write_text(file.read_text().replace("domain =", "domian =").replace("port =", "prt ="))
    result = fargo(command, "-c", file)
    assert (result.exit_code, result.stdout) == (2, "")
    assert [
        key for key in ("xmpp.domain", "xmpp.domian", "sip.prt", "sip.inside_prt") if key not in result.stderr
    ] == []


@pytest.mark.parametrize("command", ["check", "run"])
def test_mistakes_about_the_machine(file: Path, command: str) -> None:
    programs = "[programs]\nrakia = 'rakia'\nkamailio = '/nowhere'\n"
    file.write_text(file.read_text().replace("[sip]", "[sip]\nengine = 'telepathy'") + programs)
    result = fargo(command, "-c", file)
    assert (result.exit_code, result.stdout) == (2, "")
    for name, program in (("rakia", file.parent / "rakia"), ("kamailio", "/nowhere")):
        assert f"{file}: programs.{name}: {texts.NOT_EXECUTABLE.format(program=program)}" in result.stderr


@pytest.mark.usefixtures("servers")
def test_a_busy_port_is_a_problem(file: Path, port: int) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.2", port))
        checked, ran = fargo("check", "--offline", "-c", file), fargo("run", "-c", file)
    said = f"{file}: sip.port: {texts.IN_USE.format(socket=f'127.0.0.2 port {port}')}\n"
    assert (checked.exit_code, checked.stderr) == (2, f"Error: {said}")
    assert (ran.exit_code, ran.stderr) == (2, f"Error: {said}")


@pytest.mark.usefixtures("servers")
@pytest.mark.parametrize("exposed", [False, True])
async def test_a_relay_that_answers_nobody_or_everybody_gives_a_warning(
    file: Path, monkeypatch: pytest.MonkeyPatch, exposed: bool
) -> None:
    monkeypatch.setattr(os, "getuid", lambda: 0)
    monkeypatch.setattr(relay_check, "answers_nobody", lambda relay: exposed)
    async with Rtpengine() as relay:
        file.write_text(f"{file.read_text()}[media]\nrelay = '{relay.address}:{relay.port}'\n")
        there = await asyncio.to_thread(fargo, "check", "--offline", "-c", file)
        relay.process.kill()
        await relay.process.ended()
        monkeypatch.setattr(relay_check, "answers_nobody", lambda relay: False)
        gone = await asyncio.to_thread(fargo, "check", "--offline", "-c", file)
    warning = f"Warning: media.relay: {texts.RELAY_EXPOSED.format(port=relay.port)}\n"
    assert (there.exit_code, there.stderr) == (0, warning if exposed else "")
    assert gone.exit_code == 0
    silent = texts.RELAY_SILENT.format(address=relay.address, port=relay.port)
    assert gone.stderr == f"Warning: media.relay: {silent}\n"


@pytest.mark.usefixtures("servers")
def test_a_secret_for_all_to_read_is_refused(file: Path) -> None:
    file.chmod(0o644)
    for command in (["check", "--offline"], ["run"]):
        result = fargo(*command, "-c", file)
        assert (result.exit_code, result.stdout) == (2, "")
        assert result.stderr == f"Error: {file}: {texts.SECRET_EXPOSED.format(path=file)}\n"
    assert "sesame" not in result.output


def test_no_configuration_at_all() -> None:
    assert (fargo("check").exit_code, fargo("check", "-c", "/nowhere").exit_code) == (2, 2)
    unreadable = config_texts.UNREADABLE.format(path="/nowhere", why="No such file or directory")
    assert fargo("check", "-c", "/nowhere").stderr == f"Error: {unreadable}\n"


def commands(group: click.Group, path: str) -> list[tuple[str, click.Command]]:
    found = []
    for name, command in group.commands.items():
        full = f"{path} {name}"
        found += commands(command, full) if isinstance(command, click.Group) else [(full, command)]
    return found


@pytest.mark.parametrize(("name", "command"), commands(main, "fargo"))
def test_every_command_and_option_has_its_place_in_the_page(name: str, command: click.Command) -> None:
    page = (DOCS / "cli.md").read_text()
    section = re.search(rf"^## {name}\b.*?(?=^## |\Z)", page, re.M | re.S)
    assert section
    for option in command.params:
        shown = option.metavar if isinstance(option, click.Argument) else option.opts[0]
        assert shown
        assert shown in section[0]


def options() -> Iterator[tuple[str, str, FieldInfo]]:
    """Yield each option of the configuration: its section, its name, and what the model says about it."""
    for section, model in Config.model_fields.items():
        assert isinstance(model.annotation, type)
        assert issubclass(model.annotation, BaseModel)
        for name, field in model.annotation.model_fields.items():
            yield section, name, field


@pytest.mark.parametrize(("section", "name", "field"), list(options()))
def test_every_option_has_its_place_in_the_page(section: str, name: str, field: FieldInfo) -> None:
    page = (DOCS / "configuration.md").read_text()
    part = re.search(rf"^## \[{section}\].*?(?=^## |\Z)", page, re.M | re.S)
    assert part
    row = re.search(rf"^\| `{name}` \| (.*?) \|", part[0], re.M)
    assert row
    if field.is_required():
        assert row[1] == "(required)"
    elif field.default is not None:
        assert row[1] == f"`{json.dumps(field.default, default=str)}`"


def test_the_shortest_file_of_the_page_is_right(file: Path) -> None:
    page = (DOCS / "configuration.md").read_text()
    shortest = re.search(r"```toml\n(.*?)```", page, re.S)
    assert shortest
    (file.parent / "xmpp-secret").write_text("open sesame")
    file.write_text(shortest[1])
    assert f"sip.address: {texts.NOT_LOCAL.format(socket='192.0.2.10')}" in fargo("check", "-c", file).stderr
