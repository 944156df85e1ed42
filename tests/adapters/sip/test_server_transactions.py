"""Requests of the edge: absorbed when repeated, answered again, and responses repeated (RFC 3261 §17.2, RFC 3262)."""

import pytest
from twisted.internet.task import Clock

from fargo.adapters.sip import server_transactions
from fargo.adapters.sip.client_transactions import LONGEST, PATIENCE, Fork, Key
from fargo.adapters.sip.server_transactions import ServerTransactions

STEP = 0.125  # which a float has exactly
INVITE: Key = ("z9hG4bK-1", "INVITE")
BYE: Key = ("z9hG4bK-2", "BYE")
FORK: Fork = ("call", 1, "ours")
OTHER: Fork = ("call", 1, "another of ours")


class Hop:
    """Server transactions, and what they send to the edge at which time."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.sent: list[bytes] = []
        self.times: list[float] = []
        self.servers = ServerTransactions(self._send, self.clock)

    def _send(self, data: bytes) -> None:
        self.sent.append(data)
        self.times.append(self.clock.seconds())

    def arrives(self, key: Key = INVITE) -> bool:
        """Let a request arrive. Return True if it is to be reported."""
        return self.servers.is_new(key, lambda: b"100")

    def advance(self, seconds: float) -> None:
        self.clock.pump([STEP] * round(seconds / STEP))


@pytest.fixture
def hop() -> Hop:
    return Hop()


# --- repeated requests


@pytest.mark.parametrize("key", [INVITE, BYE])
def test_a_repeated_request_gets_the_latest_response_and_is_not_reported(hop: Hop, key: Key) -> None:
    assert hop.arrives(key)
    hop.servers.provide(key, b"180")
    assert not hop.arrives(key)
    hop.servers.complete(key, b"final", FORK)
    assert not hop.arrives(key)
    assert hop.sent == [b"180", b"180", b"final", b"final"]


def test_a_repeated_invite_without_a_response_gets_a_100(hop: Hop) -> None:
    assert hop.arrives()
    assert hop.sent == []
    assert not hop.arrives()
    assert not hop.arrives()
    assert hop.sent == [b"100", b"100"]


def test_another_repeated_request_without_a_response_waits(hop: Hop) -> None:
    assert hop.arrives(BYE)
    assert not hop.arrives(BYE)
    assert hop.sent == []


def test_a_cancel_is_a_request_of_its_own(hop: Hop) -> None:
    assert hop.arrives()
    assert hop.arrives((INVITE[0], "CANCEL"))


def test_a_request_is_forgotten_after_its_answer_cannot_be_needed_any_more(hop: Hop) -> None:
    hop.arrives(BYE)
    hop.servers.complete(BYE, b"200", FORK)
    hop.advance(PATIENCE - 1)
    assert not hop.arrives(BYE)
    hop.advance(2)
    assert hop.arrives(BYE)


# --- repeated responses


def test_the_final_response_to_an_invite_is_repeated_until_its_ack(hop: Hop) -> None:
    hop.arrives()
    hop.servers.complete(INVITE, b"486", FORK)
    hop.advance(4)
    assert [round(each, 1) for each in hop.times] == [0, 0.5, 1.5, 3.5]
    assert hop.servers.acknowledge(INVITE[0], FORK)
    hop.advance(PATIENCE)
    assert len(hop.sent) == 4


def test_the_ack_to_a_failure_is_found_though_the_edge_was_restarted(hop: Hop) -> None:
    hop.arrives()
    hop.servers.complete(INVITE, b"486", FORK)
    assert hop.servers.acknowledge("z9hG4bK-after-restart", FORK)
    hop.advance(PATIENCE)
    assert len(hop.sent) == 1


def test_a_2xx_is_repeated_until_its_ack_which_has_another_branch(hop: Hop) -> None:
    hop.arrives()
    hop.servers.complete(INVITE, b"200", FORK)
    hop.advance(1)
    hop.servers.acknowledge("z9hG4bK-ack", OTHER)
    hop.advance(1)
    assert len(hop.sent) == 3
    assert hop.servers.acknowledge("z9hG4bK-ack", FORK)
    hop.advance(PATIENCE)
    assert len(hop.sent) == 3


def test_a_final_response_is_repeated_at_intervals_of_four_seconds_at_most_and_not_for_ever(hop: Hop) -> None:
    hop.arrives()
    hop.servers.complete(INVITE, b"200", FORK)
    hop.advance(2 * PATIENCE)
    assert [round(each, 1) for each in hop.times] == [0, 0.5, 1.5, 3.5, 7.5, 11.5, 15.5, 19.5, 23.5, 27.5, 31.5]


def test_the_final_response_to_another_request_is_sent_once(hop: Hop) -> None:
    hop.arrives(BYE)
    hop.servers.complete(BYE, b"200", FORK)
    hop.advance(PATIENCE)
    assert hop.sent == [b"200"]


def test_a_provisional_response_is_sent_once(hop: Hop) -> None:
    hop.arrives()
    hop.servers.provide(INVITE, b"180")
    hop.advance(PATIENCE)
    assert hop.sent == [b"180"]


def test_a_reliable_provisional_response_is_repeated_until_its_prack(hop: Hop) -> None:
    hop.arrives()
    hop.servers.provide(INVITE, b"183", ("call", 1, 7))
    hop.advance(1)
    hop.servers.confirm(("call", 1, 8))
    hop.advance(1)
    assert [round(each, 1) for each in hop.times] == [0, 0.5, 1.5]
    hop.servers.confirm(("call", 1, 7))
    hop.advance(PATIENCE)
    assert len(hop.sent) == 3


def test_another_provisional_response_ends_the_repetition_of_a_reliable_one(hop: Hop) -> None:
    hop.arrives()
    hop.servers.provide(INVITE, b"183", ("call", 1, 7))
    hop.servers.provide(INVITE, b"180")
    hop.advance(PATIENCE)
    assert hop.sent == [b"183", b"180"]


def test_the_final_response_ends_the_repetition_of_a_provisional_one(hop: Hop) -> None:
    hop.arrives()
    hop.servers.provide(INVITE, b"183", ("call", 1, 7))
    hop.servers.complete(INVITE, b"200", FORK)
    hop.servers.confirm(("call", 1, 7))  # a PRACK that comes late does not end that of the 200
    hop.advance(1)
    assert hop.sent == [b"183", b"200", b"200"]


def test_a_provisional_response_that_comes_after_the_final_one_is_dropped(hop: Hop) -> None:
    hop.arrives()
    hop.servers.complete(INVITE, b"486", FORK)
    hop.servers.provide(INVITE, b"180")
    assert hop.sent == [b"486"]


def test_a_response_is_repeated_though_its_request_came_before_a_restart(hop: Hop) -> None:
    hop.servers.complete(INVITE, b"200", FORK)
    hop.advance(1)
    assert hop.sent == [b"200", b"200"]
    assert not hop.arrives()
    assert hop.servers.acknowledge("z9hG4bK-ack", FORK)
    hop.advance(PATIENCE)
    assert len(hop.sent) == 3


def test_a_final_response_that_is_given_again_is_repeated_anew(hop: Hop) -> None:
    hop.arrives()
    hop.servers.complete(INVITE, b"486", FORK)
    hop.advance(0.375)
    hop.servers.complete(INVITE, b"486", FORK)
    hop.advance(0.375)
    assert len(hop.sent) == 2
    hop.advance(0.25)
    assert len(hop.sent) == 3


# --- ACKs


def test_an_ack_is_reported_once(hop: Hop) -> None:
    hop.arrives()
    hop.servers.complete(INVITE, b"200", FORK)
    assert hop.servers.acknowledge("z9hG4bK-ack", FORK)
    assert not hop.servers.acknowledge("z9hG4bK-ack", FORK)
    assert hop.servers.acknowledge("z9hG4bK-other", ("call", 2, "ours"))


def test_an_ack_of_an_unknown_request_is_reported_once(hop: Hop) -> None:
    """After a restart of the gateway, the core may still wait for it."""
    assert hop.servers.acknowledge("z9hG4bK-ack", FORK)
    assert not hop.servers.acknowledge("z9hG4bK-ack", FORK)


def test_the_ack_to_the_refusal_of_a_merged_request_is_not_that_to_the_answer(hop: Hop) -> None:
    """Two INVITEs with the same Call-ID and number have come on different paths (RFC 3261 §8.2.2.2)."""
    merged = ("z9hG4bK-merged", "INVITE")
    hop.arrives()
    hop.arrives(merged)
    hop.servers.complete(merged, b"482", OTHER)
    hop.servers.complete(INVITE, b"200", FORK)
    assert hop.servers.acknowledge(merged[0], OTHER)
    hop.advance(0.625)
    assert hop.sent == [b"482", b"200", b"200"]


# --- bounds


def test_a_request_that_nobody_answers_is_forgotten_at_last(hop: Hop) -> None:
    hop.arrives()
    hop.advance(LONGEST + 1)
    assert hop.arrives()


def test_the_oldest_are_forgotten_when_there_are_too_many(hop: Hop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_transactions, "MOST", 10)
    hop.servers = ServerTransactions(hop._send, hop.clock)
    for number in range(50):
        assert hop.arrives((f"z9hG4bK-{number}", "INVITE"))
        hop.servers.complete((f"z9hG4bK-done-{number}", "BYE"), b"", FORK)
    assert (len(hop.servers._open), len(hop.servers._done)) == (10, 10)


def test_nothing_is_sent_after_the_end(hop: Hop) -> None:
    hop.arrives()
    hop.servers.provide(INVITE, b"183", ("call", 1, 7))
    hop.servers.complete(("z9hG4bK-3", "INVITE"), b"200", FORK)
    hop.servers.stop()
    hop.advance(PATIENCE)
    assert hop.sent == [b"183", b"200"]
    assert hop.clock.getDelayedCalls() == []
