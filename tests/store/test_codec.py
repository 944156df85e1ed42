"""Events and commands become bodies, and bodies of any format become today's events and commands."""

import pytest

from fargo.statemachine.model.events import IqSucceeded, SipSignedIn
from fargo.store.codec import decode_event, encode, survives
from fargo.store.formats import UPCASTS, FormatError


def test_a_body_is_decoded_to_what_was_encoded() -> None:
    assert encode(SipSignedIn("1.1")) == ("SipSignedIn", 1, '{"type":"SipSignedIn","connection":"1.1"}')
    assert decode_event(*encode(SipSignedIn("1.1"))) == SipSignedIn("1.1")


def test_only_what_can_be_decoded_again_survives() -> None:
    assert survives(IqSucceeded("1.1", "alice@example.org/phone"))
    assert not survives(IqSucceeded("1.1", "\ud800"))
    assert not survives(IqSucceeded("1.1", None))  # type: ignore[arg-type] # wrong on purpose
    assert not survives(IqSucceeded("1.1", object()))  # type: ignore[arg-type] # wrong on purpose


def test_a_body_of_an_older_format_is_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    def renamed(body: dict[str, str]) -> dict[str, str]:
        body["connection"] = body.pop("link")
        return body

    def prefixed(body: dict[str, str]) -> dict[str, str]:
        return {**body, "connection": "c" + body["connection"]}

    monkeypatch.setitem(UPCASTS, "SipSignedIn", (renamed, prefixed))
    assert decode_event("SipSignedIn", 1, '{"type":"SipSignedIn","link":"9.9"}') == SipSignedIn("c9.9")
    assert decode_event("SipSignedIn", 2, '{"type":"SipSignedIn","connection":"9.9"}') == SipSignedIn("c9.9")
    assert encode(SipSignedIn("1.1"))[:2] == ("SipSignedIn", 3)
    assert decode_event(*encode(SipSignedIn("1.1"))) == SipSignedIn("1.1")


@pytest.mark.parametrize(
    ("format", "body", "problem"),
    [
        (2, "{}", r"its SipSignedIn was written by a newer Fargo \(format 2\); use that version to read it$"),
        (1, "{", "its SipSignedIn cannot be decoded: "),
        (1, '{"type":"Dance"}', "its SipSignedIn cannot be decoded: "),
    ],
)
def test_a_body_that_cannot_be_decoded_is_named(format: int, body: str, problem: str) -> None:
    with pytest.raises(FormatError, match=f"^{problem}"):
        decode_event("SipSignedIn", format, body)


@pytest.mark.parametrize(
    "body", ['{"type":"SessionModified"}', '{"type":"SessionModified","action":"dance"}', '{"action":["content-add"]}']
)
def test_an_older_body_without_a_known_action_is_named(body: str) -> None:
    with pytest.raises(FormatError, match=r"^its SessionModified cannot be decoded: it has no known Jingle action$"):
        decode_event("SessionModified", 1, body)


def test_an_older_body_that_is_no_object_is_named() -> None:
    with pytest.raises(FormatError, match=r"^its SessionModified cannot be decoded: Expected `object`"):
        decode_event("SessionModified", 1, "[]")


def test_a_body_that_becomes_one_of_another_type_gets_the_upcasts_of_that(monkeypatch: pytest.MonkeyPatch) -> None:
    def moved(body: dict[str, str]) -> dict[str, str]:
        return {"type": "SipSignedIn", "link": body["link"]}

    def renamed(body: dict[str, str]) -> dict[str, str]:
        return {"type": body["type"], "connection": body["link"]}

    monkeypatch.setitem(UPCASTS, "SignedIn", (moved,))
    monkeypatch.setitem(UPCASTS, "SipSignedIn", (renamed,))
    assert decode_event("SignedIn", 1, '{"type":"SignedIn","link":"9.9"}') == SipSignedIn("9.9")
