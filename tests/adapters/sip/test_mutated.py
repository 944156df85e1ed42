"""Mutated messages: none raises, leads to an event that the log cannot hold, or keeps others from being handled."""

import random

import pytest
from edge.agents import Message, unique
from msgspec.structs import replace
from twisted.logger import LogLevel, capturedLogs

from fargo.edge.sip.keys import message_key
from fargo.statemachine.model.sip_messages import InviteReceived

from .commands import INVITE, REGISTER, in_dialog
from .rfc4475 import RFC4475
from .rfc5118 import RFC5118
from .rig import BOOT, Rig
from .test_receiving import OFFER, TAG, uri
from .tls import shown

TIMES = 50
PIECES = [
    *(
        b"\r\n",
        b"\r\n ",
        b"\x00",
        b"\xff",
        b"\xc3\xa9",
        b'"',
        b"<",
        b">",
        b",",
        b";",
        b":",
        b"@",
        b"=",
        b" ",
        b"\\",
        b"%00",
    ),
    *(b"a" * 300, b"9" * 40, b"-1", b"sip:", b"[::1]", b";tag=", b"SIP/2.0", b"\r\n\r\n", b"0", b"*", b"\xed\xa0\x80"),
]


def mutated(data: bytes, chance: random.Random) -> bytes:
    """Return a message with some bytes removed, repeated, replaced or inserted."""
    for _ in range(chance.randint(1, 4)):
        start = chance.randrange(len(data) + 1)
        end = min(len(data), start + chance.choice((0, 1, 1, 3, 20, 200)))
        piece = chance.choice((b"", data[start:end] * 2, chance.choice(PIECES), bytes([chance.randrange(256)])))
        data = data[:start] + piece + data[end:]
    return data


def from_edge(data: bytes, rig: Rig, chance: random.Random | None = None) -> bytes:
    """Return a message, mutated by chance, as the edge passes it on: its own lines right."""
    lines = data.split(b"\r\n")
    own = [line for line in lines if line.startswith(b"X-Fargo-") and not line.startswith(b"X-Fargo-Key")]
    rest = b"\r\n".join(line for line in lines if not line.startswith(b"X-Fargo-"))
    start, *lines = (mutated(rest, chance) if chance else rest).split(b"\r\n")
    call_id, cseq = b"", b""
    for line in lines:
        name, _, value = line.partition(b":")
        match name.strip().lower():
            case b"call-id" | b"i":
                call_id = call_id or value.strip(b" \t")
            case b"cseq":
                cseq = cseq or value
    number, method, *_ = *cseq.split(), b"", b""
    texts = [each.decode(errors="surrogateescape") for each in (call_id, number, method)]
    key = message_key(rig.edge.keys.to_gateway, *texts).encode()
    return b"\r\n".join([start, *own, b"X-Fargo-Key: " + key, *lines])


async def messages(rig: Rig) -> list[bytes]:
    """Return a new message of each kind, some of them about what is under way in the rig."""
    peer, tls = "udp:192.0.2.1:5060", "tls:192.0.2.1:5061"
    to = ("To", f"<sip:alice@provider.example>;tag={TAG}")
    contact = ("Contact", '"B" <sip:bob@192.0.2.1:5062>;expires=5')
    dtmf = ("Content-Type", "application/dtmf-relay")
    challenge = ("WWW-Authenticate", 'Digest realm="a", nonce="b", qop="auth,auth-int", algorithm=SHA-256')
    call = unique("call")
    rig.do(replace(INVITE, call_id=call))
    rig.do(replace(REGISTER, call_id=call))
    rig.do(in_dialog("BYE", call_id=call))
    invite, register, bye = [await rig.edge.request(each, call) for each in ("INVITE", "REGISTER", "BYE")]
    edge, user = rig.edge, uri(rig)
    found = [
        edge.request_from(peer, "INVITE", user, headers=[contact, ("Record-Route", "<sip:192.0.2.1;lr>")], body=OFFER),
        edge.request_from(peer, "OPTIONS", user),
        edge.request_from(peer, "BYE", user, headers=[to, ("Reason", 'Q.850;cause=16;text="x"')]),
        edge.request_from(peer, "PRACK", user, headers=[to, ("RAck", "1 1 INVITE")]),
        edge.request_from(peer, "INFO", user, headers=[to, dtmf], body="Signal=5\r\nDuration=100\r\n"),
        edge.response_from(tls, invite, 183, headers=[contact, ("RSeq", "1"), *shown("a.test")], body=OFFER),
        edge.response_from(tls, invite, 407, headers=[challenge, ("Warning", '399 a "b"')]),
        edge.response_from(peer, register, 200, headers=[contact], seen="192.0.2.10:5060"),
        edge.response_from(peer, bye, 481, headers=[("Retry-After", "5 (x)")]),
    ]
    return [each.encode() for each in found]


async def unharmed(rig: Rig, *messages: bytes) -> int:
    """Let messages arrive, and check that a call arrives after them. Return how many events they led to."""
    with capturedLogs() as logged:
        for each in messages:
            rig.edge.send_bytes(each, rig.edge.gateway)
        await rig.settled()
    assert [each for each in logged if each["log_level"] >= LogLevel.warn] == []
    events = 0
    while rig.has_event():
        await rig.any_event()
        events += 1
    sent = rig.edge.deliver("INVITE", uri(rig))
    event = await rig.event()
    assert isinstance(event, InviteReceived)
    assert event.head.call_id == sent["Call-ID"]
    return events


@pytest.mark.parametrize("seed", range(4))
async def test_mutated_messages_do_no_harm(seed: int) -> None:
    chance = random.Random(seed)
    async with Rig() as rig:
        events = 0
        for _ in range(TIMES):
            events += await unharmed(rig, *(from_edge(each, rig, chance) for each in await messages(rig)))
        assert events > TIMES  # they are not just dropped


async def test_the_torture_messages_do_no_harm() -> None:
    async with Rig() as rig:
        for data in (*RFC4475.values(), *RFC5118.values()):
            source = b"X-Fargo-From: udp:192.0.2.1:5060;at=192.0.2.10:5060;boot=" + BOOT.encode() + b"\r\n"
            start, _, rest = data.partition(b"\r\n")
            await unharmed(rig, from_edge(start + b"\r\n" + source + rest, rig))


async def test_datagrams_that_are_no_messages_do_no_harm() -> None:
    chance = random.Random(0)
    async with Rig() as rig:
        for data in (b"", b"\r\n\r\n", b"\0" * 60_000, b"a" * 60_000, *(chance.randbytes(300) for _ in range(50))):
            await unharmed(rig, data)


async def test_a_request_that_cannot_be_read_is_refused_if_it_has_its_key() -> None:
    async with Rig() as rig:
        sent = rig.edge.deliver("OPTIONS", uri(rig))
        await rig.edge.final(sent)
        broken = Message(sent.start.replace("SIP/2.0", "SIP/3.0"), [*sent.headers])
        broken.replace("Via", sent["Via"] + "x")
        rig.edge.send(broken)
        assert (await rig.edge.final(sent)).status == 505
        broken.headers.append(("X", "y\rz"))
        rig.edge.send(Message(sent.start, [(name, value) for name, value in broken.headers if name != "X-Fargo-Key"]))
        assert (await rig.edge.final(sent)).status == 400
