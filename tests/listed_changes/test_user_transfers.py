"""Changes of the rules that came with transfers of users, and with the mailbox as a contact."""

from msgspec.structs import replace
from statemachine.registering import REGISTRAR
from statemachine.story import DESK, GATEWAY, Story
from statemachine.user_agent.phone import Phoning

from fargo.statemachine.model.call_records import RecordBegun, RecordDialog
from fargo.statemachine.model.commands import Command, SendText
from fargo.statemachine.model.events import GatewayAsked
from fargo.statemachine.model.message_summary import MessageSummary
from fargo.statemachine.model.requests import ShowHelp, ShowStatus
from fargo.statemachine.model.rules import MAILBOX_NAMED, TRANSFERS_OFFERED
from fargo.statemachine.model.sip_messages import SendRequest, SipRequestReceived
from fargo.statemachine.model.sip_values import RequestHead, SipHeaders
from replay.verifying.verify import verify

from .older_rules import before, only, with_commands


def test_a_help_without_transfers_is_explained_and_no_other_answer_is() -> None:
    for request, explained in ((ShowHelp(), True), (ShowStatus(), False)):
        story = Story().signed_in()
        story.tell(GatewayAsked(DESK, GATEWAY, request))
        [answer] = [each.command for each in story.last if isinstance(each.command, SendText)]
        entries = before(TRANSFERS_OFFERED, story)
        with_commands(entries, -1, replace(answer, text="Another."))
        if explained:
            only(entries, TRANSFERS_OFFERED)
        else:
            assert verify(entries).differences == 1


def elsewhere(command: Command) -> Command:
    """The command as it was when the contact voicemail was no mailbox."""
    other = "sip:voicemail@sip.test"
    match command:
        case SendRequest(recipient=recipient):
            return replace(command, uri=other, recipient=replace(recipient, uri=other))
        case RecordBegun():
            return replace(command, peer="voicemail@sip.test")
        case RecordDialog():
            return replace(command, recipient=other)
        case _:
            return command


def test_a_call_to_the_contact_voicemail_is_explained() -> None:
    for contact, explained in (("voicemail", True), ("bob", False)):
        story = Phoning()
        head = RequestHead("NOTIFY", "sip:x", ("v1",), "from", "to", "c-1", 1)
        headers, summary = SipHeaders(event="message-summary"), MessageSummary(True, 1, account="sip:*97@sip.test")
        story.tell(SipRequestReceived(story.name, head, REGISTRAR, "box", None, headers, summary))
        story.calls(to=f"{contact}@{GATEWAY}/fargo")
        entries = before(MAILBOX_NAMED, story)
        recorded, issued = entries[-1]
        entries[-1] = recorded, tuple(replace(each, command=elsewhere(each.command)) for each in issued)
        if explained:
            only(entries, MAILBOX_NAMED)
        else:
            assert verify(entries).differences == 1
