"""The gateway speaks up about the user's account: once about a trouble, and once when it is over."""

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fargo.statemachine import machine
from fargo.statemachine.account.account_state import Registered
from fargo.statemachine.model.commands import SendText, SignIn
from fargo.statemachine.model.events import (
    Event,
    RegistrationCancelled,
    RegistrationSubmitted,
    ResourceAvailable,
    ResourceUnavailable,
    Restarted,
    SipAccount,
    SipSignedIn,
    SipSignedOut,
    SipTrouble,
    StreamOpened,
    TimePassed,
    UserRemoved,
)
from fargo.statemachine.model.presence import SignedIn, SigningIn
from fargo.statemachine.self_service import notices

from ..story import ALICE, DESK, GATEWAY, Story

WELL = "Your SIP account works again: signed in as sip:alice@sip.test."


class Troubled(Story):
    """A user whose account may get into trouble."""

    def said(self) -> list[str]:
        """Return what the gateway has said of its own accord since this was last asked."""
        texts, self.issued = [each.command for each in self.issued if isinstance(each.command, SendText)], []
        assert {(each.sender, each.to) for each in texts} <= {(GATEWAY, ALICE)}
        return [each.text for each in texts]

    def lost(self, trouble: SipTrouble) -> None:
        """The connection is lost, or cannot be opened."""
        assert isinstance(self.user.account, Registered)
        connection = self.user.account.connection
        assert isinstance(connection, SignedIn | SigningIn)
        self.tell(SipSignedOut(connection.connection, trouble))

    def wait(self, seconds: float) -> None:
        """Let so many seconds pass, in which each attempt to sign in fails."""
        until = self.at + seconds
        while (due := min((each.at for each in machine.deadlines(self.user)), default=until)) < until:
            self.tell(TimePassed(), max(due - self.at, 0.0))
            if isinstance(self.user.account, Registered) and isinstance(self.user.account.connection, SigningIn):
                self.lost(SipTrouble.NETWORK)
        self.at = max(self.at, until)

    def recovers(self) -> None:
        """Let the next attempt to sign in succeed."""
        while not isinstance(self.user.account, Registered) or not isinstance(self.user.account.connection, SigningIn):
            self.tell(TimePassed(), max(min(each.at for each in machine.deadlines(self.user)) - self.at, 0.0))
        self.tell(SipSignedIn(self.user.account.connection.connection))


@pytest.fixture
def story() -> Troubled:
    made = Troubled()
    made.signed_in()
    assert made.said() == []
    return made


def test_a_refused_password_is_told_at_once_and_once(story: Troubled) -> None:
    story.lost(SipTrouble.CREDENTIALS)
    [text] = story.said()
    assert "refused the user name or password of sip:alice@sip.test" in text
    for _ in range(3):
        story.tell(ResourceUnavailable(DESK, GATEWAY))
        story.online()
        story.lost(SipTrouble.CREDENTIALS)
    assert story.said() == []
    story.tell(ResourceUnavailable(DESK, GATEWAY))
    story.online()
    story.recovers()
    assert story.said() == [WELL]


def test_a_silent_provider_is_told_after_ten_minutes_and_once(story: Troubled) -> None:
    story.lost(SipTrouble.NETWORK)
    story.wait(599)
    assert story.said() == []
    story.wait(2)
    [text] = story.said()
    assert "is not responding or is failing" in text
    story.wait(7200)
    assert story.said() == []
    story.recovers()
    assert story.said() == [WELL]
    story.wait(7200)
    assert story.said() == []


def test_what_passes_within_ten_minutes_is_not_told(story: Troubled) -> None:
    story.lost(SipTrouble.NETWORK)
    story.wait(500)
    story.recovers()
    story.lost(SipTrouble.HOST)
    story.wait(500)
    assert story.said() == []
    assert notices.deadline(story.user)


def test_a_refusal_is_told_although_silence_was(story: Troubled) -> None:
    story.lost(SipTrouble.NETWORK)
    story.wait(601)
    assert len(story.said()) == 1
    while not isinstance(story.user.account, Registered) or not isinstance(story.user.account.connection, SigningIn):
        story.tell(TimePassed(), 1000)
    story.lost(SipTrouble.CREDENTIALS)
    assert len(story.said()) == 1


def test_while_no_client_is_online_nothing_is_told(story: Troubled) -> None:
    story.lost(SipTrouble.NETWORK)
    story.tell(ResourceUnavailable(DESK, GATEWAY))
    story.wait(7200)
    assert story.said() == []
    assert story.user.trouble is None


@pytest.mark.parametrize("trouble", [SipTrouble.CREDENTIALS, SipTrouble.NETWORK])
def test_what_users_do_themselves_is_not_told(story: Troubled, trouble: SipTrouble) -> None:
    story.lost(trouble)
    story.wait(601)
    assert len(story.said()) == 1
    story.tell(RegistrationSubmitted(story.iq(), SipAccount("alice@sip.test"), "s2", "other"))
    if not isinstance(story.user.account, Registered):
        story.tell(SipSignedIn(story.id_of(SignIn)) if story.all(SignIn) else TimePassed(), 1)
    assert story.said() == []
    story.tell(RegistrationCancelled(story.iq()))
    assert story.said() == []
    assert story.user.trouble is None


def test_a_registration_that_fails_is_answered_and_not_told_again() -> None:
    story = Troubled()
    story.online()
    story.tell(RegistrationSubmitted(story.iq(), SipAccount("alice@sip.test"), "s1", "nonce"))
    story.tell(SipSignedOut(story.id_of(SignIn), SipTrouble.CREDENTIALS))
    assert story.said() == []


def test_a_removal_by_the_operator_is_told_once(story: Troubled) -> None:
    story.lost(SipTrouble.CREDENTIALS)
    assert len(story.said()) == 1
    story.tell(UserRemoved())
    assert len(story.said()) == 1


def test_a_trouble_that_was_told_outlasts_a_restart_and_the_log(story: Troubled) -> None:
    story.lost(SipTrouble.CREDENTIALS)
    assert len(story.said()) == 1
    kept = machine.condensed(story.user)
    assert kept is not None
    assert kept.trouble == story.user.trouble
    story.tell(kept)
    story.tell(Restarted())
    story.tell(StreamOpened())
    story.online()
    story.lost(SipTrouble.CREDENTIALS)
    assert story.said() == []


def turns(story: Troubled, names: list[str]) -> Iterator[tuple[str, list[str]]]:
    """Yield what the gateway says after each of these turns, as far as it is possible."""
    for name in names:
        connection = story.user.account.connection if isinstance(story.user.account, Registered) else None
        open_ = connection.connection if isinstance(connection, SigningIn | SignedIn) else "none"
        events: dict[str, Event] = {
            "up": SipSignedIn(open_),
            "refused": SipSignedOut(open_, SipTrouble.CREDENTIALS),
            "silent": SipSignedOut(open_, SipTrouble.NETWORK),
            "offline": ResourceUnavailable(DESK, GATEWAY),
            "online": ResourceAvailable(DESK, GATEWAY),
            "restart": Restarted(),
            "minutes": TimePassed(),
        }
        story.tell(events[name], 300 if name == "minutes" else 1)
        yield name, story.said()


@given(st.lists(st.sampled_from(["up", "refused", "silent", "offline", "online", "restart", "minutes"]), max_size=30))
def test_troubles_and_their_ends_take_turns(names: list[str]) -> None:
    story = Troubled()
    story.signed_in()
    story.said()
    told = refused = False
    for _, texts in turns(story, names):
        assert len(texts) <= 1
        for text in texts:
            if text == WELL:
                assert told
                told = refused = False
            else:
                is_refusal = "refused" in text
                assert not told or (is_refusal and not refused)
                told, refused = True, refused or is_refusal
        if isinstance(story.user.account, Registered) and isinstance(story.user.account.connection, SignedIn):
            assert not told, "its end is told"
