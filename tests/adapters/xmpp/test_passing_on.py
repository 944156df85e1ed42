"""Stanzas that go from worker to worker: what arrives is what was received."""

from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st

from fargo.adapters.xmpp.passing_on import as_text, from_text
from fargo.limits.rejection import OVERDUE
from fargo.statemachine.model.events import RegistrationAsked

from .bench import GATEWAY, USER, Bench, iq
from .elements import captures, parse

ASKED = "<query xmlns='jabber:iq:register'/>"


def test_what_clients_have_sent_arrives_as_it_was() -> None:
    for each in captures():
        assert from_text(as_text(each.stanza)).toXml() == each.stanza.toXml()


@given(st.text(st.sampled_from("ab <>&'\"é\u200f\n\t\r 😀")))
def test_every_text_arrives_as_it_was(text: str) -> None:
    message = parse(f"<message from='{USER}/a' to='{GATEWAY}'/>")
    message["id"] = text
    message.addElement("body", content=text)
    again = from_text(as_text(message))
    assert (again["id"], str(again.body)) == (text, text)
    assert (again.uri, again.name) == (message.uri, message.name)


class Router:
    """Keeps what is not ours."""

    def __init__(self, is_ours: bool) -> None:
        self.is_ours = is_ours
        self.kept: list[tuple[str, str]] = []

    def __call__(self, user: str, stanza: Callable[[], str]) -> bool:
        if not self.is_ours:
            self.kept.append((user, stanza()))
        return not self.is_ours


def test_a_stanza_of_another_workers_user_is_handed_on_before_anything_is_made_of_it() -> None:
    router = Router(is_ours=False)
    bench = Bench(elsewhere=router)
    bench.receive(iq(ASKED, "get"))
    assert (bench.events, bench.wire.sent) == ([], [])
    [(user, text)] = router.kept
    assert user == USER

    other = Bench(elsewhere=router)
    assert other.adapter.take(text)
    assert not other.adapter.take(text.replace(GATEWAY, "sip2.example.org"))
    [(user, event)] = other.events
    assert (user, type(event)) == (USER, RegistrationAsked)
    assert len(router.kept) == 1


def test_a_stanza_of_an_own_user_is_taken_and_a_strangers_is_refused() -> None:
    router = Router(is_ours=True)
    bench = Bench(elsewhere=router)
    bench.receive(iq(ASKED, "get"))
    assert [type(event) for _, event in bench.events] == [RegistrationAsked]
    router.is_ours = False
    bench.receive(iq(ASKED, "get", sender="mallory@example.com/x"))
    assert router.kept == []
    [refused] = bench.wire.sent
    assert refused["type"] == "error"


def test_what_came_too_late_is_answered_if_it_is_a_request() -> None:
    bench = Bench()
    message = parse(f"<message type='chat' from='{USER}/a' to='bob%sip.test@{GATEWAY}' id='m'><body>x</body></message>")
    result = iq("", "result")
    for stanza in (iq(ASKED, "get"), message, result, parse(f"<presence from='{USER}/a' to='{GATEWAY}'/>")):
        bench.adapter.turn_down(as_text(stanza), OVERDUE)
    answers = [(each.name, each["type"], each["id"]) for each in bench.wire.sent]
    assert answers == [("iq", "error", "i"), ("message", "error", "m")]
    assert all(each.error.firstChildElement().name == "remote-server-timeout" for each in bench.wire.sent)
