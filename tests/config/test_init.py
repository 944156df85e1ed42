"""`fargo init` writes a configuration that is right, draws a secret, and prints what the servers around need."""

import re
import stat
import tomllib
from collections import Counter
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from fargo.cli import main
from fargo.config import load
from fargo.config_sections import SECTIONS
from fargo.setup.config_file import example, sentence
from fargo.setup.meanings import MEANINGS

ROOT = Path(__file__).parents[2]
GIVEN = ("--domain", "sip.example.org", "--address", "192.0.2.10")


def init(path: Path, *options: str, answers: str | None = None) -> Result:
    return CliRunner().invoke(main, ["init", "-c", str(path), *options], input=answers)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "fargo.toml"


def test_flags_alone_are_enough(path: Path) -> None:
    done = init(path, "--yes", *GIVEN)
    assert done.exit_code == 0, done.output
    config = load(path)
    assert (config.xmpp.domain, config.xmpp.allowed_domains) == ("sip.example.org", ("example.org",))
    assert (config.sip.address, config.sip.engine) == (("192.0.2.10",), "sip")
    assert config.media.relay == ("127.0.0.1", 2223)
    secret = path.parent / "xmpp-secret"
    assert {stat.S_IMODE(each.stat().st_mode) for each in (path, secret)} == {0o600}
    assert len(config.xmpp.shared_secret) >= 32


def test_questions_are_put_again_until_the_answer_is_valid(path: Path) -> None:
    answers = ["a domain", "sip.example.org", "", "port", "5348", "example.org, example.net", "0.0.0.0", "192.0.2.10"]
    done = init(path, answers="".join(f"{each}\n" for each in [*answers, "none", "telepathy"]))
    assert done.exit_code == 0, done.output
    config = load(path)
    assert (config.xmpp.server, config.xmpp.port) == ("127.0.0.1", 5348)
    assert config.xmpp.allowed_domains == ("example.org", "example.net")
    assert (config.media.relay, config.sip.engine) == (None, "telepathy")
    assert done.output.count("Expected: ") == 3


def test_enter_takes_the_default(path: Path) -> None:
    done = init(path, answers="sip.example.org\n" + 3 * "\n" + "192.0.2.10\n\n\n")
    assert done.exit_code == 0, done.output
    config = load(path)
    assert (config.xmpp.server, config.xmpp.port, config.xmpp.allowed_domains) == ("127.0.0.1", 5347, ("example.org",))
    assert (config.media.relay, config.sip.engine) == (("127.0.0.1", 2223), "sip")
    assert '127.0.0.1:2223", or "none" (--relay) [127.0.0.1:2223]: ' in done.output
    assert done.output.count("none") == 1


def test_each_option_is_told_apart_from_all_others() -> None:
    assert [name for name, meanings in MEANINGS.items() if meanings.keys() - SECTIONS[name].model_fields] == []
    told = Counter(sentence(section, option) for section in SECTIONS.values() for option in section.model_fields)
    bare = ("A number", "A port", "True", '"')
    assert [each for each, times in told.items() if times > 1 or each.startswith(bare)] == []


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--domain", "no domain"), "--domain"),
        (("--address", "::"), "--address"),
        (("--port", "0"), "--port"),
        (("--relay", "here"), "--relay"),
        (("--engine", "asterisk"), "--engine"),
        (("--allowed", "sip.example.org"), "is the domain of the gateway itself"),
        (("--address", "192.0.2.11", "--engine", "telepathy"), "one IPv4 address"),
    ],
)
def test_what_is_wrong_is_told_and_not_written(path: Path, options: tuple[str, ...], told: str) -> None:
    done = init(path, "--yes", *GIVEN, *options)
    assert done.exit_code == 2
    assert told in done.output
    assert not path.exists()


def test_a_configuration_is_not_replaced_without_asking(path: Path) -> None:
    path.write_text("mine")
    assert init(path, "--yes", *GIVEN).exit_code == 2
    assert init(path, *GIVEN, answers="n\n").exit_code == 2
    assert path.read_text() == "mine"
    assert init(path, "--yes", "--replace", *GIVEN).exit_code == 0
    secret = load(path).xmpp.shared_secret
    assert init(path, "--yes", "--replace", *GIVEN).exit_code == 0
    assert load(path).xmpp.shared_secret == secret, "the XMPP server has it"


def test_the_lines_for_the_servers(path: Path) -> None:
    done = init(path, "--yes", *GIVEN, "--address", "2001:db8::10", "--port", "5348")
    secret = load(path).xmpp.shared_secret
    assert f'Component "sip.example.org"\n    component_secret = "{secret}"' in done.output
    assert "component_ports = { 5348 }" in done.output
    assert '    port: 5348\n    ip: "127.0.0.1"\n' in done.output
    assert f'      "sip.example.org":\n        password: "{secret}"\n' in done.output
    assert "interface = 192.0.2.10;2001:db8::10" in done.output
    assert "ip6tables -A INPUT -p tcp -d 2001:db8::10 --dport 5060 -j ACCEPT" in done.output


def test_the_lines_for_the_relay_are_those_of_the_documentation(path: Path) -> None:
    told = init(path, "--yes", *GIVEN).output
    documented = (ROOT / "docs/configuration.md").read_text()
    lines = re.findall(r"^(?:table|listen-ng|interface|port-\w+|timeout|log-level) = .*", told, re.M)
    assert len(lines) == 7
    assert [line for line in lines if f"\n{line}\n" not in documented] == []


def test_every_option_is_in_the_file_with_its_default(path: Path) -> None:
    shown = example()
    for name, section in SECTIONS.items():
        table = re.search(rf"^\[{name}\]\n(.*?)(?=^\[|\Z)", shown, re.M | re.S)
        assert table
        assert set(re.findall(r"^#?(\w+) = ", table[1], re.M)) == set(section.model_fields)
    for line in re.findall(r"^#(\w+ = .*)", shown, re.M):
        assert line.endswith("…") or tomllib.loads(line)
