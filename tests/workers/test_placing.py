"""A worker to which nothing comes connects anew, less and less often."""

from twisted.internet.task import Clock

from fargo.workers.placing import FIRST_SECONDS, Placing


def test_a_stream_on_which_nothing_comes_is_opened_anew_until_something_does() -> None:
    clock, opened = Clock(), []
    users = [True]
    placing = Placing(lambda: users[0], lambda: opened.append(clock.seconds()), clock)
    placing.stream_opened()
    clock.advance(FIRST_SECONDS)
    assert opened == [FIRST_SECONDS]
    placing.stream_opened()
    clock.advance(FIRST_SECONDS)
    assert len(opened) == 1, "it waits longer the second time"
    clock.advance(FIRST_SECONDS)
    assert len(opened) == 2
    placing.stream_opened()
    placing.heard()
    clock.advance(1000)
    assert len(opened) == 2
    placing.stream_opened()
    users[0] = False
    clock.advance(FIRST_SECONDS)
    assert len(opened) == 2, "nobody was asked"
    placing.stream_opened()
    placing.stop()
    assert not clock.getDelayedCalls()
