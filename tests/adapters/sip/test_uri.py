"""URIs: SIP and SIPS, telephone numbers, and others."""

import pytest

from fargo.adapters.sip.wire.message import MalformedSipError
from fargo.adapters.sip.wire.uri import HostUri, NumberUri, OtherUri, parse_uri


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("sip:alice@example.com", HostUri("sip", "alice", "example.com", None, {})),
        ("SIPS:alice@Example.COM:5061", HostUri("sips", "alice", "example.com", 5061, {})),
        ("sip:example.com;lr", HostUri("sip", None, "example.com", None, {"lr": None})),
        ("sip:example.com;lr;", HostUri("sip", None, "example.com", None, {"lr": None})),
        (
            "sip:alice:secret@example.com;Transport=TCP;x=%41",
            HostUri("sip", "alice", "example.com", None, {"transport": "TCP", "x": "%41"}),
        ),
        ("sip:a@example.com;x=1;X=2", HostUri("sip", "a", "example.com", None, {"x": "1"})),
        ("sip:a@example.com?Subject=x&y", HostUri("sip", "a", "example.com", None, {})),
        ("sip:a@[2001:DB8::1]", HostUri("sip", "a", "2001:db8::1", None, {})),
        ("sip:[::1]:5070;lr", HostUri("sip", None, "::1", 5070, {"lr": None})),
        ("sip:a@[2001:db8:::192.0.2.1]", HostUri("sip", "a", "2001:db8::192.0.2.1", None, {})),
        ("sip:user;par=u%40example.net@h", HostUri("sip", "user;par=u%40example.net", "h", None, {})),
        ("sip:a#b@pbx1", HostUri("sip", "a#b", "pbx1", None, {})),
        ("sip:a@x_y.z", HostUri("sip", "a", "x_y.z", None, {})),
        ("sip:@host", HostUri("sip", None, "host", None, {})),
        ("sip:ü@host", HostUri("sip", "ü", "host", None, {})),
        ("tel:+49-30-(123).4;phone-context=x", NumberUri("+49-30-(123).4", {"phone-context": "x"})),
        ("TEL:*31#", NumberUri("*31#", {})),
        ("urn:service:sos.fire", OtherUri("urn", "service:sos.fire")),
        ("soap.beep://192.0.2.103:3002", OtherUri("soap.beep", "//192.0.2.103:3002")),
    ],
)
def test_a_uri_has_parts(text: str, wanted: object) -> None:
    assert parse_uri(text) == wanted


@pytest.mark.parametrize(
    "text",
    [
        "",
        "sip:",
        "alice@example.com",
        "1sip:a@b",
        "sip:a b@host",
        "sip:a@host >",
        'sip:"a"@host',
        "sip:a@b@host",
        "sip:a@",
        "sip:a@hö.st",
        "sip:a@host:",
        "sip:a@host:x",
        "sip:a@host:65536",
        "sip:a@host:٥",
        "sip:2001:db8::10",
        "sip:a@[::1",
        "sip:a@[::1]5",
        "sip:a@[::1]x5060",
        "sip:a@[]",
        "sip:a@[::g]",
        "sip:a@[fe80::1%25eth0]",
        "sip:a@[1.2.3.4]",
        "sip:a@" + "x" * 254,
        "tel:",
        "tel:+49 30",
        "tel:" + "1" * 8000 + "!",
        "sip:a@b\x00",
    ],
)
def test_a_malformed_uri_is_refused(text: str) -> None:
    with pytest.raises(MalformedSipError):
        parse_uri(text)
