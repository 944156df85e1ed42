"""Translate D-Bus values of the Telepathy specification to values of the core and back. All functions are pure.

1. Values from the bus become plain str, int or values of the core. No D-Bus type leaves this module.
2. rakia writes the values that it is given into SDP unchanged. Text that would break a line, or that rakia cannot
   write, is left out and reported to the caller, who logs it.
3. rakia reports a=ptime and a=maxptime (RFC 4566 §6) as parameters of each codec, as if they were in its fmtp. They
   become fields of the codec. In the other direction they are left out, because rakia cannot write them.
"""

import ipaddress
import unicodedata
from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple

import dbus

from fargo.adapters.telepathy import texts
from fargo.adapters.telepathy.bus import BusError, Signal
from fargo.statemachine.address import SipUri, uri_parameters
from fargo.statemachine.media.codecs import kind
from fargo.statemachine.media.description import Candidate, Codec, Parameter
from fargo.statemachine.model.call1 import (
    Call1Event,
    CallMembersChanged,
    CallStateChanged,
    CandidatesReceived,
    ChannelClosed,
    DescriptionReceived,
    HoldStateChanged,
    ReceivingStateChanged,
    SendingStateChanged,
)
from fargo.statemachine.model.events import SipTrouble

TELEPATHY: Final = "org.freedesktop.Telepathy"
ERROR: Final = f"{TELEPATHY}.Error"
MANAGER_INTERFACE: Final = f"{TELEPATHY}.ConnectionManager"
CONNECTION: Final = f"{TELEPATHY}.Connection"
REQUESTS: Final = f"{CONNECTION}.Interface.Requests"
CHANNEL: Final = f"{TELEPATHY}.Channel"
CALL: Final = f"{CHANNEL}.Type.Call1"
HOLD: Final = f"{CHANNEL}.Interface.Hold"
CONTENT: Final = f"{TELEPATHY}.Call1.Content.Interface.Media"
DESCRIPTION: Final = f"{TELEPATHY}.Call1.Content.MediaDescription"
STREAM: Final = f"{TELEPATHY}.Call1.Stream.Interface.Media"
ENDPOINT: Final = f"{TELEPATHY}.Call1.Stream.Endpoint"

SIGNALS: Final = (
    (CONNECTION, "StatusChanged"),
    (REQUESTS, "NewChannels"),
    (CHANNEL, "Closed"),
    (CALL, "CallStateChanged"),
    (CALL, "CallMembersChanged"),
    (HOLD, "HoldStateChanged"),
    (CONTENT, "NewMediaDescriptionOffer"),
    (STREAM, "SendingStateChanged"),
    (STREAM, "ReceivingStateChanged"),
    (ENDPOINT, "RemoteCandidatesAdded"),
)
"""The signals that the gateway handles, as (interface, member)."""

CONNECTED: Final = 0
DISCONNECTED: Final = 2
"""Values of Connection_Status."""

_CONTACT: Final = 1  # Handle_Type
_EVENTS: Final = "telephone-event"  # RFC 4733: its fmtp is a list without a name; Telepathy names it "events"
_FROM_SDP: Final = ("ptime", "maxptime")

# Connection_Status_Reason
_TROUBLE: Final = {1: SipTrouble.ASKED, 3: SipTrouble.CREDENTIALS, 5: SipTrouble.IN_USE}
_REQUEST_TROUBLE: Final = {
    f"{ERROR}.InvalidArgument": SipTrouble.INVALID,
    f"{ERROR}.InvalidHandle": SipTrouble.INVALID,
    f"{ERROR}.NotAvailable": SipTrouble.IN_USE,
}


# --- accounts


def account_parameters(
    uri: SipUri, auth_user: str | None, password: str, route: Mapping[str, str | int | bool]
) -> dict[str, Any]:
    """Return the parameters of RequestConnection (a{sv}).

    Without a user name for authentication, rakia would take that of the URI with its escapes, such as ``%23`` for #.
    rakia communicates with the SIP edge only, so it must not discover its own address. It answers a challenge with the
    extra credentials if its realm is not that of the registrar: the provider's proxies may have another (RFC 3261
    §22.3). The edge sees to it that nobody else challenges it.
    """
    wanted = {
        "account": str(uri),
        "password": password,
        "auth-user": auth_user or uri.user,
        "extra-auth-user": auth_user or uri.user,
        "extra-auth-password": password,
        "discover-binding": False,
        "discover-stun": False,
        "keepalive-mechanism": "off",
        "local-ip-address": "127.0.0.1",
        **route,
    }
    return {
        name: dbus.UInt16(value) if type(value) is int else value for name, value in wanted.items() if value is not None
    }


def trouble(reason: int) -> SipTrouble:
    """Return the meaning of the Connection_Status_Reason of a lost connection; NETWORK for those not listed."""
    return _TROUBLE.get(reason, SipTrouble.NETWORK)


def request_trouble(error: BusError) -> SipTrouble:
    """Return the meaning of an error of RequestConnection or Connect; NETWORK for those not listed."""
    return _REQUEST_TROUBLE.get(error.name, SipTrouble.NETWORK)


# --- media, from the bus


def codecs(structs: Iterable[Any]) -> tuple[Codec, ...]:
    """Return the codecs for a(usuuba{ss})."""
    return tuple(_codec(*struct) for struct in structs)


def _codec(pt: int, name: str, clockrate: int, channels: int, _updated: bool, told: Mapping[str, str]) -> Codec:
    ptime, maxptime = (_milliseconds(str(told.get(each, ""))) for each in _FROM_SDP)
    parameters = tuple(Parameter(str(key), str(value)) for key, value in told.items() if key not in _FROM_SDP)
    return Codec(int(pt), str(name), int(clockrate), int(channels) or 1, ptime, maxptime, parameters)


def _milliseconds(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 6 else 0


def candidates(structs: Iterable[Any]) -> tuple[Candidate, ...]:
    """Return the candidates for a(usua{sv})."""
    return tuple(Candidate(int(component), str(ip), int(port)) for component, ip, port, _ in structs)


# --- media, to the bus


class Written(NamedTuple):
    """Structs for the bus, and descriptions of what was left out."""

    structs: list[Any]
    omitted: list[str]


def codec_structs(wanted: Iterable[Codec]) -> Written:
    """Return a(usuuba{ss}) for codecs."""
    written = Written([], [])
    for codec in wanted:
        name, clockrate, channels = _encoding(codec)
        if not name or not clockrate or not is_one_line(name):
            written.omitted.append(texts.UNNAMED_CODEC.format(id=codec.id))
            continue
        told = {}
        for parameter in codec.parameters:
            key = "events" if name == _EVENTS and not parameter.name else parameter.name
            if not key or not is_one_line(key) or not is_one_line(parameter.value):
                written.omitted.append(texts.BAD_PARAMETER.format(id=codec.id))
            elif key not in _FROM_SDP:
                told[key] = parameter.value
        written.structs.append((codec.id, name, clockrate, channels, False, dbus.Dictionary(told, signature="ss")))
    return written


def _encoding(codec: Codec) -> tuple[str, int, int]:
    # rakia writes an rtpmap for every codec, so a static payload type needs its name, which Jingle may omit.
    name, clockrate, channels = kind(codec)
    if name == _EVENTS:
        return name, clockrate, channels  # rakia recognises it in lower case only
    return codec.name or name.upper(), clockrate, channels


def is_one_line(text: str) -> bool:
    """Return True if the text has no line break or control character: rakia writes it into SIP or SDP unchecked."""
    return not any(unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp") for c in text)


def candidate_structs(wanted: Iterable[Candidate]) -> list[Any]:
    """Return a(usua{sv}) for the candidates that SDP can express, [] if none of these is for RTP.

    rakia aborts if all its addresses are for RTCP.
    """
    usable = [each for each in wanted if each.component in (1, 2) and 0 < each.port < 65536 and _is_ip(each.ip)]
    if not any(each.component == 1 for each in usable):
        return []
    return [(each.component, each.ip, each.port, dbus.Dictionary({}, signature="sv")) for each in usable]


def _is_ip(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return "%" not in text


# --- calls


def call_request(target: str, call: str) -> dict[str, Any]:
    """Return the argument of CreateChannel (a{sv}) for an audio call. The edge removes its name from the target."""
    return {
        f"{CHANNEL}.ChannelType": CALL,
        f"{CHANNEL}.TargetHandleType": dbus.UInt32(_CONTACT),
        f"{CHANNEL}.TargetID": f"{target};fg-call={call}",
        f"{CALL}.InitialAudio": True,
    }


def call_name(caller: str) -> str:
    """Return the name that the edge has given the call of a caller, "" if it has given none."""
    return uri_parameters(caller).get("fg-call", "")


def is_target(text: str) -> bool:
    """Return True if the text is a sip: URI without characters that would end it in a SIP request."""
    return text.startswith("sip:") and text.isascii() and text.isprintable() and not set(text) & set(' <>"')


def is_incoming_call(properties: Mapping[str, Any]) -> bool:
    """Return True if the channel with these properties is an incoming call."""
    return properties[f"{CHANNEL}.ChannelType"] == CALL and not properties[f"{CHANNEL}.Requested"]


def target(properties: Mapping[str, Any]) -> tuple[int, str]:
    """Return the handle and the SIP URI of the remote party of the channel with these properties."""
    return int(properties[f"{CHANNEL}.TargetHandle"]), str(properties[f"{CHANNEL}.TargetID"])


def has_call_id(caller: str) -> bool:
    """Return True if the URI of a caller contains the SIP Call-ID, which the edge puts into it."""
    return "fg-cid" in uri_parameters(caller)


def description(structs: Any, contact: int) -> dict[str, Any]:
    """Return the argument of MediaDescription.Accept (a{sv})."""
    return {
        f"{DESCRIPTION}.Codecs": dbus.Array(structs, signature="(usuuba{ss})"),
        f"{DESCRIPTION}.RemoteContact": dbus.UInt32(contact),
    }


def offered(properties: Mapping[str, Any]) -> tuple[Codec, ...]:
    """Return the codecs in the properties of a media description."""
    return codecs(properties[f"{DESCRIPTION}.Codecs"])


def call_event(channel: str, contact: int, signal: Signal) -> Call1Event | None:
    """Return the event for a signal of a channel or an object below it, None if it does not concern this contact."""
    arguments = signal.arguments
    match signal.member:
        case "Closed":
            return ChannelClosed(channel)
        case "CallStateChanged":
            _, reason, error, message = arguments[2]
            return CallStateChanged(channel, int(arguments[0]), int(reason), str(error), str(message))
        case "CallMembersChanged":
            flags = arguments[0].get(contact)
            return None if flags is None else CallMembersChanged(channel, int(flags))
        case "RemoteCandidatesAdded":
            return CandidatesReceived(channel, candidates(arguments[0]))
        case "NewMediaDescriptionOffer":
            return DescriptionReceived(channel, offered(arguments[1]))
        case "SendingStateChanged":
            return SendingStateChanged(channel, int(arguments[0]))
        case "ReceivingStateChanged":
            return ReceivingStateChanged(channel, int(arguments[0]))
        case "HoldStateChanged":
            return HoldStateChanged(channel, int(arguments[0]))
    return None
