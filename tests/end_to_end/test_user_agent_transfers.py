"""A phone or PBX transfers a call (REFER), or takes it over (INVITE with Replaces): audio goes to the new phone."""

import re

import pytest
import pytest_asyncio
from edge.agents import Message
from world.rtp import RtpEndpoint
from world.rtpengine import Rtpengine
from world.sip_agent import Call, ScriptedProvider, audio
from world.world import World

from .customer import Customer
from .engines import sip_only
from .scripted_calls import PACKETS, Begin, Talk, each_way, out

pytestmark = sip_only

ELSEWHERE = "127.0.0.8"
CAROL = "<sip:carol@scripted.test>"
REPLACED = "other-call%40127.0.0.9%3Bto-tag%3Dt1%3Bfrom-tag%3Df1"


@pytest_asyncio.fixture
async def relay(world: World, path: str) -> Rtpengine | None:
    """A relay for the tests whose calls go through it."""
    return await world.relay() if path == "relay" else None


async def notices(phone: Call, last: int) -> list[int]:
    """Answer the NOTIFYs to a phone that has asked for a transfer, until the last one, which has this status."""
    found: list[int] = []
    while not found or found[-1] != last:
        notify = await phone.request_of("NOTIFY")
        phone.respond(notify, 200)
        assert notify["Content-Type"] == "message/sipfrag;version=2.0"
        assert notify["Event"].startswith("refer;id=")
        ends = notify["Subscription-State"].startswith("terminated")
        status = re.match(r"SIP/2\.0 (\d+) ", notify.body)
        assert status, notify.body
        found.append(int(status[1]))
        assert ends == (found[-1] >= 200)
    return found


async def refers(talk: Talk, to: str = CAROL) -> Message:
    """Let the phone ask for a transfer, which is accepted."""
    sent = talk.phone.request("REFER", headers=[("Refer-To", to), ("Referred-By", "<sip:bob@scripted.test>")])
    assert (await talk.phone.final(sent)).status == 202
    return sent


async def answers(talk: Talk, new: Call) -> Talk:
    """Let the new phone ring, and answer."""
    media = await talk.alice.world.add(RtpEndpoint(ELSEWHERE))
    new.respond(new.invite, 180)
    await new.answered(new.sdp(media))
    return Talk(talk.alice, talk.call, new, media, audio(new.invite)[:2])


async def taken(talk: Talk, scripted: ScriptedProvider) -> Talk:
    """Let the new phone answer, and the first one be told so and hang up."""
    new = await answers(talk, await scripted.called())
    assert await notices(talk.phone, 200) == [100, 180, 200]
    await talk.phone.ended()
    return new


@each_way
@pytest.mark.parametrize("path", ["relay"])
async def test_a_blind_transfer_through_the_relay_after_one_that_has_failed(
    scripted_alice: Customer, scripted: ScriptedProvider, begin: Begin, relay: Rtpengine
) -> None:
    talk = await begin(scripted_alice, scripted)
    await talk.heard()
    assert (await talk.phone.change(talk.phone.sdp(talk.media, direction="sendonly"))).status == 200
    await talk.call.told("hold")

    await refers(talk)
    busy = await scripted.called()
    assert busy.invite["Referred-By"] == "<sip:bob@scripted.test>"
    busy.respond(busy.invite, 486)
    await busy.request_of("ACK")
    assert await notices(talk.phone, 486) == [100, 486]
    mark = len(talk.call.client.stanzas)
    assert (await talk.phone.change(talk.phone.sdp(talk.media))).status == 200
    await talk.call.told("unhold", after=mark)
    await talk.heard()

    assert (await talk.phone.change(talk.phone.sdp(talk.media, direction="sendonly"))).status == 200
    await refers(talk, f"{CAROL};x=y")
    mark = len(talk.call.client.stanzas)
    new = await taken(talk, scripted)
    await talk.call.told("unhold", after=mark)
    await new.heard()
    # A phone that does not know that it is out of the call is not heard, and hears nothing.
    assert new.place != talk.place
    assert talk.media.sending
    await talk.media.quiet(PACKETS)
    await new.media.silence()
    await talk.call.media.quiet(PACKETS)
    await new.hang_up()
    await relay.forgets()


@each_way
async def test_an_attended_transfer_moves_a_direct_call_and_an_invite_takes_it_over(
    scripted_alice: Customer, scripted: ScriptedProvider, begin: Begin
) -> None:
    talk = await begin(scripted_alice, scripted)
    await refers(talk, f"<sip:carol@scripted.test?Replaces={REPLACED}&Require=replaces>")
    new = await taken(talk, scripted)
    invite = new.phone.invite
    assert invite["Replaces"] == "other-call@127.0.0.9;to-tag=t1;from-tag=f1"
    assert invite["Require"] == "replaces"
    moved = await talk.call.moved()
    assert (moved.host, moved.port) == (new.media.address, new.media.port)
    await new.heard()

    tags = [each.partition("tag=")[2] for each in (new.phone.remote, new.phone.local)]
    media = await scripted_alice.world.add(RtpEndpoint(ELSEWHERE))
    replaces = f"{new.phone.id};to-tag={tags[0]};from-tag={tags[1]}"
    mark = len(talk.call.client.stanzas)
    third = scripted.call(media, headers=[("Replaces", replaces), ("Require", "replaces")], caller="erin")
    said = await third.accepted()
    await new.phone.ended()
    moved = await talk.call.moved(after=mark)
    assert (moved.host, moved.port) == (media.address, media.port)
    await talk.call.media.silence()
    talk.call.talk()
    last = Talk(scripted_alice, talk.call, third, media, audio(said)[:2])
    await last.heard()
    await last.hang_up()


@pytest.mark.parametrize("path", ["relay"])
async def test_a_phone_that_refers_and_hangs_up_leaves_the_client_with_the_new_one(
    scripted_alice: Customer, scripted: ScriptedProvider, relay: Rtpengine
) -> None:
    talk = await out(scripted_alice, scripted)
    await refers(talk)
    talk.phone.respond(await talk.phone.request_of("NOTIFY"), 200)
    new = await scripted.called()
    await talk.phone.hang_up()
    now = await answers(talk, new)
    await now.heard()
    await now.hang_up()
    await relay.forgets()


@each_way
@pytest.mark.parametrize("path", ["relay"])
async def test_music_on_hold_is_audio_from_elsewhere(
    scripted_alice: Customer, scripted: ScriptedProvider, begin: Begin, relay: Rtpengine
) -> None:
    """A PBX plays it from a server of its own, and holds the call without any, too."""
    talk = await begin(scripted_alice, scripted)
    await talk.heard()
    await talk.media.silence()
    client = talk.call.media
    await client.quiet(PACKETS)
    music = await scripted_alice.world.add(RtpEndpoint(ELSEWHERE))
    assert (await talk.phone.change(talk.phone.sdp(music, direction="sendonly"))).status == 200
    await talk.call.told("hold")
    assert talk.place
    music.send(*talk.place)
    await client.received(client.packets + PACKETS)
    assert (await talk.phone.change(talk.phone.sdp(music, direction="inactive"))).status == 200
    await music.silence()
    await client.quiet(PACKETS)
    assert talk.call.last_told() == "hold"

    mark = len(talk.call.client.stanzas)
    assert (await talk.phone.change(talk.phone.sdp(talk.media))).status == 200
    await talk.call.told("unhold", after=mark)
    talk.media.send(*talk.place)
    await talk.heard()
    await talk.hang_up()
    await relay.forgets()
