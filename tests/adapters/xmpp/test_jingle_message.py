"""Jingle Message Initiation both ways: what real clients said, what any value becomes, and what is not heard."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.words.xish.domish import Element

from fargo.adapters.xmpp import jingle_message
from fargo.adapters.xmpp.stanza import MalformedError
from fargo.statemachine.model.commands import MessageCall, ProposeCall
from fargo.statemachine.model.jingle_events import CallAction, CallMessaged, CallProposed

from . import strategies
from .elements import NS_JINGLE, NS_RTP, Captured, captures, meaning, parse

NS = "urn:xmpp:jingle-message:0"
CONTACT = "bob%example.net@sip.example.org"
PHONE = f"{CONTACT}/fargo"
USER = "alice@example.org"
CLIENT = f"{USER}/a"

SPOKEN = [each for each in captures() if jingle_message.concerns(each.stanza)]
CONDITIONS = ["busy", "cancel", "connectivity-error", "decline", "expired", "gone", "success", "timeout"]


def incoming(inside: str, sender: str = CLIENT) -> Element:
    return parse(f"<message from='{sender}' to='{CONTACT}' type='chat'>{inside}</message>")


def said(name: str, inside: str = "", attributes: str = "id='s'") -> str:
    return f"<{name} xmlns='{NS}' {attributes}>{inside}</{name}>"


def media(*names: str) -> str:
    return "".join(f"<description xmlns='{NS_RTP}' media='{name}'/>" for name in names)


# --- real clients


def of_clients(file: str) -> list[jingle_message.JingleMessageEvent | None]:
    return [jingle_message.event(each.stanza) for each in SPOKEN if file in each.file and not each.by_gateway]


DINO, THEIRS, OURS = "alice@localhost/dino1", "ua1%127.0.0.1@sip.localhost", "ua1%127.0.0.1@sip.localhost/gw"
RETRACTED, CALLED = "1fcbcd08-5da6-4b74-9409-47cabcea50e9", "f69a61a8-985a-4eb4-905f-b08e4837b5b2"


def test_what_dino_says_is_heard() -> None:
    assert of_clients("dino-0.4.2-outgoing-call") == [CallProposed(DINO, THEIRS, CALLED, ("audio", "video"))]
    assert of_clients("dino-0.4.2-jmi-retract") == [
        CallProposed(DINO, THEIRS, RETRACTED, ("audio", "video")),
        CallMessaged(DINO, THEIRS, RETRACTED, CallAction.RETRACT),
    ]
    assert of_clients("dino-0.4.2-incoming-call-jmi") == [
        CallMessaged(DINO, OURS, "gw2a18d179a5", CallAction.PROCEED),
    ]
    assert of_clients("dino-0.4.2-jmi-incoming-rejected") == [
        CallMessaged(DINO, OURS, "gw8a27926608", CallAction.REJECT),
    ]


def command_of(captured: Captured) -> jingle_message.JingleMessageCommand:
    """Our recorded messages are read in the place of a client's."""
    match jingle_message.event(captured.stanza):
        case CallProposed(sender, to, sid, ("audio",)):
            return ProposeCall(sender, to, sid)
        case CallMessaged(sender, to, sid, action, condition, text):
            return MessageCall(sender, to, sid, action, condition, text)
        case other:
            pytest.fail(f"unexpected {other}")


def test_what_dino_understood_is_what_is_written() -> None:
    ours = [each for each in SPOKEN if each.by_gateway]
    assert {type(command_of(each)) for each in ours} == {ProposeCall, MessageCall}
    for each in ours:
        name = each.stanza.getAttribute("id", "1.0")
        again = parse(jingle_message.stanza(command_of(each), name).toXml())
        assert again["id"] == name
        recorded = parse(each.stanza.toXml())
        recorded["id"] = name
        assert meaning(again) == meaning(recorded)


# --- any value


@given(strategies.texts, strategies.texts)
def test_any_proposal_reads_back(sid: str, name: str) -> None:
    written = parse(jingle_message.stanza(ProposeCall(PHONE, USER, sid), name).toXml())
    assert jingle_message.event(written) == CallProposed(PHONE, USER, sid, ("audio",))
    assert written["id"] == name


@given(
    strategies.texts,
    st.sampled_from(CallAction),
    st.just((None, "")) | st.tuples(st.sampled_from(CONDITIONS), strategies.maybe.map(str.strip)),
    st.booleans(),
)
def test_anything_about_a_call_reads_back(sid: str, action: CallAction, reason: tuple[str, str], tie: bool) -> None:
    written = parse(jingle_message.stanza(MessageCall(PHONE, CLIENT, sid, action, *reason, tie), "1.0").toXml())
    assert jingle_message.event(written) == CallMessaged(PHONE, CLIENT, sid, action, *reason)
    told = next(each for each in written.elements() if each.uri == NS)
    assert [each.name for each in told.elements()] == ["reason"] * bool(reason[0]) + ["tie-break"] * tie
    assert {each.uri for each in told.elements(NS, "tie-break")} == ({NS} if tie else set())


@pytest.mark.parametrize(
    "command", [ProposeCall(PHONE, USER, "s"), MessageCall(PHONE, CLIENT, "s", CallAction.RETRACT, "cancel")]
)
def test_every_message_is_a_chat_that_is_kept(command: jingle_message.JingleMessageCommand) -> None:
    """XEP-0353 §3."""
    written = parse(jingle_message.stanza(command, "1.0").toXml())
    assert (written["from"], written["to"], written["type"]) == (PHONE, command.to, "chat")
    assert len(list(written.elements("urn:xmpp:hints", "store"))) == 1


# --- what is missing, foreign, late or wrong


def test_a_reason_is_heard() -> None:
    reason = f"<reason xmlns='{NS_JINGLE}'><busy/><text>On the phone</text></reason>"
    read = jingle_message.event(incoming(said("reject", reason + "<tie-break/>")))
    assert read == CallMessaged(CLIENT, CONTACT, "s", CallAction.REJECT, "busy", "On the phone")
    empty = jingle_message.event(incoming(said("finish", f"<reason xmlns='{NS_JINGLE}'/><migrated to='t'/>")))
    assert empty == CallMessaged(CLIENT, CONTACT, "s", CallAction.FINISH)


def test_only_streams_have_media() -> None:
    files = "<description xmlns='urn:xmpp:jingle:apps:file-transfer:5'/>"
    read = jingle_message.event(incoming(said("propose", files + media("video", "audio"))))
    assert read == CallProposed(CLIENT, CONTACT, "s", ("video", "audio"))
    assert jingle_message.event(incoming(said("propose", files))) == CallProposed(CLIENT, CONTACT, "s", ())


def test_a_proposal_that_was_kept_for_later_is_not_heard() -> None:
    delay = "<delay xmlns='urn:xmpp:delay' stamp='2026-01-01T00:00:00Z'/>"
    assert jingle_message.event(incoming(said("propose", media("audio")) + delay)) is None
    assert jingle_message.event(incoming(said("retract") + delay)) == CallMessaged(
        CLIENT, CONTACT, "s", CallAction.RETRACT
    )


def test_a_carbon_says_nothing() -> None:
    wrapped = (
        f"<message xmlns='jabber:client' from='{CLIENT}' to='{CONTACT}'>{said('propose', media('audio'))}</message>"
    )
    for kind in ("sent", "received"):
        forwarded = f"<forwarded xmlns='urn:xmpp:forward:0'>{wrapped}</forwarded>"
        assert not jingle_message.concerns(incoming(f"<{kind} xmlns='urn:xmpp:carbons:2'>{forwarded}</{kind}>"))


LONG = "x" * 2000
MALFORMED = {
    "no id": incoming(said("propose", media("audio"), "")),
    "empty id": incoming(said("accept", attributes="id=''")),
    "long id": incoming(said("accept", attributes=f"id='{LONG}'")),
    "nothing to say": incoming(said("shout")),
    "two things": incoming(said("ringing") + said("proceed")),
    "no media": incoming(said("propose", f"<description xmlns='{NS_RTP}'/>")),
    "65 media": incoming(said("propose", media(*["audio"] * 65))),
    "two reasons": incoming(said("reject", f"<reason xmlns='{NS_JINGLE}'/>" * 2)),
    "long reason": incoming(said("reject", f"<reason xmlns='{NS_JINGLE}'><{LONG}/></reason>")),
    "an account": incoming(said("propose", media("audio")), USER),
    "an account with a slash": incoming(said("propose", media("audio")), f"{USER}/"),
}


@pytest.mark.parametrize("case", MALFORMED)
def test_what_cannot_be_understood_is_malformed(case: str) -> None:
    with pytest.raises(MalformedError) as caught:
        jingle_message.event(MALFORMED[case])
    assert str(caught.value).endswith(".")


names = st.sampled_from(["propose", "shout", *CallAction])


@given(names, st.lists(strategies.junk, max_size=3), st.booleans())
def test_junk_never_raises_anything_else(name: str, inside: list[Element], named: bool) -> None:
    junk = said(name, "".join(each.toXml() for each in inside), "id='s'" if named else "")
    with suppress(MalformedError):
        jingle_message.event(incoming(junk))


@given(st.data())
def test_damaged_real_messages_never_raise_anything_else(data: st.DataObject) -> None:
    message = parse(data.draw(st.sampled_from(SPOKEN)).stanza.toXml())
    strategies.damage(data.draw, message)
    with suppress(MalformedError):
        jingle_message.event(message)


@pytest.mark.parametrize(("to", "apart"), [(USER, False), (f"{USER}/phone", True)])
def test_a_proposal_to_one_client_is_not_copied_to_the_others(to: str, apart: bool) -> None:
    """XEP-0280 §6."""
    written = parse(jingle_message.stanza(ProposeCall(PHONE, to, "s"), "1.0").toXml())
    names = {(each.uri, each.name) for each in written.elements()}
    assert names.issuperset({("urn:xmpp:carbons:2", "private"), ("urn:xmpp:hints", "no-copy")}) is apart
