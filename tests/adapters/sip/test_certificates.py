"""The names in the certificates of SIP servers (RFC 5922 §7)."""

import pytest

from fargo.adapters.sip import texts
from fargo.adapters.sip.certificates import problem_of

from .tls import Lines, shown

HOST = "provider.test"


def problem(lines: Lines, host: str = HOST) -> str | None:
    return problem_of({name: [value] for name, value in lines}, host)


@pytest.mark.parametrize(
    "names",
    [
        ("provider.test",),
        ("other.test", "Provider.TEST"),
        ("sip:provider.test",),
        ("SIP:Provider.test", "other.test"),
    ],
)
def test_a_certificate_for_the_name_is_valid(names: tuple[str, ...]) -> None:
    assert problem(shown(*names)) is None
    assert problem(shown(*names), "PROVIDER.test.") is None


@pytest.mark.parametrize(
    "names",
    [
        ("other.test",),
        ("*.test",),
        ("sip:alice@provider.test",),
        ("sips:provider.test",),
        ("sip:sub.provider.test",),
        ("192.0.2.1",),
    ],
)
def test_a_certificate_for_another_name_is_not(names: tuple[str, ...]) -> None:
    told = texts.NO_NAME if names[0].startswith("sips:") else names[0].removeprefix("sip:")
    assert problem(shown(*names, common=HOST)) == texts.OTHER_NAME.format(names=told)


def test_a_wildcard_matches_nothing() -> None:
    assert problem(shown("*.provider.test"), "sip.provider.test") == texts.OTHER_NAME.format(names="*.provider.test")


def test_the_common_name_counts_if_there_are_no_other_names() -> None:
    assert problem(shown(common=HOST)) is None
    assert problem(shown(common="other.test")) == texts.OTHER_NAME.format(names="other.test")
    assert problem(shown("other.test", common=HOST))


@pytest.mark.parametrize(("of", "host"), [("192.0.2.1", "192.0.2.1"), ("2001:db8::1", "2001:DB8:0::1")])
def test_a_server_that_is_named_by_its_address_needs_a_certificate_for_that(of: str, host: str) -> None:
    assert problem(shown(of), host) is None
    assert problem(shown(HOST), host) == texts.OTHER_NAME.format(names=HOST)


def test_of_many_names_some_are_told() -> None:
    found = problem(shown(*(f"{number}.test" for number in range(10))))
    assert found == texts.OTHER_NAME.format(names="0.test, 1.test, 2.test")


def test_an_expired_certificate_is_told() -> None:
    assert problem(shown(HOST, expired=True)) == texts.EXPIRED


def test_a_certificate_of_an_unknown_authority_is_told() -> None:
    assert problem(shown(HOST, verified=False)) == texts.UNKNOWN_AUTHORITY


def test_a_certificate_that_a_server_has_issued_to_itself_is_told() -> None:
    assert problem(shown(HOST, verified=False, self_signed=True)) == texts.SELF_SIGNED


@pytest.mark.parametrize(
    "text", ["", "nonsense", "-----BEGIN CERTIFICATE-----%0Ax%0A-----END CERTIFICATE-----%0A", "é"]
)
def test_a_certificate_that_cannot_be_read_is_not_valid(text: str) -> None:
    result, _ = shown(HOST)
    assert problem([result, ("X-Fargo-Certificate", text)]) == texts.NO_CERTIFICATE


def test_without_a_word_of_the_edge_nothing_is_valid() -> None:
    _, certificate = shown(HOST)
    assert problem([certificate]) == texts.UNKNOWN_AUTHORITY
    result, _ = shown(HOST)
    assert problem([result]) == texts.NO_CERTIFICATE
