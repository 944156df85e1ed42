"""The world without the gateway, to check what the end-to-end tests rely on."""

import asyncio
from pathlib import Path

import pytest

from .baresip import Baresip
from .jingle_call import JingleCall
from .ports import udp_owner
from .process import Process, ProcessError, until
from .rtp import PCMA, RtpEndpoint
from .sipp import Sipp
from .stanza import NS, element, failure
from .world import World
from .xmpp_server import COMPONENT, STRANGER_DOMAIN

PACKETS = 50
BOB = "sip:bob@sip.test"
CAROL = "sip:carol@sip.test"


async def test_xmpp_clients_see_each_other(world: World) -> None:
    alice, dave = await world.client("alice"), await world.client("dave")
    dave.subscribe(alice.bare_jid)
    caps = (await dave.presence(alice.jid)).find("caps:c", NS)
    assert caps is not None
    info = await dave.request("get", alice.jid, element("query", NS["disco"]))
    features = {each.get("var") for each in info.iterfind("disco:query/disco:feature", NS)}
    assert NS["raw-udp"] in features
    mark = len(dave.stanzas)
    alice.drop()
    await dave.presence(alice.jid, "unavailable", after=mark)


async def test_xmpp_server_refuses_a_wrong_password(world: World) -> None:
    world.server.accounts["alice"] = "wrong"
    with pytest.raises(ConnectionError, match="alice@localhost/laptop cannot log in"):
        await world.client("alice")


async def test_xmpp_server_has_a_stranger_and_a_component_without_gateway(world: World) -> None:
    eve = await world.client(f"eve@{STRANGER_DOMAIN}")
    wrong = failure(await eve.request("get", COMPONENT, element("query", NS["disco"])))
    assert wrong is not None
    assert wrong.condition == "remote-server-timeout"


async def test_xmpp_server_comes_back_on_the_same_ports(world: World) -> None:
    await world.server.stop()
    with pytest.raises(ConnectionError):
        await world.client("alice")
    await world.server.start()
    await world.client("alice")


async def test_jingle_call_carries_sound_both_ways(world: World) -> None:
    alice, dave = await world.client("alice"), await world.client("dave")
    tap, ours, theirs = await world.tap(), await world.media(), await world.media()
    out = await JingleCall.outgoing(alice, dave.jid, ours)
    incoming = await JingleCall.incoming(dave, theirs)
    await incoming.ring()
    await out.ringing()
    await incoming.accept()
    await out.answered()
    out.talk()
    incoming.talk()
    await asyncio.gather(ours.received(PACKETS), theirs.received(PACKETS))
    assert ours.invalid == theirs.invalid == []
    assert tap.sources(ours.port) == {theirs.port}
    await out.terminate("success", "Bye")
    assert await incoming.ended() == ("success", "Bye")
    with pytest.raises(ConnectionRefusedError, match="unknown-session"):
        await incoming.terminate()


async def test_client_that_is_not_called_says_what_it_got(world: World) -> None:
    alice, media = await world.client("alice"), await world.media()
    with pytest.raises(TimeoutError, match=r"did not get a session-initiate within 0\.1 s"):
        await JingleCall.incoming(alice, media, seconds=0.1)


async def test_provider_knows_who_is_registered(world: World) -> None:
    assert world.provider.contacts("bob") == []
    bob = await world.phone("bob")
    await world.provider.registered("bob")
    assert world.provider.contacts("bob")[0].endswith(f"@{bob.address}:{bob.port}")
    await bob.stop()
    await world.provider.unregistered("bob")


async def test_provider_refuses_a_wrong_password_and_whom_it_is_told_to(world: World) -> None:
    bob = world.provider.account("bob")
    world.provider.set_password("bob", "changed")
    with pytest.raises(ProcessError, match="401 Unauthorized"):
        await world.add(Baresip(bob))
    world.provider.refuse_registration("carol", 503, "Down for Repair")
    with pytest.raises(ProcessError, match="503 Down for Repair"):
        await world.phone("carol")
    world.provider.accept_registration("carol")
    await world.phone("carol")


@pytest.mark.parametrize(("user", "said"), [("carol", "480 Temporarily Unavailable"), ("nobody", "404 Not Found")])
async def test_provider_says_why_nobody_can_be_reached(world: World, user: str, said: str) -> None:
    bob = await world.phone("bob")
    await bob.dial(f"sip:{user}@sip.test")
    assert (await bob.event("CALL_CLOSED"))["param"] == said


async def test_phones_talk_directly(world: World) -> None:
    tap, bob, carol = await world.tap(), await world.phone("bob"), await world.phone("carol", answers=False)
    await bob.dial(CAROL)
    await carol.event("CALL_INCOMING")
    await bob.event("CALL_RINGING")
    await carol.answer()
    await bob.event("CALL_ESTABLISHED")
    ours, theirs = bob.media_port, carol.media_port
    await asyncio.gather(tap.passed(ours, PACKETS), tap.passed(theirs, PACKETS))
    assert tap.sources(ours) == {theirs}
    assert udp_owner(carol.address, theirs) == carol.process.pid
    await bob.hang_up()
    await carol.event("CALL_CLOSED")
    for phone, port in ((bob, ours), (carol, theirs)):
        assert tap.to(port) >= (await phone.packets()).received >= PACKETS


async def test_phones_hear_whom_they_talk_to(world: World) -> None:
    bob = await world.phone("bob")
    carol = await world.phone("carol", hertz=1000)
    await bob.dial(CAROL)
    await asyncio.gather(bob.hears(1000), carol.hears(440))
    with pytest.raises(ProcessError, match=r"did not hear 440 Hz within 0\.2 s, but .*1000"):
        await bob.hears(440, seconds=0.2)


@pytest.mark.parametrize(
    ("status", "phrase"),
    [(486, "Busy Here"), (488, "Not Acceptable Here"), (500, "Server Error"), (603, "Decline")],
)
async def test_scripted_phone_refuses(world: World, status: int, phrase: str) -> None:
    phone, bob = await world.scripted_phone(Sipp.refusing(status, phrase)), await world.phone("bob")
    await bob.dial(CAROL)
    assert (await bob.event("CALL_CLOSED"))["param"] == f"{status} {phrase}"
    await phone.followed()


@pytest.mark.parametrize("rings", [True, False])
async def test_scripted_phone_is_cancelled(world: World, rings: bool) -> None:
    phone, bob = await world.scripted_phone(Sipp.unanswering(rings)), await world.phone("bob")
    await bob.dial(CAROL)
    await phone.process.until(lambda: f"SIP/2.0 {180 if rings else 100}" in phone.messages, "it has been called")
    if rings:
        await bob.event("CALL_RINGING")
    await bob.hang_up()
    await phone.followed()


@pytest.mark.parametrize("scenario", ["answer", "early-media"])
async def test_scripted_phone_answers_and_echoes(world: World, scenario: str) -> None:
    tap, bob = await world.tap(), await world.phone("bob")
    phone = await world.scripted_phone(Sipp(scenario))
    await bob.dial(CAROL)
    await bob.event("CALL_ESTABLISHED")
    media = bob.media_port
    await tap.passed(media, PACKETS)
    assert tap.sources(media) == {phone.media_port}
    await bob.hang_up()
    await phone.followed()


async def test_scripted_phone_hangs_up_at_once(world: World) -> None:
    phone, bob = await world.scripted_phone(Sipp("answer-and-hang-up")), await world.phone("bob")
    await bob.dial(CAROL)
    await bob.event("CALL_ESTABLISHED")
    await bob.event("CALL_CLOSED")
    await phone.followed()


@pytest.mark.parametrize("scenario", ["call", "call-and-hang-up"])
async def test_scripted_caller_is_answered(world: World, scenario: str) -> None:
    bob = await world.phone("bob")
    caller = await world.caller("bob", scenario, talk_seconds=0.5)
    await bob.event("CALL_ESTABLISHED")
    if scenario == "call":
        await bob.hang_up()
    await caller.followed()
    assert (await bob.event("CALL_CLOSED"))["peeruri"] == "sip:+441632960000@elsewhere.test"


async def test_scripted_caller_gives_up(world: World) -> None:
    bob = await world.phone("bob", answers=False)
    caller = await world.caller("bob", "call-and-cancel")
    await bob.event("CALL_CLOSED")
    await caller.followed()


async def test_scripted_caller_tells_when_the_script_was_not_followed(world: World) -> None:
    await (await world.caller("nobody", "call-refused", status=404)).followed()
    with pytest.raises(ProcessError, match="404 Not Found"):
        await (await world.caller("nobody", "call-refused", status=486)).followed()


async def test_rtp_endpoint_counts_only_sound() -> None:
    async with RtpEndpoint() as ours, RtpEndpoint() as theirs:
        ours.send(theirs.address, theirs.port, PCMA)
        await theirs.received(5)
        await ours.silence()
        assert theirs.payload_types == {PCMA: ours.sent}
        assert theirs.senders == {(ours.address, ours.port): ours.sent}
        ours.send_once(b"no RTP at all", theirs.address, theirs.port)
        with pytest.raises(TimeoutError, match="no RTP header"):
            await theirs.received(ours.sent + 1, seconds=0.2)


async def test_process_that_dies_shows_its_last_words() -> None:
    process = await Process.start("shell", "sh", "-c", "echo alas; exit 3")
    with pytest.raises(ProcessError, match=r"(?s)ended without printing 'ready'.*alas"):
        await process.line("ready")
    assert await process.ended() == 3


async def test_process_takes_its_children_along() -> None:
    process = await Process.start("shell", "sh", "-c", "trap '' TERM; sleep 1000 & echo child $!; wait")
    child = int((await process.line(r"child (\d+)"))[1])
    await until(lambda: is_alive(child), "the child runs")
    await process.stop(seconds=0.2)
    await until(lambda: not is_alive(child), "the child has ended too")


def is_alive(pid: int) -> bool:
    """Return whether the process still runs. A zombie has no command line."""
    try:
        return bool(Path(f"/proc/{pid}/cmdline").read_bytes())
    except FileNotFoundError:
        return False
