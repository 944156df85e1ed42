"""The address of the server that a request of ours goes to, and the next one (RFC 3263 §4)."""

from typing import Any

import pytest
from msgspec.structs import replace

from fargo.adapters.sip import sending, servers, texts
from fargo.adapters.sip.client_transactions import PATIENCE
from fargo.statemachine.model.sip_messages import SipRequestUndelivered, Undelivered
from fargo.statemachine.model.sip_values import Endpoint, Hop

from .commands import INVITE, REGISTER, in_dialog
from .name_server import NameServer
from .provider_servers import FIRST, HOST, NAMED, SECOND, THIRD, hop, servers_of
from .rig import OTHER, Rig


def to(peer: str) -> str:
    """Return the value of X-Fargo-Hop for a peer."""
    transport, _, address = peer.partition(":")
    return f"sip:{address};transport={transport}"


# --- where they go


@pytest.mark.parametrize(
    ("command", "peer"),
    [
        (in_dialog("BYE"), "udp:192.0.2.1:5060"),
        (in_dialog("BYE", uri="sip:bob@192.0.2.7"), "udp:192.0.2.7:5060"),
        (in_dialog("BYE", uri="sip:bob@192.0.2.7:5070;transport=TCP"), "tcp:192.0.2.7:5070"),
        (in_dialog("BYE", uri="sip:bob@[2001:db8::7]"), "udp:[2001:db8::7]:5060"),
        (in_dialog("BYE", uri="sip:bob@pbx.test;maddr=192.0.2.8"), "udp:192.0.2.8:5060"),
        (in_dialog("BYE", routes=("<sip:192.0.2.9;transport=tcp;lr>",)), "tcp:192.0.2.9:5060"),
        (in_dialog("BYE", routes=("<sip:192.0.2.9;lr=on>", "<sip:192.0.2.10>")), "udp:192.0.2.9:5060"),
        # The core has written what a strict router wants, so that is in the URI (RFC 3261 §12.2.1.1).
        (in_dialog("BYE", uri="sip:192.0.2.9", routes=("<sip:bob@192.0.2.7>",)), "udp:192.0.2.9:5060"),
        (in_dialog("BYE", destination=Endpoint("tcp", "192.0.2.5", 5070)), "tcp:192.0.2.5:5070"),
        (replace(INVITE, hop=Hop("192.0.2.4", 5070, "tcp"), routes=("<sip:192.0.2.9;lr>",)), "tcp:192.0.2.4:5070"),
    ],
)
async def test_a_request_goes_where_its_hop_its_first_route_or_its_uri_leads(command: Any, peer: str) -> None:
    async with Rig() as rig:
        rig.do(command)
        assert hop(await rig.edge.request(command.method)) == to(peer)


async def test_a_server_that_is_named_has_the_addresses_that_dns_says() -> None:
    async with NameServer() as names, await servers_of(names, "192.0.2.2") as rig:
        rig.do(NAMED)
        assert hop(await rig.edge.request("INVITE")) == to(SECOND)
        rig.do(in_dialog("BYE", uri=f"sip:bob@{HOST}"))
        assert hop(await rig.edge.request("BYE")) == to(SECOND)


@pytest.mark.parametrize("command", [NAMED, replace(REGISTER, hop=Hop(HOST))])
async def test_a_name_that_does_not_exist_is_told(command: Any) -> None:
    async with NameServer() as names, Rig(name_servers=(names.address,)) as rig:
        id = rig.do(command)
        event = await rig.event()
        assert (event.command, event.why, event.text) == (id, Undelivered.NO_SUCH_NAME, HOST)


async def test_silent_name_servers_are_told() -> None:
    async with NameServer() as names, Rig(name_servers=(names.address,)) as rig:
        names.silent = None
        rig.do(NAMED)
        await rig.until(rig.has_event)
        event = await rig.event()
        assert (event.why, event.text) == (Undelivered.NAMES_SILENT, HOST)


@pytest.mark.parametrize("command", [replace(INVITE, hop=Hop("2001:db8::1")), in_dialog("BYE", uri="sip:bob@[::1]")])
async def test_an_address_that_no_socket_of_ours_reaches_is_told(command: Any) -> None:
    async with Rig(addresses=("192.0.2.10",)) as rig:
        rig.do(command)
        event = await rig.event()
        assert (event.why, event.text) == (Undelivered.UNSENDABLE, texts.OUT_OF_REACH)


# --- the next address


@pytest.mark.parametrize("command", [NAMED, replace(REGISTER, hop=Hop(HOST))])
async def test_the_next_address_is_tried_within_three_seconds_of_silence(command: Any) -> None:
    async with NameServer() as names, await servers_of(names, "192.0.2.1", "192.0.2.2") as rig:
        method = "INVITE" if command is NAMED else "REGISTER"
        id = rig.do(command)
        first = await rig.edge.request(method)
        rig.edge.answer_itself(first, 100)  # which says nothing about the server
        await rig.settled()
        rig.pass_time(sending.NEXT_SECONDS)
        second = await rig.edge.request(method)
        assert [hop(first), hop(second)] == [to(FIRST), to(SECOND)]
        assert sending.NEXT_SECONDS < 3
        assert first["Via"] != second["Via"]
        assert (first["Call-ID"], first["CSeq"], first["From"]) == (second["Call-ID"], second["CSeq"], second["From"])
        rig.edge.answer_from(SECOND, second, 403)
        event = await rig.event()
        assert (event.command, event.status, event.source.ip) == (id, 403, "192.0.2.2")


async def test_an_invite_that_was_given_up_is_cancelled_and_its_end_not_reported() -> None:
    async with NameServer() as names, await servers_of(names, "192.0.2.1", "192.0.2.2") as rig:
        rig.do(NAMED)
        first = await rig.edge.request("INVITE")
        rig.edge.answer_itself(first, 100)
        await rig.settled()
        rig.pass_time(sending.NEXT_SECONDS)
        cancel = await rig.edge.request("CANCEL")
        assert (cancel["Via"], cancel.uri, cancel["To"]) == (first["Via"], first.uri, first["To"])
        assert cancel["CSeq"] == "1 CANCEL"
        second = await rig.edge.request("INVITE")
        rig.edge.answer_from(FIRST, first, 180)
        rig.edge.answer_itself(cancel, 200)
        rig.edge.answer_from(FIRST, first, 487)
        await rig.edge.request("ACK")
        rig.edge.answer_from(SECOND, second, 180)
        assert (await rig.event()).source.ip == "192.0.2.2"
        rig.edge.answer_from(SECOND, second, 486)
        assert (await rig.event()).status == 486
        await rig.settled()
        assert not rig.has_event()


async def test_an_invite_that_the_edge_does_not_have_yet_is_cancelled_later() -> None:
    async with NameServer() as names, await servers_of(names, "192.0.2.1", "192.0.2.2") as rig:
        rig.do(NAMED)
        first = await rig.edge.request("INVITE")
        rig.pass_time(sending.NEXT_SECONDS)
        await rig.edge.expect(lambda message: not message.is_response and hop(message) == to(SECOND), "the second")
        await rig.settled()
        assert rig.edge.taken(lambda message: message.start.startswith("CANCEL")) == []
        rig.edge.answer_itself(first, 100)
        assert (await rig.edge.request("CANCEL"))["Via"] == first["Via"]


async def test_a_late_answer_to_an_invite_that_was_given_up_is_a_call() -> None:
    async with NameServer() as names, await servers_of(names, "192.0.2.1", "192.0.2.2") as rig:
        id = rig.do(NAMED)
        first = await rig.edge.request("INVITE")
        rig.edge.answer_itself(first, 100)
        await rig.settled()
        rig.pass_time(sending.NEXT_SECONDS)
        second = await rig.edge.request("INVITE")
        rig.edge.answer_itself(second, 100)
        rig.edge.answer_from(FIRST, first, 200)
        event = await rig.event()
        assert (event.command, event.status, event.source.ip) == (id, 200, "192.0.2.1")
        cancelled = {(await rig.edge.request("CANCEL"))["Via"] for _ in range(2)}
        assert cancelled == {first["Via"], second["Via"]}
        rig.edge.answer_from(SECOND, second, 487)
        await rig.edge.request("ACK")
        await rig.settled()
        assert not rig.has_event()


@pytest.mark.parametrize("status", [100, 183])
async def test_an_address_that_has_answered_at_all_is_kept(status: int) -> None:
    async with NameServer() as names, await servers_of(names, "192.0.2.1", "192.0.2.2") as rig:
        rig.do(NAMED)
        sent = await rig.edge.request("INVITE")
        rig.edge.answer_from(FIRST, sent, status)
        await rig.settled()
        rig.pass_time(10)
        await rig.settled()
        assert rig.edge.taken(lambda message: message.start.startswith("INVITE")) == []


@pytest.mark.parametrize("status", [408, 477, 500])
async def test_the_next_address_is_tried_at_once_if_the_edge_cannot_deliver(status: int) -> None:
    async with NameServer() as names, await servers_of(names, "192.0.2.1", "192.0.2.2") as rig:
        rig.do(NAMED)
        rig.edge.answer_itself(await rig.edge.request("INVITE"), status)
        assert hop(await rig.edge.request("INVITE")) == to(SECOND)
        await rig.settled()
        assert rig.edge.taken(lambda message: message.start.startswith("CANCEL")) == []


async def test_the_next_address_is_tried_if_a_server_is_overloaded() -> None:
    async with NameServer() as names, await servers_of(names, "192.0.2.1", "192.0.2.2") as rig:
        rig.do(NAMED)
        sent = await rig.edge.request("INVITE")
        rig.edge.answer_from(FIRST, sent, 100)
        rig.edge.answer_from(FIRST, sent, 503)
        second = await rig.edge.request("INVITE")
        assert hop(second) == to(SECOND)
        rig.edge.answer_from(SECOND, second, 503)
        event = await rig.event()
        assert (event.status, event.source.ip) == (503, "192.0.2.2")  # there is no further address


async def test_a_call_that_rings_does_not_go_on_to_another_server() -> None:
    async with NameServer() as names, await servers_of(names, "192.0.2.1", "192.0.2.2") as rig:
        rig.do(NAMED)
        sent = await rig.edge.request("INVITE")
        rig.edge.answer_from(FIRST, sent, 180)
        rig.edge.answer_from(FIRST, sent, 503)
        assert [(await rig.event()).status for _ in range(2)] == [180, 503]


@pytest.mark.parametrize(
    ("status", "why"), [(408, Undelivered.SILENT), (477, Undelivered.REFUSED), (500, Undelivered.UNSENDABLE)]
)
async def test_the_last_address_says_why_nothing_was_delivered(status: int, why: Undelivered) -> None:
    async with NameServer() as names, await servers_of(names, "192.0.2.1", "192.0.2.2") as rig:
        id = rig.do(NAMED)
        rig.edge.answer_itself(await rig.edge.request("INVITE"), 408)
        rig.edge.answer_itself(await rig.edge.request("INVITE"), status)
        event = await rig.event()
        assert isinstance(event, SipRequestUndelivered)
        assert (event.command, event.why) == (id, why)


async def test_no_more_addresses_than_some_are_tried() -> None:
    ips = [f"192.0.2.{number}" for number in range(1, 13)]
    async with NameServer() as names, await servers_of(names, *ips) as rig:
        rig.do(NAMED)
        tried = 0
        while not rig.has_event():
            sent = await rig.edge.request("INVITE")
            tried += 1
            rig.edge.answer_itself(sent, 477)
            await rig.settled()
        assert tried == 8


async def test_an_address_that_did_not_answer_is_tried_last_for_a_while() -> None:
    async with NameServer() as names, await servers_of(names, "192.0.2.1", "192.0.2.2") as rig:
        rig.do(NAMED)
        rig.edge.answer_itself(await rig.edge.request("INVITE"), 477)
        rig.edge.answer_from(SECOND, await rig.edge.request("INVITE"), 486)
        await rig.event()
        rig.do(replace(NAMED, call_id="of another user"), user=OTHER)
        assert hop(await rig.edge.request("INVITE")) == to(SECOND)
        rig.pass_time(servers.DOWN_SECONDS)
        rig.do(replace(NAMED, call_id="later"))
        assert hop(await rig.edge.request("INVITE", "later")) == to(FIRST)


async def test_an_address_that_answers_again_is_not_down_any_more() -> None:
    async with NameServer() as names, await servers_of(names, "192.0.2.1", "192.0.2.2") as rig:
        rig.do(NAMED)
        first = await rig.edge.request("INVITE")
        rig.pass_time(sending.NEXT_SECONDS)
        rig.do(in_dialog("BYE"))
        rig.edge.answer_from(FIRST, await rig.edge.request("BYE"), 200)
        await rig.event()
        rig.do(replace(NAMED, call_id="later"))
        assert hop(await rig.edge.request("INVITE", "later")) == hop(first)


async def test_the_address_that_has_answered_the_account_comes_first_and_dns_only_if_it_fails() -> None:
    async with NameServer() as names, await servers_of(names, "192.0.2.1", "192.0.2.2") as rig:
        rig.do(replace(NAMED, destination=Endpoint("udp", "192.0.2.3", 5060)))
        first = await rig.edge.request("INVITE")
        assert hop(first) == to(THIRD)
        await rig.settled()
        assert names.asked == []
        rig.edge.answer_itself(first, 408)
        second = await rig.edge.request("INVITE")
        rig.edge.answer_itself(second, 408)
        third = await rig.edge.request("INVITE")
        assert [hop(second), hop(third)] == [to(FIRST), to(SECOND)]


async def test_silence_of_that_address_leads_to_dns_as_well() -> None:
    async with NameServer() as names, await servers_of(names, "192.0.2.3", "192.0.2.2") as rig:
        rig.do(replace(NAMED, destination=Endpoint("udp", "192.0.2.3", 5060)))
        assert hop(await rig.edge.request("INVITE")) == to(THIRD)
        rig.pass_time(sending.NEXT_SECONDS)
        sent = await rig.edge.expect(lambda each: not each.is_response and hop(each) == to(SECOND), "the other address")
        rig.edge.answer_from(SECOND, sent, 486)
        assert (await rig.event()).status == 486


async def test_a_silent_address_is_waited_for_if_dns_has_no_other() -> None:
    async with NameServer() as names, await servers_of(names, "192.0.2.3") as rig:
        rig.do(replace(NAMED, destination=Endpoint("udp", "192.0.2.3", 5060)))
        sent = await rig.edge.request("INVITE")
        rig.edge.answer_itself(sent, 100)
        await rig.settled()
        rig.pass_time(sending.NEXT_SECONDS)
        await rig.until(lambda: bool(names.asked))
        await rig.settled()
        rig.edge.answer_from(THIRD, sent, 486)
        assert (await rig.event()).status == 486
        await rig.settled()
        assert rig.edge.taken(lambda message: message.start.startswith("CANCEL")) == []


async def test_an_address_that_answers_while_dns_is_asked_is_kept() -> None:
    async with NameServer() as names, await servers_of(names, "192.0.2.1", "192.0.2.2") as rig:
        names.silent = None
        rig.do(replace(NAMED, destination=Endpoint("udp", "192.0.2.3", 5060)))
        sent = await rig.edge.request("INVITE")
        rig.edge.answer_itself(sent, 100)
        await rig.settled()
        rig.pass_time(sending.NEXT_SECONDS)
        await rig.until(lambda: bool(names.asked))
        rig.edge.answer_from(THIRD, sent, 100)
        await rig.settled()
        names.silent = set()
        for _ in range(40):
            await rig.settled()
            rig.pass_time(0.25)
        assert rig.edge.taken(lambda message: message.start.startswith("INVITE")) == []


async def test_a_request_in_a_dialog_has_one_address() -> None:
    async with NameServer() as names, await servers_of(names, "192.0.2.1", "192.0.2.2") as rig:
        id = rig.do(in_dialog("BYE", uri=f"sip:bob@{HOST}"))
        sent = await rig.edge.request("BYE")
        rig.pass_time(4)
        rig.edge.answer_itself(sent, 408)
        event = await rig.event()
        assert (event.command, event.why) == (id, Undelivered.SILENT)
        assert {hop(each) for each in rig.edge.taken(lambda each: not each.is_response)} == {to(FIRST)}


async def test_an_edge_that_does_not_run_is_told() -> None:
    async with Rig() as rig:
        id = rig.do(INVITE)
        rig.pass_time(PATIENCE + 1)
        event = await rig.event()
        assert (event.command, event.why) == (id, Undelivered.EDGE)
        register = rig.do(REGISTER)
        rig.pass_time(PATIENCE + 1)
        event = await rig.event()
        assert (event.command, event.why) == (register, Undelivered.EDGE)
