"""The changes of the rules about who is shown to clients, and by which name."""

from msgspec.structs import replace
from statemachine.story import PCMU, PHONE_ADDRESS, Story

from fargo.statemachine.model.call1 import CallArrived
from fargo.statemachine.model.commands import InitiateSession, SendPresence, SignIn
from fargo.statemachine.model.events import ResourceAvailable
from fargo.statemachine.model.rules import NICKS_TOLD, STRANGERS_SHOWN
from fargo.store.correlation import correlated
from replay.verifying.verify import verify

from .older_rules import before, only, with_commands

CONTACT = "bob%sip.test@sip.localhost"


def test_an_answered_presence_is_explained_and_nothing_else_is() -> None:
    story = Story().signed_in()
    story.tell(ResourceAvailable("alice@localhost/desk", CONTACT, "https://example.org#hash"))
    log = before(STRANGERS_SHOWN, story)
    with_commands(log, -1)
    only(log, STRANGERS_SHOWN)
    with_commands(log, -1, replace(story.the(SendPresence), to="alice@localhost"))
    assert verify(list(correlated(log))).differences == 1


def test_an_introduction_is_explained_and_nothing_else_is() -> None:
    story = Story().signed_in()
    story.tell(CallArrived("c1", story.id_of(SignIn), "sip:bob@sip.test", (PCMU,), PHONE_ADDRESS, 3))
    log = before(STRANGERS_SHOWN, story)
    recorded, issued = log[-1]
    unintroduced = replace(story.the(InitiateSession), introduces=False)
    for then, explained in ((unintroduced, True), (replace(unintroduced, sid="other"), False)):
        older = [replace(each, command=then) if each.command == story.the(InitiateSession) else each for each in issued]
        log[-1] = recorded, tuple(older)
        if explained:
            only(log, STRANGERS_SHOWN)
        else:
            assert verify(list(correlated(log))).differences == 1


def test_a_name_is_explained_and_nothing_else_is() -> None:
    story = Story().signed_in()
    story.tell(CallArrived("c1", story.id_of(SignIn), "sip:bob@sip.test;fg-name=Bob", (PCMU,), PHONE_ADDRESS, 3))
    log = before(NICKS_TOLD, story)
    recorded, issued = log[-1]
    nameless = replace(story.the(InitiateSession), nick=None)
    for then, explained in ((nameless, True), (replace(nameless, sid="other"), False)):
        older = [replace(each, command=then) if each.command == story.the(InitiateSession) else each for each in issued]
        log[-1] = recorded, tuple(older)
        if explained:
            only(log, NICKS_TOLD)
        else:
            assert verify(list(correlated(log))).differences == 1
