"""Least privilege (point 8): the gateway and its programs need nothing of root's, no other user of the machine reads or
changes what they use, and no crash leaves a password on the disk.
"""

import os
import re
import resource
import shutil
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from end_to_end.customer import Customer
from end_to_end.engines import ENGINES, IDS
from world.gateway import FARGO, Gateway
from world.pem import write_pair
from world.ports import free_port
from world.process import until
from world.world import World

from fargo.checking import relay, texts
from fargo.cli import main
from fargo.cli import texts as cli_texts
from fargo.config_sections import INSIDE
from fargo.edge.leftover import find, run_dir_in
from fargo.private_file import lasting_secret, write_private

from .other_users import AS_NOBODY, NOBODY, ROOT, require_other_users

UNIT = ROOT / "packaging/fargo.service"
EXPOSURE = "2.0"
"""The most that systemd may say of the unit, out of 10."""
CONFINED = Path(__file__).with_name("confined.py")
GOOD = """
[xmpp]
domain = "sip.example.org"
{secret}
allowed_domains = ["example.org"]
[sip]
address = "127.0.0.2"
port = {port}
inside_port = {inside}
{tls}
[state]
directory = "state"
"""


def directives(unit: str) -> dict[str, list[str]]:
    """Return the values of each directive of a unit."""
    found: dict[str, list[str]] = {}
    for name, value in re.findall(r"^(\w+)=(.*)$", unit, re.M):
        found.setdefault(name, []).append(value)
    return found


# --- the unit


@pytest.mark.usefixtures("servers")
def test_the_exposure_of_the_unit() -> None:
    if not (analyze := shutil.which("systemd-analyze")):
        pytest.skip("systemd-analyze is not installed")
    limit = f"--threshold={float(EXPOSURE) * 10:.0f}"
    done = subprocess.run(
        (analyze, "security", "--offline=true", limit, UNIT), check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout


def test_the_unit_has_a_user_of_its_own_and_spares_the_edge() -> None:
    unit = directives(UNIT.read_text())
    assert (unit["User"], unit["KillMode"], unit["LimitCORE"]) == (["fargo"], ["process"], ["0"])
    assert (unit["StateDirectoryMode"], unit["UMask"]) == (["0700"], ["0077"])
    assert "--as-root" not in unit["ExecStart"][0]
    assert "--keep-calls" in unit["ExecStart"][0]
    assert re.search(r"^u fargo ", (ROOT / "packaging/fargo.sysusers").read_text(), re.M)


def system_calls(group: str) -> set[str]:
    """Return the system calls in a group of systemd's, or the only one."""
    if not group.startswith("@"):
        return {group}
    command = ("systemd-analyze", "syscall-filter", group)
    _, *lines = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split("\n")
    return set[str]().union(*(system_calls(each.strip()) for each in lines if each.strip() and "#" not in each))


def allowed_calls() -> set[str]:
    """Return the system calls that the unit allows: lines that begin with ~ take some away (systemd.exec(5))."""
    allowed = set[str]()
    for line in directives(UNIT.read_text())["SystemCallFilter"]:
        named = set[str]().union(*map(system_calls, line.removeprefix("~").split()))
        allowed = allowed - named if line.startswith("~") else allowed | named
    return allowed


class ConfinedGateway(Gateway):
    """A gateway as the unit confines it: another user, no capabilities, and only some system calls."""

    def write(self, name: str, text: str) -> Path:
        path = super().write(name, text)
        for each in (self.directory, path):
            os.chown(each, NOBODY, NOBODY)
        return path


@pytest.mark.parametrize("engine", ENGINES, ids=IDS.get)
async def test_it_works_without_any_privilege(world: World, engine: str, tmp_path: Path) -> None:
    require_other_users()
    calls = tmp_path / "calls"
    calls.write_text("\n".join(allowed_calls()))
    confined = ("sh", "-c", f'exec "$@" < {calls}', "sh", *AS_NOBODY, sys.executable, CONFINED)
    gateway = await world.add(ConfinedGateway(world.server, engine=engine, program=(*confined, FARGO)))
    alice = Customer(world, gateway, await world.client("alice"))
    await alice.register()
    bob, media = await world.phone("bob"), await world.media()
    call = await alice.call("bob", media)
    await call.answered()
    for pid in programs(gateway):
        status = dict(re.findall(r"^(\w+):\t(.*)$", Path(f"/proc/{pid}/status").read_text(), re.M))
        assert set(status["Uid"].split()) == {str(NOBODY)}
        assert {status[name] for name in ("CapPrm", "CapEff", "CapBnd", "CapAmb")} == {"0" * 16}
        assert (status["NoNewPrivs"], status["Seccomp"]) == ("1", "2")
    await call.terminate()
    await bob.event("CALL_CLOSED")


def programs(gateway: Gateway) -> Iterator[int]:
    """Yield the processes of a gateway: itself, what it has started, and the edge with its workers."""
    edge = find(run_dir_in(gateway.state))
    assert edge
    below = {gateway.process.pid, *edge.members()}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and parent(entry) in below:
            below.add(int(entry.name))
    yield from below


def parent(entry: Path) -> int:
    try:
        return int((entry / "stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return 0


# --- cores


@pytest.mark.parametrize("engine", ENGINES, ids=IDS.get)
async def test_no_process_with_a_password_leaves_a_core(world: World, engine: str) -> None:
    before = resource.getrlimit(resource.RLIMIT_CORE)
    if before[1] != resource.RLIM_INFINITY:
        pytest.skip("no process leaves a core here")
    resource.setrlimit(resource.RLIMIT_CORE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    try:
        gateway = await world.gateway(engine=engine)
    finally:
        resource.setrlimit(resource.RLIMIT_CORE, before)
    await world.register(await world.client("alice"))
    below = list(programs(gateway))
    assert len(below) > 3
    for pid in below:
        limits = Path(f"/proc/{pid}/limits").read_text()
        assert re.search(r"^Max core file size +0 +0 ", limits, re.M), Path(f"/proc/{pid}/cmdline").read_text()
    cores = set(Path.cwd().glob("core*"))
    for pid in below:
        with suppress(ProcessLookupError):  # some end with their parent
            os.kill(pid, signal.SIGABRT)
    await gateway.process.ended()
    await until(lambda: not any(parent(Path(f"/proc/{pid}")) for pid in below), "all are gone")
    assert [*gateway.directory.rglob("core*")] == []
    assert set(Path.cwd().glob("core*")) == cores


# --- root


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "fargo.toml"
    write(path)
    return path


def write(path: Path, secret: str = 'secret = "open sesame"', tls: str = "") -> None:
    path.touch(mode=0o600)
    inside = free_port(INSIDE)
    path.write_text(GOOD.format(secret=secret, tls=tls, port=free_port("127.0.0.2"), inside=inside))


def fargo(*args: str | Path) -> Result:
    result = CliRunner().invoke(main, list(map(str, args)))
    assert result.exception is None or isinstance(result.exception, SystemExit)
    return result


@pytest.mark.usefixtures("servers")
def test_root_is_refused_and_warned(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    if file.stat().st_uid:
        pytest.skip("root owns nothing here")
    ran, checked = fargo("run", "-c", file), fargo("check", "--offline", "-c", file)
    assert (ran.exit_code, ran.stderr) == (2, f"Error: {cli_texts.REFUSED_AS_ROOT}\n")
    assert (checked.exit_code, checked.stderr) == (0, f"Warning: {cli_texts.RUNS_AS_ROOT}\n")


@pytest.mark.usefixtures("servers")
def test_root_is_told_of_an_exposed_relay_although_the_state_is_of_another_user(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if os.geteuid():
        pytest.skip("only root can find out")
    with file.open("a") as more:
        more.write(f'[media]\nrelay = "127.0.0.1:{free_port("127.0.0.1")}"\n')
    monkeypatch.setattr(relay, "answers_nobody", lambda relay: True)
    state = file.parent / "state"
    state.mkdir(mode=0o700)
    os.chown(state, NOBODY, NOBODY)
    checked = fargo("check", "--offline", "-c", file)
    assert checked.exit_code == 2
    assert texts.RELAY_EXPOSED.partition("{")[0] in checked.stderr


# --- files of which other users could make use


def refused(file: Path) -> str:
    """Return why both commands refuse a configuration, "" if `check` takes it."""
    checked = fargo("check", "--offline", "-c", file)
    if checked.exit_code == 0:
        return ""
    ran = fargo("run", "--as-root", "-c", file)
    assert (checked.exit_code, ran.exit_code, checked.stderr) == (2, 2, ran.stderr)
    return checked.stderr.removeprefix(f"Error: {file}: ").rstrip("\n")


@pytest.mark.usefixtures("servers")
@pytest.mark.parametrize("mode", [0o777, 0o755, 0o750, 0o701, 0o1777])
def test_a_state_directory_of_others(file: Path, mode: int) -> None:
    state = file.parent / "state"
    state.mkdir(mode=0o700)
    assert refused(file) == ""
    state.chmod(mode)
    assert refused(file) == f"state.directory: {texts.DIRECTORY_EXPOSED.format(path=state)}"


@pytest.mark.usefixtures("servers")
def test_a_state_directory_and_a_secret_of_another_user(file: Path) -> None:
    if os.geteuid():
        pytest.skip("only root can make them")
    state = file.parent / "state"
    state.mkdir(mode=0o700)
    for path, option in ((state, "state.directory: "), (file, "")):
        os.chown(path, NOBODY, NOBODY)
        assert refused(file) == option + texts.OF_ANOTHER_USER.format(path=path, owner=NOBODY, uid=0)
        os.chown(path, 0, 0)


@pytest.mark.usefixtures("servers")
@pytest.mark.parametrize("mode", [0o644, 0o604, 0o620, 0o602, 0o666])
def test_a_secret_that_others_can_use(file: Path, mode: int) -> None:
    file.chmod(mode)
    assert refused(file) == texts.SECRET_EXPOSED.format(path=file)
    file.chmod(0o600)
    secret = file.parent / "secret"
    secret.write_text("open sesame")
    secret.chmod(mode)
    write(file, 'secret_file = "secret"')
    assert refused(file) == f"xmpp.secret_file: {texts.SECRET_EXPOSED.format(path=secret)}"
    secret.chmod(0o600)
    certificate, key = file.parent / "cert.pem", file.parent / "key.pem"
    write_pair(certificate, key)
    key.chmod(mode)
    write(file, 'secret_file = "secret"', 'tls_certificate = "cert.pem"\ntls_key = "key.pem"')
    assert refused(file) == f"sip.tls_key: {texts.SECRET_EXPOSED.format(path=key)}"
    key.chmod(0o600)
    assert refused(file) == ""


@pytest.mark.usefixtures("servers")
def test_a_configuration_without_a_secret_can_be_read_but_not_changed(file: Path) -> None:
    secret = file.parent / "secret"
    secret.touch(mode=0o600)
    secret.write_text("open sesame")
    write(file, 'secret_file = "secret"')
    file.chmod(0o644)
    assert refused(file) == ""
    file.chmod(0o664)
    assert refused(file) == texts.CHANGEABLE.format(path=file)


@pytest.mark.usefixtures("servers")
def test_a_group_reads_a_secret_only_if_root_gave_it_to_ours(file: Path) -> None:
    if os.geteuid():
        pytest.skip("only root can give a file to a group")
    file.chmod(0o640)
    assert refused(file) == ""
    os.chown(file, 0, NOBODY)
    assert refused(file) == texts.SECRET_EXPOSED.format(path=file)


# --- new files

SESSION = ROOT / "replay/sessions/calls-a-call-in-has-sound-both-ways.jsonl"
CALL = "alice@localhost/7"


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.parametrize(
    "writes",
    [
        lambda path: fargo("replay", "ladder", CALL, "--log", SESSION, "--html", path),
        lambda path: fargo("replay", "export", CALL, "--log", SESSION, "-o", path),
        lambda path: fargo("replay", "export", CALL, "--log", SESSION, "--as-test", "-o", path),
        lambda path: write_private(path, "text"),
    ],
    ids=["ladder --html", "export", "export --as-test", "write_private"],
)
def test_a_new_file_is_private_whatever_was_there(writes, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    path, victim = tmp_path / "call.html", tmp_path / "victim"
    path.write_text("of others")
    path.chmod(0o644)
    writes(path)
    assert (mode(path), path.read_text() != "of others") == (0o600, True)
    victim.write_text("mine")
    path.unlink()
    path.symlink_to(victim)
    writes(path)
    assert (path.is_symlink(), mode(path), victim.read_text()) == (False, 0o600, "mine")
    assert {each.name for each in tmp_path.iterdir()} == {"call.html", "victim"}


def test_what_is_no_file_is_written_to(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    write_private(Path(f"/dev/fd/{writing}"), "text")
    assert os.read(reading, 10) == b"text"
    os.close(reading)
    os.close(writing)


def test_a_link_that_waits_for_the_key_of_the_edge(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("mine")
    (tmp_path / "edge.new").symlink_to(victim)
    assert lasting_secret(tmp_path / "edge.key") == (tmp_path / "edge.key").read_text()
    assert (victim.read_text(), mode(tmp_path / "edge.key")) == ("mine", 0o600)
