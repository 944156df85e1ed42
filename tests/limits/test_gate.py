"""The gate: what is let in, what is refused and with which error, and the row about it."""

from typing import Any

import pytest
from statemachine.story import ALICE, DESK, GATEWAY, Story

from fargo.limits import texts
from fargo.limits.gate import Gate
from fargo.limits.numbers import Numbers
from fargo.limits.rejection import Rejection
from fargo.limits.settings import Allowances, GateSettings, limits
from fargo.limits.tries import ANSWERED_AFTER
from fargo.statemachine.media.paths import Policy
from fargo.statemachine.model.commands import AcceptIq, Command, Issued, RefuseIq, SignIn
from fargo.statemachine.model.events import (
    CommandAsked,
    Event,
    GatewayAsked,
    IqSucceeded,
    PolicyChanged,
    Recorded,
    RefusedUser,
    RegistrationAsked,
    RegistrationSubmitted,
    RequestsRefused,
    ResourceAvailable,
    ResourceUnavailable,
    SipAccount,
    StreamOpened,
    SubscriptionAction,
    SubscriptionChanged,
    TextWritten,
)
from fargo.statemachine.model.iq import Iq
from fargo.statemachine.model.jingle_events import CallProposed, SessionInformed, SessionInitiated, SessionTerminated
from fargo.statemachine.model.kept_text import KeptText
from fargo.statemachine.model.requests import AddRule, CallNumber, DialRule, Register, SetForward, TransferCall
from fargo.statemachine.user_state import User

SMALL = Allowances(stanzas_a_second=1, calls_an_hour=4, subscriptions_an_hour=4, log_bytes=1_000_000)
CONTACT = "bob%sip.test@sip.localhost"
STRANGER = "mallory@localhost"
ACCOUNT = SipAccount("alice@sip.test")


class Bench:
    """A gate before Alice, who is registered, and strangers. `put` has what it let through to the log."""

    def __init__(self, **settings: Any) -> None:
        self.now = 1000.0
        self.put: list[tuple[str, Event]] = []
        self.users: dict[str, User] = {ALICE: Story().signed_in().user}
        self.limits = limits(SMALL)
        self.gate = Gate(
            GateSettings(self.limits, emergency_numbers=("112",), **settings),
            lambda user, event: self.put.append((user, event)),
            self.users.get,
            lambda: self.now,
        )
        self.names = 0

    def iq(self, sender: str = DESK, to: str = GATEWAY) -> Iq:
        self.names += 1
        return Iq(sender, to, f"i{self.names}")

    def call(self, to: str = CONTACT) -> Rejection | None:
        self.names += 1
        return self.gate.event(ALICE, CallProposed(DESK, to, f"s{self.names}", ("audio",)))

    def submit(self, user: str = STRANGER, account: SipAccount = ACCOUNT) -> tuple[Iq, Rejection | None]:
        iq = self.iq(f"{user}/x")
        return iq, self.gate.event(user, RegistrationSubmitted(iq, account, None, "nonce"))

    def sent(self, user: str, command: Command) -> float:
        return self.gate.sent(Issued(user, "1.0", command))

    def fail(self, user: str = STRANGER, account: SipAccount = ACCOUNT) -> float:
        """A registration that its server refuses. Return how long the refusal is held back."""
        iq, refusal = self.submit(user, account)
        assert refusal is None
        self.sent(user, SignIn(account, "secret"))
        return self.sent(user, RefuseIq(iq, "modify", "not-acceptable", "wrong password"))

    def write(self, user: str, event: Event, size: int) -> None:
        self.gate.written(Recorded(user, 1, 0.0, event), size)


@pytest.fixture
def bench() -> Bench:
    return Bench()


def presence(user: str = DESK) -> ResourceAvailable:
    return ResourceAvailable(user, GATEWAY)


def test_stanzas_beyond_the_rate_are_refused_for_a_while(bench: Bench) -> None:
    taken = [bench.gate.stanza("iq", DESK, GATEWAY) for _ in range(300)]
    assert taken[:200] == [None] * 200
    assert set(map(str, taken[200:])) == {str(Rejection("wait", "policy-violation", texts.TOO_MANY["stanzas"]))}
    bench.now += 1
    assert bench.gate.stanza("iq", DESK, GATEWAY) is None
    assert bench.gate.stanza("iq", "dave@localhost/x", GATEWAY) is None, "others are let in all the time"


def test_the_limit_of_a_domain_is_one_of_means() -> None:
    bench = Bench()
    bench.limits = limits(Allowances(stanzas_a_second=1, domain_times=1))
    bench.gate.use(GateSettings(bench.limits))
    answers = [bench.gate.stanza("iq", f"{number}@localhost/x", GATEWAY) for number in range(201)]
    assert answers[-1] == Rejection("wait", "resource-constraint", texts.BUSY)
    assert set(answers[:-1]) == {None}


def test_what_is_refused_is_one_row_a_minute(bench: Bench) -> None:
    for _ in range(1200):
        bench.gate.stanza("iq", DESK, GATEWAY)
    for _ in range(201):
        bench.gate.stanza("iq", f"{STRANGER}/x", GATEWAY)
    assert bench.put == []
    bench.gate.tick(GATEWAY)
    row = RequestsRefused({"stanzas": 1001}, (RefusedUser(ALICE, 1000), RefusedUser(STRANGER, 1)))
    assert bench.put == [(GATEWAY, row)]
    bench.gate.tick(GATEWAY)
    assert bench.put == [(GATEWAY, row)], "nothing was refused in the second minute"
    assert bench.gate.line() == "Refused since the start: 1001 × stanzas."


def test_calls_beyond_the_rate_are_refused_but_emergency_calls(bench: Bench) -> None:
    assert [bench.call() for _ in range(8)] == [None] * 8
    assert bench.call() == Rejection("wait", "policy-violation", texts.TOO_MANY["calls"])
    assert [bench.call("1-1-2@sip.localhost") for _ in range(10)] == [None] * 10
    assert bench.call("112@sip.localhost") is not None, "these have a limit, too, so that nobody can use them to flood"
    assert bench.gate.event(ALICE, SessionTerminated(bench.iq(), "s", "success")) is None


def test_what_a_user_has_used_goes_with_them_to_another_worker() -> None:
    here, there = Bench(), Bench()
    for _ in range(8):
        here.call()
    here.now += 10
    there.now += 1000
    known = here.users[ALICE]
    used = here.gate.let_go(ALICE, known)
    assert used.keys() == {"calls"}
    there.gate.take_in(ALICE, {**used, "a limit of a later version": 7.0})
    assert there.call() == Rejection("wait", "policy-violation", texts.TOO_MANY["calls"])
    there.now += 3600 / SMALL.calls_an_hour
    assert there.call() is None
    assert here.gate.let_go(ALICE, known) == {}, "it is not known here any more"
    here.gate.take_in(ALICE, there.gate.let_go(ALICE, known))
    assert here.call() is not None


def test_what_is_not_charged_yet_goes_with_its_user_too() -> None:
    here, there = Bench(), Bench()
    here.write(ALICE, presence(), 2_000_000)
    used = here.gate.let_go(ALICE, here.users[ALICE])
    assert used.keys() == {"log"}
    assert there.gate.event(ALICE, presence()) is None
    there.gate.take_in(ALICE, used)
    assert there.gate.event(ALICE, presence()) is not None


def test_a_stranger_who_moves_does_not_get_more_tries() -> None:
    here, there = Bench(), Bench()
    for _ in range(201):
        here.gate.stanza("iq", f"{STRANGER}/x", GATEWAY)
    there.gate.take_in(STRANGER, here.gate.let_go(STRANGER, None))
    assert there.gate.stanza("iq", f"{STRANGER}/x", GATEWAY) is not None


def test_texts_beyond_the_rate_are_refused_in_each_direction(bench: Bench) -> None:
    written = TextWritten(DESK, CONTACT, "m1", (KeptText("text", 5),))
    assert [bench.gate.event(ALICE, written) for _ in range(20)] == [None] * 20
    assert bench.gate.event(ALICE, written) == Rejection("wait", "policy-violation", texts.TOO_MANY["texts"])
    assert [bench.gate.text_in(ALICE) for _ in range(20)] == [None] * 20
    assert bench.gate.text_in(ALICE) == texts.TEXTS_IN
    bench.now += 3
    assert (bench.gate.event(ALICE, written), bench.gate.text_in(ALICE)) == (None, None)
    assert bench.gate.line() == "Refused since the start: 2 × texts."


def test_there_are_no_texts_to_numbers_that_may_not_be_called() -> None:
    bench = Bench(numbers=Numbers(refused=("0900",)))
    written = TextWritten(DESK, "0900123@sip.localhost", "m1", (KeptText("text", 5),))
    assert bench.gate.event(ALICE, written) == Rejection("cancel", "not-allowed", texts.NUMBER_TEXT)


def test_transfers_of_phones_are_calls_of_the_user() -> None:
    bench = Bench(numbers=Numbers(refused=("0900",)))
    refused = ("<sip:0900123@sip.test>", "sip:0900123@sip.test")
    assert [bench.gate.transfer(ALICE, each) for each in refused] == [403, 403]
    assert [bench.gate.transfer(ALICE, "<sip:bob@sip.test>") for _ in range(9)] == [None] * 8 + [480]
    assert bench.call() is not None
    assert bench.gate.transfer(STRANGER, "<sip:bob@sip.test>") is None
    assert bench.gate.line() == "Refused since the start: 2 × calls, 2 × numbers."


def test_emergency_calls_get_through_a_flood_of_stanzas(bench: Bench) -> None:
    for _ in range(201):
        bench.gate.stanza("iq", DESK, GATEWAY)
    assert bench.gate.stanza("iq", DESK, CONTACT) is not None
    assert bench.gate.stanza("iq", DESK, "112@sip.localhost/fargo") is None


def test_a_call_that_was_proposed_counts_once(bench: Bench) -> None:
    story = Story().signed_in()
    for number in range(8):
        story.tell(CallProposed(DESK, CONTACT, f"p{number}", ("audio",)))
    bench.users[ALICE] = story.user
    initiated = SessionInitiated(Iq(DESK, f"{CONTACT}/fargo", "i"), "p3", ())
    assert [bench.call() for _ in range(8)] == [None] * 8
    assert bench.gate.event(ALICE, initiated) is None
    assert bench.gate.event(ALICE, SessionInitiated(initiated.iq, "other", ())) is not None


def test_numbers_that_may_not_be_called_are_refused_and_emergency_numbers_never() -> None:
    bench = Bench(numbers=Numbers(allowed=("+44",)))
    refusal = Rejection("cancel", "not-allowed", texts.NUMBER)
    assert bench.call("+1-900-1@sip.localhost") == refusal
    initiated = SessionInitiated(Iq(DESK, "+1900@sip.localhost/fargo", "i"), "s", ())
    assert bench.gate.event(ALICE, initiated) == refusal
    assert bench.call("+441@sip.localhost") is None
    assert bench.call("112@sip.localhost") is None
    bench.gate.tick(GATEWAY)
    assert bench.put == [(GATEWAY, RequestsRefused({"numbers": 2}, (RefusedUser(ALICE, 2),)))]


@pytest.mark.parametrize(
    "local",
    [
        "0900123456",
        "0900-123\\20456",
        "+44\\20(0)900123456",
        "0044900123456",
        "tel\\3a0900123456",
        "sip\\3a0900123456\\40sip.test",
        "\\22x\\22\\20\\3csip\\3a0900123456%sip.test\\3e",
        "\uff10\uff19\uff10\uff10123456",
        "0900123456%sip.test\\3a5060",
    ],
)
@pytest.mark.parametrize("refused", ["0900", "+44900"])
def test_a_number_is_refused_as_it_is_written_and_as_it_is_dialled(local: str, refused: str) -> None:
    """Unless it is written in another form than the operator has refused, and no country makes it that one."""
    story = Story()
    story.tell(PolicyChanged(Policy(country="GB")))
    story.online()
    story.register()
    bench = Bench(numbers=Numbers(refused=(refused,)))
    bench.users[ALICE] = story.user
    if refused == "0900" and local[:2] in ("+4", "00"):
        return
    assert bench.call(f"{local}@sip.localhost") == Rejection("cancel", "not-allowed", texts.NUMBER)


def test_calls_are_not_forwarded_to_numbers_that_may_not_be_called() -> None:
    bench = Bench(numbers=Numbers(refused=("+1900",)))
    asked = GatewayAsked(DESK, GATEWAY, SetForward("+1 900 1"))
    assert bench.gate.event(ALICE, asked) == Rejection("cancel", "not-allowed", texts.NUMBER)
    assert bench.gate.event(ALICE, GatewayAsked(DESK, GATEWAY, CallNumber("+1 900 1"))) is not None
    assert bench.gate.event(ALICE, GatewayAsked(DESK, GATEWAY, TransferCall("+1 900 1"))) is not None
    assert bench.gate.event(ALICE, GatewayAsked(DESK, GATEWAY, TransferCall())) is None
    for premium in (TransferCall("+1 900 1"), CallNumber("+1 900 1"), SetForward("+1 900 1")):
        assert bench.gate.event(ALICE, CommandAsked(Iq(DESK, GATEWAY, "1"), premium)) is not None
    for to, other, refused in (("+19001@sip.localhost", None, True), (CONTACT, None, False), (CONTACT, "s2", False)):
        informed = SessionInformed(Iq(DESK, CONTACT, "1"), "s1", "transfer", to=to, other_sid=other)
        assert (bench.gate.event(ALICE, informed) is not None) is refused
    assert bench.gate.event(ALICE, GatewayAsked(DESK, GATEWAY, SetForward("+44 1632 960111"))) is None
    assert bench.gate.event(ALICE, GatewayAsked(DESK, GATEWAY, SetForward(None))) is None


def test_a_number_is_refused_as_dial_rules_make_it() -> None:
    story = Story()
    story.online()
    story.register()
    story.tell(GatewayAsked(DESK, GATEWAY, AddRule(DialRule("s/^7/0900/"))))
    bench = Bench(numbers=Numbers(refused=("0900",)))
    bench.users[ALICE] = story.user
    assert bench.call("71@sip.localhost") == Rejection("cancel", "not-allowed", texts.NUMBER)
    assert bench.call("81@sip.localhost") is None


def test_subscriptions_beyond_the_rate_are_refused(bench: Bench) -> None:
    def subscribe(action: SubscriptionAction) -> Rejection | None:
        return bench.gate.event(ALICE, SubscriptionChanged(CONTACT, action))

    assert [subscribe(SubscriptionAction.SUBSCRIBE) for _ in range(2)] == [None, None]
    assert subscribe(SubscriptionAction.SUBSCRIBE) == Rejection(
        "wait", "policy-violation", texts.TOO_MANY["subscriptions"]
    )
    assert subscribe(SubscriptionAction.UNSUBSCRIBE) is None


def test_who_has_filled_the_log_is_refused_but_can_end_what_is_going_on(bench: Bench) -> None:
    bench.write(ALICE, presence(), 51_000)
    assert bench.gate.event(ALICE, presence()) == Rejection("wait", "policy-violation", texts.TOO_MANY["log"])
    assert bench.call() is not None
    assert bench.call("112@sip.localhost") is None
    ends = (SessionTerminated(bench.iq(), "s", "success"), IqSucceeded("1.0", DESK), ResourceUnavailable(DESK, GATEWAY))
    assert [bench.gate.event(ALICE, each) for each in ends] == [None] * 3
    bench.write(ALICE, presence(), 10_000)
    assert all(bench.gate.event(ALICE, each) for each in ends), "the reserve is used up, too"
    bench.now += 86400 / 20
    assert bench.gate.event(ALICE, presence()) is None


def test_a_day_adds_no_more_to_the_log_than_is_set(bench: Bench) -> None:
    """A client that sends all the time, and whatever is let in."""
    written, size = 0, 600
    for _ in range(86400):
        bench.now += 1
        for event in (presence(), SessionTerminated(bench.iq(), "s", "success")):
            while bench.gate.event(ALICE, event) is None:
                bench.write(ALICE, event, size)
                written += size
    assert written <= SMALL.log_bytes + 2 * size
    assert written > SMALL.log_bytes * 0.95


def test_calls_of_others_cost_the_called_nothing(bench: Bench) -> None:
    for _ in range(1000):
        bench.gate.written(Recorded(ALICE, 1, 0.0, StreamOpened(), "1"), 10_000)
    assert bench.gate.event(ALICE, presence()) is None


def test_presence_that_was_refused_is_asked_for_after_a_quiet_minute(bench: Bench) -> None:
    bench.write(ALICE, presence(), 60_000)
    assert bench.gate.event(ALICE, presence()) is not None
    bench.gate.tick(GATEWAY)
    assert (ALICE, StreamOpened()) not in bench.put
    bench.gate.event(ALICE, presence())
    bench.gate.tick(GATEWAY)
    assert (ALICE, StreamOpened()) not in bench.put, "it goes on"
    bench.gate.tick(GATEWAY)
    assert bench.put[-1] == (ALICE, StreamOpened())
    bench.gate.tick(GATEWAY)
    assert bench.put.count((ALICE, StreamOpened())) == 1


# --- registrations


def test_five_registrations_may_fail_in_an_hour(bench: Bench) -> None:
    for _ in range(5):
        bench.fail()
    assert bench.submit()[1] == Rejection("wait", "policy-violation", texts.TOO_MANY["registrations"])
    assert bench.submit("other@localhost")[1] is None
    bench.now += 720
    bench.fail()
    assert bench.submit()[1] is not None


def test_those_that_succeed_or_never_reach_a_server_do_not_count(bench: Bench) -> None:
    for number in range(40):
        iq, refusal = bench.submit()
        assert refusal is None
        if number % 2:
            bench.sent(STRANGER, SignIn(ACCOUNT, "secret"))
            bench.sent(STRANGER, AcceptIq(iq))
        else:
            bench.sent(STRANGER, RefuseIq(iq, "modify", "not-acceptable", "no domain"))


def test_twenty_may_fail_at_a_provider_whoever_tries(bench: Bench) -> None:
    for number in range(20):
        bench.fail(f"user{number}@localhost", SipAccount(f"u{number}@other.test", proxy="SIP.test:5080"))
    assert bench.submit("late@localhost", SipAccount("x@sip.test"))[1] == Rejection(
        "wait", "resource-constraint", texts.BUSY
    )
    assert bench.submit("late@localhost", SipAccount("x@other.test"))[1] is None


def test_many_at_once_are_of_no_use(bench: Bench) -> None:
    assert [bench.submit()[1] is None for _ in range(7)] == [True] * 5 + [False] * 2


@pytest.mark.parametrize("passed", [0.05, 8.0])
def test_a_server_that_is_not_reached_is_told_of_at_one_time(bench: Bench, passed: float) -> None:
    iq, _ = bench.submit()
    bench.sent(STRANGER, SignIn(ACCOUNT, "secret"))
    bench.now += passed
    refusal = RefuseIq(iq, "wait", "remote-server-timeout", "not responding")
    assert bench.sent(STRANGER, refusal) == pytest.approx(ANSWERED_AFTER - passed)


def test_other_answers_are_not_held_back(bench: Bench) -> None:
    assert bench.fail() == 0
    iq, _ = bench.submit()
    assert bench.sent(STRANGER, RefuseIq(iq, "wait", "remote-server-timeout", "no server was asked")) == 0


def test_what_is_left_open_is_forgotten(bench: Bench) -> None:
    for number in range(10):
        bench.submit(f"u{number}@localhost", SipAccount(f"a@{number}.test"))
    bench.now += 4000
    bench.gate.tick(GATEWAY)
    assert not bench.gate._tries._tries
    assert not bench.gate._tries._providers


def test_a_closed_gateway_registers_only_who_is_allowed() -> None:
    bench = Bench(open=False, allowed=frozenset({"carol@localhost"}))
    closed = Rejection("cancel", "not-allowed", texts.CLOSED)
    assert bench.submit()[1] == closed
    assert bench.gate.event(STRANGER, RegistrationAsked(bench.iq(f"{STRANGER}/x"))) == closed
    asked = GatewayAsked(f"{STRANGER}/x", GATEWAY, Register("a@sip.test"))
    assert bench.gate.event(STRANGER, asked) == closed
    assert bench.submit("carol@localhost")[1] is None
    assert bench.submit(ALICE)[1] is None, "she has an account, and may change it"
    assert bench.gate.event(ALICE, RegistrationAsked(bench.iq())) is None


@pytest.mark.parametrize(
    ("account", "refused"),
    [
        (SipAccount("a@sip.test"), False),
        (SipAccount("a@SIP.test:5080"), False),
        (SipAccount("a@sip.test", proxy="proxy.test"), False),
        (SipAccount("a@other.test"), True),
        (SipAccount("a@sip.test", proxy="other.test"), True),
        (SipAccount("a@sip.test", proxy="169.254.169.254:5060"), True),
        (SipAccount("a@sub.sip.test"), True),
        (SipAccount(" sips:a@sip.test;x=y "), False),
        (SipAccount("<sip:a@other.test>"), True),
        (SipAccount("a@sip.test", proxy=" <sip:proxy.test:5070;lr> "), False),
        (SipAccount("a@sip.test", proxy="sip:other.test;lr"), True),
        (SipAccount("a@sip.test", proxy="<sips:other.test:5071>"), True),
    ],
)
def test_only_listed_providers_can_be_used(account: SipAccount, refused: bool) -> None:
    bench = Bench(providers=("sip.test", "proxy.test"))
    found = bench.submit(account=account)[1]
    assert (found is not None) == refused
    asked = GatewayAsked(f"{STRANGER}/x", GATEWAY, Register(account.address))
    assert account.proxy or bench.gate.event(STRANGER, asked) == found, "no password is asked for"
    if found:
        assert found.kind == "cancel"
        assert "sip.test" in found.text


@pytest.mark.parametrize(
    "account",
    [
        SipAccount("a@sip.test", port=22),
        SipAccount("a@sip.test", proxy="10.0.0.1:6"),
        SipAccount("a@10.0.0.1:80"),
    ],
)
def test_ports_of_other_services_are_refused(bench: Bench, account: SipAccount) -> None:
    found = bench.submit(account=account)[1]
    assert found is not None
    assert found.text.startswith("Port")


@pytest.mark.parametrize("port", [443, 1024, 5060, 65535])
def test_ports_of_sip_are_not(bench: Bench, port: int) -> None:
    assert bench.submit(account=SipAccount("a@sip.test", port=port))[1] is None


# --- strangers


def test_the_clients_of_who_is_not_registered_count_once_they_register(bench: Bench) -> None:
    desk, phone = presence(f"{STRANGER}/desk"), presence(f"{STRANGER}/phone")
    for event in (desk, phone, phone, ResourceUnavailable(f"{STRANGER}/desk", GATEWAY)):
        assert bench.gate.event(STRANGER, event) is None
    submitted = RegistrationSubmitted(bench.iq(f"{STRANGER}/phone"), ACCOUNT, "secret", "nonce")
    assert bench.gate.event(STRANGER, submitted) is None
    bench.gate.put(STRANGER, submitted)
    assert bench.put == [(STRANGER, submitted), (STRANGER, phone)]


def test_of_strangers_only_some_are_remembered(bench: Bench) -> None:
    for number in range(3000):
        for client in range(20):
            bench.gate.event(f"{number}@localhost", presence(f"{number}@localhost/{client}"))
    held = bench.gate._held._users
    assert len(held) == 1000
    assert max(map(len, held.values())) == 16


def test_a_stranger_leads_to_about_a_row_a_minute(bench: Bench) -> None:
    """While an account is being tried, the user's state changes, and is written."""
    rows = 0
    for _ in range(86400 // 10):
        bench.now += 10
        while bench.gate.event(STRANGER, presence(f"{STRANGER}/x")) is None:
            bench.write(STRANGER, presence(f"{STRANGER}/x"), 1000)
            rows += 1
    assert rows <= 24 * 60 + 51


def test_other_limits_are_used_at_once(bench: Bench) -> None:
    assert [bench.call() for _ in range(9)][-1] is not None
    bench.gate.use(GateSettings(limits(Allowances())))
    assert bench.call() is None
