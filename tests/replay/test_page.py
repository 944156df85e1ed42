"""The page of a call in a real browser: stepped through, searched, copied, in dark and light, and asking nobody for
anything.
"""

import json
import re
from collections.abc import AsyncIterator
from importlib.resources import files
from pathlib import Path
from typing import get_args

import msgspec
import pytest
import pytest_asyncio
from click.testing import CliRunner
from simulator.memory import MemoryLog
from statemachine.user_agent import sessions
from world.browser import Chromium
from world.tab import Tab

from fargo.calls import CallName, records
from fargo.cli import main
from fargo.statemachine.legs.jingle.jingle_leg import JingleLeg
from fargo.statemachine.legs.relay.relay_session import RelayLeg
from fargo.statemachine.legs.sip.sip_leg import SipLeg
from fargo.statemachine.media.description import Candidate, Codec
from fargo.statemachine.model.call1 import CallArrived, CallStateChanged
from fargo.statemachine.model.events import Event, Recorded
from fargo.statemachine.model.iq import Iq
from fargo.statemachine.model.jingle_events import SessionInformed
from replay.drawing.json_diff import tree
from replay.drawing.messages import OVER, PROPOSED
from replay.drawing.page_data import page_data
from replay.page import call_page
from replay.reading import golden
from replay.reading.golden import GoldenLog
from replay.reading.steps import refolded, replayed_call

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.xdist_group("screen")]

SESSIONS = sorted((Path(__file__).parents[2] / "replay/sessions").glob("*.jsonl"))
CALL_OUT = next(path for path in SESSIONS if path.stem == "calls-a-call-out-has-sound-both-ways")
STEPS = 17
HOSTILE = "</script><img src=x onerror=alert(1)>\u202eevil\x1b[2J"


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def browser(servers: None) -> AsyncIterator[Chromium]:
    async with Chromium() as browser:
        yield browser


def written(log: Path, call: str, directory: Path) -> str:
    """The address of the page that the command line writes."""
    file = directory / "call.html"
    result = CliRunner().invoke(main, ["replay", "ladder", call, "--log", str(log), "--html", str(file)])
    assert (result.exit_code, result.output) == (0, "")
    return file.as_uri()


@pytest_asyncio.fixture(loop_scope="module")
async def tab(browser: Chromium, tmp_path: Path) -> AsyncIterator[Tab]:
    """The page of a call out. At the end it has asked for nothing, and complained of nothing."""
    page = written(CALL_OUT, "7", tmp_path)
    tab = await Tab.open(browser, page)
    yield tab
    assert (set(tab.requests), tab.complaints) == ({page}, [])


async def chosen(tab: Tab) -> int:
    """Return the chosen step; all places that show it agree."""
    place = int((await tab.text("#place")).split()[1])
    assert await tab.run("$('slider').valueAsNumber") == place
    (selected,) = await tab.run("[...document.querySelectorAll('[aria-selected=true]')].map((item) => item.id)")
    assert await tab.run("$('steps').getAttribute('aria-activedescendant')") == selected
    await tab.until(f"`step-${{location.hash.slice(1)}}` === '{selected}'")
    return place


async def test_it_says_what_became_of_the_call(tab: Tab) -> None:
    assert await tab.text("#title") == "alice@localhost calls bob@sip.test"
    assert "Ended by the client: hung up." in await tab.text("#summary")
    ladder = await tab.text("#steps")
    for label in ("session-initiate", "INVITE", "180 Ringing", "200 OK", "session-accept", "BYE", "Direct audio"):
        assert label in ladder


async def test_sip_has_its_details_below_unless_only_messages_are_shown(browser: Chromium, tmp_path: Path) -> None:
    entries = sessions.session("held_and_moved")
    (call,) = records(entries)
    file = tmp_path / "call.html"
    file.write_text(call_page(page_data(replayed_call(MemoryLog(entries), call.name), call.name)))
    tab = await Tab.open(browser, file.as_uri())
    details = "CSeq 1, alice@sip.test to bob@sip.test, sent to udp 192.0.2.5:5060, PCMU PCMA at 127.0.0.1:4000"
    assert details in await tab.text("#steps")
    assert f"The Call-ID is {call.call_ids[0]}." in await tab.text("#steps")
    await tab.press("/", *"cseq 101")
    await tab.shows("#found", "1 of 2")
    await tab.press("Escape", "m")
    assert details not in await tab.text("#steps")
    assert tab.complaints == []


async def test_it_is_stepped_through_by_keys(tab: Tab) -> None:
    places = [await chosen(tab)]
    for key in ("ArrowRight", "ArrowDown", "ArrowLeft", "ArrowUp", "ArrowUp", "PageDown", "End", "ArrowRight", "Home"):
        await tab.press(key)
        places.append(await chosen(tab))
    assert places == [1, 2, 3, 2, 1, 1, 11, STEPS, STEPS, 1]


async def test_keys_are_the_same_on_the_slider(tab: Tab) -> None:
    await tab.run("$('slider').focus()")
    await tab.press("ArrowRight")
    assert await chosen(tab) == 2
    await tab.press("End")
    assert await chosen(tab) == STEPS


async def test_a_click_chooses(tab: Tab) -> None:
    await tab.click("#steps > li:nth-child(4)")
    assert await chosen(tab) == 4
    await tab.click("#forward")
    await tab.click("#forward")
    await tab.click("#back")
    assert await chosen(tab) == 5


async def go_to(tab: Tab, address: str, then: str = "") -> None:
    """Choose an address, and do something before the page hears of it; return when it has heard."""
    await tab.run(
        "new Promise((heard) => { addEventListener('hashchange', () => heard(), { once: true });"
        f"location.hash = '{address}'; {then} }})"
    )


async def test_an_address_leads_to_its_step(tab: Tab) -> None:
    await go_to(tab, "#16")
    assert await tab.text("#place") == f"step 10 of {STEPS}"
    assert "Event 16: 200 OK" in await tab.text("#step")
    await go_to(tab, "#nonsense")
    assert await tab.text("#place") == f"step 10 of {STEPS}"
    assert await chosen(tab) == 10, "the address is that of the step again"


async def test_an_address_that_is_chosen_while_the_page_writes_its_own_is_heard(tab: Tab) -> None:
    await go_to(tab, "#16", "history.replaceState(null, '', '#7')")
    assert await chosen(tab) == 10


async def test_a_step_shows_event_state_commands_and_deadlines(tab: Tab) -> None:
    await tab.run("page.select(9)")
    event, state, commands, deadlines = await tab.run(
        "[...document.querySelectorAll('.part')].map((part) => part.innerText)"
    )
    assert "CallStateChanged(channel=7.1, state=4, reason=1)" in event
    rows = await tab.run("[...document.querySelectorAll('.changed')].map((row) => row.innerText.split(/\\s+/))")
    assert ["calls.7.jingle", "Calling", "Active"] in rows
    assert ["calls.7.sip", "Dialling", "Talking"] in rows
    assert "NoteAnswered(call=7, client=alice@localhost/laptop)" in commands
    assert "call 7: the XMPP client's answer" in deadlines
    assert [word in deadlines for word in ("armed", "cleared")] == [True, True]
    assert "account" not in state
    await tab.press("a")
    assert "Registered" in await tab.text(".state")


async def test_search_finds_steps_and_goes_from_one_to_the_next(tab: Tab) -> None:
    await tab.press("/", *"session-", "Enter")
    assert await tab.run("document.activeElement.id") == "search"
    places = [await chosen(tab)]
    for key in ("Enter", "Enter", "Escape", "N", "n"):
        await tab.press(key)
        places.append(await chosen(tab))
    found = await tab.run("page.found.map((index) => index + 1)")
    assert places == [found[1], found[2], found[3], found[3], found[2], found[3]]
    assert await tab.text("#found") == f"4 of {len(found)}"
    await tab.press("/", *"there is no such thing")
    assert await tab.text("#found") == "none"


async def test_a_step_is_copied_as_json(tab: Tab) -> None:
    log = GoldenLog(CALL_OUT)
    steps = replayed_call(log, CallName("alice@localhost", "7"))
    real = next(step for step in steps if step.recorded.version == 16)
    await tab.run("page.select(9)")
    await tab.press("c")
    await tab.shows("#said", "Step 10 is on the clipboard.")
    copied = json.loads(await tab.clipboard())
    assert copied["event"] == msgspec.to_builtins(real.recorded.event)
    assert [each["id"] for each in copied["commands"]] == [each.id for each in real.issued]
    assert (copied["before"], copied["after"]) == (tree(real.before), tree(real.after))


async def test_messages_only_leaves_out_the_rest(tab: Tab) -> None:
    await tab.press("m")
    assert "result" not in await tab.text("#steps > li:nth-child(16)")
    await tab.press("ArrowRight")
    assert "Event 10" in await tab.text("#step"), "what never left the machine is passed over"
    await tab.press("m", "Home", "ArrowRight")
    assert await chosen(tab) == 2


async def test_dark_and_light_follow_the_reader(browser: Chromium, tmp_path: Path) -> None:
    back = "getComputedStyle(document.body).backgroundColor"
    page = written(CALL_OUT, "7", tmp_path)
    light, dark = await Tab.open(browser, page), await Tab.open(browser, page, "dark")
    of_light, of_dark = await light.run(back), await dark.run(back)
    assert of_light != of_dark
    await dark.press("t")
    assert await dark.run(back) == of_light
    await dark.go(page)
    assert await dark.run(back) == of_light, "what was chosen stays"
    await dark.click("#theme")
    assert await dark.run(back) == of_dark


async def test_help_names_the_keys(tab: Tab) -> None:
    await tab.press("?")
    assert "messages only" in await tab.text("#keys")
    await tab.press("ArrowRight")
    assert await chosen(tab) == 1, "keys are the dialog's while it is open"
    await tab.press("Escape", "ArrowRight")
    assert await chosen(tab) == 2


async def test_whatever_it_would_ask_for_is_refused(browser: Chromium, tmp_path: Path) -> None:
    tab = await Tab.open(browser, written(CALL_OUT, "7", tmp_path))
    assert await tab.run("fetch('http://127.0.0.1:9/').then(() => 'answered', () => 'refused')") == "refused"
    await tab.run("document.body.append(Object.assign(new Image(), { src: 'http://127.0.0.1:9/' }))")
    await tab.run("document.body.append(Object.assign(document.createElement('script'), { text: 'page = null' }))")
    assert await tab.run("page.index") == 0
    refused = "\n".join(each for each in tab.complaints if "Content Security Policy" in each)
    assert [kind for kind in ("Connecting to", "Loading the image", "inline script") if kind not in refused] == []


def log_of(path: Path, user: str, *events: Event) -> None:
    """A golden log of these events after those of a call out, half a second apart."""
    before = [recorded for recorded, _ in GoldenLog(CALL_OUT).read() if recorded.version <= 16]
    at = before[-1].at
    after = [Recorded(user, 16 + number, at + number / 2, event) for number, event in enumerate(events, 1)]
    golden.write(path, refolded([*before, *after]))


async def test_hostile_text_is_shown_as_text(browser: Chromium, tmp_path: Path) -> None:
    codecs, address = (Codec(0, "PCMU", 8000),), (Candidate(1, "127.0.0.1", 5004),)
    uri = "sip:mallory@sip.test;fg-name=%3C%2Fscript%3E%3Cimg%20src%3Dx%20onerror%3Dalert(1)%3E"
    events = (CallArrived("1.0/9", "1.0", uri, codecs, address, 3), CallStateChanged("1.0/9", 6, 2, message=HOSTILE))
    log_of(tmp_path / "a.jsonl", "alice@localhost", *events)
    page = written(tmp_path / "a.jsonl", "17", tmp_path)
    tab = await Tab.open(browser, page)
    assert "</script><img src=x onerror=alert(1)>" in await tab.text("#title")
    await tab.press("End")
    shown = await tab.text("#step")
    assert r"</script><img src=x onerror=alert(1)>\u{202e}evil\u{1b}[2J" in shown
    assert await tab.run("document.images.length + document.scripts.length") == 2
    await tab.press("c")
    await tab.shows("#said", "Step 2 is on the clipboard.")
    copied = await tab.clipboard()
    assert json.loads(copied)["event"]["message"] == HOSTILE
    assert copied.replace("\n", "").isprintable()
    assert (set(tab.requests), tab.complaints) == ({page}, [])


async def test_a_call_of_two_thousand_steps(browser: Chromium, tmp_path: Path) -> None:
    iq = Iq("alice@localhost/laptop", "bob%sip.test@sip.localhost/fargo", "x")
    holds = [SessionInformed(iq, "call-1", "unhold" if number % 2 else "hold") for number in range(2000)]
    log_of(tmp_path / "a.jsonl", "alice@localhost", *holds)
    tab = await Tab.open(browser, written(tmp_path / "a.jsonl", "7", tmp_path))
    await tab.press("End")
    assert await chosen(tab) == 2010
    *_, last = replayed_call(GoldenLog(tmp_path / "a.jsonl"), CallName("alice@localhost", "7"))
    assert await tab.run("page.call.states.at(-1)") == [tree(last.before), tree(last.after)]
    assert tab.complaints == []


def covering(sessions: list[Path]) -> list[Path]:
    """Return a few of the sessions, which have all types of events and commands and all fields that the others have."""
    kinds = {path: set(re.findall(r'"type":"\w+"|"\w+":', path.read_text())) for path in sessions}
    left, chosen = set().union(*kinds.values()), []
    while left:
        chosen.append(max(sessions, key=lambda path: len(kinds[path] & left)))
        left -= kinds[chosen[-1]]
    return chosen


ALL_OF_A_STEP = """page.call.steps.map((_, index) => {
    page.select(index);
    const told = $('step').textContent;
    page.switchAll();
    const all = $('step').textContent;
    page.switchAll();
    return [told, all];
}).flat()"""


async def test_every_kind_of_call_that_was_recorded_can_be_read(browser: Chromium, tmp_path: Path) -> None:
    file = tmp_path / "call.html"
    tab = await Tab.open(browser, "about:blank")
    for session in covering(SESSIONS):
        log = GoldenLog(session)
        for call in (record.name for record in records(log.call_entries())):
            steps = list(replayed_call(log, call))
            file.write_text(call_page(page_data(steps, call)))
            await tab.go(file.as_uri())
            assert await tab.run("page.call.states") == [[tree(each.before), tree(each.after)] for each in steps]
            shown = await tab.run(ALL_OF_A_STEP)
            assert min(map(len, shown)) > 100
            assert not [text for text in shown if "undefined" in text]
    assert set(tab.requests) == {file.as_uri()}
    assert tab.complaints == []


async def test_what_is_passed_on_is_copied(tab: Tab) -> None:
    assert await tab.text("#told") == ""
    await tab.run("$('facts').open = true")
    assert "alice@localhost called bob@sip.test" in await tab.text("#told")
    assert "Audio\ndirectly between client and phone" in (await tab.text("#details")).replace("\t", "\n")
    for key, said, wanted in (
        ("c", "Step 1", '"event": {'),
        ("w", "What happened", "    Began: 2026-11-23 08:20:"),
        ("x", "The ladder as text", "│────────────── session-initiate"),
        ("d", "The ladder for Mermaid", "sequenceDiagram\n    participant client as XMPP client"),
    ):
        await tab.press(key)
        await tab.shows("#said", f"{said} is on the clipboard.")
        assert wanted in await tab.clipboard()


async def test_times_are_in_the_readers_zone_or_in_utc(browser: Chromium, tmp_path: Path) -> None:
    tab = await Tab.open(browser, "about:blank")
    await tab.zone("Asia/Kolkata")
    await tab.go(written(CALL_OUT, "7", tmp_path))
    assert "2026-11-23 13:50:" in await tab.text("#summary")
    assert "UTC+05:30" in await tab.text("#step")
    await tab.run("$('facts').open = true")
    assert "UTC+05:30 (2026-11-23 08:20:" in await tab.text("#details")
    await tab.press("z")
    assert "2026-11-23 08:20:" in await tab.text("#summary")
    assert "+05:30" not in await tab.text("body")


async def test_the_legend_has_every_phase() -> None:
    told = set(re.findall(r"<dt>(\w+)</dt>", (files("replay.page") / "call.html").read_text()))
    legs = [*get_args(JingleLeg), *get_args(SipLeg), *get_args(get_args(RelayLeg)[0])]
    assert {each.__name__.lower() for each in legs} | {PROPOSED, OVER} <= told
