"""Mistakes in the file, and in the files that it names."""

from typing import Final

from checking import situations as s
from checking.row import RUN, Row

ROWS: Final = (
    Row(
        "no configuration",
        s.no_file,
        "Error: {file} cannot be read: No such file or directory.",
    ),
    Row(
        "no TOML",
        s.file(b"[xmpp\n"),
        "Error: {file} is not valid TOML: Expected ']' at the end of a table declaration (at line 1, column 6).",
    ),
    Row(
        "not UTF-8",
        s.file(b"\xff"),
        "Error: {file} is not UTF-8 text.",
    ),
    Row(
        "options outside of a section",
        s.no_section,
        'Error: {file}:3: xmpp.domain: Missing; expected the XMPP domain of the gateway, such as "sip.example.org".\n'
        "{file}:1: domain: This option belongs in [xmpp].\n"
        "{file}:2: port: This option belongs in [xmpp] or [sip].",
    ),
    Row(
        "a typing error in an option",
        s.file(xmpp={"domian": "sip.example.org"}),
        "Error: {file}:6: xmpp.domian: There is no such option. Did you mean domain?",
    ),
    Row(
        "a typing error in a section",
        s.section("xmp", "xmpp"),
        'Error: {file}: xmpp.domain: Missing; expected the XMPP domain of the gateway, such as "sip.example.org".\n'
        "{file}: xmpp.secret_file: Neither secret nor secret_file is given. Give one of them; the XMPP server must "
        "have the same secret.\n"
        "{file}: xmpp.allowed_domains: Missing; expected a list of the XMPP domains whose users may use the gateway, "
        'such as ["example.org"].\n'
        "{file}:1: xmp: There is no such section. Did you mean xmpp?",
    ),
    Row(
        "an option in another section",
        s.file(sip={"server": "127.0.0.1"}),
        "Error: {file}:13: sip.server: This option belongs in [xmpp].",
    ),
    Row(
        "no domain",
        s.file(xmpp={"domain": None}),
        'Error: {file}:1: xmpp.domain: Missing; expected the XMPP domain of the gateway, such as "sip.example.org".',
    ),
    Row(
        "a JID as domain",
        s.file(xmpp={"domain": "fargo@example.org"}),
        "Error: {file}:2: xmpp.domain: “fargo@example.org” is not valid; expected the XMPP domain of the gateway, "
        'such as "sip.example.org".',
    ),
    Row(
        "a URL as domain",
        s.file(xmpp={"domain": "https://example.org"}),
        "Error: {file}:2: xmpp.domain: “https://example.org” is not valid; expected the XMPP domain of the gateway, "
        'such as "sip.example.org".',
    ),
    Row(
        "a domain with an empty label",
        s.file(xmpp={"domain": "sip..example.org"}),
        "Error: {file}:2: xmpp.domain: “sip..example.org” is not valid; expected the XMPP domain of the gateway, "
        'such as "sip.example.org".',
    ),
    Row(
        "the gateway as its own user",
        s.file(xmpp={"allowed_domains": ["sip.example.org"]}),
        "Error: {file}:5: xmpp.allowed_domains: “sip.example.org” is the domain of the gateway itself. List the "
        "domains of its users.",
    ),
    Row(
        "one domain instead of a list",
        s.file(xmpp={"allowed_domains": "example.org"}),
        "Error: {file}:5: xmpp.allowed_domains: “example.org” is not valid; expected a list of the XMPP domains "
        'whose users may use the gateway, such as ["example.org"].',
    ),
    Row(
        "no domain of users",
        s.file(xmpp={"allowed_domains": []}),
        "Error: {file}:5: xmpp.allowed_domains: An empty list is not valid; expected a list of the XMPP domains "
        'whose users may use the gateway, such as ["example.org"].',
    ),
    Row(
        "a user without a domain",
        s.file(xmpp={"denied_users": ["mallory"]}),
        "Error: {file}:6: xmpp.denied_users: “mallory” in the list is not valid; expected a list of bare JIDs in "
        'lower case, such as ["mallory@example.org"].',
    ),
    Row(
        "a port as text",
        s.file(xmpp={"port": "5347"}),
        "Error: {file}:3: xmpp.port: “5347” is not valid; expected a port number from 1 to 65535.",
    ),
    Row(
        "a port that is none",
        s.file(sip={"port": 65536}),
        "Error: {file}:9: sip.port: 65536 is not valid; expected a port number from 1 to 65535.",
    ),
    Row(
        "no secret",
        s.file(xmpp={"secret": None}),
        "Error: {file}:1: xmpp.secret_file: Neither secret nor secret_file is given. Give one of them; the XMPP "
        "server must have the same secret.",
    ),
    Row(
        "two secrets",
        s.file(xmpp={"secret_file": "secret"}),
        "Error: {file}:6: xmpp.secret_file: Both secret and secret_file are given. Remove one of them.",
    ),
    Row(
        "a secret as a number",
        s.file(xmpp={"secret": 1234567}),
        "Error: {file}:4: xmpp.secret: The value is not valid; expected the secret that the XMPP server knows, as "
        "text.",
    ),
    Row(
        "no secret file",
        s.secret_file(None),
        "Error: {file}:5: xmpp.secret_file: {directory}/secret cannot be read: No such file or directory.",
    ),
    Row(
        "an empty secret file",
        s.secret_file("\n"),
        "Error: {file}:5: xmpp.secret_file: {directory}/secret is empty. Write the secret into it.",
    ),
    Row(
        "a secret file for all to read",
        s.secret_file("open sesame", 0o644),
        "Error: {file}: xmpp.secret_file: {directory}/secret contains a secret, and other users can read or change "
        "it. Run “chmod 600 {directory}/secret”.",
    ),
    Row(
        "a configuration with a secret for all to read",
        s.exposed_configuration,
        "Error: {file}: {file} contains a secret, and other users can read or change it. Run “chmod 600 {file}”.",
        RUN,
    ),
    Row(
        "an unknown engine",
        s.file(sip={"engine": "sofia"}),
        'Error: {file}:13: sip.engine: “sofia” is not valid; expected "sip" or "telepathy".',
    ),
    Row(
        "all addresses",
        s.file(sip={"address": "0.0.0.0"}),
        "Error: {file}:8: sip.address: “0.0.0.0” is not valid; expected an address of this machine that SIP "
        'providers can reach, such as "192.0.2.10" or "2001:db8::10", or a list of them.',
    ),
    Row(
        "a name as address",
        s.file(sip={"address": "sip.example.org"}),
        "Error: {file}:8: sip.address: “sip.example.org” is not valid; expected an address of this machine that SIP "
        'providers can reach, such as "192.0.2.10" or "2001:db8::10", or a list of them.',
    ),
    Row(
        "an address with a port",
        s.file(sip={"address": "192.0.2.10:5060"}),
        "Error: {file}:8: sip.address: “192.0.2.10:5060” is not valid; expected an address of this machine that SIP "
        'providers can reach, such as "192.0.2.10" or "2001:db8::10", or a list of them.',
    ),
    Row(
        "IPv6 in brackets",
        s.file(sip={"address": "[2001:db8::1]"}),
        "Error: {file}:8: sip.address: “[2001:db8::1]” is not valid; expected an address of this machine that SIP "
        'providers can reach, such as "192.0.2.10" or "2001:db8::10", or a list of them.',
    ),
    Row(
        "IPv6 of a link",
        s.file(sip={"address": "fe80::1%eth0"}),
        "Error: {file}:8: sip.address: “fe80::1%eth0” is not valid; expected an address of this machine that SIP "
        'providers can reach, such as "192.0.2.10" or "2001:db8::10", or a list of them.',
    ),
    Row(
        "IPv6 with the engine telepathy",
        s.file(sip={"engine": "telepathy", "address": "2001:db8::1", "tls_port": None, "gateway_port": None}),
        "Error: {file}:8: sip.address: The engine “telepathy” uses one IPv4 address. Give one, or set engine to "
        "“sip” for several or for IPv6.",
    ),
    Row(
        "an option of the other engine",
        s.file(sip={"engine": "telepathy", "tls_port": None}),
        "Error: {file}:11: sip.gateway_port: Only the engine “sip” has this option. Remove it, or set engine to “sip”.",
    ),
    Row(
        "the address inside",
        s.file(sip={"address": "127.0.70.1"}),
        "Error: {file}:8: sip.address: 127.0.70.1 is reserved for traffic inside the gateway. Use another address of "
        "this machine.",
    ),
    Row(
        "a certificate without its key",
        s.file(sip={"tls_certificate": "cert.pem"}),
        "Error: {file}:7: sip.tls_key: TLS needs both tls_certificate and tls_key. Give both or neither.",
    ),
    Row(
        "a relay without a port",
        s.file(media={"relay": "127.0.0.1"}),
        "Error: {file}:21: media.relay: “127.0.0.1” is not valid; expected the IPv4 address and port of rtpengine's "
        'option listen-ng, such as "127.0.0.1:2223".',
    ),
    Row(
        "a relay by its name",
        s.file(media={"relay": "localhost:2223"}),
        "Error: {file}:21: media.relay: “localhost:2223” is not valid; expected the IPv4 address and port of "
        'rtpengine\'s option listen-ng, such as "127.0.0.1:2223".',
    ),
    Row(
        "a path through no relay",
        s.file(media={"path": "relay"}),
        "Error: {file}:20: media.relay: Missing, although path is “relay”; expected the IPv4 address and port of "
        'rtpengine\'s option listen-ng, such as "127.0.0.1:2223".',
    ),
    Row(
        "a host for a network",
        s.file(media={"allow": ["10.0.0.1/8"]}),
        "Error: {file}:21: media.allow: “10.0.0.1/8” in the list is not valid; expected a list of networks and "
        'addresses, such as ["10.0.0.0/8", "198.51.100.7"].',
    ),
    Row(
        "a duration in words",
        s.file(log={"keep": "3 months"}),
        "Error: {file}:21: log.keep: “3 months” is not valid; expected how long calls stay in the log, such as "
        '"90d", "12w", "2y" or "forever".',
    ),
    Row(
        "an emergency number with spaces",
        s.file(sip={"emergency_numbers": ["1 1 2"]}),
        "Error: {file}:13: sip.emergency_numbers: “1 1 2” in the list is not valid; expected a list of numbers "
        'without spaces, such as ["112", "911"].',
    ),
    Row(
        "a name with a port",
        s.file(xmpp={"server": "xmpp.example.org:5347"}),
        "Error: {file}:6: xmpp.server: “xmpp.example.org:5347” is not valid; expected the XMPP server's name or "
        'address, such as "127.0.0.1".',
    ),
)
