"""Calls from rakia to the provider: the messages that go out, and the responses that rakia sees.

The phrase of a failure begins with its status, which D-Bus does not show, and "gateway:" if the text is the gateway's.
"""

import pytest

from ..agents import Message, request
from .conftest import INSIDE, OUTSIDE, Line
from .sdp import AUDIO, NO_VIDEO, VIDEO, lines, sdp, shown

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def called(line: Line, **headers: str) -> tuple[Message, Message]:
    """Send an INVITE and return it as rakia sent it and as the provider received it."""
    sent = line.outgoing("INVITE", headers=tuple(headers.items()), body=sdp(ip=INSIDE))
    return sent, await line.provider.request("INVITE", sent["Call-ID"])


async def told(line: Line, status: int, phrase: str, *headers: tuple[str, str], body: str = "") -> Message:
    """Let the provider answer an INVITE like this, and return the response that rakia gets."""
    sent, got = await called(line)
    await line.provider.answer(got, status, phrase, headers=[("Contact", line.provider.contact), *headers], body=body)
    return await line.rakia.response(sent)


async def test_nothing_of_the_inside_but_its_via_goes_out(line: Line) -> None:
    target = "<sip:bob@example.net;fg-sid=4711;x=y>"
    sent = line.outgoing("INVITE", headers=(("To", target), ("User-Agent", "rakia")), body=sdp(ip=INSIDE))
    got = await line.provider.request("INVITE", sent["Call-ID"])
    assert got["To"] == "<sip:bob@example.net;x=y>"
    assert line.is_contact_of_call(got["Contact"])
    assert lines(got.body)[1] == f"o=- 7 7 IN IP4 {OUTSIDE}"
    assert got.all("Route") == got.all("User-Agent") == got.all("Record-Route") == []


async def test_extensions_are_not_agreed_on(line: Line) -> None:
    names = {"Supported": "timer, 100rel", "Session-Expires": "90", "Min-SE": "90"}
    sent, got = await called(line, **names)
    await line.provider.answer(got, 200, "OK", headers=[("Require", "timer"), ("x", "90")], body=sdp())
    answer = await line.rakia.final(sent)
    for message in (got, answer):
        assert not {"supported", "require", "session-expires", "min-se", "x"} & {
            name.lower() for name, _ in message.headers
        }


async def test_the_parameter_of_the_target_does_not_go_out(line: Line) -> None:
    message = request("INVITE", "sip:bob@example.net;fg-sid=4711", body=sdp(), headers=[("Route", line.route())])
    line.rakia.send(message, line.edge.inside)
    assert (await line.provider.request("INVITE", message["Call-ID"])).uri == "sip:bob@example.net"


async def test_without_a_hop_the_accounts_own_domain_is_asked_for_any_other(line: Line) -> None:
    ip, port = line.provider.address
    route = f"<sip:udp~~@{INSIDE}:{line.edge.inside[1]};lr>"
    headers = [("Route", route), ("From", f"<sip:alice@{ip}:{port}>;tag=1")]
    message = request("INVITE", "sip:bob@elsewhere.example", body=sdp(), headers=headers)
    line.rakia.send(message, line.edge.inside)
    await line.provider.request("INVITE", message["Call-ID"])


async def test_a_ring_loses_its_sdp(line: Line) -> None:
    answer = await told(line, 183, "Session Progress", body=sdp())
    assert (answer.status, answer.body, answer.get("Content-Type")) == (180, "", None)


@pytest.mark.parametrize(
    "media",
    [(AUDIO,), (AUDIO, VIDEO), (AUDIO, NO_VIDEO), (AUDIO, "m=audio 0 RTP/AVP 0"), ("m=audio 4000 RTP/AVPF 0 8",)],
)
async def test_rakia_sees_the_line_that_it_offered(line: Line, media: tuple[str, ...]) -> None:
    answer = await told(line, 200, "OK", body=sdp(*media))
    assert answer.body == shown()
    assert answer.all("Record-Route") == [line.edge.within]


@pytest.mark.parametrize(
    "body",
    [
        sdp("m=audio 0 RTP/AVP 0"),
        sdp(VIDEO, AUDIO),
        sdp("m=audio 65535 RTP/AVP 0"),
        sdp("m=audio 4000 RTP/SAVP 0"),
        "nonsense",
        "",
    ],
    ids=["refused", "another line", "no port for RTCP", "encrypted", "nonsense", "nothing"],
)
async def test_an_answer_that_is_not_usable_names_a_codec_that_nobody_has(line: Line, body: str) -> None:
    """Without one, rakia would hang up and report nothing."""
    answer = await told(line, 200, "OK", body=body)
    assert answer.m_lines == ["m=audio 9 RTP/AVP 127"]
    assert "a=rtpmap:127 none/8000" in lines(answer.body)


@pytest.mark.parametrize(
    ("status", "phrase"),
    [
        (404, "No such number"),
        (480, "Gone fishing"),
        (486, "Bitte später"),
        (488, "No codec"),
        (500, "Oh"),
        (603, "No"),
    ],
)
async def test_a_refusal_passes_with_its_words(line: Line, status: int, phrase: str) -> None:
    answer = await told(line, status, phrase)
    assert (answer.status, answer.phrase) == (status, f"{status} {phrase}")


async def test_no_words_of_the_provider_are_taken_for_those_of_the_gateway(line: Line) -> None:
    answer = await told(line, 603, "gateway: hello")
    assert answer.phrase == "603  gateway: hello"


async def test_a_503_keeps_its_words(line: Line) -> None:
    answer = await told(line, 503, "Line down")
    assert (answer.status, answer.phrase) == (500, "503 Line down")


@pytest.mark.parametrize("status", [404, 480, 500, 503, 600])
async def test_rakia_is_not_told_to_try_again(line: Line, status: int) -> None:
    answer = await told(line, status, "Later", ("Retry-After", "2 (in a moment)"))
    assert answer.get("Retry-After") is None


@pytest.mark.parametrize("bad", ["\udcff", "\udced\udca0\udc80", "\udcc0\udc80", "\udcf5\udc80\udc80\udc80"])
async def test_words_that_are_not_utf_8_are_masked(line: Line, bad: str) -> None:
    answer = await told(line, 486, f"Busy {bad}!")
    assert answer.phrase == f"486 Busy {'?' * len(bad)}!"


@pytest.mark.parametrize("status", [300, 301, 302, 305])
async def test_a_redirection_is_told_and_not_followed(line: Line, status: int) -> None:
    answer = await told(line, status, "Moved Away")
    assert (answer.status, answer.phrase) == (480, f"{status} Moved Away")


async def test_a_call_that_nobody_answers_ends(line: Line) -> None:
    sent, got = await called(line)
    await line.provider.answer(got, 180, "Ringing", headers=[("Contact", line.provider.contact)])
    answer = await line.rakia.response(sent, 200)
    assert (answer.status, answer.phrase) == (408, "408 gateway: Nobody answered")
    await line.provider.request("CANCEL", sent["Call-ID"])


async def test_a_silent_provider_is_told_apart(line: Line) -> None:
    sent = line.outgoing("INVITE", headers=(("Route", line.route(port=9)),), body=sdp())
    answer = await line.rakia.final(sent)
    assert (answer.status, answer.phrase) == (504, "504 gateway: The SIP server does not respond")


async def test_an_unknown_host_is_told_at_once(line: Line) -> None:
    sent = line.outgoing("INVITE", headers=(("Route", line.route(host="no-such-host.invalid")),), body=sdp())
    answer = await line.rakia.final(sent)
    said = "503 gateway: The name of the SIP server is unknown, or no name server answers"
    assert (answer.status, answer.phrase) == (503, said)


async def test_a_server_that_cannot_be_sent_to_is_told_at_once(line: Line) -> None:
    sent = line.outgoing("INVITE", headers=(("Route", line.route("tcp", "127.0.0.9", 9)),), body=sdp())
    answer = await line.rakia.final(sent)
    assert (answer.status, answer.phrase) == (503, "503 gateway: The SIP server cannot be reached")


async def test_cancel_reaches_the_provider(line: Line) -> None:
    sent, got = await called(line)
    await line.provider.answer(got, 180, "Ringing", headers=[("Contact", line.provider.contact)])
    await line.rakia.response(sent)
    cancel = Message(f"CANCEL {sent.uri} SIP/2.0", [each for each in sent.headers if each[0] != "Content-Type"])
    cancel.replace("CSeq", "1 CANCEL")
    line.rakia.send(cancel, line.edge.inside)
    await line.provider.answer(await line.provider.request("CANCEL", sent["Call-ID"]), 200, "OK")
    await line.provider.answer(got, 487, "Request Terminated")
    assert (await line.rakia.response(sent, 300)).status == 487


async def test_ack_and_bye_follow_the_answer(line: Line) -> None:
    sent, got = await called(line)
    route = f"<sip:127.0.0.3:{line.provider.address[1]};lr>"
    headers = [("Contact", "<sip:bob@127.0.0.4:9>"), ("Record-Route", route)]
    await line.provider.answer(got, 200, "OK", headers=headers, body=sdp())
    answer = await line.rakia.final(sent)
    routes = [("Route", each) for each in reversed(answer.all("Record-Route"))]
    same = [("From", answer["From"]), ("To", answer["To"]), ("Call-ID", answer["Call-ID"])]
    for number, method in ((1, "ACK"), (2, "BYE")):
        message = request(method, "sip:bob@127.0.0.4:9", headers=[*same, *routes, ("CSeq", f"{number} {method}")])
        line.rakia.send(message, line.edge.inside)
        arrived = await line.provider.request(method, sent["Call-ID"])
        assert (arrived.uri, arrived.all("Route")) == ("sip:bob@127.0.0.4:9", [route])


async def test_a_reinvite_of_the_other_side_may_bring_lines(line: Line) -> None:
    sent, got = await called(line)
    await line.provider.answer(got, 200, "OK", headers=[("Contact", line.provider.contact)], body=sdp())
    answer = await line.rakia.final(sent)
    headers = [("From", answer["To"]), ("To", sent["From"]), ("Call-ID", sent["Call-ID"]), ("CSeq", "7 INVITE")]
    again = request(
        "INVITE", line.contact, headers=[*headers, ("Contact", line.provider.contact)], body=sdp(AUDIO, VIDEO)
    )
    line.provider.send(again, line.edge.outside)
    arrived = await line.rakia.request("INVITE", sent["Call-ID"])
    assert arrived.m_lines == [AUDIO]
    await line.rakia.answer(arrived, 200, "OK", body=sdp(), headers=[("Contact", line.rakia_contact)])
    assert (await line.provider.final(again)).m_lines == [AUDIO, NO_VIDEO]
