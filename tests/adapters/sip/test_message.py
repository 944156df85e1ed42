"""SIP messages: bytes to start line, headers and body, and back; what is refused, and how it is answered."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fargo.adapters.sip.wire import message, texts
from fargo.adapters.sip.wire.message import (
    MalformedSipError,
    SipMessage,
    SipRequest,
    SipResponse,
    UnwritableSipError,
    parse,
    refusal,
    serialised,
)

from .messages import INVITE, request, response

OPTIONS = (
    b"OPTIONS sip:x@example.com SIP/2.0\r\n"
    b"Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\r\n"
    b"From: <sip:a@example.com>;tag=1\r\nTo: <sip:b@example.com>\r\nCall-ID: 1\r\nCSeq: 1 OPTIONS\r\n\r\n"
)


def with_line(line: bytes) -> bytes:
    return OPTIONS.replace(b"\r\n\r\n", b"\r\n" + line + b"\r\n\r\n")


def problem(data: bytes) -> MalformedSipError:
    with pytest.raises(MalformedSipError) as error:
        parse(data)
    return error.value


# --- reading


def test_a_request_is_read() -> None:
    found = request(INVITE)
    assert (found.method, found.uri[:10]) == ("INVITE", "sip:1a2b3c")
    assert len(found.headers["Via"]) == 2
    assert found.headers["CSeq"] == ["1 INVITE"]
    assert found.body.startswith(b"v=0\r\n")
    assert found.body.endswith(b"/8000\r\n")


def test_a_response_is_read() -> None:
    found = response(b"SIP/2.0 486 Busy  Here\r\nVia: x\r\n\r\n")
    assert found == SipResponse(486, "Busy  Here", {"Via": ["x"]})


@pytest.mark.parametrize("line", [b"SIP/2.0 200", b"SIP/2.0 200 ", b"sip/2.0 200"])
def test_a_status_line_without_a_phrase_is_read(line: bytes) -> None:
    assert response(line + b"\r\n\r\n") == SipResponse(200, "", {})


def test_the_names_of_headers_are_normalised() -> None:
    found = request(with_line(b"v: a\r\nVIA : b\r\nx:90\r\nwww-authenticate: c\r\nX-FARGO-key: d\r\nmin-se\t:5"))
    assert found.headers["Via"][1:] == ["a", "b"]
    assert found.headers["Session-Expires"] == ["90"]
    assert found.headers["WWW-Authenticate"] == ["c"]
    assert found.headers["X-Fargo-Key"] == ["d"]
    assert found.headers["Min-SE"] == ["5"]


def test_every_spelling_of_a_known_name_is_the_same_name() -> None:
    for written, name in message._SPELLED.items():
        for each in (written, written.lower(), written.upper(), name):
            assert set(request(f"A b SIP/2.0\r\n{each}: 0\r\n\r\n".encode()).headers) <= {name}


def test_folded_lines_are_unfolded() -> None:
    assert request(with_line(b"Subject: one\r\n two\r\n\t three\r\n \r\nA: b")).headers["Subject"] == ["one two three"]
    assert request(with_line(b"Subject: one\n\ttwo")).headers["Subject"] == ["one two"]


@pytest.mark.parametrize("before", [b"\r\n", b"\n\r\n\n"])
def test_empty_lines_may_precede(before: bytes) -> None:
    assert parse(before + INVITE) == parse(INVITE)


def test_lines_may_end_with_lf_alone() -> None:
    head, _, body = INVITE.partition(b"\r\n\r\n")
    for end in (b"\n\n", b"\n\r\n", b"\r\n\n"):
        assert parse(head.replace(b"\r\n", b"\n") + end + body) == parse(INVITE)


def test_the_first_empty_line_ends_the_headers() -> None:
    assert request(b"A b SIP/2.0\r\nX: 1\r\n\r\nY: 2\n\nZ: 3\n\r\n").body == b"Y: 2\n\nZ: 3\n\r\n"
    assert request(b"A b SIP/2.0\nX: 1\n\nY: 2\n\r\nZ: 3\r\n\r\n").body == b"Y: 2\n\r\nZ: 3\r\n\r\n"


def test_a_line_that_is_not_utf_8_is_iso_8859_1_and_leaves() -> None:
    found = request(with_line("Subject: Jürgen".encode("iso-8859-1") + "\r\nOrganization: ÄÖ".encode()))
    assert found.headers["Subject"] == ["Jürgen"]
    assert found.headers["Organization"] == ["ÄÖ"]
    assert "Jürgen".encode() in serialised(found)


@pytest.mark.parametrize(
    ("length", "body"), [(b"Content-Length: 3", b"abc"), (b"l:0", b""), (b"Content-Length : 0005", b"abcde")]
)
def test_the_body_ends_where_content_length_says(length: bytes, body: bytes) -> None:
    found = request(with_line(length) + b"abcde")
    assert found.body == body
    assert "Content-Length" not in found.headers


def test_a_body_without_content_length_is_the_rest() -> None:
    assert request(OPTIONS + b"abc\r\n\r\n").body == b"abc\r\n\r\n"


# --- what is refused


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"", texts.NO_END),
        (b"\r\n\r\n", texts.NO_END),
        (OPTIONS[:-2], texts.NO_END),
        (b"GET / HTTP/1.1\r\n\r\n", texts.BAD_START),
        (b" OPTIONS sip:x SIP/2.0\r\n\r\n", texts.BAD_START),
        (b"OPTIONS sip:x\r\n\r\n", texts.BAD_START),
        (b"OPTIONS sip:x SIP/2.0 \r\n\r\n", texts.BAD_START),
        (b"OPTIONS  sip:x SIP/2.0\r\n\r\n", texts.BAD_START),
        (b"OPTIONS sip:x SIP/2.0\r\n folded: 1\r\n\r\n", texts.BAD_START),
        (b"OPTIONS <sip:x> SIP/2.0\r\n\r\n", texts.BAD_START),
        ("OPTIONS sip:x SIP/٢.0\r\n\r\n".encode(), texts.BAD_START),
        (b"OPTIONS sip:x SIP/3.0\r\n\r\n", texts.OTHER_VERSION),
        (b"SIP/2.0 -5 OK\r\n\r\n", texts.BAD_START),
        (b"SIP/2.0 2_0_0 OK\r\n\r\n", texts.BAD_START),
        (b"SIP/2.0 2000 OK\r\n\r\n", texts.BAD_START),
        (b"SIP/2.0 700 OK\r\n\r\n", texts.BAD_START),
        ("SIP/2.0 ٢٠٠ OK\r\n\r\n".encode(), texts.BAD_START),
        (b"SIP/1.0 200 OK\r\n\r\n", texts.OTHER_VERSION),
        (b"SIP/2.0 200 OK\rX: y\r\n\r\n", texts.BAD_START),
        (b"SIP/2.0 200 OK\r\nNo colon\r\n\r\n", texts.BAD_HEADER_LINE),
        (with_line(b"No colon"), texts.BAD_HEADER_LINE),
        (with_line(b": nothing"), texts.BAD_HEADER_LINE),
        (with_line(b"Sub ject: x"), texts.BAD_HEADER_LINE),
        (with_line("Betröff: x".encode()), texts.BAD_HEADER_LINE),
        (with_line(b"Subject: x\rFrom: y"), texts.BARE_CR),
        (with_line(b"Content-Length: 6") + b"abcde", texts.BODY_SHORT),
        (with_line(b"Content-Length: -1"), texts.BAD_LENGTH),
        (with_line(b"Content-Length: 1, 1") + b"a", texts.BAD_LENGTH),
        (with_line(b"Content-Length: 1\r\nl: 1") + b"a", texts.BAD_LENGTH),
        (with_line("Content-Length: ١".encode()) + b"a", texts.BAD_LENGTH),
        (with_line(b"Content-Length: " + b"0" * 5000), texts.BAD_LENGTH),
    ],
)
def test_what_is_no_message_is_refused(data: bytes, text: str) -> None:
    assert str(problem(data)) == text


def test_limits_are_checked_before_anything_else() -> None:
    start = b"nonsense\r\n"
    assert str(problem(b"\xff" * (message.MAX_BYTES + 1))) == texts.TOO_LONG.format(limit=message.MAX_BYTES)
    long_head = start + b"A: b\r\n" * (message.MAX_HEAD // 6) + b"\r\n\r\n"
    assert str(problem(long_head)) == texts.HEAD_TOO_LONG.format(limit=message.MAX_HEAD)
    lines = start + b"A: b\r\n" * message.MAX_LINES + b"\r\n"
    assert str(problem(lines)) == texts.TOO_MANY_LINES.format(limit=message.MAX_LINES)
    folded = start + b"A:" + b"\r\n " * message.MAX_LINES + b"\r\n\r\n"
    assert str(problem(folded)) == texts.TOO_MANY_LINES.format(limit=message.MAX_LINES)
    for line in (b"A:" + b"x" * message.MAX_LINE, b"A:" + (b"\r\n " + b"x" * 99) * (message.MAX_LINE // 99)):
        found = problem(start + line + b"\r\n\r\n")
        assert str(found) == texts.LINE_TOO_LONG.format(limit=message.MAX_LINE)
        assert found.status == 513


def test_a_message_at_the_limits_is_read() -> None:
    lines = b"A b SIP/2.0\r\n" + b"A: b\r\n" * (message.MAX_LINES - 1) + b"\r\n"
    assert len(request(lines).headers["Accept-Contact"]) == message.MAX_LINES - 1
    line = b"A:" + b"x" * (message.MAX_LINE - 2)
    assert request(b"A b SIP/2.0\r\n" + line + b"\r\n\r\n").headers["Accept-Contact"] == ["x" * (message.MAX_LINE - 2)]
    whole = OPTIONS + b"x" * (message.MAX_BYTES - len(OPTIONS))
    assert len(request(whole).body) == message.MAX_BYTES - len(OPTIONS)


# --- how it is answered


def refused(data: bytes) -> SipResponse | None:
    found = problem(data)
    assert found.request
    return refusal(found.request, found, "ours")


def test_a_request_that_cannot_be_read_is_answered() -> None:
    answer = refused(with_line(b"No colon\r\nVia: second"))
    assert answer
    assert (answer.status, answer.phrase) == (400, texts.BAD_HEADER_LINE.removesuffix("."))
    assert answer.headers == {
        "Via": ["SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1", "second"],
        "From": ["<sip:a@example.com>;tag=1"],
        "To": ["<sip:b@example.com>;tag=ours"],
        "Call-ID": ["1"],
        "CSeq": ["1 OPTIONS"],
    }
    assert parse(serialised(answer)) == answer


def test_another_version_is_answered_with_505() -> None:
    answer = refused(OPTIONS.replace(b"SIP/2.0\r\n", b"SIP/7.0\r\n"))
    assert answer
    assert answer.status == 505


@pytest.mark.parametrize(
    ("to", "answered"),
    [
        ("<sip:b@x>;tag=t", "<sip:b@x>;tag=t"),
        ("<sip:b@x> ; TAG = t", "<sip:b@x> ; TAG = t"),
        ("sip:b@x;tag=t", "sip:b@x;tag=t"),
        ("<sip:tag@x;tag=1>", "<sip:tag@x;tag=1>;tag=ours"),
        ('"unclosed <sip:b@x', '"unclosed <sip:b@x;tag=ours'),
    ],
)
def test_the_refusal_of_a_request_has_one_tag(to: str, answered: str) -> None:
    answer = refused(with_line(b"No colon").replace(b"<sip:b@example.com>", to.encode()))
    assert answer
    assert answer.headers["To"] == [answered]


@pytest.mark.parametrize("name", [b"Via", b"From", b"To", b"Call-ID", b"CSeq"])
def test_a_request_without_what_a_response_repeats_is_not_answered(name: bytes) -> None:
    assert refused(with_line(b"No colon").replace(name + b":", b"Other:")) is None


def test_an_ack_is_not_answered() -> None:
    assert refused(with_line(b"No colon").replace(b"OPTIONS", b"ACK")) is None


def test_a_response_or_an_oversized_message_gives_no_request() -> None:
    assert problem(b"SIP/2.0 200 OK\r\nNo colon\r\n\r\n").request is None
    assert problem(b"A" * (message.MAX_BYTES + 1)).request is None


# --- writing

names = st.from_regex(r"[A-Za-z0-9\-.!%*_+`'~]{1,20}", fullmatch=True).map(lambda each: message._name(each) or "")
values = st.text(st.characters(exclude_characters="\r\n", exclude_categories=["Cs"]), max_size=40)
headers = st.dictionaries(
    names.filter(lambda name: name != "Content-Length"),
    st.lists(values.map(lambda value: value.strip(" \t")), min_size=1, max_size=3),
    max_size=8,
)
tokens = st.from_regex(r"[A-Za-z0-9\-.!%*_+`'~]{1,12}", fullmatch=True)
uris = st.text(st.characters(exclude_characters='<>"\x7f', exclude_categories=["Cs"], min_codepoint=0x21), min_size=1)
written: st.SearchStrategy[SipMessage] = st.one_of(
    st.builds(SipRequest, tokens, uris, headers, st.binary(max_size=50)),
    st.builds(SipResponse, st.integers(100, 699), values.map(lambda each: each.strip(" \t")), headers, st.binary()),
)


@given(written)
def test_what_is_written_is_read_again(wanted: SipMessage) -> None:
    assert parse(serialised(wanted)) == wanted


def test_content_length_is_written_from_the_body() -> None:
    assert b"\r\nContent-Length: 3\r\n\r\nabc" in serialised(SipResponse(200, "OK", {}, b"abc"))


@pytest.mark.parametrize("bad", ["\r\nX: y", "\n", "\r", "\ud800"])
def test_nothing_can_leave_its_line(bad: str) -> None:
    unwritable: list[SipMessage] = [
        SipRequest(f"A{bad}", "sip:x", {}),
        SipRequest("A", f"sip:x{bad}", {}),
        SipResponse(200, f"OK{bad}", {}),
        SipResponse(200, "OK", {"Subject": [f"x{bad}"]}),
        SipResponse(200, "OK", {f"Subject{bad}": ["x"]}),
    ]
    for each in unwritable:
        with pytest.raises(UnwritableSipError):
            serialised(each)


@pytest.mark.parametrize("message", [SipRequest("", "sip:x", {}), SipRequest("A", "", {}), SipRequest("A", "a b", {})])
def test_a_request_line_has_three_words(message: SipRequest) -> None:
    with pytest.raises(UnwritableSipError):
        serialised(message)
