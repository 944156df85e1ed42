"""The keys of encrypted audio in SIP messages: the events have names, and the messages have keys."""

from typing import Final

import pytest
from msgspec import json
from msgspec.structs import replace

from fargo.adapters.sdp import texts
from fargo.statemachine.media.description import Content, Crypto, Description
from fargo.statemachine.model.sip_messages import (
    InviteReceived,
    SendRequest,
    SipRequestReceived,
    SipRequestUndelivered,
    SipResponseReceived,
    Undelivered,
)
from fargo.statemachine.model.sip_values import Sdp

from .commands import DESCRIPTION, INVITE, in_dialog, responding
from .rig import Rig
from .test_receiving import DIALOG, PEER, TAG, uri

KEY: Final = "inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz"
LINE: Final = f"a=crypto:1 AES_CM_128_HMAC_SHA1_80 {KEY}"
OFFER: Final = "\r\n".join(
    ["v=0", "o=- 1 1 IN IP4 192.0.2.1", "s=-", "c=IN IP4 192.0.2.1", "t=0 0", "m=audio 5004 RTP/SAVP 8", LINE, ""]
)


def described(event: InviteReceived | SipRequestReceived | SipResponseReceived) -> Description:
    assert isinstance(event.body, Sdp)
    assert event.body.audio
    assert event.body.audio.description
    assert b"WVNfX" not in json.encode(event)
    return event.body.audio.description


def encrypted(rig: Rig, name: str | None = None) -> Sdp:
    crypto = (Crypto(1, "AES_CM_128_HMAC_SHA1_80", name or rig.keys.keep(KEY)),)
    return Sdp(Content("", description=replace(DESCRIPTION, encryption_required=True, crypto=crypto)))


async def test_whatever_arrives_has_the_name_of_its_key() -> None:
    async with Rig() as rig:
        rig.edge.deliver("INVITE", uri(rig), body=OFFER)
        event = await rig.event()
        assert isinstance(event, InviteReceived)
        [crypto] = described(event).crypto
        assert rig.keys.reveal(crypto.key) == KEY
        rig.edge.deliver("UPDATE", uri(rig, DIALOG), headers=[("To", f"<sip:a@b.example>;tag={TAG}")], body=OFFER)
        update = await rig.event()
        assert isinstance(update, SipRequestReceived)
        assert described(update).crypto == (crypto,)
        rig.do(INVITE)
        rig.edge.answer_from(PEER, await rig.edge.request("INVITE"), 200, body=OFFER)
        answer = await rig.event()
        assert isinstance(answer, SipResponseReceived)
        assert described(answer).crypto == (crypto,)


async def test_what_is_sent_has_the_key() -> None:
    async with Rig() as rig:
        rig.do(replace(INVITE, body=encrypted(rig)))
        sent = await rig.edge.request("INVITE")
        assert sent.m_lines == ["m=audio 4000 RTP/SAVP 8"]
        assert LINE in sent.body.splitlines()
        arrived = rig.edge.deliver("INVITE", uri(rig), body=OFFER)
        event = await rig.event()
        assert isinstance(event, InviteReceived)
        answer = replace(encrypted(rig), media=("audio 5004 RTP/SAVP 8",), place=0)
        rig.do(responding(event.head, 200, body=answer, contact=True))
        assert LINE in (await rig.edge.final(arrived)).body.splitlines()


@pytest.mark.parametrize("command", [INVITE, in_dialog("INVITE")])
async def test_a_request_whose_key_is_gone_is_not_sent(command: SendRequest) -> None:
    async with Rig() as rig:
        id = rig.do(replace(command, body=encrypted(rig, "gone")))
        event = await rig.event()
        assert isinstance(event, SipRequestUndelivered)
        assert (event.command, event.why) == (id, Undelivered.UNSENDABLE)
        assert event.text
        assert event.text.lower() == texts.KEYS_GONE.lower().removesuffix(".")
