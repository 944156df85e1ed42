"""The summary of a mailbox in a NOTIFY (RFC 3842), and what other NOTIFYs are answered (RFC 6665 §4.1.3).

Rules:

1. Only the package message-summary is taken, in its own type. Anything else is refused with what is taken.
2. A NOTIFY without a body says nothing of the mailbox, only of the subscription.
3. Only the line Messages-Waiting must be there, and only voice messages are counted. Of whom the messages are is
   nobody's concern, and neither are other kinds: where only those are counted, there is no voice message. A mailbox
   without a usable address has none.
"""

import re
from typing import Final

from fargo.adapters.sip import texts
from fargo.adapters.sip.wire.headers import media_type, sip_headers
from fargo.adapters.sip.wire.message import MalformedSipError, SipRequest
from fargo.adapters.sip.wire.uri import OtherUri, parse_uri
from fargo.statemachine.model.message_summary import MessageSummary

PACKAGE: Final = "message-summary"
SUMMARY: Final = "application/simple-message-summary"
"""The package, and the type of its bodies."""

_MOST_BYTES: Final = 8_000
_LINE: Final = re.compile(r"([A-Za-z-]{1,40})[ \t]*+:[ \t]*+(.*?)[ \t]*+")
_COUNTS: Final = re.compile(r"([0-9]{1,9})[ \t]*+/[ \t]*+([0-9]{1,9})(?:[ \t]*+\([ \t]*+([0-9]{1,9})[ \t]*+/.{0,30})?")
_LONGEST_ACCOUNT: Final = 250


def told(notify: SipRequest) -> MessageSummary | None:
    """Return what a NOTIFY says of a mailbox, None if nothing. Raise MalformedSipError if it is not taken."""
    if sip_headers(notify.headers).event != PACKAGE:
        raise MalformedSipError(texts.NO_PACKAGE, 489 if "Event" in notify.headers else 400)
    if not notify.body.strip():
        return None
    if media_type(notify.headers) != SUMMARY:
        raise MalformedSipError(texts.ONLY_SUMMARIES, 415)
    if len(notify.body) > _MOST_BYTES:
        raise MalformedSipError(texts.TEXT_TOO_LONG, 413)
    return _summary(notify.body.decode(errors="replace"))


def _summary(text: str) -> MessageSummary:
    found: dict[str, str] = {}
    for line in text.splitlines():
        if match := _LINE.fullmatch(line.strip()):
            found.setdefault(match[1].lower(), match[2])
    waiting = found.get("messages-waiting", "").lower()
    counts = found.get("voice-message")
    numbers = _COUNTS.fullmatch(counts) if counts is not None else None
    if waiting not in ("yes", "no") or (counts is not None and numbers is None):
        raise MalformedSipError(texts.BAD_SUMMARY)
    account = _account(found.get("message-account", ""))
    if numbers is None and any(name.endswith("-message") for name in found):
        return MessageSummary(waiting == "yes", 0, account=account)
    if numbers is None:
        return MessageSummary(waiting == "yes", account=account)
    return MessageSummary(waiting == "yes", int(numbers[1]), int(numbers[2]), int(numbers[3] or 0), account)


def _account(uri: str) -> str | None:
    uri = uri.strip("<>")
    try:
        known = len(uri) <= _LONGEST_ACCOUNT and not isinstance(parse_uri(uri), OtherUri)
    except MalformedSipError:
        return None
    return uri if known else None
