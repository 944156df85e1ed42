"""Calls from the provider to rakia: the messages that rakia sees, and those that the caller gets."""

import asyncio
import re
from urllib.parse import unquote

import pytest

from ..agents import Message, request
from .conftest import OUTSIDE, RING_SECONDS, Line
from .sdp import AUDIO, NO_VIDEO, VIDEO, lines, sdp, shown

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def offered(line: Line, body: str, **headers: str) -> tuple[Message, Message]:
    """Send an INVITE and return it as the provider sent it and as rakia received it."""
    given = tuple((name.replace("_", "-"), value) for name, value in headers.items())
    sent = line.incoming("INVITE", headers=given, body=body)
    return sent, await line.rakia.request("INVITE", sent["Call-ID"])


async def refused(line: Line, method: str, body: str = "", **headers: str) -> Message:
    """Send a request that does not reach rakia, and return the final response."""
    given = tuple((name.replace("_", "-"), value) for name, value in headers.items())
    sent = line.incoming(method, headers=given, body=body)
    answer = await line.provider.final(sent)
    assert not line.rakia.has(lambda message: message.get("Call-ID") == sent["Call-ID"])
    return answer


def parameter(message: Message, name: str) -> str | None:
    """Return a parameter of the From URI, decoded."""
    found = re.search(rf";{name}=([^;>]*)", message["From"])
    return unquote(found[1]) if found else None


async def answered(line: Line, *media: str) -> tuple[Message, Message, Message]:
    """Let rakia answer a call with one audio line. Return the INVITE as sent, the INVITE as received, and the 200."""
    sent, got = await offered(line, sdp(*media))
    answer = sdp(AUDIO, ip="127.0.0.1")
    await line.rakia.answer(got, 200, "OK", body=answer, headers=[("Contact", line.rakia_contact)])
    return sent, got, await line.provider.final(sent)


# ------------------------------------------------------------------------------------------------ the caller


async def test_it_comes_to_the_port_and_user_of_the_account(line: Line) -> None:
    _, got = await offered(line, sdp())
    assert got.uri == f"sip:{line.user}@127.0.0.1:{line.rakia.address[1]}"


async def test_the_from_uri_tells_rakia_what_headers_say(line: Line) -> None:
    sent, got = await offered(
        line,
        sdp(),
        From='"Zoë \\"Z\\" <x>; y" <sip:zoe@example.org;user=phone>;tag=1',
        To="<sip:+44%20x@example.net>",
        P_Asserted_Identity='"Z" <sip:+441632960000@example.org>',
    )
    assert got["From"].startswith("<sip:zoe@example.org;user=phone;fg-")
    assert got["From"].endswith(">;tag=1")
    assert parameter(got, "fg-name") == 'Zoë "Z" <x>; y'
    assert unquote(parameter(got, "fg-to") or "") == "+44 x"
    assert parameter(got, "fg-pai") == "sip:+441632960000@example.org"
    assert parameter(got, "fg-cid") == sent["Call-ID"]


async def test_a_caller_cannot_bring_such_parameters_along(line: Line) -> None:
    _, got = await offered(line, sdp(), From="<sip:eve@example.org;x=y>;tag=1")
    assert got["From"].startswith("<sip:eve@example.org;x=y;fg-to=")
    for forged in ("fg-pai=bank", "FG-pai=bank", "%66g-pai=bank", "x=%3Bfg-pai%3Dbank"):
        _, got = await offered(line, sdp(), From=f"<sip:eve@example.org;{forged}>;tag=1")
        assert got["From"].startswith("<sip:eve@example.org;fg-to=")
        assert "bank" not in got["From"]


@pytest.mark.parametrize(
    ("uri", "seen"),
    [
        ("tel:+441632960000;phone-context=x", "sip:+441632960000@example.net;user=phone"),
        ("urn:service:sos", "sip:anonymous@anonymous.invalid"),
        ("sip:eve@example.org?Replaces=1", "sip:eve@example.org"),
        ("sip:a\udcff\udcfeb@example.org", "sip:a__b@example.org"),
    ],
)
async def test_a_from_that_rakia_cannot_take_is_mended(line: Line, uri: str, seen: str) -> None:
    _, got = await offered(line, sdp(), From=f"<{uri}>;tag=1")
    assert got["From"].startswith(f"<{seen};fg-to=bob;")


async def test_the_caller_gets_its_own_from_and_our_outside_back(line: Line) -> None:
    caller = '"Zoë" <sip:zoe@example.org>;tag=1'
    sent, got = await offered(line, sdp(), From=caller, Record_Route="<sip:127.0.0.3;lr>")
    for status in (180, 486):
        await line.rakia.answer(got, status, "So", headers=[("Contact", line.rakia_contact), ("Server", "x")])
        answer = await line.provider.response(sent, status)
        assert answer["From"] == caller
        assert line.is_contact_of_call(answer["Contact"])
        assert answer.all("Record-Route") == ["<sip:127.0.0.3;lr>"]
        assert answer.get("Server") is None


async def test_what_rakia_cannot_keep_is_not_asked_of_it(line: Line) -> None:
    names = {"Supported": "100rel", "Require": "100rel", "Session-Expires": "90", "Min-SE": "90", "Join": "1;to-tag=2"}
    sent = line.incoming("INVITE", headers=(*names.items(), ("Route", "<sip:127.0.0.1:9;lr>")), body=sdp())
    got = await line.rakia.request("INVITE", sent["Call-ID"])
    assert not {name.lower() for name in (*names, "Route")} & {name.lower() for name, _ in got.headers}


# ------------------------------------------------------------------------------------------------ the offer

ONE = ["m=audio 4000 RTP/AVP 0 8"]


@pytest.mark.parametrize(
    ("media", "seen", "given_back"),
    [
        ((AUDIO,), ONE, [AUDIO]),
        ((AUDIO, VIDEO), ONE, [AUDIO, NO_VIDEO]),
        ((AUDIO, NO_VIDEO), ONE, [AUDIO, NO_VIDEO]),
        ((VIDEO, AUDIO), ONE, [NO_VIDEO, AUDIO]),
        (("m=audio 0 RTP/AVP 3", AUDIO), ONE, ["m=audio 0 RTP/AVP 3", AUDIO]),
        (("m=audio 4002 RTP/SAVP 0", AUDIO), ONE, ["m=audio 0 RTP/SAVP 0", AUDIO]),
        ((AUDIO, "m=audio 4002 RTP/AVP 3"), ONE, [AUDIO, "m=audio 0 RTP/AVP 3"]),
        (
            ("m=image 9 udptl t38", VIDEO, AUDIO, "m=message 9 TCP/MSRP *"),
            ONE,
            ["m=image 0 udptl t38", NO_VIDEO, AUDIO, "m=message 0 TCP/MSRP *"],
        ),
        (("m=audio 4000 RTP/AVPF 0 8",), ONE, ["m=audio 4000 RTP/AVPF 0 8"]),
        (("m=audio 4000/2 RTP/AVP 0 8",), ONE, [AUDIO]),
    ],
)
async def test_rakia_sees_one_m_line_and_the_caller_gets_all(
    line: Line, media: tuple[str, ...], seen: list[str], given_back: list[str]
) -> None:
    _, got, answer = await answered(line, *media)
    assert (got.m_lines, answer.m_lines) == (seen, given_back)


async def test_lines_go_with_their_m_line(line: Line) -> None:
    own = ["a=rtpmap:0 PCMU/8000", "a=ptime:20", "a=rtcp:4009 IN IP4 127.0.0.7", "a=sendrecv"]
    audio = "\r\n".join([AUDIO, *own, "c=IN IP4 127.0.0.6"])
    _, got = await offered(line, sdp(f"{VIDEO}\r\na=rtpmap:96 H264/90000", audio, f"{VIDEO}\r\nc=IN IP4 127.0.0.5"))
    assert got.body == shown(*own, ip="127.0.0.6")


@pytest.mark.parametrize("port", [1, 255, 256, 4000, 65534])
async def test_a_phone_that_moves_is_seen_to_move(line: Line, port: int) -> None:
    """rakia compares only the address, and only if the media line differs."""
    _, got = await offered(line, sdp(f"m=audio {port} RTP/AVP 0 8"))
    assert got.body == shown(port=port)


@pytest.mark.parametrize("where", ["c=IN IP4 233.252.0.1/127", "c=IN IP6 2001:db8::1", "c=IN IP4 phone.example"])
async def test_an_address_of_another_kind_is_left_as_it_is(line: Line, where: str) -> None:
    _, got = await offered(line, sdp(f"{AUDIO}\r\n{where}"))
    assert lines(got.body)[-2:] == [AUDIO, where]


async def test_lines_that_rakia_cannot_use_are_taken_out(line: Line) -> None:
    _, got = await offered(
        line, sdp(f"{AUDIO}\r\nb=AS:80\r\na=ice-ufrag:x\r\na=rtcp:70000\r\na=rtcp:0\r\na=ssrc:1 x:y")
    )
    assert got.body == shown()


async def test_bytes_that_are_no_ascii_do_not_reach_rakia(line: Line) -> None:
    _, got = await offered(line, sdp(f"{AUDIO}\r\na=fmtp:0 x=\udcff\r\nc=IN IP4 \udcfe").replace("s=-", "s=Zoë"))
    assert lines(got.body)[-2:] == ["c=IN IP4 ?", "a=fmtp:0 x=?"]
    assert got.body.isascii()


async def test_a_body_with_bare_line_feeds_is_read(line: Line) -> None:
    _, got = await offered(line, sdp(AUDIO, VIDEO).replace("\r\n", "\n"))
    assert got.body == shown()


async def test_an_offer_is_found_in_a_multipart(line: Line) -> None:
    parts = [f"Content-Type: application/sdp\r\n\r\n{sdp(AUDIO, VIDEO)}", "Content-Type: text/plain\r\n\r\nm=hi\r\n"]
    body = "".join(f"--cut\r\n{part}" for part in parts) + "--cut--\r\n"
    _, got = await offered(line, body, Content_Type="multipart/mixed;boundary=cut")
    assert (got.body, got["Content-Type"]) == (shown(), "application/sdp")


async def test_a_large_offer_passes_and_a_huge_one_does_not(line: Line) -> None:
    def many(count: int) -> list[str]:
        return [f"a=rtpmap:{number % 127} x{number}/8000" for number in range(count)]

    _, got = await offered(line, sdp("\r\n".join([AUDIO, *many(500)]), VIDEO))
    assert got.body == shown(*many(500))
    assert (await refused(line, "INVITE", sdp("\r\n".join([AUDIO, *many(700)])))).status == 413


@pytest.mark.parametrize(
    "media",
    [
        (VIDEO,),
        ("m=audio 0 RTP/AVP 0",),
        ("m=audio 65535 RTP/AVP 0",),
        ("m=audio 99999 RTP/AVP 0",),
        ("m=audio 4000 RTP/SAVP 0",),
        ("m=audio 4000 UDP/TLS/RTP/SAVPF 0",),
        ("m=audio",),
        (AUDIO, "m=video"),
    ],
)
async def test_an_offer_without_usable_audio_is_refused_with_a_warning(line: Line, media: tuple[str, ...]) -> None:
    answer = await refused(line, "INVITE", sdp(*media))
    assert answer.status == 488
    assert answer["Warning"].startswith("304 ")


async def test_a_body_that_is_not_sdp_is_refused(line: Line) -> None:
    assert (await refused(line, "INVITE", sdp().replace("v=0", "v=1"))).status == 488


async def test_an_offer_of_too_many_lines_is_refused(line: Line) -> None:
    answer = await refused(line, "INVITE", sdp(AUDIO, *["m=application 9 DTLS/SCTP 5000"] * 40))
    assert (answer.status, answer.phrase) == (488, "Too many media lines")


@pytest.mark.parametrize(
    ("body", "headers"),
    [("", {}), ("hello", {"Content_Type": "text/plain"}), (sdp(), {"Content_Encoding": "gzip"})],
    ids=["none", "text", "compressed"],
)
async def test_an_invite_without_an_offer_is_refused(line: Line, body: str, headers: dict[str, str]) -> None:
    answer = await refused(line, "INVITE", body, **headers)
    assert (answer.status, answer["Accept"]) == (488, "application/sdp")


# ------------------------------------------------------------------------------------------------ the dialog


def in_dialog(line: Line, method: str, sent: Message, answer: Message, body: str = "") -> Message:
    """Send another request of the caller in the dialog."""
    same = [(name, answer[name]) for name in ("From", "To", "Call-ID")]
    more = [("CSeq", f"2 {method}"), ("Contact", line.provider.contact)]
    message = request(method, answer["Contact"].strip("<>"), headers=[*same, *more], body=body)
    return line.provider.send(message, line.edge.outside)


def of_rakia(line: Line, method: str, got: Message, body: str = "") -> Message:
    """Send another request of rakia, the callee, in the dialog: along the Record-Route, from its To to its From."""
    headers = [("From", f"{got['To']};tag=tag-{got['Call-ID']}"), ("To", got["From"]), ("Call-ID", got["Call-ID"])]
    headers += [("Route", route) for route in got.all("Record-Route")]
    headers += [("CSeq", f"9 {method}"), ("Contact", line.rakia_contact)]
    return line.rakia.send(request(method, got["Contact"].strip("<>"), headers=headers, body=body), line.edge.inside)


async def test_ack_and_bye_reach_rakia_without_a_body(line: Line) -> None:
    sent, _, answer = await answered(line)
    for method in ("ACK", "BYE"):
        in_dialog(line, method, sent, answer, sdp(AUDIO, VIDEO))
        assert (await line.rakia.request(method, sent["Call-ID"])).body == ""


async def test_a_reinvite_with_a_new_m_line_shows_one_and_is_remembered(line: Line) -> None:
    sent, got, answer = await answered(line)
    again = in_dialog(line, "INVITE", sent, answer, sdp(NO_VIDEO, AUDIO))
    arrived = await line.rakia.request("INVITE", sent["Call-ID"])
    assert arrived.m_lines == ONE
    await line.rakia.answer(arrived, 200, "OK", body=sdp(), headers=[("Contact", line.rakia_contact)])
    assert (await line.provider.final(again)).m_lines == [NO_VIDEO, AUDIO]
    of_rakia(line, "INVITE", got, sdp())
    assert (await line.provider.request("INVITE", sent["Call-ID"])).m_lines == [NO_VIDEO, AUDIO]


async def test_a_reinvite_without_an_offer_is_refused(line: Line) -> None:
    sent, _, answer = await answered(line)
    again = in_dialog(line, "INVITE", sent, answer)
    assert (await line.provider.final(again)).status == 488


async def test_rakias_own_reinvite_has_the_lines_of_the_first_offer(line: Line) -> None:
    sent, got, _ = await answered(line, VIDEO, "m=audio 4000 RTP/AVPF 0 8")
    again = of_rakia(line, "INVITE", got, sdp(f"{AUDIO}\r\na=sendonly", ip="127.0.0.1"))
    arrived = await line.provider.request("INVITE", sent["Call-ID"])
    assert arrived.m_lines == [NO_VIDEO, "m=audio 4000 RTP/AVPF 0 8"]
    assert arrived["To"] == sent["From"]
    body = sdp(NO_VIDEO, "m=audio 4000 RTP/AVPF 0 8\r\na=recvonly")
    await line.provider.answer(arrived, 200, "OK", body=body, headers=[("Contact", line.provider.contact)])
    answer = await line.rakia.final(again)
    assert answer.m_lines == ONE
    assert "a=recvonly" in lines(answer.body)


async def test_rakias_bye_goes_out_without_our_parameters(line: Line) -> None:
    sent, got, _ = await answered(line)
    of_rakia(line, "BYE", got)
    bye = await line.provider.request("BYE", sent["Call-ID"])
    assert (bye["To"], bye.uri, bye.all("Route")) == (sent["From"], line.provider.contact.strip("<>"), [])


async def test_rakias_bye_is_repeated_for_longer_than_a_server_may_be_silent(line: Line) -> None:
    """The fourth copy comes after 3.5 s. The edge gives up other requests after three."""
    sent, got, _ = await answered(line)
    bye = of_rakia(line, "BYE", got)
    copies = [await line.provider.request("BYE", sent["Call-ID"]) for _ in range(4)]
    await line.provider.answer(copies[0], 200, "OK")
    assert (await line.rakia.final(bye)).status == 200


async def test_an_update_passes_unless_it_brings_an_offer(line: Line) -> None:
    sent, _, answer = await answered(line)
    assert (await line.provider.final(in_dialog(line, "UPDATE", sent, answer, sdp()))).status == 488
    in_dialog(line, "UPDATE", sent, answer)
    await line.rakia.request("UPDATE", sent["Call-ID"])


@pytest.mark.parametrize("method", ["INFO", "REFER", "NOTIFY", "SUBSCRIBE", "PRACK", "FROBNICATE"])
async def test_other_methods_stop_at_the_edge(line: Line, method: str) -> None:
    sent, _, answer = await answered(line)
    reply = await line.provider.final(in_dialog(line, method, sent, answer))
    assert (reply.status, "INVITE" in reply["Allow"]) == (405, True)


# ------------------------------------------------------------------------------------------------ the end


async def test_a_cancel_of_nothing_is_refused(line: Line) -> None:
    sent, got = await offered(line, sdp())
    await line.rakia.answer(got, 486, "Busy Here")
    await line.provider.final(sent)
    cancel = Message(f"CANCEL {sent.uri} SIP/2.0", [each for each in sent.headers if each[0] != "Content-Type"])
    cancel.replace("CSeq", "1 CANCEL")
    cancel.replace("Via", sent["Via"].replace("branch=", "branch=z9hG4bK-of-nothing"))
    line.provider.send(cancel, line.edge.outside)
    assert (await line.provider.final(cancel)).status == 481


async def test_cancel_reaches_rakia(line: Line) -> None:
    sent, got = await offered(line, sdp())
    await line.rakia.answer(got, 180, "Ringing", headers=[("Contact", line.rakia_contact)])
    await line.provider.response(sent, 180)
    cancel = Message(f"CANCEL {sent.uri} SIP/2.0", [each for each in sent.headers if each[0] != "Content-Type"])
    cancel.replace("CSeq", "1 CANCEL")
    line.provider.send(cancel, line.edge.outside)
    await line.rakia.answer(await line.rakia.request("CANCEL", sent["Call-ID"]), 200, "OK")
    await line.rakia.answer(got, 487, "Request Terminated")
    assert (await line.provider.final(sent)).status == 487


async def test_ringing_ends_however_often_it_is_said(line: Line) -> None:
    sent, got = await offered(line, sdp())

    async def keep_ringing() -> None:
        while True:
            await line.rakia.answer(got, 180, "Ringing", headers=[("Contact", line.rakia_contact)])
            await asyncio.sleep(RING_SECONDS / 4)

    ringing = asyncio.create_task(keep_ringing())
    try:
        assert (await line.provider.response(sent, 200)).status == 408
        await line.rakia.request("CANCEL", sent["Call-ID"])
    finally:
        ringing.cancel()


async def test_rakias_refusal_passes_with_its_words(line: Line) -> None:
    sent, got = await offered(line, sdp())
    await line.rakia.answer(got, 486, "Busy Here")
    answer = await line.provider.final(sent)
    assert (answer.status, answer.phrase) == (486, "Busy Here")


async def test_rakias_address_does_not_show_in_sdp(line: Line) -> None:
    _, _, answer = await answered(line, VIDEO, AUDIO)
    assert lines(answer.body)[1] == f"o=- 7 7 IN IP4 {OUTSIDE}"


# ------------------------------------------------------------------------------------------------ messages


@pytest.mark.parametrize("to", ["<sip:bob@example.net>", "<sip:bob@example.net>;tag=1"])
async def test_a_text_message_is_refused(line: Line, to: str) -> None:
    answer = await refused(line, "MESSAGE", "hej", Content_Type="text/plain", To=to)
    assert answer.status == 405
    assert "MESSAGE" not in answer["Allow"]
