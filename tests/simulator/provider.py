"""A SIP provider (registrar, proxy, its phones) and the network to it, as our own user agent sees them.

Rules:

1. A command reaches it at once; what it and its phones say waits in `sent`, in order, unless messages overtake each
   other. The adapter and the edge add nothing, other than that requests can fail without a response.
2. A request that is sent again as part of its transaction is known by that, unless the edge has lost it.
3. It loses a few messages in a run at most: a BYE that is lost more often is given up.
4. A crash of the gateway loses the provisional responses to its requests. What phones ask, and final responses, are
   sent again: by the phone, by the edge, or because the gateway sends the request again.
5. If another machine takes the user over, all that is under way is lost, and so is what goes to the first one later:
   requests of phones that have its Contact, and responses to what it has sent (`old`).
6. `Broken` is raised for what no gateway may do to a provider.
"""

from collections.abc import Iterator
from hashlib import sha256
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from fargo.statemachine.model.commands import Issued
from fargo.statemachine.model.composing import Composing
from fargo.statemachine.model.events import Event
from fargo.statemachine.model.kept_text import KeptText
from fargo.statemachine.model.message_summary import MessageSummary
from fargo.statemachine.model.sip_messages import (
    Binding,
    EdgeRestarted,
    FlowClosed,
    InviteReceived,
    KeepFlow,
    RegisterAnswered,
    RegisterUndelivered,
    ReleaseFlow,
    SendRegister,
    SendRequest,
    SendResponse,
    SipRequestReceived,
    SipRequestUndelivered,
    SipResponseReceived,
    TextReceived,
    Undelivered,
)
from fargo.statemachine.model.sip_values import (
    NO_HEADERS,
    Challenge,
    DigestCredentials,
    Endpoint,
    Party,
    RequestHead,
    SessionTimer,
    SipHeaders,
    SubscriptionState,
)

from .broken import Broken
from .descriptions import is_relayed
from .phone import ANSWERS, INVITATIONS, RINGING, Asked, Phone, calling
from .quirks import Quirk
from .values import REGISTRAR, THERE

OWN: Final = "own"
STRANGE: Final = "strange"
"""The beginnings of the nonces of the provider, and of strangers."""
REFUSALS: Final = {
    "busy": (486, NO_HEADERS),
    "not found": (404, NO_HEADERS),
    "not acceptable": (488, NO_HEADERS),
    "unreachable": (480, NO_HEADERS),
}
_FAILURES: Final = {
    "redirect": (302, NO_HEADERS),
    "fail": (500, NO_HEADERS),
    "ask for a longer timer": (422, SipHeaders(min_se=1800)),
}
_REGISTER_FAILURES: Final = {
    "refuse to register": (403, NO_HEADERS),
    "register later": (503, SipHeaders(retry_after=30)),
    "register for longer": (423, SipHeaders(min_expires=7200)),
}
_UNDELIVERED: Final = {f"undelivered: {why.value}": why for why in Undelivered}
_TEXT_ANSWERS: Final = {
    "take the text": 200,
    "take the text for later": 202,
    "refuse the text": 405,
    "fail the text": 500,
}
_MOST_PHONES: Final = 3
_MOST_LOSSES: Final = 4
_REQUESTS: Final = InviteReceived | SipRequestReceived | TextReceived
_TIMED: Final = SipHeaders(supported=("timer",), session_expires=SessionTimer(300, "uac"))
_CALLS: Final = {
    "call": NO_HEADERS,
    "call reliably": SipHeaders(require=("100rel",)),
    "call, to be refreshed": SipHeaders(supported=("timer",), session_expires=SessionTimer(300, "uas")),
    "call, and refresh": _TIMED,
    "call with a short timer": replace(_TIMED, session_expires=SessionTimer(10)),
    "call and require something": SipHeaders(require=("strange",)),
    "call and take over": SipHeaders(require=("replaces",)),
}


class Invite(Struct, frozen=True):
    """An INVITE of the gateway without a final response. ``cancelled``: its CANCEL has come."""

    asked: Asked
    dialog: str
    cancelled: bool = False


class Provider(Struct, frozen=True):
    """The provider.

    ``calls``: how many calls in may still come. ``made``: how many phones and nonces there have been; ``lost``: how
    many messages. ``registered``: the registrations that it keeps; ``registering``: the REGISTERs without an answer.
    ``flows``: the registrations whose way to us is kept open. ``done``: the INVITEs that it has answered.
    ``texts``: the MESSAGEs without an answer. ``mailbox``: the latest subscription to the mailbox; ``asked``: how many
    SUBSCRIBEs there have been. They are answered at once, each in another way. ``old``: the ids of commands whose
    requests a machine has sent that is gone. ``old_calls``: the Call-IDs of INVITEs of phones to such a machine.
    """

    calls: int = 0
    made: int = 0
    lost: int = 0
    registered: tuple[str, ...] = ()
    registering: tuple[Issued, ...] = ()
    flows: tuple[str, ...] = ()
    invites: tuple[Invite, ...] = ()
    done: tuple[str, ...] = ()
    phones: tuple[Phone, ...] = ()
    texts: tuple[Asked, ...] = ()
    mailbox: SendRequest | None = None
    asked: int = 0
    old: tuple[str, ...] = ()
    old_calls: tuple[str, ...] = ()
    sent: tuple[Event, ...] = ()

    # --- what may happen next

    def moves(self, quirks: frozenset[Quirk]) -> Iterator[tuple[str, str]]:
        """Everything that the provider, its phones and the network could do: what, and to which registration, INVITE or
        phone.
        """
        for issued in self.registering:
            yield from ((move, _name(issued)) for move in _register_moves(issued, quirks))
        if self.registered and self.calls:
            yield from ((move, self.registered[-1]) for move in _call_moves(quirks))
        for invite in self.invites:
            yield from ((move, invite.asked.command) for move in self._invite_moves(invite, quirks))
        for phone in self.phones:
            yield from ((move, phone.tag) for move in phone.moves(quirks))
        for asked in self.texts:
            yield from ((move, asked.command) for move in _text_moves(quirks))
        if self.registered and Quirk.CHATTER in quirks:
            yield "write", self.registered[-1]
            yield "tell of messages", self.registered[-1]
            if self.mailbox:
                yield "tell of messages, as subscribed", self.registered[-1]
        yield from ((move, "") for move in self._network_moves(quirks))

    def _invite_moves(self, invite: Invite, quirks: frozenset[Quirk]) -> Iterator[str]:
        forked = [each for each in self.phones if each.invite == invite.asked]
        if not forked or (Quirk.FORKING in quirks and len(forked) < _MOST_PHONES):
            yield "ring"
            if Quirk.RELIABLE in quirks:
                yield "ring reliably"
            if Quirk.EARLY in quirks:
                yield "early"
                if Quirk.RELIABLE in quirks:
                    yield "early, reliably"
        yield from REFUSALS
        if invite.cancelled:
            yield "terminate"
        if Quirk.CHALLENGES in quirks:
            yield from ("challenge", "challenge again", "challenge for another realm", "challenge at both")
        if Quirk.TIMERS in quirks:
            yield "ask for a longer timer"
        if Quirk.FAILURES in quirks:
            yield from ("redirect", "fail", "fail at the edge", *_UNDELIVERED)
        if Quirk.LOSS in quirks and not forked:
            yield "lose the INVITE"

    def _network_moves(self, quirks: frozenset[Quirk]) -> Iterator[str]:
        if Quirk.OVERTAKING in quirks and len(self.sent) > 1:
            yield "overtake"
        if Quirk.DUPLICATES in quirks and self.sent and isinstance(self.sent[0], InviteReceived):
            yield "arrive twice"
        if Quirk.LOSS in quirks and self.sent and self.lost < _MOST_LOSSES and not isinstance(self.sent[0], _OF_EDGE):
            yield from ("lose it", "time out at the edge")
        if Quirk.CHALLENGES in quirks and self.sent and _is_challenged(self.sent[0]):
            yield "challenge instead"
        if Quirk.EDGE in quirks:
            yield from ("restart the edge", "restart the edge, which forgets")
            if self.flows:
                yield "close the connection"

    def owed(self) -> Iterator[tuple[str, str]]:
        """Yield the moves that come once nothing is under way: responses, and ends of what is not heard any more."""
        for issued in self.registering:
            yield "sign in", _name(issued)
        for invite in self.invites:
            if invite.cancelled or invite.asked.command in self.old:
                yield "terminate", invite.asked.command
        for asked in self.texts:
            yield "take the text", asked.command
        for phone in self.phones:
            if (what := self._owed_by(phone)) is not None:
                yield what, phone.tag

    def _owed_by(self, phone: Phone) -> str | None:
        if phone.asking and phone.asking[0].method == "BYE":
            return "disappear" if phone.astray else "hang up again"
        if phone.asking:
            return "give up asking"
        if phone.asked:
            return phone.owed_response
        open_invites = [each.asked for each in self.invites]
        match phone.phase:
            case "calling" | "cancelling" if phone.lost:
                return "disappear"
            case "ringing" | "early" if phone.invite not in open_invites:
                return "disappear"
            case "answered":
                return "hang up"
            case _:
                return None

    # --- acting

    def act(self, what: str, about: str) -> "Provider":
        """The provider after it has happened."""
        for phone in self.phones:
            if phone.tag == about:
                return self._moves(phone, what)
        for invite in self.invites:
            if invite.asked.command == about:
                return self._treats(invite, what)
        for asked in self.texts:
            if asked.command == about:
                return self._answers_text(asked, what)
        if what == "write":
            return self._writes(about)
        if what.startswith("tell of messages"):
            return self._notifies(about, what.endswith("subscribed"))
        for issued in self.registering:
            if _name(issued) == about and what not in _ALL_CALLS:
                return self._answers_register(issued, what)
        if what in _ALL_CALLS:
            return self._calls(what, about)
        return self._network(what)

    def _moves(self, phone: Phone, what: str) -> "Provider":
        match what:
            case "turn zombie" | "disappear":
                return self._without(phone)
            case "give up asking":
                return self._with(phone.timed_out(phone.asking[0].method))
            case "hang up again":
                again, said = replace(phone, asking=()).act("hang up")
                return self._with(again)._says(*said)
            case "challenge it":
                return self._challenges(phone, OWN, REGISTRAR)
            case "challenge it as a stranger":
                return self._challenges(phone, STRANGE, THERE)
            case "lose the request":
                return self._loses_request(phone)
            case "lose the response":
                answered, _ = phone.act(phone.owed_response)
                return self._with(answered)._says(_silence(phone.dialog, phone.asked[0].command))
            case _:
                after, said = phone.act(what)
                after = replace(after, lost=after.lost or (what == "cancel" and after.call_id in self.old_calls))
                provider = self._with(after)._says(*said)
                return provider._answered(phone) if what in ANSWERS else provider

    def _answered(self, phone: Phone) -> "Provider":
        """The first phone that answers has the call. The others are cancelled, unless they answer before that."""
        assert phone.invite
        invites = tuple(each for each in self.invites if each.asked != phone.invite)
        return replace(self, invites=invites, done=(*self.done, phone.invite.command))

    def _challenges(self, phone: Phone, beginning: str, source: Endpoint) -> "Provider":
        """The provider challenges a request in a dialog, or a phone that pretends to be the provider."""
        asked, *rest = phone.asked
        challenge = Challenge("sip.test", f"{beginning}{self.made}")
        response = replace(phone.response(asked, 401), source=source, challenges=(challenge,))
        after = replace(phone, asked=tuple(rest), stubborn=True)  # it need not be asked again
        return replace(self, made=self.made + 1)._with(after)._says(response)

    def _loses_request(self, phone: Phone) -> "Provider":
        asked, *rest = phone.asked
        lost = replace(phone, asked=tuple(rest))
        return self._with(lost)._says(_silence(phone.dialog, asked.command))

    def _treats(self, invite: Invite, what: str) -> "Provider":
        """The proxy does something with an INVITE."""
        command, dialog = invite.asked.command, invite.dialog
        if what in RINGING:
            return self._rings(invite, what)
        if what in _UNDELIVERED:
            return self._done(invite)._says(SipRequestUndelivered(dialog, command, _UNDELIVERED[what]))
        if what in REFUSALS or what in _FAILURES:
            status, headers = {**REFUSALS, **_FAILURES}[what]
            return self._finally(invite, status, headers=headers)
        nonce = f"{OWN}{self.made}"
        counted = replace(self, made=self.made + 1)
        match what:
            case "terminate":
                return self._finally(invite, 487)
            case "challenge" | "challenge again":
                challenge = Challenge("sip.test", nonce, stale=what.endswith("again"))
                return counted._finally(invite, 407, challenges=(challenge,))
            case "challenge at both":
                return counted._finally(invite, 407, challenges=_of_both(nonce))
            case "challenge for another realm":
                return counted._finally(invite, 401, challenges=(Challenge("other.test", nonce),))
            case "fail at the edge":
                return self._finally(invite, 408, by_edge=True)
            case "lose the INVITE":
                return self._done(invite)._says(_silence(dialog, command))
        raise AssertionError(f"a proxy has no move {what}")

    def _rings(self, invite: Invite, what: str) -> "Provider":
        request = invite.asked.request
        assert request.sender.tag
        phone = Phone(
            f"phone{self.made}", invite.dialog, request.call_id, "ringing", False, request.sender.tag, invite.asked
        )
        phone = replace(phone, astray=invite.asked.command in self.old)
        made = replace(self, made=self.made + 1, phones=(*self.phones, phone))
        return made._moves(phone, what)

    def _finally(
        self,
        invite: Invite,
        status: int,
        headers: SipHeaders = NO_HEADERS,
        challenges: tuple[Challenge, ...] = (),
        by_edge: bool = False,
    ) -> "Provider":
        """The INVITE has failed."""
        response = SipResponseReceived(
            invite.dialog,
            invite.asked.command,
            "INVITE",
            status,
            "",
            None if by_edge else REGISTRAR,
            "proxy",
            headers=headers,
            challenges=challenges,
            by_edge=by_edge,
        )
        return self._done(invite)._says(response)

    def _done(self, invite: Invite) -> "Provider":
        """The INVITE is over without an answer, and its phones are cancelled."""
        phones = tuple(each for each in self.phones if each.invite != invite.asked)
        invites = tuple(each for each in self.invites if each is not invite)
        return replace(self, phones=phones, invites=invites, done=(*self.done, invite.asked.command))

    def _calls(self, what: str, connection: str) -> "Provider":
        body = what if what in INVITATIONS else "call"
        headers = _CALLS.get(what, NO_HEADERS)
        if headers.require == ("replaces",):
            headers = replace(headers, replaces=self._taken_over())
        phone, invite = calling(f"phone{self.made}", connection, body, headers)
        called = replace(self, calls=self.calls - 1, made=self.made + 1, phones=(*self.phones, phone))
        return called._says(invite)

    def _taken_over(self) -> str:
        """Return what an INVITE says that takes over the first call of a phone; there is none to take over if none
        talks.
        """
        talking = [each for each in self.phones if each.phase == "talking"]
        return talking[0].replaced if talking else "none;to-tag=x;from-tag=y"

    def _answers_text(self, asked: Asked, what: str) -> "Provider":
        dialog, left = asked.request.dialog or asked.command, tuple(each for each in self.texts if each is not asked)
        rest = replace(self, texts=left, made=self.made + 1)
        if what == "lose the text":
            return rest._says(_silence(dialog, asked.command))
        status = _TEXT_ANSWERS.get(what, 407)
        challenges = (Challenge("sip.test", f"{OWN}{self.made}"),) if status == 407 else ()
        answer = SipResponseReceived(
            dialog, asked.command, "MESSAGE", status, "", REGISTRAR, "bob", challenges=challenges
        )
        return rest._says(answer)

    def _writes(self, connection: str) -> "Provider":
        """Somebody writes to the user."""
        number = self.made
        via = f"SIP/2.0/TCP {REGISTRAR.ip};branch=z9hG4bKtext{number}"
        sender, recipient, call = f"<sip:bob@sip.test>;tag=text{number}", "<sip:alice@sip.test>", f"text-call-{number}"
        head = RequestHead("MESSAGE", "sip:alice@gateway", (via,), sender, recipient, call, 1)
        text = Composing(number % 4 == 1) if number % 2 else KeptText(f"text-in-{number}", 5)
        name = f"{connection}-{sha256(call.encode()).hexdigest()[:16]}"
        written = TextReceived(name, connection, head, REGISTRAR, Party("sip:bob@sip.test"), text)
        return replace(self, made=number + 1)._says(written)

    def _notifies(self, connection: str, subscribed: bool) -> "Provider":
        """The mailbox has other messages than before."""
        number, box = self.made, self.mailbox if subscribed else None
        via = f"SIP/2.0/TCP {REGISTRAR.ip};branch=z9hG4bKnotice{number}"
        call = box.call_id if box else f"notice-call-{number}"
        ends = "<sip:alice@sip.test>;tag=box", "<sip:alice@sip.test>"
        head = RequestHead("NOTIFY", "sip:alice@gateway", (via,), *ends, call, number + 1)
        name = (box.dialog if box else None) or connection
        said = SubscriptionState("terminated") if number % 5 == 4 else None
        headers, summary = SipHeaders(subscription_state=said), MessageSummary(bool(number % 3), number % 3)
        notice = SipRequestReceived(name, head, REGISTRAR, "box", None, headers, summary)
        return replace(self, made=number + 1)._says(notice)

    def _subscribes(self, asked: Asked) -> "Provider":
        """Somebody asks about the mailbox."""
        request = asked.request
        status = 407 if not request.credentials and self.asked % 4 == 3 else (200, 489, 200, 503)[self.asked % 4]
        challenges = (Challenge("sip.test", f"{OWN}{self.made}", proxy=True),) if status == 407 else ()
        answer = SipResponseReceived(
            request.dialog or "", asked.command, "SUBSCRIBE", status, "", REGISTRAR, "box", challenges=challenges
        )
        kept = replace(self, asked=self.asked + 1, made=self.made + 1, mailbox=request if status == 200 else None)
        return kept._says(answer)

    # --- the network

    def _network(self, what: str) -> "Provider":
        match what:
            case "overtake":
                first, second, *rest = self.sent
                return replace(self, sent=(second, first, *rest))
            case "arrive twice":
                [invite, *rest] = self.sent
                assert isinstance(invite, InviteReceived)
                via = f"{invite.head.via[0]}{_AGAIN}{self.made}"
                again = replace(invite, head=replace(invite.head, via=(via,)))
                return replace(self, made=self.made + 1, sent=(invite, *rest, again))
            case "challenge instead":
                return self._challenges_instead(self.sent[0])
            case "lose it" | "time out at the edge":
                return self._loses(self.sent[0], what == "lose it")
            case "restart the edge":
                return self._says(EdgeRestarted())
            case "restart the edge, which forgets":
                return self._forgets()._says(EdgeRestarted())
            case "close the connection":
                return replace(self, flows=self.flows[1:])._says(FlowClosed(self.flows[0]))
        raise AssertionError(f"a network has no move {what}")

    def _challenges_instead(self, event: Event) -> "Provider":
        """The provider wants to know who has sent a request in a dialog, and has not passed it on."""
        assert isinstance(event, SipResponseReceived)
        challenge = Challenge("sip.test", f"{OWN}{self.made}", proxy=True)
        told = replace(event, status=407, body=None, headers=NO_HEADERS, challenges=(challenge,))
        return replace(self, made=self.made + 1, sent=(told, *self.sent[1:]))

    def _loses(self, event: Event, silently: bool) -> "Provider":
        """The first message of those that wait is lost. The gateway notices that of the responses that it waits for."""
        lost = replace(self, sent=self.sent[1:], lost=self.lost + 1)
        match event:
            case RegisterAnswered(connection, command):
                late = RegisterAnswered(connection, command, 408, "", by_edge=True)
                told = RegisterUndelivered(connection, command, Undelivered.SILENT) if silently else late
                return lost._says_first(told)
            case SipResponseReceived(dialog, command, method, status) if status >= 200:
                if silently and method != "CANCEL":
                    return lost._says_first(_silence(dialog, command))
                return lost._says_first(SipResponseReceived(dialog, command, method, 408, "", by_edge=True))
            case InviteReceived(name):
                return replace(lost, phones=tuple(_deaf(each, name) for each in lost.phones))
            case _:
                return lost

    def _forgets(self) -> "Provider":
        """The edge is restarted before it has passed on what it was given last."""
        rung = [each.invite for each in self.phones]
        invites = tuple(each for each in self.invites if each.asked in rung or each.cancelled)
        phones = tuple(replace(each, asked=()) for each in self.phones)
        return replace(self, invites=invites, phones=phones, registering=(), texts=())

    def crash(self) -> "Provider":
        """The gateway goes down (rule 4)."""
        left = tuple(each for each in self.sent if isinstance(each, _REQUESTS) or _is_repeated(each))
        again = (phone.ok for phone in self.phones if phone.ok and phone.oks > len(_answers_of(phone, left)))
        phones = tuple(replace(each, unsure=bool(each.oks)) for each in self.phones)
        return replace(self, sent=(*left, *again), registering=(), flows=(), texts=(), phones=phones)

    def moved(self) -> "Provider":
        """Another machine takes the user over (rule 5)."""
        asked = (each for phone in self.phones for each in (*phone.asked, *((phone.invite,) if phone.invite else ())))
        old = {each.command for each in (*asked, *(each.asked for each in self.invites))}
        answered = (each.command for each in self.sent if isinstance(each, SipResponseReceived | SipRequestUndelivered))
        unheard = {each.name for each in self.sent if isinstance(each, InviteReceived)}
        calling = (each.call_id for each in self.phones if each.calls)
        return replace(
            self.crash(),
            old=(*self.old, *old, *answered),
            old_calls=(*self.old_calls, *calling),
            phones=tuple(replace(each, astray=True, lost=each.lost or each.dialog in unheard) for each in self.phones),
            registered=(),
            mailbox=None,
            sent=(),
        )

    def _arrives(self, event: Event) -> bool:
        """Return True if a message does not go to a machine that is gone."""
        match event:
            case SipResponseReceived(command=command) | SipRequestUndelivered(command=command):
                return command not in self.old
            case SipRequestReceived(head=head) if head.method == "CANCEL":
                return head.call_id not in self.old_calls
            case SipRequestReceived(remote_tag=tag):
                return not any(each.astray for each in self.phones if each.tag == tag)
            case _:
                return True

    def taken(self) -> "Provider":
        """The provider after the first message has arrived."""
        return replace(self, sent=self.sent[1:])

    # --- what it is told

    def hear(self, issued: Issued) -> "Provider":
        """The provider after a command has reached it."""
        command = issued.command
        match command:
            case SendRegister():
                return self._asked_to_register(issued, command)
            case KeepFlow(name):
                return replace(self, flows=(*(each for each in self.flows if each != name), name))
            case ReleaseFlow(name):
                return replace(self, flows=tuple(each for each in self.flows if each != name))
            case SendResponse():
                return self._told(command)
            case SendRequest():
                return self._asked_anew(Asked(command.repeats or issued.id, command))
        raise AssertionError(f"{command} is not for a provider")

    def _asked_to_register(self, issued: Issued, command: SendRegister) -> "Provider":
        """A REGISTER is answered, but for those that it comes after: the gateway waits for them no longer."""
        if not _is_own(command.credentials):
            raise Broken("only the provider's challenges are answered", command)
        others = tuple(each for each in self.registering if _name(each) != _name(issued))
        return replace(self, registering=(*others, issued))

    def _answers_register(self, issued: Issued, what: str) -> "Provider":
        command, name = issued.command, _name(issued)
        assert isinstance(command, SendRegister)
        rest = replace(self, registering=tuple(each for each in self.registering if each is not issued))
        answer = RegisterAnswered(name, issued.id, 200, "OK", REGISTRAR)
        if what in _UNDELIVERED:
            return rest._says(RegisterUndelivered(name, issued.id, _UNDELIVERED[what]))
        if what in _REGISTER_FAILURES:
            status, headers = _REGISTER_FAILURES[what]
            return rest._says(replace(answer, status=status, phrase="No", headers=headers))
        match what:
            case "sign in" | "sign in for a while" | "sign in elsewhere":
                return rest._registers(answer, command, what)
            case "log in" | "log in again" | "log in at the proxy" | "log in at both":
                counted = replace(rest, made=self.made + 1)
                proxy, registrar = _of_both(f"{OWN}{self.made}")
                status, challenges = {
                    "log in": (401, (registrar,)),
                    "log in again": (401, (replace(registrar, stale=True),)),
                    "log in at the proxy": (407, (proxy,)),
                    "log in at both": (407, (proxy, registrar)),
                }[what]
                return counted._says(replace(answer, status=status, phrase="Unauthorized", challenges=challenges))
        raise AssertionError(f"a registrar has no move {what}")

    def _registers(self, answer: RegisterAnswered, command: SendRegister, what: str) -> "Provider":
        name = answer.connection
        others = tuple(each for each in self.registered if each != name and _contact(each) not in command.remove)
        kept = (*others, name) if command.expires else others
        seconds = 60 if what.endswith("while") else command.expires
        bindings = tuple(
            Binding(_contact(each), seconds if each == name else 600, ours=True, name=each) for each in kept
        )
        seen = Endpoint("tcp", "203.0.113.9" if what.endswith("elsewhere") else "127.0.0.1", 40000)
        return replace(self, registered=kept)._says(replace(answer, bindings=bindings, seen=seen))

    def _asked_anew(self, asked: Asked) -> "Provider":
        """The provider after a request, whose response comes from now on to where it was sent from last."""
        if asked.command in self.old and asked.request.method not in ("BYE", "NOTIFY"):
            raise Broken("what another machine has asked is not asked again", asked)
        return replace(self, old=tuple(each for each in self.old if each != asked.command))._asked(asked)

    def _asked(self, asked: Asked) -> "Provider":
        """The provider after a request of a dialog."""
        request = asked.request
        if not _is_own(request.credentials):
            raise Broken("only the provider's challenges are answered", request)
        if request.method == "CANCEL":
            return self._cancelled(asked)
        if request.method == "SUBSCRIBE":
            return self._subscribes(asked)
        if request.recipient.tag is None:
            return self._invited(asked)
        place = request.call_id, request.recipient.tag
        phone = next((each for each in self.phones if (each.call_id, each.tag) == place), None)
        if phone is None:
            return self if request.method == "ACK" else self._says(_unknown(asked))
        after, said = phone.hear(asked)
        return self._with(after)._says(*said)

    def lacks(self, issued: Issued) -> "Provider":
        """The provider after a request that was not sent, as the password for it is gone."""
        command = issued.command
        assert isinstance(command, SendRequest)
        assert command.dialog
        return self._says(SipRequestUndelivered(command.dialog, issued.id, Undelivered.SECRET))

    def _invited(self, asked: Asked) -> "Provider":
        request = asked.request
        if request.method == "MESSAGE":
            known = any(each.command == asked.command for each in self.texts)
            return self if known else replace(self, texts=(*self.texts, asked))
        if request.method != "INVITE" or request.hop is None or request.hop.host != "sip.test":
            raise Broken("what begins a dialog goes to the account's own server", request)
        if request.body is not None:
            is_relayed(request.body)  # type: ignore[arg-type]
        if asked.command in (*self.done, *(each.asked.command for each in self.invites)):
            return self
        return replace(self, invites=(*self.invites, Invite(asked, request.dialog or asked.command)))

    def _cancelled(self, asked: Asked) -> "Provider":
        request = asked.request
        assert request.dialog
        assert request.cancels
        found = [each for each in self.invites if each.asked.command == request.cancels]
        invites = tuple(replace(each, cancelled=True) if each in found else each for each in self.invites)
        known = found or request.cancels in self.done
        response = SipResponseReceived(
            request.dialog, request.cancels, "CANCEL", 200 if known else 481, "", REGISTRAR, "proxy"
        )
        return replace(self, invites=invites)._says(response)

    def _told(self, response: SendResponse) -> "Provider":
        """The provider after a response to a request of a phone."""
        head = response.head
        phone = next((each for each in self.phones if head.from_text.endswith(f";tag={each.tag}")), None)
        acknowledges = head.method == "INVITE" and response.status >= 200
        if phone is None or response.status == _MERGED:
            return self._dismisses(response) if acknowledges else self
        acknowledges = acknowledges and not self._confirms_elsewhere(response)
        said = (phone.acknowledgement(response),) if acknowledges else ()
        after, more = phone.answered(response)
        return self._with(after)._says(*said, *more)

    def _confirms_elsewhere(self, response: SendResponse) -> bool:
        """Return True if the ACK to a refusal goes to a machine that is gone: where the INVITE went."""
        return response.status >= 300 and response.head.call_id in self.old_calls and response.head.cseq == 1

    def _dismisses(self, response: SendResponse) -> "Provider":
        """A caller who has given up, or has an answer on another path, acknowledges that, and hangs up."""
        head = response.head
        tag = head.from_text.rpartition(";tag=")[2]
        ack = SipRequestReceived(response.dialog, replace(head, method="ACK"), REGISTRAR, tag)
        if self._confirms_elsewhere(response):
            return self
        if response.status >= 300:
            return self._says(ack)
        bye = replace(head, method="BYE", cseq=100 + self.made)
        return replace(self, made=self.made + 1)._says(ack, SipRequestReceived(response.dialog, bye, REGISTRAR, tag))

    # --- what is seen of it in the end

    def left_ringing(self) -> tuple[Phone, ...]:
        """Return the phones that are in no call, and wait for one."""
        return tuple(each for each in self.phones if each.phase != "talking")

    def talkers(self) -> int:
        """Return the number of phones in a call."""
        return len(self.phones)

    def whereabouts(self) -> list[str]:
        """Return the addresses at which phones expect audio."""
        return [phone.at for phone in self.phones]

    def relayed(self) -> int:
        """Return the number of phones that send audio to the relay."""
        return sum(phone.relayed for phone in self.phones)

    def is_empty(self) -> bool:
        """Return True if no call is left."""
        return not self.phones and not self.invites

    def forgotten(self, connection: str | None) -> set[str]:
        """Return the registrations whose way to us is kept open, other than that of the account."""
        return set(self.flows) - {connection}

    # --- itself

    @property
    def connections(self) -> tuple[tuple[str, bool], ...]:
        """Its registrations, and whether they are accepted."""
        waiting = tuple((_name(each), False) for each in self.registering)
        return (*((name, True) for name in self.registered), *waiting)

    def _with(self, phone: Phone) -> "Provider":
        if phone.phase == "gone":
            return self._without(phone)
        return replace(self, phones=tuple(phone if each.tag == phone.tag else each for each in self.phones))

    def _without(self, phone: Phone) -> "Provider":
        return replace(self, phones=tuple(each for each in self.phones if each.tag != phone.tag))

    def _says_first(self, event: Event) -> "Provider":
        return replace(self, sent=(*filter(self._arrives, (event,)), *self.sent))

    def _says(self, *events: Event) -> "Provider":
        return replace(self, sent=(*self.sent, *filter(self._arrives, events)))


_AGAIN: Final = "-again"
"""In the branch of an INVITE that comes on another path, too."""
_MERGED: Final = 482
"""The response to such an INVITE (RFC 3261 §8.2.2.2)."""
_OF_EDGE: Final = EdgeRestarted | FlowClosed
_ALL_CALLS: Final = frozenset({*_CALLS, *INVITATIONS})


def _register_moves(issued: Issued, quirks: frozenset[Quirk]) -> Iterator[str]:
    yield "sign in"
    command = issued.command
    assert isinstance(command, SendRegister)
    if Quirk.CHALLENGES in quirks:
        yield from ("log in", "log in again", "log in at the proxy", "log in at both")
    if Quirk.ACCOUNT in quirks:
        yield from ("sign in for a while", "sign in elsewhere", *_REGISTER_FAILURES, *_UNDELIVERED)


def _text_moves(quirks: frozenset[Quirk]) -> Iterator[str]:
    yield from _TEXT_ANSWERS
    if Quirk.CHALLENGES in quirks:
        yield "challenge the text"
    if Quirk.LOSS in quirks:
        yield "lose the text"


def _call_moves(quirks: frozenset[Quirk]) -> Iterator[str]:
    yield from ("call", "call with encryption")
    if Quirk.CODECS in quirks:
        yield from (each for each in INVITATIONS if each not in ("call", "call with encryption"))
    if Quirk.RELIABLE in quirks:
        yield "call reliably"
    if Quirk.TIMERS in quirks:
        yield from ("call, to be refreshed", "call, and refresh", "call with a short timer")
    if Quirk.CHATTER in quirks:
        yield from ("call and require something", "call and take over")


def _is_challenged(event: Event) -> bool:
    """Return True for the response to a request in a dialog that may be sent again."""
    return isinstance(event, SipResponseReceived) and event.method in ("BYE", "PRACK") and event.status == 200


def _name(issued: Issued) -> str:
    """Return the name of the registration that a REGISTER is of."""
    assert isinstance(issued.command, SendRegister)
    return issued.command.connection or issued.id


def _contact(name: str) -> str:
    return f"sip:{name}@127.0.0.1:5060"


def _of_both(nonce: str) -> tuple[Challenge, Challenge]:
    """Return the challenges of the provider's proxy and of its registrar."""
    return Challenge("proxy.test", f"{nonce}p", proxy=True), Challenge("sip.test", nonce)


def _is_own(credentials: tuple[DigestCredentials, ...]) -> bool:
    """Return True if only challenges of the provider were answered."""
    return all(each.challenge.nonce.startswith(OWN) for each in credentials)


def _silence(dialog: str, command: str) -> SipRequestUndelivered:
    return SipRequestUndelivered(dialog, command, Undelivered.SILENT)


def _is_repeated(event: Event) -> bool:
    """Return True for a final response to a request of a call."""
    return isinstance(event, SipResponseReceived) and event.status >= 200


def _answers_of(phone: Phone, sent: tuple[Event, ...]) -> list[SipResponseReceived]:
    """Return those 2xx of a phone to INVITEs that are under way."""
    responses = (each for each in sent if isinstance(each, SipResponseReceived) and each.method == "INVITE")
    return [each for each in responses if each.remote_tag == phone.tag and 200 <= each.status < 300]


def _unknown(asked: Asked) -> SipResponseReceived:
    """Return the response to a request of a call that is not there."""
    request = asked.request
    assert request.dialog
    return SipResponseReceived(request.dialog, asked.command, request.method, 481, "", REGISTRAR, request.recipient.tag)


def _deaf(phone: Phone, dialog: str) -> Phone:
    """The phone, after its INVITE was lost if it is of that dialog."""
    return replace(phone, lost=True) if phone.dialog == dialog else phone
