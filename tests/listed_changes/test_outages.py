"""Changes of the rules about restarts of the gateway and outages of the XMPP stream."""

from collections.abc import Callable

import pytest
from msgspec.structs import replace
from statemachine.story import ALICE, BOB, DESK, GATEWAY, Story
from statemachine.test_calling_back import relayed
from statemachine.user_agent.phone import Phoning

from fargo.statemachine.legs.jingle.texts import OFFLINE
from fargo.statemachine.model.call1 import CallMembersChanged, CallState, CallStateChanged, HangUp, PlaceCall
from fargo.statemachine.model.call_records import RecordEnded, Side
from fargo.statemachine.model.commands import (
    AcceptIq,
    AcceptSession,
    Command,
    Fault,
    InformSession,
    Issued,
    PresenceKind,
    SendPresence,
    SignOut,
    TerminateSession,
)
from fargo.statemachine.model.events import (
    IqFailed,
    IqSucceeded,
    ResourceAvailable,
    ResourceUnavailable,
    Restarted,
    StreamOpened,
    SubscriptionAction,
    SubscriptionChanged,
    TimePassed,
)
from fargo.statemachine.model.iq import Iq
from fargo.statemachine.model.ng import PlayRinging, RelayDone
from fargo.statemachine.model.rules import (
    CALLS_OUTLIVE_GATEWAY,
    CLIENTS_AWAITED,
    HEARD_ONCE_MORE,
    PRESENCE_ASKED_AGAIN,
    SILENCE_BORNE,
)
from fargo.statemachine.model.sip_messages import SendResponse, Undelivered
from fargo.statemachine.reason import Cause
from fargo.store.correlation import correlated
from fargo.store.entries import Entry
from replay.verifying.verify import verify

from .older_rules import before, only, with_commands


def ended_by_restart() -> list[Entry]:
    """A call is talking, and ended by a restart."""
    story = Phoning().talking()
    story.tell(Restarted())
    entries = before(CALLS_OUTLIVE_GATEWAY, story)
    recorded, issued = entries[-1]
    [call] = story.user.calls
    ends = Issued(ALICE, f"{recorded.version}.9", TerminateSession(BOB, DESK, "s1", "connectivity-error"), call)
    entries[-1] = recorded, (*issued, ends)
    return entries


def refused_repetition() -> list[Entry]:
    """An INVITE is repeated, and refused."""
    story = Phoning()
    story.invites()
    story.tell(story.arrived)
    entries = before(CALLS_OUTLIVE_GATEWAY, story)
    recorded, _ = entries[-1]
    merged = SendResponse("", story.arrived.head, 482, "Loop Detected")
    entries[-1] = recorded, (Issued(ALICE, f"{recorded.version}.0", merged, recorded.call),)
    return entries


def refused_second_acceptance() -> list[Entry]:
    """A client has heard the acceptance before."""
    story = Phoning()
    story.calls()
    story.answers()
    story.tell(IqFailed(story.id_of(AcceptSession), DESK, "unexpected-request"))
    entries = before(CALLS_OUTLIVE_GATEWAY, story)
    with_commands(entries, -1, TerminateSession(BOB, DESK, "s1", "general-error"))
    return entries


@pytest.mark.parametrize("recorded", [ended_by_restart, refused_repetition, refused_second_acceptance])
def test_a_call_that_outlives_the_gateway_is_explained(recorded: Callable[[], list[Entry]]) -> None:
    only(recorded(), CALLS_OUTLIVE_GATEWAY)


def test_what_a_restart_changes_beside_calls_is_not_explained() -> None:
    story = Phoning().talking()
    story.tell(Restarted())
    entries = before(CALLS_OUTLIVE_GATEWAY, story)
    recorded, issued = entries[-1]
    entries[-1] = recorded, (*issued, Issued(ALICE, "99.0", TerminateSession("a", "b", "c", "success")))
    assert verify(list(correlated(entries))).differences == 1


def unanswered_request() -> list[Entry]:
    """The stream was opened while the user had not answered. By the older rules only the probe is sent."""
    story = Story().signed_in()
    story.tell(StreamOpened())
    entries = before(PRESENCE_ASKED_AGAIN, story)
    probe = SendPresence(GATEWAY, ALICE, PresenceKind.PROBE)
    with_commands(entries, -1, probe, *(each.command for each in entries[-1][1][1:]))
    return entries


def test_a_request_for_presence_that_is_repeated_is_explained() -> None:
    only(unanswered_request(), PRESENCE_ASKED_AGAIN)


def test_a_request_for_presence_instead_of_something_else_is_not_explained() -> None:
    entries = unanswered_request()
    more = TerminateSession(BOB, DESK, "s1", "success")
    with_commands(entries, -1, *(each.command for each in entries[-1][1]), more)
    assert verify(list(correlated(entries))).differences == 1


def with_end(entries: list[Entry], *commands: Command) -> None:
    """The last event led to these commands by the older rules. All but what concerns the account belong to the call."""
    recorded, _ = entries[-1]
    entries[-1] = (
        replace(recorded, call="6" if isinstance(recorded.event, IqFailed) else None),
        tuple(
            Issued(ALICE, f"{recorded.version}.{n}", each, None if isinstance(each, SignOut) else "6")
            for n, each in enumerate(commands)
        ),
    )


def outage() -> Story:
    """A call is talking, and the XMPP server is restarted."""
    story = Story().signed_in()
    story.tell(SubscriptionChanged(GATEWAY, SubscriptionAction.SUBSCRIBED))
    story.answered(story.call_out("s1"))
    story.tell(StreamOpened())
    return story


def not_connected(story: Story, kind: type[Command] = InformSession) -> None:
    story.tell(IqFailed(story.id_of(kind), DESK, "service-unavailable"))


def gone_for_not_being_connected() -> list[Entry]:
    """The client is not connected yet. By the older rules its call ends."""
    story = outage()
    not_connected(story)
    entries = before(CLIENTS_AWAITED, story)
    with_end(entries, HangUp("6.1", 5, OFFLINE), RecordEnded("6", Side.CLIENT, Cause.NETWORK, OFFLINE))
    return entries


def gone_with_all_clients() -> list[Entry]:
    """None of the user's clients is online yet. By the older rules the call ends, and the account is signed out."""
    story = outage()
    story.tell(ResourceUnavailable(ALICE, GATEWAY))
    entries = before(CLIENTS_AWAITED, story)
    ends = TerminateSession(BOB, DESK, "s1", "connectivity-error", OFFLINE)
    with_end(entries, ends, HangUp("6.1", 5, OFFLINE), SignOut("3.0"))
    return entries


def gone_for_its_presence() -> list[Entry]:
    """The client says that it is in the session, but its presence does not come. By the older rules the call ends."""
    story = outage()
    story.tell(IqSucceeded(story.id_of(InformSession), DESK))
    story.tell(TimePassed(), 30)
    entries = before(CLIENTS_AWAITED, story)
    ends = TerminateSession(BOB, DESK, "s1", "connectivity-error", OFFLINE)
    with_end(entries, ends, HangUp("6.1", 5, OFFLINE), SignOut("3.0"))
    return entries


def silent_for_a_minute() -> list[Entry]:
    """Nothing is heard of a client. By the older rules its call goes on, if the gateway does not know its presence."""
    story = outage()
    story.tell(TimePassed(), 30)
    story.tell(TimePassed(), 30)
    entries = before(CLIENTS_AWAITED, story)
    with_commands(entries, -1)
    return entries


def end_missed() -> list[Entry]:
    """The phone hangs up before the client is back. By the older rules it is not told."""
    story = outage()
    story.tell(CallStateChanged(story.channel, CallState.ENDED, 2))
    not_connected(story, TerminateSession)
    story.tell(ResourceAvailable(DESK, GATEWAY, "https://example.org#hash"))
    entries = before(CLIENTS_AWAITED, story)
    with_commands(entries, -1)
    return entries


def end_missed_over_two_outages() -> list[Entry]:
    story = outage()
    story.tell(CallStateChanged(story.channel, CallState.ENDED, 2))
    not_connected(story, TerminateSession)
    story.tell(StreamOpened())
    entries = before(CLIENTS_AWAITED, story)
    with_commands(entries, -1, *(each.command for each in story.last[1:]))
    return entries


AWAITED = pytest.mark.parametrize(
    "recorded",
    [
        gone_for_not_being_connected,
        gone_with_all_clients,
        gone_for_its_presence,
        silent_for_a_minute,
        end_missed,
        end_missed_over_two_outages,
    ],
)


@AWAITED
def test_that_clients_are_awaited_is_explained(recorded: Callable[[], list[Entry]]) -> None:
    only(recorded(), CLIENTS_AWAITED)


@AWAITED
@pytest.mark.parametrize(
    "other", [Fault("6", "KeyError"), AcceptIq(Iq(DESK, BOB, "iq9")), PlaceCall("3.0", BOB, (), ())]
)
def test_what_else_was_done_about_an_outage_is_not_explained(
    recorded: Callable[[], list[Entry]], other: Command
) -> None:
    entries = recorded()
    found, issued = entries[-1]
    entries[-1] = found, (*issued, Issued(ALICE, "99.0", other, "6"))
    assert verify(list(correlated(entries))).differences == 1


@pytest.mark.parametrize(
    "wrong", [("gone",), ("item-not-found", "", "unknown-session"), ("feature-not-implemented",), ("bad-request",)]
)
def test_a_client_that_has_ended_its_call_itself_is_not_explained(wrong: tuple[str, ...]) -> None:
    """It was told something else by the older rules."""
    story = outage()
    story.tell(IqFailed(story.id_of(InformSession), DESK, *wrong))
    entries = before(CLIENTS_AWAITED, story)
    more = TerminateSession(BOB, DESK, "s1", "success")
    with_commands(entries, -1, *(each.command for each in entries[-1][1]), more)
    assert verify(list(correlated(entries))).differences == 1


def test_a_client_that_is_not_connected_without_an_outage_is_not_explained() -> None:
    story = Story().signed_in()
    story.answered(story.call_out("s1"))
    story.tell(CallMembersChanged(story.channel, 2))
    not_connected(story)
    entries = before(CLIENTS_AWAITED, story)
    with_commands(entries, -1)
    assert verify(list(correlated(entries))).differences == 1


def less_said_again() -> list[Entry]:
    """A phone rings, and its caller was not told so again."""
    story = Phoning()
    story.calls()
    story.responds(180, "Ringing")
    story.tell(Restarted())
    entries = before(HEARD_ONCE_MORE, story)
    recorded, issued = entries[-1]
    entries[-1] = recorded, tuple(each for each in issued if not isinstance(each.command, InformSession))
    assert entries[-1] != (recorded, issued)
    return entries


def reply_about_tone() -> list[Entry]:
    """The relay's reply belonged to no call."""
    story = relayed()
    story.tell(RelayDone(story.id_of(PlayRinging)))
    entries = before(HEARD_ONCE_MORE, story)
    recorded, issued = entries[-1]
    entries[-1] = replace(recorded, call=None), issued
    return entries


@pytest.mark.parametrize("recorded", [less_said_again, reply_about_tone])
def test_what_is_said_again_after_a_restart_is_explained(recorded: Callable[[], list[Entry]]) -> None:
    only(recorded(), HEARD_ONCE_MORE)


def test_another_end_of_a_restart_is_not_explained() -> None:
    entries = less_said_again()
    recorded, issued = entries[-1]
    ends = Issued(ALICE, f"{recorded.version}.9", TerminateSession(BOB, DESK, "s1", "connectivity-error"), "x")
    entries[-1] = replace(recorded, rules=HEARD_ONCE_MORE.version - 1), (*issued, ends)
    assert HEARD_ONCE_MORE not in [group.kind for group in verify(list(correlated(entries))).groups.values()]


@pytest.mark.parametrize("by_edge", [True, False])
def test_a_phone_that_is_asked_again_is_explained(by_edge: bool) -> None:
    story = Phoning().talking()
    story.holds()
    story.responds(408, by_edge=True) if by_edge else story.undeliverable(Undelivered.SILENT)
    entries = before(SILENCE_BORNE, story)
    recorded, _ = entries[-1]
    ends = Issued(
        ALICE, f"{recorded.version}.0", TerminateSession(BOB, DESK, "s1", "connectivity-error"), recorded.call
    )
    entries[-1] = recorded, (ends,)
    only(entries, SILENCE_BORNE)
