"""The pieces of the Debian package are right as far as can be told without building it, which `script/package --test`
does: maintainer scripts, unit, manual pages, completion, and the list of what it contains.
"""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from fargo.config_sections import SECTIONS

ROOT = Path(__file__).parents[1]
SCRIPTS = [*(ROOT / "packaging/debian" / name for name in ("postinst", "prerm", "postrm"))]
SHELL_SCRIPTS = [*SCRIPTS, *(ROOT / "script/packaging" / name for name in ("container", "guest", "try"))]
OF_DEBIAN = {"dbus-python", "pygobject"}
"""Requirements that come from Debian, because they belong to libraries there."""


def run(*command: str | Path, **environment: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        command, env={"PATH": "/usr/bin:/bin", **environment}, capture_output=True, text=True, check=False
    )


@pytest.fixture(scope="session")
def share(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a directory with what is installed in /usr/share."""
    made = tmp_path_factory.mktemp("share")
    done = run(sys.executable, ROOT / "script/manuals", made, PYTHONPATH=str(ROOT))
    assert done.returncode == 0, done.stderr
    return made


@pytest.mark.parametrize("script", SHELL_SCRIPTS, ids=lambda path: path.name)
def test_scripts_are_valid(script: Path) -> None:
    shell = "sh" if script in SCRIPTS else "bash"
    checked = run(shell, "-n", script)
    assert (checked.returncode, checked.stderr) == (0, "")
    assert re.search(r"^set -e", script.read_text(), re.M)


def test_systemd_understands_the_unit(servers: None, tmp_path: Path) -> None:
    if not shutil.which("systemd-analyze"):
        pytest.skip("systemd-analyze is not installed")
    unit = tmp_path / "fargo.service"
    unit.write_text((ROOT / "packaging/fargo.service").read_text().replace("/usr/bin/fargo", "/bin/true"))
    checked = run("systemd-analyze", "verify", "--man=no", "--recursive-errors=no", unit)
    assert "fargo.service" not in checked.stderr


def test_a_worker_is_run_as_a_gateway_is() -> None:
    """The two units differ in nothing but the name, the command and what is said about them."""
    gateway, worker = (
        [line for line in (ROOT / "packaging" / name).read_text().splitlines() if not line.startswith("#")]
        for name in ("fargo.service", "fargo@.service")
    )
    differing = [(one, other) for one, other in zip(gateway, worker, strict=True) if one != other]
    assert [(other.replace(", worker %i", "").replace(" --worker %i", "")) for _, other in differing] == [
        one for one, _ in differing
    ]
    assert len(differing) == 2


def test_a_new_gateway_sees_the_edge_of_the_one_before() -> None:
    """The processes of another user namespace are hidden: then calls would end with each restart, and the ports be in
    use. `script/package --test` tries it.
    """
    unit = (ROOT / "packaging/fargo.service").read_text()
    assert re.search(r"^ProtectProc=invisible$", unit, re.M)
    assert not re.search(r"^PrivateUsers=", unit, re.M)


def test_manual_pages_are_drawn_without_a_warning(servers: None, share: Path) -> None:
    if not shutil.which("groff"):
        pytest.skip("groff is not installed")
    pages = sorted((share / "man").rglob("*.[15]"))
    assert {"fargo.1", "fargo-run.1", "fargo-replay-ladder.1", "fargo.toml.5"} <= {page.name for page in pages}
    checked = run("groff", "-man", "-Tutf8", "-ww", "-z", *pages)
    assert (checked.returncode, checked.stderr) == (0, "")


def test_the_page_of_the_configuration_has_every_option(share: Path) -> None:
    page = (share / "man/man5/fargo.toml.5").read_text()
    assert set(re.findall(r"^\.TP\n\\fB(\w+)\\fR", page, re.M)) == {
        option for section in SECTIONS.values() for option in section.model_fields
    }


def test_bash_completes_commands(share: Path, tmp_path: Path) -> None:
    program = tmp_path / "fargo"
    program.write_text(
        f"#!{sys.executable}\nimport sys; sys.path.insert(0, '{ROOT}')\nimport fargo.cli; fargo.cli.main()\n"
    )
    program.chmod(0o755)
    asked = """
        source "$1"
        COMP_WORDS=(fargo replay l) COMP_CWORD=2
        $(complete -p fargo | sed 's/.*-F \\([^ ]*\\) .*/\\1/') fargo
        echo "${COMPREPLY[@]}"
    """
    path = f"{tmp_path}:/usr/bin:/bin"
    done = run("bash", "-c", asked, "bash", share / "bash-completion/completions/fargo", PATH=path)
    assert (done.stdout.split(), done.stderr) == (["ladder"], "")


def test_the_package_has_every_requirement() -> None:
    """Those of requirements/gateway.txt, with the versions of the tests, or Debian's."""
    required = set(re.findall(r'^        "([A-Za-z][\w.]*[\w-]*)[<>=]', (ROOT / "setup.py").read_text(), re.M))
    names = {each.lower().replace(".", "-") for each in required}
    lock = (ROOT / "requirements/gateway.txt").read_text()
    assert {"twisted", "pydantic", "dbus-python"} <= names
    assert names - OF_DEBIAN <= set(re.findall(r"^(\S+)==", lock, re.M))
    every = (ROOT / "requirements/fargo.txt").read_text()
    assert [line for line in re.findall(r"^\S+==\S+", lock, re.M) if line not in every.split("\n\n")[0]] == []
    control = (ROOT / "packaging/debian/control").read_text()
    assert "python3-dbus, python3-gi" in control
