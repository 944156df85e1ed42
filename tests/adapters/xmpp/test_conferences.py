"""Group calls, conferences and chat rooms: invitations of contacts are refused in words, and nothing is logged."""

import pytest
from twisted.words.protocols.jabber.error import StanzaError

from fargo.adapters.xmpp import conferences, texts

from .bench import USER, Bench
from .elements import parse

CONTACT = "bob@sip.localhost"
MUJI = "<muji xmlns='urn:xmpp:jingle:muji:0' room='r@muc.localhost'/>"
BY_MESSAGE = f"<invite xmlns='urn:xmpp:call-invites:0'>{MUJI}</invite>"
INVITATIONS = {
    "XEP-0249": "<x xmlns='jabber:x:conference' jid='r@muc.localhost'/>",
    "XEP-0045": "<x xmlns='http://jabber.org/protocol/muc#user'><invite to='r@muc.localhost'/></x>",
    "XEP-0272": MUJI,
    "XEP-0482": BY_MESSAGE,
}


def told(payload: str, kind: str = "chat") -> Bench:
    bench = Bench()
    bench.receive(parse(f"<message from='{USER}/a' to='{CONTACT}' id='m1' type='{kind}'>{payload}</message>"))
    assert bench.events == []
    return bench


@pytest.mark.parametrize("payload", INVITATIONS.values(), ids=INVITATIONS)
@pytest.mark.parametrize("kind", ["chat", "normal"])
def test_an_invitation_is_refused_in_words(payload: str, kind: str) -> None:
    refused = told(f"{payload}<body>Come!</body>", kind).wire.sent[-1]
    assert (refused["type"], refused["id"], refused["from"], refused["to"]) == ("error", "m1", CONTACT, f"{USER}/a")
    assert refused.error["type"] == "cancel"
    assert refused.error.firstChildElement().name == "feature-not-implemented"
    assert str(refused.error.text) == texts.NO_CONFERENCE


def test_a_call_by_message_is_rejected_too() -> None:
    rejected, _ = told(BY_MESSAGE).wire.sent
    assert rejected.reject.uri == "urn:xmpp:call-invites:0"
    assert (rejected.reject["id"], rejected["to"]) == ("m1", f"{USER}/a")


def test_what_else_is_said_of_such_calls_gets_no_answer() -> None:
    assert told("<retract xmlns='urn:xmpp:call-invites:0' id='m1'/>").wire.sent == []


def test_a_session_of_several_is_refused_before_it_is_a_call() -> None:
    bench = Bench()
    bench.receive(
        parse(
            f"<iq type='set' id='i1' from='{USER}/a' to='{CONTACT}/fargo'>"
            "<jingle xmlns='urn:xmpp:jingle:1' action='session-initiate' sid='s1'><content name='voice'/>"
            f"{MUJI}</jingle></iq>"
        )
    )
    [refused] = bench.wire.sent
    assert bench.events == []
    assert str(refused.error.text) == texts.NO_CONFERENCE


def test_a_refusal_keeps_nothing_of_the_one_before() -> None:
    """An exception that is raised again still has the frames of the times before, and all that these refer to."""
    jingle = parse(f"<jingle xmlns='urn:xmpp:jingle:1'>{MUJI}</jingle>")
    refused = []
    for _ in range(2):
        with pytest.raises(StanzaError) as caught:
            conferences.refuse(jingle)
        refused.append(caught.value)
    assert refused[0] is not refused[1]
