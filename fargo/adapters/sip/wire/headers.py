"""The headers that the core decides by: texts to the values of `model.sip_values`, and back.

Rules:

1. What a response repeats, and what a later request repeats as a route, stays the text that arrived.
2. A request needs From, To, Call-ID, CSeq and Via, each well-formed and all but Via only once (RFC 3261 §8.1.1).
   Require, Contact and lists of routes must be well-formed if they are there. Any other header that is malformed is
   treated as absent (§8.2), and its name is among `SipHeaders.unknown`.
3. Names that are compared without regard to case are in lower case (option tags, privacy values) or spelled as in their
   RFC (protocols of Reason, digest algorithms).
"""

import re
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Final, NamedTuple, TypeAlias

from fargo.adapters.sip.wire import texts
from fargo.adapters.sip.wire.digest import ALGORITHMS
from fargo.adapters.sip.wire.grammar import (
    CACHED,
    LWS,
    NameAddr,
    address,
    entries,
    items,
    number,
    parameters,
    printable,
    quotable_items,
    quoted,
    tag,
    tokens,
    unquoted,
    written_address,
    written_tokens,
)
from fargo.adapters.sip.wire.message import (
    TOKEN,
    Headers,
    MalformedSipError,
    SipRequest,
    UnwritableSipError,
    with_tag,
)
from fargo.adapters.sip.wire.uri import HostUri, NumberUri, host_and_port, parse_uri
from fargo.statemachine.model.sip_values import (
    Challenge,
    Diversion,
    Identity,
    Party,
    RAck,
    ReasonValue,
    RequestHead,
    SessionTimer,
    SipHeaders,
    SubscriptionState,
    WarningValue,
)

MAX_FORWARDS: Final = 70
"""That of a new request (RFC 3261 §8.1.1.6)."""
ALL_CONTACTS: Final = "*"
"""The Contact that stands for all bindings of an address (RFC 3261 §10.2.2)."""

_COMPOSING: Final = "application/im-iscomposing+xml"
_WARN_AGENT: Final = "fargo"
_CALL_ID: Final = re.compile(r"[\x21-\x7e]++")
_CSEQ: Final = re.compile(r"([0-9]{1,10})[ \t]++([^ \t]++)")
_LAST_CSEQ: Final = 2**31 - 1  # RFC 3261 §8.1.1.5
_DELTA: Final = re.compile(r"([0-9]++)[ \t]*+(?:[;(].*+)?", re.DOTALL)
_RACK: Final = re.compile(r"([0-9]{1,10})[ \t]++([0-9]{1,10})[ \t]++([^ \t]++)")
_WARNING: Final = re.compile(r"([0-9]{3})[ \t]++[^ \t\"]++[ \t]++(\".*+)", re.DOTALL)
_ALGORITHMS: Final = {each.lower(): each for each in ALGORITHMS}
AUTHENTICATE: Final = {"WWW-Authenticate": False, "Proxy-Authenticate": True}
"""The headers with challenges; True for those of a proxy."""


class Via(NamedTuple):
    """A Via value (RFC 3261 §20.42): where the message was sent from. ``transport`` is in lower case.

    ``received`` and ``rport`` are what the receiver saw; ``rport`` is None if it wrote none.
    """

    transport: str
    host: str
    port: int | None
    branch: str | None
    received: str | None
    rport: int | None


# --- what every message has


def request_head(request: SipRequest) -> RequestHead:
    """Return what every response to a request repeats. Raise MalformedSipError if it cannot be processed."""
    headers = request.headers
    call_id, number_of, method = dialog_place(headers)
    if method != request.method:
        raise MalformedSipError(texts.OTHER_METHOD)
    _check_uri(request.uri)
    from_text, to_text, vias = one(headers, "From"), one(headers, "To"), via_texts(headers)
    via(vias[0])
    _party(from_text)
    _party(to_text)
    routes = route_texts(headers, "Record-Route")
    return RequestHead(method, request.uri, vias, from_text, to_text, call_id, number_of, routes)


def _check_uri(uri: str) -> None:
    found = parse_uri(uri)
    if not isinstance(found, HostUri | NumberUri) and found.scheme != "urn":
        raise MalformedSipError(texts.OTHER_SCHEME, 416)


def one(headers: Headers, name: str) -> str:
    """Return the value of a header that a message has exactly once."""
    values = headers.get(name)
    if not values or not values[0]:
        raise MalformedSipError(texts.MISSING.format(name=name))
    if len(values) > 1:
        raise MalformedSipError(texts.REPEATED.format(name=name))
    return values[0]


def dialog_place(headers: Headers) -> tuple[str, int, str]:
    """Return the Call-ID, and the number and the method in CSeq."""
    call_id, counted = one(headers, "Call-ID"), one(headers, "CSeq")
    if not _CALL_ID.fullmatch(call_id):
        raise MalformedSipError(texts.BAD_HEADER.format(name="Call-ID"))
    return call_id, *_cseq(counted)


@lru_cache(CACHED)
def _cseq(text: str) -> tuple[int, str]:
    """Return the number and the method in CSeq."""
    found = _CSEQ.fullmatch(text)
    if not found or not TOKEN.fullmatch(found[2]) or int(found[1]) > _LAST_CSEQ:
        raise MalformedSipError(texts.BAD_HEADER.format(name="CSeq"))
    return int(found[1]), found[2]


def party(headers: Headers, name: str) -> Party:
    """Return the party in From or To."""
    return _party(one(headers, name))


@lru_cache(CACHED)
def _party(text: str) -> Party:
    found = address(text)
    return Party(found.uri, tag(found), found.name)


def via_texts(headers: Headers) -> tuple[str, ...]:
    """Return the Via values, topmost first. There is at least one."""
    if not headers.get("Via"):
        raise MalformedSipError(texts.MISSING.format(name="Via"))
    return entries(headers["Via"], "Via")


@lru_cache(CACHED)
def via(text: str) -> Via:
    """Return the parts of a Via value."""
    sent, _, after = text.partition(";")
    protocol, version, rest, *more = (*sent.split("/"), "", "")
    transport, *sent_by = rest.split() or ("",)
    known = protocol.strip(LWS).upper() == "SIP" and version.strip(LWS) == "2.0"
    if not known or any(each.strip(LWS) for each in more) or not TOKEN.fullmatch(transport):
        raise MalformedSipError(texts.BAD_HEADER.format(name="Via"))
    host, port = host_and_port("".join(sent_by))
    found = parameters(after)
    received, rport = found.get("received"), found.get("rport")
    received = received.strip("[]") if received else None
    return Via(transport.lower(), host, port, found.get("branch"), received, number(rport, 65535) if rport else None)


def route_texts(headers: Headers, name: str) -> tuple[str, ...]:
    """Return the values of Route, Record-Route, Service-Route or Path, topmost first."""
    if name not in headers:
        return ()
    found = entries(headers[name], name)
    for each in found:
        address(each)
    return found


def contacts(headers: Headers) -> tuple[NameAddr, ...]:
    """Return the Contacts. The URI of the one that stands for all is `ALL_CONTACTS`."""
    return tuple(map(_contact, entries(headers.get("Contact", ()), "Contact")))


def _contact(text: str) -> NameAddr:
    return NameAddr(ALL_CONTACTS) if text == "*" else address(text)


def expires(contact: NameAddr) -> int | None:
    """Return the seconds that a Contact is valid, None if it does not say so or not as a number."""
    try:
        return number(contact.parameters.get("expires"))
    except MalformedSipError:
        return None


def media_type(headers: Headers) -> str | None:
    """Return the type of the body in lower case, without parameters. None if the message does not say it."""
    values = headers.get("Content-Type")
    return values[0].partition(";")[0].strip(LWS).lower() if values else None


# --- what the core decides by

_Reader: TypeAlias = Callable[[list[str]], object]


def sip_headers(headers: Headers) -> SipHeaders:
    """Return the headers that the core decides by. Raise MalformedSipError if Require is malformed."""
    found: dict[str, object] = {}
    unknown = []
    for name, values in headers.items():
        if reader := _READERS.get(name):
            field, read = reader
            try:
                found[field] = read(values)
            except MalformedSipError:
                if name == "Require":
                    raise
                unknown.append(name)
        elif name not in _ELSEWHERE and not name.startswith("X-Fargo-"):
            unknown.append(name)
    return SipHeaders(**found, unknown=tuple(unknown))  # type: ignore[arg-type]


def _alone(values: list[str]) -> str:
    if len(values) > 1:
        raise MalformedSipError(texts.BAD_TOKEN)
    return values[0]


def _all(values: list[str]) -> str:
    return values[0] if len(values) == 1 else ", ".join(values)


def _tokens(values: list[str]) -> tuple[str, ...]:
    return tokens(_all(values))


def _option_tags(values: list[str]) -> tuple[str, ...]:
    return tokens(_all(values).lower())


def _number(values: list[str]) -> int:
    return number(_alone(values))


def _seconds(values: list[str]) -> int:
    """Return the seconds before a comment or parameters, as in Retry-After (RFC 3261 §20.33)."""
    found = _DELTA.fullmatch(_alone(values))
    return number(found and found[1])


def _session_timer(values: list[str]) -> SessionTimer:
    seconds = _seconds(values)
    match (parameters(values[0].partition(";")[2]).get("refresher") or "").lower():
        case "uac" | "uas" as refresher:
            return SessionTimer(seconds, refresher)
        case _:
            return SessionTimer(seconds)


def _rack(values: list[str]) -> RAck:
    found = _RACK.fullmatch(_alone(values))
    if not found:
        raise MalformedSipError(texts.BAD_NUMBER)
    return RAck(number(found[1]), number(found[2]), found[3])


def _reasons(values: list[str]) -> tuple[ReasonValue, ...]:
    return tuple(map(_reason, items(_all(values))))


def _reason(text: str) -> ReasonValue:
    protocol, _, after = text.partition(";")
    found = parameters(after)
    protocol, cause, words = protocol.strip(LWS), found.get("cause"), found.get("text")
    if not TOKEN.fullmatch(protocol):
        raise MalformedSipError(texts.BAD_TOKEN)
    return ReasonValue(protocol.upper(), number(cause) if cause else None, printable(words) if words else None)


def _warnings(values: list[str]) -> tuple[WarningValue, ...]:
    return tuple(map(_warning, items(_all(values))))


def _warning(text: str) -> WarningValue:
    found = _WARNING.fullmatch(text)
    if not found:
        raise MalformedSipError(texts.BAD_NUMBER)
    return WarningValue(int(found[1]), printable(unquoted(found[2])))


def _identities(values: list[str]) -> tuple[Identity, ...]:
    return tuple(Identity(each.uri, each.name) for each in map(address, items(_all(values))))


def _privacy(values: list[str]) -> tuple[str, ...]:
    return tuple(filter(None, (each.strip(LWS) for each in _all(values).lower().replace(",", ";").split(";"))))


def _diversions(values: list[str]) -> tuple[Diversion, ...]:
    found = map(address, items(_all(values)))
    return tuple(Diversion(each.uri, (each.parameters.get("reason") or "unknown").lower()) for each in found)


def _max_forwards(values: list[str]) -> int | None:
    left = number(_alone(values))
    return left if left < MAX_FORWARDS else None


def _event(values: list[str]) -> str:
    package = _alone(values).partition(";")[0].strip(LWS)
    if not TOKEN.fullmatch(package):
        raise MalformedSipError(texts.BAD_TOKEN)
    return package.lower()


def _is_true(values: list[str]) -> bool:
    word = _alone(values).partition(";")[0].strip(LWS).lower()
    if word not in ("true", "false"):
        raise MalformedSipError(texts.BAD_TOKEN)
    return word == "true"


def _subscription_state(values: list[str]) -> SubscriptionState:
    state, _, after = _alone(values).lower().partition(";")
    found = parameters(after)
    if not TOKEN.fullmatch(state := state.strip(LWS)):
        raise MalformedSipError(texts.BAD_TOKEN)
    wait = found.get("retry-after")
    return SubscriptionState(state, found.get("reason"), number(wait) if wait else None)


def _lists_composing(values: list[str]) -> bool:
    return any(each.partition(";")[0].strip(LWS) == _COMPOSING for each in items(_all(values).lower()))


_READERS: Final[dict[str, tuple[str, _Reader]]] = {
    "Require": ("require", _option_tags),
    "Supported": ("supported", _option_tags),
    "Unsupported": ("unsupported", _option_tags),
    "Allow": ("allow", _tokens),
    "Session-Expires": ("session_expires", _session_timer),
    "Min-SE": ("min_se", _seconds),
    "RSeq": ("rseq", _number),
    "RAck": ("rack", _rack),
    "Reason": ("reason", _reasons),
    "Warning": ("warning", _warnings),
    "Retry-After": ("retry_after", _seconds),
    "Expires": ("expires", _number),
    "Min-Expires": ("min_expires", _number),
    "P-Asserted-Identity": ("asserted", _identities),
    "Privacy": ("privacy", _privacy),
    "P-Early-Media": ("early_media", _all),
    "Replaces": ("replaces", _alone),
    "Refer-To": ("refer_to", _alone),
    "Referred-By": ("referred_by", _alone),
    "Refer-Sub": ("refer_sub", _is_true),
    "Diversion": ("diversion", _diversions),
    "Max-Forwards": ("max_forwards", _max_forwards),
    "Event": ("event", _event),
    "Subscription-State": ("subscription_state", _subscription_state),
    "Accept": ("composing", _lists_composing),
}
_ELSEWHERE: Final = {
    *("Via", "From", "To", "Call-ID", "CSeq", "Contact", "Record-Route", "Route", "Service-Route"),
    *("Content-Type", *AUTHENTICATE),
}
"""Headers that the events contain in other fields, or that are meant for transport only."""


# --- challenges


def challenges(headers: Headers) -> tuple[Challenge, ...]:
    """Return the digest challenges, in order. Malformed ones, and those of other schemes, are left out."""
    return tuple(
        challenge
        for name, proxy in AUTHENTICATE.items()
        for value in headers.get(name, ())
        for challenge in _challenges(value, proxy)
    )


def _challenges(text: str, proxy: bool) -> tuple[Challenge, ...]:
    try:
        found = tuple(_schemes(text))
    except MalformedSipError:
        return ()
    return tuple(
        Challenge(
            realm=each["realm"],
            nonce=each["nonce"],
            proxy=proxy,
            algorithm=_ALGORITHMS.get(each.get("algorithm", "MD5").lower(), each.get("algorithm", "MD5")),
            qop=tuple(filter(None, (option.strip(LWS) for option in each.get("qop", "").lower().split(",")))),
            opaque=each.get("opaque"),
            stale=each.get("stale", "").lower() == "true",
        )
        for scheme, each in found
        if scheme == "digest" and "realm" in each and "nonce" in each
    )


def _schemes(text: str) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield each challenge: its scheme in lower case, and its parameters. Several may stand in one list (RFC 7235)."""
    scheme, found = "", dict[str, str]()
    for part in quotable_items(text):
        name, equals, value = part.partition("=")
        *begins, name = name.lower().split() or [""]
        if begins:
            yield scheme, found
            scheme, found = begins[0], {}
        if equals:
            found.setdefault(name, unquoted(value.strip(LWS)))
    yield scheme, found


# --- writing


def response_headers(head: RequestHead, status: int, ours: str | None) -> Headers:
    """Return what a response repeats of its request (RFC 3261 §8.2.6.2, §12.1.1). ``ours``: our tag, for To."""
    headers: Headers = {"Via": list(head.via)}
    if head.record_route and 100 < status < 300:
        headers["Record-Route"] = list(head.record_route)
    return headers | {
        "From": [head.from_text],
        "To": [with_tag(head.to_text, ours) if ours else head.to_text],
        "Call-ID": [head.call_id],
        "CSeq": [f"{head.cseq} {head.method}"],
    }


@lru_cache(CACHED)
def written_party(of: Party) -> str:
    """Return the text of From or To."""
    return written_address(of.uri, of.name, {"tag": of.tag} if of.tag else {})


def written(of: SipHeaders) -> Headers:
    """Return the texts of the headers that have a value. Raise UnwritableSipError if SIP cannot express one."""
    return {name: [text] for name, text in _written(of)}


@lru_cache(CACHED)
def _written(of: SipHeaders) -> tuple[tuple[str, str], ...]:
    """Return name and text of each header that has a value. Most messages have the same few."""
    return tuple((name, text) for name, text in _texts(of) if text is not None)


def _texts(of: SipHeaders) -> Iterator[tuple[str, str | None]]:
    for name, values in (
        *(("Require", of.require), ("Supported", of.supported), ("Unsupported", of.unsupported)),
        *(("Allow", of.allow), ("Privacy", of.privacy)),
    ):
        yield name, written_tokens(values, name, "; " if name == "Privacy" else ", ") if values else None
    if timer := of.session_expires:
        yield "Session-Expires", f"{timer.seconds}{f';refresher={timer.refresher}' if timer.refresher else ''}"
    for name, amount in (
        *(("Min-SE", of.min_se), ("RSeq", of.rseq), ("Retry-After", of.retry_after), ("Expires", of.expires)),
        *(("Min-Expires", of.min_expires), ("Max-Forwards", of.max_forwards)),
    ):
        yield name, None if amount is None else str(amount)
    if of.rack:
        yield "RAck", f"{of.rack.rseq} {of.rack.cseq} {of.rack.method}"
    if of.reason:
        yield "Reason", ", ".join(map(_written_reason, of.reason))
    if of.warning:
        yield "Warning", ", ".join(f"{each.code:03} {_WARN_AGENT} {quoted(each.text)}" for each in of.warning)
    if of.asserted:
        yield "P-Asserted-Identity", ", ".join(written_address(each.uri, each.name) for each in of.asserted)
    if of.diversion:
        yield "Diversion", ", ".join(written_address(each.uri, None, {"reason": each.reason}) for each in of.diversion)
    yield from (("P-Early-Media", of.early_media), ("Replaces", of.replaces), ("Refer-To", of.refer_to))
    yield from (("Referred-By", of.referred_by), ("Event", of.event))
    yield "Refer-Sub", None if of.refer_sub is None else str(of.refer_sub).lower()
    if state := of.subscription_state:
        reason = "" if state.reason is None else f";reason={state.reason}"
        expires = "" if state.expires is None else f";expires={state.expires}"
        yield "Subscription-State", f"{state.state}{expires}{reason}"


def _written_reason(of: ReasonValue) -> str:
    if not TOKEN.fullmatch(of.protocol):
        raise UnwritableSipError(texts.NOT_WRITABLE.format(what="Reason"))
    cause = "" if of.cause is None else f";cause={of.cause}"
    return f"{of.protocol}{cause}{'' if of.text is None else f';text={quoted(of.text)}'}"
