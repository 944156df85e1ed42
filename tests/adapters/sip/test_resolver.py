"""From the name of a server to its addresses (RFC 3263), with a scripted name server."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from itertools import product
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from twisted.internet.defer import Deferred

from fargo.adapters.sip import name_servers
from fargo.adapters.sip.name_servers import NameServers, NamesSilentError, SystemNameServers
from fargo.adapters.sip.resolver import (
    LONGEST,
    LONGEST_NONE,
    SHORTEST,
    NoSuchNameError,
    OutOfReachError,
    Resolver,
)
from fargo.statemachine.model.sip_values import Endpoint, Hop

from .name_server import Address, NameServer, a, aaaa, naptr, soa, srv
from .rig import STEP, TimedReactor

HOST = "provider.test"
UDP, TCP, TLS = f"_sip._udp.{HOST}", f"_sip._tcp.{HOST}", f"_sips._tcp.{HOST}"


class Rig:
    """A resolver with name servers."""

    def __init__(self, *servers: Address, hosts: Path, versions: tuple[int, ...] = (4, 6)) -> None:
        self._loop = asyncio.get_running_loop()
        self.reactor = TimedReactor(self._loop)
        self.names = NameServers(lambda: servers, self.reactor)
        self.chances: Iterator[float] = iter(())
        now = self.reactor.seconds
        self.resolver = Resolver(self.names, versions, now, hosts, lambda: next(self.chances, 0.5))

    def start(self, hop: Hop) -> asyncio.Future[tuple[Endpoint, ...]]:
        deferred: Deferred[Any] = Deferred.fromCoroutine(self.resolver.resolve(hop))
        return deferred.asFuture(self._loop)

    async def resolve(self, host: str = HOST, port: int | None = None, transport: Any = None) -> list[Endpoint]:
        return [*await self.start(Hop(host, port, transport))]

    async def hurry(self, looking: asyncio.Future[Any]) -> float:
        """Let time pass until a look-up has ended, and return the seconds."""
        begun = self.reactor.seconds()
        while not looking.done():
            await asyncio.sleep(0.002)
            self.reactor.advance(STEP)
        return self.reactor.seconds() - begun


@pytest_asyncio.fixture
async def server() -> AsyncIterator[NameServer]:
    async with NameServer() as running:
        yield running


@pytest.fixture
def hosts(tmp_path: Path) -> Path:
    return tmp_path / "hosts"


@pytest_asyncio.fixture
async def rig(server: NameServer, hosts: Path) -> AsyncIterator[Rig]:
    rig = Rig(server.address, hosts=hosts)
    yield rig
    rig.names.stop()


# --- without a look-up


@pytest.mark.parametrize(
    ("hop", "endpoint"),
    [
        (Hop("192.0.2.1"), Endpoint("udp", "192.0.2.1", 5060)),
        (Hop("192.0.2.1", 5070, "tcp"), Endpoint("tcp", "192.0.2.1", 5070)),
        (Hop("192.0.2.1", None, "tls"), Endpoint("tls", "192.0.2.1", 5061)),
        (Hop("2001:db8::1"), Endpoint("udp", "2001:db8::1", 5060)),
    ],
)
async def test_an_address_is_taken_as_it_is(rig: Rig, server: NameServer, hop: Hop, endpoint: Endpoint) -> None:
    assert await rig.start(hop) == (endpoint,)
    assert rig.resolver.literal(hop) == endpoint
    assert server.asked == []


async def test_an_address_of_a_version_of_ip_that_we_do_not_have_is_out_of_reach(
    server: NameServer, hosts: Path
) -> None:
    rig = Rig(server.address, hosts=hosts, versions=(4,))
    with pytest.raises(OutOfReachError):
        await rig.resolve("2001:db8::1")


async def test_a_name_in_the_hosts_file_is_not_looked_up(rig: Rig, server: NameServer, hosts: Path) -> None:
    hosts.write_text("192.0.2.7 pbx PBX.test # the old one\n2001:db8::7 pbx\n")
    assert await rig.resolve("pbx", transport="tcp") == [
        Endpoint("tcp", "192.0.2.7", 5060),
        Endpoint("tcp", "2001:db8::7", 5060),
    ]
    assert await rig.resolve("pbx.test", 5070) == [Endpoint("udp", "192.0.2.7", 5070)]
    assert server.asked == []


@pytest.mark.parametrize("host", ["", ".", "a..b", "x" * 64, ".".join(["x" * 60] * 5), "é" * 60, "a\x00b" + "x" * 64])
async def test_what_no_name_can_be_does_not_exist(rig: Rig, server: NameServer, host: str) -> None:
    with pytest.raises(NoSuchNameError):
        await rig.resolve(host)
    assert server.asked == []


# --- the servers of a domain


async def test_a_name_with_a_port_has_the_addresses_of_that_name(rig: Rig, server: NameServer) -> None:
    server.records = [a(HOST, "192.0.2.1"), aaaa(HOST, "2001:db8::1"), srv(UDP, "other.test")]
    assert await rig.resolve(port=5070) == [Endpoint("udp", "192.0.2.1", 5070), Endpoint("udp", "2001:db8::1", 5070)]
    assert await rig.resolve(port=5071, transport="tls") == [
        Endpoint("tls", "192.0.2.1", 5071),
        Endpoint("tls", "2001:db8::1", 5071),
    ]
    assert server.names() == [(HOST, "A"), (HOST, "AAAA")]


async def test_the_version_of_our_first_address_is_preferred(server: NameServer, hosts: Path) -> None:
    server.records = [a(HOST, "192.0.2.1"), aaaa(HOST, "2001:db8::1")]
    rig = Rig(server.address, hosts=hosts, versions=(6, 4))
    assert [each.ip for each in await rig.resolve(port=1)] == ["2001:db8::1", "192.0.2.1"]


async def test_naptr_records_choose_the_transport(rig: Rig, server: NameServer) -> None:
    server.records = [
        naptr(HOST, "SIP+D2U", UDP, order=20),
        naptr(HOST, "sip+d2t", "_sip._tcp.farm.test", order=10, preference=2),
        naptr(HOST, "SIPS+D2T", "_sips._tcp.farm.test", order=10, preference=1),
        naptr(HOST, "E2U+sip", "enum.test", order=1),
        naptr(HOST, "SIP+D2T", "terminal.test", order=1, flags="u"),
        srv("_sips._tcp.farm.test", "s1.test", 5061),
        srv("_sip._tcp.farm.test", "s1.test", 5068),
        srv(UDP, "s2.test"),
        a("s1.test", "192.0.2.1"),
        a("s2.test", "192.0.2.2"),
    ]
    assert await rig.resolve() == [
        Endpoint("tls", "192.0.2.1", 5061),
        Endpoint("tcp", "192.0.2.1", 5068),
        Endpoint("udp", "192.0.2.2", 5060),
    ]


async def test_without_naptr_every_transport_with_srv_records_is_used(rig: Rig, server: NameServer) -> None:
    server.records = [srv(TLS, "s.test", 5061), srv(TCP, "s.test"), a("s.test", "192.0.2.1"), a(HOST, "192.0.2.9")]
    assert await rig.resolve() == [Endpoint("tcp", "192.0.2.1", 5060), Endpoint("tls", "192.0.2.1", 5061)]


async def test_the_users_transport_comes_before_what_dns_says(rig: Rig, server: NameServer) -> None:
    server.records = [
        naptr(HOST, "SIP+D2U", UDP),
        srv(UDP, "s.test"),
        srv(TCP, "s.test", 5070),
        a("s.test", "192.0.2.1"),
    ]
    assert await rig.resolve(transport="tcp") == [Endpoint("tcp", "192.0.2.1", 5070)]
    assert (HOST, "NAPTR") not in server.names()


@pytest.mark.parametrize(("transport", "port"), [(None, 5060), ("tcp", 5060), ("tls", 5061)])
async def test_a_domain_without_naptr_and_srv_is_one_server(
    rig: Rig, server: NameServer, transport: Any, port: int
) -> None:
    server.records = [a(HOST, "192.0.2.1")]
    assert await rig.resolve(transport=transport) == [Endpoint(transport or "udp", "192.0.2.1", port)]


async def test_a_service_that_the_domain_denies_is_not_there(rig: Rig, server: NameServer) -> None:
    server.records = [srv(UDP, ""), a(HOST, "192.0.2.1")]
    with pytest.raises(NoSuchNameError):
        await rig.resolve(transport="udp")


async def test_servers_are_ordered_by_priority_and_by_chance_as_their_weights_demand(
    rig: Rig, server: NameServer
) -> None:
    server.records = [
        srv(UDP, "c.test", priority=20),
        srv(UDP, "a.test", priority=10, weight=1),
        srv(UDP, "b.test", priority=10, weight=3),
        *(a(f"{name}.test", f"192.0.2.{number}") for number, name in enumerate("abc", 1)),
    ]
    grid = [(step + 0.5) / 20 for step in range(20)]
    firsts = []
    for chance_of_a, chance_of_b in product(grid, grid):
        rig.chances = iter([0.5, chance_of_a, chance_of_b])
        found = await rig.resolve(transport="udp")
        assert found[2].ip == "192.0.2.3"
        firsts.append(found[0].ip)
    assert 0.22 < firsts.count("192.0.2.1") / len(firsts) < 0.28  # weight 1 of 4


async def test_an_address_that_several_names_have_is_tried_once(rig: Rig, server: NameServer) -> None:
    server.records = [srv(UDP, "a.test"), srv(UDP, "b.test"), a("a.test", "192.0.2.1"), a("b.test", "192.0.2.1")]
    assert len(await rig.resolve(transport="udp")) == 1


async def test_of_many_records_some_count(rig: Rig, server: NameServer) -> None:
    server.records = [a(HOST, f"192.0.2.{number}") for number in range(1, 25)]
    assert len(await rig.resolve(port=5060)) == 16


async def test_names_in_capitals_and_with_a_dot_at_the_end_are_the_same(rig: Rig, server: NameServer) -> None:
    server.records = [a(HOST, "192.0.2.1")]
    assert await rig.resolve("Provider.TEST.", 5060) == await rig.resolve(port=5060)
    assert len(server.asked) == 2


# --- what does not exist, what is silent


async def test_a_name_that_does_not_exist_is_told(rig: Rig) -> None:
    with pytest.raises(NoSuchNameError):
        await rig.resolve()


async def test_a_name_without_addresses_is_as_one_that_does_not_exist(rig: Rig, server: NameServer) -> None:
    server.records = [srv(UDP, "s.test")]
    with pytest.raises(NoSuchNameError):
        await rig.resolve()


async def test_addresses_out_of_reach_are_told(server: NameServer, hosts: Path) -> None:
    server.records = [aaaa(HOST, "2001:db8::1")]
    rig = Rig(server.address, hosts=hosts, versions=(4,))
    with pytest.raises(OutOfReachError):
        await rig.resolve()


async def test_silent_name_servers_are_told_apart_from_names_that_do_not_exist(rig: Rig, server: NameServer) -> None:
    server.silent = None
    looking = rig.start(Hop(HOST))
    # The other answers come by real datagrams, while the clock of the test goes on.
    assert await rig.hurry(looking) < 2 * sum(name_servers.ROUNDS)
    with pytest.raises(NamesSilentError):
        await looking


async def test_failing_name_servers_count_as_silent(rig: Rig, server: NameServer) -> None:
    server.refuses = True
    with pytest.raises(NamesSilentError):
        await rig.resolve()


async def test_a_silent_name_delays_no_other(rig: Rig, server: NameServer) -> None:
    """No time passes here, so what waits for a silent name would wait for ever."""
    server.records = [a("good.test", "192.0.2.1")]
    server.silent = {f"silent-{number}.test" for number in range(50)}
    looking = [rig.start(Hop(name, 5060)) for name in server.silent]
    assert await rig.resolve("good.test", 5060) == [Endpoint("udp", "192.0.2.1", 5060)]
    assert not any(each.done() for each in looking)
    for each in looking:
        each.cancel()


async def test_a_name_server_that_ignores_naptr_is_waited_for_and_then_done_without(
    rig: Rig, server: NameServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.records = [srv(UDP, "s.test"), a("s.test", "192.0.2.1")]
    answer = server._answer

    def ignoring(data: bytes, transport: str) -> Any:
        made = answer(data, transport)
        return None if server.asked[-1][1] == "NAPTR" else made

    monkeypatch.setattr(server, "_answer", ignoring)
    looking = rig.start(Hop(HOST))
    # The other answers come by real datagrams, while the clock of the test goes on.
    assert await rig.hurry(looking) < 2 * sum(name_servers.ROUNDS)
    assert [*await looking] == [Endpoint("udp", "192.0.2.1", 5060)]


async def test_silence_about_services_is_not_taken_for_their_absence(rig: Rig, server: NameServer) -> None:
    server.records, server.silent = [a(HOST, "192.0.2.1")], {UDP}
    looking = rig.start(Hop(HOST, None, "udp"))
    await rig.hurry(looking)
    with pytest.raises(NamesSilentError):
        await looking


# --- name servers


async def test_the_second_name_server_is_asked_if_the_first_is_silent_and_first_from_then_on(hosts: Path) -> None:
    record = a(HOST, "192.0.2.1")
    async with NameServer(record) as first, NameServer(record) as second:
        first.silent = None
        rig = Rig(first.address, second.address, hosts=hosts, versions=(4,))
        looking = rig.start(Hop(HOST, 5060))
        assert await rig.hurry(looking) <= name_servers.ROUNDS[0] + STEP
        assert [*await looking] == [Endpoint("udp", "192.0.2.1", 5060)]
        first.asked.clear()
        with pytest.raises(NoSuchNameError):
            await rig.resolve("other.test", 5060)
        assert first.asked == []
        rig.reactor.advance(name_servers.SILENT_SECONDS)
        first.silent = set()
        with pytest.raises(NoSuchNameError):
            await rig.resolve("third.test", 5060)
        assert len(first.asked) == 2


async def test_a_name_that_all_are_silent_about_makes_none_be_asked_last(hosts: Path) -> None:
    """The owner of a name could otherwise send everybody's questions to a name server that is down."""
    async with NameServer(a(HOST, "192.0.2.1")) as first, NameServer() as down:
        first.silent, down.silent = {"dead.test"}, None
        rig = Rig(first.address, down.address, hosts=hosts, versions=(4,))
        looking = rig.start(Hop("dead.test", 5060))
        while not down.asked:
            await asyncio.sleep(0.002)
            rig.reactor.advance(STEP)
        assert await rig.resolve(port=5060) == [Endpoint("udp", "192.0.2.1", 5060)], "and no time has passed"
        await rig.hurry(looking)
        assert isinstance(looking.exception(), NamesSilentError)


async def test_a_name_server_that_fails_is_passed_over(hosts: Path) -> None:
    record = a(HOST, "192.0.2.1")
    async with NameServer(record) as first, NameServer(record) as second:
        first.refuses = True
        rig = Rig(first.address, second.address, hosts=hosts)
        assert await rig.resolve(port=5060) == [Endpoint("udp", "192.0.2.1", 5060)]


async def test_a_truncated_answer_is_asked_for_over_tcp(rig: Rig, server: NameServer) -> None:
    server.records, server.truncates = [a(HOST, "192.0.2.1")], True
    assert await rig.resolve(port=5060) == [Endpoint("udp", "192.0.2.1", 5060)]
    assert (HOST, "A", "tcp") in server.asked


async def test_a_name_server_without_tcp_counts_as_silent_where_an_answer_is_truncated(
    rig: Rig, server: NameServer
) -> None:
    server.records, server.truncates = [a(HOST, "192.0.2.1")], True
    server._server.close()
    with pytest.raises(NamesSilentError):
        await rig.resolve(port=5060)


async def test_of_too_many_questions_the_oldest_count_as_unanswered(
    rig: Rig, server: NameServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(name_servers, "MOST", 10)
    server.records, server.silent = [a("good.test", "192.0.2.1")], {f"silent-{number}.test" for number in range(40)}
    looking = [rig.start(Hop(name, 5060)) for name in server.silent]
    await asyncio.sleep(0)
    assert len(rig.names._open) <= 10
    assert await rig.resolve("good.test", 5060) == [Endpoint("udp", "192.0.2.1", 5060)]
    for each in looking:
        await rig.hurry(each)
        assert isinstance(each.exception(), NamesSilentError)
    assert len(rig.names._open) == 0


async def test_the_end_gives_all_questions_up(rig: Rig, server: NameServer) -> None:
    server.silent = None
    looking = rig.start(Hop(HOST, 5060))
    await asyncio.sleep(0.01)
    rig.names.stop()
    await rig.hurry(looking)
    with suppress(NamesSilentError):
        await looking
    assert len(rig.names._open) == 0


def test_the_name_servers_of_the_machine_are_read_when_they_change(tmp_path: Path) -> None:
    path = tmp_path / "resolv.conf"
    listed = SystemNameServers(path)
    assert listed() == (("127.0.0.1", 53),)
    path.write_text("# comment\nsearch test\nnameserver 192.0.2.53\nnameserver ns.test\nnameserver\noptions x\n")
    assert listed() == (("192.0.2.53", 53),)
    path.write_text("".join(f"nameserver 2001:db8::{number}\n" for number in range(1, 6)))
    assert listed() == (("2001:db8::1", 53), ("2001:db8::2", 53), ("2001:db8::3", 53))
    path.write_text("")
    assert listed() == (("127.0.0.1", 53),)
    path.unlink()
    assert listed() == (("127.0.0.1", 53),)


# --- what is kept


async def test_several_who_ask_at_once_wait_for_one_answer(rig: Rig, server: NameServer) -> None:
    server.records = [srv(UDP, "s.test"), a("s.test", "192.0.2.1")]
    looking = [rig.start(Hop(HOST)) for _ in range(5)]
    found = {await each for each in looking}
    assert found == {(Endpoint("udp", "192.0.2.1", 5060),)}
    assert len(server.asked) == len(set(server.asked))


async def test_those_who_ask_at_once_are_answered_in_the_order_in_which_they_asked(
    rig: Rig, server: NameServer
) -> None:
    server.records = [srv(UDP, "s.test"), a("s.test", "192.0.2.1")]
    answered: list[int] = []
    looking = [rig.start(Hop(HOST)) for _ in range(5)]
    for number, each in enumerate(looking):
        each.add_done_callback(lambda _, number=number: answered.append(number))  # type: ignore[misc]
    await asyncio.gather(*looking)
    await asyncio.sleep(0)
    assert answered == [0, 1, 2, 3, 4]


@pytest.mark.parametrize(("ttl", "kept"), [(60, 60), (0, SHORTEST), (1, SHORTEST), (10**6, LONGEST)])
async def test_records_are_kept_for_their_ttl(rig: Rig, server: NameServer, ttl: int, kept: float) -> None:
    server.records = [a(HOST, "192.0.2.1", ttl)]
    await rig.resolve(port=5060)
    server.asked.clear()
    rig.reactor.advance(kept - STEP)
    await rig.resolve(port=5060)
    assert [each for each in server.names() if each[1] == "A"] == []
    rig.reactor.advance(STEP)
    await rig.resolve(port=5060)
    assert [each for each in server.names() if each[1] == "A"] == [(HOST, "A")]


@pytest.mark.parametrize(("minimum", "kept"), [(30, 30), (None, SHORTEST), (0, SHORTEST), (10**6, LONGEST_NONE)])
async def test_what_does_not_exist_is_known_for_a_while(
    rig: Rig, server: NameServer, minimum: int | None, kept: float
) -> None:
    server.records = [] if minimum is None else [soa("test", minimum)]
    with pytest.raises(NoSuchNameError):
        await rig.resolve(port=5060)
    server.records.append(a(HOST, "192.0.2.1"))
    rig.reactor.advance(kept - STEP)
    with pytest.raises(NoSuchNameError):
        await rig.resolve(port=5060)
    rig.reactor.advance(STEP)
    assert await rig.resolve(port=5060) == [Endpoint("udp", "192.0.2.1", 5060)]


async def test_silence_is_known_for_a_short_while(rig: Rig, server: NameServer) -> None:
    server.records, server.silent = [a(HOST, "192.0.2.1")], None
    await rig.hurry(looking := rig.start(Hop(HOST, 5060)))
    assert isinstance(looking.exception(), NamesSilentError)
    server.silent = set()
    with pytest.raises(NamesSilentError):
        await rig.resolve(port=5060)
    rig.reactor.advance(SHORTEST)
    assert await rig.resolve(port=5060) == [Endpoint("udp", "192.0.2.1", 5060)]
