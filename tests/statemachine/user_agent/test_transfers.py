"""Transfers that a phone asks for (RFC 3515, 4488, 3891, 3892): the core."""

import pytest
from msgspec.structs import replace

from fargo.statemachine import texts
from fargo.statemachine.call import texts as of_calls
from fargo.statemachine.legs.user_agent.phases import Confirmed, UacCancelling
from fargo.statemachine.machine import deadlines
from fargo.statemachine.media.description import Candidate, RawUdp, address
from fargo.statemachine.model.call_records import TransferStep
from fargo.statemachine.model.commands import InformSession, InformTransport, SendText, TerminateSession
from fargo.statemachine.model.events import GatewayAsked, Restarted, TimePassed
from fargo.statemachine.model.ng import (
    AnswerRelay,
    DeleteRelay,
    OfferRelay,
    PlayRinging,
    RelayLost,
    RelayParty,
    StopRinging,
    SwitchPhone,
)
from fargo.statemachine.model.requests import TransferCall
from fargo.statemachine.model.sip_messages import InviteReceived, SendRequest, SendResponse
from fargo.statemachine.model.sip_values import Sdp, SipFragment, SipHeaders
from fargo.statemachine.reason import Cause

from ..relayed import FOR_PHONE
from ..story import DESK, GATEWAY, PCMA, PCMU
from .phone import G722, sdp
from .securing import Securing, phone_says
from .transferring import AT_DAVES, DAVE, Transferring

ANOTHER = Candidate(1, "192.0.2.99", 4000)
"""The place of the relay after a restart."""
DAVES = sdp(PCMU, at=AT_DAVES)
ASKED, DONE, FAILED, REFUSED = TransferStep.ASKED, TransferStep.DONE, TransferStep.FAILED, TransferStep.REFUSED


def direct() -> Transferring:
    """A call whose audio goes directly."""
    story = Transferring()
    story.talking(body=sdp(PCMU, PCMA))
    return story


def test_a_direct_call_is_transferred_and_the_client_told_where_the_new_phone_is() -> None:
    story = direct()
    story.refers()
    assert story.statuses == [202]
    invite = story.now("INVITE")
    assert (invite.uri, invite.headers.referred_by, invite.headers.replaces) == (DAVE, "<sip:bob@sip.test>", None)
    assert story.notices() == [(100, "active")]
    story.dave_responds(180)
    story.dave_responds(200, DAVES)
    assert story.methods[:2] == ["ACK", "NOTIFY"]
    assert story.notices() == [(100, "active"), (180, "active"), (200, "terminated")]
    moved = story.the(InformTransport).content.transport
    assert isinstance(moved, RawUdp)
    first = moved.candidates[0]
    assert (first.ip, first.port, first.generation) == ("127.0.0.8", 6000, 1)
    assert "dave@sip.test" in story.the(SendText).text
    assert story.steps() == [ASKED, DONE]
    story.hears_notice()
    assert story.methods == ["BYE"]
    story.responds(200, to="BYE")
    [call] = story.user.calls.values()
    assert not call.left
    story.dave_sends("BYE")
    assert story.all(TerminateSession)
    assert story.ended.cause is Cause.HUNG_UP
    assert story.over()


def test_who_has_the_call_now_is_transferred_by_the_user() -> None:
    story = direct()
    story.refers()
    story.dave_responds(200, DAVES)
    story.tell(GatewayAsked(DESK, GATEWAY, TransferCall("dave@sip.test")))
    assert story.the(SendText).text == texts.YOURSELF
    story.tell(GatewayAsked(DESK, GATEWAY, TransferCall("bob@sip.test")))
    invite = story.now("INVITE")
    assert (invite.uri, invite.sender.name) == ("sip:bob@sip.test", "dave@sip.test")


def test_a_relayed_call_is_transferred_and_the_relay_told() -> None:
    story = Transferring(relay=True).talks_through_relay()
    story.refers()
    assert story.statuses == [202]
    assert story.all(OfferRelay)
    story.relay_describes()
    assert story.to_dave[1].uri == DAVE
    story.dave_responds(200, DAVES)
    assert story.all(OfferRelay)
    assert not story.all(InformTransport)
    story.relay_describes()
    answer = next(each.command for each in reversed(story.issued) if isinstance(each.command, AnswerRelay))
    assert isinstance(answer.description.transport, RawUdp)
    assert answer.description.transport.candidates[0].port == 6000
    assert story.steps() == [ASKED, DONE]


def phones(story: Transferring) -> list[tuple[type, int, bool | None]]:
    """The requests to the relay about phones, with the number of each, and if it is passed on."""
    found = []
    for each in story.issued:
        phone = getattr(each.command, "phone", None)
        if phone is not None:
            assert phone.party is RelayParty.ANSWERER
            found.append((type(each.command), phone.number, getattr(each.command, "on", None)))
    return found


def test_a_new_phone_is_an_end_of_its_own_for_the_relay_which_no_longer_hears_the_first() -> None:
    """Otherwise the first would know the relay's address and key for the second, and could take its place."""
    story = Transferring(relay=True).talks_through_relay()
    assert phones(story) == []
    story.refers("<sip:erin@sip.test>")
    story.relay_describes()
    shown = [(OfferRelay, 1, None), (SwitchPhone, 1, False), (AnswerRelay, 0, None)]
    assert phones(story) == shown
    story.dave_responds(486)
    story.refers()
    story.relay_describes()
    assert phones(story)[3:] == [(OfferRelay, 2, None), (SwitchPhone, 2, False), (AnswerRelay, 0, None)]
    story.dave_responds(200, DAVES)
    story.relay_describes()
    passed = [(OfferRelay, 2, None), (SwitchPhone, 0, False), (SwitchPhone, 2, True), (AnswerRelay, 2, None)]
    assert phones(story)[6:] == passed
    told_again = [(SwitchPhone, number, number == 2) for number in range(3)]
    story.tell(Restarted())
    assert phones(story)[10:] == told_again
    story.tell(RelayLost("The media relay was silent."))
    story.relay_describes()
    assert phones(story)[13:] == [(OfferRelay, 2, None), (AnswerRelay, 2, None), *told_again]
    story.dave_sends("BYE")
    assert phones(story)[18:] == [(DeleteRelay, 2, None)]


def test_a_relay_that_is_lost_while_it_is_asked_for_another_phone_is_asked_again() -> None:
    story = Transferring(relay=True).talks_through_relay()
    story.refers()
    story.tell(RelayLost("The media relay was restarted."))
    story.relay_describes()
    assert [each for each in phones(story) if each[0] is not SwitchPhone] == [
        *((OfferRelay, 1, None), (OfferRelay, 0, None), (AnswerRelay, 0, None)),
        *((OfferRelay, 1, None), (AnswerRelay, 0, None)),
    ]
    assert story.to_dave[1].uri == DAVE


def test_a_phone_that_rings_while_the_relay_is_lost_is_told_where_it_is_now() -> None:
    story = Transferring(relay=True).talks_through_relay()
    story.refers()
    story.relay_describes()
    story.tell(RelayLost("The media relay was restarted."))
    story.relay_describes()
    story.dave_responds(200, DAVES)
    story.relay_describes(replace(FOR_PHONE, transport=RawUdp((ANOTHER,))))
    invite = story.now("INVITE")
    assert isinstance(invite.body, Sdp)
    assert invite.body.audio
    assert invite.body.audio.description
    assert (invite.recipient.tag, address(invite.body.audio.description)) == ("dave", ANOTHER)


@pytest.mark.parametrize("relayed", [False, True])
def test_a_transfer_that_fails_goes_back_to_the_old_call(relayed: bool) -> None:
    story = Transferring(relay=True).talks_through_relay() if relayed else direct()
    story.refers()
    story.relay_describes()
    before = len(story.issued)
    story.dave_responds(486)
    assert story.notices()[-1] == (486, "terminated")
    [call] = story.user.calls.values()
    assert isinstance(call.sip, Confirmed)
    assert call.transfer is None
    sent = [each.command for each in story.issued[before:] if not isinstance(each.command, SendRequest | SendResponse)]
    assert not [each for each in sent if isinstance(each, TerminateSession | InformSession | InformTransport)]
    assert story.steps() == [ASKED, FAILED]
    story.refers("<sip:erin@sip.test>")
    assert story.statuses == [202]


def test_a_phone_that_holds_and_transfers_leaves_no_client_on_hold() -> None:
    story = direct()
    story.sends("INVITE", sdp(PCMU, PCMA, senders="initiator"))
    story.acknowledges(of=story.response(200).head)
    assert story.user.calls
    story.refers()
    story.dave_responds(200, DAVES)
    assert [each.info for each in story.all(InformSession)] == ["unhold"]


def test_a_client_that_holds_has_the_new_phone_on_hold() -> None:
    story = direct()
    story.holds()
    story.answers(sdp(PCMU, PCMA))
    story.refers()
    story.dave_responds(200, DAVES)
    assert story.now("INVITE").recipient.tag == "dave"


@pytest.mark.parametrize(
    ("more", "require"),
    [("", ()), ("&Require=replaces", ("replaces",)), ("&require=x%2C%20Replaces", ("replaces",)), ("&Require=x", ())],
)
def test_an_attended_transfer_names_the_dialog_that_it_replaces(more: str, require: tuple[str, ...]) -> None:
    """If a phone that knows nothing of that is to be called, the one that asks decides."""
    story = direct()
    story.refers(f"<sip:dave@sip.test?Replaces=abc%40host%3Bto-tag%3Dt1%3Bfrom-tag%3Df1{more}>")
    headers = story.now("INVITE").headers
    assert (headers.replaces, headers.require) == ("abc@host;to-tag=t1;from-tag=f1", require)


def test_a_phone_that_does_not_know_replaces_is_rung_or_not_as_the_one_that_asks_wants() -> None:
    story = direct()
    story.refers("<sip:dave@sip.test?Replaces=abc%40host%3Bto-tag%3Dt1%3Bfrom-tag%3Df1&Require=replaces>")
    story.dave_responds(420)
    assert story.notices()[-1] == (420, "terminated")
    assert story.steps()[-1] is FAILED


@pytest.mark.parametrize(
    ("to", "status"),
    [
        ("<sip:carol@>", 404),
        ("<mailto:carol@sip.test>", 404),
        ("<sip:carol@sip.test;method=BYE>", 404),
        ("<sip:carol@sip.test?Replaces=x%0d%0aEvil:1%3Bto-tag%3Da%3Bfrom-tag%3Db>", 404),
        ("<sip:alice@sip.test>", 404),
    ],
)
def test_what_names_nobody_is_refused_and_the_call_goes_on(to: str, status: int) -> None:
    story = direct()
    story.refers(to)
    assert story.statuses == [status]
    assert story.methods == []
    assert story.steps() == [REFUSED]
    assert isinstance(story.confirmed, Confirmed)


def test_numbers_go_through_the_rules_of_the_user() -> None:
    story = Transferring(foreign="refuse")
    story.talking()
    story.refers("<sip:dave@elsewhere.test>")
    assert story.statuses == [403]
    story.refers("<sip:+441632960111@192.0.2.77:5062>")
    assert story.now("INVITE").uri == "sip:+441632960111@sip.test"


def test_no_call_is_transferred_to_an_emergency_number() -> None:
    story = Transferring(emergency_numbers=("112",))
    story.talking()
    story.refers("<sip:112@sip.test>")
    assert story.statuses == [403]


def test_one_transfer_is_under_way_at_a_time_and_few_in_a_call() -> None:
    story = direct()
    story.refers()
    story.refers("<sip:erin@sip.test>")
    assert story.statuses == [491]
    story.dave_responds(486)
    for _ in range(4):
        story.refers()
        assert story.statuses == [202]
        story.dave_responds(486)
    story.refers()
    assert story.statuses == [603]


def test_a_phone_that_wants_no_notices_gets_none() -> None:
    story = direct()
    story.refers(headers=SipHeaders(refer_sub=False, supported=("norefersub",)))
    assert story.response(202).headers.refer_sub is False
    story.dave_responds(200, DAVES)
    assert story.methods == ["ACK", "BYE"]


def test_a_phone_that_hangs_up_leaves_the_client_with_the_new_one() -> None:
    story = Transferring(relay=True).talks_through_relay()
    story.refers()
    story.relay_describes()
    story.dave_responds(180)
    story.sends("BYE")
    assert story.notices()[-1] == (180, "terminated")
    assert not story.all(TerminateSession)
    assert story.all(PlayRinging)
    story.dave_responds(200, DAVES)
    assert story.all(StopRinging)
    assert story.steps() == [ASKED, DONE]
    story.relay_describes()
    story.dave_sends("BYE")
    assert story.all(TerminateSession)


def test_a_call_ends_that_was_left_to_a_phone_that_does_not_take_it() -> None:
    story = direct()
    story.refers()
    story.sends("BYE")
    assert not story.all(TerminateSession)
    story.dave_responds(486)
    assert story.all(TerminateSession)
    assert story.ended.cause is Cause.BUSY


def test_a_client_that_hangs_up_ends_both_calls() -> None:
    story = direct()
    story.refers()
    story.dave_responds(180)
    story.hangs_up("s1")
    assert sorted(story.methods) == ["BYE", "CANCEL"]
    [call] = story.user.calls.values()
    assert isinstance(call.left[0], UacCancelling)


def test_a_phone_with_none_of_the_codecs_is_no_phone_to_transfer_to() -> None:
    story = direct()
    story.refers()
    story.dave_responds(200, sdp(G722, at=AT_DAVES))
    assert story.notices()[-1] == (488, "terminated")
    assert isinstance(story.confirmed, Confirmed)


@pytest.mark.parametrize(("relayed", "status", "told"), [(False, 488, True), (True, 488, False), (False, 486, False)])
def test_who_asks_and_the_user_are_told_that_nobody_translates(relayed: bool, status: int, told: bool) -> None:
    story = Transferring(relay=True).talks_through_relay() if relayed else direct()
    story.refers()
    story.relay_describes()
    story.dave_responds(status)
    notice = story.now("NOTIFY").body
    assert isinstance(notice, SipFragment)
    assert (notice.status, notice.phrase == of_calls.NO_COMMON_CODEC) == (status, told)
    assert ["dave@sip.test" in each.text and "codec" in each.text for each in story.all(SendText)] == [True] * told


def replacing(story: Transferring, body: object = DAVES) -> InviteReceived:
    """The INVITE by which Dave takes over the call."""
    of = story.confirmed.dialog
    text = f"{of.call_id};to-tag={of.local.tag};from-tag={of.remote.tag}"
    story.remote_tag = "dave"
    story.invites(
        body,  # type: ignore[arg-type]
        head=replace(story.head("INVITE"), call_id="call-of-dave"),
        headers=SipHeaders(replaces=text, require=("replaces",)),
        of_provider=True,
    )
    return story.arrived


@pytest.mark.parametrize("relayed", [False, True])
def test_an_invite_with_replaces_takes_over_the_call_that_it_names(relayed: bool) -> None:
    story = Transferring(relay=True).talks_through_relay() if relayed else direct()
    first = story.confirmed.dialog
    replacing(story)
    if relayed:
        assert story.statuses == []
        story.relay_describes()
    assert 200 in [each.command.status for each in story.issued if isinstance(each.command, SendResponse)]
    assert story.request("BYE").call_id == first.call_id
    story.acknowledges()
    assert story.confirmed.dialog.remote.tag == "dave"
    assert story.steps() == [ASKED, DONE]


def test_an_invite_with_replaces_from_elsewhere_or_of_no_call_takes_over_nothing() -> None:
    story = direct()
    of = story.confirmed.dialog
    for text, of_provider, status in (
        (f"{of.call_id};to-tag={of.local.tag};from-tag={of.remote.tag}", False, 603),
        (f"{of.call_id};to-tag={of.local.tag};from-tag=other", True, 603),
        (f"{of.call_id};to-tag=x;from-tag={of.remote.tag}", True, 481),
        (f"{of.call_id};to-tag={of.local.tag};from-tag={of.remote.tag};early-only", True, 603),
    ):
        story.invites(
            head=replace(story.head("INVITE"), call_id=f"call-{status}-{of_provider}-{len(text)}"),
            headers=SipHeaders(replaces=text),
            of_provider=of_provider,
        )
        assert story.statuses == [status]
    assert len(story.user.calls) == 1


def test_a_call_that_is_encrypted_from_end_to_end_stays_with_its_phone() -> None:
    story = Securing()
    story.calls_out()
    story.answers(phone_says())
    story.sends("REFER", headers=SipHeaders(refer_to=f"<{DAVE}>"))
    assert story.statuses == [488]
    assert story.methods == []
    assert story.confirmed.referred is None


def test_a_phone_that_knows_nothing_of_notices_or_answers_none_is_hung_up() -> None:
    story = direct()
    story.refers()
    story.hears_notice(481)
    story.dave_responds(180)
    assert story.methods == []
    story.dave_responds(200, DAVES)
    assert "BYE" in story.methods
    story = direct()
    story.refers()
    story.dave_responds(200, DAVES)
    assert "BYE" not in story.methods
    due = [each for each in deadlines(story.user) if "transfer" in each.name]
    story.tell(TimePassed(), after=due[0].at - story.at)
    assert story.methods == ["BYE"]


def test_a_gateway_that_was_restarted_goes_on_with_a_transfer() -> None:
    story = direct()
    story.refers()
    story.tell(Restarted())
    assert "INVITE" in story.methods
    story.dave_responds(200, DAVES)
    assert story.steps() == [ASKED, DONE]
