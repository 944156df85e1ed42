"""The verdict on each address that audio may go to (`media.reach`)."""

from ipaddress import IPv4Address, IPv4Network, IPv6Address, ip_address, ip_network

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from msgspec.structs import replace

from fargo.statemachine.media.description import Unreachable
from fargo.statemachine.media.reach import Networks, is_hidden, objection

RTP = 17000
HERE = ip_address("198.41.0.4")
CONTROL = (ip_address("127.0.0.1"), 2223)
EVERYWHERE = (ip_network("0.0.0.0/0"), ip_network("::/0"))
RULES = Networks(
    own=frozenset({HERE, ip_address("2600::4"), ip_address("198.41.0.255")}),
    near=(ip_network("192.168.1.0/24"),),
    control=CONTROL,
)
addresses = st.one_of(st.ip_addresses(v=4), st.ip_addresses(v=6)).map(str)
ports = st.integers(1, 65535)


@pytest.mark.parametrize(
    ("ip", "why"),
    [
        ("alice.local", Unreachable.NO_ADDRESS),
        ("", Unreachable.NO_ADDRESS),
        ("fe80::1%eth0", Unreachable.NO_ADDRESS),
        ("127.0.0.1", Unreachable.LOOPBACK),
        ("127.255.0.1", Unreachable.LOOPBACK),
        ("::1", Unreachable.LOOPBACK),
        ("0.0.0.0", Unreachable.UNSPECIFIED),
        ("0.9.9.9", Unreachable.UNSPECIFIED),
        ("::", Unreachable.UNSPECIFIED),
        ("169.254.169.254", Unreachable.LINK_LOCAL),
        ("fe80::1", Unreachable.LINK_LOCAL),
        ("239.1.2.3", Unreachable.MULTICAST),
        ("ff0e::1", Unreachable.MULTICAST),
        ("255.255.255.255", Unreachable.BROADCAST),
        ("240.0.0.1", Unreachable.RESERVED),
        ("192.0.0.8", Unreachable.RESERVED),
        ("198.51.100.7", Unreachable.RESERVED),
        ("198.18.0.1", Unreachable.RESERVED),
        ("2001:db8::1", Unreachable.RESERVED),
        ("2001:0:7f00:1::1", Unreachable.RESERVED),  # Teredo
        ("64:ff9b:1::1", Unreachable.RESERVED),
        ("fec0::1", Unreachable.RESERVED),
        ("100::1", Unreachable.RESERVED),
        ("198.41.0.4", Unreachable.OWN),
        ("198.41.0.255", Unreachable.OWN),
        ("2600::4", Unreachable.OWN),
        ("8.8.8.8", None),
        ("2600::5", None),
        ("10.1.2.3", None),
        ("100.64.0.1", None),
        ("fd00::1", None),
        ("64:ff9b::8.8.8.8", None),
        ("2002:808:808::1", None),
    ],
)
def test_each_kind_of_address(ip: str, why: Unreachable | None) -> None:
    assert objection(ip, RTP, RULES) is why


@pytest.mark.parametrize("form", ["::ffff:{}", "64:ff9b::{}", "::{}"])
@pytest.mark.parametrize("ip", ["127.0.0.1", "198.41.0.4", "169.254.1.1", "224.0.0.1", "192.0.2.1", "10.0.0.1"])
def test_an_address_in_another_is_no_way_around(form: str, ip: str) -> None:
    strict = replace(RULES, private=False)
    assert objection(form.format(ip), RTP, strict)
    assert objection(str(IPv6Address(0x2002 << 112 | int(IPv4Address(ip)) << 80 | 1)), RTP, strict)


def test_private_networks_are_an_option() -> None:
    for ip in ("10.1.2.3", "172.16.0.1", "192.168.0.1", "100.127.0.1", "fd00::1", "64:ff9b::10.0.0.1"):
        assert objection(ip, RTP, RULES) is None
        assert objection(ip, RTP, replace(RULES, private=False)) is Unreachable.PRIVATE
    assert objection("172.32.0.1", RTP, replace(RULES, private=False)) is None


def test_what_is_denied_is_denied_even_if_it_is_allowed() -> None:
    denied = replace(RULES, allow=EVERYWHERE, deny=(ip_network("8.8.8.0/24"),))
    assert objection("8.8.8.8", RTP, denied) is Unreachable.DENIED
    assert objection("64:ff9b::8.8.8.8", RTP, denied) is Unreachable.DENIED
    assert objection("2002:808:808::1", RTP, denied) is Unreachable.DENIED
    assert objection("8.8.4.4", RTP, denied) is None


@given(addresses, ports)
@example("127.0.0.1", 2222)
@example("127.0.0.1", 2223)
@example("::ffff:127.0.0.1", 2223)
def test_allowing_everything_opens_neither_the_control_port_nor_low_ports(ip: str, port: int) -> None:
    why = objection(ip, port, replace(RULES, allow=EVERYWHERE))
    if port < 1024:
        assert why is Unreachable.PORT
    elif why is not None:
        assert why is Unreachable.CONTROL
        assert port in (2222, 2223)
        assert ip in ("127.0.0.1", "::ffff:127.0.0.1", "::ffff:7f00:1", "2002:7f00:1::1", "64:ff9b::7f00:1")


def test_the_control_port_is_refused_in_each_form() -> None:
    rules = replace(RULES, allow=EVERYWHERE)
    for ip in ("127.0.0.1", "::ffff:127.0.0.1", "64:ff9b::127.0.0.1", "2002:7f00:1::1"):
        assert objection(ip, 2223, rules) is Unreachable.CONTROL
        assert objection(ip, 2222, rules) is Unreachable.CONTROL
        assert objection(ip, 2224, rules) is None


@given(addresses, ports)
def test_what_is_let_through_is_a_host_of_the_internet_or_of_a_private_network(ip: str, port: int) -> None:
    if objection(ip, port, RULES) is None:
        address = ip_address(ip)
        assert port >= 1024
        assert not (address.is_loopback)
        assert not (address.is_link_local)
        assert not (address.is_multicast)
        assert not (address.is_unspecified)
        assert not (isinstance(address, IPv6Address) and address.ipv4_mapped)
        assert address not in RULES.own


@given(addresses, ports, st.booleans())
def test_a_network_that_is_denied_only_takes_away(ip: str, port: int, private: bool) -> None:
    open_, denied = replace(RULES, private=private), replace(RULES, private=private, deny=EVERYWHERE)
    assert objection(ip, port, denied)
    if objection(ip, port, open_) is None:
        assert objection(ip, port, denied) is Unreachable.DENIED


@given(st.text(max_size=50), st.integers())
def test_any_text_has_a_verdict(text: str, port: int) -> None:
    objection(text, port, RULES)
    is_hidden(text, RULES)


@pytest.mark.parametrize(
    ("ip", "hidden"),
    [
        ("10.1.2.3", True),
        ("100.64.0.1", True),
        ("fd00::1", True),
        ("192.168.1.7", False),
        ("192.168.2.7", True),
        ("8.8.8.8", False),
        ("172.16.0.9", False),
        ("198.41.0.9", True),
        ("nowhere", False),
    ],
)
def test_an_end_in_another_private_network_sends_from_elsewhere(ip: str, hidden: bool) -> None:
    rules = replace(RULES, allow=(IPv4Network("172.16.0.0/24"),), learn=(IPv4Network("198.41.0.8/29"),))
    assert is_hidden(ip, rules) is hidden
