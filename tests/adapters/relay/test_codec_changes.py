"""A phone that takes fewer codecs in the middle of a call: a real relay translates for the client, which sends and
receives what it did before.
"""

import pytest
from msgspec.structs import replace
from world.rtp import RtpEndpoint

from fargo.statemachine.legs.relay import relay_session, remaking
from fargo.statemachine.legs.relay.relay_session import Ends, RelayRequest
from fargo.statemachine.media.description import Codec, Description, MediaProfile

from .rig import EVENTS, OPUS, PCMA, PCMU, Rig, address, plain

TONE = 1000


def phone_with(phone: RtpEndpoint, *codecs: Codec) -> Description:
    return plain(phone.address, phone.port, *codecs, EVENTS)


@pytest.mark.parametrize("more", [(), (OPUS,)], ids=["PCMU first", "opus last"])
async def test_the_phone_gets_what_it_takes_and_the_client_what_it_took(rig: Rig, more: tuple[Codec, ...]) -> None:
    async with RtpEndpoint() as client, RtpEndpoint() as phone:
        terms = RelayRequest("s", MediaProfile.PLAIN, True, "")
        ends = Ends(plain(client.address, client.port, PCMU, PCMA, *more, EVENTS), phone_with(phone, PCMU, PCMA))
        for_phone = await rig.do(relay_session.first_offer(terms, ends.client))
        for_client = await rig.do(relay_session.first_answer(terms, ends))
        terms = remaking.shown_to_client(terms, for_client.description)
        client.send(*address(for_client), payload_type=PCMU.id)
        phone.send(*address(for_phone), payload_type=PCMU.id)
        await phone.received(25)

        ends = replace(ends, phone=phone_with(phone, PCMA))
        again = await rig.do(relay_session.offer_again(terms, ends))
        assert address(again) == address(for_phone)
        again = await rig.do(relay_session.to_client(terms, ends))
        assert address(again) == address(for_client)
        await phone.silence()
        phone.send(*address(for_phone), payload_type=PCMA.id)
        for end in (client, phone):
            end.payload_types.clear()
            await end.received(end.packets + 50)
        # What was under way before counts, too.
        assert phone.payload_types[PCMA.id] > 40 > phone.payload_types[PCMU.id]
        assert client.payload_types[PCMU.id] > 40 > client.payload_types[PCMA.id]
        await client.hears(TONE)
        await phone.hears(TONE)
