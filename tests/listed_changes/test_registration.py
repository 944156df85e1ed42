"""Changes of the rules about registering accounts, and about logging in."""

from collections.abc import Callable
from typing import Final

import pytest
from msgspec.structs import replace
from statemachine.registering import MD5, Registering
from statemachine.story import ALICE, DESK, GATEWAY
from statemachine.user_agent.phone import Phoning

from fargo.statemachine.model.commands import AcceptIq, PresenceKind, RefuseIq, SendPresence, SendText
from fargo.statemachine.model.events import (
    PresenceProbed,
    RegistrationSubmitted,
    ResourceAvailable,
    ResourceUnavailable,
    SipAccount,
    StreamOpened,
)
from fargo.statemachine.model.iq import Iq
from fargo.statemachine.model.rules import (
    EACH_REALM,
    MAILBOX_ASKED,
    OWN_SERVER_ONLY,
    PASSWORD_AGAIN,
    SPEAKS_UP,
    TRIED_SOONER,
)
from fargo.statemachine.model.sip_messages import FlowClosed, KeepFlow, SendRegister, SendRequest
from fargo.statemachine.model.sip_values import DigestCredentials, Hop, Identity, SipHeaders
from fargo.store.correlation import correlated
from fargo.store.entries import Entry
from replay.verifying.verify import verify

from .older_rules import before, only, with_commands

PROXY: Final = replace(MD5, realm="proxy.test", proxy=True)


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
    entries = before(EACH_REALM, story)
    with_commands(entries, -1, RefuseIq(story.entries[1][0].event.iq, "modify", "not-acceptable", ""))  # type: ignore[union-attr]
    return entries


def strongest_challenge() -> list[Entry]:
    """The registrar has two algorithms. By the older rules the stronger one is taken."""
    story = Registering()
    story.submit()
    strong = replace(MD5, algorithm="SHA-256")
    story.challenge(MD5, strong)
    entries = before(EACH_REALM, story)
    with_credentials(entries, DigestCredentials(strong, "alice", "s1"))
    return entries


def third_answer() -> list[Entry]:
    """The registrar finds two nonces stale. By the older rules it gets a third answer."""
    story = Registering()
    story.submit()
    story.challenge()
    for number in (2, 3):
        story.challenge(replace(MD5, nonce=f"nonce{number}", stale=True))
    entries = before(EACH_REALM, story)
    answer = DigestCredentials(replace(MD5, nonce="nonce3", stale=True), "alice", "s1")
    [earlier] = [issued.command for issued in entries[-2][1] if isinstance(issued.command, SendRegister)]
    with_commands(entries, -1, replace(earlier, cseq=4, credentials=(answer,)))
    return entries


def uncounted_nonce() -> list[Entry]:
    """A server wants a longer session timer. By the older rules the INVITE has the same credentials as before."""
    story = Phoning(login=True)
    story.calls()
    story.responds(407, challenges=(MD5,))
    story.responds(422, headers=SipHeaders(min_se=1200))
    entries = before(EACH_REALM, story)
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
    entries = before(EACH_REALM, story)
    with_commands(entries, -1)
    assert verify(list(correlated(entries))).differences == 1


def test_a_login_that_is_answered_no_more_is_not_explained() -> None:
    story = Registering()
    story.submit()
    story.challenge()
    story.challenge(replace(MD5, nonce="nonce2"))
    entries = before(EACH_REALM, story)
    [first] = [issued.command for issued in entries[-2][1] if isinstance(issued.command, SendRegister)]
    with_commands(entries, -1, replace(first, cseq=3))
    assert verify(list(correlated(entries))).differences == 1


def credentials_in_ack() -> list[Entry]:
    """The ACK to a phone behind the server has the credentials of its INVITE."""
    story = Phoning(login=True)
    story.calls()
    story.responds(407, challenges=(MD5,))
    story.answers()
    entries = before(OWN_SERVER_ONLY, story)
    recorded, issued = entries[-1]
    given = (DigestCredentials(MD5, "alice", "s1"),)
    entries[-1] = (
        recorded,
        tuple(
            replace(each, command=replace(each.command, credentials=given))
            if isinstance(each.command, SendRequest) and each.command.method == "ACK"
            else each
            for each in issued
        ),
    )
    return entries


def answered_phone() -> list[Entry]:
    """A realm is answered that the registration had no answer for."""
    story = Phoning(login=True)
    story.calls()
    first = story.request("INVITE")
    story.responds(407, challenges=(replace(MD5, realm="phone.test"),))
    entries = before(OWN_SERVER_ONLY, story)
    given = DigestCredentials(replace(MD5, realm="phone.test"), "alice", "s1")
    with_commands(entries, -1, replace(first, cseq=2, credentials=(given,)))
    return entries


@pytest.mark.parametrize("recorded", [credentials_in_ack, answered_phone])
def test_credentials_for_others_are_explained(recorded: Callable[[], list[Entry]]) -> None:
    only(recorded(), OWN_SERVER_ONLY)


def test_another_ack_is_not_explained() -> None:
    entries = credentials_in_ack()
    recorded, issued = entries[-1]
    entries[-1] = recorded, issued[1:]
    assert verify(list(correlated(entries))).differences == 1


def changed_without_password() -> list[Entry]:
    """An account gets another server without its password, and is tried."""
    story = Registering().registered()
    story.tell(RegistrationSubmitted(story.iq(), SipAccount("alice@sip.test", proxy="192.0.2.9"), None, "n2"))
    entries = before(PASSWORD_AGAIN, story)
    with_commands(entries, -1, SendRegister(None, Identity("sip:alice@sip.test"), "c", 1, "t", Hop("192.0.2.9")))
    return entries


def test_a_password_that_went_to_another_server_is_explained() -> None:
    only(changed_without_password(), PASSWORD_AGAIN)


def test_a_refusal_of_an_account_with_its_password_is_not_explained() -> None:
    story = Registering().registered()
    story.tell(RegistrationSubmitted(story.iq(), SipAccount("@"), "s2", "n2"))
    entries = before(PASSWORD_AGAIN, story)
    with_commands(entries, -1)
    assert verify(list(correlated(entries))).differences == 1


def test_messages_about_troubles_are_explained() -> None:
    story = Registering().registered()
    story.tell(FlowClosed(story.name))
    story.answer(403, "Forbidden")
    entries = before(SPEAKS_UP, story)
    told = [each.command for each in entries[-1][1]]
    with_commands(entries, -1, *(each for each in told if not isinstance(each, SendText)))
    only(entries, SPEAKS_UP)
    with_commands(entries, -1, *(each for each in told if not isinstance(each, SendText | SendPresence)))
    assert verify(list(correlated(entries))).differences == 1


class WithMailbox(Registering):
    has_mailbox = True


def test_a_subscription_to_the_mailbox_is_explained_and_nothing_else_is() -> None:
    entries = before(MAILBOX_ASKED, WithMailbox().registered())
    told = [each.command for each in entries[-1][1]]
    others = [each for each in told if not isinstance(each, SendRequest)]
    assert len(others) == len(told) - 1
    with_commands(entries, -1, *others)
    only(entries, MAILBOX_ASKED)
    with_commands(entries, -1, *(each for each in others if not isinstance(each, KeepFlow)))
    assert verify(list(correlated(entries))).differences == 1


def test_a_subscription_hides_no_other_change() -> None:
    """A consequence of another difference is not taken for one of the subscription."""
    story = WithMailbox().registered()
    story.tell(ResourceUnavailable(DESK, GATEWAY))
    entries = before(MAILBOX_ASKED, story)
    asked = next(n for n, (_, issued) in enumerate(entries) if any(isinstance(i.command, SendRequest) for i in issued))
    with_commands(entries, asked, *(i.command for i in entries[asked][1] if not isinstance(i.command, SendRequest)))
    with_commands(entries, -1)
    verdict = verify(list(correlated(entries)))
    assert (verdict.differences, verdict.explained) == (1, 1)


def failing(over: Callable[[Registering], None]) -> Registering:
    """Return a story in which the registrar fails at the first attempt. ``over``: brings the account to that."""
    story = Registering().registered()
    over(story)
    story.answer(503, "Maintenance")
    return story


def anew(story: Registering) -> None:
    """The account is to be registered anew."""
    story.pass_time()
    story.answer(403, "Forbidden")
    story.tell(ResourceUnavailable(DESK, GATEWAY))
    story.tell(ResourceAvailable(DESK, GATEWAY))


def renewal(story: Registering) -> None:
    """The registration is to be renewed."""
    story.pass_time()


def removal(story: Registering) -> None:
    """The registration is to be removed."""
    story.tell(ResourceUnavailable(DESK, GATEWAY))


def closed_again(story: Registering) -> None:
    """The registrar closes the connection a second time."""
    story.tell(FlowClosed(story.name))
    story.accept()
    story.tell(FlowClosed(story.name))


@pytest.mark.parametrize("over", [anew, renewal, removal, closed_again])
def test_an_attempt_that_comes_sooner_is_explained(over: Callable[[Registering], None]) -> None:
    """By the older rules nothing is due yet when something else is."""
    story = failing(over)
    story.pass_time()
    assert story.all(SendRegister)
    entries = before(TRIED_SOONER, story)
    with_commands(entries, -1)
    only(entries, TRIED_SOONER)
    recorded, _ = entries[-1]
    entries[-1] = replace(recorded, event=StreamOpened()), ()
    assert verify(list(correlated(entries))).differences == 1, "what another event leads to"


def test_a_login_after_a_failure_is_not_explained() -> None:
    story = failing(renewal)
    story.pass_time()
    story.challenge()
    entries = before(TRIED_SOONER, story)
    with_commands(entries, -1)
    assert verify(list(correlated(entries))).differences == 1


def test_a_renewal_that_comes_sooner_without_a_failure_is_not_explained() -> None:
    story = Registering().registered()
    story.pass_time()
    entries = before(TRIED_SOONER, story)
    with_commands(entries, -1)
    assert verify(list(correlated(entries))).differences == 1


def shown_as_signing_in() -> list[Entry]:
    """The registrar fails, and by the older rules the user is shown the next attempt."""
    story = failing(anew)
    story.pass_time()
    shown = SendPresence(GATEWAY, ALICE, PresenceKind.AVAILABLE, "xa", "Signing in.")
    entries = before(TRIED_SOONER, story)
    with_commands(entries, -1, *(each.command for each in entries[-1][1]), shown)
    return entries


def test_an_attempt_that_was_shown_is_explained_and_nothing_else_is() -> None:
    only(shown_as_signing_in(), TRIED_SOONER)
    for other in (AcceptIq(Iq(DESK, GATEWAY, "i9")), SendRegister(None, Identity("a"), "c", 1, "t", Hop("192.0.2.9"))):
        entries = shown_as_signing_in()
        with_commands(entries, -1, *(each.command for each in entries[-1][1]), other)
        assert verify(list(correlated(entries))).differences == 1, other


def test_presence_of_an_account_that_is_signed_in_is_not_explained() -> None:
    story = Registering().registered()
    story.tell(PresenceProbed(GATEWAY))
    entries = before(TRIED_SOONER, story)
    with_commands(entries, -1)
    assert verify(list(correlated(entries))).differences == 1
