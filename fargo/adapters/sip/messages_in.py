"""Requests that come in and say something to the user: texts (MESSAGE, RFC 3428) and notices of a mailbox (NOTIFY, RFC
3842).

Rules:

1. A text that comes twice, with other branches, is put once (RFC 3261 §8.2.2.2), and answered as it was.
2. The user may have had enough of them. A notice that says the same as the one before does not count.
3. That somebody types is put once a second for each sender; what comes sooner is answered, and no more. So nobody
   floods the user with it: the limit on texts does not apply to what is no text.
"""

from collections.abc import Callable
from typing import Final, TypeAlias

from fargo.adapters.put import KeepTexts, PutEvent
from fargo.adapters.sip import inward, message_bodies, message_summary
from fargo.adapters.sip.client_transactions import MOST, PATIENCE
from fargo.adapters.sip.marks import SourceMark
from fargo.adapters.sip.names import Named, in_tag, incoming, registration_of
from fargo.adapters.sip.recent import Recent
from fargo.adapters.sip.trust import DAY
from fargo.adapters.sip.wire.headers import party
from fargo.adapters.sip.wire.message import SipRequest
from fargo.statemachine.model.kept_text import KeptText
from fargo.statemachine.model.message_summary import MessageSummary
from fargo.statemachine.model.sip_values import RequestHead

StatelessAnswer: TypeAlias = Callable[[RequestHead, int, str], None]
"""answer(head of a request, status, phrase) answers a request without the core."""
TextRefusal: TypeAlias = Callable[[str], str | None]
"""refusal(bare JID of a user) returns why the user takes no text now, None if they do."""
_Place: TypeAlias = tuple[str, int, str]
"""Call-ID, CSeq number and From of a MESSAGE: the same whichever way it comes."""

_TYPING_SECONDS: Final = 1.0
_UNAVAILABLE: Final = 480
_OK: Final = (200, "OK")
_TWICE: Final = (482, "Loop Detected")


class MessagesIn:
    """All texts and notices. `put`, `kept` and `text_refusal` are those of `SipAdapter`."""

    def __init__(
        self,
        put: PutEvent,
        answer: StatelessAnswer,
        kept: KeepTexts,
        text_refusal: TextRefusal,
        now: Callable[[], float],
    ) -> None:
        self._put = put
        self._answer = answer
        self._kept = kept
        self._text_refusal = text_refusal
        self._texts: Recent[_Place, bool] = Recent(PATIENCE, MOST, now)
        """The texts that have come in: True if their answer is known to be that they were taken."""
        self._summaries: Recent[Named, MessageSummary] = Recent(DAY, MOST, now)
        """The last word on the mailbox of each registration."""
        self._typing: Recent[tuple[Named, str], bool] = Recent(_TYPING_SECONDS, MOST, now)
        """The senders who have said just now that they type, or do not: the registration that was told, and From."""

    def text(
        self, request: SipRequest, head: RequestHead, source: SourceMark, called: Named, of_provider: bool
    ) -> None:
        """Put the event of a text outside of a call, or of a notice that somebody types. Raise MalformedSipError if it
        is not taken.
        """
        composing, sender = message_bodies.composing_in(request), party(request.headers, "From")
        said = composing or self._taken(request, head, called.user)
        if composing and self._is_hasty(called, sender.uri):
            self._answer(head, *_OK)
        elif said is not None:
            name = incoming(called.name, head.call_id, sender.tag)
            self._put(called.user, inward.text(name, called.name, head, request, source, said, of_provider))

    def _is_hasty(self, called: Named, sender: str) -> bool:
        """Return True if a sender (URI) has said just before if they type (rule 3)."""
        if (called, sender) in self._typing:
            return True
        self._typing[called, sender] = True
        return False

    def text_in_call(self, request: SipRequest, head: RequestHead, source: SourceMark, user: str, dialog: str) -> None:
        """Put the event of a text within the dialog of a call. Raise MalformedSipError if it is not taken."""
        if kept := self._taken(request, head, user):
            self._put(user, inward.told(dialog, head, request, source, kept))

    def _taken(self, request: SipRequest, head: RequestHead, user: str) -> KeptText | None:
        """Keep a text, once (rule 1). Return None if it says nothing, or is not to be put: it is answered here. Raise
        MalformedSipError if it is not taken.
        """
        place = _place(head)
        if place in self._texts:
            self._answer(head, *(_OK if self._texts.get(place) else _TWICE))
            return None
        text = message_bodies.text_in(request)
        if text is None:
            self._answer(head, *_OK)
            return None
        if self._is_refused(head, user):
            return None
        self._texts[place] = False
        return KeptText(self._kept.keep(text), len(text.encode()))

    def notice(self, request: SipRequest, head: RequestHead, source: SourceMark, called: Named) -> None:
        """Put the event of a notice. Raise MalformedSipError if it is not taken."""
        summary, to_tag = message_summary.told(request), inward.to_tag(request.headers)
        name = (in_tag(to_tag) if to_tag else None) or called.name
        of = Named(called.user, registration_of(called.name))
        if summary is not None and self._summaries.get(of) != summary:
            if self._is_refused(head, called.user):
                return
            self._summaries[of] = summary
        self._put(called.user, inward.told(name, head, request, source, summary))

    def _is_refused(self, head: RequestHead, user: str) -> bool:
        """Return True if the user takes no text now: it has been answered."""
        why = self._text_refusal(user)
        if why:
            self._answer(head, _UNAVAILABLE, why.removesuffix("."))
        return why is not None

    def responded(self, head: RequestHead, status: int) -> None:
        """Note how a text was answered."""
        if status < 300:
            self._texts[_place(head)] = True
        else:
            self._texts.pop(_place(head))


def _place(head: RequestHead) -> _Place:
    return head.call_id, head.cseq, head.from_text
