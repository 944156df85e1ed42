"""Stanzas of real clients are answered by the core as when they were recorded, where that was right.

It was right where no media relay was needed: Pidgin over raw-udp. Offers of ICE are acknowledged and
ended with the reason until there is a relay.
"""

from collections.abc import Callable, Iterable

import pytest
from adapters.xmpp.elements import Captured, captures, jingles, meaning, parse
from twisted.words.xish.domish import Element

from fargo.adapters.xmpp import jingle, replies
from fargo.adapters.xmpp.stanza import iq_of
from fargo.statemachine.media.description import Candidate, Codec, Parameter
from fargo.statemachine.model.call1 import (
    CallMembersChanged,
    CallState,
    CallStateChanged,
    CandidatesReceived,
    DescriptionReceived,
    PlaceCall,
)
from fargo.statemachine.model.commands import (
    AcceptIq,
    AcceptSession,
    InformSession,
    InitiateSession,
    SignIn,
    TerminateSession,
)
from fargo.statemachine.model.events import RegistrationSubmitted, SipAccount, SipSignedIn
from fargo.statemachine.model.iq import Iq
from fargo.store.entries import Entry

from .story import Story

Record = Callable[[Iterable[Entry]], None]

RAW_UDP = "pidgin-2.14-outgoing-rawudp.xml"
PHONE = (Candidate(1, "127.0.0.1", 30688), Candidate(2, "127.0.0.1", 30689))
TONES = Codec(101, "telephone-event", 8000, parameters=(Parameter("events", "0-15"),))
CODECS = (Codec(0, "PCMU", 8000), Codec(8, "PCMA", 8000), TONES)


def customer(stanza: Element) -> Story:
    """The capture's user, with an account at the gateway that the stanza was for, signed in."""
    story = Story()
    iq = iq_of(stanza)
    story.user = type(story.user)(iq.sender.partition("/")[0])
    asked = RegistrationSubmitted(Iq(iq.sender, "sip.localhost", "r"), SipAccount("me@127.0.0.1"), "secret", "nonce")
    story.tell(asked)
    story.tell(SipSignedIn(story.id_of(SignIn)))
    return story


def received(story: Story, stanza: Element) -> list[Element]:
    """Our answers to a stanza of the client, and what else we send because of it."""
    story.tell(jingle.event(iq_of(stanza), stanza.jingle))
    return sent(story)


def sent(story: Story) -> list[Element]:
    """The stanzas of the last event."""
    stanzas = []
    for issued in story.last:
        match issued.command:
            case AcceptIq() as answer:
                stanzas.append(replies.stanza(answer, issued.id))
            case InitiateSession() | AcceptSession() | InformSession() | TerminateSession() as command:
                stanzas.append(jingle.stanza(command, issued.id))
    return stanzas


def said(stanza: Element) -> object:
    """Return the content of a stanza of ours, without the ids, which each gateway chooses."""
    copy = parse(stanza.toXml())
    copy.attributes.pop("id", None)
    for candidate in _all(copy, "candidate"):
        del candidate["id"]
    return meaning(copy)


def _all(element: Element, name: str) -> list[Element]:
    inner = [found for each in element.elements() for found in _all(each, name)]
    return [element, *inner] if element.name == name else inner


def test_pidgin_over_raw_udp_is_answered_as_recorded(record_session: Record) -> None:
    recorded = [each for each in captures() if each.file == RAW_UDP]
    initiate = next(each.stanza for each in recorded if not each.by_gateway)
    story = customer(initiate)
    ours = received(story, initiate)
    channel = story.id_of(PlaceCall)
    for event in (
        CallMembersChanged(channel, 1),
        CandidatesReceived(channel, PHONE[:1]),
        CandidatesReceived(channel, PHONE[1:]),
        DescriptionReceived(channel, CODECS),
        CallStateChanged(channel, CallState.ACCEPTED),
        CallStateChanged(channel, CallState.ACTIVE),
        CallStateChanged(channel, CallState.ENDED, 2),
    ):
        story.tell(event)
        ours += sent(story)
    assert [said(each) for each in ours] == [said(each.stanza) for each in recorded if each.by_gateway]
    record_session(story.entries)


def test_all_codecs_of_pidgin_are_offered_to_the_phone_each_number_once() -> None:
    [initiate] = [each.stanza for each in jingles("session-initiate") if each.file == RAW_UDP]
    story = customer(initiate)
    received(story, initiate)
    placed = story.the(PlaceCall)
    ids = [codec.id for codec in placed.codecs]
    assert ids == [104, 105, 96, 97, 0, 8, 14, 3, 98, 10, 99, 100, 101, 102, 103]
    assert placed.candidates == (Candidate(1, "127.0.0.1", 7078), Candidate(2, "127.0.0.1", 7079))
    assert placed.target == "sip:ua1@127.0.0.1"


ICE = [each for each in jingles("session-initiate") if not each.by_gateway and each.file != RAW_UDP]


@pytest.mark.parametrize("captured", ICE, ids=lambda captured: captured.file)
def test_an_offer_of_ice_is_acknowledged_and_ended_with_the_reason(captured: Captured, record_session: Record) -> None:
    story = customer(captured.stanza)
    acknowledged, terminated = received(story, captured.stanza)
    assert acknowledged["type"] == "result"
    assert story.the(TerminateSession).condition == "unsupported-transports"
    assert "media relay" in story.the(TerminateSession).text
    assert terminated.jingle["sid"] == captured.stanza.jingle["sid"]
    record_session(story.entries)
