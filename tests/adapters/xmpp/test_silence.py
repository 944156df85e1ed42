"""The silence of an XMPP server, on a clock of the test's own."""

from twisted.internet.task import Clock

from fargo.adapters.xmpp.silence import Silence


class Watched:
    """A stream whose server may be silent for 30 seconds."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.asked = self.lost = 0
        self.silence = Silence(30.0, self._ask, self._lose, self.clock)

    def _ask(self) -> None:
        self.asked += 1

    def _lose(self) -> None:
        self.lost += 1

    def pass_time(self, seconds: int) -> None:
        for _ in range(seconds):
            self.clock.advance(1.0)


def test_a_server_that_says_nothing_is_lost_once() -> None:
    stream = Watched()
    stream.silence.replied()
    stream.pass_time(34)
    assert stream.lost == 0
    stream.pass_time(100)
    assert stream.lost == 1
    assert stream.asked == 5


def test_any_byte_is_a_sign_of_life() -> None:
    stream = Watched()
    stream.silence.replied()
    for _ in range(20):
        stream.pass_time(4)
        stream.silence.heard(b" ")
    assert (stream.lost, stream.asked) == (0, 0)


def test_the_silence_of_one_that_never_replies_means_nothing() -> None:
    stream = Watched()
    stream.pass_time(300)
    assert stream.lost == 0
    assert stream.asked == 60


def test_a_clock_that_is_set_forward_ends_nothing() -> None:
    stream = Watched()
    stream.silence.replied()
    stream.clock.advance(3600.0)
    assert stream.lost == 0


def test_it_can_be_stopped() -> None:
    stream = Watched()
    stream.silence.replied()
    stream.silence.stop()
    stream.silence.stop()
    stream.pass_time(100)
    assert (stream.lost, stream.asked) == (0, 0)
