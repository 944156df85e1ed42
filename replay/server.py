"""The pages of a log, served to whoever runs the gateway: all calls, and each call.

Rules:

1. It listens on loopback, and what it serves is below a path that only its user is told: a log is for nobody else on
   this machine. A request that names another host is refused, so that no page on the web can reach it by a name of its
   own (DNS rebinding).
2. It only reads, and only GET (and HEAD) is answered. Another process may be writing to the log.
3. A call's page needs its user's stream and no other, and is made again when something has come to it.
4. The latest calls are found without the others, however many there are. Only who looks for some has all of them read,
   once: that list goes on from where it was, unless calls have left the log.
"""

from datetime import UTC, datetime
from hmac import compare_digest
from secrets import token_urlsafe
from typing import Annotated, Any, Final, Literal, NamedTuple

import msgspec
from msgspec import Meta, Struct
from twisted.internet.error import CannotListenError
from twisted.web.http import BAD_REQUEST, CACHED, FORBIDDEN, INTERNAL_SERVER_ERROR, NOT_FOUND, OK
from twisted.web.resource import Resource
from twisted.web.server import Request, Site

from fargo.store.interface import Reader, StoreError
from replay.drawing.page_data import Story, story
from replay.drawing.record_text import ending, peer
from replay.page import call_page, calls_page
from replay.reading.call_name import CallName
from replay.reading.records import Record, records, row
from replay.reading.steps import steps

HOSTS: Final = ("127.0.0.1", "localhost")
_MOST: Final = 500
"""So many calls are listed, the latest of those that are wanted."""
_KEPT: Final = 8
"""So many calls are kept as they were last asked for."""
_JSON: Final = "application/json"
_HTML: Final = "text/html; charset=utf-8"
_TEXT: Final = "text/plain; charset=utf-8"
_HEADERS: Final = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


class Answer(NamedTuple):
    """What a request is answered with. ``tag``: changes whenever the body may (RFC 9110 §8.8.3), "" if it is not asked
    for again.
    """

    body: bytes
    kind: str
    tag: str = ""
    code: int = OK


def serve(log: Reader, port: int, reactor: Any) -> str:
    """Listen at a port of loopback, 0 for any that is free; returns the address of the page of all calls. Raises
    OSError.
    """
    secret = token_urlsafe(16)
    try:
        listening = reactor.listenTCP(port, Site(Inspector(log, secret)), interface=HOSTS[0])
    except CannotListenError as error:
        raise error.socketError from None
    return f"http://{HOSTS[0]}:{listening.getHost().port}/{secret}/"


_NOT_HERE: Final = Answer(b"There is no such page.", _TEXT, code=NOT_FOUND)


Time = Annotated[str, Meta(pattern=r"^([12]\d{3}-(0\d|1[012])-([012]\d|3[01])T([01]\d|2[0-3]):[0-5]\d(:[0-5]\d)?)?$")]


class Wish(Struct, frozen=True):
    """Which calls are looked for, "" for any: by what is in the user's or the peer's name, by direction, ending, and
    when they began (UTC, as HTML's datetime-local has it).
    """

    text: str = ""
    direction: Literal["", "in", "out"] = ""
    ending: Literal["", "failed", "unanswered", "answered", "open"] = ""
    since: Time = ""
    until: Time = ""

    def has(self, record: Record) -> bool:
        """Whether a call is one of them."""
        names = f"{record.name.user}\n{record.peer}\n{record.peer_name}".casefold()
        return (
            self.text.strip().casefold() in names
            and self.direction in ("", record.direction)
            and self._ended_so(record)
            and (not self.since or _seconds(self.since) <= record.began)
            and (not self.until or record.began < _seconds(self.until))
        )

    def _ended_so(self, record: Record) -> bool:
        match self.ending:
            case "":
                return True
            case "failed":
                return record.failed
            case "answered":
                return record.answered is not None
            case "unanswered":
                return record.answered is None and record.ended is not None
            case "open":
                return record.ended is None


class Inspector(Resource):
    """The pages of an open log, below ``/<secret>/``."""

    isLeaf = True  # noqa: N815

    def __init__(self, log: Reader, secret: str) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._log = log
        self._secret = secret
        self._latest: tuple[str, list[Record]] = ("", [])
        self._records: tuple[int, list[Record]] = (0, [])
        self._stories: dict[CallName, tuple[int, Story]] = {}

    def render_GET(self, request: Request) -> bytes:  # noqa: N802
        """Answer a request; what cannot be answered says why, as text."""
        try:
            answer = self._answer(request)
        except StoreError as error:
            answer = Answer(str(error).encode(), _TEXT, code=INTERNAL_SERVER_ERROR)
        for name, value in _HEADERS.items():
            request.setHeader(name, value)
        request.setHeader("Content-Type", answer.kind)
        request.setResponseCode(answer.code)
        if answer.tag and request.setETag(f'"{answer.tag}"'.encode()) is CACHED:
            return b""
        return answer.body

    def _answer(self, request: Request) -> Answer:
        if not _is_ours(request.getHeader("host") or "", request.getHost().port):
            return _refused(FORBIDDEN, "This is served to 127.0.0.1 and localhost only.")
        secret, *path = [segment.decode(errors="replace") for segment in request.postpath or ()]
        if not compare_digest(secret.encode(), self._secret.encode()):
            return _NOT_HERE
        match path:
            case ["" | "calls" as what]:
                return self._calls(request, what)
            case ["call", user, id, *what] if what in ([], ["story"]):
                return self._call(CallName(user, id), what)
            case _:
                return _NOT_HERE

    # --- all calls

    def _calls(self, request: Request, what: str) -> Answer:
        """Those that are asked for: "calls", or the page with them."""
        tag = self._tag()
        try:
            wish = msgspec.convert(_query(request), Wish, strict=False)
            found = self._found(wish)
        except ValueError as error:
            return _refused(BAD_REQUEST, f"That cannot be looked for: {error}.")
        if what:
            return Answer(found, _JSON, tag)
        return Answer(calls_page(found, "calls").encode(), _HTML)

    def _tag(self) -> str:
        """What changes whenever any list of calls may."""
        return f"{self._log.position()}-{self._log.count_calls()}"

    def _found(self, wish: Wish) -> bytes:
        """The calls that are wished for, the latest first, as the page of all calls wants them."""
        if wish == Wish():
            found, number = self._recent(), self._log.count_calls()
        else:
            found = [each for each in self._all() if wish.has(each)]
            number = len(found)
        latest = [_listed(each) for each in reversed(found[-_MOST:])]
        return msgspec.json.encode({"calls": latest, "all": number})

    def _recent(self) -> list[Record]:
        """The latest calls (rule 4)."""
        if (tag := self._tag()) != self._latest[0]:
            self._latest = tag, records(self._log.call_entries(None, self._log.position_before_calls(_MOST)))
        return self._latest[1]

    def _all(self) -> list[Record]:
        """All calls (rule 4)."""
        last, known = self._records
        if (now := self._log.position()) != last:
            known = records(self._log.call_entries(None, last), known)
        if self._log.count_calls() != len(known):
            known = records(self._log.call_entries())
        self._records = now, known
        return known

    def _is_there(self, call: CallName) -> bool:
        """Whether the log has the call: mostly it is a late one."""
        return any(each.name == call for calls in (self._recent, self._all) for each in calls())

    # --- one call

    def _call(self, call: CallName, what: list[str]) -> Answer:
        """A call's story, or the page of it."""
        if not self._is_there(call):
            return _refused(NOT_FOUND, "There is no such call in the log.")
        last, told = self._told(call)
        if what:
            return Answer(msgspec.json.encode(told), _JSON, str(last))
        return Answer(call_page(told, f"{call.id}/story").encode(), _HTML)

    def _told(self, call: CallName) -> tuple[int, Story]:
        """Rule 3."""
        last, now = self._log.version(call.user), self._stories.pop(call, None)
        if now is None or now[0] != last:
            now = last, story(steps(self._log.read(call.user), call), call)
        self._stories[call] = now
        for oldest in list(self._stories)[:-_KEPT]:
            del self._stories[oldest]
        return now


def _seconds(time: str) -> float:
    return datetime.fromisoformat(time).replace(tzinfo=UTC).timestamp()


def _listed(record: Record) -> dict[str, object]:
    """The record as the page of all calls wants it."""
    return {**row(record), "with": peer(record), "ending": ending(record), "failed": record.failed}


def _query(request: Request) -> dict[str, str]:
    return {name.decode(errors="replace"): values[-1].decode(errors="replace") for name, values in request.args.items()}


def _is_ours(host: str, port: int) -> bool:
    return host in [f"{name}:{port}" for name in HOSTS]


def _refused(code: int, sentence: str) -> Answer:
    return Answer(sentence.encode(), _TEXT, code=code)
