"""Faults of the media relay and the XMPP server."""

import errno
import socket
from typing import Final

from checking import situations as s
from checking.row import Row
from checking.site import be_mute, say

ROWS: Final = (
    Row(
        "a dead relay",
        s.relay(None),
        "Warning: media.relay: No media relay answers at 127.0.0.1 port {relay}, so calls that need it will fail. "
        "Start rtpengine or correct the address.",
    ),
    Row(
        "something else than a relay",
        s.relay(b"Hello"),
        "Warning: media.relay: What answers at 127.0.0.1 port {relay} is no rtpengine, so calls that need the relay "
        "will fail. Give the address and port of its option listen-ng.",
    ),
    Row(
        "no XMPP server",
        s.nobody_listens,
        "Error: {file}: xmpp: No XMPP server listens at 127.0.0.1 port {server}. Start it, open its port for "
        "components, or correct xmpp.server and xmpp.port.",
    ),
    Row(
        "an unknown name",
        s.name(socket.EAI_NONAME),
        "Error: {file}: xmpp: The XMPP server cannot be found: DNS has no IPv4 address for xmpp.example.org. Correct "
        "the name in xmpp.server, or give an address there.",
    ),
    Row(
        "no name server",
        s.name(socket.EAI_AGAIN),
        "Error: {file}: xmpp: The XMPP server cannot be found: no name server tells the address of xmpp.example.org "
        "now. Correct /etc/resolv.conf, or give an address in xmpp.server.",
    ),
    Row(
        "an XMPP server that does not answer",
        s.unreachable(TimeoutError("timed out")),
        "Error: {file}: xmpp: The XMPP server at 127.0.0.1 port {server} does not answer. Correct xmpp.server, start "
        "that machine, or let its firewall pass the gateway.",
    ),
    Row(
        "an XMPP server out of reach",
        s.unreachable(OSError(errno.EHOSTUNREACH, "No route to host")),
        "Error: {file}: xmpp: The XMPP server at 127.0.0.1 port {server} cannot be reached: No route to host. "
        "Correct xmpp.server.",
    ),
    Row(
        "a wrong secret",
        s.server(s.refuse(b"not-authorized")),
        "Error: {file}: xmpp: The XMPP server rejects the secret for sip.example.org. Give Fargo and the server the "
        "same secret. ejabberd also says this if its “hosts” lacks sip.example.org.",
    ),
    Row(
        "an unknown component",
        s.server(s.refuse(b"host-unknown")),
        "Error: {file}: xmpp: The XMPP server has no component sip.example.org. Add it to the server's configuration "
        "and restart the server, or correct xmpp.domain.",
    ),
    Row(
        "a second gateway of this name",
        s.server(s.refuse(b"conflict")),
        "Error: {file}: xmpp: The XMPP server has another connection for sip.example.org: a second gateway, or "
        "another component, uses this name. Stop it, or give one of them another name.",
    ),
    Row(
        "a port for clients",
        s.server(s.refuse_client),
        "Error: {file}: xmpp: 127.0.0.1 port {server} is a port for XMPP clients or servers. Set xmpp.port to the "
        "server's port for components, which is often 5347.",
    ),
    Row(
        "a port for clients of ejabberd",
        s.server(s.refuse(b"invalid-namespace")),
        "Error: {file}: xmpp: 127.0.0.1 port {server} is a port for XMPP clients or servers. Set xmpp.port to the "
        "server's port for components, which is often 5347.",
    ),
    Row(
        "a port with TLS",
        s.server(say(b"\x15\x03\x01\x00\x02\x02\x46")),
        "Error: {file}: xmpp: 127.0.0.1 port {server} expects TLS, so it is no port for components. Set xmpp.port to "
        "the server's port for components, which is often 5347.",
    ),
    Row(
        "a web server",
        s.server(say(b"HTTP/1.1 400 Bad Request\r\n\r\n")),
        "Error: {file}: xmpp: A web server answers at 127.0.0.1 port {server}. Set xmpp.port to the server's port "
        "for components, which is often 5347.",
    ),
    Row(
        "another service",
        s.server(say(b"SSH-2.0-OpenSSH_9.2\r\n")),
        "Error: {file}: xmpp: What answers at 127.0.0.1 port {server} is no XMPP server. Correct xmpp.server and "
        "xmpp.port; the server's port for components is often 5347.",
    ),
    Row(
        "a service that says nothing",
        s.server(be_mute),
        "Error: {file}: xmpp: 127.0.0.1 port {server} accepts the connection and then says nothing, so this may be "
        "no port for components. Correct xmpp.port, or restart the XMPP server.",
    ),
    Row(
        "a service that ends the connection",
        s.server(say()),
        "Error: {file}: xmpp: 127.0.0.1 port {server} ends the connection without a reason, so this may be no port "
        "for components. Correct xmpp.port, or see the log of the XMPP server.",
    ),
    Row(
        "an XMPP server that stops",
        s.server(s.refuse(b"system-shutdown")),
        "Error: {file}: xmpp: The XMPP server ends the stream of sip.example.org with an error (system-shutdown). "
        "See the log of the server.",
    ),
)
