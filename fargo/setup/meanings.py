"""The meaning of each option whose description in the schema says only which values are valid.

A meaning is a sentence without its full stop, before the sentence about the values: "The port for TLS. A port number …"
Both are in the configuration that `fargo init` writes, in the manual page and on the page of all options.
"""

from collections.abc import Mapping
from typing import Final

MEANINGS: Final[Mapping[str, Mapping[str, str]]] = {
    "xmpp": {
        "port": "the XMPP server's port for components",
        "allowed_users": "further users who may use the gateway",
        "denied_users": "users who may not use the gateway, whatever their domain is",
        "admins": "users who may ask the gateway about all users, announce something, and remove users",
        "registration": "whether all who may use the gateway can register a SIP account, or only allowed_users",
    },
    "sip": {
        "engine": "the SIP user agent, Fargo's own or telepathy-rakia",
        "port": "the port on these addresses, for UDP and TCP",
        "tls_port": "the port on these addresses for TLS",
        "tls_certificate": "this machine's certificate, which only providers that open TLS connections to it need",
        "inside_port": "the UDP port on 127.0.70.1 at which the SIP edge serves the gateway",
        "gateway_port": "the UDP port on 127.0.70.1 at which the gateway serves the SIP edge",
        "hep": "where a copy of each SIP message is sent",
        "ring_seconds": "how long a call may ring",
        "stay_signed_in": "whether accounts stay signed in while no client of the user is online",
        "emergency_numbers": "the numbers to which no limit on a user's calls applies",
        "emergency": "what happens if somebody dials one of emergency_numbers",
        "foreign": "where calls go to another SIP domain than that of the user's account: through the provider, "
        "directly to that domain, or nowhere",
        "country": "where users dial numbers without a country code",
        "dial_rules": "what becomes of numbers that users call and are called by, in the language of sed",
        "accept_from": "who may call beside the provider of each account",
        "stranger_rate": "how many SIP requests an address may send in a second that is no provider's. Of all such "
        "addresses together, twice as many are looked at",
        "provider_rate": "how many SIP requests the address of a provider may send in a second. A call takes three",
        "providers": "the only providers of which users may register accounts, if there is such a list",
        "allowed_numbers": "which numbers may be called: all that are not refused, if this list is empty",
        "refused_numbers": "which numbers may not be called",
    },
    "media": {
        "path": "whether audio goes directly between client and phone if they can, always directly, or always through "
        "the relay",
        "relay": "the media relay, without which calls that need one are refused",
        "early": "what callers hear of a phone that has not answered: only ringing, announcements as well, or all of "
        "it. By default announcements as well, if there is a relay",
        "video": 'whether calls may have video, which goes through the relay. Only the engine "sip" has it',
        "end_to_end": "which phones are offered audio that is encrypted from client to phone: those known to take it, "
        "all that have not refused it, or none",
        "private": "whether audio may go to private networks",
        "allow": "where audio may go although rules are against it",
        "deny": "where audio must not go",
        "learn": "clients and phones that send audio from another address or port than they name",
    },
    "state": {"directory": "where the gateway keeps log, passwords and keys, which only its user can read"},
    "log": {
        "store": "the database for log and passwords, if they are not in files in the state directory",
        "reserve_mb": "the room on the disk that is kept for calls in progress",
        "level": "the least important lines that the gateway puts out",
    },
    "limits": {
        "stanzas_a_second": "stanzas of a user in a second",
        "calls": "calls of a user at a time",
        "calls_an_hour": "calls that a user may make in an hour",
        "subscriptions_an_hour": "contacts that a user may add in an hour",
        "texts_a_minute": "text messages that a user may write, and get, in a minute",
        "failed_registrations_an_hour": "registrations of a user that may fail in an hour",
        "failed_registrations_of_provider": "registrations of all users that may fail at one provider in an hour",
        "log_mb_a_day": "by how much a user may make the log grow in a day",
        "domain_times": "how many times as much all users of a domain may do",
        "total_times": "how many times as much all users may do",
    },
    "metrics": {"address": "where the metrics are served, if they are to be"},
    "programs": {
        "rakia": 'the SIP user agent of the engine "telepathy"',
        "kamailio": "the SIP edge",
        "dbus_daemon": 'the message bus of the engine "telepathy"',
    },
}
"""By section and name."""
