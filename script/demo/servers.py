"""The servers of the demonstration: those of the tests, on their well-known ports, with all files in one directory."""

import socket
from pathlib import Path

from world import GATEWAY_ADDRESS
from world.baresip import Baresip
from world.browser import PhonePage
from world.gateway import Gateway
from world.prosody import Prosody
from world.provider import Provider
from world.rtpengine import Rtpengine
from world.stun import PORT as STUN_PORT
from world.stun import StunServer

from fargo.config_sections import INSIDE

CALLER = "alice"
"""The user who makes and receives the two calls."""
GUEST = "you"
"""The user for the person who watches, to make calls of their own."""
PHONE = "bob"

XMPP_PASSWORDS = {CALLER: "wonderland", GUEST: "welcome"}
SIP_PASSWORDS = {CALLER: "looking-glass", GUEST: "hello", PHONE: "builder"}

XMPP_PORT = 5222
WEBSOCKET_PORT = 5280
PAGE_PORT = 8080
SIP_PORT = 5060
INSIDE_PORT = 5070
RELAY_PORT = 2223
STUN_ADDRESSES = [f"127.0.0.{number}" for number in range(5, 255)]
LAST_PORT = 65535


def prosody(run: Path) -> Prosody:
    server = Prosody(XMPP_PASSWORDS, run / "prosody")
    server.client_port = usual_port(server.address, XMPP_PORT)
    server.websocket_port = usual_port(server.address, WEBSOCKET_PORT)
    return server


def provider(run: Path) -> Provider:
    server = Provider(SIP_PASSWORDS, run / "provider")
    server.port = usual_port(server.address, SIP_PORT)
    return server


def phone(run: Path, at: Provider) -> Baresip:
    return Baresip(at.account(PHONE), directory=run / "phone")


def relay(run: Path) -> Rtpengine:
    server = Rtpengine(run / "relay")
    server.port = usual_port(server.address, RELAY_PORT)
    return server


def gateway(run: Path, xmpp: Prosody, relay: Rtpengine) -> Gateway:
    """Return the gateway, with its configuration in RUN/fargo.toml and its log in RUN/fargo.db."""
    run.chmod(0o700)  # the gateway refuses a state directory that others can read
    sip = {
        "port": usual_port(GATEWAY_ADDRESS, SIP_PORT),
        "inside_port": usual_port(INSIDE, INSIDE_PORT),
    }
    media = {"relay": f"{relay.address}:{relay.port}"}
    made = Gateway(xmpp, settings={"sip": sip, "media": media, "state": {"directory": str(run)}}, directory=run)
    made.port = sip["port"]
    made.log = run / "fargo.db"
    return made


def page(run: Path, xmpp: Prosody) -> PhonePage:
    """Return the server of a page that is an XMPP phone, logged in as the guest."""
    server = PhonePage(xmpp, GUEST, run / "page")
    server.port = usual_port(server.address, PAGE_PORT)
    return server


def stun() -> StunServer:
    """Return a STUN server for the guest's client. Its port is fixed, so a free address is searched."""
    server = StunServer()
    server.address = next(address for address in STUN_ADDRESSES if is_free(address, STUN_PORT))
    return server


def usual_port(address: str, usual: int) -> int:
    """Return the usual port or the next free one, so that it is normally the same at every start."""
    return next(port for port in range(usual, LAST_PORT) if is_free(address, port))


def is_free(address: str, port: int) -> bool:
    """Return whether a server can bind the port for UDP and TCP. Connections in TIME_WAIT do not matter."""
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
        with socket.socket(socket.AF_INET, kind) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, kind == socket.SOCK_STREAM)
            try:
                probe.bind((address, port))
            except OSError:
                return False
    return True
