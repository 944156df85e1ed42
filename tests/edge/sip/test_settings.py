"""The settings of the edge of our own user agent, its configuration, and its keys."""

import re
from dataclasses import replace
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path
from typing import Any

import pytest

from fargo.edge import texts
from fargo.edge.settings import IDLE_SECONDS
from fargo.edge.sip.keys import EdgeKeys, is_authentic, message_key, named, token
from fargo.edge.sip.settings import SipEdgeSettings
from fargo.edge_settings import SILENCE_SECONDS

SECRET = "not to be seen by anyone"


@pytest.fixture
def settings(tmp_path: Path) -> SipEdgeSettings:
    return SipEdgeSettings(
        addresses=(IPv4Address("192.0.2.1"), IPv6Address("2001:db8::1")),
        inside=(IPv4Address("127.0.0.1"), 5070),
        gateway=(IPv4Address("127.0.0.1"), 5071),
        secret=SECRET,
        run_dir=tmp_path / "edge",
    )


def listens(settings: SipEdgeSettings) -> list[str]:
    return re.findall(r"^listen=(.*:506.*)$", settings.files()["kamailio.cfg"], re.M)


def test_it_listens_on_all_addresses(settings: SipEdgeSettings) -> None:
    assert listens(settings) == [
        *("udp:192.0.2.1:5060", "tcp:192.0.2.1:5060", "tls:192.0.2.1:5061"),
        *("udp:[2001:db8::1]:5060", "tcp:[2001:db8::1]:5060", "tls:[2001:db8::1]:5061"),
    ]


def test_the_public_address_stands_for_those_of_its_version(settings: SipEdgeSettings) -> None:
    behind_nat = replace(settings, public_address=IPv4Address("203.0.113.1"))
    assert listens(behind_nat)[:3] == [
        "udp:192.0.2.1:5060 advertise 203.0.113.1:5060",
        "tcp:192.0.2.1:5060 advertise 203.0.113.1:5060",
        "tls:192.0.2.1:5061 advertise 203.0.113.1:5061",
    ]
    assert listens(behind_nat)[3:] == listens(settings)[3:]


@pytest.mark.parametrize("kept_back", ["127.0.0.1", "127.9.9.9", "0.0.0.0", "0:0:0:0:0:0:0:1", "0:0:0:0:0:0:0:0"])
@pytest.mark.parametrize("allowed", ["192.0.2.7", "10.127.0.1", "2001:DB8:0:0:0:0:0:1", "FE80:0:0:0:0:0:0:1"])
def test_the_outside_sends_to_no_loopback_address(settings: SipEdgeSettings, kept_back: str, allowed: str) -> None:
    found = re.search(r'"!FORBIDDEN!(.*)!g"', settings.files()["kamailio.cfg"])
    assert found
    assert re.search(f"^({found[1]})$", kept_back)
    assert not re.search(f"^({found[1]})$", allowed)


def test_the_authorities_are_a_file_or_a_directory(settings: SipEdgeSettings, tmp_path: Path) -> None:
    assert f'ca_path = "{tmp_path}"\n' in replace(settings, ca=tmp_path).files()["tls.cfg"]
    assert f'ca_list = "{tmp_path}/ca.pem"\n' in replace(settings, ca=tmp_path / "ca.pem").files()["tls.cfg"]


def test_a_server_that_is_slow_to_answer_finds_its_connection() -> None:
    assert SILENCE_SECONDS < IDLE_SECONDS


def test_the_secret_shows_nowhere(settings: SipEdgeSettings) -> None:
    assert SECRET not in repr(settings) + "".join(settings.files().values())


def test_another_secret_is_another_set_of_keys() -> None:
    keys = {*EdgeKeys.of(SECRET), *EdgeKeys.of(SECRET + "!")}
    assert len(keys) == 8


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"addresses": (IPv6Address("::"),)}, texts.NOT_REACHABLE.format(address="::")),
        ({"addresses": (IPv4Address("127.0.0.1"),)}, texts.SAME_ADDRESS.format(address="127.0.0.1")),
        ({"inside": (IPv4Address("192.0.2.1"), 5070)}, texts.NOT_LOOPBACK.format(address="192.0.2.1")),
        ({"gateway": (IPv4Address("192.0.2.1"), 5071)}, texts.NOT_LOOPBACK.format(address="192.0.2.1")),
        ({"gateway": (IPv4Address("127.0.0.1"), 0)}, texts.BAD_PORT.format(side="gateway", port=0)),
        ({"port": 65536}, texts.BAD_PORT.format(side="outside", port=65536)),
        ({"tls_port": 0}, texts.BAD_PORT.format(side="TLS", port=0)),
        ({"ring_seconds": 0}, texts.BAD_SECONDS.format(name="ring_seconds", seconds=0)),
        ({"silence_seconds": 4000}, texts.BAD_SECONDS.format(name="silence_seconds", seconds=4000)),
        ({"secret": "short"}, texts.SHORT_SECRET),
    ],
)
def test_settings_that_cannot_work_are_refused(
    settings: SipEdgeSettings, change: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(sentence)}$"):
        replace(settings, **change)


def test_a_token_names_only_what_it_was_made_for() -> None:
    made = token("a key", "0123abcd.40.1")
    assert made.startswith("0123abcd.40.1_")
    assert named("a key", made) == "0123abcd.40.1"
    assert [named("a key", wrong) for wrong in ("", "0123abcd.40.1", made[:-1], f"{made}0", f"1{made}")] == [None] * 5
    assert named("another key", made) is None


def test_ack_and_cancel_have_the_key_of_their_invite() -> None:
    keys = {method: message_key("a key", "call", "1", method) for method in ("INVITE", "ACK", "CANCEL", "BYE")}
    assert keys["INVITE"] == keys["ACK"] == keys["CANCEL"] != keys["BYE"]
    assert is_authentic(keys["BYE"], "a key", "call", "1", "BYE")
    assert not is_authentic("ä", "a key", "call", "1", "BYE")
