"""A configuration that is read again: what a running gateway takes over, and what waits for a restart."""

from pathlib import Path

import pytest

from fargo.config import Config, load
from fargo.reload import reload

GOOD = """
[xmpp]
domain = "sip.example.org"
secret = "open sesame"
allowed_domains = ["example.org"]
[sip]
engine = "sip"
address = "127.0.0.2"
[media]
relay = "127.0.0.9:2223"
[state]
directory = "state"
"""


def config(directory: Path, text: str = GOOD) -> Config:
    file = directory / "fargo.toml"
    file.write_text(text)
    return load(file)


def changed(directory: Path, old: str, new: str) -> tuple[Config, Config]:
    assert old in GOOD
    return config(directory), config(directory, GOOD.replace(old, new, 1))


@pytest.mark.parametrize(
    ("old", "new", "option"),
    [
        ('["example.org"]', '["example.org", "example.net"]', "xmpp.allowed_domains"),
        ("[media]", "ring_seconds = 20\n[media]", "sip.ring_seconds"),
        ("[media]", 'emergency_numbers = ["112"]\n[media]', "sip.emergency_numbers"),
        ("[media]", 'emergency = "refuse"\n[media]', "sip.emergency"),
        ("[media]", 'country = "GB"\n[media]', "sip.country"),
        ("[media]", 'dial_rules = ["s/^0/+44/"]\n[media]', "sip.dial_rules"),
        ("[media]", '[media]\npath = "relay"', "media.path"),
        ("[media]", '[media]\nearly = "always"', "media.early"),
        ("[media]", "[media]\nprivate = false", "media.private"),
        ("[media]", '[media]\nallow = ["10.0.0.0/8"]', "media.allow"),
        ("[media]", '[media]\ndeny = ["10.0.0.0/8"]', "media.deny"),
        ("[media]", '[media]\nlearn = ["10.0.0.0/8"]', "media.learn"),
        ("[state]", '[log]\nkeep = "7d"\n[state]', "log.keep"),
        ("[state]", "[log]\nreserve_mb = 128\n[state]", "log.reserve_mb"),
    ],
)
def test_these_options_are_changed_at_once(tmp_path: Path, old: str, new: str, option: str) -> None:
    used, given = changed(tmp_path, old, new)
    assert reload(used, given) == (given, (option,), ())


@pytest.mark.parametrize(
    ("old", "new", "option"),
    [
        ('domain = "sip.example.org"', 'domain = "gateway.example.org"', "xmpp.domain"),
        ("open sesame", "close sesame", "xmpp.secret"),
        ("127.0.0.2", "127.0.0.3", "sip.address"),
        ("[media]", "port = 5099\n[media]", "sip.port"),
        ('"state"', '"other"', "state.directory"),
        ("[state]", '[programs]\nkamailio = "/bin/kamailio"\n[state]', "programs.kamailio"),
        ("127.0.0.9:2223", "127.0.0.9:2224", "media.relay"),
    ],
)
def test_all_others_wait_for_a_restart(tmp_path: Path, old: str, new: str, option: str) -> None:
    used, given = changed(tmp_path, old, new)
    assert reload(used, given) == (used, (), (option,))


def test_a_changed_relay_makes_the_rest_of_its_section_wait(tmp_path: Path) -> None:
    used, given = changed(tmp_path, 'relay = "127.0.0.9:2223"', 'path = "direct"')
    assert reload(used, given) == (used, (), ("media.path", "media.relay"))


def test_what_waits_does_not_keep_the_rest_from_being_changed(tmp_path: Path) -> None:
    used, given = changed(tmp_path, "[media]", 'port = 5099\nemergency = "refuse"\n[media]')
    now, options, waiting = reload(used, given)
    assert (options, waiting) == (("sip.emergency",), ("sip.port",))
    assert (now.sip.emergency, now.sip.port) == ("refuse", 5060)
    assert reload(now, given).waiting == ("sip.port",), "it still waits when the file is read once more"


def test_an_option_that_is_set_back_no_longer_waits(tmp_path: Path) -> None:
    used, given = changed(tmp_path, "[media]", "port = 5099\n[media]")
    assert reload(reload(used, given).config, used) == (used, (), ())
