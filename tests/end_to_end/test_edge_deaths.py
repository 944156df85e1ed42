"""The SIP edge dies in each phase of a call. What was under way is repeated, or ended at both ends.

No test lets it die more than three times, because the pauses before its restarts grow.
"""

import os
import signal

from world.jingle_call import JingleCall
from world.sip_agent import ScriptedProvider

from fargo import texts
from fargo.statemachine.legs.telepathy.texts import EDGE_RESTARTED

from .customer import Customer
from .engines import sip_only, telepathy_only
from .scripted_calls import Talk, inward, out
from .test_sip_host import children


class Edge:
    """The edge of a gateway, to kill."""

    def __init__(self, alice: Customer) -> None:
        self._process = alice.gateway.process
        self._deaths = 0

    def dies(self) -> None:
        [pid] = children(self._process.pid, "kamailio")
        os.kill(pid, signal.SIGKILL)
        self._deaths += 1

    async def is_back(self) -> None:
        running = texts.RUNNING_AGAIN.format(name=texts.EDGE)
        await self._process.until(lambda: self._process.output.count(running) >= self._deaths, "the edge runs again")

    async def is_restarted(self) -> None:
        self.dies()
        await self.is_back()


@sip_only
async def test_a_call_out_goes_on(scripted_alice: Customer, scripted: ScriptedProvider) -> None:
    alice, edge = scripted_alice, Edge(scripted_alice)
    world = alice.world

    # ringing out
    call = await alice.call("bob", await world.media())
    phone = await scripted.called()
    phone.respond(phone.invite, 180)
    await call.ringing()
    await edge.is_restarted()
    media = await world.media()
    await phone.answered(phone.sdp(media))
    await call.answered()

    # a hold under way
    await call.inform("hold")
    held = await phone.request_of("INVITE")
    await edge.is_restarted()
    phone.respond(held, 200, sdp=phone.sdp(media, direction="recvonly"))
    await phone.request_of("ACK")
    await call.inform("unhold")
    resumed = await phone.request_of("INVITE")
    phone.respond(resumed, 200, sdp=phone.sdp(media))
    await phone.request_of("ACK")

    # the client ends it meanwhile
    edge.dies()
    await call.terminate()
    await edge.is_back()
    await phone.ended()


@sip_only
async def test_what_the_phone_does_meanwhile_is_not_lost(scripted_alice: Customer, scripted: ScriptedProvider) -> None:
    alice, edge = scripted_alice, Edge(scripted_alice)
    world, media = alice.world, await alice.world.media()

    # the phone ends it meanwhile
    talk = await out(alice, scripted)
    edge.dies()
    bye = talk.phone.request("BYE")
    await edge.is_back()
    talk.phone.send(bye)
    assert (await talk.phone.final(bye)).status == 200
    assert (await talk.call.ended()).reason == "success"

    # ringing in, accepted
    mark = len(alice.client.stanzas)
    phone = scripted.call(media)
    call = await JingleCall.incoming(alice.client, await world.media(), after=mark)
    await call.ring()
    await phone.response(phone.invite, 180)
    await edge.is_restarted()
    await call.accept()
    await phone.accepted()
    await Talk(alice, call, phone, media).hang_up()

    # ringing in, cancelled
    mark = len(alice.client.stanzas)
    phone = scripted.call(media)
    call = await JingleCall.incoming(alice.client, await world.media(), after=mark)
    await call.ring()
    await phone.response(phone.invite, 180)
    await edge.is_restarted()
    cancel = phone.cancel()
    assert (await phone.final(cancel)).status == 200
    refused = await phone.final(phone.invite)
    assert refused.status == 487
    phone.refused(phone.invite, refused)
    assert (await call.ended()).reason == "cancel"


@sip_only
async def test_an_answer_and_the_end_are_not_lost(scripted_alice: Customer, scripted: ScriptedProvider) -> None:
    alice, edge = scripted_alice, Edge(scripted_alice)
    world, media = alice.world, await alice.world.media()

    # answering
    mark = len(alice.client.stanzas)
    phone = scripted.call(media)
    call = await JingleCall.incoming(alice.client, await world.media(), after=mark)
    edge.dies()
    await call.accept()
    await edge.is_back()
    await phone.accepted()
    await Talk(alice, call, phone, media).hang_up()

    # nobody knows
    talk = await inward(alice, scripted)
    await talk.hang_up()
    stray = talk.phone.request("BYE")
    assert (await talk.phone.final(stray)).status == 481
    await edge.is_restarted()
    cancel = talk.phone.cancel()
    assert (await talk.phone.final(cancel)).status == 481


@telepathy_only
async def test_with_rakia_calls_that_are_not_answered_end(scripted_alice: Customer, scripted: ScriptedProvider) -> None:
    alice, edge = scripted_alice, Edge(scripted_alice)
    world = alice.world

    # ringing out
    call = await alice.call("bob", await world.media())
    phone = await scripted.called()
    phone.respond(phone.invite, 180)
    await call.ringing()
    edge.dies()
    assert (await call.ended()).reason == "connectivity-error"
    await edge.is_back()

    # ringing in
    mark, media = len(alice.client.stanzas), await world.media()
    phone = scripted.call(media)
    call = await JingleCall.incoming(alice.client, await world.media(), after=mark)
    await call.ring()
    await phone.response(phone.invite, 180)
    edge.dies()
    ended = await call.ended()
    assert (ended.reason, ended.text) == ("connectivity-error", EDGE_RESTARTED)
    refused = await phone.final(phone.invite)
    assert refused.status >= 400
    phone.refused(phone.invite, refused)
    await edge.is_back()
    assert (await phone.final(phone.cancel())).status == 481

    # talking
    talk = await inward(alice, scripted)
    await edge.is_restarted()
    await talk.heard()
    await talk.hang_up()
