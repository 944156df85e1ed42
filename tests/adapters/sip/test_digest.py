"""Answers to digest challenges, compared with those in RFCs, and checked by Twisted."""

from hashlib import md5, sha256

import pytest
from twisted.cred.credentials import DigestedCredentials

from fargo.adapters.sip.wire import headers, texts
from fargo.adapters.sip.wire.digest import ALGORITHMS, authorization
from fargo.adapters.sip.wire.grammar import parameters
from fargo.adapters.sip.wire.message import SipRequest, UnwritableSipError
from fargo.statemachine.model.sip_values import Challenge, DigestCredentials

from .messages import options

SDP = b"""v=0
o=bob 2890844526 2890844526 IN IP4 media.biloxi.com
s=-
c=IN IP4 media.biloxi.com
t=0 0
m=audio 49170 RTP/AVP 0
a=rtpmap:0 PCMU/8000
m=video 51372 RTP/AVP 31
a=rtpmap:31 H261/90000
m=video 53000 RTP/AVP 32
a=rtpmap:32 MPV/90000
""".replace(b"\n", b"\r\n")


def answer(
    challenge: Challenge, user: str, password: str, request: SipRequest, cnonce: str, count: int = 1
) -> tuple[str, str]:
    return authorization(DigestCredentials(challenge, user, "vault-1", count), password, request, cnonce)


def fields(challenge: Challenge, user: str, password: str, request: SipRequest, cnonce: str) -> dict[str, str | None]:
    _, text = answer(challenge, user, password, request, cnonce)
    return dict(parameters(text.removeprefix("Digest ").replace(", ", ";")))


# --- known answers


@pytest.mark.parametrize(
    ("algorithm", "response"),
    [
        ("MD5", "8ca523f5e9506fed4657c9700eebdbec"),
        ("SHA-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
    ],
)
def test_the_answers_of_rfc_7616(algorithm: str, response: str) -> None:
    """RFC 7616 §3.9.1."""
    nonce = "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v"
    cnonce = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ"
    opaque = "FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"
    challenge = Challenge("http-auth@example.org", nonce, False, algorithm, ("auth", "auth-int"), opaque)
    found = fields(challenge, "Mufasa", "Circle of Life", SipRequest("GET", "/dir/index.html", {}), cnonce)
    assert found == {
        "username": "Mufasa",
        "realm": "http-auth@example.org",
        "uri": "/dir/index.html",
        "algorithm": algorithm,
        "nonce": nonce,
        "nc": "00000001",
        "cnonce": cnonce,
        "qop": "auth",
        "response": response,
        "opaque": opaque,
    }


def test_the_answer_of_rfc_2617() -> None:
    """RFC 2617 §3.5."""
    challenge = Challenge("testrealm@host.com", "dcd98b7102dd2f0e8b11d0f600bfb0c093", qop=("auth",))
    request = SipRequest("GET", "/dir/index.html", {})
    found = fields(challenge, "Mufasa", "Circle Of Life", request, "0a4f113b")
    assert found["response"] == "6629fae49393a05397450978507c4ef1"


@pytest.mark.parametrize(
    ("algorithm", "qop", "body", "response"),
    [
        ("MD5", (), SDP, "bf57e4e0d0bffc0fbaedce64d59add5e"),
        ("MD5", ("auth",), SDP, "89eb0059246c02b2f6ee02c7961d5ea3"),
        ("MD5-sess", ("auth",), SDP, "e4e4ea61d186d07a92c9e1f6919902e9"),
        ("MD5", ("auth-int",), SDP, "bdbeebb2da6adb6bca02599c2239e192"),
        ("MD5-sess", ("auth-int",), SDP, "91984da2d8663716e91554859c22ca70"),
        ("MD5", ("auth-int",), b"", "2d6fc6e788367208f746582b18a69618"),
    ],
)
def test_the_answers_for_an_invite(algorithm: str, qop: tuple[str, ...], body: bytes, response: str) -> None:
    """The examples of draft-smith-sipping-auth-examples-01."""
    opaque = "5ccc069c403ebaf9f0171e9517f40e41"
    challenge = Challenge("biloxi.com", "dcd98b7102dd2f0e8b11d0f600bfb0c093", False, algorithm, qop, opaque)
    found = fields(challenge, "bob", "zanzibar", SipRequest("INVITE", "sip:bob@biloxi.com", {}, body), "0a4f113b")
    assert (found["response"], found["opaque"]) == (response, opaque)


@pytest.mark.parametrize("algorithm", ["MD5", "MD5-sess"])
@pytest.mark.parametrize("qop", [(), ("auth",)])
def test_twisted_takes_the_answers(algorithm: str, qop: tuple[str, ...]) -> None:
    """Twisted checks answers for HTTP, which has the same arithmetic. It expects an algorithm in lower case."""
    challenge = Challenge("r; 'x'", "n", algorithm=algorithm, qop=qop)
    found = fields(challenge, "u", "pä", SipRequest("REGISTER", "sip:r", {}), "c")
    given = {name: (value or "").encode() for name, value in found.items()} | {"algorithm": algorithm.lower().encode()}
    checked = DigestedCredentials(b"u", b"REGISTER", b"r; 'x'", given)
    assert checked.checkPassword("pä".encode())
    assert not checked.checkPassword(b"p")


def test_sha_256_sess_is_md5_sess_with_another_hash() -> None:
    """No RFC has an example with it: RFC 7616 §3.4.2, written out."""
    challenge = Challenge("r", "n", algorithm="SHA-256-sess", qop=("auth-int",))
    found = fields(challenge, "u", "p", SipRequest("INVITE", "sip:x", {}, b"body"), "c")

    def hashed(text: str) -> str:
        return sha256(text.encode()).hexdigest()

    first, second = hashed(f"{hashed('u:r:p')}:n:c"), hashed(f"INVITE:sip:x:{hashed('body')}")
    assert found["response"] == hashed(f"{first}:n:00000001:c:auth-int:{second}")


# --- the header


def test_only_what_was_offered_is_in_the_answer() -> None:
    name, text = answer(Challenge("r", "n"), "u", "p", SipRequest("REGISTER", "sip:r", {}), "c")
    first, second = md5(b"u:r:p").hexdigest(), md5(b"REGISTER:sip:r").hexdigest()
    response = md5(f"{first}:n:{second}".encode()).hexdigest()
    assert name == "Authorization"
    assert text == f'Digest username="u", realm="r", nonce="n", uri="sip:r", response="{response}", algorithm=MD5'


def test_an_empty_opaque_is_repeated() -> None:
    _, text = answer(Challenge("r", "n", opaque=""), "u", "p", SipRequest("A", "sip:r", {}), "c")
    assert text.endswith(', opaque=""')


def test_quality_and_count_are_not_quoted() -> None:
    _, text = answer(Challenge("r", "n", qop=("auth",)), "u", "p", SipRequest("A", "sip:r", {}), "c")
    assert text.endswith(', cnonce="c", qop=auth, nc=00000001')


def test_a_nonce_that_is_used_again_is_counted() -> None:
    """RFC 7616 §3.4."""
    challenge = Challenge("r", "n", qop=("auth",))
    _, text = answer(challenge, "u", "p", SipRequest("A", "sip:r", {}), "c", count=26)
    assert text.endswith(", nc=0000001a")
    first, second = md5(b"u:r:p").hexdigest(), md5(b"A:sip:r").hexdigest()
    assert f'response="{md5(f"{first}:n:0000001a:c:auth:{second}".encode()).hexdigest()}"' in text


def test_a_session_has_a_cnonce_without_a_quality() -> None:
    challenge = Challenge("r", "n", algorithm="MD5-sess")
    _, text = answer(challenge, "u", "p", SipRequest("A", "sip:r", {}), "c")
    assert text.endswith(', algorithm=MD5-sess, cnonce="c"')


@pytest.mark.parametrize(("offered", "chosen"), [(("auth", "auth-int"), "auth"), (("x", "auth-int"), "auth-int")])
def test_auth_is_chosen_before_auth_int(offered: tuple[str, ...], chosen: str) -> None:
    _, text = answer(Challenge("r", "n", qop=offered), "u", "p", SipRequest("A", "sip:r", {}), "c")
    assert f"qop={chosen}," in text


def test_a_proxy_is_answered_in_its_own_header() -> None:
    name, _ = answer(Challenge("r", "n", proxy=True), "u", "p", SipRequest("A", "sip:r", {}), "c")
    assert name == "Proxy-Authorization"


@pytest.mark.parametrize("realm", ['a "b"', "a, b", "a\\b", "ä", "a;b=c"])
def test_texts_come_back_as_they_were_offered(realm: str) -> None:
    written = realm.replace("\\", "\\\\").replace('"', '\\"')
    offered = f'Digest realm="{written}", nonce="{written}", opaque="{written}"'
    (challenge,) = headers.challenges(options(f"WWW-Authenticate: {offered}").headers)
    assert challenge == Challenge(realm, realm, opaque=realm)
    _, text = answer(challenge, realm, "p", SipRequest("A", "sip:r", {}), "c")
    assert text.startswith(f'Digest username="{written}", realm="{written}", nonce="{written}", ')
    assert text.endswith(f', opaque="{written}"')


def test_the_algorithms_are_spelled_as_challenges_are_read() -> None:
    assert ALGORITHMS == ("MD5", "MD5-sess", "SHA-256", "SHA-256-sess")
    for each in ALGORITHMS:
        offered = f'WWW-Authenticate: Digest realm="r", nonce="n", algorithm={each.lower()}'
        assert headers.challenges(options(offered).headers)[0].algorithm == each


def test_an_unknown_algorithm_or_quality_is_refused() -> None:
    request = SipRequest("A", "sip:r", {})
    with pytest.raises(UnwritableSipError, match=texts.UNKNOWN_ALGORITHM):
        answer(Challenge("r", "n", algorithm="SHA-512-256"), "u", "p", request, "c")
    with pytest.raises(UnwritableSipError, match=texts.UNKNOWN_QOP):
        answer(Challenge("r", "n", qop=("auth-conf",)), "u", "p", request, "c")
