"""The gateway's answers in a chat, and its deeds."""

import re

import pytest
from adapters.xmpp.elements import parse
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from fargo.adapters.xmpp import chat, messages
from fargo.statemachine.dial_rules import texts as rule_texts
from fargo.statemachine.machine import fold
from fargo.statemachine.media.paths import Policy
from fargo.statemachine.model.call_records import Direction, RecordAnswered, RecordBegun, RecordEnded, Side
from fargo.statemachine.model.commands import AcceptIq, Fault, RefuseIq, SendText, TerminateSession
from fargo.statemachine.model.events import GatewayAsked, PolicyChanged, Recorded
from fargo.statemachine.model.requests import (
    AddRule,
    DialRule,
    EndCalls,
    GatewayRequest,
    RecentCall,
    SetBusy,
    Settings,
    ShowCalls,
    ShowHelp,
    ShowRules,
    ShowStatus,
)
from fargo.statemachine.model.sip_messages import SendResponse
from fargo.statemachine.reason import Cause
from fargo.statemachine.self_service import recent, rules, texts, words
from fargo.statemachine.user_state import User

from ..story import DESK, GATEWAY, PCMU, Story
from ..user_agent.phone import Phoning, sdp
from ..user_agent.transferring import Transferring


def ask(story: Story, request: GatewayRequest) -> str:
    """Return the one answer to a request."""
    story.tell(GatewayAsked(DESK, GATEWAY, request))
    said = story.the(SendText)
    assert (said.sender, said.to, said.at) == (GATEWAY, DESK, None)
    return said.text


HELP = texts.HELP.format(gateway=GATEWAY, number="01632 960000")
WORDS = [word for line in HELP.splitlines() if ": " in line for word in line.partition(": ")[0].split(", ")]
"""All that the help names."""
PIECES = [piece for word in WORDS for piece in word.split()]
MORE = [
    "sed",
    "cancel",
    "yes",
    "as",
    "bob@sip.test",
    "112",
    "-i",
    "-l",
    "s/^0/+44/",
    "s/(/1/",
    "admin",
    "/",
    "sip:",
    "\0",
]
pieces = st.sampled_from(PIECES + MORE) | st.text(max_size=4)
written = st.lists(pieces, min_size=1, max_size=5).map(" ".join) | st.sampled_from(WORDS) | st.text()


def busy() -> User:
    """A user who is in a call out, and called by a stranger, with a client that can add contacts."""
    story = Phoning().talking()
    story.invites(sdp(PCMU))
    clients = {jid: replace(each, takes_contacts=True) for jid, each in story.user.contacts.clients.items()}
    return replace(story.user, contacts=replace(story.user.contacts, clients=clients))


USERS = [Story().user, Story().signed_in().user, Phoning().user, busy()]
"""Users without an account, with one of each engine, and with all that can be asked about."""


@pytest.mark.parametrize("user", USERS, ids=["new", "telepathy", "idle", "in calls"])
@given(body=written)
def test_any_text_gets_exactly_one_sensible_answer(user: User, body: str) -> None:
    message = parse(f"<message from='{DESK}' to='{GATEWAY}' id='7' type='chat'/>")
    _, issued, _ = fold(user, Recorded(user.jid, 99, 9999.0, messages.event(message, body)))
    said = [each.command for each in issued if isinstance(each.command, SendText | AcceptIq | RefuseIq | Fault)]
    answers = [each for each in said if not isinstance(each, SendText) or each.to == DESK]
    [answer] = [each for each in answers if not isinstance(each, SendText) or each.sender == GATEWAY]
    assert not isinstance(answer, Fault)
    assert answer.text.strip()
    assert not re.search(r"\{[a-z]+\}", answer.text)


@pytest.mark.parametrize("word", WORDS)
def test_the_help_names_what_is_understood(word: str) -> None:
    understood = ask(Phoning(), chat.request(word.replace("NUMBER", "01632 960000")))
    assert texts.NOT_UNDERSTOOD not in understood


def test_who_has_no_account_is_told_where_to_register() -> None:
    story = Story()
    assert ask(story, ShowStatus()) == texts.UNREGISTERED.format(gateway=GATEWAY)
    assert ask(story, ShowCalls()) == texts.NO_CALLS
    assert ask(story, EndCalls()) == texts.NOTHING_TO_END
    assert GATEWAY in ask(story, ShowHelp())


def test_the_status_is_that_of_the_account_and_its_calls() -> None:
    story = Phoning()
    assert ask(story, ShowStatus()).splitlines() == [
        "Signed in as sip:alice@sip.test.",
        "Clients of yours that can take calls: 1.",
        "Calls at the moment: 0.",
    ]
    story.talking()
    assert ask(story, ShowStatus()).splitlines()[2] == "Calls at the moment: 1."


def test_calls_are_told_with_what_became_of_them() -> None:
    story = Phoning().talking()
    assert ask(story, ShowCalls()) == "just now: you called bob@sip.test. The call goes on."
    story.sends("BYE")
    assert ask(story, ShowCalls()).startswith("just now: you called bob@sip.test. You talked for ")


def test_hanging_up_ends_all_calls() -> None:
    story = Phoning().talking()
    assert ask(story, EndCalls()) == "Calls that were ended: 1."
    assert story.the(TerminateSession).text == texts.YOU_HUNG_UP
    assert story.methods == ["BYE"]
    assert ask(story, EndCalls()) == texts.NOTHING_TO_END


def test_a_call_that_the_user_hangs_up_while_it_rings_is_not_missed() -> None:
    story = Phoning()
    story.invites(sdp(PCMU))
    assert ask(story, EndCalls()) == "Calls that were ended: 1."
    assert ask(story, ShowCalls()) == f"just now: Bob (bob@sip.test) called you. {texts.YOU_HUNG_UP}"


def test_who_is_busy_is_not_rung_but_told() -> None:
    story = Phoning()
    assert ask(story, SetBusy(True)) == texts.BUSY_ON
    assert texts.BUSY in ask(story, ShowStatus())
    story.invites(sdp(PCMU))
    assert [each.status for each in story.all(SendResponse)] == [486]
    assert "Missed call" in story.the(SendText).text
    assert ask(story, ShowCalls()).endswith(texts.WERE_UNDISTURBED)
    assert ask(story, SetBusy(False)) == texts.BUSY_OFF
    assert texts.BUSY not in ask(story, ShowStatus())


# --- dial rules


def test_rules_are_added_listed_and_deleted() -> None:
    story = Phoning()
    assert ask(story, chat.request("rules")) == texts.NO_RULES
    assert ask(story, chat.request("/sed s/^0/+44/")) == "Rule 1: s/^0/+44/"
    assert ask(story, chat.request("sed -o s/^[+]1900.*//")) == "Rule 2: -o s/^[+]1900.*//"
    story.tell(PolicyChanged(Policy(dial_rules=(DialRule("s/^9//"),))))
    listed = ["1: s/^0/+44/", "2: -o s/^[+]1900.*//", "For all users: s/^9//"]
    assert ask(story, chat.request("/sed -l")).splitlines() == listed
    assert ask(story, chat.request("/sed -d 3")) == texts.NO_SUCH_RULE.format(number=3)
    assert ask(story, chat.request("/sed -d 1")) == "Deleted: s/^0/+44/"
    assert ask(story, ShowRules()).splitlines() == ["1: -o s/^[+]1900.*//", listed[2]]


def test_there_are_only_so_many_rules() -> None:
    story = Phoning()
    for _ in range(rules.MOST):
        ask(story, AddRule(DialRule("s/1/2/")))
    assert ask(story, AddRule(DialRule("s/1/2/"))) == texts.TOO_MANY_RULES.format(most=rules.MOST)
    assert len(story.user.settings.rules) == rules.MOST


def test_what_is_no_rule_is_told_and_not_kept() -> None:
    story = Phoning()
    assert ask(story, chat.request("sed s/1")) == rule_texts.NO_END.format(delimiter="/")
    assert ask(story, AddRule(DialRule("s/(/2/"))) == "The pattern is not valid: missing )."
    assert story.user.settings.rules == ()


def test_a_number_is_tried_without_a_call() -> None:
    story = Phoning()
    story.tell(PolicyChanged(Policy(emergency_numbers=("112",))))
    ask(story, AddRule(DialRule("s/^0/+44/", Direction.OUT)))
    assert ask(story, chat.request("/sed -t 01632 960000")) == "01632960000 becomes +441632960000."
    assert ask(story, chat.request("/sed -i -t 01632 960000")) == "01632960000 stays as it is."
    assert ask(story, chat.request("/sed -t 112")) == texts.TRIED_EMERGENCY.format(number="112")
    ask(story, AddRule(DialRule("s/^[+]441900.*//")))
    assert ask(story, chat.request("sed -t 01900-1")) == rule_texts.REFUSED.format(rule="s/^[+]441900.*//")
    assert story.user.calls == {}


@pytest.mark.parametrize("body", ["rules", "sed s/1/2/", "sed -d 1", "sed -t 1"])
def test_who_has_no_account_has_no_rules(body: str) -> None:
    story = Story()
    assert ask(story, chat.request(body)) == texts.UNREGISTERED.format(gateway=GATEWAY)
    assert story.user.settings == Settings()


# --- the latest calls


def test_the_latest_calls_are_kept() -> None:
    calls: recent.RecentCalls = ()
    for number in range(2 * recent.KEPT):
        calls = recent.noted(calls, [RecordBegun(str(number), Direction.IN, "sip:bob@sip.test")], number)
    assert [each.call for each in calls] == [str(2 * recent.KEPT - 1 - number) for number in range(recent.KEPT)]


def test_what_becomes_of_a_call_is_noted_with_its_time() -> None:
    began = RecordBegun("7", Direction.OUT, "sip:bob@sip.test", "Bob")
    calls = recent.noted((), [began], 10)
    calls = recent.noted(calls, [RecordAnswered("7", DESK), RecordAnswered("8", DESK)], 12)
    calls = recent.noted(calls, [RecordEnded("7", Side.PHONE, Cause.HUNG_UP, "Bye")], 75)
    assert calls == (RecentCall("7", 10, Direction.OUT, "sip:bob@sip.test", "Bob", 12, 75, Cause.HUNG_UP, "Bye"),)


PASSED = RecentCall("1", 0, Direction.IN, "sip:bob@sip.test", answered=4, passed_to=("dave@sip.test",))
CALL = RecentCall("1", 0, Direction.IN, "sip:bob@sip.test", ended=9, cause=Cause.NO_ANSWER)


@pytest.mark.parametrize(
    ("call", "at", "told"),
    [
        (CALL, 59, "just now: sip:bob@sip.test called you. There was no answer."),
        (replace(CALL, name="Bob"), 60, "1 min ago: Bob (sip:bob@sip.test) called you. There was no answer."),
        (replace(CALL, peer=None, text="Declined."), 7200, f"2 h ago: {texts.ANONYMOUS} called you. Declined."),
        (replace(CALL, answered=4), 172800, "2 days ago: sip:bob@sip.test called you. You talked for 5 s."),
        (replace(CALL, ended=None), 1, "just now: sip:bob@sip.test called you. It rings."),
        (PASSED, 1, "just now: sip:bob@sip.test called you. The call goes on with dave@sip.test."),
        (
            replace(PASSED, passed_to=("dave@sip.test", "erin@sip.test")),
            *(1, "just now: sip:bob@sip.test called you. You were connected with dave@sip.test, erin@sip.test."),
        ),
        (
            replace(PASSED, ended=9),
            *(9, "just now: sip:bob@sip.test called you. You were connected with dave@sip.test. You talked for 5 s."),
        ),
        (
            replace(PASSED, transferred_to="x@sip.test"),
            *(9, "just now: sip:bob@sip.test called you. You were connected with dave@sip.test. You have transferred"),
        ),
    ],
)
def test_a_call_in_words(call: RecentCall, at: float, told: str) -> None:
    assert words.call(call, at).startswith(told)


def test_who_has_a_call_that_phones_have_transferred_is_told_in_order() -> None:
    story = Transferring()
    story.talking(body=sdp(PCMU))
    story.dave_takes_it()
    assert ask(story, ShowCalls()) == "just now: you called bob@sip.test. The call goes on with dave@sip.test."
    story.dave_refers("<sip:erin@sip.test>")
    story.dave_responds(200, sdp(PCMU))
    assert ask(story, ShowCalls()) == (
        "just now: you called bob@sip.test. You were connected with dave@sip.test, erin@sip.test."
        " The call goes on with erin@sip.test."
    )
