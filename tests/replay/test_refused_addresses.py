"""The ladder names the addresses that audio must not go to."""

from fargo.statemachine.media.description import Candidate, Content, Description, RawUdp, RefusedAddress, Unreachable
from fargo.statemachine.model.iq import Iq
from fargo.statemachine.model.jingle_events import SessionInitiated
from replay.drawing.label import Label
from replay.drawing.refused_addresses import added

GOOD = Candidate(1, "8.8.8.8", 17000)
LOOPBACK = RefusedAddress(1, "127.0.0.1", 2223, Unreachable.LOOPBACK)
PORT = RefusedAddress(2, "8.8.8.8", 53, Unreachable.PORT)


def initiated(*refused: RefusedAddress) -> SessionInitiated:
    audio = Description("audio", (), RawUdp((GOOD,), refused))
    return SessionInitiated(Iq("a@b/c", "d@e", "1"), "s", (Content("voice", description=audio),))


def test_refused_addresses_are_told_with_the_reason() -> None:
    told = "no audio to 127.0.0.1:2223 (loopback), 8.8.8.8:53 (reserved port)"
    assert added(Label("session-initiate"), initiated(LOOPBACK, PORT)).details == told
    assert added(Label("INVITE", details="CSeq 1"), initiated(LOOPBACK, PORT)).details == f"CSeq 1, {told}"


def test_an_event_without_them_keeps_its_label() -> None:
    label = Label("session-initiate")
    assert added(label, initiated()) is label
