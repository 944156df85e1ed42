"""Each listed change of the rules explains what older rules have recorded, and nothing else.

Stories are told to today's code, and then written down as the older rules did.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Final, get_args

import pytest
from msgspec.structs import fields, replace
from statemachine.registering import MD5, Registering
from statemachine.relayed import DTLS, FOR_CLIENT, FOR_PHONE, Relayed
from statemachine.story import ALICE, BOB, DESK, GATEWAY, PCMU, PHONE_ADDRESS, Story
from statemachine.user_agent.encrypting import Encrypting
from statemachine.user_agent.phone import Phoning

from fargo.statemachine.call import bridge
from fargo.statemachine.call.call_state import Call
from fargo.statemachine.effects import Effects
from fargo.statemachine.legs.jingle.texts import OFFLINE
from fargo.statemachine.legs.relay import relay_leg
from fargo.statemachine.legs.telepathy import telepathy_leg
from fargo.statemachine.legs.telepathy.phases import TelepathyLeg, TelepathyStep
from fargo.statemachine.legs.telepathy.telepathy_leg import TelepathyEvent
from fargo.statemachine.media.description import Candidate, Content, Description, MediaProfile, RawUdp
from fargo.statemachine.media.paths import Policy
from fargo.statemachine.model.call1 import (
    CallArrived,
    CallMembersChanged,
    CallState,
    CallStateChanged,
    CandidatesReceived,
    CloseChannel,
    HangUp,
    HoldStateChanged,
    PlaceCall,
    RejectDescription,
    RequestHold,
)
from fargo.statemachine.model.call_records import RecordEnded, Side
from fargo.statemachine.model.commands import (
    AcceptIq,
    AcceptSession,
    Command,
    Fault,
    InformSession,
    InitiateSession,
    Issued,
    MessageCall,
    PresenceKind,
    RefuseIq,
    SendPresence,
    SendRegistrationForm,
    SignIn,
    SignOut,
    TerminateSession,
)
from fargo.statemachine.model.events import (
    CallAction,
    CallProposed,
    Iq,
    IqFailed,
    IqSucceeded,
    RegistrationAsked,
    ResourceAvailable,
    ResourceUnavailable,
    Restarted,
    SessionInformed,
    SessionInitiated,
    StreamOpened,
    SubscriptionAction,
    SubscriptionChanged,
    TimePassed,
)
from fargo.statemachine.model.ng import (
    AnswerRelay,
    DeleteRelay,
    OfferRelay,
    RelayDescribed,
    RelayDone,
    RelayLost,
    RelayRefused,
)
from fargo.statemachine.model.rules import (
    ALL_THAT_IS_DUE,
    CALLS_OUTLIVE_GATEWAY,
    CLIENTS_AWAITED,
    EACH_REALM,
    ENCRYPTED_AUDIO,
    END_AFTER_FAULT,
    EVERY_PROPOSAL_ANSWERED,
    HOLD_IN_TURN,
    IPV6_AUDIO,
    LATE_ANSWER,
    LATE_REFUSAL,
    PLAIN_SENTENCES,
    PRESENCE_ASKED_AGAIN,
    REFUSAL_OF_OVERTAKEN,
    RELAY_ASKED_AGAIN,
    WAITING_ANSWER,
    RuleChange,
)
from fargo.statemachine.model.sip_messages import DigestCredentials, SendRegister, SendRequest, SendResponse, SipHeaders
from fargo.statemachine.reason import Cause
from fargo.store.correlation import correlated
from fargo.store.entries import Entry
from replay.reading.golden import GoldenLog
from replay.verifying.changes import FOR_PEOPLE, explained
from replay.verifying.difference import Difference
from replay.verifying.verify import Verdict, verify


def older(story: Story) -> list[Entry]:
    """Return what a story has recorded, as if older rules had folded it."""
    return [(replace(recorded, rules=1), issued) for recorded, issued in story.entries]


def with_commands(entries: list[Entry], place: int, *commands: Command) -> None:
    """The event led to these commands by the older rules."""
    recorded, _ = entries[place]
    named = [Issued(recorded.user, f"{recorded.version}.{n}", command) for n, command in enumerate(commands)]
    entries[place] = recorded, tuple(named)


def only(entries: list[Entry], change: RuleChange) -> Verdict:
    """See that the change explains all differences. By today's rules they would be a failure."""
    entries = list(correlated(entries))
    verdict = verify(entries)
    assert [group.kind for group in verdict.groups.values()] == [change]
    assert verdict.differences == 0
    today = [(replace(recorded, rules=change.version), issued) for recorded, issued in entries]
    assert verify(today).differences > 0
    return verdict


def silent_clients() -> list[Entry]:
    """Five clients do not answer their invitations; by the older rules one leaves at a time."""
    story = Story().signed_in()
    for number in range(4):
        story.online(f"{ALICE}/{number}")
    story.tell(CallArrived("c1", story.id_of(SignIn), "sip:bob@sip.test", (PCMU,), PHONE_ADDRESS, 3))
    story.tell(TimePassed(), 40)
    entries, done = older(story)[:-1], [each.command for each in story.last]
    version, at = story.entries[-1][0].version, story.at
    for number in range(5):
        recorded = replace(story.entries[-1][0], version=version + number, at=at + number, rules=1)
        commands = done[number : number + 1] if number < 4 else done[number:]
        issued = [Issued(ALICE, f"{recorded.version}.{n}", command) for n, command in enumerate(commands)]
        entries.append((recorded, tuple(issued)))
    return entries


def refused_acceptance() -> list[Entry]:
    """A client takes back its acknowledgement, and by the older rules is put on hold as if it talked."""
    story = Story().signed_in()
    channel = story.call_out("s1")
    story.answered(channel)
    story.tell(IqFailed(story.id_of(AcceptSession), DESK, "bad-request"))
    story.tell(CallMembersChanged(channel, 2))
    entries = older(story)
    with_commands(entries, -2)
    with_commands(entries, -1, InformSession(BOB, DESK, "s1", "hold"))
    return entries


def refused_invitation() -> list[Entry]:
    """A client takes back its acknowledgement of an invitation, and by the older rules goes on ringing."""
    story = Story().signed_in()
    story.tell(CallArrived("c1", story.id_of(SignIn), "sip:bob@sip.test", (PCMU,), PHONE_ADDRESS, 3))
    invited, sid = story.id_of(InitiateSession), story.the(InitiateSession).sid
    story.tell(IqSucceeded(invited, DESK))
    story.tell(IqFailed(invited, DESK, "bad-request"))
    story.tell(StreamOpened())
    entries = older(story)
    with_commands(entries, -2)
    with_commands(entries, -1, InformSession(BOB, DESK, sid, ""), *(each.command for each in story.last))
    return entries


def unknown_at_last() -> list[Entry]:
    """A client knows no session when the time for its answer is over, and by the older rules is taken off hold."""
    story = Story().signed_in()
    channel = story.call_out("s1")
    story.answered(channel)
    story.tell(CallMembersChanged(channel, 2))
    held = story.id_of(InformSession)
    story.tell(TimePassed(), 40)
    story.tell(IqFailed(held, DESK, "item-not-found"))
    story.tell(CallMembersChanged(channel, 0))
    entries = older(story)
    with_commands(entries, -2)
    with_commands(entries, -1, InformSession(BOB, DESK, "s1", "unhold"))
    return entries


def there_after_all() -> list[Entry]:
    """A client has been asked twice whether it rings, and by the older rules only its second answer counts."""
    story = Story().signed_in()
    story.tell(CallArrived("c1", story.id_of(SignIn), "sip:bob@sip.test", (PCMU,), PHONE_ADDRESS, 3))
    story.tell(StreamOpened())
    asked = story.id_of(InformSession)
    story.tell(StreamOpened())
    story.tell(IqSucceeded(asked, DESK))
    entries = older(story)
    with_commands(entries, -1)
    return entries


def overtaken(silent: bool | None) -> list[Entry]:
    """The relay refuses what has been asked again since; the call goes on by the older rules."""
    story = Relayed(MediaProfile.DTLS).talking_out()
    story.tell(CandidatesReceived(story.channel, (Candidate(1, "127.0.0.6", 5000),)))
    first = story.id_of(OfferRelay)
    story.tell(CandidatesReceived(story.channel, (Candidate(1, "127.0.0.7", 5000),)))
    second = story.id_of(OfferRelay)
    if silent is None:
        story.tell(RelayDescribed(second, FOR_PHONE))
        story.described(AnswerRelay, FOR_CLIENT)
        story.tell(TimePassed(), 15)
        entries = older(story)
        with_commands(entries, -1)
        return entries
    story.tell(RelayRefused(first, "It will not.", silent))
    story.tell(RelayDescribed(second, FOR_PHONE))
    entries = older(story)
    with_commands(entries, -2)
    answers = [each.command for each in story.issued if isinstance(each.command, AnswerRelay)]
    with_commands(entries, -1, answers[-1])
    return entries


def ignored_proposal(*earlier: str) -> list[Entry]:
    """A proposal is ignored by the older rules, as there are too many or it comes a second time."""
    story = Story().signed_in()
    for sid in (*earlier, "p1"):
        story.tell(CallProposed(DESK, BOB, sid, ("audio",)))
    entries = older(story)
    with_commands(entries, -1)
    return entries


def begun_call_proposed() -> list[Entry]:
    """A client proposes the call that it has begun; by the older rules it is to begin it again, and is late."""
    story = Story().signed_in()
    story.call_out("s1")
    story.tell(CallProposed(DESK, BOB, "s1", ("audio",)))
    story.tell(TimePassed(), 30)
    entries, done = older(story), [each.command for each in story.last]
    with_commands(entries, -2, MessageCall(BOB, DESK, "s1", CallAction.PROCEED))
    with_commands(entries, -1, MessageCall(BOB, DESK, "s1", CallAction.FINISH, "expired"), *done)
    return entries


@pytest.mark.parametrize(
    ("change", "recorded"),
    [
        (EVERY_PROPOSAL_ANSWERED, lambda: ignored_proposal("p1")),
        (EVERY_PROPOSAL_ANSWERED, lambda: ignored_proposal(*(f"p{number}" for number in range(2, 10)))),
        (EVERY_PROPOSAL_ANSWERED, begun_call_proposed),
        (ALL_THAT_IS_DUE, silent_clients),
        (LATE_REFUSAL, refused_acceptance),
        (LATE_REFUSAL, refused_invitation),
        (LATE_ANSWER, unknown_at_last),
        (LATE_ANSWER, there_after_all),
        (REFUSAL_OF_OVERTAKEN, lambda: overtaken(False)),
        (REFUSAL_OF_OVERTAKEN, lambda: overtaken(True)),
        (REFUSAL_OF_OVERTAKEN, lambda: overtaken(None)),
    ],
)
def test_a_listed_change_explains_what_older_rules_recorded(
    change: RuleChange, recorded: Callable[[], list[Entry]]
) -> None:
    entries = recorded()
    only(entries, change)
    first = next(number for number in range(len(entries)) if verify(entries[: number + 1]).groups)
    where, issued = entries[first]
    entries[first] = where, (*issued, Issued(ALICE, "99.0", TerminateSession("a", "b", "c", "success")))
    assert verify(entries[: first + 1]).differences == 1, "what the change does not explain is a failure"


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch) -> Callable[[type[object]], None]:
    """Break the folding of one type of event in the SIP leg."""
    fold = telepathy_leg.fold

    def install(kind: type[object]) -> None:
        def broken(leg: TelepathyLeg, event: TelepathyEvent, effects: Effects) -> TelepathyStep:
            if isinstance(event, kind):
                raise ZeroDivisionError("a bug")
            return fold(leg, event, effects)

        monkeypatch.setattr(telepathy_leg, "fold", broken)

    return install


def ended_by_fault() -> tuple[list[Entry], tuple[Command, ...]]:
    """Folding an event of the SIP leg fails. Return that, and what the older rules did."""
    story = Story().signed_in()
    channel = story.call_out("s1")
    story.tell(CallMembersChanged(channel, 1))
    done = (
        story.the(Fault),
        story.the(TerminateSession),
        HangUp(channel, 9),
        CloseChannel(channel),
        story.noted()[-1],
    )
    entries = older(story)
    with_commands(entries, -1, *done)
    return entries, done


def test_the_end_after_a_fault_is_explained(broken: Callable[[type[object]], None]) -> None:
    """The older rules said less, and did not say it again when the stream had been lost."""
    broken(CallMembersChanged)
    story = Story().signed_in()
    channel = story.call_out("s1")
    story.tell(CallMembersChanged(channel, 1))
    fault, ends = story.the(Fault), story.the(TerminateSession)
    story.tell(StreamOpened())
    again = [each.command for each in story.last]
    entries = older(story)
    with_commands(entries, -2, fault, ends, HangUp(channel, 9), CloseChannel(channel), story.noted()[-1])
    with_commands(entries, -1, *(each for each in again if each != ends))
    verdict = only(entries, END_AFTER_FAULT)
    assert verdict.explained == 2


OTHER_COMMANDS: Final = (
    TerminateSession("a", "b", "c", "success"),
    HangUp("no channel", 9),
    CloseChannel("no channel"),
    DeleteRelay("no session"),
    InformSession(BOB, DESK, "s1", "ringing"),
)


def test_what_an_end_after_a_fault_does_not_do_any_more_is_a_failure(broken: Callable[[type[object]], None]) -> None:
    broken(CallMembersChanged)
    entries, (fault, *done) = ended_by_fault()
    only(entries, END_AFTER_FAULT)
    for other in (replace(fault, error="KeyError: 1"), replace(fault, call="2")):
        with_commands(entries, -1, other, *done)
        assert verify(entries).differences == 1, other
    for other in OTHER_COMMANDS:
        with_commands(entries, -1, fault, *done, other)
        assert verify(entries).differences == 1, other
    with_commands(entries, -1, *done)
    assert verify(entries).differences == 1, "a fault that did not happen then"


@pytest.mark.parametrize("other", [Fault("5", "KeyError: 1"), InformSession(BOB, DESK, "s1", "ringing")])
def test_what_is_no_end_of_the_call_is_not_explained_by_a_fault(
    broken: Callable[[type[object]], None], other: Command
) -> None:
    broken(CallMembersChanged)
    found = differing(ended_by_fault()[0])
    assert explained(found) == END_AFTER_FAULT
    assert explained(replace(found, now=(*found.now, Issued(ALICE, "9.9", other, found.call_now)))) is None


def test_a_fault_ends_no_other_call(broken: Callable[[type[object]], None]) -> None:
    broken(CallMembersChanged)
    found = differing(ended_by_fault()[0])
    elsewhere = Issued(ALICE, "9.9", TerminateSession("a", "b", "c", "success"), "2")
    assert explained(replace(found, now=(*found.now, elsewhere))) is None


def test_an_event_about_all_calls_reaches_the_others_after_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    """By the older rules the event was lost for every call. Today it still must not do odd things to the one."""
    story = Story().signed_in()
    story.call_out("s1")
    failing = story.last[0].call
    story.call_out("s2")
    end = bridge.stream_opened

    def broken(call: Call, effects: Effects) -> Call:
        if call.id == failing:
            raise ZeroDivisionError("a bug")
        return end(call, effects)

    monkeypatch.setattr(bridge, "stream_opened", broken)
    story.tell(StreamOpened())
    entries = older(story)
    with_commands(entries, -1, Fault("", story.the(Fault).error))
    only(entries, END_AFTER_FAULT)
    found = differing(entries)
    for other in (Fault("99", "KeyError: 1"), InformSession(BOB, DESK, "s1", "ringing")):
        assert explained(replace(found, now=(*found.now, Issued(ALICE, "9.9", other, failing)))) is None
    with_commands(entries, -1, Fault("", "KeyError: 1"))
    assert verify(entries).differences == 1
    with_commands(entries, -1, Fault("", story.the(Fault).error), *OTHER_COMMANDS[:1])
    assert verify(entries).differences == 1


@pytest.mark.parametrize(
    ("change", "recorded"),
    [
        (ALL_THAT_IS_DUE, silent_clients),
        (LATE_REFUSAL, refused_acceptance),
        (LATE_ANSWER, unknown_at_last),
        (REFUSAL_OF_OVERTAKEN, lambda: overtaken(False)),
        (REFUSAL_OF_OVERTAKEN, lambda: overtaken(None)),
        (EVERY_PROPOSAL_ANSWERED, lambda: ignored_proposal("p1")),
        (EVERY_PROPOSAL_ANSWERED, begun_call_proposed),
    ],
)
def test_a_change_does_not_explain_a_fault_or_what_another_call_does(
    change: RuleChange, recorded: Callable[[], list[Entry]]
) -> None:
    found = differing(recorded())
    assert explained(found) == change
    fault = Issued(ALICE, "9.9", Fault("", "KeyError: 1"), found.call_now)
    elsewhere = Issued(ALICE, "9.9", TerminateSession("a", "b", "c", "success"), "99")
    for other in (fault, elsewhere):
        assert explained(replace(found, now=(*found.now, other))) is None, other


def test_only_superfluous_answers_to_a_proposal_may_be_missing() -> None:
    found = differing(begun_call_proposed())
    for action in (CallAction.REJECT, CallAction.FINISH):
        other = Issued(ALICE, found.then[0].id, MessageCall(BOB, DESK, "s1", action), found.call_now)
        assert explained(replace(found, then=(other,))) is None
    waiting = Story().signed_in()
    waiting.tell(CallProposed(DESK, BOB, "s1", ("audio",)))
    assert explained(replace(found, before=waiting.user)) is None


def differing(entries: list[Entry]) -> Difference:
    """Return the first difference of a log."""
    return next(group.first for group in verify(list(correlated(entries))).groups.values())


OLD_SENTENCES = Path(__file__).parents[1] / "fixtures/logs/a124aa3/proposals-a-missed-call-leaves-a-message.jsonl"


def test_other_sentences_are_explained_and_nothing_else_is() -> None:
    entries = list(GoldenLog(OLD_SENTENCES).read())
    assert only(entries, PLAIN_SENTENCES).explained > 1
    [place] = [at for at, entry in enumerate(entries) if any(isinstance(i.command, TerminateSession) for i in entry[1])]
    recorded, issued = entries[place]
    end = next(at for at, each in enumerate(issued) if isinstance(each.command, TerminateSession))
    others = [
        replace(issued[end], command=replace(issued[end].command, condition="busy")),
        replace(issued[end], id="9.9"),
    ]
    for other in ([], *([each] for each in others)):
        entries[place] = recorded, (*issued[:end], *other, *issued[end + 1 :])
        assert verify(entries).differences == 1
    entries[place] = recorded, issued
    assert verify(entries).differences == 0


def test_only_texts_for_people_may_differ() -> None:
    texts = (str, str | None)
    found = {(kind.__name__, each.name) for kind in get_args(Command) for each in fields(kind) if each.type in texts}
    assert {each for each in found if each[1] in FOR_PEOPLE} == {
        ("HangUp", "message"),
        ("MessageCall", "text"),
        ("RecordAccount", "status"),
        ("RecordEnded", "text"),
        ("RecordPath", "why"),
        ("RefuseIq", "text"),
        ("SendPresence", "status"),
        ("SendText", "text"),
        ("TerminateSession", "text"),
    }


def held(*before: Command) -> list[Entry]:
    """Return a log in which a call is put on hold, and in which the older rules did this before they requested it."""
    story = Story().signed_in()
    channel = story.call_out()
    story.answered(channel)
    story.tell(SessionInformed(story.iq(BOB), "s1", "hold"))
    entries = older(story)
    [accepted, requested] = [each.command for each in story.last]
    assert isinstance(accepted, AcceptIq)
    assert isinstance(requested, RequestHold)
    with_commands(entries, -1, accepted, *before, requested)
    return entries


def test_an_answer_that_was_rejected_is_explained_and_nothing_else_is() -> None:
    story = Story().signed_in()
    channel = story.call_out()
    story.answered(channel)
    story.tell(TimePassed(), 2)
    entries = older(story)
    with_commands(entries, -1, RejectDescription(channel))
    only(entries, WAITING_ANSWER)
    only(held(RejectDescription(channel)), WAITING_ANSWER)
    for other in ((RejectDescription(channel), HangUp(channel, 5)), (RequestHold(channel, False),)):
        assert verify(list(correlated(held(*other)))).differences == 1


@pytest.mark.parametrize(
    ("at", "then"),
    [
        (RawUdp((Candidate(1, "2001:db8::1", 4000),)), "The client's offer contains no IPv4 address to send audio to."),
        (RawUdp(), "The client's offer contains no IPv4 address to send audio to."),
    ],
)
def test_audio_over_ipv6_is_explained_and_nothing_else_is(at: RawUdp, then: str) -> None:
    story = Story().signed_in()
    story.tell(SessionInitiated(story.iq(BOB), "s1", (_described(at),)))
    entries = older(story)
    recorded, issued = entries[-1]
    said = [replace(each, command=_said(each.command, then)) for each in issued]
    assert said != list(issued)
    entries[-1] = recorded, tuple(said)
    changed = [(replace(recorded, rules=4), issued) for recorded, issued in entries]
    only(changed, IPV6_AUDIO)


def test_another_end_of_a_client_without_an_address_is_not_explained() -> None:
    story = Story().signed_in()
    story.tell(SessionInitiated(story.iq(BOB), "s1", (_described(RawUdp()),)))
    entries = older(story)
    with_commands(entries, -1)
    changed = [(replace(recorded, rules=4), issued) for recorded, issued in entries]
    assert verify(list(correlated(changed))).differences == 1


def _said(command: Command, text: str) -> Command:
    return replace(command, text=text) if isinstance(command, TerminateSession) else command


def _described(transport: RawUdp) -> Content:
    return Content("voice", description=Description("audio", (PCMU,), transport))


def form() -> list[Entry]:
    """Return a log of the older rules in which the form offers no encryption."""
    story = Encrypting("optional")
    story.tell(RegistrationAsked(story.iq()))
    return _open(story)


def relayed_anyway() -> list[Entry]:
    """Return a log of the older rules in which the relay is not asked to encrypt."""
    story = Encrypting("optional", Policy("relay", relay=True, engine="sip"))
    story.calls()
    return _open(story)


def _open(story: Encrypting) -> list[Entry]:
    entries = _before_encryption(story)
    recorded, issued = entries[-1]
    entries[-1] = recorded, tuple(replace(each, command=_without_srtp(each.command)) for each in issued)
    return entries


def _without_srtp(command: Command) -> Command:
    if isinstance(command, SendRegistrationForm):
        return replace(command, srtp=())
    return replace(command, srtp="off") if isinstance(command, OfferRelay) else command


def _before_encryption(story: Encrypting) -> list[Entry]:
    rules = ENCRYPTED_AUDIO.version - 1
    return [(replace(recorded, rules=rules), issued) for recorded, issued in story.entries]


def went_directly() -> list[Entry]:
    """Return a log of the older rules in which a call goes directly that goes through the relay today."""
    story, without = Encrypting("optional"), Encrypting("off")
    story.calls()
    without.calls()
    entries = _before_encryption(story)
    assert any(isinstance(each.command, SendRequest) for each in without.entries[-1][1])
    entries[-1] = entries[-1][0], without.entries[-1][1]
    return entries


@pytest.mark.parametrize("recorded", [form, relayed_anyway, went_directly])
def test_audio_that_was_not_encrypted_is_explained_and_nothing_else_is(recorded: Callable[[], list[Entry]]) -> None:
    only(recorded(), ENCRYPTED_AUDIO)
    entries = recorded()
    event, issued = entries[-1]
    other = Issued(event.user, f"{event.version}.9", RefuseIq(Iq(DESK, BOB, "i9"), "cancel", "conflict", "No."))
    entries[-1] = event, (*issued, other)
    assert verify(list(correlated(entries))).differences == 1


def test_a_hold_that_waits_for_its_turn_is_explained_and_nothing_else_is() -> None:
    only(_taken_back(), HOLD_IN_TURN)
    for other in (RequestHold("1.0", True), HangUp("1.0", 5)):
        assert verify(list(correlated(_taken_back(other)))).differences == 1


def _taken_back(*others: Command) -> list[Entry]:
    """Return a log in which a hold is taken back before the manager has taken it up."""
    story = Story().signed_in()
    channel = story.call_out()
    story.answered(channel)
    for info in ("hold", "unhold"):
        story.tell(SessionInformed(story.iq(BOB), "s1", info))
    [accepted] = [each.command for each in story.last]
    assert story.tell(HoldStateChanged(channel, 2)) == [RequestHold(channel, False)]
    entries = older(story)
    with_commands(entries, -2, accepted, RequestHold(channel, False), *others)
    with_commands(entries, -1)
    return entries


def lost_relay(story: Relayed, *others: Command) -> list[Entry]:
    """The relay is lost, and by the older rules the call is ended."""
    story.tell(RelayLost("It was restarted."))
    entries = older(story)
    sessions = dict.fromkeys(each.command.session for each in story.issued if isinstance(each.command, OfferRelay))
    with_commands(entries, -1, HangUp(story.channel, 5), *map(DeleteRelay, sessions), *others)
    return entries


def lost_in_call() -> list[Entry]:
    """The relay is lost in the middle of a call."""
    return lost_relay(Relayed(MediaProfile.DTLS).talking_out())


def lost_at_beginning() -> list[Entry]:
    """The relay is lost before it has described the session: the adapter asks it again."""
    story = Relayed(MediaProfile.DTLS)
    story.arrives()
    entries = lost_relay(story)
    assert not story.last
    return entries


def lost_in_invitation() -> list[Entry]:
    """The relay is lost while a client rings. When the client calls, too, its call is in the way by today's rules."""
    story = Relayed(MediaProfile.DTLS)
    story.arrives()
    story.described(OfferRelay, FOR_CLIENT)
    entries = lost_relay(story)
    story.calls_out(sid="z")
    refusal = story.the(RefuseIq)
    recorded, _ = story.entries[-1]
    entries.append((replace(recorded, rules=1), ()))
    with_commands(entries, -1, AcceptIq(refusal.iq), OfferRelay("nonce-9", DTLS, MediaProfile.PLAIN))
    return entries


@pytest.mark.parametrize("recorded", [lost_in_call, lost_at_beginning, lost_in_invitation])
def test_a_relay_that_is_asked_again_is_explained(recorded: Callable[[], list[Entry]]) -> None:
    only(recorded(), RELAY_ASKED_AGAIN)


@pytest.mark.parametrize("other", [Fault("4", "KeyError"), TerminateSession(BOB, DESK, "s9", "gone")])
def test_what_else_was_done_about_a_lost_relay_is_not_explained(other: Command) -> None:
    entries = lost_relay(Relayed(MediaProfile.DTLS).talking_out(), other)
    assert verify(list(correlated(entries))).differences == 1


def test_a_lost_relay_that_is_not_asked_again_is_not_explained(monkeypatch: pytest.MonkeyPatch) -> None:
    entries = lost_in_call()
    monkeypatch.setattr(relay_leg, "lost", lambda leg, event, effects: leg)
    assert verify(list(correlated(entries))).differences == 1


def test_a_refusal_does_not_follow_from_a_call_that_is_over() -> None:
    """The call goes on without its relay, and ends. What is refused after that is so for another reason."""
    story = Relayed(MediaProfile.DTLS).talking_out()
    entries = lost_relay(story)
    before = len(story.entries)
    story.hangs_up("s1")
    story.tell(CallStateChanged(story.channel, CallState.ENDED))
    story.tell(RelayDone(story.id_of(DeleteRelay)))
    assert not story.user.calls
    story.calls_out(sid="s2")
    entries += [(replace(recorded, rules=1), issued) for recorded, issued in story.entries[before:]]
    iq = story.the(AcceptIq).iq
    with_commands(entries, -1, RefuseIq(iq, "wait", "resource-constraint", "No."))
    assert verify(list(correlated(entries))).differences == 1


def test_a_refusal_of_something_else_does_not_follow() -> None:
    """Only whether a call may begin depends on other calls."""
    story = Relayed(MediaProfile.DTLS).talking_out()
    entries = lost_relay(story)
    story.tell(SessionInformed(story.iq(BOB), "unknown", "mute"))
    iq = story.the(RefuseIq).iq
    entries.append((replace(story.entries[-1][0], rules=1), ()))
    with_commands(entries, -1, AcceptIq(iq))
    assert verify(list(correlated(entries))).differences == 1


PROXY: Final = replace(MD5, realm="proxy.test", proxy=True)


def before_realms(story: Registering) -> list[Entry]:
    """Return what a story has recorded, as if the rules before `EACH_REALM` had folded it."""
    return [(replace(recorded, rules=EACH_REALM.version - 1), issued) for recorded, issued in story.entries]


def with_credentials(entries: list[Entry], *credentials: DigestCredentials) -> None:
    """The last event led to the same requests, with other credentials."""
    recorded, issued = entries[-1]
    [request] = [each.command for each in issued if isinstance(each.command, SendRegister | SendRequest)]
    changed = replace(request, credentials=credentials)
    entries[-1] = (
        recorded,
        tuple(replace(each, command=changed) if each.command == request else each for each in issued),
    )


def refused_second_realm() -> list[Entry]:
    """A proxy and the registrar ask for a login. By the older rules the account is refused."""
    story = Registering()
    story.submit()
    story.challenge(PROXY, status=407)
    story.challenge()
    entries = before_realms(story)
    with_commands(entries, -1, RefuseIq(story.entries[1][0].event.iq, "modify", "not-acceptable", ""))  # type: ignore[union-attr]
    return entries


def strongest_challenge() -> list[Entry]:
    """The registrar has two algorithms. By the older rules the stronger one is taken."""
    story = Registering()
    story.submit()
    strong = replace(MD5, algorithm="SHA-256")
    story.challenge(MD5, strong)
    entries = before_realms(story)
    with_credentials(entries, DigestCredentials(strong, "alice", "s1"))
    return entries


def third_answer() -> list[Entry]:
    """The registrar finds two nonces stale. By the older rules it gets a third answer."""
    story = Registering()
    story.submit()
    story.challenge()
    for number in (2, 3):
        story.challenge(replace(MD5, nonce=f"nonce{number}", stale=True))
    entries = before_realms(story)
    answer = DigestCredentials(replace(MD5, nonce="nonce3", stale=True), "alice", "s1")
    [earlier] = [issued.command for issued in entries[-2][1] if isinstance(issued.command, SendRegister)]
    with_commands(entries, -1, replace(earlier, cseq=4, credentials=(answer,)))
    return entries


def uncounted_nonce() -> list[Entry]:
    """A server wants a longer session timer. By the older rules the INVITE has the same credentials as before."""
    story = Phoning()
    story.calls()
    story.responds(407, challenges=(MD5,))
    story.responds(422, headers=SipHeaders(min_se=1200))
    entries = before_realms(story)
    with_credentials(entries, DigestCredentials(MD5, "alice", "s1"))
    return entries


@pytest.mark.parametrize("recorded", [refused_second_realm, strongest_challenge, third_answer, uncounted_nonce])
def test_an_answer_for_each_realm_is_explained(recorded: Callable[[], list[Entry]]) -> None:
    only(recorded(), EACH_REALM)


def test_a_login_that_is_not_answered_is_not_explained() -> None:
    """One realm was answered by the older rules, too."""
    story = Registering()
    story.submit()
    story.challenge()
    entries = before_realms(story)
    with_commands(entries, -1)
    assert verify(list(correlated(entries))).differences == 1


def test_a_login_that_is_answered_no_more_is_not_explained() -> None:
    story = Registering()
    story.submit()
    story.challenge()
    story.challenge(replace(MD5, nonce="nonce2"))
    entries = before_realms(story)
    [first] = [issued.command for issued in entries[-2][1] if isinstance(issued.command, SendRegister)]
    with_commands(entries, -1, replace(first, cseq=3))
    assert verify(list(correlated(entries))).differences == 1


def before_restarts(story: Phoning) -> list[Entry]:
    """Return what a story has recorded, as if the rules before `CALLS_OUTLIVE_GATEWAY` had folded it."""
    return [(replace(recorded, rules=CALLS_OUTLIVE_GATEWAY.version - 1), issued) for recorded, issued in story.entries]


def ended_by_restart() -> list[Entry]:
    """A call is talking, and ended by a restart."""
    story = Phoning().talking()
    story.tell(Restarted())
    entries = before_restarts(story)
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
    entries = before_restarts(story)
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
    entries = before_restarts(story)
    with_commands(entries, -1, TerminateSession(BOB, DESK, "s1", "general-error"))
    return entries


@pytest.mark.parametrize("recorded", [ended_by_restart, refused_repetition, refused_second_acceptance])
def test_a_call_that_outlives_the_gateway_is_explained(recorded: Callable[[], list[Entry]]) -> None:
    only(recorded(), CALLS_OUTLIVE_GATEWAY)


def test_what_a_restart_changes_beside_calls_is_not_explained() -> None:
    story = Phoning().talking()
    story.tell(Restarted())
    entries = before_restarts(story)
    recorded, issued = entries[-1]
    entries[-1] = recorded, (*issued, Issued(ALICE, "99.0", TerminateSession("a", "b", "c", "success")))
    assert verify(list(correlated(entries))).differences == 1


def unanswered_request() -> list[Entry]:
    """The stream was opened while the user had not answered. By the older rules only the probe is sent."""
    story = Story().signed_in()
    story.tell(StreamOpened())
    entries = [
        (replace(recorded, rules=PRESENCE_ASKED_AGAIN.version - 1), issued) for recorded, issued in story.entries
    ]
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


def before_awaiting(story: Story) -> list[Entry]:
    """Return what a story has recorded, as if the rules before `CLIENTS_AWAITED` had folded it."""
    return [(replace(recorded, rules=CLIENTS_AWAITED.version - 1), issued) for recorded, issued in story.entries]


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
    entries = before_awaiting(story)
    with_end(entries, HangUp("6.1", 5, OFFLINE), RecordEnded("6", Side.CLIENT, Cause.NETWORK, OFFLINE))
    return entries


def gone_with_all_clients() -> list[Entry]:
    """None of the user's clients is online yet. By the older rules the call ends, and the account is signed out."""
    story = outage()
    story.tell(ResourceUnavailable(ALICE, GATEWAY))
    entries = before_awaiting(story)
    ends = TerminateSession(BOB, DESK, "s1", "connectivity-error", OFFLINE)
    with_end(entries, ends, HangUp("6.1", 5, OFFLINE), SignOut("3.0"))
    return entries


def gone_for_its_presence() -> list[Entry]:
    """The client says that it is in the session, but its presence does not come. By the older rules the call ends."""
    story = outage()
    story.tell(IqSucceeded(story.id_of(InformSession), DESK))
    story.tell(TimePassed(), 30)
    entries = before_awaiting(story)
    ends = TerminateSession(BOB, DESK, "s1", "connectivity-error", OFFLINE)
    with_end(entries, ends, HangUp("6.1", 5, OFFLINE), SignOut("3.0"))
    return entries


def silent_for_a_minute() -> list[Entry]:
    """Nothing is heard of a client. By the older rules its call goes on, if the gateway does not know its presence."""
    story = outage()
    story.tell(TimePassed(), 30)
    story.tell(TimePassed(), 30)
    entries = before_awaiting(story)
    with_commands(entries, -1)
    return entries


def end_missed() -> list[Entry]:
    """The phone hangs up before the client is back. By the older rules it is not told."""
    story = outage()
    story.tell(CallStateChanged(story.channel, CallState.ENDED, 2))
    not_connected(story, TerminateSession)
    story.tell(ResourceAvailable(DESK, GATEWAY, "https://example.org#hash"))
    entries = before_awaiting(story)
    with_commands(entries, -1)
    return entries


def end_missed_over_two_outages() -> list[Entry]:
    story = outage()
    story.tell(CallStateChanged(story.channel, CallState.ENDED, 2))
    not_connected(story, TerminateSession)
    story.tell(StreamOpened())
    entries = before_awaiting(story)
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
    entries = before_awaiting(story)
    more = TerminateSession(BOB, DESK, "s1", "success")
    with_commands(entries, -1, *(each.command for each in entries[-1][1]), more)
    assert verify(list(correlated(entries))).differences == 1


def test_a_client_that_is_not_connected_without_an_outage_is_not_explained() -> None:
    story = Story().signed_in()
    story.answered(story.call_out("s1"))
    story.tell(CallMembersChanged(story.channel, 2))
    not_connected(story)
    entries = before_awaiting(story)
    with_commands(entries, -1)
    assert verify(list(correlated(entries))).differences == 1
