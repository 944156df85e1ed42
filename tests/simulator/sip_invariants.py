"""The invariants of our own user agent's SIP, for any behaviour of providers and phones: checked after every event.

1. Every request of a phone but an ACK gets one final response, and nothing after it but that response again. A request
   in a dialog gets it at once, unless it offers video, and so does a text.
2. The numbers of our requests in a dialog go up. An ACK or CANCEL has the number of its INVITE, and what is sent again
   is the same as before.
3. There is one offer of ours at a time in a dialog without an answer, and meanwhile no offer of the phone is taken.
4. In a dialog that has ended there is nothing but BYE and ACK. An INVITE that has a final response is not cancelled.
5. That the gateway or the edge came up begins nothing: a request that is new is a BYE. But if the gateway has come up
   at another edge, phones are told so, and called anew: what was asked before has no answer, and is not asked again.

What phones see is checked there (`phone`), and what becomes of a 2xx of theirs is `acknowledged`.
"""

from msgspec import Struct
from msgspec.structs import replace

from fargo.statemachine.legs.sip.sip_leg import SipLeg
from fargo.statemachine.legs.user_agent.phases import (
    Confirmed,
    Lingering,
    Releasing,
    UacCalling,
    UacCancelling,
    UacProceeding,
)
from fargo.statemachine.model.commands import Command, Issued
from fargo.statemachine.model.events import Event, PolicyChanged, Recorded, Restarted
from fargo.statemachine.model.sip_messages import (
    EdgeRestarted,
    InviteReceived,
    SendRequest,
    SendResponse,
    SipRequestReceived,
    SipRequestUndelivered,
    SipResponseReceived,
    TextReceived,
)
from fargo.statemachine.model.sip_values import RequestHead, Sdp
from fargo.statemachine.user_state import User

from .broken import Broken

Key = tuple[str, str, int, str]
"""A request of a phone: Call-ID, method, CSeq number and topmost Via."""
Place = tuple[str, str | None]
"""A dialog: Call-ID and tag of the phone, None before that is known."""


class Sent(Struct, frozen=True):
    """A request of ours. ``done``: it has a final response, or will have none. ``old``: it came from another edge."""

    command: str
    place: Place
    request: SendRequest
    done: bool = False
    old: bool = False


def _offers_video(event: SipRequestReceived | TextReceived) -> bool:
    """Return True if a phone offers video, which the client is asked for first."""
    if not isinstance(event, SipRequestReceived) or event.head.method != "INVITE":
        return False
    return isinstance(event.body, Sdp) and event.body.video is not None


class SipWatch(Struct, frozen=True):
    """The facts about a run that are needed to judge its next event.

    ``asked``: the requests of phones, each with the status of its final response, None if it has none. ``sent``: our
    requests. ``offering``: the offers of ours that have no answer, by dialog: each by the id of its command, or by the
    CSeq number of the INVITE whose 2xx it is in. ``ended``: the dialogs that have. ``edge``: that of the gateway;
    ``moved``: it is another since the gateway came up last.
    """

    asked: tuple[tuple[Key, int | None], ...] = ()
    sent: tuple[Sent, ...] = ()
    offering: tuple[tuple[Place, str], ...] = ()
    ended: tuple[Place, ...] = ()
    edge: str = ""
    moved: bool = False

    def judge(self, recorded: Recorded, commands: tuple[Issued, ...]) -> "SipWatch":
        """Return the facts after an event and its commands. Raises Broken."""
        event = recorded.event
        after = self._heard(event)
        if isinstance(event, InviteReceived) and not any(_is_final(each, event.head) for each in commands):
            after = after._begun_anew((event.head.call_id, event.caller.tag))
        for issued in commands:
            match issued.command:
                case SendRequest():
                    after = after._requests(issued.id, issued.command, event)
                case SendResponse():
                    after = after._responds(issued.command, event)
                case _:
                    pass
        if (
            isinstance(event, SipRequestReceived | TextReceived)
            and event.head.method != "ACK"
            and after._status(event.head) is None
            and not _offers_video(event)
        ):
            raise Broken("a request in a dialog is answered at once", event)
        return replace(after, moved=after.moved and not isinstance(event, Restarted))

    def unanswered(self) -> list[Key]:
        """Return the requests of phones that have no final response."""
        return [key for key, status in self.asked if status is None]

    # --- events

    def _heard(self, event: Event) -> "SipWatch":
        match event:
            case InviteReceived(head=head) | TextReceived(head=head):
                return self._asks(head)
            case SipRequestReceived(head=head, remote_tag=tag) if head.method == "ACK":
                return self._settles((head.call_id, tag), f"{head.cseq}")
            case SipRequestReceived(head=head, remote_tag=tag):
                heard, place = self._asks(head), (head.call_id, tag)
                if head.method == "INVITE":
                    heard = heard._answers_unheard(place)
                return heard._ends(place) if head.method == "BYE" else heard
            case SipResponseReceived(command=command, method=method, status=status) if status >= 200:
                return self._done(command, method, ends=status in (481, 408) and method != "CANCEL")
            case SipRequestUndelivered(command=command):
                return self._done(command, None, ends=False)
            case PolicyChanged(policy=policy):
                after = self._moves() if self.edge not in ("", policy.edge) else self
                return replace(after, edge=policy.edge)
            case _:
                return self

    def _moves(self) -> "SipWatch":
        """After the gateway has got another edge."""
        sent = tuple(replace(each, done=True, old=True) for each in self.sent)
        return replace(
            self, sent=sent, offering=tuple(each for each in self.offering if "." not in each[1]), moved=True
        )

    def _begun_anew(self, place: Place) -> "SipWatch":
        """A call may come in once more on another path, after the first has ended: then it begins anew."""
        if place not in self.ended:
            return self
        sent = tuple(each for each in self.sent if each.place != place)
        return replace(self, sent=sent, ended=tuple(each for each in self.ended if each != place))

    def _asks(self, head: RequestHead) -> "SipWatch":
        key = _key(head)
        return self if key in dict(self.asked) else replace(self, asked=(*self.asked, (key, None)))

    def _done(self, command: str, method: str | None, ends: bool) -> "SipWatch":
        """After the final response to a request of ours, or without one."""
        found = [each for each in self.sent if each.command == command and method in (None, each.request.method)]
        after = self
        for each in found:
            done = tuple(replace(other, done=True) if other is each else other for other in after.sent)
            after = replace(after, sent=done)._settles(each.place, command)
        return after

    def _settles(self, place: Place, offer: str) -> "SipWatch":
        return replace(self, offering=tuple(each for each in self.offering if each != (place, offer)))

    def _answers_unheard(self, place: Place) -> "SipWatch":
        """After a re-INVITE of the phone: its ACK to our last offer in a 2xx was overtaken, or lost."""
        return replace(self, offering=tuple(each for each in self.offering if each[0] != place or "." in each[1]))

    def _ends(self, place: Place) -> "SipWatch":
        left = tuple(each for each in self.offering if each[0] != place)
        return replace(self, ended=(*self.ended, place), offering=left)

    # --- commands

    def _requests(self, id: str, request: SendRequest, event: Event) -> "SipWatch":
        place = request.call_id, request.recipient.tag
        if request.repeats:
            return self._repeats(request, request.repeats)
        if request.method == "CANCEL":
            found = [each for each in self.sent if each.command == request.cancels]
            if not found or found[0].done or found[0].request.cseq != request.cseq:
                raise Broken("only an INVITE that has no final response is cancelled", request)
            return self
        if request.method == "ACK":
            invites = [each for each in self.sent if each.request.method == "INVITE" and each.place[0] == place[0]]
            if request.cseq not in [each.request.cseq for each in invites if each.place[1] in (None, place[1])]:
                raise Broken("an ACK has the number of its INVITE", request)
            return self
        return self._begins(id, request, place, event)

    def _begins(self, id: str, request: SendRequest, place: Place, event: Event) -> "SipWatch":
        may_begin = {"BYE", "SUBSCRIBE", *(("INVITE", "UPDATE") if self.moved else ())}
        if isinstance(event, EdgeRestarted | Restarted) and request.method not in may_begin:
            raise Broken("a restart begins nothing", request)
        numbers = [each.request.cseq for each in self.sent if each.place in (place, (place[0], None))]
        if request.cseq <= max(numbers, default=0):
            raise Broken("the numbers of requests in a dialog go up", (request, numbers))
        if place in self.ended and request.method != "BYE" and not _ends_subscription(request, event):
            raise Broken("in a dialog that has ended there is only BYE", request)
        after = replace(self, sent=(*self.sent, Sent(id, place, request)))
        if request.method == "BYE":
            return after._ends(place)
        if not isinstance(request.body, Sdp):
            return after
        if place in dict(self.offering):
            raise Broken("offers do not overlap", (request, self.offering))
        return replace(after, offering=(*after.offering, (place, id)))

    def _repeats(self, request: SendRequest, first: str) -> "SipWatch":
        """Rule 2."""
        before = [each.request for each in self.sent if each.command == first]
        if not before or replace(request, repeats=None, dialog=None) != replace(before[0], dialog=None, repeats=None):
            raise Broken("what is sent again is the same as before", (request, before))
        if request.method not in ("BYE", "NOTIFY") and any(each.old for each in self.sent if each.command == first):
            raise Broken("what another edge has asked is not asked again", request)
        return self

    def _responds(self, response: SendResponse, event: Event) -> "SipWatch":
        key, known = _key(response.head), dict(self.asked)
        if key not in known:
            raise Broken("only what was asked is answered", response)
        if known[key] is not None:
            if known[key] != response.status:
                raise Broken("a request has one final response", (response, known[key]))
            return self
        if response.status < 200:
            return self
        answered = tuple((each, response.status if each == key else status) for each, status in self.asked)
        after = replace(self, asked=answered)
        place = response.head.call_id, _tag(event)
        accepts = response.head.method in ("INVITE", "UPDATE") and response.status < 300
        # That to a first INVITE may have waited for a PRACK.
        if not accepts or not isinstance(event, SipRequestReceived) or event.head != response.head:
            return after
        if isinstance(event.body, Sdp) and place in dict(self.offering):
            raise Broken("no offer is taken while ours has no answer", (response, self.offering))
        if event.body is None and isinstance(response.body, Sdp):
            return replace(after, offering=(*after.offering, (place, f"{event.head.cseq}")))
        return after

    def _status(self, head: RequestHead) -> int | None:
        return dict(self.asked).get(_key(head))


def _key(head: RequestHead) -> Key:
    return head.call_id, head.method, head.cseq, head.via[0]


def _is_final(issued: Issued, head: RequestHead) -> bool:
    command = issued.command
    return isinstance(command, SendResponse) and command.head == head and command.status >= 200


def _tag(event: Event) -> str | None:
    return event.remote_tag if isinstance(event, SipRequestReceived) else None


def acknowledged(user: User, event: Event, commands: tuple[Issued, ...]) -> None:
    """Check that an answer to a call of ours is confirmed at once, and that of a phone which is not wanted is followed
    by a BYE. ``user``: as before the event. Raises Broken.
    """
    if not isinstance(event, SipResponseReceived) or event.method != "INVITE" or not 200 <= event.status < 300:
        return
    sent = [each.command for each in commands if isinstance(each.command, SendRequest)]
    acks = [request for request in sent if request.method == "ACK"]
    if any(ack.recipient.tag != event.remote_tag for ack in acks) or len(acks) > 1:
        raise Broken("each 2xx has one ACK", (event, acks))
    for call in user.calls.values():
        if not _is_answered(call.sip, event):
            continue
        if not acks:
            raise Broken("the answer to a call is confirmed", (event, call.sip))
        ending = [*sent, *(waiting.command for waiting in user.pending.values())]
        if not _is_wanted(call.sip, event) and not any(_is_bye(each, event.remote_tag) for each in ending):
            raise Broken("an answer that is not wanted is followed by a BYE", (event, call.sip))


def _is_answered(leg: SipLeg, event: SipResponseReceived) -> bool:
    """Return True if a 2xx is of an INVITE of the leg."""
    match leg:
        case UacCalling(invite=invite) | UacProceeding(invite=invite) | UacCancelling(invite=invite):
            return invite.command == event.command
        case Confirmed(invites=invites) | Releasing(invites=invites) | Lingering(invites=invites):
            return event.command in [each.command for each in invites]
        case _:
            return False


def _is_wanted(leg: SipLeg, event: SipResponseReceived) -> bool:
    """Return True if the call may go on with the phone that has answered, or has ended with it before."""
    if isinstance(leg, Confirmed | Releasing | Lingering):
        return event.remote_tag == leg.dialog.remote.tag
    return not isinstance(leg, UacCancelling)


def _is_bye(command: Command, tag: str | None) -> bool:
    return isinstance(command, SendRequest) and command.method == "BYE" and command.recipient.tag == tag


def _ends_subscription(request: SendRequest, event: Event) -> bool:
    """Return True for the last notice of a transfer to a phone that has hung up before."""
    state = request.headers.subscription_state
    hangs_up = isinstance(event, SipRequestReceived) and event.head.method == "BYE"
    return hangs_up and request.method == "NOTIFY" and state is not None and state.state == "terminated"
