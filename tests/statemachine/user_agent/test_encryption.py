"""Encrypted audio (SRTP with keys by SDES, RFC 4568) to a provider that is reached over TLS."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from fargo.statemachine.account import texts as account_texts
from fargo.statemachine.legs.relay import texts as relay_texts
from fargo.statemachine.legs.user_agent import offer_answer, texts
from fargo.statemachine.legs.user_agent.offer_answer import Ours
from fargo.statemachine.media import texts as media_texts
from fargo.statemachine.media.description import Crypto, Description, Srtp
from fargo.statemachine.media.paths import Policy
from fargo.statemachine.model.call_records import AudioPath, RecordMedia, RecordPath
from fargo.statemachine.model.commands import InitiateSession, RefuseIq, SendRegistrationForm
from fargo.statemachine.model.events import RegistrationAsked, RegistrationSubmitted, SipAccount
from fargo.statemachine.model.ng import AnswerRelay, OfferRelay, RelayRefused
from fargo.statemachine.model.sip_messages import SendRegister, SendResponse
from fargo.statemachine.model.sip_values import Body, Sdp
from fargo.statemachine.reason import Cause, Reason

from ..registering import REGISTRAR, Registering
from ..relayed import FOR_PHONE, PHONE_OFFER
from ..story import DESCRIPTION, PCMA, PCMU, Story
from .encrypting import CHOSEN, NEW_KEY, OF_PHONE, OF_RELAY, SECURE, TAKEN, WITH_RELAY, Encrypting
from .phone import THERE, sdp

WITHOUT_RELAY = Policy(engine="sip")


def audio(body: Body | None) -> Description:
    assert isinstance(body, Sdp)
    assert body.audio
    assert body.audio.description
    return body.audio.description


def encrypted(story: Encrypting) -> list[bool]:
    return [each.encrypted for each in story.noted() if isinstance(each, RecordMedia)]


def failed(domain_text: str) -> Reason:
    return Reason(Cause.SECURITY, domain_text.format(domain="sip.test"))


# --- which calls are encrypted


@pytest.mark.parametrize("srtp", ["required", "optional"])
def test_a_call_over_tls_is_encrypted_by_the_relay(srtp: Srtp) -> None:
    story = Encrypting(srtp)
    story.calls()
    assert story.the(OfferRelay).srtp == srtp
    paths = [each for each in story.noted() if isinstance(each, RecordPath)]
    assert [(each.path, each.why) for each in paths] == [(AudioPath.RELAY, media_texts.RELAY_ENCRYPTS)]
    story.relay_offers()
    offered = audio(story.now("INVITE").body)
    assert (offered.crypto, offered.encryption_required) == (OF_RELAY, srtp == "required")
    story.answers(story.phone_sdp(*CHOSEN))
    assert story.the(AnswerRelay).description.crypto == CHOSEN
    assert story.the(AnswerRelay).description.encryption_required is (srtp == "required")
    assert encrypted(story) == [True]


@pytest.mark.parametrize(
    ("srtp", "policy", "over"),
    [("off", WITH_RELAY, SECURE), ("optional", WITHOUT_RELAY, SECURE), ("optional", WITH_RELAY, REGISTRAR)],
)
def test_other_calls_are_plain(srtp: Srtp, policy: Policy, over: object) -> None:
    story = Encrypting(srtp, policy, SECURE if over is SECURE else REGISTRAR)
    story.calls()
    offered = audio(story.now("INVITE").body)
    assert (offered.crypto, offered.encryption_required) == ((), False)
    story.answers(sdp(crypto=CHOSEN))
    assert encrypted(story) == [False]


@pytest.mark.parametrize(
    ("policy", "over", "text"),
    [
        (WITHOUT_RELAY, SECURE, media_texts.SRTP_NEEDS_RELAY),
        (Policy("direct", True, "sip"), SECURE, media_texts.SRTP_NEEDS_RELAY),
        (WITH_RELAY, REGISTRAR, media_texts.SRTP_NEEDS_TLS),
    ],
)
def test_a_call_that_cannot_be_encrypted_as_required_is_refused(policy: Policy, over: object, text: str) -> None:
    story = Encrypting("required", policy, SECURE if over is SECURE else REGISTRAR)
    story.calls()
    assert story.the(RefuseIq).text == text
    story.invites(story.phone_sdp(*OF_PHONE))
    assert story.statuses == [488]
    assert story.ended == Reason(Cause.SECURITY, text)


def test_an_emergency_call_is_made_without_the_encryption_that_is_required() -> None:
    policy = replace(WITHOUT_RELAY, emergency_numbers=("112",))
    story = Encrypting("required", policy)
    story.calls(to="112%sip.test@sip.localhost")
    assert audio(story.now("INVITE").body).crypto == ()


def test_an_account_of_an_older_log_prefers_encryption() -> None:
    assert SipAccount("alice@sip.test").srtp == "optional"


# --- calls out


def test_a_plain_answer_is_refused_if_encryption_is_required() -> None:
    story = Encrypting()
    story.calls()
    story.relay_offers()
    story.answers(sdp())
    assert story.methods == ["ACK", "BYE"]
    assert story.ended == failed(texts.ANSWER_NOT_ENCRYPTED)
    assert not story.all(AnswerRelay)


def test_a_phone_that_ignores_optional_encryption_gets_plain_audio() -> None:
    story = Encrypting("optional")
    story.calls()
    story.relay_offers()
    story.answers(sdp())
    assert story.the(AnswerRelay).description.crypto == ()
    assert encrypted(story) == [False]
    story.described(AnswerRelay, PHONE_OFFER)
    story.holds()
    assert audio(story.now("INVITE").body).crypto == ()


@pytest.mark.parametrize(("srtp", "required"), [("required", False), ("optional", True)])
def test_an_answer_in_another_profile_is_of_no_use(srtp: Srtp, required: bool) -> None:
    """RFC 3264 §6."""
    story = Encrypting(srtp)
    story.calls()
    story.relay_offers()
    story.answers(story.phone_sdp(*CHOSEN, required=required))
    assert story.methods == ["ACK", "BYE"]


@pytest.mark.parametrize("srtp", ["required", "optional"])
@pytest.mark.parametrize(
    "key", [replace(CHOSEN[0], tag=1), replace(CHOSEN[0], suite="AES_CM_128_HMAC_SHA1_32"), replace(CHOSEN[0], tag=9)]
)
def test_a_phone_has_to_choose_a_key_that_it_was_offered(srtp: Srtp, key: Crypto) -> None:
    story = Encrypting(srtp)
    story.calls()
    story.relay_offers()
    story.answers(story.phone_sdp(key))
    assert story.methods == ["ACK", "BYE"]
    assert story.ended == Reason(Cause.MEDIA, texts.ANSWER_WITHOUT_AUDIO)


@pytest.mark.parametrize("description", [FOR_PHONE, replace(FOR_PHONE, crypto=OF_RELAY)])
def test_a_relay_that_does_not_encrypt_as_required_ends_the_call(description: Description) -> None:
    story = Encrypting()
    story.calls()
    story.relay_offers(description)
    assert story.methods == []
    assert story.ended.text == relay_texts.FAILED.format(problem=relay_texts.NOT_ENCRYPTED)


@pytest.mark.parametrize(("srtp", "methods"), [("required", []), ("optional", ["INVITE"])])
def test_a_relay_that_fails_is_done_without_unless_encryption_is_required(srtp: Srtp, methods: list[str]) -> None:
    story = Encrypting(srtp)
    story.calls()
    story.tell(RelayRefused(story.id_of(OfferRelay), "It is overloaded."))
    assert story.methods == methods


# --- calls in


@pytest.mark.parametrize(
    ("srtp", "required"), [("required", True), ("required", False), ("optional", True), ("optional", False)]
)
def test_a_call_in_is_answered_with_encryption_by_the_relay(srtp: Srtp, required: bool) -> None:
    story = Encrypting(srtp)
    story.invites(story.phone_sdp(*OF_PHONE, required=required))
    assert story.the(OfferRelay).description.crypto == OF_PHONE
    assert not story.all(InitiateSession)
    story = Encrypting(srtp).is_talked_to(required)
    answered = audio(story.response(200).body)
    assert answered.crypto == TAKEN
    assert encrypted(story) == [True]
    assert story.confirmed.session.theirs.crypto == OF_PHONE[1:]


@pytest.mark.parametrize(
    ("srtp", "policy", "over"),
    [("off", WITH_RELAY, SECURE), ("optional", WITHOUT_RELAY, SECURE), ("optional", WITH_RELAY, REGISTRAR)],
)
def test_a_call_in_that_demands_encryption_in_vain_is_refused(srtp: Srtp, policy: Policy, over: object) -> None:
    story = Encrypting(srtp, policy, SECURE if over is SECURE else REGISTRAR)
    story.invites(story.phone_sdp(*OF_PHONE, required=True))
    assert story.statuses == [488]
    assert story.ended == Reason(Cause.MEDIA, texts.OFFER_WITHOUT_AUDIO)
    story.acknowledges()
    story.invites(story.phone_sdp(*OF_PHONE, required=False))
    assert story.all(InitiateSession), "keys are ignored"
    story.accepts()
    assert audio(story.response(200).body).crypto == ()


def test_a_demand_without_a_key_that_we_know_is_refused() -> None:
    story = Encrypting()
    story.invites(story.phone_sdp())
    assert story.statuses == [488]


@pytest.mark.parametrize("body", [sdp(), None])
def test_a_plain_call_in_is_refused_if_encryption_is_required(body: Sdp | None) -> None:
    story = Encrypting()
    story.invites(body)
    final = story.the(SendResponse)
    assert (final.status, final.headers.warning[0].text) == (488, texts.OFFER_NOT_ENCRYPTED)
    assert story.ended == Reason(Cause.SECURITY, texts.OFFER_NOT_ENCRYPTED)


def test_a_plain_call_in_is_direct_if_encryption_is_optional() -> None:
    story = Encrypting("optional")
    story.invites(sdp())
    assert not story.all(OfferRelay)
    assert story.all(InitiateSession)


@pytest.mark.parametrize("required", [True, False])
def test_a_call_in_is_not_put_through_without_the_relay_that_decrypts_it(required: bool) -> None:
    story = Encrypting()
    story.invites(story.phone_sdp(*OF_PHONE, required=required))
    story.tell(RelayRefused(story.id_of(OfferRelay), "It is overloaded."))
    assert not story.all(InitiateSession)
    assert story.statuses == [480]


@pytest.mark.parametrize("taken", [(), OF_RELAY, OF_RELAY[:1], (*TAKEN, replace(TAKEN[0], tag=4))])
def test_a_relay_that_does_not_take_one_of_the_keys_ends_the_call(taken: tuple[Crypto, ...]) -> None:
    story = Encrypting("optional")
    story.invites(story.phone_sdp(*OF_PHONE))
    story.described(OfferRelay, FOR_PHONE)
    story.accepts()
    story.described(AnswerRelay, replace(FOR_PHONE, crypto=taken))
    assert story.statuses == [480]
    assert story.ended.text == relay_texts.FAILED.format(problem=relay_texts.NOT_ENCRYPTED)


# --- changes of the call


def test_a_hold_offers_the_key_that_was_chosen() -> None:
    story = Encrypting().talks()
    story.holds()
    offered = audio(story.now("INVITE").body)
    assert offered.crypto == OF_RELAY[1:]
    story.responds(200, "OK", story.phone_sdp(*CHOSEN, senders="responder"))
    assert not story.all(OfferRelay)
    assert encrypted(story) == [True, True]


def test_an_answer_with_another_key_is_told_to_the_relay() -> None:
    story = Encrypting().talks()
    story.holds()
    renewed = replace(CHOSEN[0], key="phone-2-new")
    story.responds(200, "OK", story.phone_sdp(renewed, senders="responder"))
    offered = story.the(OfferRelay)
    assert (offered.srtp, offered.description) == ("required", DESCRIPTION)
    story.relay_offers()
    assert story.the(AnswerRelay).description.crypto == (renewed,)


@pytest.mark.parametrize("method", ["INVITE", "UPDATE"])
def test_an_offer_with_another_key_is_answered_with_ours_and_told_to_the_relay(method: str) -> None:
    """RFC 4568 §5.1.2: the answer has the tag of the line that it takes. The relay knows the key by its own tag."""
    story = Encrypting().talks()
    story.sends(method, story.phone_sdp(*NEW_KEY))
    answered = audio(story.the(SendResponse).body)
    assert answered.crypto == (replace(OF_RELAY[1], tag=5),)
    assert story.all(OfferRelay)
    story.relay_offers()
    assert story.the(AnswerRelay).description.crypto == (replace(NEW_KEY[1], tag=2),)


def test_a_caller_that_changes_its_key_is_followed() -> None:
    story = Encrypting("optional").is_talked_to(True)
    story.sends("INVITE", story.phone_sdp(*NEW_KEY, required=True))
    assert audio(story.the(SendResponse).body).crypto == (replace(TAKEN[0], tag=5),)
    assert story.the(OfferRelay).srtp == "required"
    story.relay_offers()
    assert story.the(AnswerRelay).description.crypto == (replace(NEW_KEY[1], tag=7),)


@pytest.mark.parametrize(("crypto", "required"), [((), False), (NEW_KEY[:1], True), ((), True)])
def test_an_offer_without_our_suite_is_refused_and_the_call_goes_on(crypto: tuple[Crypto, ...], required: bool) -> None:
    story = Encrypting().talks()
    before = story.confirmed.session
    story.sends("INVITE", story.phone_sdp(*crypto, required=required))
    assert story.statuses == [488]
    assert story.confirmed.session == before


def test_a_plain_call_stays_plain() -> None:
    story = Encrypting("off")
    story.talking()
    story.sends("INVITE", story.phone_sdp(*NEW_KEY, required=True))
    assert story.statuses == [488]
    story.sends("INVITE", sdp(PCMU, PCMA, crypto=NEW_KEY))
    assert audio(story.the(SendResponse).body).crypto == ()
    assert not story.all(OfferRelay)


def test_a_refresh_offers_the_same_key_again() -> None:
    story = Encrypting("optional").is_talked_to(False)
    first = audio(story.response(200).body)
    story.sends("INVITE", None)
    assert audio(story.the(SendResponse).body) == first


# --- the account


def test_the_form_has_the_choice_if_the_engine_encrypts() -> None:
    story: Story = Registering()
    story.tell(RegistrationAsked(story.iq()))
    assert story.the(SendRegistrationForm).srtp == ("off", "optional", "required")
    story = Story()
    story.tell(RegistrationAsked(story.iq()))
    assert story.the(SendRegistrationForm).srtp == ()


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_encryption_is_not_required_without_tls(transport: str) -> None:
    story = Registering()
    story.submit(SipAccount("alice@sip.test", transport=transport, srtp="required"))
    assert story.the(RefuseIq).text == account_texts.SRTP_NEEDS_TLS
    story.submit(SipAccount("alice@sip.test", transport=transport, srtp="optional"))
    assert story.all(SendRegister)


def test_an_engine_that_cannot_encrypt_refuses_to() -> None:
    story = Story()
    story.tell(RegistrationSubmitted(story.iq(), SipAccount("alice@sip.test", srtp="required"), "s1", "nonce"))
    assert story.the(RefuseIq).text == account_texts.SRTP_NEEDS_TLS


# --- properties of offers and answers

suites = st.sampled_from(("AEAD_AES_256_GCM", "AES_CM_128_HMAC_SHA1_80", "AES_CM_128_HMAC_SHA1_32"))
keys = st.lists(
    st.builds(Crypto, st.integers(1, 3), suites, st.sampled_from(("k1", "k2", "k3"))),
    max_size=3,
    unique_by=lambda k: k.tag,
).map(tuple)
theirs = st.builds(
    lambda crypto, required: sdp(PCMU, crypto=crypto, required=required, at=THERE), crypto=keys, required=st.booleans()
)
ours = st.builds(
    lambda crypto, required: replace(DESCRIPTION, crypto=crypto, encryption_required=required and bool(crypto)),
    crypto=keys,
    required=st.booleans(),
)


@given(ours, theirs, st.lists(theirs, max_size=4))
def test_a_session_is_encrypted_at_both_ends_or_at_none(local: Description, first: Sdp, later: list[Sdp]) -> None:
    """And never if not as required; it stays so, and an answer of ours takes one of the keys that it was offered."""
    session = offer_answer.answered(local, offer_answer.first_offer(local), first)
    if session is None:
        return
    if local.encryption_required:
        assert session.theirs.crypto
    before = session
    for offered in later:
        answered = offer_answer.answer(session, Ours(session.ours.local), offered)
        if answered is None:
            continue
        session = answered
        [given] = [audio(session.sent).crypto]
        assert {(each.tag, each.suite) for each in given} <= {(e.tag, e.suite) for e in audio(offered).crypto}
        assert bool(given) is bool(before.theirs.crypto)
    for each in (session.ours.local, session.theirs):
        assert len(each.crypto) == len(before.ours.local.crypto) <= 1
        assert {(e.tag, e.suite) for e in each.crypto} == {(e.tag, e.suite) for e in before.ours.local.crypto}
