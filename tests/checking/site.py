"""A place where everything is right, so that a test can make one thing wrong: configuration, programs and servers.

Neither kamailio nor an XMPP server runs: a shell script and a listener stand in for them.
"""

import socket
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from threading import Thread

from click.testing import CliRunner, Result
from world.gateway import toml
from world.ports import free_port

from fargo.cli import main
from fargo.config_sections import INSIDE

KAMAILIO = """\
#!/bin/sh
case "$*" in
    -v) echo "version: kamailio 5.6.3 (x86_64/linux)" ;;
    *" -c") ;;
    *) exit 1 ;;
esac
"""
HEADER = (
    b"<?xml version='1.0'?><stream:stream xmlns='%s' xmlns:stream='http://etherx.jabber.org/streams' "
    b"id='one' from='sip.example.org'>"
)
COMPONENT = HEADER % b"jabber:component:accept"
CLIENTS = HEADER % b"jabber:client"
ERROR = b"<stream:error><%s xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error></stream:stream>"

LAST_WORDS: list[bytes] = []
"""The last words of components that were taken."""
Answer = Callable[[socket.socket], None]
"""The behaviour of a server towards a connection, which is closed afterwards."""


def accept(connection: socket.socket) -> None:
    """Take the component."""
    connection.recv(4096)
    connection.sendall(COMPONENT)
    connection.recv(4096)
    connection.sendall(b"<handshake/>")
    LAST_WORDS.append(connection.recv(4096))


def say(*words: bytes) -> Answer:
    """Send something for each piece that the client sends."""

    def answer(connection: socket.socket) -> None:
        for each in words:
            connection.recv(4096)
            connection.sendall(each)

    return answer


def answer_datagrams(peer: socket.socket, answer: bytes) -> None:
    """Answer each datagram with the same, until the socket is closed."""

    def serve() -> None:
        with suppress(OSError):
            while True:
                _, sender = peer.recvfrom(4096)
                peer.sendto(answer, sender)

    Thread(target=serve, daemon=True).start()


def be_mute(connection: socket.socket) -> None:
    """Say nothing until the client has gone."""
    while connection.recv(4096):
        pass


class Listener:
    """A TCP server that does the same with each connection."""

    def __init__(self) -> None:
        self.answer: Answer = accept
        self.connections = 0
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._socket.getsockname()[1])
        Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        """Listen no more."""
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._socket.accept()
                self.connections += 1
                with connection, suppress(OSError):
                    self.answer(connection)


class Site:
    """The configuration is in `tables`, and written before a command is run, unless `text` is."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.file = directory / "fargo.toml"
        self.state = directory / "state"
        self.server = Listener()
        kamailio = self.script("kamailio", KAMAILIO)
        self.text: bytes | None = None
        self.is_written = True
        self.tables: dict[str, dict[str, object]] = {
            "xmpp": {
                "domain": "sip.example.org",
                "port": self.server.port,
                "secret": "open sesame",
                "allowed_domains": ["example.org"],
            },
            "sip": {
                "address": "127.0.0.2",
                **{name: free_port("127.0.0.2") for name in ("port", "tls_port")},
                **{name: free_port(INSIDE) for name in ("inside_port", "gateway_port")},
            },
            "state": {"directory": str(self.state)},
            "programs": {"kamailio": str(kamailio)},
        }

    def close(self) -> None:
        """Stop the server."""
        self.server.close()

    def script(self, name: str, text: str) -> Path:
        """Write a program."""
        path = self.directory / name
        path.write_text(text)
        path.chmod(0o755)
        return path

    def private(self, name: str, text: str = "") -> Path:
        """Write a file for our user only."""
        path = self.directory / name
        path.touch(mode=0o600)
        path.write_text(text)
        return path

    def change(self, section: str, **options: object) -> None:
        """Change options; those that are None are removed."""
        table = self.tables.setdefault(section, {}) | options
        self.tables[section] = {name: value for name, value in table.items() if value is not None}

    def run(self, *command: str) -> Result:
        """Run `fargo` with a command that takes the configuration."""
        if self.is_written:
            if not self.file.exists():
                self.private(self.file.name)
            self.file.write_bytes(toml(self.tables).encode() if self.text is None else self.text)
        result = CliRunner().invoke(main, [*command, "-c", str(self.file)])
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exc_info
        return result
