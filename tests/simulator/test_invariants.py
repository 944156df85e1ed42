"""Invariants that no broken core of these tests breaks: the watch would see it."""

import pytest

from fargo.statemachine.media.description import Codec, Content, Description, RawUdp
from fargo.statemachine.model.call1 import CallMembersChanged, CallStateChanged, CloseChannel, PlaceCall
from fargo.statemachine.model.call_records import RecordAnswered
from fargo.statemachine.model.commands import (
    AcceptIq,
    Command,
    InformSession,
    Issued,
    RefuseIq,
    SendText,
    TerminateSession,
)
from fargo.statemachine.model.events import Event, IqFailed, Recorded, SipSignedOut, SipTrouble, TimePassed
from fargo.statemachine.model.iq import Iq
from fargo.statemachine.model.jingle_events import SessionInitiated

from .broken import Broken, Entry
from .invariants import Watch
from .values import PASSWORD, USER

PEER = "bob@sip.localhost/fargo"
IN_AN_EVENT: Entry = (Recorded(USER, 1, 0.0, SipSignedOut("1.0", SipTrouble.INVALID, f"password={PASSWORD}")), ())
IN_A_COMMAND: Entry = (Recorded(USER, 1, 0.0, TimePassed()), (Issued(USER, "1.0", SendText("a@b", USER, PASSWORD)),))


@pytest.mark.parametrize("entry", [IN_AN_EVENT, IN_A_COMMAND])
def test_a_password_that_is_written_down_is_seen(entry: Entry) -> None:
    with pytest.raises(Broken, match="no password is seen"):
        Watch().judge(entry)


def entry(*commands: tuple[Command, str | None]) -> Entry:
    issued = [Issued(USER, f"1.{place}", command, call) for place, (command, call) in enumerate(commands)]
    return Recorded(USER, 1, 0.0, TimePassed()), tuple(issued)


CLOSES = CloseChannel("c1")


@pytest.mark.parametrize("wrong", [entry((CLOSES, None)), entry((CLOSES, "5"), (CLOSES, "6"))])
def test_a_command_that_does_not_name_its_call_is_seen(wrong: Entry) -> None:
    with pytest.raises(Broken, match="a command names its call"):
        Watch().judge(wrong)


def test_a_record_of_another_call_is_seen() -> None:
    with pytest.raises(Broken, match="a record names its call"):
        Watch().judge(entry((RecordAnswered("5", "a@b/c"), "6")))


def test_a_leg_of_one_call_is_well() -> None:
    assert Watch().judge(entry((CLOSES, "5"), (CLOSES, "5"))).calls == ((("c1",), "5"),)


def test_a_late_answer_is_about_the_session_in_which_the_question_was_asked() -> None:
    """A client may begin a new session under the id of one that has ended."""
    client, sid = f"{USER}/desk", "s1"
    begins = SessionInitiated(Iq(client, PEER, "i1"), sid, ())
    told: list[tuple[Event, tuple[Command, ...], str]] = [
        (begins, (AcceptIq(begins.iq),), "1"),
        (CallMembersChanged("c1", 2), (InformSession(PEER, client, sid, "hold"),), "1"),
        (CallStateChanged("c1", 6), (TerminateSession(PEER, client, sid, "success"),), "1"),
        (begins, (AcceptIq(begins.iq),), "4"),
        (IqFailed("2.0", client, "item-not-found"), (), "1"),
        (CallMembersChanged("c2", 1), (InformSession(PEER, client, sid, "ringing"),), "4"),
    ]
    watch = Watch()
    for version, (event, commands, call) in enumerate(told, 1):
        issued = (Issued(USER, f"{version}.{place}", each, call) for place, each in enumerate(commands))
        watch = watch.judge((Recorded(USER, version, 0.0, event, call), tuple(issued)))
    watch = watch.judge((Recorded(USER, 7, 0.0, IqFailed("6.0", client, "item-not-found"), "4"), ()))
    informed = Issued(USER, "8.0", InformSession(PEER, client, sid, "hold"), "4")
    with pytest.raises(Broken, match="a leg that has ended"):
        watch.judge((Recorded(USER, 8, 0.0, CallMembersChanged("c2", 2), "4"), (informed,)))


def test_a_session_that_was_refused_has_made_no_offer() -> None:
    client, sid = f"{USER}/desk", "s1"
    strange, usual = (Description("audio", (Codec(96, name, 48000),), RawUdp(())) for name in ("opus", "speex"))
    first, again = (
        SessionInitiated(Iq(client, PEER, name), sid, (Content("voice", description=description),))
        for name, description in (("i1", strange), ("i2", usual))
    )
    refuses = Issued(USER, "1.0", RefuseIq(first.iq, "wait", "recipient-unavailable", "Later."), "1")
    places = (
        Issued(USER, "2.0", AcceptIq(again.iq), "2"),
        Issued(USER, "2.1", PlaceCall("1.0", "sip:bob@sip.test", usual.codecs, ()), "2"),
    )
    watch = Watch().judge((Recorded(USER, 1, 0.0, first, "1"), (refuses,)))
    watch.judge((Recorded(USER, 2, 0.0, again, "2"), places))
    with pytest.raises(Broken, match="codecs are within the offer"):
        watch.judge((Recorded(USER, 2, 0.0, SessionInitiated(again.iq, sid, first.contents), "2"), places))
