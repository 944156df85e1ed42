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
    " 0(12355) ERROR: <core> [core/udp_server.c:402]: udp_init(): bind(3, 0x7f758ca79fe8, 16) on 203.0.113.9: Cannot "
    "assign requested address": (
        Level.ERROR,
        "udp_init(): bind(3, 0x7f758ca79fe8, 16) on 203.0.113.9: Cannot assign requested address",
    ),
    " 0(12351) CRITICAL: <core> [core/cfg.y:3787]: yyerror_at(): parse error in config file k.cfg, line 3": (
        Level.CRITICAL,
        "yyerror_at(): parse error in config file k.cfg, line 3",
    ),
    "ERROR: bad config file (4 errors) (parsing code: 1)": (
        Level.ERROR,
        "bad config file (4 errors) (parsing code: 1)",
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
    'dbus[12345]: Failed to start message bus: Failed to open "/nonexistent": No such file or directory': (
        Level.WARNING,
        'Failed to start message bus: Failed to open "/nonexistent": No such file or directory',
    ),
    # telepathy-rakia, by GLib
    "(telepathy-rakia:12458): tp-glib/params-WARNING **: 23:39:35.024: tp_base_connection_manager_register: Couldn't "
    "claim bus name.": (Level.WARNING, "tp-glib/params: tp_base_connection_manager_register: Couldn't claim bus name."),
    "tp-glib-Message: 23:39:35.025: Got disconnected from the session bus": (
        Level.DEBUG,
        "tp-glib: Got disconnected from the session bus",
    ),
    "** (process:4711): CRITICAL **: 23:39:35.025: file.c: assertion failed": (
        Level.CRITICAL,
        "file.c: assertion failed",
    ),
}


@pytest.mark.parametrize("line", LINES)
def test_a_line_has_its_level_and_its_text(line: str) -> None:
    assert tuple(read(line)) == LINES[line]
