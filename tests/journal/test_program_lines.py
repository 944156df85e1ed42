"""Lines that the gateway's programs have printed, each with what it becomes."""

import pytest

from fargo.journal.levels import Level
from fargo.journal.program_lines import read

LINES = {
    # kamailio 5.6, in this order: each start, each stop, the edge's own words, and what it says of failures.
    "Listening on": (Level.DEBUG, "Listening on"),
    "             udp: 127.0.0.2 [127.0.0.2]:21282": (Level.DEBUG, "udp: 127.0.0.2 [127.0.0.2]:21282"),
    " 0(26564) WARNING: tls [tls_init.c:807]: tls_h_mod_init_f(): openssl bug #1491 (crash/mem leaks on low memory) "
    "workaround enabled (on low memory tls operations will fail preemptively) with free memory thresholds 4718592 and "
    "2359296 bytes": (
        Level.DEBUG,
        "tls: tls_h_mod_init_f(): openssl bug #1491 (crash/mem leaks on low memory) workaround enabled (on low memory "
        "tls operations will fail preemptively) with free memory thresholds 4718592 and 2359296 bytes",
    ),
    " 0(26564) NOTICE: tls [tls_domain.c:1144]: ksr_tls_fix_domain(): registered server_name callback handler": (
        Level.DEBUG,
        "tls: ksr_tls_fix_domain(): registered server_name callback handler",
    ),
    " 1(26593) NOTICE: <script>: fargo edge is ready": (Level.DEBUG, "fargo edge is ready"),
    "22(26419) CRITICAL: <core> [core/pass_fd.c:277]: receive_fd(): EOF on 14": (
        Level.DEBUG,
        "receive_fd(): EOF on 14",
    ),
    " 3(4711) CRITICAL: <script>: too many requests from 192.0.2.7: dropped": (
        Level.WARNING,
        "too many requests from 192.0.2.7: dropped",
    ),
    ' 5(4711) ERROR: <core> [core/resolve.c:1705]: sip_hostport2su(): could not resolve hostname: "sip.test"': (
        Level.ERROR,
        'sip_hostport2su(): could not resolve hostname: "sip.test"',
    ),
    " 0(4711) ALERT: <core> [main.c:789]: handle_sigs(): child process 4712 exited by a signal 9": (
        Level.CRITICAL,
        "handle_sigs(): child process 4712 exited by a signal 9",
    ),
    "Segmentation fault": (Level.WARNING, "Segmentation fault"),
    # dbus-daemon
    "unix:path=/var/lib/fargo/sip/001/bus,guid=b93f0226131837e8c6f1c0016b0ca768": (
        Level.DEBUG,
        "unix:path=/var/lib/fargo/sip/001/bus,guid=b93f0226131837e8c6f1c0016b0ca768",
    ),
    "dbus-daemon[26400]: [session uid=0 pid=26400] org.freedesktop.DBus.Error.AccessDenied: Failed to set fd limit to "
    "65536: Operation not permitted": (
        Level.DEBUG,
        "org.freedesktop.DBus.Error.AccessDenied: Failed to set fd limit to 65536: Operation not permitted",
    ),
    "dbus-daemon[4711]: Cannot setup inotify: No space left on device": (
        Level.WARNING,
        "Cannot setup inotify: No space left on device",
    ),
    # telepathy-rakia, by GLib
    "** (telepathy-rakia:4711): WARNING **: 12:00:00.123: no such account": (Level.WARNING, "no such account"),
    "(telepathy-rakia:4711): GLib-GObject-CRITICAL **: 12:00:00.123: g_object_unref: assertion failed": (
        Level.CRITICAL,
        "GLib-GObject: g_object_unref: assertion failed",
    ),
    "(process:4711): rakia-DEBUG: 12:00:00.123: error path taken": (Level.DEBUG, "rakia: error path taken"),
}


@pytest.mark.parametrize("line", LINES)
def test_a_line_has_its_level_and_its_text(line: str) -> None:
    assert tuple(read(line)) == LINES[line]
