"""All mistakes in a configuration are reported at once, each with its key, its line and what is expected."""

import re
import socket
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path

import pytest
from world.ports import free_port

from fargo import texts
from fargo.checking import ports
from fargo.checking import texts as machine_texts
from fargo.checking.machine import problems
from fargo.config import Config, ConfigError, load
from fargo.config_sections import INSIDE

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
    """Return the mistakes reported for the good file with one passage changed."""
    assert old in GOOD
    file.write_text(GOOD.replace(old, new, 1))
    with pytest.raises(ConfigError) as caught:
        load(file)
    return [problem.removeprefix(str(file)) for problem in caught.value.problems]


def expected(key: str) -> str:
    """Return what the configuration expects as the value of an option."""
    section, _, name = key.partition(".")
    model = Config.model_fields[section].annotation
    assert model
    return model.model_fields[name].description or ""


def missing(key: str, text: str = texts.MISSING) -> str:
    return f"{key}: {text.format(expected=expected(key))}"


def not_valid(key: str, value: str, text: str = texts.NOT_VALID) -> str:
    return f"{key}: {text.format(value=value, expected=expected(key))}"


def test_a_short_file_is_enough_and_paths_are_relative_to_it(file: Path) -> None:
    config = load(file)
    assert config.xmpp.domain == "sip.example.org"
    assert config.xmpp.shared_secret == "open sesame"
    assert (config.xmpp.server, config.xmpp.port) == ("127.0.0.1", 5347)
    assert (config.sip.port, config.sip.inside_port, config.sip.ring_seconds) == (5060, 5070, 180)
    assert config.sip.country is None
    assert config.sip.dial_rules == ()
    assert (config.sip.emergency, config.sip.emergency_numbers) == ("call", ("112", "999", "911", "110", "000"))
    assert (config.media.path, config.media.relay) == ("auto", None)
    assert config.state.directory == file.parent / "state"
    assert config.programs.kamailio == Path("/usr/sbin/kamailio")


def test_a_relay_is_an_address_and_a_port(file: Path) -> None:
    file.write_text(f"{GOOD}[media]\npath = 'relay'\nrelay = '127.0.0.1:2223'\n")
    assert load(file).media.relay == ("127.0.0.1", 2223)


def test_networks(file: Path) -> None:
    config = load(file)
    assert (config.media.private, networks(config)) == (True, ((), (), (), ()))
    given = "['10.0.0.0/8', '2600::/32', '198.41.0.4']"
    audio = f"[media]\nprivate = false\nallow = {given}\ndeny = {given}\nlearn = {given}\n"
    file.write_text(GOOD.replace("[state]", f"accept_from = {given}\n{audio}[state]"))
    config = load(file)
    expected = tuple(map(ip_network, ("10.0.0.0/8", "2600::/32", "198.41.0.4/32")))
    assert (config.media.private, networks(config)) == (False, (expected,) * 4)


def networks(config: Config) -> tuple[tuple[IPv4Network | IPv6Network, ...], ...]:
    return (config.media.allow, config.media.deny, config.media.learn, config.sip.accept_from)


def test_our_own_engine_has_several_addresses(file: Path) -> None:
    assert load(file).sip.address == ("127.0.0.2",)
    file.write_text(GOOD.replace('"127.0.0.2"', "['127.0.0.2', '2001:DB8::0:1']"))
    assert load(file).sip.address == ("127.0.0.2", "2001:db8::1")


@pytest.mark.parametrize("given", ["[]", "['127.0.0.2', '127.0.0.2']", "'::'", "'fe80::1%eth0'", "'ff02::1'", "5"])
def test_an_address_of_our_own_engine_is_checked(file: Path, given: str) -> None:
    file.write_text(GOOD.replace('"127.0.0.2"', given))
    with pytest.raises(ConfigError, match=r":7: sip\.address: "):
        load(file)


@pytest.mark.parametrize("given", ["tls_certificate", "tls_key"])
def test_a_certificate_needs_its_key(file: Path, given: str) -> None:
    file.write_text(file.read_text().replace("[sip]", f"[sip]\n{given} = 'a.pem'"))
    with pytest.raises(ConfigError, match=re.escape(f"sip.tls_key: {texts.CERTIFICATE_AND_KEY}")):
        load(file)


def test_a_secret_is_not_shown(file: Path) -> None:
    assert "sesame" not in repr(load(file))
    assert mistakes(file, '"open sesame"', "1234567") == [f":4: {not_valid('xmpp.secret', texts.SECRET_VALUE)}"]


RAKIA = "\nengine = 'telepathy'"
NOWHERE = texts.UNREADABLE.format(path="/nowhere", why="No such file or directory")


@pytest.mark.parametrize(
    ("old", "new", "line", "problem"),
    [
        ('domain = "SIP.example.org"', "", 2, missing("xmpp.domain")),
        ("SIP.example.org", "a@b", 3, not_valid("xmpp.domain", "“a@b”")),
        ("domain =", "server = ''\ndomain =", 3, not_valid("xmpp.server", "“”")),
        ("[sip]", "port = 0\n[sip]", 6, not_valid("xmpp.port", "0")),
        ("[sip]", "[sip]\nport = 65536", 7, not_valid("sip.port", "65536")),
        ("[sip]", "[sip]\nport = true", 7, not_valid("sip.port", "true")),
        ("[sip]", "[sip]\ninside_port = '5070'", 7, not_valid("sip.inside_port", "“5070”")),
        ("[sip]", "[sip]\nring_seconds = 4", 7, not_valid("sip.ring_seconds", "4")),
        ("[sip]", "[sip]\nemergency = 'maybe'", 7, not_valid("sip.emergency", "“maybe”")),
        ("[sip]", "[sip]\ncountry = 'England'", 7, not_valid("sip.country", "“England”")),
        (
            "[sip]",
            "[sip]\ndial_rules = ['s/1/2/', 's/(1/2/']",
            7,
            "sip.dial_rules: “s/(1/2/” is no dial rule. The pattern is not valid: missing ).",
        ),
        ("[sip]", "[sip]\nforeign = 'maybe'", 7, not_valid("sip.foreign", "“maybe”")),
        (
            "[sip]",
            "[sip]\naccept_from = ['192.0.2.1/24']",
            7,
            not_valid("sip.accept_from", "“192.0.2.1/24”", texts.NOT_VALID_IN_LIST),
        ),
        ("[sip]", "[sip]\naccept_from = [1]", 7, not_valid("sip.accept_from", "1", texts.NOT_VALID_IN_LIST)),
        (
            "[sip]",
            "[sip]\nemergency_numbers = ['1 1 2']",
            7,
            not_valid("sip.emergency_numbers", "“1 1 2”", texts.NOT_VALID_IN_LIST),
        ),
        ("[sip]", "[limits]\ncalls = 0\n[sip]", 7, not_valid("limits.calls", "0")),
        ("[sip]", "[limits]\ncalls = 1001\n[sip]", 7, not_valid("limits.calls", "1001")),
        ("[state]", "[media]\nprivate = 1\n[state]", 9, not_valid("media.private", "1")),
        *(
            (
                "[state]",
                f"[media]\n{name} = ['10.0.0.1/8']\n[state]",
                9,
                not_valid(f"media.{name}", "“10.0.0.1/8”", texts.NOT_VALID_IN_LIST),
            )
            for name in ("allow", "deny", "learn")
        ),
        ("[state]", "[media]\nallow = [10]\n[state]", 9, not_valid("media.allow", "10", texts.NOT_VALID_IN_LIST)),
        ("127.0.0.2", "0.0.0.0", 7, not_valid("sip.address", "“0.0.0.0”")),
        ("127.0.0.2", INSIDE, 7, f"sip.address: {texts.LOOPBACK_ADDRESS.format(address=INSIDE)}"),
        ('"127.0.0.2"', f"'2001:db8::1'{RAKIA}", 7, f"sip.address: {texts.ONE_IPV4_ADDRESS}"),
        ('"127.0.0.2"', f"['127.0.0.2', '127.0.0.3']{RAKIA}", 7, f"sip.address: {texts.ONE_IPV4_ADDRESS}"),
        ("[sip]", "[sip]\nengine = 'sofia'", 7, not_valid("sip.engine", "“sofia”")),
        *(
            (
                '"127.0.0.2"',
                f'"127.0.0.2"{RAKIA}\n{name} = {value}',
                9,
                f"sip.{name}: {texts.OTHER_ENGINE.format(engine='sip')}",
            )
            for name, value in {
                "public_address": "'192.0.2.1'",
                "tls_port": "5061",
                "tls_certificate": "'a.pem'",
                "tls_ca": "'a.pem'",
                "gateway_port": "5071",
                "hep": "'192.0.2.1:9060'",
            }.items()
        ),
        ("[state]", "[media]\npath = 'direkt'\n[state]", 9, not_valid("media.path", "“direkt”")),
        ("[state]", "[media]\nearly = 'no'\n[state]", 9, not_valid("media.early", "“no”")),
        ("[state]", "[media]\nearly = 'always'\n[state]", 9, f"media.early: {texts.EARLY_WITHOUT_RELAY}"),
        ('"127.0.0.2"', f"'127.0.0.2'{RAKIA}\n[media]\nearly = 'ringing'", 9, f"media: {texts.EARLY_OTHER_ENGINE}"),
        ("[state]", "[media]\npath = 'relay'\n[state]", 8, missing("media.relay", texts.RELAY_MISSING)),
        *(
            ("[state]", f"[media]\nrelay = {given}\n[state]", 9, not_valid("media.relay", shown))
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
        ('"state"', "7", 9, not_valid("state.directory", "7")),
        ("[state]", "[programs]\nrakia = 1\n[state]", 9, not_valid("programs.rakia", "1")),
        ("[state]", "[programs]\nrakia = {}\n[state]", 9, not_valid("programs.rakia", texts.SECTION_VALUE)),
        ('["example.org"]', "[]", 5, not_valid("xmpp.allowed_domains", texts.EMPTY_LIST)),
        ('["example.org"]', '["@"]', 5, not_valid("xmpp.allowed_domains", "“@”", texts.NOT_VALID_IN_LIST)),
        (
            '["example.org"]',
            '["sip.example.org"]',
            5,
            f"xmpp.allowed_domains: {texts.OWN_DOMAIN.format(domain='sip.example.org')}",
        ),
        ('secret = "open sesame"', "", 2, f"xmpp.secret_file: {texts.NO_SECRET}"),
        ("secret =", "secret_file = 'fargo.toml'\nsecret =", 4, f"xmpp.secret_file: {texts.TWO_SECRETS}"),
        ('secret = "open sesame"', "secret_file = '/nowhere'", 4, f"xmpp.secret_file: {NOWHERE}"),
        (
            'secret = "open sesame"',
            "secret_file = '/dev/null'",
            4,
            f"xmpp.secret_file: {texts.EMPTY_SECRET.format(path='/dev/null')}",
        ),
        (
            "domain =",
            "domian = 1\ndomain =",
            3,
            f"xmpp.domian: {texts.UNKNOWN_OPTION.format(hint=texts.DID_YOU_MEAN.format(name='domain'))}",
        ),
        ("[sip]", "directory = '.'\n[sip]", 6, f"xmpp.directory: {texts.WRONG_SECTION.format(sections='[state]')}"),
        (
            "[state]",
            "[stat]",
            8,
            f"stat: {texts.UNKNOWN_SECTION.format(hint=texts.DID_YOU_MEAN.format(name='state'))}",
        ),
        (
            "[state]",
            "[other]",
            8,
            "other: "
            + texts.UNKNOWN_SECTION.format(
                hint=texts.VALID_NAMES.format(names="xmpp, sip, media, state, log, limits, metrics, programs")
            ),
        ),
    ],
)
def test_each_mistake(file: Path, old: str, new: str, line: int, problem: str) -> None:
    assert mistakes(file, old, new) == [f":{line}: {problem}"]


def test_an_option_with_the_name_of_a_section(file: Path) -> None:
    file.write_text(f"log = 1\n{GOOD}")
    with pytest.raises(ConfigError) as caught:
        load(file)
    assert caught.value.problems == (f"{file}:1: log: {texts.NOT_A_SECTION.format(section='log')}",)


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
    [
        (b"[xmpp", texts.NOT_TOML),
        (b"\xff", texts.NOT_UTF8),
        (None, texts.UNREADABLE),
    ],
)
def test_a_file_that_cannot_be_read(file: Path, content: bytes | None, problem: str) -> None:
    file.unlink() if content is None else file.write_bytes(content)
    with pytest.raises(ConfigError) as caught:
        load(file)
    said, _, _ = problem.format(path=file, why="|").partition("|")
    assert str(caught.value).startswith(said)


def test_a_secret_in_a_file_of_its_own(file: Path) -> None:
    secret = file.parent / "secret"
    secret.touch(mode=0o600)
    secret.write_text("open sesame\n")
    file.write_text(GOOD.replace('secret = "open sesame"', 'secret_file = "secret"'))
    config = load(file)
    assert config.xmpp.shared_secret == "open sesame"


def on_this_machine(file: Path, old: str, new: str) -> tuple[Config, list[str]]:
    file.write_text(GOOD.replace(old, new))
    config = load(file)
    return config, list(problems(file, config))


@pytest.mark.usefixtures("servers")
def test_the_machine_is_checked(file: Path) -> None:
    config, found = on_this_machine(file, "", "")
    assert found == []
    assert not config.state.directory.exists()
    _, found = on_this_machine(
        file, "[state]", "engine = 'telepathy'\n[programs]\nrakia = 'fargo.toml'\nkamailio = '/none'\n[state]"
    )
    assert found == [
        f"programs.rakia: {machine_texts.NOT_EXECUTABLE.format(program=file)}",
        f"programs.kamailio: {machine_texts.NOT_EXECUTABLE.format(program='/none')}",
    ]
    _, found = on_this_machine(file, "127.0.0.2", "192.0.2.1")
    assert found == [f"sip.address: {machine_texts.NOT_LOCAL.format(socket='192.0.2.1')}"]
    _, found = on_this_machine(file, '"state"', '"fargo.toml/state"')
    assert found == [f"state.directory: {machine_texts.NOT_A_DIRECTORY.format(path=file)}"]


@pytest.mark.usefixtures("servers")
@pytest.mark.parametrize("kind", [socket.SOCK_DGRAM, socket.SOCK_STREAM])
def test_a_port_in_use_is_reported(file: Path, kind: socket.SocketKind) -> None:
    with socket.socket(socket.AF_INET, kind) as taken:
        taken.bind(("127.0.0.2", 0))
        if kind is socket.SOCK_STREAM:
            taken.listen()
        port = taken.getsockname()[1]
        config, found = on_this_machine(file, "[state]", f"port = {port}\ninside_port = {free_port(INSIDE)}\n[state]")
        assert found == []
        assert [str(each) for each in ports.busy(config)] == [
            f"sip.port: {machine_texts.IN_USE.format(socket=f'127.0.0.2 port {port}')}"
        ]


def test_metrics_are_on_loopback_only(file: Path) -> None:
    assert load(file).metrics.address is None
    before = file.read_text()
    file.write_text(f"{before}\n[metrics]\naddress = '127.0.0.1:9464'\n")
    assert load(file).metrics.address == ("127.0.0.1", 9464)
    for given in ("'192.0.2.1:9464'", "'127.0.0.1'", "'127.0.0.1:0'", "'[::1]:9464'", "9464"):
        file.write_text(f"{before}\n[metrics]\naddress = {given}\n")
        with pytest.raises(ConfigError, match=r"metrics\.address: .* an IPv4 address of loopback"):
            load(file)
    file.write_text(f"{before}\n[metrics]\naddress = '{INSIDE}:9464'\n")
    with pytest.raises(ConfigError, match=f"{INSIDE} is reserved"):
        load(file)
