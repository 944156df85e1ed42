"""Several phones in a session, of which one has the place of another: each is told what no other knows."""

import pytest
from world.process import until
from world.rtp import RtpEndpoint
from world.rtpengine import Rtpengine

from fargo.statemachine.media.description import MediaProfile
from fargo.statemachine.model.ng import (
    AnswerRelay,
    DeleteRelay,
    OfferRelay,
    PlayDigit,
    RelayDone,
    RelayParty,
    RelayPhone,
    RelayRefused,
    SwitchPhone,
)

from .rig import EVENTS, PCMA, PCMU, Rig, address, plain

PLAIN = MediaProfile.PLAIN
OTHER = {RelayParty.OFFERER: RelayParty.ANSWERER, RelayParty.ANSWERER: RelayParty.OFFERER}
PACKETS = 20


def of(end: RtpEndpoint) -> OfferRelay:
    return OfferRelay("s", plain(end.address, end.port, PCMU, PCMA, EVENTS), PLAIN)


async def hears(end: RtpEndpoint, key: int) -> None:
    await until(lambda: key in {number for number, _ in end.keys.values()}, f"the key {key}")


@pytest.mark.parametrize("party", RelayParty)
async def test_a_phone_takes_the_place_of_another_which_is_heard_no_more(
    rig: Rig, relay: Rtpengine, party: RelayParty
) -> None:
    client_is = OTHER[party]
    first, second = RelayPhone(party, 0), RelayPhone(party, 1)
    async with RtpEndpoint(events=101) as client, RtpEndpoint() as old, RtpEndpoint(events=101) as new:
        caller, called = (old, client) if party is RelayParty.OFFERER else (client, old)
        to_called = await rig.do(of(caller))
        to_caller = await rig.do(AnswerRelay("s", of(called).description, PLAIN))
        at_client, at_old = (to_caller, to_called) if caller is client else (to_called, to_caller)
        client.send(*address(at_client))
        old.send(*address(at_old))
        await client.received(PACKETS)
        await old.received(PACKETS)

        def offer(phone: RelayPhone) -> OfferRelay:
            return OfferRelay("s", of(client).description, PLAIN, by=client_is, phone=phone)

        def answer(end: RtpEndpoint, phone: RelayPhone) -> AnswerRelay:
            return AnswerRelay("s", of(end).description, PLAIN, by=party, phone=phone)

        at_new = await rig.do(offer(second))
        assert address(at_new) not in (address(at_old), address(at_client))
        await rig.do(SwitchPhone("s", second, on=False))
        await rig.do(answer(old, first))
        new.send(*address(at_new))
        heard = client.senders.copy()
        await client.received(client.packets + PACKETS)
        await old.received(old.packets + PACKETS)
        assert (new.packets, len(client.senders)) == (0, len(heard))

        assert address(await rig.do(offer(second))) == address(at_new)
        await rig.do(SwitchPhone("s", first, on=False))
        await rig.do(SwitchPhone("s", second, on=True))
        now = await rig.do(answer(new, second))
        await new.received(PACKETS)
        await client.received(client.packets + PACKETS)
        for to, end, key in ((client_is, client, 5), (party, new, 6)):
            rig.digits["name"] = str(key)
            await rig.do(PlayDigit("s", to, "name", 100, second))
            await hears(end, key)
        assert old.keys == {}
        await new.silence()
        await client.quiet(PACKETS)
        assert old.sending
        await old.quiet(PACKETS)

        await client.silence()
        client.send(*address(now))
        await new.received(new.packets + PACKETS)
        done = await rig.do(DeleteRelay("s", second))
        packets = {each.party: each.packets for each in done.flows}
        assert packets[client_is] > 0
        assert packets[party] > new.sent
    assert await relay.sessions() == []


async def test_a_phone_that_is_not_there_is_not_switched(rig: Rig) -> None:
    assert isinstance(await rig.do(SwitchPhone("s", RelayPhone(RelayParty.OFFERER, 1), on=True)), RelayRefused)
    assert await rig.do(DeleteRelay("s", RelayPhone(RelayParty.OFFERER, 1)), "9.0") == RelayDone("9.0")


async def test_a_key_of_the_relay_is_told_to_one_phone(rig: Rig) -> None:
    async with RtpEndpoint() as client:
        for_phone = OfferRelay("s", of(client).description, PLAIN, srtp="required")
        names = []
        for number in range(2):
            again = OfferRelay(
                *("s", for_phone.description, PLAIN),
                srtp="required",
                phone=RelayPhone(RelayParty.ANSWERER, number) if number else None,
            )
            told = await rig.do(again)
            names.append({each.key for each in told.description.crypto})
        assert names[0].isdisjoint(names[1])
