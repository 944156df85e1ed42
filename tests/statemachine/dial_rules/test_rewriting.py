"""Numbers of calls under the rules of their user and of the operator."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fargo.calls import records
from fargo.statemachine import machine
from fargo.statemachine.address import SipUri
from fargo.statemachine.dial_rules import rewriting, texts
from fargo.statemachine.dialling import AddressBook
from fargo.statemachine.media.paths import EmergencyCalls, Policy
from fargo.statemachine.model.call1 import CallArrived, PlaceCall
from fargo.statemachine.model.call_records import Direction, RecordBegun, RecordEnded, Rewriting
from fargo.statemachine.model.commands import InitiateSession, MessageCall, RefuseIq, SendText, SignIn
from fargo.statemachine.model.events import GatewayAsked, PolicyChanged, RegistrationCancelled, SipAccount
from fargo.statemachine.model.jingle_events import CallAction, CallProposed, SessionInitiated
from fargo.statemachine.model.requests import AddRule, DeleteRule, DialRule, Settings
from fargo.statemachine.reason import Cause
from fargo.statemachine.texts import CALLER_REFUSED, NO_EMERGENCY_CALLS
from replay.reading.records import row

from ..story import DESK, GATEWAY, OFFER, PCMU, PHONE_ADDRESS, Story
from .test_sed import NUMBERS, RULES, rule

BOOK = AddressBook(GATEWAY, "sip.test", "GB")
EMERGENCY = ("112", "999")


def rules(*written: str) -> tuple[DialRule, ...]:
    return tuple(map(rule, written))


def made(number: str, own: tuple[str, ...] = (), of_all: tuple[str, ...] = (), domain: str = "sip.test") -> str | None:
    """Return what becomes of a number that a user calls, None if it is refused."""
    policy = Policy(emergency_numbers=EMERGENCY, dial_rules=rules(*of_all))
    known = rewriting.rewritten(SipUri(number, domain), BOOK, Settings(rules=rules(*own)), policy)
    return None if known.refusal else known.uri.user


@pytest.mark.parametrize(
    ("number", "own", "of_all", "expected"),
    [
        ("01632960000", (), (), "01632960000"),
        ("+441632960000", ("s/^[+]44/0/",), (), "01632960000"),
        ("200", ("s/^2../+441632960&/",), (), "+441632960200"),
        ("200", ("s/^2/3/", "s/^3/4/"), (), "400"),
        ("200", ("-i s/^2/3/",), ("-i s/^2/4/",), "200"),
        ("200", ("s/^2/3/",), ("-o s/^3/4/",), "400"),
        ("+1900123", ("-o s/^[+]1900.*//",), (), None),
        ("+1900123", ("s/^[+]1900/001900/",), ("-o s/^[+]1900.*//",), None),
        ("77", ("s/77/001900123456/",), ("-o s/^[+]1900.*//",), None),
        ("+441632960000", ("s/^[+]44/0/",), ("-o s/^[+]1900.*//",), "01632960000"),
        ("200", ("s/$/+44/",), (), None),
        ("200", ("s/./&&&&&&&&&&&&&&&&&&&&&&&&&/g",), (), None),
        ("112", ("s/.*//", "s/1/2/"), ("s/.*//",), "112"),
        ("9", ("s/^9$/999/", "s/9/1/"), ("s/.*//",), "999"),
    ],
)
def test_rules_apply_in_order(number: str, own: tuple[str, ...], of_all: tuple[str, ...], expected: str | None) -> None:
    assert made(number, own, of_all) == expected


@pytest.mark.parametrize(("number", "domain"), [("+441", "other.test"), ("bob", "sip.test"), ("bob", "other.test")])
def test_names_and_numbers_elsewhere_can_be_refused_but_not_changed(number: str, domain: str) -> None:
    assert made(number, ("s/b/1/g", "s/[+]/0/"), domain=domain) == number
    assert made(number, (), ("s/.*//",), domain=domain) is None


def test_what_is_longer_than_a_number_is_refused_by_its_beginning() -> None:
    number = "+1900" + "1" * 900
    assert made(number, ("s/1/2/",)) == number
    assert made(number, ("s/^[+]1900.*//",)) is None


@given(st.lists(RULES, max_size=32), st.lists(RULES, max_size=4), NUMBERS, st.sampled_from(["sip.test", "other.test"]))
def test_any_rules_come_to_an_end(own: list[str], of_all: list[str], number: str, domain: str) -> None:
    after = made(number, tuple(own), tuple(of_all), domain)
    assert after is None or len(after) <= max(len(number) + 3, rewriting.LONGEST)


@given(st.lists(RULES, max_size=32), st.lists(RULES, max_size=4), st.sampled_from(EMERGENCY))
def test_no_rule_touches_an_emergency_number(own: list[str], of_all: list[str], number: str) -> None:
    assert made(number, tuple(own), tuple(of_all)) == number


# --- calls


def story_with(*own: str, of_all: tuple[str, ...] = (), emergency: EmergencyCalls = "call") -> Story:
    story = Story()
    story.tell(
        PolicyChanged(Policy(country="GB", emergency_numbers=EMERGENCY, emergency=emergency, dial_rules=rules(*of_all)))
    )
    story.online()
    story.register(SipAccount("alice@sip.test"))
    for each in rules(*own):
        story.tell(GatewayAsked(DESK, GATEWAY, AddRule(each)))
    return story


def calls(story: Story, local: str) -> str:
    """The user calls a contact. Return the URI that is called, or why none is."""
    story.tell(SessionInitiated(story.iq(f"{local}@{GATEWAY}"), f"s{len(story.entries)}", (OFFER,)))
    refused = story.all(RefuseIq)
    return refused[0].text if refused else story.the(PlaceCall).target


def begun(story: Story) -> RecordBegun:
    return [each for each in story.noted() if isinstance(each, RecordBegun)][-1]


def test_the_provider_is_sent_what_rules_make_of_a_number() -> None:
    story = story_with("s/^[+]44/0/")
    assert calls(story, "01632-960000") == "sip:01632960000@sip.test"
    assert begun(story).peer == "01632960000@sip.test"
    told = Rewriting("01632960000", "+441632960000", "01632960000", ("s/^[+]44/0/",))
    assert begun(story).rewritten == told
    (call,) = records(story.entries)
    known = row(call)
    assert [known[each] for each in ("number_written", "number", "dial_rules")] == [
        *("01632960000", "+441632960000", "s/^[+]44/0/")
    ]


def test_a_call_that_no_rule_changes_is_recorded_as_before() -> None:
    story = story_with("s/^[+]49/0/")
    calls(story, "01632960000")
    assert begun(story).rewritten is None


@pytest.mark.parametrize("of_all", [False, True])
def test_a_refused_number_is_not_called(of_all: bool) -> None:
    refusing = "-o s/^[+]44900.*//"
    story = story_with(of_all=(refusing,)) if of_all else story_with(refusing)
    text = texts.REFUSED.format(rule=refusing)
    assert calls(story, "0900-1234567") == text
    assert story.the(RefuseIq).condition == "not-allowed"
    ended = [each for each in story.noted() if isinstance(each, RecordEnded)][-1]
    assert (ended.cause, ended.text) == (Cause.FORBIDDEN, text)
    assert begun(story).rewritten == Rewriting("09001234567", "+449001234567", None, (refusing,))
    story.tell(CallProposed(DESK, f"09001234567@{GATEWAY}", "p1", ("audio",)))
    assert story.the(MessageCall).action is CallAction.REJECT


def test_an_emergency_number_is_called_whatever_the_rules() -> None:
    assert calls(story_with("s/.*//", of_all=("s/.*//",)), "1-1-2") == "sip:112@sip.test"


def test_a_rule_does_not_lead_past_the_refusal_of_emergency_calls() -> None:
    story = story_with("s/^9$/112/", emergency="refuse")
    assert calls(story, "9") == NO_EMERGENCY_CALLS


def called_by(story: Story, number: str) -> list[object]:
    arrived = CallArrived("c1", story.id_of(SignIn), f"sip:{number}@sip.test", (PCMU,), PHONE_ADDRESS, 3)
    return list(story.tell(arrived))


def test_a_caller_is_the_contact_that_rules_make_of_the_number() -> None:
    story = story_with("-i s/^9(0)/\\1/", "-o s/.*//")
    called_by(story, "901632960000")
    assert story.the(InitiateSession).sender == f"+441632960000@{GATEWAY}/fargo"
    assert begun(story).rewritten == Rewriting("901632960000", "901632960000", "01632960000", ("-i s/^9(0)/\\1/",))


def test_a_caller_whom_a_rule_refuses_does_not_ring_and_leaves_no_message() -> None:
    story = story_with("-i s/^[+]44900.*//")
    called_by(story, "09001234567")
    assert (story.all(InitiateSession), story.all(SendText)) == ([], [])
    ended = [each for each in story.noted() if isinstance(each, RecordEnded)][-1]
    assert (ended.cause, ended.text) == (Cause.FORBIDDEN, CALLER_REFUSED)


# --- what is kept


@given(st.lists(RULES, max_size=5), RULES)
def test_a_rule_that_is_added_and_deleted_leaves_nothing(own: list[str], text: str) -> None:
    story = story_with(*own)
    before = story.user.settings
    story.tell(GatewayAsked(DESK, GATEWAY, AddRule(DialRule(text))))
    story.tell(GatewayAsked(DESK, GATEWAY, DeleteRule(len(own) + 1)))
    assert story.user.settings == before


def test_rules_outlive_a_snapshot_and_end_with_the_account() -> None:
    story = story_with("s/1/2/", "-i s/3/4/")
    snapshot = machine.condensed(story.user)
    assert snapshot is not None
    again = Story()
    again.tell(snapshot)
    assert again.user.settings == story.user.settings
    story.tell(RegistrationCancelled(story.iq()))
    assert story.user.settings == Settings()


def test_both_directions_by_default() -> None:
    (known,) = rules("s/1/2/")
    assert known.only is None
    assert {each.only for each in rules("-o s/1/2/", "-i s/1/2/")} == set(Direction)
