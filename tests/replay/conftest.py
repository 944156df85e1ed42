"""A small log, folded by the real state machine: alice registers, and her client calls bob over PCMU."""

from collections import Counter
from pathlib import Path

import pytest

from fargo.statemachine.machine import fold, new
from fargo.statemachine.media.description import Candidate, Codec, Content, Description, RawUdp
from fargo.statemachine.model.call1 import CallStateChanged, ChannelClosed
from fargo.statemachine.model.events import (
    Event,
    FeaturesLearned,
    Recorded,
    RegistrationAsked,
    RegistrationSubmitted,
    ResourceAvailable,
    SipAccount,
    SipSignedIn,
)
from fargo.statemachine.model.iq import Iq
from fargo.statemachine.model.jingle_events import SessionInitiated
from fargo.statemachine.user_state import User
from fargo.store.opening import open_store

GATEWAY = "sip.example.org"
ALICE, DAVE = "alice@example.org", "dave@example.org"
CLIENT = f"{ALICE}/laptop"
OFFER = Description(
    "audio", (Codec(0, "PCMU", 8000), Codec(8, "PCMA", 8000)), RawUdp((Candidate(1, "127.0.0.1", 5004),))
)
EVENTS: list[tuple[str, Event]] = [
    (ALICE, RegistrationSubmitted(Iq(CLIENT, GATEWAY, "r1"), SipAccount("alice@sip.example.net"), "kept", "nonce")),
    (DAVE, RegistrationAsked(Iq(f"{DAVE}/pda", GATEWAY, "q1"))),
    (ALICE, SipSignedIn("1.0")),
    (ALICE, ResourceAvailable(CLIENT, GATEWAY, "urn:example#1")),
    (ALICE, FeaturesLearned("3.0", CLIENT, ())),
    (
        ALICE,
        SessionInitiated(
            Iq(CLIENT, f"bob%example.net@{GATEWAY}", "c1"), "song", (Content("voice", description=OFFER),)
        ),
    ),
    (DAVE, RegistrationAsked(Iq(f"{DAVE}/pda", GATEWAY, "q2\x1b[2J"))),
    (ALICE, CallStateChanged("5.1", 6, 9, message="486 Busy\nHere")),
    (ALICE, ChannelClosed("5.1")),
]


def record(path: Path) -> None:
    """Fold the events as the engine would, half a second apart, and write them down."""
    users: dict[str, User] = {}
    versions: Counter[str] = Counter()
    log = open_store(path)
    for number, (jid, event) in enumerate(EVENTS):
        user = users.get(jid) or new(jid)
        versions[jid] += 1
        recorded = Recorded(jid, versions[jid], 1_750_000_000 + number / 2, event)
        users[jid], issued, call = fold(user, recorded)
        log.append([(recorded.folded(call), issued)])
    log.close()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "fargo.db"
    record(path)
    return path
