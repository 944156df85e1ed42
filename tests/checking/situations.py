"""Faults: each function makes one thing wrong at a site where all is right."""

import errno
import os
import socket
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from world.pem import write_pair
from world.ports import free_port

from checking.site import CLIENTS, COMPONENT, ERROR, Answer, Site, answer_datagrams
from fargo.backfill import backfill
from fargo.config_sections import INSIDE
from fargo.store.sqlite.vault_tables import open_vault, write_mark
from fargo.store.state import make_directory, open_log, take_lock
from replay.reading import golden

Make = Callable[[Site, pytest.MonkeyPatch], object]
"""Returns what has to live as long as the command runs."""

STRANGER = 4321
"""Another user."""
SESSION = Path(__file__).parents[2] / "replay/sessions/calls-a-call-in-has-sound-both-ways.jsonl"


def file(content: bytes | None = None, **tables: dict[str, object]) -> Make:
    """The file has other options; None removes one. Or it has another content."""

    def make(site: Site, _: pytest.MonkeyPatch) -> None:
        site.text = content
        for section, options in tables.items():
            site.change(section, **options)

    return make


def no_file(site: Site, _: pytest.MonkeyPatch) -> None:
    site.is_written = False


def section(given: str, correct: str) -> Make:
    """A section has another name than the right one."""

    def make(site: Site, _: pytest.MonkeyPatch) -> None:
        site.tables = {given if name == correct else name: table for name, table in site.tables.items()}

    return make


def no_section(site: Site, _: pytest.MonkeyPatch) -> None:
    site.text = b"""\
domain = "sip.example.org"
port = 5060
[xmpp]
secret = "open sesame"
allowed_domains = ["example.org"]
[sip]
address = "127.0.0.2"
"""


# --- secrets


def secret_file(content: str | None, mode: int = 0o600) -> Make:
    def make(site: Site, _: pytest.MonkeyPatch) -> None:
        site.change("xmpp", secret=None, secret_file="secret")
        if content is not None:
            site.private("secret", content).chmod(mode)

    return make


def exposed_configuration(site: Site, _: pytest.MonkeyPatch) -> None:
    site.private("fargo.toml").chmod(0o644)


# --- the state directory


def state(mode: int = 0o700) -> Make:
    def make(site: Site, _: pytest.MonkeyPatch) -> None:
        site.state.mkdir(mode)
        site.state.chmod(mode)

    return make


def state_of_another(site: Site, _: pytest.MonkeyPatch) -> None:
    if os.geteuid():
        pytest.skip("only root can give a directory away")
    site.state.mkdir(0o700)
    os.chown(site.state, STRANGER, STRANGER)


def state_is_a_file(site: Site, _: pytest.MonkeyPatch) -> None:
    site.private("state")


def read_only(site: Site, patch: pytest.MonkeyPatch) -> None:
    """root can write everywhere, so it is told otherwise."""
    access = os.access
    patch.setattr(os, "access", lambda path, mode: mode & os.W_OK == 0 and access(path, mode))


def closed(site: Site, patch: pytest.MonkeyPatch) -> None:
    """root can enter every directory, so it is told otherwise."""
    site.state.mkdir(0o700)
    stat, access = os.stat, os.access

    def stat_of(path: Any, **more: Any) -> os.stat_result:
        if Path(os.fspath(path)).parent == site.state:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), path)
        return stat(path, **more)

    patch.setattr(os, "stat", stat_of)
    patch.setattr(os, "access", lambda path, mode: path != site.state and access(path, mode))


def full_disk(site: Site, patch: pytest.MonkeyPatch) -> None:
    patch.setattr(os, "statvfs", lambda path: SimpleNamespace(f_bavail=5000, f_frsize=1000))


def state_name(name: str, **sip: str) -> Make:
    """The directory has another name."""

    def make(site: Site, _: pytest.MonkeyPatch) -> None:
        site.change("state", directory=f"/tmp/{name}")
        if sip:
            site.change("sip", **sip)
            site.change("sip", tls_port=None, gateway_port=None)
            site.change("programs", rakia="/bin/true", dbus_daemon="/bin/true")

    return make


def no_log(site: Site, _: pytest.MonkeyPatch) -> None:
    make_directory(site.state)
    (site.state / "fargo.db").write_text("2026-11-29 12:00:00 This is a log of another program.\n" * 100)


def with_log(site: Site) -> None:
    """The state of a gateway that has stopped: the log has a session, and the vault a password."""
    make_directory(site.state)
    with (
        closing(open_log(site.state, backfill)) as log,
        closing(open_vault(site.state / "vault.db")) as vault,
        vault.conn as conn,
    ):
        log.append(golden.read(SESSION))
        conn.execute("insert into passwords (name, user, password) values ('a', 'alice@localhost', 'one')")
        write_mark(conn, log.mark())


def newer_log(site: Site, _: pytest.MonkeyPatch) -> None:
    with_log(site)
    change_log(site, "insert into _sqlite_migrations (migration_set, name) values ('fargo.log', 'later')")


def change_log(site: Site, sql: str) -> None:
    with sqlite3.connect(site.state / "fargo.db") as conn:
        conn.execute(sql)
    conn.close()


def empty_key(site: Site, _: pytest.MonkeyPatch) -> None:
    make_directory(site.state)
    (site.state / "edge.key").touch()


def log_lost(site: Site, _: pytest.MonkeyPatch) -> None:
    with_log(site)
    (site.state / "fargo.db").unlink()


def clock_behind_the_log(site: Site, patch: pytest.MonkeyPatch) -> None:
    with_log(site)
    change_log(site, "update events set at = 4000000000 where id = (select max(id) from events)")
    clock(3_900_000_000.0)(site, patch)


def clock(now: float) -> Make:
    def make(site: Site, patch: pytest.MonkeyPatch) -> None:
        patch.setattr(time, "time", lambda: now)

    return make


def running(site: Site, _: pytest.MonkeyPatch) -> object:
    make_directory(site.state)
    return take_lock(site.state)


# --- TLS


def tls(days: tuple[int, int] = (-1, 365), password: bytes | None = None, mode: int = 0o600) -> Make:
    def make(site: Site, _: pytest.MonkeyPatch) -> None:
        site.change("sip", tls_certificate="cert.pem", tls_key="key.pem")
        write_pair(site.directory / "cert.pem", site.directory / "key.pem", days, password)
        (site.directory / "key.pem").chmod(mode)

    return make


def tls_of_another(site: Site, patch: pytest.MonkeyPatch) -> None:
    tls()(site, patch)
    write_pair(site.directory / "other.pem", site.directory / "key.pem")


def tls_missing(site: Site, patch: pytest.MonkeyPatch) -> None:
    tls()(site, patch)
    (site.directory / "cert.pem").unlink()


def tls_swapped(site: Site, patch: pytest.MonkeyPatch) -> None:
    tls()(site, patch)
    site.change("sip", tls_certificate="key.pem", tls_key="cert.pem")
    (site.directory / "cert.pem").chmod(0o600)


# --- ports


def taken(option: str, kind: socket.SocketKind) -> Make:
    def make(site: Site, _: pytest.MonkeyPatch) -> socket.socket:
        other = socket.socket(socket.AF_INET, kind)
        other.bind((INSIDE if "inside" in option else "127.0.0.2", 0))
        site.change("sip", **{option: other.getsockname()[1]})
        return other

    return make


def reserved(site: Site, patch: pytest.MonkeyPatch) -> None:
    """root can bind all ports, so it is told otherwise."""

    class Refusing(socket.socket):
        def bind(self, address: Any) -> None:
            if 0 < address[1] < 1024:
                raise OSError(errno.EACCES, "Permission denied")
            super().bind(address)

    patch.setattr(socket, "socket", Refusing)
    site.change("sip", port=506)


# --- programs


def kamailio(text: str) -> Make:
    def make(site: Site, _: pytest.MonkeyPatch) -> None:
        site.script("kamailio", f"#!/bin/sh\n{text}\n")

    return make


# --- the relay


def relay(answer: bytes | None) -> Make:
    """Something answers there, or nothing is there."""

    def make(site: Site, _: pytest.MonkeyPatch) -> socket.socket | None:
        if answer is None:
            site.change("media", relay=f"127.0.0.1:{free_port('127.0.0.1')}")
            return None
        other = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        other.bind(("127.0.0.1", 0))
        site.change("media", relay=f"127.0.0.1:{other.getsockname()[1]}")
        answer_datagrams(other, answer)
        return other

    return make


# --- the XMPP server


def server(answer: Answer) -> Make:
    def make(site: Site, _: pytest.MonkeyPatch) -> None:
        site.server.answer = answer

    return make


def nobody_listens(site: Site, _: pytest.MonkeyPatch) -> None:
    site.server.close()


def name(code: int) -> Make:
    """The name of the server cannot be looked up."""

    def make(site: Site, patch: pytest.MonkeyPatch) -> None:
        def fail(*_: object) -> None:
            raise socket.gaierror(code, "")

        site.change("xmpp", server="xmpp.example.org")
        patch.setattr(socket, "getaddrinfo", fail)

    return make


def unreachable(error: OSError) -> Make:
    def make(_: Site, patch: pytest.MonkeyPatch) -> None:
        def fail(*_: object) -> None:
            raise error

        patch.setattr(socket, "create_connection", fail)

    return make


def refuse(condition: bytes, header: bytes = COMPONENT) -> Answer:
    """End the stream with an error, after the handshake if there is one."""

    def answer(connection: socket.socket) -> None:
        connection.recv(4096)
        connection.sendall(header)
        if header == COMPONENT:
            connection.recv(4096)
        connection.sendall(ERROR % condition)

    return answer


def refuse_client(connection: socket.socket) -> None:
    refuse(b"host-unknown", CLIENTS)(connection)


NO_MODULE = """\
case "$*" in
    -v) echo "version: kamailio 5.6.3" ;;
    *) echo " 0(7) ERROR: <core> [core/sr_module.c:510]: ksr_locate_module(): could not find module <tls> in </x>" >&2
       exit 255 ;;
esac
"""
OTHER_SYNTAX = """\
case "$*" in
    -v) echo "version: kamailio 4.4.4" ;;
    *) echo "loading" >&2
       echo " 0(7) CRITICAL: <core> [core/cfg.y:37]: yyerror_at(): parse error in config file x, line 7" >&2
       exit 255 ;;
esac
"""
