"""Sessions of our own SIP user agent with a phone, as logs: calls each way, hold, moves, refusals and the relay."""

from collections.abc import Callable, Mapping
from typing import Final

from msgspec.structs import replace

from fargo.statemachine import derived
from fargo.statemachine.media.description import Candidate
from fargo.statemachine.media.paths import Policy
from fargo.statemachine.model.commands import InitiateSession
from fargo.statemachine.model.events import PolicyChanged
from fargo.statemachine.model.jingle_events import SessionAccepted, SessionInformed, SessionTerminated
from fargo.statemachine.model.ng import AnswerRelay, OfferRelay, RelayDescribed
from fargo.statemachine.model.sip_values import (
    Challenge,
    Endpoint,
    Identity,
    Party,
    ReasonValue,
    RequestHead,
    SipFragment,
    SipHeaders,
    WarningValue,
)
from fargo.store.entries import Entry

from ..forwarding import AT_TARGET, Forwarding
from ..registering import REGISTRAR
from ..relayed import FOR_PHONE, PHONE_OFFER
from ..story import BOB, OFFER, PCMA, PCMU
from ..transferring import NUMBER, HandingOver
from .encrypting import NEW_KEY, Encrypting
from .phone import ZERO, Phoning, sdp
from .securing import OF_CLIENT, OF_PHONE, Securing, phone_says

DIGEST: Final = Challenge("sip.test", "NqLm8+dd/Zork==", True, "SHA-256", ("auth", "auth-int"), "Opaque77x")
TOLD_TO_WAIT: Final = sdp(PCMU, PCMA, senders="responder")
"""The answer of a phone that was put on hold (RFC 3264 §6.1)."""
TOKEN: Final = "c0ffee123456.{name}_0123456789abcdef0123"
"""The user part of a Contact of ours."""
AWAY: Final = (Candidate(1, "127.0.0.8", 6000),)


def held_and_moved() -> Phoning:
    """A call out, challenged and answered; both ends hold it, the phone moves, and hangs up with a reason."""
    story = Phoning(login=True)
    story.calls()
    story.responds(407, "Proxy Authentication Required", challenges=(DIGEST,))
    story.responds(183, "Session Progress", headers=SipHeaders(require=("100rel",), rseq=7))
    story.responds(200, "OK", to="PRACK")
    story.responds(180, "Ringing", headers=SipHeaders(unknown=("User-Agent", "X-Zork")))
    story.answers(sdp(PCMU, PCMA), record_route=("<sip:proxy.sip.test;lr;ftag=12.0-0a>", "<sip:127.0.0.2;lr;r2=on>"))
    story.holds()
    story.responds(200, "OK", TOLD_TO_WAIT)
    story.sends("INVITE", sdp(PCMU, PCMA, at=ZERO))
    story.acknowledges(story.final("INVITE")[-1].head)
    story.resumes()
    story.responds(200, "OK", sdp(PCMU, PCMA, at=ZERO))
    story.sends("INVITE", sdp(PCMU, PCMA, at=AWAY))
    story.acknowledges(story.final("INVITE")[-1].head)
    said = SipHeaders(reason=(ReasonValue("Q.850", 31, "Zork Telecom says: normal, unspecified"),))
    story.sends("BYE", head=in_dialog(story, "BYE"), headers=said)
    return story


def in_dialog(story: Phoning, method: str) -> RequestHead:
    """Return the head of a request with all that a phone and the proxies write into it."""
    name, call_id = story.of_dialog()
    return story.head(
        method,
        uri=f"sip:{TOKEN.format(name=name)}@192.0.2.1;line={TOKEN.format(name=name)}",
        via=(
            "SIP/2.0/UDP 127.0.0.1:5999;branch=z9hG4bKcafe.77zork;rport=5999;received=127.0.0.1",
            "SIP/2.0/TLS zork-pbx;branch=z9hG4bK-524287-1---zork",
        ),
        to_text=f"Alice Zork <sip:alice@sip.test>;tag={derived.tag('nonce', name)}",
        call_id=call_id,
    )


def glare() -> Phoning:
    """A call out in which both ends hold at once, and ours is tried again."""
    story = Phoning().talking(body=sdp(PCMU, PCMA))
    story.holds()
    story.responds(491, "Request Pending")
    story.pass_time()
    story.responds(200, "OK", TOLD_TO_WAIT)
    story.tell(SessionTerminated(story.iq(BOB), "s1", "success"))
    story.responds(200, "OK", to="BYE")
    return story


def called_by_number() -> Phoning:
    """A call in with an asserted identity. The client takes it and hangs up."""
    story = Phoning()
    head = replace(
        story.head("INVITE"),
        via=("SIP/2.0/UDP 127.0.0.1:5999;branch=z9hG4bKzork77", "SIP/2.0/TLS pbx.zork.test;branch=z9hG4bK-9xQ;rport"),
        from_text='"Zoe Zork" <sip:+441632960077@zork.test;user=phone>;tag=as6f2.b',
        call_id="9a8b7c@pbx.zork.test",
        record_route=("<sip:edge.zork.test:5062;lr>",),
    )
    asserted = SipHeaders(asserted=(Identity("sip:+441632960077@sip.test", "Zoe Zork"),), unknown=("X-Zork",))
    story.remote_tag = "as6f2.b"
    caller = Party("sip:+441632960077@zork.test;user=phone", "as6f2.b", "Zoe Zork")
    story.invites(sdp(PCMU), head=head, caller=caller, headers=asserted, source=Endpoint("tls", REGISTRAR.ip, 5061))
    us = story.the(InitiateSession).sender
    story.tell(SessionInformed(story.iq(us), story.sid, "ringing"))
    story.tell(SessionAccepted(story.iq(us), story.sid, (OFFER,)))
    story.acknowledges()
    story.tell(SessionTerminated(story.iq(us), story.sid, "success"))
    story.responds(200, "OK", to="BYE")
    return story


def replacing() -> Phoning:
    """A call in that is to replace one that the user is in (RFC 3891)."""
    story = Phoning().talking()
    name, call_id = story.of_dialog()
    replaces = f"{call_id};to-tag={derived.tag('nonce', name)};from-tag=bob"
    story.invites(headers=SipHeaders(replaces=replaces, require=("zorks",)))
    story.invites(headers=SipHeaders(replaces=replaces))
    story.acknowledges()
    return story


def refused() -> Phoning:
    """A call out that the phone refuses."""
    story = Phoning(login=True)
    story.calls()
    story.responds(180, "Ringing")
    said = SipHeaders(warning=(WarningValue(399, "Zork's phone 10.9.8.7 is busy"),), retry_after=5)
    story.responds(486, "Zork Is Busy Here", headers=said)
    return story


def declined() -> Phoning:
    """A call in that the client declines."""
    story = Phoning()
    story.invites()
    story.rings()
    story.tell(SessionTerminated(story.iq(BOB), story.sid, "decline"))
    story.acknowledges()
    return story


def for_nobody() -> Phoning:
    """A call in over a registration that the user does not have: it is refused with a tag of no account."""
    story = Phoning()
    story.invites(connection="3.0")
    story.sends(
        "BYE", head=replace(in_dialog(story, "BYE"), to_text=f"<sip:alice@sip.test>;tag={story.final('INVITE')[0].tag}")
    )
    story.acknowledges()
    return story


def relayed() -> Phoning:
    """A call out whose codecs the phone refuses: it is placed again, through the relay, with another Call-ID."""
    story = Phoning()
    story.tell(PolicyChanged(Policy(relay=True, engine="sip")))
    story.calls()
    story.responds(488, "Not Acceptable Here")
    story.tell(RelayDescribed(story.id_of(OfferRelay), FOR_PHONE))
    story.answers(sdp(PCMA))
    return story


def encrypted() -> Phoning:
    """A call out whose audio is encrypted by the relay. The phone changes its key."""
    story = Encrypting().talks()
    story.sends("INVITE", story.phone_sdp(*NEW_KEY))
    story.acknowledges(story.final("INVITE")[-1].head)
    story.relay_offers()
    story.described(AnswerRelay, PHONE_OFFER)
    story.sends("BYE")
    return story


def end_to_end() -> Phoning:
    """A call out whose audio is encrypted from end to end. The client restarts ICE, the phone holds, and hangs up."""
    story = Securing()
    story.calls_out()
    story.answers(phone_says())
    story.informs(replace(OF_CLIENT, ufrag="again", pwd="of-the-client-again"))
    story.responds(200, "OK", phone_says("active", replace(OF_PHONE, ufrag="phone-again", pwd="of-the-phone-again")))
    again = replace(OF_PHONE, ufrag="phone-again", pwd="of-the-phone-again")
    story.sends("INVITE", phone_says("actpass", again, senders="initiator"))
    story.acknowledges(story.final("INVITE")[-1].head)
    story.sends("BYE")
    return story


def forwarded() -> Phoning:
    """A call in that is forwarded. The caller hears the target before it answers; the target holds, and hangs up."""
    story = Forwarding()
    story.invites(sdp(PCMU, PCMA))
    story.target_is_heard(sdp(PCMA, at=AT_TARGET))
    story.answers(sdp(PCMA, at=AT_TARGET), remote_tag="target")
    story.acknowledges()
    story.target_sends("INVITE", sdp(PCMA, senders="initiator", at=AT_TARGET))
    story.responds(200, "OK", TOLD_TO_WAIT)
    story.target_sends("BYE")
    story.responds(200, "OK", to="BYE")
    return story


def handed_over() -> HandingOver:
    """A call out that the user transfers: at first nobody takes it, then the number is joined, and hangs up."""
    story = HandingOver()
    story.calls()
    story.answers(sdp(PCMU, PCMA), headers=SipHeaders(allow=("INVITE", "REFER")))
    story.transfers("+44 1632 960222")
    story.responds_to("target", 503)
    story.responds(202, "Accepted", to="REFER")
    story.bob_sends("NOTIFY", SipFragment(486, "Zork is busy"))
    story.tell(SessionInformed(story.iq(BOB), "s1", "transfer", to=f"{NUMBER}@sip.localhost/fargo"))
    story.responds_to("target", 200, sdp(PCMA, at=AT_TARGET))
    story.responds_to("bob", 200, sdp(PCMA))
    story.target_sends("BYE")
    story.responds(200, "OK", to="BYE")
    return story


_ALL: Final = (
    held_and_moved,
    glare,
    called_by_number,
    replacing,
    refused,
    declined,
    for_nobody,
    relayed,
    encrypted,
    end_to_end,
    forwarded,
    handed_over,
)
STORIES: Final[Mapping[str, Callable[[], Phoning]]] = {made.__name__: made for made in _ALL}


def session(name: str) -> tuple[Entry, ...]:
    """Return the log of a session."""
    return tuple(STORIES[name]().entries)
