"""Jingle both ways: what real clients sent, what any value becomes, and what junk does not."""

from contextlib import suppress

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.words.xish.domish import Element

from fargo.adapters.xmpp import contents, jingle
from fargo.adapters.xmpp.stanza import MalformedError, iq_of
from fargo.statemachine.media.description import Codec, Content, Description, IceUdp, RawUdp, UnknownTransport
from fargo.statemachine.model.commands import (
    AcceptSession,
    InformSession,
    InformTransport,
    InitiateSession,
    TerminateSession,
)
from fargo.statemachine.model.iq import Iq
from fargo.statemachine.model.jingle_events import (
    SessionAccepted,
    SessionInformed,
    SessionInitiated,
    SessionTerminated,
    TransportInformed,
)

from . import strategies
from .elements import NS_JINGLE, NS_RTP, Captured, captures, jingles, meaning, parse

ASKED = Iq("alice@example.org/a", "bob%example.net@sip.example.org", "1")
SELF = "bob%example.net@sip.example.org"
PEER = "alice@example.org/a"


def named(captured: Captured) -> str:
    return f"{captured.file} {captured.stanza['id']}"


def event(xml: str) -> jingle.JingleActionEvent:
    return jingle.event(ASKED, parse(xml))


def body(inside: str, action: str = "session-initiate") -> str:
    return f"<jingle xmlns='{NS_JINGLE}' action='{action}' sid='s'>{inside}</jingle>"


def audio(inside: str, transport: str = "<transport xmlns='urn:xmpp:jingle:transports:raw-udp:1'/>") -> str:
    description = f"<description xmlns='{NS_RTP}' media='audio'>{inside}</description>"
    return body(f"<content creator='initiator' name='a'>{description}{transport}</content>")


def candidate(attributes: str) -> str:
    return audio("", f"<transport xmlns='urn:xmpp:jingle:transports:raw-udp:1'><candidate {attributes}/></transport>")


# --- real clients


def test_there_are_captures_of_every_kind() -> None:
    assert len(captures()) > 50
    assert {each.stanza.jingle["action"] for each in jingles()} == {
        "session-initiate", "session-accept", "session-info", "session-terminate", "transport-info",
    }  # fmt: skip


@pytest.mark.parametrize("captured", jingles(), ids=named)
def test_no_content_of_a_real_client_loses_anything(captured: Captured) -> None:
    for original in captured.stanza.jingle.elements(NS_JINGLE, "content"):
        [content] = contents.read(_alone(original))
        assert meaning(parse(contents.write(content).toXml())) == meaning(original)


def _alone(content: Element) -> Element:
    holder = Element((NS_JINGLE, "jingle"))
    holder.children.append(content)
    return holder


@pytest.mark.parametrize("captured", jingles(), ids=named)
def test_every_captured_action_becomes_its_event_and_back(captured: Captured) -> None:
    """Our recorded answers are read in the place of a client's: whatever was right to send is right to read."""
    stanza = captured.stanza
    iq = iq_of(stanza)
    command: jingle.JingleCommand
    match jingle.event(iq, stanza.jingle):
        case SessionInitiated(_, sid, (content,), bundles):
            command = InitiateSession(iq.sender, iq.to, sid, content, next(iter(bundles), ()))
        case SessionAccepted(_, sid, (content,)):
            command = AcceptSession(iq.sender, iq.to, sid, content)
        case SessionInformed(_, sid, info, "urn:xmpp:jingle:apps:rtp:info:1"):
            command = InformSession(iq.sender, iq.to, sid, info)
        case SessionTerminated(_, sid, condition, text):
            command = TerminateSession(iq.sender, iq.to, sid, condition, text)
        case TransportInformed(_, sid, (content,)):
            command = InformTransport(iq.sender, iq.to, sid, content)
        case SessionInitiated(_, _, (_, second), _):
            assert second.description
            assert second.description.media == "video"
            return  # never sent by us
        case other:
            pytest.fail(f"unexpected {other}")
    again = parse(jingle.stanza(command, iq.id).toXml())
    assert (again["from"], again["to"], again["id"], again["type"]) == (iq.sender, iq.to, iq.id, "set")
    assert meaning(again.jingle) == meaning(stanza.jingle)


def test_pidgins_quirks_are_read_as_meant() -> None:
    [capture] = [each for each in jingles("session-initiate") if "rawudp" in each.file]
    [content] = contents.read(capture.stanza.jingle)
    assert content.description
    codecs = content.description.codecs
    assert {codec.channels for codec in codecs} == {1}
    assert [codec.name for codec in codecs if codec.id == 14] == ["MPA-ROBUST", "X-MP3-DRAFT-00", "MPA"]
    assert isinstance(content.description.transport, RawUdp)
    assert [c.component for c in content.description.transport.candidates] == [1, 2]


def test_no_sdes_key_gets_in() -> None:
    keyed = [each for each in jingles("session-initiate") if each.stanza.jingle.toXml().count("<crypto ")]
    assert keyed
    for each in keyed:
        read = jingle.event(ASKED, each.stanza.jingle)
        assert "inline:" not in repr(read)


def test_a_demand_for_encryption_is_kept() -> None:
    demand = "<encryption required='{}'><crypto crypto-suite='x' key-params='inline:secret' tag='1'/></encryption>"
    for word, demanded in (("true", True), ("1", True), ("false", False), ("0", False)):
        read = event(audio(demand.format(word)))
        assert isinstance(read, SessionInitiated)
        assert read.contents[0].description
        assert read.contents[0].description.encryption_required is demanded
        assert "secret" not in repr(read)


@pytest.mark.parametrize("namespace", [NS_RTP, NS_JINGLE, "urn:other"])
@pytest.mark.parametrize(("word", "demanded"), [("true", True), ("1", True), ("false", False), ("0", False)])
def test_a_demand_for_encryption_beside_the_description_counts(namespace: str, word: str, demanded: bool) -> None:
    demand = f"<encryption xmlns='{namespace}' required='{word}'><crypto key-params='inline:secret'/></encryption>"
    described = f"<description xmlns='{NS_RTP}' media='audio'/>"
    for inside in (demand + described, described + demand):
        read = event(body(f"<content name='a'>{inside}</content>"))
        assert isinstance(read, SessionInitiated)
        assert read.contents[0].description
        assert read.contents[0].description.encryption_required is demanded
        assert "secret" not in repr(read)


# --- any value


@given(strategies.contents)
def test_any_content_is_the_same_after_writing_and_reading(content: Content) -> None:
    assert contents.read(_alone(parse(contents.write(content).toXml()))) == (content,)


@given(strategies.texts, strategies.texts, strategies.contents)
def test_any_session_command_reads_back(sid: str, name: str, content: Content) -> None:
    def read(command: jingle.JingleCommand) -> jingle.JingleActionEvent:
        return jingle.event(ASKED, parse(jingle.stanza(command, name).toXml()).jingle)

    assert read(InitiateSession(SELF, PEER, sid, content)) == SessionInitiated(ASKED, sid, (content,))
    assert read(AcceptSession(SELF, PEER, sid, content)) == SessionAccepted(ASKED, sid, (content,))
    assert read(TerminateSession(SELF, PEER, sid, "busy", name)) == SessionTerminated(ASKED, sid, "busy", name.strip())
    assert read(InformSession(SELF, PEER, sid, None)) == SessionInformed(ASKED, sid, None)
    ringing = read(InformSession(SELF, PEER, sid, "ringing"))
    assert ringing == SessionInformed(ASKED, sid, "ringing", "urn:xmpp:jingle:apps:rtp:info:1")


@given(strategies.texts, st.lists(strategies.contents, max_size=4), st.lists(strategies.texts, min_size=1, max_size=4))
def test_any_group_and_any_declined_content_read_back(sid: str, others: list[Content], names: list[str]) -> None:
    content, bundle = Content("voice"), tuple(names)
    before, after = tuple(others[:2]), tuple(others[2:])
    invited = jingle.stanza(InitiateSession(SELF, PEER, sid, content, bundle), "1").toXml()
    assert jingle.event(ASKED, parse(invited).jingle) == SessionInitiated(ASKED, sid, (content,), (bundle,))
    accepted = parse(jingle.stanza(AcceptSession(SELF, PEER, sid, content, before, after, bundle), "1").toXml())
    assert jingle.event(ASKED, accepted.jingle) == SessionAccepted(ASKED, sid, (*before, content, *after))
    assert contents.bundles(accepted.jingle) == (bundle,)


def group(semantics: str, *names: str) -> str:
    inside = "".join(f"<content name='{name}'/>" for name in names)
    return f"<group xmlns='urn:xmpp:jingle:apps:grouping:0' semantics='{semantics}'>{inside}</group>"


@pytest.mark.parametrize(
    ("groups", "bundles"),
    [
        ("", ()),
        (group("BUNDLE", "a"), (("a",),)),
        (group("BUNDLE", "a", "b") + group("BUNDLE", "c"), (("a", "b"), ("c",))),
        (group("LS", "a", "b") + group("BUNDLE", "b", "a"), (("b", "a"),)),
        (group("BUNDLE"), ((),)),
        ("<group xmlns='urn:other' semantics='BUNDLE'><content name='a'/></group>", ()),
    ],
)
def test_bundle_groups_are_read_and_others_are_not(groups: str, bundles: tuple[tuple[str, ...], ...]) -> None:
    assert event(body(f"{groups}<content name='a'/>")) == SessionInitiated(ASKED, "s", (Content("a"),), bundles)


def test_who_starts_and_who_answers_is_said() -> None:
    content = Content("a", description=Description("audio", (Codec(0),), RawUdp()))
    assert jingle.stanza(InitiateSession(SELF, PEER, "s", content), "1").jingle["initiator"] == SELF
    assert jingle.stanza(AcceptSession(SELF, PEER, "s", content), "1").jingle["responder"] == SELF


# --- what is missing, foreign or wrong


def test_what_has_a_default_may_be_missing() -> None:
    assert event(body("<reason/>", "session-terminate")) == SessionTerminated(ASKED, "s", "success")
    assert event(body("", "session-terminate")) == SessionTerminated(ASKED, "s", "success")
    assert event(body("", "session-info")) == SessionInformed(ASKED, "s", None)
    blind = "<transfer xmlns='urn:xmpp:jingle:transfer:0' to='carol@localhost'/>"
    informed = SessionInformed(ASKED, "s", "transfer", "urn:xmpp:jingle:transfer:0", to="carol@localhost")
    assert event(body(blind, "session-info")) == informed
    attended = blind.replace("to=", "sid='s2' to=")
    assert event(body(attended, "session-info")) == msgspec.structs.replace(informed, other_sid="s2")
    assert event(body("<content name='a'/>")) == SessionInitiated(ASKED, "s", (Content("a"),))


@pytest.mark.parametrize("odd", ["8e3", "-1", "", " ", "٣", "9" * 900, str(2**32)])
@pytest.mark.parametrize("name", ["clockrate", "channels", "ptime", "maxptime"])
def test_a_number_that_is_none_counts_as_absent(name: str, odd: str) -> None:
    read = event(audio(f"<payload-type id='0' name='PCMU' {name}='{odd}'/>"))
    assert isinstance(read, SessionInitiated)
    assert read.contents[0].description
    assert read.contents[0].description.codecs == (Codec(0, "PCMU"),)


def test_a_description_without_transport_says_so() -> None:
    read = event(body(f"<content name='a'><description xmlns='{NS_RTP}' media='audio'/></content>"))
    assert isinstance(read, SessionInitiated)
    assert read.contents[0].description == Description("audio", (), UnknownTransport(""))


def test_foreign_applications_and_transports_keep_their_names() -> None:
    read = event(body("<content name='a'><description xmlns='urn:files'/><transport xmlns='urn:pigeon'/></content>"))
    assert isinstance(read, SessionInitiated)
    [content] = read.contents
    assert content.unknown
    assert content.unknown.namespace == "urn:files"
    assert content.transport == UnknownTransport("urn:pigeon")


def test_end_of_candidates_is_noticed() -> None:
    modified = [jingle.event(ASKED, each.stanza.jingle) for each in jingles("transport-info")]
    transports = [m.contents[0].transport for m in modified if isinstance(m, TransportInformed)]
    assert [t.complete for t in transports if isinstance(t, IceUdp)].count(True) == 1


LONG = "x" * 2000
MALFORMED = {
    "no action": f"<jingle xmlns='{NS_JINGLE}' sid='s'/>",
    "no sid": f"<jingle xmlns='{NS_JINGLE}' action='session-info'/>",
    "empty sid": f"<jingle xmlns='{NS_JINGLE}' action='session-info' sid=''/>",
    "unknown action": body("", "session-explode"),
    "no content": body(""),
    "no content to accept": body("", "session-accept"),
    "content without name": body("<content creator='initiator'/>"),
    "unknown creator": body("<content creator='god' name='a'/>"),
    "unknown senders": body("<content senders='all' name='a'/>"),
    "two descriptions": body("<content name='a'><description xmlns='a'/><description xmlns='b'/></content>"),
    "two transports": body("<content name='a'><transport xmlns='a'/><transport xmlns='b'/></content>"),
    "two reasons": body("<reason/><reason/>", "session-terminate"),
    "no media": body(f"<content name='a'><description xmlns='{NS_RTP}'/></content>"),
    "payload type without id": audio("<payload-type name='PCMU'/>"),
    "payload type not a number": audio("<payload-type id='zero'/>"),
    "payload type in other digits": audio("<payload-type id='٣'/>"),
    "payload type negative": audio("<payload-type id='-1'/>"),
    "payload type too large": audio("<payload-type id='256'/>"),
    "feedback without type": audio("<rtcp-fb xmlns='urn:xmpp:jingle:apps:rtp:rtcp-fb:0'/>"),
    "encryption maybe": audio("<encryption required='maybe'/>"),
    "candidate without address": candidate("component='1' port='1'"),
    "candidate without port": candidate("component='1' ip='127.0.0.1'"),
    "candidate without component": candidate("ip='127.0.0.1' port='1'"),
    "port too large": candidate("component='1' ip='127.0.0.1' port='65536'"),
    "long sid": f"<jingle xmlns='{NS_JINGLE}' action='session-info' sid='{LONG}'/>",
    "long name": body(f"<content name='{LONG}'/>"),
    "long information": body(f"<{LONG}/>", "session-info"),
    "long reason": body(f"<reason><{LONG}/></reason>", "session-terminate"),
    "long namespace": body(f"<content name='a'><transport xmlns='{LONG}'/></content>"),
    "65 codecs": audio("<payload-type id='0'/>" * 65),
    "65 parameters": audio(f"<payload-type id='0'>{'<parameter/>' * 65}</payload-type>"),
    "65 candidates": audio(
        "",
        "<transport xmlns='urn:xmpp:jingle:transports:raw-udp:1'>"
        + "<candidate component='1' ip='127.0.0.1' port='1'/>" * 65
        + "</transport>",
    ),
    "group without semantics": body("<group xmlns='urn:xmpp:jingle:apps:grouping:0'/><content name='a'/>"),
    "group of nameless contents": body(group("BUNDLE", "") + "<content name='a'/>"),
    "17 groups": body(group("BUNDLE", "a") * 17 + "<content name='a'/>"),
    "17 contents in a group": body(group("BUNDLE", *"a" * 17) + "<content name='a'/>"),
    "17 contents": body("<content name='a'/>" * 17),
}


@pytest.mark.parametrize("case", MALFORMED)
def test_malformed_jingle_is_refused_with_a_sentence(case: str) -> None:
    with pytest.raises(MalformedError) as caught:
        event(MALFORMED[case])
    sentence = str(caught.value)
    assert sentence.endswith(".")
    assert len(sentence) < 1200


def test_a_long_text_for_people_is_cut_not_refused() -> None:
    read = event(body(f"<reason><busy/><text>{LONG}</text></reason>", "session-terminate"))
    assert read == SessionTerminated(ASKED, "s", "busy", "x" * 1024)


@given(strategies.junk)
def test_junk_never_raises_anything_else(element: Element) -> None:
    with suppress(MalformedError):
        jingle.event(ASKED, parse(element.toXml()))


@given(st.data())
def test_damaged_real_stanzas_never_raise_anything_else(data: st.DataObject) -> None:
    original = data.draw(st.sampled_from(jingles()))
    element = parse(original.stanza.toXml()).jingle
    strategies.damage(data.draw, element)
    with suppress(MalformedError):
        jingle.event(ASKED, element)
