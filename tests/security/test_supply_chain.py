"""Supply chain (point 11): no file is installed but those that were locked, and it can be told what is installed."""

import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from click.testing import CliRunner
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from fargo.cli import main, texts

ROOT = Path(__file__).parents[2]
LOCKS = {path.stem: path for path in (ROOT / "requirements").glob("*.txt")}
PINNED = re.compile(r"^(\S+?)==(\S+)((?:\s+--hash=sha256:[0-9a-f]{64})+)$", re.M)
REQUIRED = re.compile(r'"([A-Za-z][\w.-]*[<>=]=?\d[^"]*)"')


def pinned(name: str) -> dict[str, str]:
    """Return the versions in a lock file by package."""
    text = LOCKS[name].read_text().replace("\\\n", "")
    return {canonicalize_name(package): version for package, version, _ in PINNED.findall(text)}


@pytest.mark.parametrize("name", LOCKS)
def test_every_line_is_a_version_with_its_hashes_and_names_no_host(name: str) -> None:
    lines = re.findall(r"^[^#\n].*", LOCKS[name].read_text().replace("\\\n", ""), re.M)
    assert lines
    assert [line for line in lines if not PINNED.fullmatch(line)] == []


def test_what_is_required_is_locked() -> None:
    required = [Requirement(each) for each in REQUIRED.findall((ROOT / "setup.py").read_text())]
    assert {each.name for each in required} >= {"Twisted", "bencode.py", "mypy", "slixmpp", "mutmut"}
    versions = pinned("mutation")
    assert [each for each in required if not each.specifier.contains(versions[canonicalize_name(each.name)])] == []
    apart = {name for name, version in pinned("fargo").items() if versions[name] != version}
    assert apart == set()


def test_the_scripts_install_nothing_else() -> None:
    """script/lock is what makes the files, and installs into a place of its own."""
    scripts = [path for path in (ROOT / "script").iterdir() if path.is_file() and path.name != "lock"]
    commands = re.findall(r"pip.* install .*", "\n".join(p.read_text().replace("\\\n", "") for p in scripts))
    assert len(commands) >= 3
    assert [each for each in commands if "--require-hashes" not in each and "--no-deps" not in each] == []
    install = (ROOT / "script/install").read_text()
    assert re.findall(r" locked (\w+) ", install) == ["tools", "gateway", "cairo", "fargo"]
    assert "locked tools --only-binary :all:" in install, "what builds others is not built of unknown tools"


def test_another_file_with_the_right_name_and_version_is_refused(tmp_path: Path) -> None:
    """An index that was taken over, or somebody on the way to it."""
    version = pinned("fargo")["wokkel"]
    about = f"Metadata-Version: 2.1\nName: wokkel\nVersion: {version}\n"
    with zipfile.ZipFile(tmp_path / f"wokkel-{version}-py3-none-any.whl", "w") as wheel:
        wheel.writestr("wokkel/__init__.py", "print('owned')")
        wheel.writestr(f"wokkel-{version}.dist-info/METADATA", about)
        wheel.writestr(
            f"wokkel-{version}.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        wheel.writestr(f"wokkel-{version}.dist-info/RECORD", "")
    lock = tmp_path / "lock.txt"
    lines = LOCKS["fargo"].read_text().replace("\\\n", "").splitlines()
    lock.write_text(next(line for line in lines if line.startswith("wokkel==")))
    here = ("--no-index", "--find-links", str(tmp_path), "--no-deps", "--target", str(tmp_path / "target"))
    command = (sys.executable, "-m", "pip", "--isolated", "install", "--require-hashes", *here, "-r", str(lock))
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode
    assert "DO NOT MATCH THE HASHES" in done.stderr
    assert not (tmp_path / "target").exists()


@pytest.mark.usefixtures("servers")
def test_the_versions_of_what_parses_packets_are_told() -> None:
    told = CliRunner().invoke(main, ["--version"]).output
    for program in ("fargo", "kamailio", "rtpengine", "telepathy-rakia"):
        assert re.search(rf"^{program} \d+\.\d\S*$", told, re.M), told


def test_what_is_not_installed_is_said() -> None:
    told = CliRunner().invoke(main, ["--version"]).output
    assert texts.NOT_INSTALLED.format(program="rtpengine") in told.splitlines()
