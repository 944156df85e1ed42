"""The state of users and calls in lines: complete, bounded, and without secrets."""

from msgspec.structs import replace
from statemachine.registering import Registering
from statemachine.story import ALICE, BOB, DESK, PCMU, Story
from statemachine.user_agent.phone import sdp
from statemachine.user_agent.transferring import Transferring

from fargo import texts
from fargo.statemachine.machine import new
from fargo.statemachine.model.call1 import CallMembersChanged
from fargo.statemachine.model.events import RegistrationCancelled
from fargo.statemachine.user_state import User
from fargo.status import LONGEST_LINE, lines, live_calls


def of(story: Story) -> list[str]:
    return list(lines(story.user, story.at + 75))


def test_an_account_and_its_clients() -> None:
    story = Story().signed_in()
    [line] = of(story)
    assert ALICE in line
    assert "alice@sip.test" in line
    assert "Clients online: 1." in line


def test_somebody_without_an_account() -> None:
    [line] = lines(new(ALICE), 0)
    assert line == texts.STATE_OF_USER.format(user=ALICE, status=texts.NO_ACCOUNT, clients=0)


def test_a_call_out() -> None:
    story = Story().signed_in()
    channel = story.call_out()
    began = story.at - 1
    story.tell(CallMembersChanged(channel, 1))
    [_, line] = lines(story.user, began + 75)
    assert line == texts.STATE_OF_CALL_OUT.format(
        call=f"{ALICE}/5", clients=DESK, phone=BOB, phases="calling/dialling", age="1:15", path=texts.NOT_THROUGH_RELAY
    )
    assert live_calls(story.user) == 1


def test_a_call_that_its_phone_has_transferred_names_who_has_it_now() -> None:
    story = Transferring()
    story.talking(body=sdp(PCMU))
    story.dave_takes_it()
    assert f" to {BOB}, now dave@sip.test, " in of(story)[-1]


def test_the_registrations_of_our_own_user_agent() -> None:
    story = Registering().registered()
    [_, line] = of(story)
    assert "alice@sip.test" in line
    assert "UTC" in line
    story.tell(RegistrationCancelled(story.iq()))
    [_, line] = of(story)
    assert texts.REGISTRATION_LEAVING in line


def test_a_registration_that_is_not_renewed_says_why() -> None:
    story = Registering().registered()
    story.pass_time()
    story.answer(500, "Server on fire")
    [_, line] = of(story)
    assert "Server on fire" in line


def test_a_line_is_bounded_and_printable() -> None:
    [line] = lines(User(f"{'a' * 1000}\n\x1b[31m@example.org"), 0)
    assert len(line) == LONGEST_LINE
    [line] = lines(User("a\n\x1b[31m\u202e@example.org"), 0)
    assert line.isprintable()


def test_no_secret_is_shown() -> None:
    story = Registering().registered()
    [registration] = story.user.registrations.values()
    user = replace(story.user, registrations={"x": replace(registration, secret="s3cret-name", tag="t", call_id="c")})
    assert "s3cret-name" not in "".join(lines(user, 0))
