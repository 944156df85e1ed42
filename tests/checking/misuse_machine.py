"""Faults of this machine, and what `fargo run` refuses because of it."""

import socket
from typing import Final

from checking import situations as s
from checking.row import RUN, Row

ROWS: Final = (
    Row(
        "an address of another machine",
        s.file(sip={"address": "192.0.2.10"}),
        "Error: {file}: sip.address: 192.0.2.10 is not an address of this machine. Run “ip address” to list its "
        "addresses.",
    ),
    Row(
        "a missing program",
        s.file(programs={"kamailio": "/usr/local/sbin/kamailio"}),
        "Error: {file}: programs.kamailio: /usr/local/sbin/kamailio is not an executable file. Install the program "
        "or correct the path.",
    ),
    Row(
        "another program",
        s.kamailio("echo Hello"),
        "Error: {file}: programs.kamailio: {directory}/kamailio does not run, or is another program: "
        "“{directory}/kamailio -v” tells no version. Correct the path.",
    ),
    Row(
        "a program that fails",
        s.kamailio("echo kamailio: error while loading shared libraries >&2; exit 127"),
        "Error: {file}: programs.kamailio: {directory}/kamailio does not run, or is another program: "
        "“{directory}/kamailio -v” tells no version. Correct the path.",
    ),
    Row(
        "a kamailio without TLS",
        s.kamailio(s.NO_MODULE),
        "Error: {file}: programs.kamailio: kamailio lacks its module tls. Install its modules (apt-get install "
        "kamailio kamailio-tls-modules).",
    ),
    Row(
        "another kamailio",
        s.kamailio(s.OTHER_SYNTAX),
        "Error: {file}: programs.kamailio: kamailio does not take the configuration of the SIP edge: parse error in "
        "config file x, line 7. Install kamailio 5.6 or later, with its modules.",
    ),
    Row(
        "a file as state directory",
        s.state_is_a_file,
        "Error: {file}: state.directory: {directory}/state is not a directory. Choose another path.",
    ),
    Row(
        "a state directory that cannot be written",
        s.read_only,
        "Error: {file}: state.directory: Fargo runs as user {uid}, which has no permission to write to {directory}.",
        RUN,
    ),
    Row(
        "a state directory that cannot be entered",
        s.closed,
        "Error: {file}: state.directory: Fargo runs as user {uid}, which has no permission to write to "
        "{directory}/state.",
    ),
    Row(
        "a state directory for all to enter",
        s.state(0o755),
        "Error: {file}: state.directory: Other users can read or change what is in {directory}/state. Run “chmod 700 "
        "{directory}/state”.",
        RUN,
    ),
    Row(
        "a state directory of another user",
        s.state_of_another,
        "Error: {file}: state.directory: {directory}/state belongs to user 4321, who can change it. Fargo runs as "
        "user {uid}: correct the owner, or run Fargo as user 4321.",
        RUN,
    ),
    Row(
        "a state directory with a long name",
        s.state_name("x" * 256),
        "Error: {file}:15: state.directory: The path is too long: it may have 4000 bytes, and each name in it 255. "
        "Choose another.",
        RUN,
    ),
    Row(
        "a state directory in no home",
        s.file(state={"directory": "~nouser/fargo"}),
        "Error: {file}:15: state.directory: ~nouser/fargo is in the home of a user who does not exist. Choose another "
        "path.",
    ),
    Row(
        "a state directory too long for a socket",
        s.state_name("x" * 91, engine="telepathy"),
        "Error: {file}: state.directory: "
        "/tmp/xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx is too "
        "long for the sockets of the engine “telepathy”: it has 96 bytes, and may have 95. Choose a shorter path.",
    ),
    Row(
        "a state directory with characters",
        s.state_name("Fargo, new", engine="telepathy"),
        "Error: {file}: state.directory: The engine “telepathy” cannot use a path with these characters: “ ” “,”. "
        "Choose one of letters, digits, and the characters - _ . / only, instead of /tmp/Fargo, new.",
    ),
    Row(
        "a state directory with a line feed",
        s.state_name("far\ngo"),
        "Error: {file}:15: state.directory: '/tmp/far\\ngo' has characters that cannot be shown. Choose another path.",
    ),
    Row(
        "a full disk",
        s.full_disk,
        "Error: {file}: state.directory: The disk of {directory}/state has 5 MB left, and the gateway takes no new "
        "calls below 64. Make room, or change log.reserve_mb.",
    ),
    Row(
        "no log",
        s.no_log,
        "Error: {file}: state.directory: {directory}/state/fargo.db cannot be used as a log: file is not a database.",
        RUN,
    ),
    Row(
        "a newer log",
        s.newer_log,
        "Error: {file}: state.directory: {directory}/state/fargo.db was written by a newer Fargo (later); use that "
        "version to read it.",
        RUN,
    ),
    Row(
        "an empty key",
        s.empty_key,
        "Error: {file}: state.directory: {directory}/state/edge.key has no key of the SIP edge, or cannot be read. "
        "Restore it from a backup, or delete it: then calls in arrive only after the next refresh of each "
        "registration.",
        RUN,
    ),
    Row(
        "a lost log",
        s.log_lost,
        "Error: {file}: state.directory: {directory}/state/vault.db has passwords, but their log "
        "{directory}/state/fargo.db is missing. Restore the log that belongs to them, or run “fargo accept-log” to "
        "go on without it: users whom the log does not know must register again, and their passwords are erased "
        "after 30 days.",
    ),
    Row(
        "a clock behind the log",
        s.clock_behind_the_log,
        "Warning: The clock of this machine says 2093-08-01 21:20 UTC, but the last event in the log is of "
        "2096-10-02 07:06 UTC. Set it (timedatectl set-ntp true).",
    ),
    Row(
        "a clock in 1970",
        s.clock(60.0),
        "Error: {file}: The clock of this machine is wrong: it says 1970-01-01 00:01 UTC, but this Fargo is of "
        "{made} UTC. Set it (timedatectl set-ntp true).",
    ),
    Row(
        "a key for all to read",
        s.tls(mode=0o644),
        "Error: {file}: sip.tls_key: {directory}/key.pem contains a secret, and other users can read or change it. "
        "Run “chmod 600 {directory}/key.pem”.",
        RUN,
    ),
    Row(
        "a missing certificate",
        s.tls_missing,
        "Error: {file}: sip.tls_certificate: Fargo runs as user {uid}, which cannot read {directory}/cert.pem. "
        "Correct the path or its permissions.",
        RUN,
    ),
    Row(
        "certificate and key swapped",
        s.tls_swapped,
        "Error: {file}: sip.tls_certificate: {directory}/key.pem has no certificate in PEM. Give the file with the "
        "certificate and its chain.\n"
        "{file}: sip.tls_key: {directory}/cert.pem has no private key in PEM. Give the file with the key of the "
        "certificate.",
    ),
    Row(
        "a key of another certificate",
        s.tls_of_another,
        "Error: {file}: sip.tls_key: The key in {directory}/key.pem is not that of the certificate in "
        "{directory}/cert.pem. Give the files that belong together.",
        RUN,
    ),
    Row(
        "a key with a passphrase",
        s.tls(password=b"open sesame"),
        "Error: {file}: sip.tls_key: The key in {directory}/key.pem is encrypted. Give a file with the key without a "
        "passphrase.",
        RUN,
    ),
    Row(
        "a certificate that has ended",
        s.tls((-30, -1)),
        "Error: {file}: sip.tls_certificate: The certificate in {directory}/cert.pem was valid until {yesterday}. "
        "Renew it.",
    ),
    Row(
        "a certificate that ends soon",
        s.tls((-30, 3)),
        "Warning: sip.tls_certificate: The certificate in {directory}/cert.pem is valid until {soon} only. Renew it.",
    ),
    Row(
        "a certificate that begins later",
        s.tls((2, 30)),
        "Error: {file}: sip.tls_certificate: The certificate in {directory}/cert.pem is valid from {later} on only. "
        "Correct the clock, or the certificate.",
    ),
    Row(
        "a port that is taken",
        s.taken("port", socket.SOCK_DGRAM),
        "Error: {file}: sip.port: 127.0.0.2 port {port} is in use by another program. Stop that program, which "
        "“ss -tulpn” names, or choose another port.",
    ),
    Row(
        "a port for TLS that is taken",
        s.taken("tls_port", socket.SOCK_STREAM),
        "Error: {file}: sip.tls_port: 127.0.0.2 port {tls_port} is in use by another program. Stop that "
        "program, which “ss -tulpn” names, or choose another port.",
        RUN,
    ),
    Row(
        "a port inside that is taken",
        s.taken("inside_port", socket.SOCK_DGRAM),
        "Error: {file}: sip.inside_port: 127.0.70.1 port {inside_port} is in use by another program. Stop that "
        "program, which “ss -tulpn” names, or choose another port.",
        RUN,
    ),
    Row(
        "a port of root",
        s.reserved,
        "Error: {file}: sip.port: 127.0.0.2 port {port} is reserved for root. Choose a port above 1023 or give Fargo "
        "CAP_NET_BIND_SERVICE.",
    ),
    Row(
        "a second gateway",
        s.running,
        "Error: Fargo runs already with this directory (process {process}): {directory}/state.",
        RUN,
    ),
)
