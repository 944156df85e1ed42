"""The world around the gateway, made of real servers and clients on loopback.

Every server is an async context manager with a temporary directory, ports and an address of its own; it is
ready when it is entered and ended, by its pid, when it is left. Nothing here knows pytest, so that `script/up`
shows the same world.

    XMPP server, XMPP clients' media  127.0.0.1
    SIP edge of the gateway           127.0.0.2
    SIP provider                      127.0.0.3
    SIP phones                        127.0.0.4
    media relay                       127.0.0.5
    scripted SIP provider             127.0.0.7
    proxy before the SIP provider     127.0.0.8
    name server                       127.0.0.53
"""

XMPP_ADDRESS = "127.0.0.1"
GATEWAY_ADDRESS = "127.0.0.2"
PROVIDER_ADDRESS = "127.0.0.3"
PHONE_ADDRESS = "127.0.0.4"
RELAY_ADDRESS = "127.0.0.5"
PROXY_ADDRESS = "127.0.0.8"
