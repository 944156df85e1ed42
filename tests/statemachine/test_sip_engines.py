"""SIP engines: an account names its own, the core asks what it can do, and a leg may have none."""

import msgspec
import pytest
from msgspec.structs import replace

from fargo.statemachine.account import texts
from fargo.statemachine.address import SipUri
from fargo.statemachine.effects import Effects
from fargo.statemachine.legs.leg_events import Ended, Held, LegEvent, Offered, Ringing, TransportChanged
from fargo.statemachine.legs.sip import sip_leg
from fargo.statemachine.legs.sip.capabilities import NOTHING, SipCapabilities
from fargo.statemachine.legs.sip.phases import Line, Over, Preparing
from fargo.statemachine.legs.sip.sip_leg import SipLeg
from fargo.statemachine.legs.telepathy import telepathy_leg
from fargo.statemachine.legs.telepathy.phases import Dialling
from fargo.statemachine.media.description import Candidate, Content, Description, MediaProfile, RawUdp
from fargo.statemachine.model.call1 import CallState, CallStateChanged, PlaceCall
from fargo.statemachine.model.commands import (
    AcceptIq,
    Fault,
    PresenceKind,
    RefuseIq,
    SendPresence,
    SignIn,
)
from fargo.statemachine.model.events import RegistrationSubmitted, SipAccount, Snapshot, TimePassed
from fargo.statemachine.model.jingle_events import SessionInitiated, TransportInformed
from fargo.statemachine.model.ng import AnswerRelay, OfferRelay
from fargo.statemachine.model.presence import SignedIn
from fargo.statemachine.model.sip import ENGINES, SipEngine
from fargo.statemachine.reason import Cause, Reason

from .relayed import FOR_PHONE, PHONE_OFFER, Relayed
from .story import ADDRESS, BOB, GATEWAY, OFFER, PCMU, Story

KNOWN = SipAccount("alice@sip.test")
UNKNOWN = replace(KNOWN, engine="carrier-pigeon")
NO_SUCH_ENGINE = texts.UNKNOWN_ENGINE.format(engine="carrier-pigeon")
LINE = Line("telepathy", "3.0", SipUri("bob", "sip.test"), "nonce", "sip.test")
ELSEWHERE = RawUdp((Candidate(1, "127.0.0.8", 4008), Candidate(2, "127.0.0.8", 4009)))
PLAIN = Description("audio", (PCMU,), ADDRESS)
LOST = Reason(Cause.NETWORK, "It is gone.")


# --- the account names its engine


def test_an_account_that_names_no_engine_has_the_first_one() -> None:
    """So do those that were recorded before there was a choice; and nothing of it is written."""
    written = b'{"address":"alice@sip.test"}'
    assert msgspec.json.decode(written, type=SipAccount) == KNOWN
    assert KNOWN.engine == "telepathy"
    assert msgspec.json.encode(KNOWN) == written


def test_an_account_says_which_engine_is_to_sign_it_in() -> None:
    story = Story()
    story.register(KNOWN)
    [sign_in] = [issued.command for issued in story.issued if isinstance(issued.command, SignIn)]
    assert sign_in.account.engine == "telepathy"


def test_a_submitted_account_has_the_engine_of_the_operator() -> None:
    story = Story()
    assert story.tell(RegistrationSubmitted(story.iq(), UNKNOWN, "s1", "nonce")) == [SignIn(KNOWN, "s1")]


def test_an_account_of_an_unknown_engine_is_not_signed_in() -> None:
    """A newer version has registered it."""
    story = Story()
    story.tell(Snapshot(UNKNOWN, "s1", "nonce", GATEWAY))
    story.online()
    commands = [issued.command for issued in story.issued]
    assert not [command for command in commands if isinstance(command, SignIn | Fault)]
    assert SendPresence(GATEWAY, "alice@localhost", PresenceKind.AVAILABLE, "dnd", NO_SUCH_ENGINE) in commands


def test_an_account_of_an_unknown_engine_cannot_call() -> None:
    story = Story()
    story.tell(Snapshot(UNKNOWN, "s1", "nonce", GATEWAY, SignedIn("1.0")))
    iq = story.iq(BOB)
    assert story.tell(SessionInitiated(iq, "s1", (OFFER,))) == [
        RefuseIq(iq, "wait", "recipient-unavailable", NO_SUCH_ENGINE)
    ]


# --- what an engine can do


@pytest.mark.parametrize("engine", ENGINES)
def test_every_engine_speaks_plain_rtp(engine: SipEngine) -> None:
    """It is what the relay offers to phones."""
    assert MediaProfile.PLAIN in sip_leg.engine_capabilities(engine).profiles


def test_an_unknown_engine_can_do_nothing() -> None:
    assert sip_leg.engine_capabilities(None) == NOTHING


def test_a_leg_can_do_what_its_engine_can() -> None:
    assert OFFER.description
    can = sip_leg.engine_capabilities("telepathy")
    assert sip_leg.capabilities(Preparing(LINE)) == can
    assert sip_leg.capabilities(Dialling("1.0", "sip.test", OFFER.description, 0.0)) == can
    assert sip_leg.capabilities(Over()) == NOTHING


def able_to(monkeypatch: pytest.MonkeyPatch, capabilities: SipCapabilities) -> None:
    """Let the engine be able to do this."""
    monkeypatch.setattr(telepathy_leg, "CAPABILITIES", capabilities)


def told_to_the_phone(story: Story, monkeypatch: pytest.MonkeyPatch) -> list[LegEvent]:
    """Return what the SIP leg is told while the client sends audio from elsewhere."""
    told: list[LegEvent] = []

    def tell(leg: SipLeg, leg_event: LegEvent, _effects: Effects) -> SipLeg:
        told.append(leg_event)
        return leg

    with monkeypatch.context() as patched:
        patched.setattr(sip_leg, "tell", tell)
        iq = story.iq(BOB)
        moved = TransportInformed(iq, "s1", (Content("voice", transport=ELSEWHERE),))
        assert story.tell(moved) == [AcceptIq(iq)]
    return told


@pytest.mark.parametrize(("can", "told"), [(True, [TransportChanged(ELSEWHERE)]), (False, [])])
def test_a_phone_is_told_of_a_client_that_moves_if_its_engine_can_tell_it(
    can: bool, told: list[LegEvent], monkeypatch: pytest.MonkeyPatch
) -> None:
    able_to(monkeypatch, SipCapabilities((MediaProfile.PLAIN,), transport_change=can))
    story = Story().signed_in()
    story.answered(story.call_out("s1"))
    assert told_to_the_phone(story, monkeypatch) == told


def test_a_phone_is_not_told_of_a_client_that_moves_behind_the_relay(monkeypatch: pytest.MonkeyPatch) -> None:
    able_to(monkeypatch, SipCapabilities((MediaProfile.PLAIN,), transport_change=True))
    story = Relayed(MediaProfile.PLAIN, path="relay")
    story.calls_out(PLAIN)
    story.described(OfferRelay, FOR_PHONE)
    story.phone_answers()
    story.described(AnswerRelay, PHONE_OFFER)
    assert told_to_the_phone(story, monkeypatch) == []


def test_a_client_whose_profile_the_engine_has_needs_no_relay(monkeypatch: pytest.MonkeyPatch) -> None:
    story = Relayed(MediaProfile.DTLS, path="direct")
    assert not [each for each in story.calls_out() if isinstance(each, PlaceCall)]
    able_to(monkeypatch, SipCapabilities((MediaProfile.PLAIN, MediaProfile.DTLS), transport_change=False))
    story.calls_out(sid="s2")
    story.tell(TimePassed(), after=2.0)
    assert [each for each in story.last if isinstance(each.command, PlaceCall)]


# --- a leg that no engine has


def test_a_leg_is_prepared_until_it_is_known_what_to_offer() -> None:
    assert OFFER.description
    effects = Effects("alice@localhost", 1, 0.0)
    offered = Offered(OFFER.description, MediaProfile.PLAIN)
    assert sip_leg.tell(Preparing(LINE), Ringing(), effects) == Preparing(LINE)
    assert not effects.issued
    assert isinstance(sip_leg.tell(Preparing(LINE), offered, effects), Dialling)
    assert [type(issued.command) for issued in effects.issued] == [PlaceCall]


@pytest.mark.parametrize("leg", [Preparing(LINE), Over()])
def test_no_engine_has_a_leg_that_is_not_placed_or_over(leg: SipLeg) -> None:
    effects = Effects("alice@localhost", 1, 0.0)
    event = CallStateChanged("1.0", CallState.ENDED)
    assert leg.name is None
    assert sip_leg.fold(leg, event, effects) == (leg, ())
    assert sip_leg.expire(leg, effects) == (leg, ())
    assert sip_leg.deadline(leg) is None
    assert sip_leg.offered(leg) is None
    assert not sip_leg.is_held(leg)
    assert sip_leg.tell(leg, Held(), effects) == leg
    assert sip_leg.tell(leg, Ended(LOST), effects) == Over()
    sip_leg.abandon(leg, effects)
    assert not effects.issued


def test_only_a_leg_that_is_not_over_can_be_lost() -> None:
    assert sip_leg.is_live(Preparing(LINE))
    assert sip_leg.lost(Preparing(LINE), LOST) == (Over(), (Ended(LOST),))
    assert not sip_leg.is_live(Over())
    assert sip_leg.lost(Over(), LOST) == (Over(), ())
