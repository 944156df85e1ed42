"""Names in tokens, tags and branches."""

from collections.abc import Callable

import pytest

from fargo.adapters.sip.names import Named, Names, Sent, in_tag, incoming, new_branch
from fargo.edge.sip.keys import EdgeKeys, token

SECRET = "a secret"
ROMEO, JULIET = "romeo@example.org", "juliet@example.org"
SENT = Sent(ROMEO, "40.1", 2)


@pytest.fixture
def names() -> Names:
    found = Names(SECRET)
    found.know(ROMEO)
    return found


@pytest.mark.parametrize("name", ["12.0", "12.0-0123456789abcdef"])
def test_a_token_is_understood_after_a_restart(names: Names, name: str) -> None:
    text = names.token(Named(ROMEO, name))
    again = Names(SECRET)
    assert again.in_token(text) is None
    again.know(ROMEO)
    assert again.in_token(text) == (ROMEO, name)


def test_a_token_does_not_tell_the_jid_and_is_short_enough_for_a_user_part(names: Names) -> None:
    text = names.token(Named(ROMEO, "123456.0-0123456789abcdef"))
    assert "romeo" not in text
    assert len(text) <= 64


@pytest.mark.parametrize("text", ["", "bob", "12.0", "_", "._0123456789abcdef", "é.1_0123456789abcdef"])
def test_what_is_no_token_of_ours_is_not_understood(names: Names, text: str) -> None:
    assert names.in_token(text) is None


def test_a_token_of_another_gateway_is_not_understood(names: Names) -> None:
    other = Names("another secret")
    assert names.in_token(other.token(Named(ROMEO, "12.0"))) is None
    assert names.in_token(token(EdgeKeys.of(SECRET).token, "0123456789ab.12.0")) is None


def test_a_branch_is_understood_after_a_restart(names: Names) -> None:
    branch = names.branch(SENT, "call", "tag")
    assert branch.startswith("z9hG4bK")
    again = Names(SECRET)
    assert again.in_branch(branch, "call", "tag") is None
    again.know(ROMEO)
    assert again.in_branch(branch, "call", "tag") == SENT


def test_each_attempt_has_a_branch_of_its_own(names: Names) -> None:
    assert len({names.branch(SENT._replace(attempt=each), "call", "tag") for each in range(3)}) == 3


def test_a_branch_belongs_to_its_call_and_tag(names: Names) -> None:
    branch = names.branch(SENT, "call", "tag")
    assert names.in_branch(branch, "another call", "tag") is None
    assert names.in_branch(branch, "call", "another tag") is None
    assert names.in_branch(branch, "call", None) is None


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace("40.1", "40.2"),
        lambda text: text.replace("-2-", "-3-"),
        lambda text: f"{text}-",
        lambda text: text[:-1] + "g",
        lambda text: text.replace("z9hG4bK", "z9hG4bk"),
        lambda text: text.replace("-2-", "-é-"),
        lambda text: "",
        lambda text: new_branch(),
    ],
)
def test_a_changed_branch_is_not_understood(names: Names, change: Callable[[str], str]) -> None:
    assert names.in_branch(change(names.branch(SENT, "call", "tag")), "call", "tag") is None


def test_new_branches_cannot_be_guessed() -> None:
    assert len({new_branch() for _ in range(100)}) == 100


def test_the_name_in_a_tag() -> None:
    assert in_tag("12.0-0123456789abcdef-8899aabbccddeeff") == "12.0-0123456789abcdef"
    assert in_tag("40.0-8899aabbccddeeff") == "40.0"
    assert in_tag(Names(SECRET).stateless_tag("SIP/2.0/UDP 127.0.0.1;branch=z")) is None
    assert in_tag("") is None


def test_an_incoming_dialog_is_named_by_registration_call_id_and_tag() -> None:
    made = incoming("12.0", "call", "tag")
    assert made == incoming("12.0", "call", "tag")
    assert made.startswith("12.0-")
    assert (
        len({made, incoming("12.0", "call", None), incoming("12.0", "tag", "call"), incoming("13.0", "call", "tag")})
        == 4
    )


def test_the_contact_of_rakia_is_known_by_its_account() -> None:
    names, uri = Names(SECRET), "sip:alice@provider.example"
    line = "41234-4c71304ea1b2c3-7c795e36d17e323e283f"  # by route[TOKEN] of its edge; this rakia is named a1b2c3
    assert names.is_of_rakia(line, uri)
    assert not names.is_of_rakia(line, "sip:bob@provider.example")
    assert not names.is_of_rakia(line.replace("41234", "41235"), uri)
    assert not names.is_of_rakia(f"{line}-", uri)
    assert not names.is_of_rakia("", uri)
