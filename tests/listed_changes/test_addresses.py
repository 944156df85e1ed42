"""Changes of the rules about addresses: what a JID means, and which JID a caller has."""

import pytest
from msgspec.structs import replace
from statemachine.story import BOB, GATEWAY, OFFER, PCMU, PHONE_ADDRESS, Story

from fargo.statemachine.media.paths import Policy
from fargo.statemachine.model.call1 import CallArrived, CallState, CallStateChanged, PlaceCall
from fargo.statemachine.model.call_records import RecordBegun
from fargo.statemachine.model.commands import (
    Command,
    InitiateSession,
    RefuseIq,
    SendRegistrationForm,
    SendText,
    SignIn,
    TerminateSession,
)
from fargo.statemachine.model.events import PolicyChanged, RegistrationAsked, RegistrationSubmitted, SipAccount
from fargo.statemachine.model.jingle_events import SessionAccepted, SessionInitiated
from fargo.statemachine.model.rules import CALLERS_ARE_CONTACTS, NUMBERS_AS_WRITTEN
from fargo.statemachine.model.sip_messages import RegisterAnswered, SendRegister
from fargo.statemachine.model.sip_values import Endpoint
from fargo.store.entries import Entry
from replay.verifying.verify import verify

from .older_rules import before, only, with_commands

ARRIVES = CallArrived("c1", "1.0", "sip:bob@sip.test;fg-name=Bob", (PCMU,), PHONE_ADDRESS, 3)
OLD_BOB = "bob%sip.test@sip.localhost/fargo"


def by_older_names(entries: list[Entry]) -> list[Entry]:
    """The caller had the long JID."""
    return [
        (recorded, tuple(replace(each, command=_by_older_name(each.command)) for each in issued))
        for recorded, issued in entries
    ]


def _by_older_name(command: Command) -> Command:
    if isinstance(command, InitiateSession | TerminateSession) and command.sender == BOB:
        return replace(command, sender=OLD_BOB)
    if isinstance(command, SendText):
        return replace(command, sender=OLD_BOB.partition("/")[0])
    return command


def test_a_caller_had_the_long_jid() -> None:
    story = Story()
    story.signed_in()
    story.tell(replace(ARRIVES, connection=story.id_of(SignIn)))
    story.tell(CallStateChanged("c1", CallState.ENDED, 2))
    only(by_older_names(before(CALLERS_ARE_CONTACTS, story)), CALLERS_ARE_CONTACTS)


def test_what_a_client_said_to_that_jid_follows_from_it() -> None:
    story = Story()
    story.signed_in()
    story.tell(replace(ARRIVES, connection=story.id_of(SignIn)))
    sid = story.the(InitiateSession).sid
    story.tell(SessionAccepted(replace(story.iq(BOB), to=OLD_BOB), sid, (OFFER,)))
    assert story.the(RefuseIq).jingle == "unknown-session"
    entries = by_older_names(before(CALLERS_ARE_CONTACTS, story))
    with_commands(entries, -1)
    assert verify(only_call(entries)).differences == 0


def only_call(entries: list[Entry]) -> list[Entry]:
    """Return a log whose last event belonged to the call."""
    recorded, issued = entries[-1]
    call = next(each.call for each in entries[-2][1] if each.call)
    return [*entries[:-1], (replace(recorded, call=call), issued)]


def test_a_call_out_from_another_jid_is_not_explained() -> None:
    story = Story()
    story.signed_in()
    story.call_out()
    entries = before(CALLERS_ARE_CONTACTS, story)
    while not any(isinstance(each.command, RecordBegun) for each in entries[-1][1]):
        entries.pop()
    recorded, issued = entries[-1]
    wrong = tuple(
        replace(each, command=replace(each.command, peer="carol@sip.test"))
        if isinstance(each.command, RecordBegun)
        else each
        for each in issued
    )
    assert wrong != issued
    assert verify([*entries[:-1], (recorded, wrong)]).differences == 1


@pytest.mark.parametrize(
    ("local", "target"),
    [
        ("+44-1632-960000", "sip:+44-1632-960000@sip.test"),
        ("tel\\3a+441632960000", "sip:tel%3A+441632960000@sip.test"),
        ("bob%sip.test\\3a5060", "sip:bob@sip.test:5060"),
    ],
)
def test_a_number_was_dialled_as_it_was_written(local: str, target: str) -> None:
    story = Story()
    story.signed_in()
    story.tell(SessionInitiated(story.iq(f"{local}@{GATEWAY}"), "s1", (OFFER,)))
    entries = before(NUMBERS_AS_WRITTEN, story)
    recorded, issued = entries[-1]
    then = tuple(
        replace(each, command=replace(each.command, target=target)) if isinstance(each.command, PlaceCall) else each
        for each in issued
    )
    assert then != issued
    only([*entries[:-1], (recorded, then)], NUMBERS_AS_WRITTEN)


def test_an_account_with_parameters_was_refused() -> None:
    story = Story()
    story.tell(RegistrationSubmitted(story.iq(), SipAccount("sip:alice@sip.test;lr"), "s1", "nonce"))
    assert story.the(SignIn)
    entries = before(NUMBERS_AS_WRITTEN, story)
    with_commands(entries, -1, RefuseIq(story.iq(), "modify", "not-acceptable", "That is not a valid SIP domain."))
    only(entries, NUMBERS_AS_WRITTEN)


def test_a_proxy_with_a_port_was_shown_as_it_was_entered() -> None:
    story = Story()
    account = SipAccount("alice@sip.test", proxy=" proxy.test:5070")
    story.tell(PolicyChanged(Policy(engine="sip")))
    story.tell(RegistrationSubmitted(story.iq(), account, "s1", "nonce"))
    name = story.id_of(SendRegister)
    story.tell(RegisterAnswered(name, name, 200, "OK", source=Endpoint("udp", "192.0.2.5", 5070)))
    story.tell(RegistrationAsked(story.iq()))
    shown = story.the(SendRegistrationForm)
    assert (shown.account and shown.account.port) == 5070
    entries = before(NUMBERS_AS_WRITTEN, story)
    with_commands(entries, -1, replace(shown, account=replace(account, engine="sip")))
    only(entries, NUMBERS_AS_WRITTEN)


def test_a_contact_that_is_read_as_before_is_not_explained() -> None:
    story = Story()
    story.signed_in()
    story.call_out()
    entries = before(NUMBERS_AS_WRITTEN, story)
    with_commands(entries, -1)
    assert verify(entries).differences == 1
