"""The section of docs/mapping.md about calls of our own user agent says what the code does."""

from typing import cast

import pytest
from msgspec.structs import replace

from fargo.statemachine.account.texts import SRTP_NEEDS_TLS
from fargo.statemachine.legs.user_agent.texts import KEYS_LOST
from fargo.statemachine.media import texts
from fargo.statemachine.media.description import Crypto, Srtp
from fargo.statemachine.model.commands import InitiateSession, TerminateSession
from fargo.statemachine.model.events import SipAccount
from fargo.statemachine.model.ng import AnswerRelay, OfferRelay
from fargo.statemachine.model.sip_messages import SendResponse, Undelivered
from fargo.statemachine.model.sip_values import OtherBody, Party, ReasonValue, Sdp, SessionTimer, SipHeaders
from fargo.statemachine.reason import Cause, Reason, from_q850, to_jingle, to_status

from ..registering import MD5
from ..relayed import FOR_PHONE, PHONE_OFFER
from ..test_mapping import OTHER, PAGE, mapping, table, words
from .encrypting import CHOSEN, OF_PHONE, TAKEN, Encrypting
from .phone import NO_AUDIO, Phoning, sdp
from .test_restarts import keyless

SECTION = "Calls of our own user agent"
ENCRYPTED = "encrypted"
CALLEE = "bob%example.com@sip.localhost/fargo"


def calling() -> Phoning:
    """The account of the page calls the address of the page."""
    story = Phoning(SipAccount("alice@example.org"), login=True)
    story.calls(to=CALLEE)
    return story


def fails(story: Phoning, how: str) -> None:
    """Let the call fail in one of the ways of the page."""
    if how.startswith("401"):
        if "after" in how:
            story.responds(407, challenges=(MD5,))
        story.responds(407)
    elif how.startswith("302"):
        story.responds(302, "Moved Temporarily")
    elif how.startswith("the edge"):
        story.responds(180)
        story.responds(408, by_edge=True)
    else:
        story.undeliverable(Undelivered(words(how)[0]), text="it is for another name")


@pytest.mark.parametrize("row", table(SECTION, "failure"), ids=lambda row: row[0])
def test_failures_in_our_words(row: list[str]) -> None:
    how, text, condition = row
    story = calling()
    fails(story, how)
    ended = story.the(TerminateSession)
    assert (ended.text, ended.condition) == (text, words(condition)[0])


def test_every_way_to_reach_nobody_is_listed() -> None:
    listed = {words(row[0])[0] for row in table(SECTION, "failure")}
    assert {str(why) for why in Undelivered} <= listed


def test_causes_to_statuses() -> None:
    assert {Cause(cause): int(status) for cause, status in mapping(SECTION, "cause").items()} == {
        cause: to_status(cause) for cause in Cause
    }


def test_q850_to_jingle() -> None:
    told: dict[int, str] = {}
    rest = ""
    for values, condition in table(SECTION, "Q.850 cause"):
        if values == OTHER:
            rest = words(condition)[0]
        else:
            told |= dict.fromkeys(map(int, values.split(", ")), words(condition)[0])
    expected = {value: to_jingle(Reason(from_q850(value))) for value in range(128)}
    assert {value: told.get(value, rest) for value in range(128)} == expected


@pytest.mark.parametrize("row", table(SECTION, "provider's caller"), ids=lambda row: row[0])
def test_callers(row: list[str]) -> None:
    story = Phoning(SipAccount("alice@example.org"))
    story.invites(caller=Party(words(row[0])[0], "bob"))
    jid = words(row[1])[0].replace("sip.example.net", "sip.localhost")
    assert story.the(InitiateSession).sender == f"{jid}/fargo"


def refusals(request: str) -> list[int]:
    """The statuses with which a request of the page is refused, in all its forms."""
    story = Phoning()
    match request.split(" "):
        case ["INVITE", *_] if "extension" in request:
            story.invites(headers=SipHeaders(require=("x",)))
        case ["INVITE", *_] if "timer" in request:
            story.invites(headers=SipHeaders(supported=("timer",), session_expires=SessionTimer(89)))
        case ["INVITE", *_] if "replace" in request:
            story.called()
            tag = story.response(200).tag if "of the user" in request else "x-y"
            story.remote_tag = "other"
            story.invites(
                head=story.head("INVITE", call_id="another"), headers=SipHeaders(replaces=f"c;to-tag={tag};from-tag=x")
            )
        case ["INVITE", *_] if "another path" in request:
            story.invites()
            story.invites(head=replace(story.arrived.head, via=("another",)))
        case ["INVITE", *_]:
            story.invites(OtherBody("text/plain", 1))
        case ["offer", "without", *_]:
            story.invites(NO_AUDIO)
        case ["offer", "in", *_]:
            story = keyless()
            story.sends("INVITE", sdp())
        case ["offer", *_]:
            story.talking()
            story.holds()
            story.sends("INVITE", sdp())
        case ["request", *_]:
            story.called()
            story.sends("BYE", remote_tag="stranger")
        case ["REFER", *_]:
            story.invites()
            story.sends("REFER", headers=SipHeaders(refer_to="<sip:carol@sip.test>"))
        case _:
            story.called()
            found = []
            for method in request.replace(" and others", ", PUBLISH").split(", "):
                story.sends(method)
                found += story.statuses
            return found
    return [each.status for each in story.all(SendResponse)]


@pytest.mark.parametrize("row", table(SECTION, "request"), ids=lambda row: row[0])
def test_refusals(row: list[str]) -> None:
    request, status = row
    assert set(refusals(request)) == {int(status)}


def test_a_reason_from_the_telephone_network_is_shown_as_on_the_page() -> None:
    story = calling()
    headers = SipHeaders(reason=(ReasonValue("Q.850", 1, "Unallocated number"),))
    story.responds(404, "Not Found", headers=headers)
    assert f"`{story.the(TerminateSession).text}`" in " ".join(PAGE.split())


# --- encrypted audio


def encrypting(row: list[str]) -> Encrypting:
    return Encrypting(cast(Srtp, words(row[0])[0]), address="alice@example.org")


def as_said(story: Encrypting, sdp: str, keys: tuple[Crypto, ...]) -> Sdp:
    """Return the phone's SDP, as a row describes it."""
    return story.phone_sdp(*keys if "keys" in sdp or "SAVP" in sdp else (), required="SAVP" in sdp)


def became(story: Encrypting) -> str:
    """Return what has come of a call, as the page says it."""
    if ends := story.ends():
        return ends[-1].text
    return ENCRYPTED if story.confirmed.session.theirs.crypto else "plain"


@pytest.mark.parametrize("row", table(SECTION, "account's SRTP"), ids=lambda row: f"{row[0]}, {row[1]}")
def test_encryption_of_calls_out(row: list[str]) -> None:
    story = encrypting(row)
    story.calls(to=CALLEE)
    if story.all(OfferRelay):
        story.relay_offers()
    story.answers(as_said(story, row[1], CHOSEN))
    assert became(story) == row[2]


@pytest.mark.parametrize("row", table(SECTION, "account's SRTP"), ids=lambda row: f"{row[0]}, {row[1]}")
def test_encryption_of_calls_in(row: list[str]) -> None:
    story = encrypting(row)
    offer = as_said(story, row[1], OF_PHONE)
    story.invites(offer, caller=Party("sip:bob@example.org", "bob", "Bob"))
    if story.all(OfferRelay):
        required = bool(offer.audio and offer.audio.description and offer.audio.description.encryption_required)
        story.described(OfferRelay, PHONE_OFFER)
        story.accepts()
        story.described(AnswerRelay, replace(FOR_PHONE, crypto=TAKEN, encryption_required=required))
    elif story.user.calls and not story.ends():
        story.accepts()
    assert became(story) == row[3]
    if story.ends():
        assert story.final("INVITE")[-1].status == 488


def test_encryption_that_is_impossible() -> None:
    told = mapping(SECTION, "reason")
    assert list(told.values()) == [texts.SRTP_NEEDS_RELAY, texts.SRTP_NEEDS_TLS]


def test_the_loss_of_keys_is_told_as_on_the_page() -> None:
    assert f"`{KEYS_LOST}`" in " ".join(PAGE.split())


def test_encryption_that_is_refused_with_the_account() -> None:
    assert SRTP_NEEDS_TLS in " ".join(PAGE.split())
