"""The edge of our own SIP user agent: transport and transactions (RFC 3261 §16 to §18), and nothing else.

It keeps no dialogs, edits no SDP and resolves no names. `kamailio.cfg` in this folder has its rules, with the reason
for each; `settings` adds what differs between sites.

The loopback hop
================

The gateway and the edge exchange SIP over UDP, between one socket of the gateway and one of the edge. Header lines that
begin with X-Fargo- carry what SIP itself does not. They exist only here: the edge removes them from everything that
arrives from outside and from everything that leaves. IPv6 addresses are in brackets.

``X-Fargo-Key: <32 hex>``
    On every message, in both directions. `keys.message_key` computes it. A message without it, or from another port
    than that of the other end, is dropped. So no other user of the machine can send through the edge or to the gateway.

From the gateway, on requests:

``X-Fargo-Hop: sip:IP:PORT;transport=udp|tcp|tls``
    The address to send the request to. Required, except for CANCEL and for the ACK to a non-2xx final response, which
    go where their INVITE went. Request-URI and Route are not looked at, and remain as they are. The transport is never
    changed, however large the request is.
``X-Fargo-Name: HOST``
    For TLS: the name of the server, which it is told when a connection is opened (SNI). Connections are shared by
    address and port, whatever the name.

From the edge, on requests and responses from outside:

``X-Fargo-From: udp|tcp|tls:IP:PORT;at=IP:PORT;boot=TIME[;seen=IP[:PORT]][;stray]``
    The sender's address. ``at``: our own address on that transport, as others reach it: it belongs into our Contact.
    ``boot``: the time at which the edge was started; if it differs from before, open transactions and connections are
    lost. ``seen``: on responses only, our address as the responder saw it (received and rport of our Via, RFC 3581).
    ``stray``: the response belongs to no transaction of the edge, because it was repeated late, or because the edge was
    restarted.
``X-Fargo-Tls: verified=0|1;expired=0|1;self=0|1``
    On responses over TLS: whether the server's certificate is valid, and was issued by a trusted authority; if not,
    whether it has expired, or has certified itself. *The edge compares no names.* The gateway compares those in
    ``X-Fargo-Certificate`` before it sends credentials.
``X-Fargo-Certificate: <PEM, percent-encoded>``
    On responses over TLS: the server's certificate.

From the edge, made by itself:

``X-Fargo-Local: 1``
    On responses only, if the edge made them, as nothing came from outside: 100 (it repeats the request from now on),
    408 (nobody answered), 477 (the connection was refused, or the message could not be sent), 481 to CANCEL (it has no
    such INVITE, as after a restart: send the same INVITE again, then CANCEL; the next hop takes it for a repetition),
    483, 500 (the hop is not an address, or no socket of ours reaches it). They have no X-Fargo-From.
``X-Fargo-Closed: tcp|tls:IP:PORT``
    On an OPTIONS request of the edge: the other end closed this connection. It is sent only for addresses from which a
    REGISTER was accepted.
``X-Fargo-Started: 1``
    On an OPTIONS request of the edge: it was started.

The CANCEL and the ACK to a non-2xx response that the edge sends to the gateway are made by kamailio from the INVITE.
They have its X-Fargo lines, its Request-URI and its topmost Via. After a restart of the edge, the CANCEL of a caller
still has that Via. The ACK has another then; its INVITE is found by Call-ID and CSeq number.

Requests reach the gateway if their Request-URI has a token (`keys.token`) as user part, or as parameter ``line``.
Others get 404. The edge retransmits to both sides. The gateway retransmits a request until anything arrives for it, and
responses as RFC 3261 §17.2 says. It needs a large receive buffer (SO_RCVBUF), as the edge passes on bursts at once.
"""
