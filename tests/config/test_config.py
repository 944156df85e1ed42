"""Every mistake in a configuration is named, at once, with its key, its line and what would be right."""

import socket
from pathlib import Path

import pytest

from fargo import preflight
from fargo.config import Config, ConfigError, load, warnings

GOOD = """
[xmpp]
domain = "SIP.example.org"
secret = "open sesame"
allowed_domains = ["example.org"]
[sip]
address = "127.0.0.2"
[state]
directory = "state"
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "fargo.toml"
    path.touch(mode=0o600)
    path.write_text(GOOD)
    return path


def mistakes(file: Path, old: str = "", new: str = "") -> list[str]:
    """What is said about the good file with one passage changed."""
    assert old in GOOD
    file.write_text(GOOD.replace(old, new, 1))
    with pytest.raises(ConfigError) as caught:
        load(file)
    return [problem.removeprefix(str(file)) for problem in caught.value.problems]


def test_a_short_file_is_enough_and_paths_are_relative_to_it(file: Path) -> None:
    config = load(file)
    assert config.xmpp.domain == "sip.example.org"
    assert config.xmpp.shared_secret == "open sesame"
    assert (config.xmpp.server, config.xmpp.port) == ("127.0.0.1", 5347)
    assert (config.sip.port, config.sip.inside_port, config.sip.ring_seconds) == (5060, 5070, 180)
    assert (config.media.path, config.media.relay) == ("auto", None)
    assert config.state.directory == file.parent / "state"
    assert config.programs.kamailio == Path("/usr/sbin/kamailio")


def test_a_relay_is_an_address_and_a_port(file: Path) -> None:
    file.write_text(f"{GOOD}[media]\npath = 'relay'\nrelay = '127.0.0.1:2223'\n")
    assert load(file).media.relay == ("127.0.0.1", 2223)


def test_a_secret_is_not_shown(file: Path) -> None:
    assert "sesame" not in repr(load(file))
    assert mistakes(file, '"open sesame"', "1234567") == [
        ":4: xmpp.secret: What is given does not do; it should be the secret that the XMPP server knows, as text."
    ]


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        (
            'domain = "SIP.example.org"',
            "",
            ":2: xmpp.domain: It is missing; it should be the XMPP domain of the gateway",
        ),
        ("SIP.example.org", "a@b", ":3: xmpp.domain: “a@b” does not do; it should be the XMPP domain"),
        ("domain =", "server = ''\ndomain =", ":3: xmpp.server: “” does not do; it should be the XMPP server's name"),
        ("[sip]", "port = 0\n[sip]", ":6: xmpp.port: 0 does not do; it should be a port, a number from 1 to 65535."),
        ("[sip]", "[sip]\nport = 65536", ":7: sip.port: 65536 does not do; it should be a port"),
        ("[sip]", "[sip]\nport = true", ":7: sip.port: true does not do; it should be a port"),
        ("[sip]", "[sip]\ninside_port = '5070'", ":7: sip.inside_port: “5070” does not do; it should be a port"),
        ("[sip]", "[sip]\nring_seconds = 4", ":7: sip.ring_seconds: 4 does not do; it should be a number of seconds"),
        ("127.0.0.2", "0.0.0.0", ":7: sip.address: “0.0.0.0” does not do; it should be an IPv4 address"),
        ("127.0.0.2", "127.0.0.1", ":7: sip.address: 127.0.0.1 is where the gateway's inside is; give another"),
        ("[state]", "[media]\npath = 'direkt'\n[state]", ":9: media.path: “direkt” does not do; it should be"),
        ("[state]", "[media]\npath = 'relay'\n[state]", ":8: media.relay: It is missing, and path is “relay”;"),
        *(
            ("[state]", f"[media]\nrelay = {given}\n[state]", f":9: media.relay: {shown} does not do; it should be the")
            for given, shown in {
                "'relay:2223'": "“relay:2223”",
                "'127.0.0.1'": "“127.0.0.1”",
                "'127.0.0.1:0'": "“127.0.0.1:0”",
                "'127.0.0.1:65536'": "“127.0.0.1:65536”",
                "'127.0.0.1:٣'": "“127.0.0.1:٣”",
                "'0.0.0.0:2223'": "“0.0.0.0:2223”",
                "2223": "2223",
            }.items()
        ),
        ('"state"', "7", ":9: state.directory: 7 does not do; it should be the path of a directory"),
        ("[state]", "[programs]\nrakia = 1\n[state]", ":9: programs.rakia: 1 does not do; it should be the path"),
        ('["example.org"]', "[]", ":5: xmpp.allowed_domains: An empty list does not do; it should be a list of"),
        ('["example.org"]', '["@"]', ":5: xmpp.allowed_domains: “@” in it does not do; it should be a list of"),
        ('["example.org"]', '["sip.example.org"]', ":5: xmpp.allowed_domains: “sip.example.org” is the gateway itself"),
        ('secret = "open sesame"', "", ":2: xmpp.secret_file: Neither secret nor secret_file is given; give one"),
        ("secret =", "secret_file = 'fargo.toml'\nsecret =", ":4: xmpp.secret_file: secret is given as well; give one"),
        (
            'secret = "open sesame"',
            "secret_file = '/nowhere'",
            ":4: xmpp.secret_file: /nowhere cannot be read: No such",
        ),
        ('secret = "open sesame"', "secret_file = '/dev/null'", ":4: xmpp.secret_file: /dev/null is empty; write the"),
        ("domain =", "domian = 1\ndomain =", ":3: xmpp.domian: There is no such option. Did you mean domain?"),
        ("[sip]", "directory = '.'\n[sip]", ":6: xmpp.directory: There is no such option here; it belongs to [state]."),
        ("[state]", "[stat]", ":8: stat: There is no such section. Did you mean state?"),
        (
            "[state]",
            "[other]",
            ":8: other: There is no such section. There are xmpp, sip, media, state, log, programs.",
        ),
    ],
)
def test_each_mistake(file: Path, old: str, new: str, problem: str) -> None:
    (said,) = mistakes(file, old, new)
    assert said.startswith(problem)


def test_all_mistakes_are_named_at_once(file: Path) -> None:
    file.write_text(
        "colour = 1\n[xmpp]\nport = 0\nsecret = 'x'\nsecret_file = 'y'\n[sip]\nport = 0\n[programs]\nrakia = 0\n"
    )
    with pytest.raises(ConfigError) as caught:
        load(file)
    keys = {problem.split(": ")[1] for problem in caught.value.problems}
    assert keys == {
        *("colour", "xmpp.domain", "xmpp.port", "xmpp.secret_file", "xmpp.allowed_domains"),
        *("sip.address", "sip.port", "programs.rakia"),
    }


@pytest.mark.parametrize(
    ("content", "problem"),
    [(b"[xmpp", " is not TOML: "), (b"\xff", " is not text in UTF-8."), (None, " cannot be read: No such file")],
)
def test_a_file_that_cannot_be_read(file: Path, content: bytes | None, problem: str) -> None:
    file.unlink() if content is None else file.write_bytes(content)
    with pytest.raises(ConfigError) as caught:
        load(file)
    assert str(caught.value).removeprefix(str(file)).startswith(problem)


def test_a_secret_can_have_a_file_of_its_own(file: Path) -> None:
    secret = file.parent / "secret"
    secret.touch(mode=0o600)
    secret.write_text("open sesame\n")
    file.write_text(GOOD.replace('secret = "open sesame"', 'secret_file = "secret"'))
    config = load(file)
    assert config.xmpp.shared_secret == "open sesame"
    file.chmod(0o644)
    assert list(warnings(file, config)) == []
    secret.chmod(0o640)
    assert list(warnings(file, config)) == [f"{secret} contains a secret, and others may read it: chmod 600 {secret}"]


def test_a_secret_that_others_may_read_is_warned_of(file: Path) -> None:
    assert list(warnings(file, load(file))) == []
    file.chmod(0o644)
    assert [str(file) in warning for warning in warnings(file, load(file))] == [True]


def on_this_machine(file: Path, old: str, new: str) -> tuple[Config, list[str]]:
    file.write_text(GOOD.replace(old, new))
    config = load(file)
    return config, list(preflight.problems(config))


def test_the_machine_is_looked_at(file: Path) -> None:
    config, problems = on_this_machine(file, "", "")
    assert problems == []
    assert not config.state.directory.exists()
    _, problems = on_this_machine(file, "[state]", "[programs]\nrakia = 'fargo.toml'\nkamailio = '/none'\n[state]")
    assert problems == [
        f"programs.rakia: {file} is no program; install it, or give its path.",
        "programs.kamailio: /none is no program; install it, or give its path.",
    ]
    _, problems = on_this_machine(file, "127.0.0.2", "192.0.2.1")
    assert problems == ["sip.address: 192.0.2.1 is no address of this machine; “ip address” lists those it has."]
    _, problems = on_this_machine(file, '"state"', '"fargo.toml/state"')
    assert problems == [f"state.directory: {file} is no directory; give the path of one, or of one to be made."]


@pytest.mark.parametrize("kind", [socket.SOCK_DGRAM, socket.SOCK_STREAM])
def test_a_port_in_use_is_named(file: Path, kind: socket.SocketKind) -> None:
    with socket.socket(socket.AF_INET, kind) as taken:
        taken.bind(("127.0.0.2", 0))
        if kind is socket.SOCK_STREAM:
            taken.listen()
        port = taken.getsockname()[1]
        config, problems = on_this_machine(file, "[state]", f"port = {port}\ninside_port = {port}\n[state]")
        assert problems == []
        assert list(preflight.busy_ports(config)) == [
            f"sip.port: 127.0.0.2 port {port} is in use by another program; stop that, or choose another port."
        ]
