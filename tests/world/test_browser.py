"""Chromium calls itself through the XMPP server, to check the client that the end-to-end tests rely on."""

import json

import pytest

from .browser import BrowserPhone
from .devtools import DevToolsError
from .process import until
from .world import World

pytestmark = pytest.mark.xdist_group("screen")

ALICE_HERTZ, DAVE_HERTZ = 600, 900
DAVE = "dave@localhost"
CALLED = {
    "+441632960000": "+441632960000@sip.localhost",
    "bob@sip.test": "bob%sip.test@sip.localhost",
    " sip:bob@sip.test ": "bob%sip.test@sip.localhost",
    "bob%sip.test@sip.localhost": "bob%sip.test@sip.localhost",
}

each_way = pytest.mark.parametrize("asks_first", [True, False], ids=["asked first", "direct"])


async def pair(world: World, asks_first: bool) -> tuple[BrowserPhone, BrowserPhone]:
    """Return Alice and Dave, each in a browser tab."""
    alice = await world.browser("alice", asks_first, ALICE_HERTZ)
    return alice, await world.browser("dave", asks_first, DAVE_HERTZ)


async def talk(alice: BrowserPhone, dave: BrowserPhone) -> None:
    """Let Alice call and Dave answer; both receive the other's tone."""
    await alice.dial(DAVE)
    await alice.event("ringing")
    await dave.answer()
    await alice.event("answered")
    await hear_each_other(alice, dave)


async def hear_each_other(alice: BrowserPhone, dave: BrowserPhone) -> None:
    await alice.hears(DAVE_HERTZ)
    await dave.hears(ALICE_HERTZ)


@each_way
async def test_chromium_calls_and_is_called(world: World, asks_first: bool) -> None:
    alice, dave = await pair(world, asks_first)
    await talk(alice, dave)
    told = await alice.statistics()
    assert (told["codec"], told["ice"], told["dtls"]) == ("audio/opus", "connected", "connected")
    assert told["srtp"]
    assert min(told[way][what] for way in ("sent", "received") for what in ("packets", "bytes")) > 0
    await dave.hang_up()
    assert await alice.ended() == ("success", "")
    assert await dave.ended() == ("success", "")


async def test_chromium_holds_and_resumes(world: World) -> None:
    alice, dave = await pair(world, asks_first=False)
    await talk(alice, dave)
    await alice.hold()
    await dave.event("hold")
    await dave.hears(0)
    await alice.resume()
    await dave.event("resumed")
    await hear_each_other(alice, dave)


async def test_chromium_presses_keys_and_tells_them(world: World) -> None:
    alice, dave = await pair(world, asks_first=False)
    await talk(alice, dave)
    await alice.press("4")
    await alice.event("key", key="4")
    await alice.press("7", told=True)
    await until(lambda: any("<dtmf" in each.get("xml", "") for each in dave.events), "Dave is told of the key")


@each_way
async def test_chromium_gives_up_declines_and_is_busy(world: World, asks_first: bool) -> None:
    alice, dave = await pair(world, asks_first)
    for who, reason in [(alice, "cancel"), (dave, "decline")]:
        marks = len(alice.events), len(dave.events)
        await alice.dial(DAVE)
        await dave.event("incoming", after=marks[1])
        await who.hang_up()
        assert (await alice.ended(after=marks[0]))[0] == (await dave.ended(after=marks[1]))[0] == reason
    await dave.dial("alice@localhost")
    await alice.answer()
    other = await world.browser("alice", asks_first, resource="desk")
    await other.dial(DAVE)
    assert (await other.ended())[0] == "busy"
    await hear_each_other(alice, dave)


async def test_chromium_stops_ringing_when_another_client_answers(world: World) -> None:
    alice, dave = await pair(world, asks_first=True)
    desk = await world.browser("dave", True, DAVE_HERTZ, resource="desk")
    await alice.dial(DAVE)
    await desk.event("incoming")
    await dave.answer()
    assert await desk.ended() == ("cancel", "Answered by another of your clients.")
    await alice.event("answered")
    await hear_each_other(alice, dave)


async def test_chromium_tells_why_a_call_is_refused(world: World) -> None:
    alice = await world.browser("alice", asks_first=False)
    await alice.dial(f"{DAVE}/nowhere")
    assert (await alice.ended())[0] == "service-unavailable"


async def test_chromium_takes_numbers_and_addresses(world: World) -> None:
    alice = await world.browser("alice")
    for typed, called in CALLED.items():
        assert await alice.run(f"phone.address({json.dumps(typed)})") == called


async def test_chromium_says_that_a_password_is_wrong(world: World) -> None:
    world.server.accounts["alice"] = "wrong"
    with pytest.raises(DevToolsError, match="refuses this name or password"):
        await world.browser("alice")


async def test_chromium_says_what_it_heard_instead(world: World) -> None:
    alice, dave = await pair(world, asks_first=False)
    await talk(alice, dave)
    with pytest.raises(TimeoutError, match=r"did not hear 600 Hz within 0\.5 s, but \(in Hz\) \[.*(9|89)\d"):
        await alice.hears(ALICE_HERTZ, seconds=0.5)
    with pytest.raises(TimeoutError, match="told of no"):
        await alice.event("ended", seconds=0.1)
