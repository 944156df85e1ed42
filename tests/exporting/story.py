"""A log with names of all kinds, for exports."""

from pathlib import Path

from click.testing import CliRunner, Result

from fargo.calls import CallName
from fargo.cli import main
from fargo.statemachine.media.description import (
    Candidate,
    Codec,
    Content,
    Description,
    Fingerprint,
    IceUdp,
    Parameter,
    RawUdp,
    Source,
)
from fargo.statemachine.model.call1 import CallArrived, CallStateChanged
from fargo.statemachine.model.call_records import RecordBegun
from fargo.statemachine.model.events import (
    Event,
    FeaturesLearned,
    IqFailed,
    IqMalformed,
    IqSucceeded,
    Recorded,
    RegistrationAsked,
    RegistrationSubmitted,
    ResourceAvailable,
    SipAccount,
    SipSignedIn,
    SipSignedOut,
    SipTrouble,
    SubscriptionAction,
    SubscriptionChanged,
)
from fargo.statemachine.model.iq import Iq
from fargo.statemachine.model.jingle_events import SessionInitiated, SessionTerminated, TransportInformed
from fargo.store.entries import Entry
from replay.reading import golden
from replay.reading.steps import refolded

SESSIONS = sorted((Path(__file__).parents[2] / "replay/sessions").glob("*.jsonl"))
BAD_JID = next(path for path in SESSIONS if "a-jid-that-is-no-sip-address" in path.name)
TWO_CALLS = Path(__file__).parents[2] / "replay/sessions/calls-several-calls-at-once.jsonl"
USER, GATEWAY = "karla.moll@quokka.net", "sip.wombat.net"
CLIENT = f"{USER}/Gajim.K7Q2X9"
CALLABLE = ("1", "apps:rtp:1", "apps:rtp:audio", "transports:raw-udp:1")
ICE = IceUdp(
    "Uf7rag", "Pw9dSecretXY", (Candidate(1, "192.168.77.5", 5004, "cand17x", foundation="31337"),),
    Fingerprint("sha-256", "actpass", "7C:4E:B9:01:B9:5C:A0:D9:D3:D8"),
)  # fmt: skip
PLAIN = Description(
    "audio", (Codec(0, "PCMU", 8000), Codec(98, "Zorkcodec", 8000)), RawUdp((Candidate(1, "192.168.77.5", 5004),))
)
OFFER = Description(
    "audio", (Codec(111, "opus", 48000, 2),), ICE, ssrc="4614800201",
    sources=(Source("4614800201", (Parameter("cname", "rQo0ENuFM"),)),),
)  # fmt: skip
HOSTILE = "Call Karla at +49 30 98765432 or jörg@emu.net, sip:zoe%40yak.org@10.77.1.2; PIN 48151"
EVENTS: tuple[Event, ...] = (
    RegistrationSubmitted(
        Iq(CLIENT, GATEWAY, "reg-5591"),
        SipAccount("sip:Karla.Moll@sip.numbat.net:5070", "k.moll-auth", "proxy.numbat.net"),
        "vaultname99", "NoNcE5x9",
    ),
    SipSignedIn("1.0"),
    ResourceAvailable(CLIENT, GATEWAY, "https://gajim.quoll.org#QgayPKawpkPSDYmwT/WM94uAlu0="),
    FeaturesLearned("3.0", CLIENT, (*(f"urn:xmpp:jingle:{each}" for each in CALLABLE), "eu.siacs.dingo+notify")),
    SubscriptionChanged(rf"zoe\20dunn\40yak.org@{GATEWAY}", SubscriptionAction.SUBSCRIBE),
    SessionInitiated(
        Iq(CLIENT, rf"zoe\20dunn\40yak.org@{GATEWAY}/x", "iq-8841"), "sid-Zk81", (Content("v", description=PLAIN),)
    ),
    CallStateChanged("6.1", 6, 8, message="486 Zoe Dunn (10.77.1.2) is with jörg@emu.net"),
    SessionInitiated(
        Iq(CLIENT, f"+493098765432@{GATEWAY}/x", "iq-8842"), "sid-Zk82", (Content("v", description=OFFER),)
    ),
    CallArrived(
        "1.0/1", "1.0",
        "sip:j%C3%B6rg@emu.net:5062;fg-to=karla;fg-name=J%C3%B6rg%20Emuson;fg-pai=%22Emuson%22%20%3Csip%3A%2B493098765432%40emu.net%3E;fg-cid=cid771%4010.77.1.2",
        PLAIN.codecs, (Candidate(1, "10.77.1.2", 7078),), 3,
    ),
    IqSucceeded("9.0", CLIENT),
    TransportInformed(
        Iq(CLIENT, f"jörg%emu.net@{GATEWAY}/fargo", "iq-8843"), "NoNcE5x99",
        (Content("v", transport=ICE),),
    ),
    SessionTerminated(Iq(CLIENT, rf"jörg%emu.net\3a5062@{GATEWAY}/fargo", "iq-8844"), "NoNcE5x99", "decline", HOSTILE),
    IqFailed("12.2", CLIENT, "item-not-found", HOSTILE, "unknown-session"),
    IqMalformed(Iq(CLIENT, GATEWAY, "iq-8845"), f"“{HOSTILE}” is not a number."),
    RegistrationAsked(Iq(CLIENT, GATEWAY, "iq-8846")),
    SipSignedOut("1.0", SipTrouble.CREDENTIALS, HOSTILE),
)  # fmt: skip
NAMES = (
    *("karla", "moll", "quokka", "wombat", "gajim", "k7q2x9", "numbat", "vaultname99", "nonce5x9", "quoll"),
    *(
        "qgaypkawpkpsdymwt",
        "wm94ualu0",
        "siacs",
        "dingo",
        "zoe",
        "dunn",
        "yak.org",
        "zk81",
        "zk82",
        "jörg",
        "j%c3%b6rg",
    ),
    *("emu.net", "emuson", "493098765432", "98765432", "48151", "771", "10.77.1.2", "192.168.77.5", "uf7rag"),
    *("pw9dsecretxy", "cand17x", "31337", "7c:4e:b9", "4614800201", "rqo0enufm", "zorkcodec", "5591", "8841"),
)


def fargo(*args: str | Path) -> Result:
    return CliRunner().invoke(main, ["replay", *map(str, args)])


def recorded(*events: Event) -> tuple[Entry, ...]:
    told = enumerate(events, 1)
    return tuple(refolded(Recorded(USER, version, 1_750_000_000 + version, event) for version, event in told))


def streams(path: Path) -> list[tuple[Entry, ...]]:
    """The entries of a golden log, by user."""
    entries = tuple(golden.read(path))
    users = dict.fromkeys(recorded.user for recorded, _ in entries)
    return [tuple(entry for entry in entries if entry[0].user == user) for user in users]


def calls(entries: tuple[Entry, ...]) -> list[CallName]:
    commands = [(recorded.user, each.command) for recorded, issued in entries for each in issued]
    return [CallName(user, command.call) for user, command in commands if isinstance(command, RecordBegun)]
