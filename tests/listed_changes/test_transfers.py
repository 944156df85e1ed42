"""Changes of the rules about transfers."""

from msgspec.structs import replace
from statemachine.story import PCMU
from statemachine.user_agent.phone import Phoning, sdp
from statemachine.user_agent.transferring import Transferring

from fargo.statemachine.model.commands import Command
from fargo.statemachine.model.rules import ABILITIES_TOLD, TRANSFERS_FOLLOWED
from fargo.statemachine.model.sip_messages import SendRequest, SendResponse
from fargo.store.correlation import correlated
from fargo.store.entries import Entry
from replay.verifying.verify import verify

from .older_rules import before, only, with_commands

ALLOWED = ("INVITE", "ACK", "CANCEL", "BYE", "OPTIONS", "INFO", "PRACK", "UPDATE")


def said_before(command: Command) -> Command:
    """A command that does not say that calls can be transferred."""
    if not isinstance(command, SendRequest | SendResponse) or not command.headers.allow:
        return command
    headers = replace(command.headers, allow=ALLOWED)
    return replace(command, headers=replace(headers, supported=headers.supported and ("100rel", "timer")))


def with_former_abilities(entries: list[Entry]) -> None:
    for place, (recorded, issued) in enumerate(entries):
        entries[place] = recorded, tuple(replace(each, command=said_before(each.command)) for each in issued)


def test_that_calls_can_be_transferred_is_told_and_nothing_else_is_explained() -> None:
    entries = before(ABILITIES_TOLD, Phoning().talking())
    with_former_abilities(entries)
    only(entries, ABILITIES_TOLD)
    place = next(at for at, entry in enumerate(entries) if any(_is_invite(each.command) for each in entry[1]))
    recorded, issued = entries[place]
    other = [
        replace(each, command=replace(each.command, uri="sip:x@sip.test")) if _is_invite(each.command) else each
        for each in issued
    ]
    entries[place] = recorded, tuple(other)
    assert verify(list(correlated(entries))).differences > 0


def _is_invite(command: Command) -> bool:
    return isinstance(command, SendRequest) and command.method == "INVITE"


def test_a_transfer_that_was_refused_is_explained() -> None:
    story = Transferring()
    story.talking(body=sdp(PCMU))
    story.refers()
    entries = before(TRANSFERS_FOLLOWED, story)
    accepted = next(each for each in story.all(SendResponse) if each.status == 202)
    declined = replace(accepted, status=603, phrase="Decline", contact=False)
    with_commands(entries, len(entries) - 1, declined)
    only(entries, TRANSFERS_FOLLOWED)
