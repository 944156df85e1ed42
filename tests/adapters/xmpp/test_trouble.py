"""A trouble is told at once, and rarely again."""

from twisted.internet.task import Clock

from fargo.adapters.xmpp.trouble import REPEAT_SECONDS, Trouble


def test_a_trouble_is_told_once_and_again_if_it_lasts() -> None:
    told: list[tuple[str, bool]] = []
    clock = Clock()
    trouble = Trouble(lambda *said: told.append(said), clock.seconds)
    for _ in range(100):
        trouble.met("The secret is wrong.", hopeless=True)
        clock.advance(1)
    assert told == [("The secret is wrong.", True)]
    clock.advance(REPEAT_SECONDS)
    trouble.met("The secret is wrong.")
    assert len(told) == 2


def test_another_trouble_and_one_that_comes_back_are_told_at_once() -> None:
    told: list[str] = []
    trouble = Trouble(lambda sentence, _: told.append(sentence), Clock().seconds)
    trouble.met("It is away.")
    trouble.met("The secret is wrong.")
    trouble.met("It is away.")
    assert trouble.sentence == "It is away."
    trouble.over()
    assert trouble.sentence == ""
    trouble.met("It is away.")
    assert told == ["It is away.", "The secret is wrong.", "It is away.", "It is away."]
