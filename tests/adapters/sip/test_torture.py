"""The torture test messages of RFC 4475 and RFC 5118: which are accepted, which are refused and how, what they say."""

import pytest

from fargo.adapters.sip.wire import headers as wire
from fargo.adapters.sip.wire.grammar import NameAddr
from fargo.adapters.sip.wire.message import SipRequest, SipResponse
from fargo.adapters.sip.wire.uri import HostUri, OtherUri, parse_uri
from fargo.statemachine.model.sip_values import Party, SipHeaders

from .messages import request, response
from .reading import ACCEPTED, DROPPED, Outcome, outcome
from .rfc4475 import RFC4475
from .rfc5118 import RFC5118

OUTCOMES: dict[str, Outcome] = {
    # RFC 4475 §3.1.1: valid
    **dict.fromkeys(("wsinv", "intmeth", "esc01", "escnull", "esc02", "lwsdisp", "longreq", "dblreq"), ACCEPTED),
    **dict.fromkeys(("semiuri", "transports", "mpart01", "unreason", "noreason"), ACCEPTED),
    # §3.1.2: invalid
    **dict.fromkeys(("badinv01", "clerr", "ncl", "scalar02", "quotbal", "ltgtruri", "lwsruri", "lwsstart"), 400),
    **dict.fromkeys(("trws", "regbadct", "mismatch01"), 400),
    "mismatch02": 400,  # or 501
    "badvers": 505,
    **dict.fromkeys(("scalarlg", "bigcode"), DROPPED),
    # ... of which an element may accept these
    "escruri": ACCEPTED,  # the headers in the Request-URI are ignored
    "baddate": ACCEPTED,  # Date is not needed
    "badaspec": ACCEPTED,  # spaces around the URI are ignored
    "baddn": ACCEPTED,  # the quotes are inferred
    # §3.2: the edge falls back to the matching of RFC 2543
    "badbranch": ACCEPTED,
    # §3.3: what the application decides by
    "insuf": DROPPED,  # it has nothing that a response could repeat
    **dict.fromkeys(("unkscm", "novelsc"), 416),
    **dict.fromkeys(("multi01", "mcl01"), 400),
    **dict.fromkeys(("unksm2", "bext01", "invut", "regaut01", "bcast", "zeromf", "cparam01", "cparam02"), ACCEPTED),
    **dict.fromkeys(("regescrt", "sdp01"), ACCEPTED),
    # §3.4: from an element of RFC 2543
    "inv2543": ACCEPTED,
}


def test_every_message_has_an_outcome() -> None:
    assert set(OUTCOMES) == set(RFC4475)
    assert len(RFC4475) == 49


@pytest.mark.parametrize("name", RFC4475)
def test_rfc_4475(name: str) -> None:
    assert outcome(RFC4475[name]) == OUTCOMES[name]


@pytest.mark.parametrize("name", RFC5118)
def test_rfc_5118(name: str) -> None:
    assert outcome(RFC5118[name]) == (400 if name == "ipv6-bad" else ACCEPTED)


# --- what the valid ones say


def of(name: str) -> SipRequest:
    return request((RFC4475 | RFC5118)[name])


def answer(name: str) -> SipResponse:
    return response(RFC4475[name])


def test_wsinv() -> None:
    found = of("wsinv")
    head = wire.request_head(found)
    assert [wire.via(each) for each in head.via] == [
        wire.Via("udp", "192.0.2.2", None, "390skdjuw", None, None),
        wire.Via("tcp", "spindle.example.com", None, "z9hG4bK9ikj8", None, None),
        wire.Via("udp", "192.168.255.111", None, "z9hG4bK30239", None, None),
    ]
    assert wire.party(found.headers, "To") == Party("sip:vivekg@chair-dnrc.example.com", "1918181833n")
    assert wire.party(found.headers, "From") == Party("sip:jdrosen@example.com", "98asjd8", 'J Rosenberg \\"')
    assert (head.cseq, found.headers["Max-Forwards"], found.headers["Subject"]) == (9, ["0068"], [""])
    parameters = {"newparam": "newvalue", "secondparam": None, "q": "0.33"}
    assert wire.contacts(found.headers) == (NameAddr("sip:jdrosen@example.com", 'Quoted string ""', parameters),)
    route = "<sip:services.example.com;lr;unknownwith=value;unknown-no-value>"
    assert wire.route_texts(found.headers, "Route") == (route,)
    unknown = ("Subject", "Newfangledheader", "Unknownheaderwithunusualvalue")
    assert wire.sip_headers(found.headers) == SipHeaders(max_forwards=68, unknown=unknown)
    assert found.headers["Unknownheaderwithunusualvalue"] == [";;,,;;,;"]
    assert found.headers["Newfangledheader"] == ["newfangled value continued newfangled value"]
    assert len(found.body) == 150


def test_intmeth() -> None:
    found = of("intmeth")
    assert found.method == "!interesting-Method0123456789_*+`.%indeed'~"
    uri = parse_uri(found.uri)
    assert isinstance(uri, HostUri)
    assert (uri.user, uri.host) == ("1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*", "example.com")
    assert wire.via(found.headers["Via"][0]).branch == "z9hG4bK-.!%66*_+`'~"
    assert wire.party(found.headers, "To").name == "BEL: NUL: DEL:"
    assert found.headers["To"][0].startswith('"BEL:\\\x07 NUL:\\\x00 DEL:\\\x7f" <')
    sender = wire.party(found.headers, "From")
    assert sender == Party("sip:mundane@example.com", "_token~1'+`*%!-.", "token1~` token2'+_ token3*%!.-")
    assert found.headers["Call-ID"] == ["intmeth.word%ZK-!.*_+'@word`~)(><:\\/\"][?}{"]


def test_escapes_stay() -> None:
    uri = parse_uri(of("esc01").uri)
    assert isinstance(uri, HostUri)
    assert (uri.user, uri.host) == ("sips%3Auser%40example.com", "example.net")
    (contact,) = wire.contacts(of("esc01").headers)
    uri = parse_uri(contact.uri)
    assert isinstance(uri, HostUri)
    assert uri.parameters == {"%6c%72": None, "n%61me": "v%61lue%25%34%31"}
    assert [each.uri for each in wire.contacts(of("escnull").headers)] == [
        "sip:%00@host5.example.com",
        "sip:%00%00@host5.example.com",
    ]
    assert of("esc02").method == "RE%47IST%45R"
    assert len(wire.contacts(of("esc02").headers)) == 2
    assert wire.party(of("esc02").headers, "To").name == "%Z%45"


def test_the_others_of_rfc_4475_say_what_they_should() -> None:
    assert wire.party(of("lwsdisp").headers, "From").name == "caller"
    assert len(of("longreq").headers["Via"]) == 34
    assert of("longreq").headers["Call-ID"] == ["longreq.one" + "really" * 20 + "longcallid"]
    assert of("dblreq").body == b""
    uri = parse_uri(of("semiuri").uri)
    assert isinstance(uri, HostUri)
    assert (uri.user, uri.parameters) == ("user;par=u%40example.net", {})
    transports = [wire.via(each).transport for each in of("transports").headers["Via"]]
    assert transports == ["udp", "sctp", "tls", "unknown", "tcp"]
    assert len(of("mpart01").body) == 553
    assert wire.media_type(of("mpart01").headers) == "multipart/mixed"
    assert answer("unreason").phrase == "= 2**3 * 5**2 но сто девяносто девять - простое"
    assert answer("noreason") == SipResponse(100, "", answer("noreason").headers)
    assert parse_uri(wire.party(of("unksm2").headers, "To").uri) == OtherUri("isbn", "2983792873")
    assert wire.sip_headers(of("bext01").headers).require == ("nothingsupportsthis", "nothingsupportsthiseither")
    assert wire.media_type(of("invut").headers) == "application/unknownformat"
    assert wire.contacts(of("cparam01").headers)[0].parameters == {"unknownparam": None}
    assert wire.contacts(of("cparam02").headers)[0].parameters == {}
    assert len(answer("bcast").headers["Via"]) == 2
    assert wire.party(of("inv2543").headers, "From").tag is None
    assert wire.request_head(of("inv2543")).record_route == ("<sip:UserB@example.com;maddr=ss1.example.com>",)


def test_rfc_5118_says_what_it_should() -> None:
    def uri(name: str) -> HostUri:
        found = parse_uri(of(name).uri)
        assert isinstance(found, HostUri)
        return found

    assert uri("ipv6-good") == HostUri("sip", None, "2001:db8::10", None, {})
    assert uri("port-ambiguous") == HostUri("sip", None, "2001:db8::10:5070", None, {})
    assert uri("port-unambiguous") == HostUri("sip", None, "2001:db8::10", 5070, {})
    for name in ("via-received-param-with-delim", "via-received-param-no-delim"):
        assert wire.via(of(name).headers["Via"][0]).received == "2001:db8::9:255"
    assert [wire.via(each).host for each in of("mult-ip-in-header").headers["Via"]] == [
        "2001:db8::9:1",
        "192.0.2.1",
        "2001:db8::9:255",
    ]
    assert wire.via(of("ipv4-mapped-ipv6").headers["Via"][0])[1:3] == ("::ffff:192.0.2.10", 19823)
    for name in ("ipv6-bug-abnf-3-colons", "ipv6-correct-abnf-2-colons"):
        assert uri(name).host == "2001:db8::192.0.2.1"
