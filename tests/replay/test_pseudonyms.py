"""A pseudonym has its name's shape, belongs to nobody, and is given once."""

import ipaddress
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from replay.exporting.pseudonyms import Found, Pseudonyms, key


def shape(word: str) -> str:
    """Return a word with one letter for each class of characters: capitals, small letters, digits, others."""
    letters = re.sub(r"[a-z]", "a", re.sub(r"[A-Z]", "A", re.sub(r"[0-9]", "0", word)))
    return re.sub(r"[^\x00-\x7f]", lambda found: "É" if found[0].isupper() else "é", letters)


def words(*words: str, kept: frozenset[str] = frozenset()) -> Pseudonyms:
    found = Found()
    for word in words:
        assert found.word(word) == word
    return Pseudonyms(found, kept)


def addresses(*addresses: str) -> list[str]:
    found = Found()
    for address in addresses:
        assert found.address(address) == address
    to = Pseudonyms(found, frozenset())
    return [to.address(address) for address in addresses]


@given(st.lists(st.from_regex(r"[A-Za-z0-9éÜ]{3,12}", fullmatch=True), min_size=1))
def test_words_keep_their_shape_and_are_told_apart(names: list[str]) -> None:
    to = words(*names)
    told = {name: to.word(name) for name in names}
    assert all(shape(new) == shape(name) for name, new in told.items())
    assert len({key(new) for new in told.values()}) == len({key(name) for name in names})
    assert not {key(new) for new in told.values()} & {key(name) for name in names}
    assert {to.word(name.lower()) for name in names} == {new.lower() for new in told.values()}


def test_what_is_kept_and_what_was_not_found_stays() -> None:
    to = words("Call", "Ann", kept=frozenset({"call", "zawux"}))
    assert to.word("Call") == "Call"
    assert to.word("Bob") == "Bob"
    assert to.word("ANN") == to.word("ann").upper() != "ANN"
    assert words("ann", kept=frozenset({words("ann").word("ann")})).word("ann") != words("ann").word("ann")


def test_short_words_are_names_too() -> None:
    to = words("Li", "x")
    assert shape(to.word("Li")) == "Aa"
    assert to.word("Li") != "Li"
    assert to.word("x") != "x"


def test_short_numbers_stay_and_long_ones_are_nobodys() -> None:
    to = words("7", "42", "486", "4711", "49301234567", "0163296000")
    assert (to.word("7"), to.word("42")) == ("7", "42")
    assert re.fullmatch(r"\d{3}", to.word("486"))
    assert to.word("486") != "486"
    both = words("486", "200")
    assert {len(both.word("486")), len(both.word("200"))} == {3}
    for number in ("4711", "49301234567", "0163296000"):
        assert re.fullmatch(rf"999\d{{{len(number) - 3}}}", to.word(number))
    assert to.word("4711") != "4711"


def test_there_are_enough_words_of_every_shape() -> None:
    names = [chr(c) for c in range(ord("a"), ord("z") + 1)] + [f"{n:03}" for n in range(1000)]
    to = words(*names)
    assert len({to.word(name) for name in names}) == len(names)


def test_the_same_names_in_the_same_order_get_the_same_pseudonyms() -> None:
    names = ("Ann", "x17", "49301234567")
    assert [words(*names).word(name) for name in names] == [words(*names, "more").word(name) for name in names]


def test_a_domain_is_an_example() -> None:
    found = Found()
    for name in ("x.example.net", "X.Example.net", "y.z"):
        assert found.host(name) == name
    to = Pseudonyms(found, frozenset())
    assert to.host("x.example.net") == "host1.example"
    assert to.host("X.Example.net") == "HOST1.EXAMPLE"
    assert (to.host("y.z"), to.host("unknown.z")) == ("host2.example", "unknown.z")


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("10.1.2.3", "192.0.2.0/24"),
        ("239.1.2.3", "233.252.0.0/24"),
        ("fe80::1", "2001:db8::/32"),
        ("0.0.0.0", "0.0.0.0/32"),
        ("::", "::/128"),
    ],
)
def test_an_address_is_for_documentation(address: str, network: str) -> None:
    (told,) = addresses(address)
    assert ipaddress.ip_address(told) in ipaddress.ip_network(network)


def test_there_are_enough_addresses() -> None:
    many = [f"10.0.{n // 256}.{n % 256}" for n in range(1000)]
    told = addresses(*many, "fe80::1", "fe80::2")
    assert len(set(told)) == len(many) + 2
    assert not any(ipaddress.ip_address(each).is_multicast for each in told)


def test_a_hash_counts() -> None:
    found = Found()
    for value in ("7C:4E:B9", "22:12:E3"):
        assert found.hash(value) == value
    to = Pseudonyms(found, frozenset())
    assert [to.hash(value) for value in ("7C:4E:B9", "22:12:E3", "00:11:22")] == ["00:00:01", "00:00:02", "00:11:22"]


NAMES = st.text("ab9-_Z", min_size=1, max_size=4)


NONCES = st.sets(st.text("ab9-_Z", min_size=3, max_size=3), min_size=1, max_size=3)


@given(NONCES, st.lists(NAMES, min_size=1))
def test_session_ids_keep_their_order_and_ours_their_nonce(nonces: set[str], foreign: list[str]) -> None:
    found = Found()
    for nonce in sorted(nonces):
        assert found.nonce(nonce) == nonce
    ours = [f"{nonce}{version}" for nonce in sorted(nonces) for version in (7, 12)]
    names = [*ours, *foreign]
    for name in names:
        assert found.session(name) == name
    to = Pseudonyms(found, frozenset())
    assert len({to.session(name) for name in names}) == len(set(names))
    for nonce in nonces:
        assert to.session(f"{nonce}7") == f"{to.nonce(nonce)}7"
        assert to.session(f"{nonce}7-9-ice") == f"{to.nonce(nonce)}7-9-ice"
    plain = [name for name in foreign if not any(name.startswith(nonce) for nonce in nonces)]
    for name in (*plain, *ours):
        for other in plain:
            assert (to.session(name) < to.session(other)) is (name < other)


def test_no_session_is_still_none() -> None:
    found = Found()
    found.session("")
    found.nonce("")
    to = Pseudonyms(found, frozenset())
    assert (to.session(""), to.nonce(""), to.session("17")) == ("", "", "17")
