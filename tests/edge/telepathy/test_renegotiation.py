"""Changes of an established call: rakia sees the same codecs in all of its descriptions.

The phone has agreed on PCMU, PCMA and telephone-event, in this order. Each test changes a call that we placed and one
that we took.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
import pytest_asyncio

from ..agents import Message, request, unique
from .conftest import Line
from .sdp import lines, sdp

pytestmark = pytest.mark.asyncio(loop_scope="module")

MAPS = {0: "PCMU/8000", 3: "GSM/8000", 8: "PCMA/8000", 9: "G722/8000", 96: "opus/48000/2", 101: "telephone-event/8000"}
AGREED = "m=audio 4000 RTP/AVP 0 8 101"


def audio(*formats: int, port: int = 4000, **names: str) -> str:
    """Return an audio line with these payload types, and a name for each. `p101="x/8000"` gives another name."""
    maps = [f"a=rtpmap:{each} {names.get(f'p{each}', MAPS[each])}" for each in formats]
    tones = ["a=fmtp:101 0-15"] if 101 in formats else []
    return "\r\n".join([f"m=audio {port} RTP/AVP {' '.join(map(str, formats))}", *maps, *tones])


def codec_lines(body: str) -> list[str]:
    """Return the m-line and the lines about its payload types."""
    return [each for each in lines(body) if each.startswith(("m=", "a=rtpmap", "a=fmtp"))]


@dataclass
class Dialog:
    """An established call. `near` and `far` are the From or To of rakia and of the phone, each with its tag.

    `name` is that of the call between gateway and edge, which is in the URI that rakia knows the phone by.
    """

    line: Line
    call: str
    name: str
    near: str
    far: str
    routes: list[tuple[str, str]]
    cseq: int = 10

    def headers(self, sender: str, receiver: str) -> list[tuple[str, str]]:
        self.cseq += 1
        return [("From", sender), ("To", receiver), ("Call-ID", self.call), ("CSeq", f"{self.cseq} INVITE")]

    def by_phone(self, body: str) -> Message:
        """Send a re-INVITE of the phone."""
        headers = [*self.headers(self.far, self.near), ("Contact", self.line.provider.contact)]
        return self.line.provider.send(
            request("INVITE", self.line.contact, headers=headers, body=body), self.line.edge.outside
        )

    async def by_rakia(self, body: str) -> tuple[Message, Message]:
        """Send a re-INVITE of rakia. Return it as sent, and as the phone gets it."""
        contact = self.line.provider.contact.strip("<>")
        known = self.far.replace(">", f";fg-call={self.name}>")
        headers = [*self.headers(self.near, known), *self.routes, ("Contact", self.line.rakia_contact)]
        sent = self.line.rakia.send(request("INVITE", contact, headers=headers, body=body), self.line.edge.inside)
        return sent, await self.line.provider.request("INVITE", self.call)

    async def shown(self, body: str) -> Message:
        """Send a re-INVITE of the phone, and return it as rakia gets it."""
        self.by_phone(body)
        return await self.line.rakia.request("INVITE", self.call)

    async def answered(self, body: str, answer: str = audio(0, 8, 101)) -> Message:
        """Send a re-INVITE of the phone, and return rakia's answer as the phone gets it."""
        sent = self.by_phone(body)
        got = await self.line.rakia.request("INVITE", self.call)
        contact = [("Contact", self.line.rakia_contact)]
        await self.line.rakia.answer(got, 200, "OK", body=sdp(answer, ip="127.0.0.1"), headers=contact)
        return await self.line.provider.final(sent)


async def placed(line: Line) -> Dialog:
    """A call of ours, which the phone answered with fewer codecs than we offered, in another order."""
    name = unique("name")
    to = ("To", f"<sip:bob@example.net;fg-call={name}>")
    sent = line.outgoing("INVITE", headers=(to,), body=sdp(audio(8, 0, 3, 9, 101), ip="127.0.0.1"))
    got = await line.provider.request("INVITE", sent["Call-ID"])
    headers = [("Contact", line.provider.contact)]
    await line.provider.answer(got, 200, "OK", headers=headers, body=sdp(audio(0, 8, 101)))
    answer = await line.rakia.final(sent)
    routes = [("Route", each) for each in reversed(answer.all("Record-Route"))]
    return Dialog(line, sent["Call-ID"], name, answer["From"], answer["To"], routes)


async def taken(line: Line) -> Dialog:
    """A call of the phone."""
    sent = line.incoming("INVITE", body=sdp(audio(0, 8, 101)))
    got = await line.rakia.request("INVITE", sent["Call-ID"])
    contact = [("Contact", line.rakia_contact)]
    await line.rakia.answer(got, 200, "OK", body=sdp(audio(0, 8, 101), ip="127.0.0.1"), headers=contact)
    answer = await line.provider.final(sent)
    routes = [("Route", each) for each in got.all("Record-Route")]
    name = got["From"].partition("fg-call=")[2].partition(">")[0]
    return Dialog(line, sent["Call-ID"], name, answer["To"], answer["From"], routes)


@pytest_asyncio.fixture(loop_scope="module", params=[placed, taken])
async def dialog(line: Line, request: pytest.FixtureRequest) -> AsyncIterator[Dialog]:
    yield await request.param(line)


@pytest.mark.parametrize("formats", [(0, 8, 101), (0, 8, 3, 9, 101), (8, 0, 101), (3, 101, 8), (8,), (0,)], ids=repr)
async def test_rakia_sees_the_codecs_that_it_knows(dialog: Dialog, formats: tuple[int, ...]) -> None:
    got = await dialog.shown(sdp(f"{audio(*formats, port=4444)}\r\na=sendonly\r\na=ptime:20"))
    assert codec_lines(got.body) == codec_lines(audio(0, 8, 101, port=4444) + "\r\n")
    assert "a=sendonly" in lines(got.body)
    assert "c=IN IP4 127.0.0.4/17/92" in lines(got.body)


@pytest.mark.parametrize(
    ("offered", "given"), [((9, 101, 8, 0), (101, 8, 0)), ((3, 8), (8,)), ((0, 8, 101), (0, 8, 101))]
)
async def test_the_answer_lists_what_the_phone_has_offered(
    dialog: Dialog, offered: tuple[int, ...], given: tuple[int, ...]
) -> None:
    answer = await dialog.answered(sdp(audio(*offered)))
    assert answer.m_lines == ["m=audio 4000 RTP/AVP " + " ".join(map(str, given))]
    described = {int(each.split(":")[1].split()[0]) for each in codec_lines(answer.body)[1:]}
    assert described == set(given)


@pytest.mark.parametrize(
    "media",
    [audio(3), audio(9, 3), audio(3, 101), audio(96, p96="PCMU/8000")],
    ids=["another", "others", "only tones", "another number"],
)
async def test_an_offer_without_any_of_them_is_refused(dialog: Dialog, media: str) -> None:
    sent = dialog.by_phone(sdp(media))
    assert (await dialog.line.provider.final(sent)).status == 488
    assert not dialog.line.rakia.has(lambda message: message.get("CSeq") == sent["CSeq"])


async def test_a_number_with_another_meaning_is_not_answered(dialog: Dialog) -> None:
    answer = await dialog.answered(sdp(audio(0, 101, p101="opus/48000/2")))
    assert answer.m_lines == ["m=audio 4000 RTP/AVP 0"]


async def test_our_hold_offers_what_the_phone_knows(dialog: Dialog) -> None:
    _, got = await dialog.by_rakia(sdp(f"{audio(8, 0, 3, 9, 101)}\r\na=sendonly", ip="127.0.0.1"))
    assert got.m_lines == [AGREED]
    assert "a=sendonly" in lines(got.body)
    assert not [each for each in codec_lines(got.body) if "GSM" in each or "G722" in each]


async def test_an_answer_to_our_hold_brings_no_other_codecs(dialog: Dialog) -> None:
    sent, got = await dialog.by_rakia(sdp(f"{audio(0, 8, 101)}\r\na=sendonly", ip="127.0.0.1"))
    headers = [("Contact", dialog.line.provider.contact)]
    body = sdp(f"{audio(8, 9)}\r\na=inactive")
    await dialog.line.provider.answer(got, 200, "OK", headers=headers, body=body)
    answer = await dialog.line.rakia.final(sent)
    assert codec_lines(answer.body) == codec_lines(audio(0, 8, 101) + "\r\n")
    assert "a=recvonly" in lines(answer.body)


@pytest.mark.parametrize("body", ["", sdp(audio(0, port=0))], ids=["nothing", "refused"])
async def test_an_answer_to_our_hold_without_media_is_a_hold_by_the_phone(dialog: Dialog, body: str) -> None:
    sent, got = await dialog.by_rakia(sdp(f"{audio(0, 8, 101)}\r\na=sendonly", ip="127.0.0.1"))
    headers = [("Contact", dialog.line.provider.contact)]
    await dialog.line.provider.answer(got, 200, "OK", headers=headers, body=body)
    answer = await dialog.line.rakia.final(sent)
    assert codec_lines(answer.body) == codec_lines(audio(0, 8, 101, port=9) + "\r\n")
    assert "c=IN IP4 0.0.0.0" in lines(answer.body)


async def test_two_ends_of_one_call_are_kept_apart(line: Line) -> None:
    """A call between two users of the gateway passes the edge twice, with the same Call-ID."""
    first = await placed(line)
    headers = (("Call-ID", first.call), ("From", first.near), ("To", first.far.partition(";")[0]))
    sent = line.incoming("INVITE", headers=headers, body=sdp(audio(8, 3)))
    got = await line.rakia.request("INVITE", first.call)
    contact = [("Contact", line.rakia_contact)]
    await line.rakia.answer(got, 200, "OK", body=sdp(audio(8), ip="127.0.0.1"), headers=contact)
    await line.provider.final(sent)
    assert (await first.shown(sdp(audio(0)))).m_lines == [AGREED]
