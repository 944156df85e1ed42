"""Requests to the edge: repeated, answered, acknowledged (RFC 3261 §17.1, RFC 6026)."""

import pytest
from twisted.internet.task import Clock

from fargo.adapters.sip import client_transactions
from fargo.adapters.sip.client_transactions import LONGEST, MOST_PROVISIONAL, PATIENCE, Arrival, ClientTransactions, Key

STEP = 0.125  # which a float has exactly
INVITE: Key = ("z9hG4bK-1", "INVITE")
BYE: Key = ("z9hG4bK-2", "BYE")


class Hop:
    """Client transactions, and what they send to the edge at which time."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.sent: list[bytes] = []
        self.times: list[float] = []
        self.silences = 0
        self.acknowledgements = 0
        self.clients = ClientTransactions(self._send, self.clock)

    def _send(self, data: bytes) -> None:
        self.sent.append(data)
        self.times.append(self.clock.seconds())

    def start(self, key: Key = INVITE, data: bytes = b"request") -> None:
        self.clients.start(key, data, self._silent)

    def _silent(self) -> None:
        self.silences += 1

    def arrives(self, status: int, key: Key = INVITE, tag: str | None = "a", data: bytes = b"") -> bool:
        """Let a response arrive. Return True if it is to be reported."""
        return self.clients.is_new(Arrival(key, status, ("call", 1, tag), data or str(status).encode(), self._ack))

    def _ack(self) -> bytes:
        self.acknowledgements += 1
        return b"ack"

    def advance(self, seconds: float) -> None:
        self.clock.pump([STEP] * round(seconds / STEP))


@pytest.fixture
def hop() -> Hop:
    return Hop()


# --- until the edge has it


def test_an_invite_is_repeated_at_intervals_that_double(hop: Hop) -> None:
    hop.start()
    hop.advance(PATIENCE + 1)
    assert [round(each, 1) for each in hop.times] == [0, 0.5, 1.5, 3.5, 7.5, 15.5, 31.5]
    assert set(hop.sent) == {b"request"}
    assert hop.silences == 1


def test_another_request_is_repeated_every_four_seconds_at_last(hop: Hop) -> None:
    hop.start(BYE)
    hop.advance(PATIENCE + 1)
    assert [round(each, 1) for each in hop.times] == [0, 0.5, 1.5, 3.5, 7.5, 11.5, 15.5, 19.5, 23.5, 27.5, 31.5]
    assert hop.silences == 1


def test_the_end_of_patience_comes_after_it_and_not_before(hop: Hop) -> None:
    hop.start()
    hop.advance(PATIENCE - STEP)
    assert hop.silences == 0
    hop.advance(STEP)
    assert hop.silences == 1


@pytest.mark.parametrize("status", [100, 180, 200, 486])
@pytest.mark.parametrize("key", [INVITE, BYE])
def test_nothing_is_repeated_once_anything_has_come(hop: Hop, key: Key, status: int) -> None:
    hop.start(key)
    hop.advance(1)
    hop.arrives(status, key)
    hop.sent.clear()
    hop.advance(2 * PATIENCE)
    assert hop.sent == []
    assert hop.silences == 0


@pytest.mark.parametrize(("status", "acks"), [(199, 0), (200, 0), (299, 0), (300, 1), (699, 1)])
def test_only_failures_are_acknowledged_here(hop: Hop, status: int, acks: int) -> None:
    hop.start()
    assert hop.arrives(status)
    assert hop.acknowledgements == acks


def test_a_100_is_not_reported(hop: Hop) -> None:
    hop.start()
    assert not hop.arrives(100, tag=None)


# --- responses


def test_each_provisional_response_is_reported_once(hop: Hop) -> None:
    hop.start()
    assert hop.arrives(180)
    assert not hop.arrives(180)
    assert hop.arrives(183, data=b"with sdp")
    assert hop.arrives(180, tag="b", data=b"from another fork")
    assert not hop.arrives(183, data=b"with sdp")


def test_a_server_cannot_fill_the_log_with_provisional_responses(hop: Hop) -> None:
    hop.start()
    assert sum(hop.arrives(183, data=b"%d" % number) for number in range(100)) == MOST_PROVISIONAL
    assert hop.arrives(200)


def test_a_final_response_is_reported_once(hop: Hop) -> None:
    hop.start(BYE)
    assert hop.arrives(200, BYE)
    assert not hop.arrives(200, BYE)
    assert not hop.arrives(481, BYE)
    assert hop.sent == [b"request"]


def test_a_failure_of_an_invite_is_acknowledged_each_time_it_comes(hop: Hop) -> None:
    hop.start()
    assert hop.arrives(486)
    assert not hop.arrives(486)
    assert hop.sent == [b"request", b"ack", b"ack"]
    assert hop.acknowledgements == 1


def test_a_failure_of_another_request_is_not_acknowledged(hop: Hop) -> None:
    hop.start(BYE)
    assert hop.arrives(481, BYE)
    assert hop.sent == [b"request"]


def test_a_repeated_2xx_gets_its_ack_again(hop: Hop) -> None:
    hop.start()
    assert hop.arrives(200)
    assert not hop.arrives(200)  # the core has it, and has not acknowledged it yet
    assert hop.sent == [b"request"]
    hop.clients.acknowledge(("call", 1, "a"), b"ack of the core")
    assert not hop.arrives(200)
    assert hop.sent == [b"request", b"ack of the core", b"ack of the core"]


def test_each_fork_that_answers_has_an_ack_of_its_own(hop: Hop) -> None:
    hop.start()
    assert hop.arrives(200, tag="a")
    assert hop.arrives(200, tag="b")
    for tag in "ab":
        hop.clients.acknowledge(("call", 1, tag), tag.encode())
    hop.sent.clear()
    assert not hop.arrives(200, tag="b")
    assert not hop.arrives(200, tag="a")
    assert hop.sent == [b"b", b"a"]


def test_after_a_2xx_a_failure_of_another_fork_is_acknowledged_and_not_reported(hop: Hop) -> None:
    hop.start()
    assert hop.arrives(200, tag="a")
    assert not hop.arrives(486, tag="b")
    assert hop.sent == [b"request", b"ack"]


def test_a_response_without_a_transaction_is_reported_once(hop: Hop) -> None:
    """After a restart of the gateway."""
    assert hop.arrives(180)
    assert hop.arrives(200)
    assert not hop.arrives(200)
    assert hop.arrives(200, tag="b")
    assert hop.arrives(486, ("z9hG4bK-3", "INVITE"))
    assert hop.sent == [b"ack"]


def test_repetitions_are_absorbed_for_as_long_as_they_can_come(hop: Hop) -> None:
    hop.start(BYE)
    hop.arrives(200, BYE)
    hop.advance(PATIENCE - 1)
    assert not hop.arrives(200, BYE)
    hop.advance(2)
    assert hop.arrives(200, BYE)  # forgotten


# --- sent again, and held


def test_a_request_that_is_sent_again_is_the_same_transaction(hop: Hop) -> None:
    hop.start()
    hop.arrives(100)
    assert hop.arrives(180)
    hop.start(data=b"again")
    hop.advance(0.625)
    assert hop.sent == [b"request", b"again", b"again"]
    assert not hop.arrives(180)
    assert hop.arrives(200)


def test_a_request_that_has_its_answer_can_be_sent_again(hop: Hop) -> None:
    hop.start(BYE)
    hop.arrives(503, BYE)
    hop.start(BYE)
    assert hop.arrives(200, BYE)


def test_what_is_held_goes_when_the_edge_has_the_request(hop: Hop) -> None:
    hop.start()
    hop.clients.when_heard(INVITE, lambda: hop.sent.append(b"cancel"))
    hop.advance(1)
    assert b"cancel" not in hop.sent
    hop.arrives(100)
    assert hop.sent[-1] == b"cancel"
    hop.clients.when_heard(INVITE, lambda: hop.sent.append(b"at once"))
    assert hop.sent[-1] == b"at once"


def test_what_is_held_is_dropped_if_the_first_response_is_final(hop: Hop) -> None:
    hop.start()
    hop.clients.when_heard(INVITE, lambda: hop.sent.append(b"cancel"))
    hop.arrives(486)
    hop.advance(PATIENCE)
    assert b"cancel" not in hop.sent


def test_what_is_held_stays_so_when_the_request_is_sent_again(hop: Hop) -> None:
    hop.start()
    hop.clients.when_heard(INVITE, lambda: hop.sent.append(b"cancel"))
    hop.start()
    hop.arrives(100)
    assert hop.sent[-1] == b"cancel"


# --- bounds


def test_a_request_whose_answer_never_comes_is_forgotten_at_last(hop: Hop) -> None:
    hop.start()
    hop.arrives(100)
    hop.advance(LONGEST + 1)
    assert list(hop.clients._open.values()) == []
    assert hop.silences == 0


def test_there_are_never_too_many(hop: Hop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_transactions, "MOST", 10)
    hop.clients = ClientTransactions(hop._send, hop.clock)
    for number in range(50):
        hop.start((f"z9hG4bK-{number}", "INVITE"))
        hop.arrives(200, (f"z9hG4bK-done-{number}", "BYE"))
        hop.clients.acknowledge((f"call-{number}", 1, "a"), b"")
    assert [len(each) for each in (hop.clients._open, hop.clients._done, hop.clients._acks)] == [10, 10, 10]
    hop.advance(PATIENCE + 1)
    assert hop.silences == 10


def test_nothing_is_sent_after_the_end(hop: Hop) -> None:
    hop.start()
    hop.clients.stop()
    hop.advance(PATIENCE + 1)
    assert hop.sent == [b"request"]
    assert hop.clock.getDelayedCalls() == []
