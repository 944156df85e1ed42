"""Texts to contacts: in pieces that SIP can carry, with nothing lost, and what becomes of them as stanzas."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fargo.adapters.xmpp import disco, texting, texts
from fargo.adapters.xmpp.stanza import NS_RECEIPTS, serialized
from fargo.adapters.xmpp.texting import MOST_BYTES, PIECE_BYTES, pieces
from fargo.limits.rejection import Rejection
from fargo.statemachine.model.commands import ConfirmText, DeliverText, Issued, RefuseText
from fargo.statemachine.model.events import TextWritten
from fargo.statemachine.model.kept_text import KeptText
from fargo.store.texts_under_way import TextsUnderWay

from .bench import GATEWAY, SETTINGS, USER, Bench
from .elements import parse

BOB = f"bob%sip.test@{GATEWAY}"
NS = "xmlns='urn:xmpp:receipts'"


def message(body: str, inside: str = "", kind: str = "chat", to: str = BOB) -> str:
    return f"<message type='{kind}' id='m1' from='{USER}/a' to='{to}'><body>{body}</body>{inside}</message>"


@given(st.text(st.characters(codec="utf-8")))
def test_a_text_is_its_pieces(text: str) -> None:
    found = list(pieces(text))
    assert "".join(found) == text
    assert all(each and len(each.encode()) <= PIECE_BYTES for each in found)


@given(st.integers(1, 4000), st.sampled_from("aé€😀"))
def test_long_texts_have_pieces_that_are_nearly_full(length: int, letter: str) -> None:
    found = list(pieces(letter * length))
    assert "".join(found) == letter * length
    assert all(PIECE_BYTES - 3 <= len(each.encode()) <= PIECE_BYTES for each in found[:-1])


def test_a_text_is_cut_behind_a_word() -> None:
    words = "word " * 100
    assert [each[-5:] for each in pieces(words)] == ["word "] * 2
    assert [len(each) for each in pieces(words)] == [320, 180]
    assert [len(each) for each in pieces("x" * 200 + " " + "y" * 200)] == [201, 200]


@pytest.mark.parametrize("body", ["<body>This message is encrypted.</body>", ""])
@pytest.mark.parametrize("to", [BOB, GATEWAY])
def test_what_is_encrypted_is_refused_and_not_sent(to: str, body: str) -> None:
    bench = Bench()
    secret = "<encrypted xmlns='eu.siacs.conversations.axolotl'/>"
    bench.receive(parse(f"<message type='chat' id='m1' from='{USER}/a' to='{to}'>{body}{secret}</message>"))
    assert bench.events == []
    [told] = bench.wire.sent
    assert (told["type"], told["from"], told["id"]) == ("error", to, "m1")
    assert texts.ENCRYPTED in told.toXml()


def test_a_text_becomes_an_event_without_it() -> None:
    bench = Bench()
    bench.receive(parse(message("hällo", f"<request {NS}/>")), parse(message("again", kind="normal")))
    (_, first), (_, second) = bench.events
    assert isinstance(first, TextWritten)
    assert isinstance(second, TextWritten)
    assert (first.sender, first.to, first.id, first.receipt, second.receipt) == (f"{USER}/a", BOB, "m1", True, False)
    [part] = first.parts
    assert (bench.kept.read(part.name), part.length) == ("hällo", 6)
    assert "hällo" not in repr(bench.events)
    assert bench.wire.sent == []


def test_a_text_that_is_too_long_is_refused_with_a_sentence() -> None:
    bench = Bench()
    bench.receive(parse(message("x" * (MOST_BYTES + 1))))
    [refused] = bench.wire.sent
    assert (bench.events, refused["type"], refused["id"]) == ([], "error", "m1")
    assert texts.TEXT_TOO_LONG.format(most=MOST_BYTES) in refused.toXml()


def test_a_text_beyond_the_limit_is_refused_and_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench()
    monkeypatch.setattr(bench.admission, "event", lambda *_: Rejection("wait", "policy-violation", "Too many."))
    bench.receive(parse(message("hello")))
    assert "Too many." in bench.wire.sent[0].toXml()
    assert (bench.events, bench.kept._kept) == ([], {})


@pytest.mark.parametrize(
    ("stanza", "answers"),
    [
        (message("hello", kind="groupchat"), 1),
        (message("hello", kind="headline"), 0),
        (message("hello", kind="error"), 0),
        (message(" "), 1),
        (f"<message from='{USER}/a' to='{BOB}'><displayed xmlns='urn:xmpp:chat-markers:0' id='1'/></message>", 0),
        (f"<message from='{USER}/a' to='{BOB}'><received {NS} id='1'/></message>", 0),
    ],
)
def test_what_is_no_text_is_treated_as_before(stanza: str, answers: int) -> None:
    bench = Bench()
    bench.receive(parse(stanza))
    assert (len(bench.wire.sent), bench.events, bench.kept._kept) == (answers, [], {})


def test_a_text_is_delivered_and_forgotten() -> None:
    bench = Bench()
    kept = KeptText(bench.kept.keep("<b>Grüße</b>\n😀"), 20)
    bench.adapter.do(Issued(USER, "7.0", DeliverText(BOB, USER, kept)))
    [sent] = bench.wire.sent
    assert (sent["from"], sent["to"], sent["type"], sent["id"]) == (BOB, USER, "chat", "7.0")
    assert str(sent.body) == "<b>Grüße</b>\n😀"
    assert "urn:xmpp:hints" in sent.toXml()
    assert bench.kept.read(kept.name) is None
    bench.adapter.do(Issued(USER, "8.0", DeliverText(BOB, USER, kept)))
    assert len(bench.wire.sent) == 1


def test_the_answers_to_a_text() -> None:
    bench = Bench()
    bench.adapter.do(Issued(USER, "7.0", ConfirmText(BOB, f"{USER}/a", "m1")))
    bench.adapter.do(Issued(USER, "7.1", RefuseText(BOB, f"{USER}/a", "m1", "cancel", "item-not-found", "No such.")))
    bench.adapter.do(Issued(USER, "7.2", RefuseText(BOB, f"{USER}/a", None, "cancel", "item-not-found", "No such.")))
    receipt, error, nameless = bench.wire.sent
    assert (receipt["id"], receipt.received["id"], receipt.received.uri) == ("7.0", "m1", NS_RECEIPTS)
    assert (error["type"], error["id"], error.error["type"]) == ("error", "m1", "cancel")
    assert "No such." in error.toXml()
    assert not nameless.hasAttribute("id")


@given(st.text(st.characters(codec="utf-8")))
def test_any_text_can_be_delivered(text: str) -> None:
    kept = TextsUnderWay(lambda *_: None)
    made = texting.stanza(DeliverText(BOB, USER, KeptText(kept.keep(text), 0)), "7.0", kept)
    assert made
    read = str(parse(serialized(made)).body or "")
    assert [(a, b) for a, b in zip(text, read, strict=True) if a != b and b != "�"] == []


def test_contacts_say_that_they_confirm_texts_only_if_they_can() -> None:
    bench = Bench()
    assert NS_RECEIPTS not in bench.adapter._contact.features
    bench.adapter.serve(replace(SETTINGS, texts=True))
    assert bench.adapter._contact == disco.with_texts(disco.CONTACT)
    assert NS_RECEIPTS in bench.adapter._contact.features


def test_contacts_say_that_calls_can_be_transferred_only_if_they_can() -> None:
    bench = Bench()
    bench.adapter.serve(replace(SETTINGS, transfers=True))
    assert bench.adapter._contact == disco.with_transfers(disco.CONTACT)
