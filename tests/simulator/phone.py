"""A SIP phone at the far end of a call (RFC 3261), as the events and commands of our own user agent show it.

Rules:

1. A request of the gateway reaches it at once. It answers BYE and PRACK at once, and INVITE and UPDATE when it likes.
2. What it says waits at its provider. Its ACK follows the final response at once.
3. It does not offer anything while an exchange of offer and answer is under way, but its offer may cross one of ours.
4. It is the initiator of its session in the direction of the audio, whoever has called.
5. `Broken` is raised for what no gateway may do to a phone.
"""

from collections.abc import Iterator
from hashlib import sha256
from typing import Final, Literal

from msgspec import Struct
from msgspec.structs import replace

from fargo.statemachine.legs.user_agent import directions
from fargo.statemachine.media import pictures
from fargo.statemachine.media.description import Codec, Senders
from fargo.statemachine.model.events import Event
from fargo.statemachine.model.sip_messages import (
    InviteReceived,
    SendRequest,
    SendResponse,
    SipRequestReceived,
    SipResponseReceived,
)
from fargo.statemachine.model.sip_values import (
    NO_HEADERS,
    Body,
    OtherBody,
    Party,
    PressedKey,
    RAck,
    RequestHead,
    Sdp,
    SessionTimer,
    SipFragment,
    SipHeaders,
    WholePicture,
)

from .broken import Broken
from .descriptions import (
    chosen,
    compare,
    has_on_hold,
    is_encrypted,
    is_relayed,
    place_of,
    senders,
    ufrag_of,
    video_of,
)
from .quirks import Quirk
from .values import AWAY, G722, PCMA, PCMU, PHONE, REGISTRAR, phone_sdp, secured_sdp, with_video

Step = tuple["Phone", tuple[Event, ...]]
Change = Literal["", "hold", "resume", "move", "change codecs", "change to strange codecs", "ask for an offer"]

CODECS: Final = {"change codecs": (PCMA,), "change to strange codecs": (G722,)}
INVITATIONS: Final[dict[str, Body | None]] = {
    "call": phone_sdp(PCMU, PCMA),
    "call with strange codecs": phone_sdp(G722),
    "call without an offer": None,
    "call with nonsense": OtherBody("text/plain", 5),
    "call with encryption": secured_sdp(PCMU, PCMA, setup="actpass"),
}
ANSWERS: Final = {
    "answer": (PCMU, PCMA),
    "answer with strange codecs": (G722,),
    "answer without encryption": (PCMU,),
    "answer without a description": None,
    "answer and hold": (PCMU,),
    "answer, to be refreshed": (PCMU,),
    "answer, and refresh": (PCMU,),
}
RINGING: Final = {"ring": 180, "ring reliably": 180, "early": 183, "early, reliably": 183}
_TIMED: Final = {
    "answer, to be refreshed": SipHeaders(session_expires=SessionTimer(300, "uac"), allow=("UPDATE",)),
    "answer, and refresh": SipHeaders(session_expires=SessionTimer(300, "uas")),
}
PLACED: Final = {"ring there": 180, "reach it": 200, "not reach it": 486}
"""The news of a call that the gateway has asked the phone to place, and their status."""
_QUESTIONS: Final = {
    "send OPTIONS": ("OPTIONS", NO_HEADERS),
    "send INFO": ("INFO", NO_HEADERS),
    "send a digit": ("INFO", NO_HEADERS),
    "transfer": ("REFER", SipHeaders(refer_to="sip:carol@sip.test")),
    "send MESSAGE": ("MESSAGE", NO_HEADERS),
    "require something": ("UPDATE", SipHeaders(require=("strange",))),
    "refresh": ("UPDATE", SipHeaders(supported=("timer",), session_expires=SessionTimer(300, "uac"))),
    "refresh too often": ("UPDATE", SipHeaders(supported=("timer",), session_expires=SessionTimer(10, "uac"))),
    "acknowledge nothing": ("PRACK", SipHeaders(rack=RAck(9, 9, "INVITE"))),
}
"""Requests that change nothing between the two: the method and the headers."""
_LONGER: Final = "want it longer"
"""A refusal of a session timer, which an offer must have (RFC 4028 §6)."""
_REFUSALS: Final = {
    "refuse the change": (488, NO_HEADERS),
    "cross": (491, NO_HEADERS),
    "be busy": (500, SipHeaders(retry_after=3)),
    "not understand": (501, NO_HEADERS),
    _LONGER: (422, SipHeaders(min_se=600)),
}
"""The responses to an offer of ours other than agreement."""
_STUBBORN: Final = ("refuse the change", "not understand")
"""Those after which it is not asked again."""


WANT_VIDEO: Final = "want video"
_TURN: Final = "turn its camera"
_LEAVE_OUT: Final = "leave out video"
_OFFERS: Final = ("hold", "resume", "move", WANT_VIDEO, _TURN, _LEAVE_OUT, *CODECS)
"""The changes that it offers in a re-INVITE."""
_OF_EARLY: Final = "acknowledge an answer"
"""The meaning of a PRACK whose response has answered the phone's offer. It is sent again with such a response."""


class Asked(Struct, frozen=True):
    """A request of the gateway that waits for the phone's response. ``command``: the id in its branch."""

    command: str
    request: SendRequest


class Asking(Struct, frozen=True):
    """A request of the phone that has no final response, and what it is to bring about."""

    method: str
    cseq: int
    what: str


class Phone(Struct, frozen=True):
    """A phone in one call.

    ``phase``: "calling", "cancelling", "ringing", "early" (it has described itself before the answer), "answered" (and
    its 2xx is not acknowledged), "talking", "leaving" (it has sent a BYE). ``tag``, ``ours``: those of the two ends.
    ``invite``: the INVITE of ours that it was called with. ``offer``: what the gateway is to answer. ``number``,
    ``heard``: the CSeq numbers of the latest requests, either way. ``oks``: how many of its 2xx to INVITEs have no ACK.
    ``rseq``: that of its last reliable provisional response. ``held``: it has us on hold; ``holds``: so have we.
    ``relayed``: it was told to send audio to the relay; ``at``: where it wants audio itself. ``lost``: its INVITE is.
    ``ok``: its last 2xx to an INVITE. ``early``: how its offer was answered before the call was.
    ``to``: where it was told to send audio. ``stubborn``: it has refused an offer of ours, or answered it otherwise.
    ``astray``: the Contact of ours that it knows is that of an edge which is gone.
    ``ufrag``: of its own ICE, "" if its call is not encrypted from end to end; ``theirs``: of the other end's.
    ``places``: it was asked to place a call, and tells what has become of that. ``camera``: that is on; ``shows``: who
    sends video, as the last offer and answer have it, "" if there is none. ``unsure``: the gateway was restarted before
    the phone had the ACK to its answer.
    """

    tag: str
    dialog: str
    call_id: str
    phase: str
    calls: bool
    ours: str = ""
    invite: Asked | None = None
    offer: Body | None = None
    number: int = 1
    heard: int = 0
    asked: tuple[Asked, ...] = ()
    asking: tuple[Asking, ...] = ()
    oks: int = 0
    rseq: int = 0
    held: bool = False
    holds: bool = False
    relayed: bool = False
    at: str = PHONE
    lost: bool = False
    ok: SipResponseReceived | None = None
    early: Body | None = None
    to: str = ""
    stubborn: bool = False
    places: bool = False
    astray: bool = False
    ufrag: str = ""
    theirs: str = ""
    camera: bool = True
    shows: Senders | Literal[""] = ""
    unsure: bool = False

    @property
    def contact(self) -> str:
        """Its URI."""
        return f"sip:{self.tag}@{PHONE}"

    @property
    def talks(self) -> bool:
        """Return True if someone is at the phone."""
        return self.phase != "leaving"

    # --- what it may do next

    def moves(self, quirks: frozenset[Quirk]) -> Iterator[str]:
        """Everything that it could do of its own accord."""
        match self.phase:
            case "calling":
                yield "cancel"
                if self.ours:
                    yield "hang up"
            case "ringing" | "early":
                yield "answer"
                yield from self._answers(quirks)
                if Quirk.RELIABLE in quirks:
                    yield "ring reliably"
            case "answered":
                if Quirk.DUPLICATES in quirks:
                    yield "repeat the answer"
            case "talking":
                yield "hang up"
                if Quirk.DUPLICATES in quirks and self.invite and not self.oks:
                    yield "repeat the answer"
                yield from self._changes(quirks)
                if self.places:
                    yield from PLACED
        yield from self._responses(quirks)
        if Quirk.ZOMBIES in quirks:
            yield "turn zombie"

    def _answers(self, quirks: frozenset[Quirk]) -> Iterator[str]:
        if Quirk.CODECS in quirks:
            yield "answer with strange codecs"
            if is_encrypted(self._invite.request.body):
                yield "answer without encryption"
        if Quirk.CODECS in quirks or self.phase == "early":
            yield "answer without a description"
        if Quirk.CHATTER in quirks:
            yield "answer and hold"
        if Quirk.TIMERS in quirks:
            yield from _TIMED

    def _responses(self, quirks: frozenset[Quirk]) -> Iterator[str]:
        """Yield the responses that it may give to the first request of ours that waits."""
        if not self.asked:
            return
        yield self.owed_response
        if Quirk.CHATTER in quirks:
            timed = self.asked[0].request.headers.session_expires is not None
            yield from (each for each in _REFUSALS if timed or each != _LONGER)
        if Quirk.CODECS in quirks:
            yield "agree with strange codecs"
        if Quirk.CHALLENGES in quirks:
            yield from ("challenge it", "challenge it as a stranger")
        if Quirk.LOSS in quirks:
            yield from ("lose the request", "lose the response")

    @property
    def owed_response(self) -> str:
        """Its response to the first request of ours, if it has no whims."""
        offers = any(each.what in (*_OFFERS, "ask for an offer") for each in self.asking)
        return "cross" if offers and self.asked[0].request.body is not None else "agree"

    def _changes(self, quirks: frozenset[Quirk]) -> Iterator[str]:
        if Quirk.CHATTER not in quirks or self.asking:
            return
        yield from _QUESTIONS
        if not self.asked and not self.oks:
            yield "resume" if self.held else "hold"
            yield from ("move", "ask for an offer", *CODECS)
            if self.shows:
                yield from (_TURN, _LEAVE_OUT)
            elif not self.ufrag:
                yield WANT_VIDEO

    # --- acting

    def act(self, what: str) -> Step:
        """The phone after it has done so, and what it says."""
        if what in RINGING:
            return self._rings(what)
        if what in ANSWERS:
            return self._picks_up(what)
        if what in _QUESTIONS:
            method, headers = _QUESTIONS[what]
            return self._asks(method, what, headers, digit="digit1" if what == "send a digit" else None)
        if what in _OFFERS:
            return self._asks("INVITE", what, body=self._describe(what))
        if what in PLACED:
            headers = SipHeaders(event="refer")
            told = replace(self, places=PLACED[what] < 200)
            return told._asks("NOTIFY", what, headers, SipFragment(PLACED[what], "Said"))
        match what:
            case "ask for an offer":
                return self._asks("INVITE", what)
            case "cancel":
                cancel = SipRequestReceived(self.dialog, self._head("CANCEL", 1), REGISTRAR, self.tag)
                return replace(self, phase="cancelling"), (cancel,)
            case "hang up":
                return replace(self, phase="leaving", asking=())._asks("BYE", what)
            case "repeat the answer":
                return replace(self, oks=self.oks + 1), (self._accepted(NO_HEADERS, self._describe("")),)
        return self._responds(what)

    def _rings(self, what: str) -> Step:
        early, reliably = RINGING[what] == 183, what.endswith("reliably")
        headers = SipHeaders(require=("100rel",), rseq=self.rseq + 1) if reliably else NO_HEADERS
        rung = replace(self, rseq=self.rseq + reliably, phase="early" if early else self.phase)
        body = rung._in_kind(self._invite.request.body)._describe("") if early else None
        return rung, (self.response(self._invite, RINGING[what], headers, body),)

    def _picks_up(self, what: str) -> Step:
        codecs, holds = ANSWERS[what], what.endswith("hold")
        after = replace(self, phase="answered", oks=self.oks + 1, held=holds)._told(self._invite.request)
        after = replace(after, ufrag="") if what.endswith("without encryption") else after
        body = after._describe("", *codecs) if codecs else None
        ok = after._accepted(_TIMED.get(what, NO_HEADERS), body)
        return replace(after, ok=ok), (ok,)

    def _accepted(self, headers: SipHeaders, body: Body | None) -> SipResponseReceived:
        return self.response(self._invite, 200, replace(headers, allow=(*headers.allow, "INFO", "REFER")), body)

    @property
    def _invite(self) -> Asked:
        assert self.invite is not None
        return self.invite

    def _asks(
        self,
        method: str,
        what: str,
        headers: SipHeaders = NO_HEADERS,
        body: Body | None = None,
        digit: str | None = None,
    ) -> Step:
        """Send a request in the dialog."""
        after = replace(self, number=self.number + 1)
        asking = replace(after, asking=(*after.asking, Asking(method, after.number, what)))
        contact = self.contact if method in ("INVITE", "UPDATE") else None
        head = after._head(method, after.number)
        return asking, (SipRequestReceived(self.dialog, head, REGISTRAR, self.tag, contact, headers, body, digit),)

    def _head(self, method: str, number: int) -> RequestHead:
        via = f"SIP/2.0/TCP {REGISTRAR.ip};branch=z9hG4bK{self.tag}-{number}"
        to = "<sip:alice@sip.test>" + (f";tag={self.ours}" if self.ours else "")
        return RequestHead(
            method, "sip:alice@gateway", (via,), f"<sip:bob@sip.test>;tag={self.tag}", to, self.call_id, number
        )

    def _describe(self, what: str, *codecs: Codec) -> Sdp:
        """Return its description, as it would be after a change."""
        held = {"hold": True, "resume": False}.get(what, self.held)
        at = ({PHONE: AWAY, AWAY: PHONE}[self.at]) if what == "move" else self.at
        if self.ufrag:
            codecs, ufrag = codecs or CODECS.get(what, (PCMU, PCMA)), self.ufrag + ("-moved" if what == "move" else "")
            setup = "actpass" if what else "active"
            return secured_sdp(*codecs, senders=senders(held, self.holds), at=at, ufrag=ufrag, setup=setup)
        described = phone_sdp(*(codecs or CODECS.get(what, (PCMU, PCMA))), senders=senders(held, self.holds), at=at)
        if not (self.shows or what == WANT_VIDEO) or what == _LEAVE_OUT:
            return described
        return with_video(described, at, pictures.senders(self._films(what) and not self.holds, not held))

    def _films(self, what: str) -> bool:
        """Return whether its camera is on after a change."""
        return self.camera is not (what == _TURN)

    # --- responding

    def response(
        self, asked: Asked, status: int, headers: SipHeaders = NO_HEADERS, body: Body | None = None
    ) -> SipResponseReceived:
        """Return a response to a request of ours."""
        request = asked.request
        return SipResponseReceived(
            self.dialog, asked.command, request.method, status, "", REGISTRAR, self.tag, self.contact, (), headers, body
        )

    def _responds(self, what: str) -> Step:
        """Respond to the first request of ours that waits."""
        asked, *rest = self.asked
        after = replace(self, asked=tuple(rest))
        if what in _REFUSALS:
            status, headers = _REFUSALS[what]
            stubborn = after.stubborn or what in _STUBBORN
            return replace(after, stubborn=stubborn), (self.response(asked, status, headers),)
        request = asked.request
        strange = what == "agree with strange codecs"
        after = replace(after, stubborn=after.stubborn or strange)
        agreed = after._told(request) if request.body is not None else after
        agreed = replace(agreed, astray=agreed.astray and not request.contact)
        timer = request.headers.session_expires
        headers = SipHeaders(session_expires=timer) if timer else NO_HEADERS
        described = request.body is not None or request.method == "INVITE"
        body = agreed._describe("", *((G722,) if strange else chosen(request.body))) if described else None
        if body and body.video:
            seen = directions.answering(video_of(request.body) or "none", body.video.senders)
            body = with_video(body, agreed.at, seen)
            agreed = replace(agreed, shows=seen)
        oks = agreed.oks + (request.method == "INVITE")
        ok = self.response(asked, 200, headers, body)
        return replace(agreed, oks=oks, ok=ok if request.method == "INVITE" else self.ok), (ok,)

    @property
    def replaced(self) -> str:
        """Its dialog, as an INVITE names it that takes it over (RFC 3891)."""
        return f"{self.call_id};to-tag={self.ours};from-tag={self.tag}"

    def _told(self, request: SendRequest) -> "Phone":
        """After an offer of ours is agreed to."""
        assert isinstance(request.body, Sdp)
        told = self._in_kind(request.body)
        shows = video_of(request.body)
        to = place_of(request.body)
        return replace(told, relayed=is_relayed(request.body), holds=has_on_hold(request.body), to=to, shows=shows)

    def _in_kind(self, offer: Body | None) -> "Phone":
        """With ICE of its own if an offer has it, and begun anew if the other end's has."""
        theirs = ufrag_of(offer)
        if not theirs or theirs == self.theirs:
            return self
        ufrag = f"phone{self.heard}" if self.theirs else self.ufrag or "phone"
        return replace(self, ufrag=ufrag, theirs=theirs)

    # --- what it is told

    def hear(self, asked: Asked) -> Step:
        """The phone after a request in its dialog."""
        request = asked.request
        if request.sender.tag != self.ours or request.uri != self.contact:
            raise Broken("a request in a dialog has the tags of both, and goes to the Contact", (self, request))
        if request.method == "ACK":
            return self._acknowledged(request)
        if request.repeats and request.cseq <= self.heard:
            return self, ()
        if request.cseq <= self.heard:
            raise Broken("the numbers of requests in a dialog go up", (self, request))
        heard = replace(self, heard=request.cseq)
        match request.method:
            case "BYE":
                return replace(heard, phase="gone"), (self.response(asked, 200),)
            case "PRACK":
                return heard._acknowledged_reliably(asked)
            case "NOTIFY" if isinstance(request.body, SipFragment) and self.phase == "talking":
                return heard, (self.response(asked, 200),)
            case "REFER" if self.phase == "talking":
                takes = request.cseq % 3 > 0
                return replace(heard, places=takes), (self.response(asked, 202 if takes else 603),)
            case "INFO" if isinstance(request.body, PressedKey | WholePicture) and self.phase == "talking":
                return heard, (self.response(asked, 200),)
            case _ if self.phase == "leaving":
                return heard, (self.response(asked, 481),)
            case "INVITE" | "UPDATE" if self.phase == "talking" or (request.method == "UPDATE" and not request.body):
                if isinstance(request.body, Sdp):
                    is_relayed(request.body)
                return replace(heard, asked=(*self.asked, asked)), ()
            case "INVITE" if self.phase == "answered" and self.unsure:
                return heard, (self.response(asked, 491),)
            case _:
                raise Broken("a phone is sent what it can do something with", (self, request))

    def _acknowledged(self, request: SendRequest) -> Step:
        if not self.oks:
            if self.astray:
                return self, ()  # the other machine had sent it
            raise Broken("each 2xx has one ACK", (self, request))
        phase = "talking" if self.phase == "answered" else self.phase
        return replace(self, oks=self.oks - 1, phase=phase), ()

    def _acknowledged_reliably(self, asked: Asked) -> Step:
        rack = asked.request.headers.rack
        if rack is None or rack.method != "INVITE" or not 0 < rack.rseq <= self.rseq:
            raise Broken("a PRACK is for a reliable response", (self, asked))
        return self, (self.response(asked, 200),)

    def answered(self, response: SendResponse) -> Step:
        """The phone after a response of the gateway to one of its requests."""
        head = response.head
        if head.method == "INVITE" and head.cseq == 1 and self.calls:
            return self._learned(response)._invited(response)
        found = next((each for each in self.asking if (each.method, each.cseq) == (head.method, head.cseq)), None)
        if response.status < 200 or found is None:
            return self, ()
        done = (found, *(each for each in self.asking if each.what == found.what == _OF_EARLY))
        after = replace(self._learned(response), asking=tuple(each for each in self.asking if each not in done))
        if head.method == "BYE":
            return replace(after, phase="gone"), ()
        if response.status == 481 and head.method in ("INVITE", "UPDATE"):
            return replace(after, phase="gone"), ()
        if head.method == "INVITE" and response.status < 300:
            return after._changed(found.what, response)
        return after, ()

    def _learned(self, response: SendResponse) -> "Phone":
        """The phone after a response that may tell it where we are."""
        return replace(self, astray=self.astray and not (response.contact and response.status < 300))

    def _invited(self, response: SendResponse) -> Step:
        """The phone after a response to its call."""
        tagged = replace(self, ours=response.tag or "")
        if response.status < 200:
            if response.body is not None:
                tagged = tagged._heard_early(response)
            if "100rel" not in response.headers.require:
                return tagged, ()
            rack = SipHeaders(rack=RAck(response.headers.rseq or 0, 1, "INVITE"))
            return tagged._asks("PRACK", "acknowledge" if response.body is None else _OF_EARLY, rack)
        if response.status >= 300:
            return replace(tagged, phase="gone"), ()
        if self.phase not in ("calling", "cancelling"):
            return self, ()
        if self.early is not None and response.body != self.early:
            raise Broken("there is one answer to an offer", (self, response))
        if self.early is not None and any(each.what == _OF_EARLY for each in self.asking):
            raise Broken("a 2xx waits until an answer before it is acknowledged", (self, response))
        agreed = tagged._understood(response.body, self.offer)
        if self.phase == "cancelling":
            return replace(agreed, phase="leaving")._asks("BYE", "hang up")
        return replace(agreed, phase="talking"), ()

    def _heard_early(self, response: SendResponse) -> "Phone":
        """The phone after a provisional response has answered its offer."""
        if self.offer is None or self.early not in (None, response.body):
            raise Broken("a provisional response may answer an offer, once", (self, response))
        return replace(self._understood(response.body, self.offer), early=response.body)

    def _changed(self, what: str, response: SendResponse) -> Step:
        """The phone after the gateway has agreed to its re-INVITE."""
        offered = None if what == "ask for an offer" else self._describe(what)
        if what == "move" and self.ufrag:
            raise Broken("a phone that restarts ICE is refused", (self, response))
        agreed = self._understood(response.body, offered)
        held = {"hold": True, "resume": False}.get(what, self.held)
        at = ({PHONE: AWAY, AWAY: PHONE}[self.at]) if what == "move" else self.at
        return replace(agreed, held=held, at=at, camera=self._films(what)), ()

    def _understood(self, body: Body | None, offer: Body | None) -> "Phone":
        """The phone after the gateway has described its end, in an answer to an offer or in an offer of its own."""
        if not isinstance(body, Sdp) or body.audio is None or body.audio.description is None:
            raise Broken("a 2xx to an INVITE describes the gateway's end", (self, body))
        if is_encrypted(body) is not bool(self.ufrag):
            raise Broken("audio that is encrypted from end to end stays so, and other does not become so", (self, body))
        if isinstance(offer, Sdp):
            compare(offer, body)
        theirs = ufrag_of(body)
        shows = video_of(body if isinstance(offer, Sdp) else self._late_answer(body))
        return replace(
            self, relayed=is_relayed(body), holds=has_on_hold(body), to=place_of(body), theirs=theirs, shows=shows
        )

    def acknowledgement(self, response: SendResponse) -> SipRequestReceived:
        """Return the ACK to a final response of the gateway; it answers an offer in that."""
        head = response.head
        asked = self.offer is None if head.cseq == 1 else isinstance(response.body, Sdp) and self._asked_for(head.cseq)
        body = self._late_answer(response.body) if asked and response.status < 300 else None
        return SipRequestReceived(self.dialog, replace(head, method="ACK"), REGISTRAR, self.tag, None, NO_HEADERS, body)

    def _late_answer(self, offer: Body | None) -> Sdp:
        """Return its answer to an offer of the gateway in a 2xx."""
        described = replace(self, shows=video_of(offer))._describe("", PCMU)
        if not described.video:
            return described
        return with_video(described, self.at, directions.answering(video_of(offer) or "none", described.video.senders))

    def _asked_for(self, cseq: int) -> bool:
        return any(each.cseq == cseq and each.what == "ask for an offer" for each in self.asking)

    def timed_out(self, method: str) -> "Phone":
        """The phone after it has waited too long for the response to a request."""
        return replace(self, asking=tuple(each for each in self.asking if each.method != method))


# --- a call of a phone


def calling(tag: str, connection: str, what: str, headers: SipHeaders) -> tuple[Phone, InviteReceived]:
    """Return a phone that calls, and its INVITE."""
    offer = INVITATIONS[what]
    call_id = f"call-{tag}"
    name = f"{connection}-{sha256((call_id + tag).encode()).hexdigest()[:16]}"
    phone = Phone(tag, name, call_id, "calling", True, offer=offer, ufrag=ufrag_of(offer))
    head = phone._head("INVITE", 1)
    caller = Party("sip:bob@sip.test", tag, "Bob")
    headers = replace(headers, allow=("INFO", "REFER"))
    invite = InviteReceived(phone.dialog, connection, head, REGISTRAR, caller, phone.contact, headers, offer)
    return phone, replace(invite, of_provider=headers.replaces is not None)
