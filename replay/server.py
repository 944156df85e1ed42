"""Serve the pages of a log to the operator of the gateway: all calls, each call, and each user.

Rules:

1. The server listens on loopback, and everything is below a path that only the operator is told: nobody else on this
   machine may read a log. A request that names another host is refused, so that no page on the web can reach the server
   by a name of its own (DNS rebinding).
2. The server only reads, and answers only GET (and HEAD). Another process may be writing to the log.
3. A call's page is made again when the call has another entry. What has not changed is not looked for again: pages ask
   every two seconds.
4. The latest calls are found without reading the others, however many there are. A search reads all of them, once:
   after that only what is new, unless calls have left the log.
5. Of a call, what leaves the page as a file has pseudonyms for all names, as `fargo replay export` writes it.
"""

from collections.abc import Sequence
from hmac import compare_digest
from typing import Any, Final, NamedTuple
from urllib.parse import quote

import msgspec
from twisted.internet.error import CannotListenError
from twisted.web.http import BAD_REQUEST, CACHED, FORBIDDEN, INTERNAL_SERVER_ERROR, NOT_FOUND, OK
from twisted.web.resource import Resource
from twisted.web.server import Request, Site

from fargo.calls import CallName, Record, records
from fargo.store.interface import Reader, StoreError
from replay import texts
from replay.drawing.page_data import PageData, page_data
from replay.drawing.record_text import audio, ending, peer
from replay.exporting.export import ExportError, excerpt, pseudonymised
from replay.inspecting.account import rows
from replay.inspecting.groups import groups
from replay.inspecting.search import CallSearch, before
from replay.page import call_page, calls_page, user_page, users_page
from replay.reading import accounts, golden
from replay.reading.records import row
from replay.reading.steps import replayed_call

HOSTS: Final = ("127.0.0.1", "localhost")
_MOST: Final = 500
"""The page lists this number of calls, the latest of those that are wanted."""
_MOST_OF_USER: Final = 100
"""The page of a user lists this number of calls, the latest."""
_KEPT: Final = 8
"""The data of this number of calls is kept, those that were asked for last."""
_JSON: Final = "application/json"
_HTML: Final = "text/html; charset=utf-8"
_TEXT: Final = "text/plain; charset=utf-8"
_LINES: Final = "application/jsonl"
_HEADERS: Final = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


class Answer(NamedTuple):
    """The answer to a request. ``tag``: changes whenever the body may (RFC 9110 §8.8.3), None if the page does not ask
    for it again. ``file``: the name of the file that the browser is to write, None if it is to show the body.
    """

    body: bytes
    kind: str
    tag: str | None = None
    code: int = OK
    file: str | None = None


def serve(log: Reader, secret: str, port: int, reactor: Any) -> str:
    """Listen on a port of loopback, 0 for any that is free. Return the address of the page of all calls. Raises
    OSError.
    """
    try:
        listening = reactor.listenTCP(port, Site(Inspector(log, secret)), interface=HOSTS[0])
    except CannotListenError as error:
        raise error.socketError from None
    return f"http://{HOSTS[0]}:{listening.getHost().port}/{secret}/"


_NOT_HERE: Final = Answer(texts.NO_SUCH_PAGE.encode(), _TEXT, code=NOT_FOUND)


class Inspector(Resource):
    """The pages of an open log, below ``/<secret>/``."""

    isLeaf = True  # noqa: N815

    def __init__(self, log: Reader, secret: str) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._log = log
        self._secret = secret
        self._latest: tuple[str, list[Record]] = ("", [])
        self._records: tuple[int, list[Record]] = (0, [])
        self._data: dict[CallName, tuple[str, PageData]] = {}

    def render_GET(self, request: Request) -> bytes:  # noqa: N802
        """Answer a request. If it cannot be answered, the answer says why, as text."""
        try:
            answer = self._answer(request)
        except StoreError as error:
            answer = Answer(str(error).encode(), _TEXT, code=INTERNAL_SERVER_ERROR)
        for name, value in _HEADERS.items():
            request.setHeader(name, value)
        request.setHeader("Content-Type", answer.kind)
        if answer.file:
            request.setHeader("Content-Disposition", f'attachment; filename="{answer.file}"')
        request.setResponseCode(answer.code)
        if answer.tag and request.setETag(f'"{answer.tag}"'.encode()) is CACHED:
            return b""
        return answer.body

    def _answer(self, request: Request) -> Answer:
        if not _is_ours(request.getHeader("host") or "", request.getHost().port):
            return _refused(FORBIDDEN, texts.OTHER_HOST)
        secret, *path = [segment.decode(errors="replace") for segment in request.postpath or ()]
        if not compare_digest(secret.encode(), self._secret.encode()):
            return _NOT_HERE
        match path:
            case ["" | "calls" | "groups" as what]:
                return self._calls(request, what)
            case ["users"]:
                return self._users(request, False)
            case ["users", "data"]:
                return self._users(request, True)
            case ["user", user]:
                return self._user(request, user, False)
            case ["user", user, "data"]:
                return self._user(request, user, True)
            case ["call", user, id]:
                return self._call(CallName(user, id), False)
            case ["call", user, id, "data"]:
                return self._call(CallName(user, id), True)
            case ["call", user, id, "export"]:
                return self._export(CallName(user, id))
            case _:
                return _NOT_HERE

    # --- all calls

    def _calls(self, request: Request, what: str) -> Answer:
        """Return the calls that are asked for: the page with them, their data alone ("calls"), or the groups of those
        that failed ("groups").
        """
        tag = self._tag()
        if what and _has(request, tag):
            return Answer(b"", _JSON, tag)
        try:
            search = msgspec.convert(_query(request), CallSearch, strict=False)
            found = self._grouped(search) if what == "groups" else self._found(search)
        except ValueError as error:
            return _refused(BAD_REQUEST, texts.BAD_SEARCH.format(why=error))
        if what:
            return Answer(found, _JSON, tag)
        return Answer(calls_page(found, "calls").encode(), _HTML)

    def _tag(self) -> str:
        """Return a tag that changes whenever any list of calls may."""
        return f"{self._log.position()}-{self._log.count_calls()}"

    def _found(self, search: CallSearch) -> bytes:
        """Return the calls that are looked for, the latest first, in the form that the page of all calls reads."""
        if search == CallSearch():
            found: Sequence[Record] = self._recent()
            left = number = self._log.count_calls()
        else:
            every = [each for each in self._all() if search.has(each)]
            found = before(every, search.before) if search.before else every
            left, number = len(found), len(every)
        latest = [listed(each) for each in reversed(found[-_MOST:])]
        older = latest[-1]["call"] if latest and left > len(latest) else None
        return msgspec.json.encode({"calls": latest, "all": number, "older": older})

    def _grouped(self, search: CallSearch) -> bytes:
        """Return the groups of the calls that are looked for and failed."""
        found = groups(each for each in self._all() if search.has(each))
        return msgspec.json.encode({"groups": found[:_MOST], "all": sum(each.number for each in found)})

    def _recent(self) -> list[Record]:
        """Return the latest calls (rule 4)."""
        if (tag := self._tag()) != self._latest[0]:
            self._latest = tag, records(self._log.call_entries(None, self._log.position_before_calls(_MOST)))
        return self._latest[1]

    def _all(self) -> list[Record]:
        """Return all calls (rule 4)."""
        last, known = self._records
        if (now := self._log.position()) != last:
            known = records(self._log.call_entries(None, last), known)
        if self._log.count_calls() != len(known):
            known = records(self._log.call_entries())
        self._records = now, known
        return known

    # --- users

    def _users(self, request: Request, is_data: bool) -> Answer:
        """Return the page of all users who have an account, or its data alone."""
        tag = self._tag()
        if is_data and _has(request, tag):
            return Answer(b"", _JSON, tag)
        data = msgspec.json.encode(list(rows(accounts.states(self._log.accounts()))))
        return Answer(data, _JSON, tag) if is_data else Answer(users_page(data, "users/data").encode(), _HTML)

    def _user(self, request: Request, user: str, is_data: bool) -> Answer:
        """Return the page of a user, or its data alone."""
        version = self._log.version(user)
        if not version:
            return _refused(NOT_FOUND, texts.NO_SUCH_USER)
        tag = f"{version}-{self._log.count_calls()}"
        if is_data and _has(request, tag):
            return Answer(b"", _JSON, tag)
        calls = records(self._log.call_entries(user))
        changes = list(rows(accounts.changes(self._log.read(user))))
        data = msgspec.json.encode(
            {
                "user": user,
                "account": changes[:-_MOST:-1],
                "calls": [listed(each) for each in reversed(calls[-_MOST_OF_USER:])],
                "all": len(calls),
                "groups": groups(calls)[:_MOST_OF_USER],
            }
        )
        if is_data:
            return Answer(data, _JSON, tag)
        return Answer(user_page(user, data, f"{quote(user, safe='')}/data").encode(), _HTML)

    # --- one call

    def _call(self, call: CallName, is_data: bool) -> Answer:
        """Return the page of a call, or its data alone."""
        versions = [recorded.version for recorded, _ in self._log.call(call.user, call.id)]
        if not versions:
            return _refused(NOT_FOUND, texts.NO_SUCH_CALL)
        tag = f"{versions[0]}-{versions[-1]}"
        data = self._data_of(call, tag)
        if is_data:
            return Answer(msgspec.json.encode(data), _JSON, tag)
        return Answer(call_page(data, f"{call.id}/data").encode(), _HTML)

    def _data_of(self, call: CallName, tag: str) -> PageData:
        """Return the data of a call; the tag is that of its entries (rule 3)."""
        known = self._data.pop(call, None)
        if known is None or known[0] != tag:
            known = tag, page_data(replayed_call(self._log, call), call)
        self._data[call] = known
        for oldest in list(self._data)[:-_KEPT]:
            del self._data[oldest]
        return known[1]

    def _export(self, call: CallName) -> Answer:
        """Return a call as a golden log with pseudonyms (rule 5)."""
        if not (entries := excerpt(self._log, call)):
            return _refused(NOT_FOUND, texts.NO_SUCH_CALL)
        try:
            export = pseudonymised(entries)
        except ExportError as error:
            return _refused(INTERNAL_SERVER_ERROR, str(error))
        return Answer(golden.written(export.entries), _LINES, file=f"call-{call.id}.jsonl")


def listed(record: Record) -> dict[str, object]:
    """Return a record in the form that the lists of calls read."""
    return {
        **row(record),
        "with": peer(record),
        "path": audio(record),
        "ending": ending(record),
        "failed": record.failed,
    }


def _query(request: Request) -> dict[str, str]:
    """Return the parameters of a request that are not empty."""
    told = {name.decode(errors="replace"): values[-1].decode(errors="replace") for name, values in request.args.items()}
    return {name: value for name, value in told.items() if value}


def _has(request: Request, tag: str) -> bool:
    """Return True if who asks has what has this tag."""
    return request.getHeader("if-none-match") == f'"{tag}"'


def _is_ours(host: str, port: int) -> bool:
    return host in [f"{name}:{port}" for name in HOSTS]


def _refused(code: int, sentence: str) -> Answer:
    return Answer(sentence.encode(), _TEXT, code=code)
