"""A phone holds and resumes in every way that phones have. The client is told, and the call goes on."""

from typing import NamedTuple

from world.rtp import RtpEndpoint
from world.sip_agent import ScriptedProvider, audio

from .customer import Customer
from .engines import sip_only
from .scripted_calls import Begin, each_way

pytestmark = sip_only

MUSIC = "127.0.0.8"
AGREED = (0, 101)


class Hold(NamedTuple):
    """A way to hold: the codecs and the direction that the phone offers, and the direction of the answer."""

    formats: tuple[int, ...] = AGREED
    direction: str = "sendonly"
    answer: str = "recvonly"
    host: str | None = None


HOLDS = {
    "the agreed codecs": Hold(),
    "all its codecs": Hold((0, 3, 8, 9, 101)),
    "fewer codecs": Hold((0,)),
    "reordered codecs": Hold((101, 8, 0)),
    "no address (RFC 3264 §8.4)": Hold(host="0.0.0.0", direction="sendrecv", answer="sendrecv"),
    "inactive": Hold(direction="inactive", answer="inactive"),
}


@each_way
async def test_a_phone_holds_in_every_way(scripted_alice: Customer, scripted: ScriptedProvider, begin: Begin) -> None:
    talk = await begin(scripted_alice, scripted)
    phone, client = talk.phone, scripted_alice.client
    for way, hold in HOLDS.items():
        mark = len(client.stanzas)
        said = await phone.change(phone.sdp(talk.media, hold.formats, hold.direction, hold.host))
        assert (way, said.status) == (way, 200)
        assert (way, audio(said).direction) == (way, hold.answer)
        await talk.call.told("hold", after=mark)
        assert (await phone.change(phone.sdp(talk.media, hold.formats))).status == 200
        await talk.call.told("unhold", after=mark)
        await talk.heard()
    await talk.hang_up()


@each_way
async def test_a_phone_holds_with_music_from_another_host(
    scripted_alice: Customer, scripted: ScriptedProvider, begin: Begin
) -> None:
    talk = await begin(scripted_alice, scripted)
    phone, client, media = talk.phone, scripted_alice.client, talk.call.media
    music = await scripted_alice.world.add(RtpEndpoint(MUSIC))
    mark = len(client.stanzas)
    assert (await phone.change(phone.sdp(music, direction="sendonly"))).status == 200
    await talk.call.told("hold", after=mark)
    moved = await talk.call.moved(after=mark)
    assert (moved.host, moved.port) == (music.address, music.port)
    mark = len(client.stanzas)
    assert (await phone.change(phone.sdp(talk.media))).status == 200
    await talk.call.told("unhold", after=mark)
    moved = await talk.call.moved(after=mark)
    assert (moved.host, moved.port) == (talk.media.address, talk.media.port)
    assert media.invalid == []
    await talk.heard()
    await talk.hang_up()
