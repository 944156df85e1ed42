"""The headers that the core decides by: what their texts mean, what is refused, and what is written."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fargo.adapters.sip.wire import headers as wire
from fargo.adapters.sip.wire import texts
from fargo.adapters.sip.wire.grammar import NameAddr, address, items, parameters, written_address
from fargo.adapters.sip.wire.message import (
    MalformedSipError,
    SipRequest,
    SipResponse,
    UnwritableSipError,
    parse,
    refusal,
    serialised,
)
from fargo.statemachine.model.sip_values import (
    NO_HEADERS,
    Challenge,
    Diversion,
    Identity,
    Party,
    RAck,
    ReasonValue,
    SessionTimer,
    SipHeaders,
    SubscriptionState,
    WarningValue,
)

from .messages import INVITE, options, request


def read(*lines: str) -> SipHeaders:
    return wire.sip_headers(options(*lines).headers)


# --- lists and parameters


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("a", ("a",)),
        ("a,b ,\tc", ("a", "b", "c")),
        ("a,,b", ("a", "", "b")),
        ('"A" <sip:a@x.y>, "B" <sip:b@x.y>', ('"A" <sip:a@x.y>', '"B" <sip:b@x.y>')),
        ('"a,\\",b" <sip:a,b@x>;p="c,d",e', ('"a,\\",b" <sip:a,b@x>;p="c,d"', "e")),
        ('<sip:"@x>,b', ('<sip:"@x>', "b")),
    ],
)
def test_a_list_is_split_at_its_top_level(text: str, parts: tuple[str, ...]) -> None:
    assert items(text) == parts


@pytest.mark.parametrize("text", ['"a', '"a\\"', '"a\\', "<a", 'x, "', '"a" <b'])
def test_what_is_not_closed_is_refused(text: str) -> None:
    with pytest.raises(MalformedSipError, match=texts.UNCLOSED):
        items(text)


def test_parameters_have_names_in_lower_case_and_perhaps_a_value() -> None:
    found = parameters(' A = 1 ;b; c="x;\\"y" ;;d=;a=2;self=1')
    assert found == {"a": "1", "b": None, "c": 'x;"y', "d": "", "self": "1"}


# --- addresses


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("<sip:a@b>", NameAddr("sip:a@b")),
        ("sip:a@b;tag=1", NameAddr("sip:a@b", None, {"tag": "1"})),
        ("<sip:a@b;x=1>;tag=1", NameAddr("sip:a@b;x=1", None, {"tag": "1"})),
        ("<sip:a@b?Route=%3C>", NameAddr("sip:a@b?Route=%3C")),
        ('"A \\"B\\" \\\\ C"<sip:a@b>', NameAddr("sip:a@b", 'A "B" \\ C')),
        ("A  B <sip:a@b>", NameAddr("sip:a@b", "A  B")),
        ("Jürgen, Dr. <sip:a@b>", NameAddr("sip:a@b", "Jürgen, Dr.")),
        ('"" <sip:a@b>', NameAddr("sip:a@b")),
        ('"  " <sip:a@b>', NameAddr("sip:a@b")),
        ('"a\x00\u202eb\\\x07" <sip:a@b>', NameAddr("sip:a@b", "ab")),
        ('"<sip:x@y>" <sip:a@b>', NameAddr("sip:a@b", "<sip:x@y>")),
        ("< sip:a@b > ; Tag = 1", NameAddr("sip:a@b", None, {"tag": "1"})),
        ("<tel:+49>", NameAddr("tel:+49")),
        ('sip:a@b ;x="<y>;z"', NameAddr("sip:a@b", None, {"x": "<y>;z"})),
        ("Jürgen; Dr. <sip:a@b>;x", NameAddr("sip:a@b", "Jürgen; Dr.", {"x": None})),
        ("<name:John_Smith>", NameAddr("name:John_Smith")),
    ],
)
def test_an_address_has_a_uri_a_name_and_parameters(text: str, wanted: NameAddr) -> None:
    assert address(text) == wanted


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a@b",
        "<a@b>",
        "<>",
        "<sip:>",
        "<sip:a@b",
        "<sip:a b@c>",
        "sip:a b@c",
        "sip:a@b?x=y",
        "sip:a,b@c",
        '"A <sip:a@b>',
        '"A" B <sip:a@b>',
        'A "B" <sip:a@b>',
        "<sip:a@b> x",
        "<sip:a@b>, <sip:c@d>",
        "<<sip:a@b>>",
    ],
)
def test_a_malformed_address_is_refused(text: str) -> None:
    with pytest.raises(MalformedSipError):
        address(text)


# --- what every request has


def refused(request: SipRequest) -> MalformedSipError:
    with pytest.raises(MalformedSipError) as error:
        wire.request_head(request)
    return error.value


def test_a_request_head_is_what_arrived() -> None:
    text = '"a\\"" <sip:a@[::1];maddr=[::1];x=%41>;tag=a*b+c!d;y=%zz'
    route = "<sip:p.example.com;lr;x=a*b>;y"
    found = wire.request_head(
        options(
            f"Record-Route: {route}, <sip:q>", f"Record-Route: {route}", from_=text, to=text, cseq="0009 \t OPTIONS"
        )
    )
    assert (found.from_text, found.to_text) == (text, text)
    assert (found.method, found.uri, found.call_id, found.cseq) == ("OPTIONS", "sip:x@example.com", "1", 9)
    assert found.record_route == (route, "<sip:q>", route)


def test_vias_are_one_text_each() -> None:
    vias = ["SIP/2.0/UDP a;branch=z9hG4bK1", "SIP / 2.0 / TCP b", 'SIP/2.0/UDP [::1];received=::1;x="a,b"']
    found = wire.request_head(options(f"v: {vias[2]}", via=f"{vias[0]} , {vias[1]}"))
    assert found.via == tuple(vias)


@pytest.mark.parametrize("name", ["Via", "From", "To", "Call-ID", "CSeq"])
def test_a_request_without_a_needed_header_is_refused(name: str) -> None:
    for value in (None, ""):
        found = options()
        headers = {each: ([value] if each == name else values) for each, values in found.headers.items()}
        if value is None:
            del headers[name]
        problem = refused(SipRequest(found.method, found.uri, headers))  # type: ignore[arg-type]
        assert problem.status == 400
        assert name in str(problem)


@pytest.mark.parametrize("line", ["From: <sip:a@example.com>;tag=1", "t: <sip:b@x>", "i: 1", "CSeq: 1 OPTIONS"])
def test_a_request_with_a_needed_header_twice_is_refused(line: str) -> None:
    found = options(line)
    problem = refused(found)
    assert str(problem).startswith(texts.REPEATED.partition("{")[0])
    answer = refusal(found, problem, "ours")
    assert answer
    assert all(len(values) == 1 for values in answer.headers.values())


@pytest.mark.parametrize(
    "cseq",
    [
        *("1", "OPTIONS", "OPTIONS 1", "1  OPTIONS x", "-1 OPTIONS", "+1 OPTIONS", "1.0 OPTIONS", "1OPTIONS"),
        *("١ OPTIONS", "2147483648 OPTIONS", "12345678901234567890 OPTIONS", "1 INVITE", "1 options", "1 OPTIÖNS"),
    ],
)
def test_a_cseq_is_a_number_and_the_method(cseq: str) -> None:
    assert refused(options(cseq=cseq)).status == 400


@pytest.mark.parametrize(
    "wrong",
    [
        {"call_id": "a b"},
        {"call_id": "ä"},
        {"from_": '"A <sip:a@b>;tag=1'},
        {"from_": "<sip:a@b>;tag=1, <sip:c@d>"},
        {"from_": "tel:" + "1" * 8000 + "!<"},
        {"from_": "<sip:a@b>;tag=\tö"},
        {"to": "b@example.com"},
        {"to": "<sip:a@b>;tag"},
        {"to": "<sip:a@b>;tag="},
        {"via": "SIP/2.0/UDP a;;,;,,"},
        {"via": "SIP/2.0/UDP"},
        {"via": "SIP/2.0/UDP a b:c"},
        {"via": "HTTP/2.0/UDP a"},
        {"via": "SIP/3.0/UDP a"},
        {"via": "SIP/2.0/UDP/x a"},
        {"via": "SIP/2.0/UDP a/b"},
        {"via": "SIP/2.0/U P a;rport=x"},
        {"via": "SIP/2.0/UDP a;rport=x"},
        {"uri": "sip:2001:db8::10"},
        {"uri": "tel:" + "1" * 8000 + "!"},
    ],
)
def test_a_malformed_needed_header_is_refused(wrong: dict[str, str]) -> None:
    assert refused(options(**wrong)).status == 400


@pytest.mark.parametrize("uri", ["sips:x@y", "tel:+49", "urn:service:sos", "SIP:x@pbx1", "sip:x@y?Route=%3Csip:z%3E"])
def test_these_request_uris_are_taken(uri: str) -> None:
    assert wire.request_head(options(uri=uri)).uri == uri


def test_another_scheme_is_refused_with_416() -> None:
    assert refused(options(uri="isbn:2983792873")).status == 416


def test_a_malformed_record_route_is_refused() -> None:
    for wrong in ("<sip:a", "<sip:a>,,<sip:b>", "a@b"):
        assert refused(options(f"Record-Route: {wrong}")).status == 400


def test_the_parties_are_read() -> None:
    found = options(from_='"A" <sip:a@b>;tag=a*b+c!d').headers
    assert wire.party(found, "From") == Party("sip:a@b", "a*b+c!d", "A")
    assert wire.party(found, "To") == Party("sip:b@example.com")


# --- Via, Contact, Content-Type, routes


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("SIP/2.0/UDP a.b:5060;branch=z9;rport", wire.Via("udp", "a.b", 5060, "z9", None, None)),
        ("sip/2.0/tls\t[::1]:5061", wire.Via("tls", "::1", 5061, None, None, None)),
        ("SIP / 2.0 / UDP a : 5060 ;Received=::1;RPORT=7", wire.Via("udp", "a", 5060, None, "::1", 7)),
        ("SIP/2.0/UDP a;received=[::1];x", wire.Via("udp", "a", None, None, "::1", None)),
    ],
)
def test_a_via_is_read(text: str, wanted: wire.Via) -> None:
    assert wire.via(text) == wanted


def test_contacts_are_read_from_lists_and_lines() -> None:
    found = wire.contacts(
        options('Contact: "A, B" <sip:a@b>;Expires=60, sip:c@d;q=0.5', "m: <sip:e@f;line=1>;expires=1e3").headers
    )
    assert [each.uri for each in found] == ["sip:a@b", "sip:c@d", "sip:e@f;line=1"]
    assert [wire.expires(each) for each in found] == [60, None, None]


def test_the_contact_for_all_is_read() -> None:
    assert wire.contacts(options("Contact: *").headers) == (NameAddr(wire.ALL_CONTACTS),)


def test_no_contact_is_none() -> None:
    assert wire.contacts(options().headers) == ()


@pytest.mark.parametrize("contact", ["", "*, <sip:a@b>x", "sip:a@b?x=y", "<sip:a@b>,"])
def test_a_malformed_contact_is_refused(contact: str) -> None:
    with pytest.raises(MalformedSipError):
        wire.contacts(options(f"Contact: {contact}").headers)


def test_the_media_type_is_read() -> None:
    assert wire.media_type(request(INVITE).headers) == "application/sdp"
    assert wire.media_type(options("c: Application/SDP ;charset=x").headers) == "application/sdp"
    assert wire.media_type(options().headers) is None


def test_service_routes_are_read() -> None:
    found = options('Service-Route: <sip:a;lr>, "b,c" <sip:b;lr>;x', "Service-Route: <sip:c;lr>").headers
    assert wire.route_texts(found, "Service-Route") == ("<sip:a;lr>", '"b,c" <sip:b;lr>;x', "<sip:c;lr>")


# --- what the core decides by


def test_a_request_without_further_headers_has_none() -> None:
    assert read() == NO_HEADERS


@pytest.mark.parametrize(
    ("lines", "wanted"),
    [
        (["Require: 100Rel , timer", "Require: x"], SipHeaders(require=("100rel", "timer", "x"))),
        (["k: a", "Supported:"], SipHeaders(supported=("a",))),
        (["Supported:"], NO_HEADERS),
        (["Unsupported: x"], SipHeaders(unsupported=("x",))),
        (["Allow: INVITE,ack"], SipHeaders(allow=("INVITE", "ack"))),
        (["x: 1800;Refresher=UAS"], SipHeaders(session_expires=SessionTimer(1800, "uas"))),
        (["Session-Expires: 90 ;refresher=me"], SipHeaders(session_expires=SessionTimer(90))),
        (["Min-SE: 90;x"], SipHeaders(min_se=90)),
        (["RSeq: 1"], SipHeaders(rseq=1)),
        (["RAck: 1 2  INVITE"], SipHeaders(rack=RAck(1, 2, "INVITE"))),
        (
            ['Reason: q.850;cause=16;text="Bye; \\"now\\", please", SIP;cause=200', "Reason: x"],
            SipHeaders(
                reason=(ReasonValue("Q.850", 16, 'Bye; "now", please'), ReasonValue("SIP", 200), ReasonValue("X"))
            ),
        ),
        (['Reason: SIP;text="Go\x07ne"'], SipHeaders(reason=(ReasonValue("SIP", None, "Gone"),))),
        (
            ['Warning: 304 a.b "x, y",399 [::1]:5060 "\x00z"'],
            SipHeaders(warning=(WarningValue(304, "x, y"), WarningValue(399, "z"))),
        ),
        (["Retry-After: 18000;duration=3600"], SipHeaders(retry_after=18000)),
        (["Retry-After: 120 (I'm in a meeting)"], SipHeaders(retry_after=120)),
        (["Expires: 0"], SipHeaders(expires=0)),
        (["Min-Expires: 4294967295"], SipHeaders(min_expires=4294967295)),
        (
            ['P-Asserted-Identity: "A" <sip:a@b>, tel:+49', "P-Asserted-Identity: <sip:c@d>"],
            SipHeaders(asserted=(Identity("sip:a@b", "A"), Identity("tel:+49"), Identity("sip:c@d"))),
        ),
        (["Privacy: ID; critical", "Privacy: user"], SipHeaders(privacy=("id", "critical", "user"))),
        (["P-Early-Media: supported", "P-Early-Media: sendonly"], SipHeaders(early_media="supported, sendonly")),
        (["Replaces: 1;to-tag=2;from-tag=3"], SipHeaders(replaces="1;to-tag=2;from-tag=3")),
        (["r: <sip:a@b?Replaces=1>"], SipHeaders(refer_to="<sip:a@b?Replaces=1>")),
        (
            ['Diversion: "A" <sip:a@b>;reason=No-Answer;counter=1, <sip:c@d>', "Diversion: tel:+49;reason=unknown"],
            SipHeaders(diversion=(Diversion("sip:a@b", "no-answer"), Diversion("sip:c@d"), Diversion("tel:+49"))),
        ),
        (["Max-Forwards: 69"], SipHeaders(max_forwards=69)),
        (["Max-Forwards: 71"], SipHeaders()),
        (["Subject: a", "x-y: b", "X-Fargo-From: c", "Max-Forwards: 70"], SipHeaders(unknown=("Subject", "X-Y"))),
    ],
)
def test_a_header_is_read(lines: list[str], wanted: SipHeaders) -> None:
    assert read(*lines) == wanted


@pytest.mark.parametrize(
    "line",
    [
        "Supported: a b",
        "Allow: INVITE;x",
        "Session-Expires: never",
        "Session-Expires: 1800x",
        "Min-SE: -1",
        "RSeq: 4294967296",
        "RAck: 1 INVITE",
        "Reason: ;cause=1",
        "Reason: SIP;cause=x",
        'Reason: SIP;text="x',
        'Warning: 1812 overture "In Progress"',
        "Warning: 304 a b",
        "Retry-After: " + "9" * 27,
        "Expires: 1e3",
        "Expires: ٣",
        "Expires:",
        "P-Asserted-Identity: Bell, Alexander <sip:a@b>",
    ],
)
def test_a_malformed_header_is_as_if_absent_and_named(line: str) -> None:
    assert read(line) == SipHeaders(unknown=(line.partition(":")[0],))


def test_a_header_that_is_there_once_is_malformed_if_repeated() -> None:
    assert read("Expires: 1", "Expires: 2") == SipHeaders(unknown=("Expires",))


def test_a_malformed_require_is_refused() -> None:
    with pytest.raises(MalformedSipError):
        read("Require: a b")


# --- challenges


def challenges(*lines: str) -> tuple[Challenge, ...]:
    return wire.challenges(options(*lines).headers)


def test_a_challenge_is_read() -> None:
    found = challenges(
        'WWW-Authenticate: digest Realm="a, \\"b\\"", nonce="n=,", qop="auth,auth-int", algorithm=md5-SESS, opaque="",'
        ' stale=TRUE, domain="sip:x, sip:y", unknown'
    )
    assert found == (Challenge('a, "b"', "n=,", False, "MD5-sess", ("auth", "auth-int"), "", True),)


def test_the_defaults_of_a_challenge() -> None:
    assert challenges('Proxy-Authenticate: Digest realm="a",nonce="b"') == (Challenge("a", "b", proxy=True),)


def test_several_challenges_are_read_in_one_line_and_in_several() -> None:
    found = challenges(
        'WWW-Authenticate: Digest realm="a", nonce="1", algorithm="SHA-256", Digest realm="a",nonce="2",Basic realm=c',
        'WWW-Authenticate: Negotiate, Digest realm="a", nonce="3", qop=auth,auth-int, algorithm=x',
        'Proxy-Authenticate: NTLM abc==, Other realm="b", nonce="5", Digest realm="b", nonce="4"',
    )
    assert [(each.nonce, each.algorithm, each.proxy) for each in found] == [
        *(("1", "SHA-256", False), ("2", "MD5", False), ("3", "x", False)),
        ("4", "MD5", True),
    ]


@pytest.mark.parametrize("value", ["", "Digest", 'Digest realm="a"', 'Digest nonce="a"', 'Digest realm="a, nonce="b"'])
def test_a_malformed_challenge_is_left_out(value: str) -> None:
    assert challenges(f"WWW-Authenticate: {value}", 'WWW-Authenticate: Digest realm="a",nonce="b"') == (
        Challenge("a", "b"),
    )


# --- writing

words = st.from_regex(r"[a-z0-9\-.!%*_+`'~]{1,8}", fullmatch=True)
several = st.lists(words, max_size=3).map(tuple)
shown = st.text(min_size=1, max_size=20).map(lambda each: "".join(filter(str.isprintable, each)).strip())
names = shown.filter(bool)
uris = st.from_regex(r"(sip|tel|urn):[!#-;=?-~\u00a1-\u00ff]{1,20}", fullmatch=True)
numbers = st.integers(0, 2**32 - 1)
lines = st.from_regex(r"[!-~]{1,20}", fullmatch=True)


def maybe(strategy: st.SearchStrategy[object]) -> st.SearchStrategy[object]:
    return st.none() | strategy


sip_headers = st.builds(
    SipHeaders,
    require=several,
    supported=several,
    unsupported=several,
    allow=several,
    session_expires=maybe(st.builds(SessionTimer, numbers, st.sampled_from([None, "uac", "uas"]))),
    min_se=maybe(numbers),
    rseq=maybe(numbers),
    rack=maybe(st.builds(RAck, numbers, numbers, words)),
    reason=st.lists(
        st.builds(ReasonValue, words.map(str.upper), maybe(numbers), maybe(names)),
        max_size=2,
    ).map(tuple),
    warning=st.lists(st.builds(WarningValue, st.integers(0, 999), shown), max_size=2).map(tuple),
    retry_after=maybe(numbers),
    expires=maybe(numbers),
    min_expires=maybe(numbers),
    asserted=st.lists(st.builds(Identity, uris, maybe(names)), max_size=2).map(tuple),
    privacy=several,
    early_media=maybe(lines),
    replaces=maybe(lines),
    refer_to=maybe(lines),
    referred_by=maybe(lines),
    refer_sub=maybe(st.booleans()),
    diversion=st.lists(st.builds(Diversion, uris, words), max_size=2).map(tuple),
    max_forwards=maybe(st.integers(0, 69)),
)


@given(sip_headers)
def test_what_is_written_is_read_again(wanted: SipHeaders) -> None:
    found = parse(serialised(SipResponse(200, "OK", wire.written(wanted))))
    assert wire.sip_headers(found.headers) == wanted


def test_headers_are_written_in_their_usual_form() -> None:
    found = wire.written(
        SipHeaders(
            supported=("100rel", "timer"),
            session_expires=SessionTimer(1800, "uas"),
            rack=RAck(1, 2, "INVITE"),
            reason=(ReasonValue("Q.850", 16, 'a "b"'), ReasonValue("SIP")),
            warning=(WarningValue(304, "x"),),
            expires=0,
            asserted=(Identity("sip:a@b", "A"), Identity("tel:+49")),
            privacy=("id", "critical"),
            event="refer;id=7",
            subscription_state=SubscriptionState("active", expires=60),
            unknown=("Subject",),
        )
    )
    assert found == {
        "Supported": ["100rel, timer"],
        "Session-Expires": ["1800;refresher=uas"],
        "RAck": ["1 2 INVITE"],
        "Reason": ['Q.850;cause=16;text="a \\"b\\"", SIP'],
        "Warning": ['304 fargo "x"'],
        "Expires": ["0"],
        "P-Asserted-Identity": ['"A" <sip:a@b>, <tel:+49>'],
        "Privacy": ["id; critical"],
        "Event": ["refer;id=7"],
        "Subscription-State": ["active;expires=60"],
    }


@given(uris, maybe(names), st.dictionaries(words, maybe(shown), max_size=3))
def test_an_address_that_is_written_is_read_again(uri: str, name: str | None, after: dict[str, str | None]) -> None:
    assert address(written_address(uri, name, after)) == NameAddr(uri, name, after)


@given(uris, maybe(st.from_regex(r"[!#-+\-.0-:=?-~]{1,9}", fullmatch=True)), maybe(names))
def test_a_party_that_is_written_is_read_again(uri: str, tag: str | None, name: str | None) -> None:
    wanted = Party(uri, tag, name)
    assert wire.party({"To": [wire.written_party(wanted)]}, "To") == wanted


UNWRITABLE: dict[str, Callable[[str], SipHeaders]] = {
    "Require": lambda bad: SipHeaders(require=(bad,)),
    "Supported": lambda bad: SipHeaders(supported=(bad,)),
    "Unsupported": lambda bad: SipHeaders(unsupported=(bad,)),
    "Allow": lambda bad: SipHeaders(allow=("ACK", bad)),
    "Privacy": lambda bad: SipHeaders(privacy=(bad,)),
    "Reason": lambda bad: SipHeaders(reason=(ReasonValue(bad),)),
    "identity": lambda bad: SipHeaders(asserted=(Identity(f"sip:{bad}"),)),
}


@pytest.mark.parametrize("header", UNWRITABLE)
@pytest.mark.parametrize("bad", ["a b", "a<", "a>", 'a"', "a\n", ""])
def test_nothing_written_can_leave_its_place(header: str, bad: str) -> None:
    with pytest.raises(UnwritableSipError):
        wire.written(UNWRITABLE[header](bad))


def test_a_parameter_cannot_leave_its_place() -> None:
    assert written_address("sip:a@b", None, {"tag": "1;x"}) == '<sip:a@b>;tag="1;x"'
    with pytest.raises(UnwritableSipError):
        written_address("sip:a@b", None, {"a b": None})


def test_a_response_repeats_what_it_must() -> None:
    found = options(
        "Record-Route: <sip:r;lr>", "v: SIP/2.0/TCP x", to="<sip:b@example.com> ; x=%zz", cseq="007 OPTIONS"
    )
    head = wire.request_head(found)
    assert wire.response_headers(head, 180, "ours") == {
        "Via": ["SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1", "SIP/2.0/TCP x"],
        "Record-Route": ["<sip:r;lr>"],
        "From": ["<sip:a@example.com>;tag=1"],
        "To": ["<sip:b@example.com> ; x=%zz;tag=ours"],
        "Call-ID": ["1"],
        "CSeq": ["7 OPTIONS"],
    }


def test_a_response_has_no_tag_before_there_is_one_and_keeps_that_of_the_request() -> None:
    head = wire.request_head(options(to="<sip:b@x>;tag=t"))
    assert wire.response_headers(head, 200, "ours")["To"] == ["<sip:b@x>;tag=t"]
    head = wire.request_head(options(to="<sip:b@x>"))
    assert wire.response_headers(head, 100, None)["To"] == ["<sip:b@x>"]


@pytest.mark.parametrize("status", [100, 302, 486])
def test_only_a_response_that_makes_a_dialog_repeats_record_route(status: int) -> None:
    head = wire.request_head(options("Record-Route: <sip:r;lr>"))
    assert "Record-Route" not in wire.response_headers(head, status, "ours")
