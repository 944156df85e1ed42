"""Properties of registrations whatever the registrar, the network and the user do: Hypothesis draws what they do.

Rules:

1. The registrar answers each REGISTER rightly, wrongly, late, twice, in any order, or never. Meanwhile clients come and
   go, the account is changed or cancelled, and the edge and the gateway are restarted.
2. Afterwards everything works, and the account is signed in, or the user has been told why not.
"""

from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from thorough import examples

from fargo.statemachine import machine
from fargo.statemachine.account.account_state import Registered, Unregistered
from fargo.statemachine.model.commands import AcceptIq, Command, Fault, ForgetSecret, RefuseIq
from fargo.statemachine.model.events import (
    Event,
    RegistrationCancelled,
    RegistrationSubmitted,
    ResourceAvailable,
    ResourceUnavailable,
    Restarted,
    SipAccount,
    Stopping,
    StreamOpened,
    TimePassed,
)
from fargo.statemachine.model.presence import SignedIn, SignInRefused
from fargo.statemachine.model.registrations import Bound
from fargo.statemachine.model.sip_messages import (
    Binding,
    EdgeRestarted,
    FlowClosed,
    RegisterAnswered,
    RegisterUndelivered,
    SendRegister,
    Undelivered,
)
from fargo.statemachine.model.sip_values import Challenge, Endpoint, SipHeaders

from .registering import BY_SIP
from .story import DESK, GATEWAY, Story

ACCOUNTS: Final = (
    SipAccount("alice@sip.test"),
    SipAccount("alice@sip.test", transport="tcp"),
    SipAccount("bob@other.test", proxy="proxy.test:5070"),
)
ANSWERS: Final = (
    *("right", "right", "right", "right", "refused", "failing", "wrong password", "stale", "brief", "elsewhere"),
    *("undelivered", "by edge", "lost", "late", "twice"),
)
HAPPENINGS: Final = (
    *("time", "time", "time", "a moment", "late answer", "late answer", "flow", "edge", "restart", "stop"),
    *("offline", "online", "online", "submit", "submit", "cancel"),
)


class Provider:
    """Registrars, a network and a user, as the data has it. Checks every REGISTER."""

    def __init__(self, data: st.DataObject) -> None:
        self.story = Story()
        self.data = data
        self.behind_proxy = data.draw(st.booleans(), "behind a proxy")
        self.calm = False
        self.late: list[RegisterAnswered | RegisterUndelivered] = []
        self.challenged: dict[str, tuple[str, Endpoint | None]] = {}
        """The host that has sent a nonce, and its address."""
        self.used: dict[str, int] = {}
        """The number of answers to each nonce."""
        self.cseq: dict[str, int] = {}
        self.secrets: dict[str, str] = {}
        """The host that the user has entered a password for."""
        self.nonces = 0
        self.tell(BY_SIP)

    def draw(self, *choices: str) -> str:
        return self.data.draw(st.sampled_from(choices))

    def tell(self, event: Event, after: float = 0.0) -> None:
        """Fold an event, check what follows, and let the registrar answer."""
        story = self.story
        commands = story.tell(event, after)
        sent = [each for each in story.last if isinstance(each.command, SendRegister)]
        assert not [each for each in commands if isinstance(each, Fault)]
        self.check()
        for issued in sent:
            assert isinstance(issued.command, SendRegister)
            self.register(issued.id, issued.command)

    def check(self) -> None:
        """The invariants after every event."""
        user = self.story.user
        deadlines = machine.deadlines(user)
        assert len(user.registrations) <= 12
        for registration in user.registrations.values():
            phase = registration.phase
            if isinstance(phase, Bound) and not registration.awaited and not phase.failures:
                assert phase.due <= phase.until
                assert any(due.at <= phase.due for due in deadlines), "it is renewed before it ends"
        assert not {each.secret for each in self.story.all(ForgetSecret)} & {*machine.secrets(user)}

    def register(self, command: str, sent: SendRegister) -> None:
        """Check a REGISTER, and answer it or not."""
        assert sent.cseq == self.cseq.get(sent.call_id, 0) + 1
        self.cseq[sent.call_id] = sent.cseq
        assert len(sent.credentials) <= 4
        for each in sent.credentials:
            nonce = each.challenge.nonce
            assert each.count == self.used.get(nonce, 0) + 1, "no use of a nonce is like another"
            self.used[nonce] = each.count
            assert self.challenged[nonce] == (sent.hop.host, sent.destination)
            assert self.secrets[each.secret] == sent.hop.host
        realms = [(each.challenge.proxy, each.challenge.realm) for each in sent.credentials]
        assert len(realms) == len(set(realms)), "a realm gets one answer"
        how = "right" if self.calm else self.draw(*ANSWERS)
        name = sent.connection or command
        answer: RegisterAnswered | RegisterUndelivered
        match how:
            case "lost":
                return
            case "late" | "twice":
                answer = self.right(name, command, sent)
                self.late.append(answer)
                if how == "late":
                    return
            case "undelivered":
                answer = RegisterUndelivered(name, command, self.data.draw(st.sampled_from(Undelivered)))
            case _:
                answer = self.answer(how, name, command, sent)
        self.tell(answer, 0.1)

    def answer(self, how: str, name: str, command: str, sent: SendRegister) -> RegisterAnswered:
        right = self.right(name, command, sent)
        no = replace(right, status=500, phrase="No", bindings=(), challenges=())
        match how:
            case "refused":
                return replace(no, status=self.data.draw(st.sampled_from([400, 402, 403, 404, 600])))
            case "failing":
                wait = self.data.draw(st.sampled_from([None, 0, 30, 10**6]))
                return replace(no, status=503, headers=SipHeaders(retry_after=wait))
            case "wrong password":
                return replace(no, status=401, challenges=(self.challenge(sent, right.source),))
            case "stale":
                return replace(no, status=407, challenges=(replace(self.challenge(sent, right.source), stale=True),))
            case "brief":
                least = self.data.draw(st.sampled_from([None, 10, 4000, 8000]))
                return replace(no, status=423, headers=SipHeaders(min_expires=least))
            case "elsewhere":
                return replace(no, status=302)
            case "by edge":
                return replace(no, status=self.data.draw(st.sampled_from([408, 477, 503])), by_edge=True)
            case _:
                return right

    def right(self, name: str, command: str, sent: SendRegister) -> RegisterAnswered:
        """The answers of a registrar that works: it asks for a login, and then accepts."""
        source = Endpoint(self.data.draw(st.sampled_from(["udp", "tcp"])), "192.0.2.5", 5060)
        source = sent.destination or source
        answer = RegisterAnswered(name, command, 200, "OK", source=source)
        for realm, status in (("proxy.test", 407), ("sip.test", 401)):
            proxy = status == 407
            known = any(each.challenge.realm == realm for each in sent.credentials)
            if not known and (not proxy or self.behind_proxy):
                challenge = replace(self.challenge(sent, source), realm=realm, proxy=proxy)
                return replace(answer, status=status, challenges=(challenge,))
        if not sent.expires:
            return answer
        seconds = 3600 if self.calm else self.data.draw(st.sampled_from([None, 0, 1, 12, 60, 3600, 10**6]))
        own = Binding("sip:our@192.0.2.1", seconds, ours=True, name=name)
        others = (
            () if self.calm else self.data.draw(st.sampled_from([(), (replace(own, name=None, contact="sip:x@y"),)]))
        )
        listed = self.calm or self.data.draw(st.booleans())
        return replace(answer, bindings=((own, *others) if listed else others))

    def challenge(self, sent: SendRegister, source: Endpoint | None) -> Challenge:
        self.nonces += 1
        nonce = f"nonce{self.nonces}"
        self.challenged[nonce] = sent.hop.host, source
        return Challenge("sip.test", nonce, algorithm=self.data.draw(st.sampled_from(["MD5", "SHA-256"])))

    def happen(self) -> None:
        """Let something happen."""
        story = self.story
        match self.draw(*HAPPENINGS):
            case "time":
                self.wait()
            case "a moment":
                self.tell(TimePassed(), self.data.draw(st.sampled_from([0.5, 10.0, 5000.0])))
            case "late answer" if self.late:
                self.tell(self.late.pop(self.data.draw(st.integers(0, len(self.late) - 1))))
            case "flow":
                names = tuple(story.user.registrations) or ("none",)
                self.tell(FlowClosed(self.draw(*names)))
            case "edge":
                self.tell(EdgeRestarted())
            case "restart":
                self.restart()
            case "stop":
                self.tell(Stopping())
                self.restart()
            case "offline":
                self.tell(ResourceUnavailable(DESK, GATEWAY))
            case "online":
                self.tell(ResourceAvailable(DESK, GATEWAY))
            case "submit":
                self.submit(self.data.draw(st.sampled_from(ACCOUNTS)))
            case "cancel":
                self.tell(RegistrationCancelled(story.iq()))
            case _:
                pass

    def submit(self, account: SipAccount) -> None:
        secret = f"s{len(self.secrets)}"
        self.secrets[secret] = (account.proxy or "").partition(":")[0] or account.address.partition("@")[2]
        self.tell(RegistrationSubmitted(self.story.iq(), account, secret, f"n{len(self.secrets)}"))

    def restart(self) -> None:
        self.tell(Restarted(), self.data.draw(st.sampled_from([0.0, 2.0, 600.0])))
        self.tell(StreamOpened())

    def wait(self) -> None:
        """Let the next deadline come."""
        due = min((each.at for each in machine.deadlines(self.story.user)), default=self.story.at)
        self.tell(TimePassed(), max(0.0, due - self.story.at))

    def settle(self) -> None:
        """From now on everything works, and the client stays online."""
        self.calm = True
        self.tell(ResourceAvailable(DESK, GATEWAY))
        for _ in range(40):
            if machine.deadlines(self.story.user):
                self.wait()


def answered(commands: list[Command]) -> list[str]:
    return [each.iq.id for each in commands if isinstance(each, AcceptIq | RefuseIq)]


@pytest.mark.slow("draws fifty stories")
@settings(max_examples=examples(50))
@given(st.data())
def test_an_account_ends_signed_in_or_the_user_is_told_why(data: st.DataObject) -> None:
    provider = Provider(data)
    story = provider.story
    provider.calm = data.draw(st.sampled_from([True, True, False]), "calm")
    provider.tell(ResourceAvailable(DESK, GATEWAY))
    provider.submit(ACCOUNTS[0])
    provider.calm = False
    for _ in range(data.draw(st.integers(3, 30), "happenings")):
        provider.happen()
    provider.settle()
    commands = [each.command for each in story.issued]
    told = answered(commands)
    assert len(told) == len(set(told)), "each IQ is answered once"
    assert {recorded.event.iq.id for recorded, _ in story.entries if hasattr(recorded.event, "iq")} == set(told)
    match story.user.account:
        case Registered(_, SignedIn(name)):
            assert list(story.user.registrations) == [name]
        case Registered(_, SignInRefused(problem)):
            assert problem
            assert not story.user.registrations
        case account:
            assert isinstance(account, Unregistered)
            assert not story.user.registrations
    # It stays so, and takes no more than the renewals.
    before = len(story.issued)
    for _ in range(10):
        provider.wait()
    renewals = [each for each in story.issued[before:] if isinstance(each.command, SendRegister)]
    assert len(renewals) <= 30, "each with the answers to two challenges at most"
