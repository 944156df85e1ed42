"""Telepathy's D-Bus values <-> ours. Pure functions; the names and signatures are the Telepathy specification's.

1. Whatever comes from the bus becomes a plain str, int or value of the core: a D-Bus type goes no further than this
   file.
2. What we hand over is written into SDP as it stands. So what would break a line, or what rakia cannot write, is left
   out and told to the caller, who logs it.
3. `ptime` and `maxptime` come as parameters of each codec, but are a=ptime and a=maxptime (RFC 4566 §6), not fmtp: in,
   they become the codec's own fields; out, rakia has no way to write them.
"""

import ipaddress
import unicodedata
from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple

import dbus

from fargo.adapters.telepathy.bus import BusError, Signal
from fargo.statemachine.address import SipUri
from fargo.statemachine.media.description import Candidate, Codec, Parameter, kind
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
"""The signals that mean something to us, as (interface, member)."""

CONNECTED: Final = 0
DISCONNECTED: Final = 2
"""Connection_Status."""

REJECTION: Final = (dbus.UInt32(0), dbus.UInt32(12), f"{ERROR}.Media.CodecsIncompatible", "")
"""The argument of MediaDescription.Reject ((uuss))."""

_CONTACT: Final = 1  # Handle_Type
_EVENTS: Final = "telephone-event"  # RFC 4733: its fmtp is a bare list, which Telepathy calls "events"
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
    uri: SipUri, auth_user: str, password: str, route: Mapping[str, str | int | bool]
) -> dict[str, Any]:
    """The parameters of RequestConnection (a{sv}). rakia speaks to the SIP edge only and must guess no address."""
    wanted = {
        "account": str(uri),
        "password": password,
        "auth-user": auth_user,
        "discover-binding": False,
        "discover-stun": False,
        "keepalive-mechanism": "off",
        "local-ip-address": "127.0.0.1",
        **route,
    }
    return {name: dbus.UInt16(value) if type(value) is int else value for name, value in wanted.items() if value != ""}


def trouble(reason: int) -> SipTrouble:
    """What the Connection_Status_Reason of a lost connection means; all that is unnamed is the network's fault."""
    return _TROUBLE.get(reason, SipTrouble.NETWORK)


def request_trouble(error: BusError) -> SipTrouble:
    """What it means that RequestConnection or Connect was refused."""
    return _REQUEST_TROUBLE.get(error.name, SipTrouble.NETWORK)


# --- media, inward


def codecs(structs: Iterable[Any]) -> tuple[Codec, ...]:
    """a(usuuba{ss}) -> codecs."""
    return tuple(_codec(*struct) for struct in structs)


def _codec(pt: int, name: str, clockrate: int, channels: int, _updated: bool, told: Mapping[str, str]) -> Codec:
    ptime, maxptime = (_milliseconds(str(told.get(each, ""))) for each in _FROM_SDP)
    parameters = tuple(Parameter(str(key), str(value)) for key, value in told.items() if key not in _FROM_SDP)
    return Codec(int(pt), str(name), int(clockrate), int(channels) or 1, ptime, maxptime, parameters)


def _milliseconds(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 6 else 0


def candidates(structs: Iterable[Any]) -> tuple[Candidate, ...]:
    """a(usua{sv}) -> candidates."""
    return tuple(Candidate(int(component), str(ip), int(port)) for component, ip, port, _ in structs)


# --- media, outward


class Written(NamedTuple):
    """Structs for the bus, and what had to be left out, as sentences."""

    structs: list[Any]
    omitted: list[str]


def codec_structs(wanted: Iterable[Codec]) -> Written:
    """Codecs -> a(usuuba{ss})."""
    written = Written([], [])
    for codec in wanted:
        name, clockrate, channels = _encoding(codec)
        if not name or not clockrate or not is_one_line(name):
            written.omitted.append(f"payload type {codec.id}, which has no proper name")
            continue
        told = {}
        for parameter in codec.parameters:
            key = "events" if name == _EVENTS and not parameter.name else parameter.name
            if not key or not is_one_line(key) or not is_one_line(parameter.value):
                written.omitted.append(f"a malformed parameter of payload type {codec.id}")
            elif key not in _FROM_SDP:
                told[key] = parameter.value
        written.structs.append((codec.id, name, clockrate, channels, False, dbus.Dictionary(told, signature="ss")))
    return written


def _encoding(codec: Codec) -> tuple[str, int, int]:
    # rakia writes an rtpmap for every codec, so a static payload type needs the name it may do without in Jingle.
    name, clockrate, channels = kind(codec)
    if name == _EVENTS:
        return name, clockrate, channels  # rakia knows it in lower case only
    return codec.name or name.upper(), clockrate, channels


def is_one_line(text: str) -> bool:
    """Whether the text stays on its line where it is written: rakia checks nothing that it puts into SIP or SDP."""
    return not any(unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp") for c in text)


def candidate_structs(wanted: Iterable[Candidate]) -> list[Any]:
    """Candidates -> a(usua{sv}), without those that cannot be written into SDP. [] if none of them is for RTP.

    rakia aborts if it is given addresses for RTCP alone.
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


def call_request(target: str) -> dict[str, Any]:
    """The argument of CreateChannel (a{sv}) for an audio call."""
    return {
        f"{CHANNEL}.ChannelType": CALL,
        f"{CHANNEL}.TargetHandleType": dbus.UInt32(_CONTACT),
        f"{CHANNEL}.TargetID": target,
        f"{CALL}.InitialAudio": True,
    }


def is_target(text: str) -> bool:
    """Whether the text can stand as the URI of a SIP request and be nothing but that."""
    return text.startswith("sip:") and text.isascii() and text.isprintable() and not set(text) & set(' <>"')


def is_incoming_call(properties: Mapping[str, Any]) -> bool:
    """Whether the channel of these properties is a call that somebody makes to us."""
    return properties[f"{CHANNEL}.ChannelType"] == CALL and not properties[f"{CHANNEL}.Requested"]


def target(properties: Mapping[str, Any]) -> tuple[int, str]:
    """Who is at the far end of the channel with these properties: handle, SIP URI."""
    return int(properties[f"{CHANNEL}.TargetHandle"]), str(properties[f"{CHANNEL}.TargetID"])


def description(structs: Any, contact: int) -> dict[str, Any]:
    """The argument of MediaDescription.Accept (a{sv})."""
    return {
        f"{DESCRIPTION}.Codecs": dbus.Array(structs, signature="(usuuba{ss})"),
        f"{DESCRIPTION}.RemoteContact": dbus.UInt32(contact),
    }


def offered(properties: Mapping[str, Any]) -> tuple[Codec, ...]:
    """The codecs of a media description's properties."""
    return codecs(properties[f"{DESCRIPTION}.Codecs"])


def call_event(channel: str, contact: int, signal: Signal) -> Call1Event | None:
    """What a signal of a channel, or of an object below it, tells; None if nothing about this contact."""
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
