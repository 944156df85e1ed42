"""The tiers of the tests are as tests/conftest.py describes them, a group of tests stays on one worker, and collecting
a test of the core imports little.
"""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
COLLECT = """
import sys
import pytest

pytest.main(["--collect-only", "-q", "-p", "no:cacheprovider", *sys.argv[1:]])
print("imported", *sys.modules)
"""
GROUPED = """
import pytest


@pytest.mark.xdist_group("screen")
@pytest.mark.parametrize("number", range(8))
def test_it(number: int) -> None:
    pass
"""


def collect(*arguments: str) -> tuple[list[str], list[str]]:
    """Collect tests in a new process; return their names, and the modules that this imports."""
    command = (sys.executable, "-c", COLLECT, *arguments)
    *lines, imported = subprocess.run(command, cwd=ROOT, capture_output=True, check=True, text=True).stdout.splitlines()
    return [line for line in lines if "::" in line], imported.split()[1:]


def test_the_folders_of_the_servers_have_no_fast_test() -> None:
    fast = re.search(r' -m "(.+?)" "\$@"', (ROOT / "script/test").read_text())
    assert fast
    names, _ = collect("-m", fast[1], "tests/edge", "tests/end_to_end", "tests/world", "tests/test_tiers.py")
    assert names
    assert {name.partition("::")[0] for name in names} == {"tests/test_tiers.py"}


def test_a_test_of_the_core_imports_no_world_and_no_reactor() -> None:
    names, imported = collect("tests/statemachine")
    assert names
    worlds = [name for name in imported if name.partition(".")[0] in ("world", "slixmpp", "datasette", "gi")]
    assert worlds == []
    assert "twisted.internet.reactor" not in imported


def test_without_the_fixture_no_program_is_found() -> None:
    assert shutil.which("env") is None


@pytest.mark.usefixtures("servers")
def test_with_the_fixture_programs_are_found() -> None:
    assert shutil.which("env")


def test_what_is_slow_says_why() -> None:
    texts = [path.read_text() for path in ROOT.glob("tests/**/test_*.py")]
    marks = [mark for text in texts for mark in re.findall(r"mark\.slow(.*)", text)]
    assert marks
    assert [mark for mark in marks if not re.match(r'\("\w.*"\)$', mark)] == []


def test_a_group_stays_on_one_worker(tmp_path: Path) -> None:
    """Without its group, a test would go to whichever worker is free."""
    (tmp_path / "test_grouped.py").write_text(GROUPED)
    options = ("-v", "-p", "no:cacheprovider", "--numprocesses", "2", "--dist", "loadgroup")
    command = (sys.executable, "-m", "pytest", *options)
    run = subprocess.run(command, cwd=tmp_path, capture_output=True, check=True, text=True)
    workers = re.findall(r"\[(gw\d)\].* PASSED", run.stdout)
    assert len(workers) == 8
    assert len(set(workers)) == 1
