"""The way from registrars to us: kept open, lost, and learned (RFC 5626); and restarts of the edge."""

import pytest
from msgspec.structs import replace
from twisted.logger import capturedLogs

from fargo.adapters.sip import keepalive, texts
from fargo.adapters.sip.client_transactions import PATIENCE
from fargo.statemachine.model.sip_messages import EdgeRestarted, FlowClosed, KeepFlow, ReleaseFlow
from fargo.statemachine.model.sip_values import Endpoint

from .commands import REGISTER, responding
from .rig import OTHER, Rig

UDP, TCP, TLS = (Endpoint(transport, "192.0.2.1", 5060) for transport in ("udp", "tcp", "tls"))
PEER = "udp:192.0.2.1:5060"


async def asked(rig: Rig) -> int:
    """Return how many OPTIONS have come to the edge, and let the registrar be silent about them."""
    await rig.settled()
    found = rig.edge.taken(lambda message: message.start.startswith("OPTIONS"))
    for each in found:
        rig.edge.answer_itself(each, 408)
    await rig.settled()
    return len(found)


async def unanswered(rig: Rig, times: int) -> None:
    """Let the registrar be silent so many times."""
    for _ in range(times):
        rig.pass_time(keepalive.SECONDS)
        rig.edge.answer_itself(await rig.edge.request("OPTIONS"), 408)
        await rig.settled()


# --- OPTIONS


async def test_a_registrar_over_udp_is_asked_every_25_seconds() -> None:
    async with Rig() as rig:
        rig.do(KeepFlow("12.0", UDP))
        rig.pass_time(keepalive.SECONDS - 1)
        assert await asked(rig) == 0
        rig.pass_time(1)
        sent = await rig.edge.request("OPTIONS")
        assert sent.start == "OPTIONS sip:192.0.2.1:5060 SIP/2.0"
        assert sent["X-Fargo-Hop"] == "sip:192.0.2.1:5060;transport=udp"
        assert sent.get("Contact") is None
        rig.edge.answer_from(PEER, sent, 404)
        await rig.settled()
        for _ in range(3):
            rig.pass_time(keepalive.SECONDS)
            rig.edge.answer_from(PEER, await rig.edge.request("OPTIONS"), 200)
            assert await asked(rig) == 0
        assert keepalive.SECONDS <= 29  # RFC 5626 §4.4.1
        assert not rig.has_event()


async def test_a_registrar_is_asked_once_for_all_accounts() -> None:
    async with Rig() as rig:
        rig.do(KeepFlow("12.0", UDP))
        rig.do(KeepFlow("12.0", UDP))
        rig.do(KeepFlow("13.0", UDP), user=OTHER)
        rig.pass_time(keepalive.SECONDS)
        assert await asked(rig) == 1


async def test_an_account_that_is_registered_again_changes_nothing() -> None:
    async with Rig() as rig:
        rig.do(KeepFlow("12.0", UDP))
        rig.pass_time(keepalive.SECONDS - 1)
        rig.do(KeepFlow("12.0", UDP))
        rig.pass_time(1)
        assert await asked(rig) == 1


async def test_connections_are_kept_by_the_edge() -> None:
    async with Rig() as rig:
        rig.do(KeepFlow("12.0", TCP))
        rig.do(KeepFlow("13.0", TLS))
        rig.pass_time(2 * keepalive.SECONDS)
        assert await asked(rig) == 0


async def test_a_registrar_is_asked_as_long_as_an_account_is_registered_there() -> None:
    async with Rig() as rig:
        rig.do(KeepFlow("12.0", UDP))
        rig.do(KeepFlow("13.0", UDP), user=OTHER)
        rig.do(ReleaseFlow("12.0"))
        rig.pass_time(keepalive.SECONDS)
        assert await asked(rig) == 1
        rig.do(ReleaseFlow("13.0"), user=OTHER)
        rig.do(ReleaseFlow("13.0"), user=OTHER)
        rig.pass_time(4 * keepalive.SECONDS)
        assert await asked(rig) == 0


async def test_an_account_that_moves_to_another_registrar_leaves_the_first() -> None:
    async with Rig() as rig:
        rig.do(KeepFlow("12.0", UDP))
        rig.do(KeepFlow("12.0", replace(UDP, ip="192.0.2.2")))
        rig.pass_time(keepalive.SECONDS)
        assert (await rig.edge.request("OPTIONS"))["X-Fargo-Hop"] == "sip:192.0.2.2:5060;transport=udp"
        assert await asked(rig) == 0


async def test_a_registrar_that_is_silent_after_it_has_answered_is_lost_for_all_its_accounts_once() -> None:
    async with Rig() as rig:
        rig.do(KeepFlow("12.0", UDP))
        rig.do(KeepFlow("13.0", UDP))
        rig.do(KeepFlow("14.0", replace(UDP, ip="192.0.2.2")))
        rig.do(ReleaseFlow("14.0"))
        rig.pass_time(keepalive.SECONDS)
        rig.edge.answer_from(PEER, await rig.edge.request("OPTIONS"), 200)
        await rig.settled()
        await unanswered(rig, keepalive.LOST - 1)
        assert not rig.has_event()
        await unanswered(rig, 1)
        assert [await rig.event(), await rig.event()] == [FlowClosed("12.0"), FlowClosed("13.0")]
        await unanswered(rig, 2 * keepalive.LOST)
        assert not rig.has_event()


async def test_a_registrar_that_answers_in_between_is_not_lost() -> None:
    async with Rig() as rig:
        rig.do(KeepFlow("12.0", UDP))
        for _ in range(4):
            await unanswered(rig, keepalive.LOST - 1)
            rig.pass_time(keepalive.SECONDS)
            rig.edge.answer_from(PEER, await rig.edge.request("OPTIONS"), 200)
            await rig.settled()
        assert not rig.has_event()


async def test_a_registrar_that_never_answers_options_is_asked_all_the_same() -> None:
    async with Rig() as rig:
        rig.do(KeepFlow("12.0", UDP))
        await unanswered(rig, 3 * keepalive.LOST)
        assert not rig.has_event()


async def test_an_edge_that_does_not_run_says_nothing_about_the_registrar() -> None:
    async with Rig() as rig:
        rig.do(KeepFlow("12.0", UDP))
        rig.pass_time(keepalive.SECONDS)
        rig.edge.answer_from(PEER, await rig.edge.request("OPTIONS"), 200)
        await rig.settled()
        rig.pass_time(keepalive.SECONDS + PATIENCE * keepalive.LOST + 1)
        await rig.settled()
        assert not rig.has_event()


async def test_an_answer_that_comes_after_the_release_is_dropped() -> None:
    async with Rig() as rig:
        rig.do(KeepFlow("12.0", UDP))
        rig.pass_time(keepalive.SECONDS)
        sent = await rig.edge.request("OPTIONS")
        rig.do(ReleaseFlow("12.0"))
        rig.edge.answer_itself(sent, 408)
        await rig.settled()
        assert not rig.has_event()


# --- connections that are closed


@pytest.mark.parametrize("registrar", [TCP, TLS])
async def test_a_closed_connection_is_told_to_those_who_use_it(registrar: Endpoint) -> None:
    async with Rig() as rig:
        rig.do(KeepFlow("12.0", registrar))
        rig.do(KeepFlow("13.0", replace(registrar, port=5070)))
        told = await rig.edge.tell("X-Fargo-Closed", f"{registrar.transport}:192.0.2.1:5060")
        assert await rig.event() == FlowClosed("12.0")
        rig.edge.send(told)
        await rig.settled()
        assert not rig.has_event()


async def test_a_closed_connection_that_nobody_uses_is_nothing() -> None:
    async with Rig() as rig:
        await rig.edge.tell("X-Fargo-Closed", "tcp:192.0.2.1:5060")
        await rig.settled()
        assert not rig.has_event()


# --- where the registrar sees us


async def test_the_address_that_a_registrar_sees_is_in_the_next_contact() -> None:
    async with Rig() as rig:
        rig.do(REGISTER)
        sent = await rig.edge.request("REGISTER")
        rig.edge.answer_from(PEER, sent, 401, seen="203.0.113.7:40001")
        await rig.event()
        rig.do(replace(REGISTER, connection="40.0", cseq=2))
        assert "@203.0.113.7:40001;line=" in (await rig.edge.request("REGISTER"))["Contact"]


async def test_what_one_registrar_sees_is_nothing_to_another() -> None:
    async with Rig() as rig:
        rig.do(REGISTER)
        rig.edge.answer_from(PEER, await rig.edge.request("REGISTER"), 200, seen="203.0.113.7:40001")
        await rig.event()
        rig.do(replace(REGISTER, destination=replace(UDP, ip="192.0.2.2")))
        assert "@192.0.2.10:5060;" in (await rig.edge.request("REGISTER"))["Contact"]


async def test_a_call_over_that_registrar_has_that_address_too() -> None:
    async with Rig() as rig:
        rig.do(REGISTER)
        rig.edge.answer_from(PEER, await rig.edge.request("REGISTER"), 200, seen="203.0.113.7:40001")
        await rig.event()
        invite = rig.edge.deliver("INVITE", f"sip:{rig.token('40.0')}@203.0.113.7:40001")
        rig.do(responding((await rig.event()).head, 180, contact=True))
        assert "@203.0.113.7:40001>" in (await rig.edge.response(invite))["Contact"]


@pytest.mark.parametrize(
    ("peer", "seen", "contact"),
    [
        ("udp:192.0.2.1:5060", "192.0.2.10:5060", "192.0.2.10:5060"),
        ("udp:192.0.2.1:5060", "192.0.2.10:6000", "192.0.2.10:6000"),
        ("udp:192.0.2.1:5060", "203.0.113.7", "203.0.113.7:5060"),
        ("tcp:192.0.2.1:5060", "192.0.2.10:40001", "192.0.2.10:5060;transport=tcp"),
        ("tcp:192.0.2.1:5060", "203.0.113.7:40001", "203.0.113.7:40001;transport=tcp"),
    ],
)
async def test_the_port_of_a_connection_counts_only_behind_a_nat(peer: str, seen: str, contact: str) -> None:
    async with Rig() as rig:
        destination = TCP if peer.startswith("tcp") else UDP
        rig.do(replace(REGISTER, destination=destination))
        rig.edge.answer_from(peer, await rig.edge.request("REGISTER"), 200, seen=seen)
        await rig.event()
        rig.do(replace(REGISTER, destination=destination))
        assert f"@{contact};line=" in (await rig.edge.request("REGISTER"))["Contact"]


async def test_the_address_of_a_nat_that_is_gone_is_forgotten() -> None:
    async with Rig() as rig:
        for seen in ("203.0.113.7:40001", "192.0.2.10:5060"):
            rig.do(REGISTER)
            rig.edge.answer_from(PEER, await rig.edge.request("REGISTER"), 200, seen=seen)
            await rig.event()
        rig.do(REGISTER)
        assert "@192.0.2.10:5060;" in (await rig.edge.request("REGISTER"))["Contact"]


async def test_a_configured_public_address_counts_whatever_a_registrar_sees() -> None:
    async with Rig(public_address="203.0.113.9") as rig:
        rig.do(REGISTER)
        rig.edge.answer_from(PEER, await rig.edge.request("REGISTER"), 200, seen="203.0.113.7:40001")
        await rig.event()
        rig.do(REGISTER)
        assert "@203.0.113.9:5060;" in (await rig.edge.request("REGISTER"))["Contact"]


# --- restarts of the edge


async def test_a_restart_of_the_edge_is_told_once_to_all() -> None:
    async with Rig() as rig:
        await rig.settled()
        rig.edge.boot = "1700000001.5"
        with capturedLogs() as logged:
            await rig.edge.tell("X-Fargo-Started", "1")
            await rig.settled()
        assert rig.broadcast == [EdgeRestarted()]
        assert [each["log_format"] for each in logged] == [texts.EDGE_RESTARTED]


async def test_the_first_word_of_the_edge_is_no_restart() -> None:
    async with Rig() as rig:
        await rig.edge.tell("X-Fargo-Started", "1")
        await rig.settled()
        assert rig.broadcast == []


async def test_a_restart_is_noticed_by_any_message() -> None:
    async with Rig() as rig:
        rig.do(REGISTER)
        sent = await rig.edge.request("REGISTER")
        await rig.settled()
        rig.edge.boot = "1700000001.5"
        rig.edge.answer_from(PEER, sent, 200)
        await rig.event()
        assert rig.broadcast == [EdgeRestarted()]
