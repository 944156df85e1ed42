"""The ladder of a call of our own user agent shows SIP as it was spoken: numbers, ends, addresses, audio, and hold."""

from msgspec.structs import replace
from simulator.memory import MemoryLog
from statemachine.registering import REGISTRAR
from statemachine.story import PCMU
from statemachine.user_agent.encrypting import Encrypting
from statemachine.user_agent.phone import Phoning, sdp
from statemachine.user_agent.seeing import INFORMS, MUTE, Seeing, seen
from statemachine.user_agent.sessions import STORIES, session

from fargo.calls import records
from fargo.statemachine.media.description import Senders
from fargo.statemachine.model.events import TimePassed
from fargo.statemachine.model.sip_values import Endpoint, OtherBody, Sdp
from fargo.store.entries import Entry
from replay.drawing.ladder import ladder
from replay.drawing.page_data import page_data
from replay.drawing.texts import AGREED_BY_ICE, BY_DTLS, BY_EDGE, BY_SRTP, NO_AUDIO
from replay.reading.steps import replayed_call


def drawn(entries: tuple[Entry, ...], width: int = 130, brief: bool = False) -> list[str]:
    name = records(entries)[0].name
    return list(ladder(replayed_call(MemoryLog(entries), name), name, width, brief))


def below(entries: tuple[Entry, ...], label: str) -> list[str]:
    """Return what stands below each message with a label."""
    lines = drawn(entries)
    return [lines[place + 1].strip() for place, line in enumerate(lines) if "│" in line and f" {label} " in line]


def test_a_request_of_ours_has_its_number_ends_address_and_audio() -> None:
    first, again, *_ = below(session("held_and_moved"), "INVITE")
    ends = "alice@sip.test to bob@sip.test, sent to udp 192.0.2.5:5060, PCMU PCMA at 127.0.0.1:4000"
    assert (first, again) == (f"CSeq 1, {ends}", f"CSeq 2, {ends}")


def test_a_request_in_the_dialog_is_sent_to_its_route_or_to_the_phone() -> None:
    assert "sent to 127.0.0.2, " in below(session("held_and_moved"), "INVITE (sendonly)")[0]
    [bye] = below(session("glare"), "BYE")
    assert bye == "CSeq 4, alice@sip.test to bob@sip.test, sent to 192.0.2.7:5070"


def test_a_request_of_the_phone_says_where_it_came_from() -> None:
    [invite] = below(session("called_by_number"), "INVITE")
    ends = "+441632960077@zork.test to alice@sip.test"
    assert invite == f"CSeq 101, {ends}, from tls 192.0.2.5:5061, PCMU at 127.0.0.4:5000"
    hold = below(session("held_and_moved"), "INVITE")[3]
    assert hold.endswith(", from udp 192.0.2.5:5060, PCMU PCMA at 0.0.0.0:5000")


def test_encryption_is_named_with_the_audio() -> None:
    invites = below(session("encrypted"), "INVITE")
    assert [each.rpartition(":")[2] for each in invites] == ["30000, SRTP", "5000, SRTP"]
    optional = " ".join(drawn(tuple(Encrypting("optional").talks().entries), 500))
    assert "at 127.0.0.9:30000, SRTP optional" in optional
    lines = " ".join(line.strip() for line in drawn(session("encrypted"), 500))
    assert BY_SRTP in lines
    assert BY_SRTP not in " ".join(line.strip() for line in drawn(session("relayed"), 500))


def test_encryption_from_end_to_end_is_named() -> None:
    invites = below(session("end_to_end"), "INVITE")
    assert invites[0].endswith(", opus/48000 PCMU by ICE, DTLS-SRTP")
    lines = " ".join(line.strip() for line in drawn(session("end_to_end"), 500))
    assert "Direct audio: Client and phone both use DTLS-SRTP over ICE: audio is encrypted end to end." in lines
    assert f"{AGREED_BY_ICE.format(codecs='opus/48000, PCMU')} {BY_DTLS}" in lines


def test_a_response_names_its_request() -> None:
    story = session("held_and_moved")
    assert below(story, "183 Session Progress") == ["to INVITE 2, from udp 192.0.2.5:5060"]
    oks = below(story, "200 OK")
    assert oks[:2] == [
        "to PRACK 3, from udp 192.0.2.5:5060",
        "to INVITE 2, from udp 192.0.2.5:5060, PCMU PCMA at 127.0.0.4:5000",
    ]
    assert oks[-1] == "to BYE 103"
    assert below(session("declined"), "180 Ringing") == ["to INVITE 101"]


def test_a_response_that_comes_again_names_the_method_only() -> None:
    """Nobody waits for it any more."""
    story = Phoning().talking()
    story.answers()
    assert below(tuple(story.entries), "200 OK")[-1].startswith("to INVITE, from udp ")


def test_a_response_of_the_edge_came_from_nowhere() -> None:
    story = Phoning()
    story.calls()
    story.responds(503, "Service Unavailable", by_edge=True, source=None)
    assert below(tuple(story.entries), "503 Service Unavailable") == [f"to INVITE 1, {BY_EDGE}"]


def test_other_bodies_and_addresses() -> None:
    story = Phoning().talking()
    there = Endpoint("tcp", "2001:db8::7", 5062)
    story.sends("INFO", OtherBody("application/dtmf-relay", 24), source=there)
    [info] = below(tuple(story.entries), "INFO")
    assert info.endswith(", from tcp [2001:db8::7]:5062, application/dtmf-relay, 24 bytes")
    story.sends("INVITE", Sdp(None, ("video 5000 RTP/AVP 31",)), source=REGISTRAR)
    assert below(tuple(story.entries), "INVITE")[-1].endswith(f", {NO_AUDIO}")
    wide = replace(PCMU, id=96, name="opus", clockrate=48000)
    story.sends("INVITE", sdp(PCMU, wide))
    assert below(tuple(story.entries), "INVITE")[-1].endswith("PCMU opus/48000 at 127.0.0.4:5000")


def test_a_request_for_a_whole_picture_is_seen() -> None:
    story = Seeing().sees_bob(shown=MUTE, headers=INFORMS)
    story.tell(TimePassed(), 2)
    [told] = below(tuple(story.entries), "INFO")
    assert told.endswith("a whole picture, please")


def test_who_sends_video_is_seen() -> None:
    story = Seeing().sees_bob()
    body = seen()
    assert body.video
    ways: dict[Senders, str] = {
        "both": "VP8 at 127.0.0.4:5010",
        "initiator": "sent by the phone alone",
        "responder": "sent to the phone alone",
        "none": "sent by nobody",
    }
    for senders, said in ways.items():
        story.sends("INVITE", replace(body, video=replace(body.video, senders=senders)))
        story.acknowledges(of=story.response(200).head)
        told = [line for line in drawn(tuple(story.entries), 500) if "at 127.0.0.4:5010" in line]
        assert said in told[-1], told
    assert " content-modify initiator " in "\n".join(drawn(tuple(story.entries)))


def test_hold_is_seen_in_its_direction() -> None:
    lines = "\n".join(drawn(session("held_and_moved")))
    assert " INVITE (sendonly) " in lines
    assert " 200 OK (recvonly) " in lines


def test_a_brief_ladder_has_no_details() -> None:
    assert not [line for line in drawn(session("held_and_moved"), brief=True) if "CSeq" in line or "from udp" in line]


def test_every_line_fits_and_hostile_text_stays_on_it() -> None:
    for name in STORIES:
        assert max(map(len, drawn(session(name), 80))) <= 80
    story = Phoning()
    hostile = '"\x1b[2J" <sip:\x1b[2J\nzork@x.test>'
    story.invites(head=replace(story.head("INVITE"), from_text=hostile))
    assert "CSeq 101, ?[2J?zork@x.test to alice@sip.test, " in "\n".join(drawn(tuple(story.entries)))


def test_the_page_has_the_details_too() -> None:
    entries = session("refused")
    name = records(entries)[0].name
    told = [each for step in page_data(replayed_call(MemoryLog(entries), name), name).steps for each in step.messages]
    [refusal] = [each for each in told if each.text == "486 Zork Is Busy Here"]
    assert (refusal.details, refusal.tone) == ("to INVITE 1, from udp 192.0.2.5:5060", "error")
    assert {each.details for each in told if each.text == "session-initiate"} == {None}
