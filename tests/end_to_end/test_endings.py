"""The ends of calls, with SIPp as the phone. Both legs end, and the XMPP user gets the reason."""

import pytest
from world.gateway import Gateway
from world.jingle_call import JingleCall
from world.sipp import Sipp
from world.stanza import NS, element
from world.world import World

from fargo.statemachine.legs.telepathy.texts import ANSWER_WITHOUT_AUDIO

from .customer import Customer
from .engines import DECLINED, IDS


def each_of(names: str, *cases: tuple[str | int, ...], sip: set[int]) -> pytest.MarkDecorator:
    """Run a test with each of these cases, and with the engine "sip" only with those of these statuses, as the core
    maps all of them (`tests/statemachine/test_mapping.py`).
    """
    chosen = [("telepathy", *case) for case in cases] + [("sip", *case) for case in cases if sip & set(case)]
    ids = ["-".join((IDS[str(engine)], *map(str, case))) for engine, *case in chosen]
    return pytest.mark.parametrize(("engine", *names.split(", ")), chosen, ids=ids)


@each_of(
    "status, phrase, reason",
    (404, "Not Found", "gone"),
    (480, "Temporarily Unavailable", "timeout"),
    (486, "Busy Here", "busy"),
    (488, "Not Acceptable Here", "incompatible-parameters"),
    (500, "Server Internal Error", "general-error"),
    (603, "Decline", "decline"),
    sip={486, 603},
)
async def test_a_refused_call_says_why(alice: Customer, status: int, phrase: str, reason: str) -> None:
    phone = await alice.world.scripted_phone(Sipp.refusing(status, phrase))
    call = await alice.call("carol", await alice.world.media())
    ended = await call.ended()
    assert ended.reason == reason
    assert ended.text == f"sip.test says: “{phrase}” ({status})"
    await phone.followed()


async def test_an_answer_without_usable_audio_says_so(alice: Customer) -> None:
    phone = await alice.world.scripted_phone(Sipp("answer-encrypted"))
    call = await alice.call("carol", await alice.world.media())
    ended = await call.ended()
    assert ended.reason == "incompatible-parameters"
    assert ended.text == ANSWER_WITHOUT_AUDIO
    await phone.followed()


async def test_an_overloaded_phone_is_the_providers_own_trouble(alice: Customer) -> None:
    """A proxy does not forward a 503 but sends a 500 of its own (RFC 3261 §16.7)."""
    phone = await alice.world.scripted_phone(Sipp.refusing(503, "Service Unavailable"))
    call = await alice.call("carol", await alice.world.media())
    ended = await call.ended()
    assert ended.reason == "general-error"
    assert ended.text.startswith("sip.test says: ")
    await phone.followed()


async def test_a_redirection_is_not_followed_and_said(alice: Customer) -> None:
    phone = await alice.world.scripted_phone(Sipp.refusing(302, "Moved Temporarily"))
    call = await alice.call("carol", await alice.world.media())
    ended = await call.ended()
    assert ended.reason == "timeout"
    assert ended.text.startswith("sip.test ")
    assert "edirect" in ended.text
    await phone.followed()


async def test_a_number_that_does_not_exist(alice: Customer) -> None:
    call = await alice.call("nobody", await alice.world.media())
    ended = await call.ended()
    assert (ended.reason, ended.text) == ("gone", "sip.test says: “Not Found” (404)")


async def test_nobody_answers(world: World, engine: str) -> None:
    gateway = await world.add(Gateway(world.server, settings={"sip": {"ring_seconds": 5}}, engine=engine))
    alice = Customer(world, gateway, await world.client("alice"))
    await alice.register()
    phone = await world.scripted_phone(Sipp.unanswering())
    call = await alice.call("carol", await world.media())
    await call.ringing()
    ended = await call.ended()
    assert ended.reason == "timeout"
    await phone.followed()


@pytest.mark.parametrize("rings", [False, True], ids=["before ringing", "after ringing"])
async def test_the_caller_gives_up(alice: Customer, rings: bool) -> None:
    phone = await alice.world.scripted_phone(Sipp.unanswering(rings))
    call = await alice.call("carol", await alice.world.media())
    if rings:
        await call.ringing()
    else:
        await phone.process.until(lambda: "100 Trying" in phone.messages, "the INVITE has arrived")
    await call.terminate("cancel")
    await phone.followed()


async def test_early_media_is_ringing_and_the_answer_counts(alice: Customer) -> None:
    phone = await alice.world.scripted_phone(Sipp("early-media"))
    call = await alice.call("carol", await alice.world.media())
    await call.ringing()
    remote = await call.answered()
    assert remote.port == phone.media_port
    await call.terminate()
    await phone.followed()


async def test_the_phone_hangs_up_at_once(alice: Customer) -> None:
    phone = await alice.world.scripted_phone(Sipp("answer-and-hang-up"))
    call = await alice.call("carol", await alice.world.media())
    await call.answered()
    assert (await call.ended()).reason == "success"
    await phone.followed()


async def test_the_client_hangs_up_at_once(alice: Customer) -> None:
    phone = await alice.world.scripted_phone(Sipp("answer"))
    call = await alice.call("carol", await alice.world.media())
    await call.answered()
    await call.terminate()
    await phone.followed()


async def test_a_caller_gives_up(alice: Customer) -> None:
    caller = await alice.world.caller("alice", "call-and-cancel")
    call = await JingleCall.incoming(alice.client, await alice.world.media())
    assert call.peer == f"+441632960000%elsewhere.test@{alice.gateway.jid}/fargo"
    assert (await call.ended()).reason == "cancel"
    await caller.followed()


@each_of(
    "reason, status",
    ("busy", 486),
    ("decline", 486),
    ("timeout", 480),
    ("unsupported-applications", 488),
    ("general-error", 480),
    sip={486},
)
async def test_a_client_refuses_a_call(alice: Customer, engine: str, reason: str, status: int) -> None:
    expected = DECLINED[engine] if reason == "decline" else status
    caller = await alice.world.caller("alice", "call-refused", status=expected)
    call = await JingleCall.incoming(alice.client, await alice.world.media())
    await call.terminate(reason)
    await caller.followed()


async def test_nobody_who_can_take_a_call_is_online(world: World, gateway: Gateway) -> None:
    alice = Customer(world, gateway, await world.client("alice"))
    alice.client.features = [NS["disco"]]
    await alice.register()
    caller = await world.caller("alice", "call-refused", status=480)
    await caller.followed()


@pytest.mark.parametrize("scenario", ["call", "call-and-hang-up"])
async def test_a_caller_talks_and_either_side_hangs_up(alice: Customer, scenario: str) -> None:
    caller = await alice.world.caller("alice", scenario, talk_seconds=1)
    media = await alice.world.media()
    call = await JingleCall.incoming(alice.client, media)
    await call.accept()
    call.talk()
    await media.received(10)
    if scenario == "call":
        await call.terminate()
    else:
        assert (await call.ended()).reason == "success"
    await caller.followed()


async def test_a_client_that_cannot_be_reached_any_more_is_passed_over(alice: Customer) -> None:
    ghost = element("presence", to=alice.gateway.jid)
    alice.client.send(ghost)
    caller = await alice.world.caller("alice", "call-refused", status=480)
    call = await JingleCall.incoming(alice.client, await alice.world.media())
    alice.client.drop()
    await caller.followed()
    assert call.sid
