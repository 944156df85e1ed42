"""Properties of every story: Hypothesis draws events of every class that is in `Event`.

Rules:

1. A field of an event is drawn by its name if it says what the event is about (`_aimed`), so that the event has a
   chance to concern something that is open; by its type otherwise (`_of_type`). A new class of events is drawn without
   a change here.
2. `Snapshot` is left out: it stands at the beginning of a stream only.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from enum import Enum
from itertools import groupby
from types import NoneType, UnionType
from typing import Any, Final, Literal, Union, get_args, get_origin, get_type_hints

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from simulator.coverage import strays

from fargo.statemachine.account.account_state import Unregistered
from fargo.statemachine.machine import deadlines
from fargo.statemachine.media.description import Candidate, Codec, Description, RawUdp
from fargo.statemachine.model.call1 import CallArrived, CallState, PlaceCall
from fargo.statemachine.model.commands import (
    AcceptIq,
    AnswerCommand,
    AskFeatures,
    Command,
    Fault,
    InitiateSession,
    ProposeCall,
    RefuseIq,
    SendContact,
    SendForm,
    SendRegistrationForm,
    SignIn,
)
from fargo.statemachine.model.events import (
    Event,
    FeaturesLearned,
    RegistrationCancelled,
    RegistrationSubmitted,
    SipAccount,
    Snapshot,
    TimePassed,
)
from fargo.statemachine.model.iq import Iq
from fargo.statemachine.model.sip_messages import RegisterAnswered, SendRegister

from .registering import BY_SIP
from .story import ABLE, ALICE, BOB, DESK, GATEWAY, PCMU, PHONE, PHONE_ADDRESS, Story

Strategy = st.SearchStrategy[Any]

CLIENTS: Final = st.sampled_from([DESK, PHONE, ALICE])
ADDRESSES: Final = st.sampled_from([BOB, GATEWAY, "bob%sip.test@sip.localhost", "x%y z@sip.localhost"])
CODECS: Final = st.sampled_from(
    [Codec(0, "PCMU", 8000), Codec(8), Codec(96, "opus", 48000, 2), Codec(101, "telephone-event", 8000)]
)
EVENTS: Final = [kind for kind in get_args(Event) if kind is not Snapshot]

VIDEO: Final = Description("video", (Codec(96, "VP8", 90000),), RawUdp((Candidate(1, "127.0.0.4", 5002),)))

# Texts whose words matter, by the name of the field.
WORDS: Final[Mapping[str, Strategy]] = {
    "address": st.sampled_from(["a@sip.test", "b@sip.test", "no"]),
    "caller": st.sampled_from(["sip:b@c.test", "?"]),
    "caps": st.sampled_from(["", "a#1"]),
    "condition": st.sampled_from(["success", "busy", "decline", "cancel", "item-not-found", "bad-request", "nonsense"]),
    "FeaturesLearned.features": st.sampled_from([ABLE, (), (*ABLE, "urn:xmpp:jingle-message:0")]),
    "info": st.sampled_from(["", "ringing", "hold", "unhold", "dtmf"]),
    "CallProposed.media": st.sampled_from([("audio",), ("video",), ()]),
    "media": st.sampled_from(["audio", "video"]),
    "Description.video": st.none() | st.just(VIDEO),
    "message": st.sampled_from(["", "486 Busy Here", "999 What"]),
    "nonce": st.just("nonce"),
    "port": st.sampled_from([0, 5000]),
    "secret": st.sampled_from(["", "s1", "s2"]),
    "transport": st.sampled_from(["", "udp"]),
}


def _aimed(story: Story) -> Mapping[str, Strategy]:
    """Return how to draw the fields that say what an event is about."""

    def issued(*kinds: type[Command]) -> Strategy:
        names = [each.id for each in story.issued if isinstance(each.command, kinds)]
        return st.sampled_from(names[-3:] or ["none"])

    sids = [each.command.sid for each in story.issued if isinstance(each.command, InitiateSession | ProposeCall)]
    return {
        "channel": issued(PlaceCall) | st.sampled_from(["c1", "c2"]),
        "leg": issued(PlaceCall) | st.sampled_from(["c1", "c2"]),
        "command": issued(*get_args(Command)),
        "connection": issued(SignIn, SendRegister),
        "iq": st.builds(story.iq, ADDRESSES, CLIENTS),
        "resource": CLIENTS,
        "sender": CLIENTS,
        "sid": st.sampled_from(["s1", "s2", *sids[-2:]]),
        "to": ADDRESSES,
        f"{FeaturesLearned.__name__}.command": issued(AskFeatures),
    }


def _of_type(hint: Any) -> Strategy:
    """Return a strategy for values of a type that stands in an event."""
    origin, arguments = get_origin(hint), get_args(hint)
    if hint is Codec:
        return CODECS
    if origin in (Union, UnionType):
        return st.one_of(*map(_of_type, arguments))
    if origin is Literal:
        return st.sampled_from(arguments)
    if origin is tuple:
        return st.lists(_of_type(arguments[0]), max_size=2).map(tuple)
    if origin is Mapping:
        return st.dictionaries(*map(_of_type, arguments), max_size=2)
    if isinstance(hint, type) and issubclass(hint, msgspec.Struct):
        return _value(hint, {})
    if isinstance(hint, type) and issubclass(hint, Enum):
        return st.sampled_from(hint)
    return _PLAIN[hint]


_PLAIN: Final[Mapping[Any, Strategy]] = {
    bool: st.booleans(),
    int: st.integers(0, 7),
    float: st.floats(0, 4000),
    str: st.sampled_from(["", "x", "127.0.0.4"]),
    NoneType: st.none(),
}


def _value(kind: type[msgspec.Struct], aimed: Mapping[str, Strategy]) -> Strategy:
    hints = get_type_hints(kind)
    make: Callable[..., Any] = kind
    return st.builds(make, **{name: _field(kind, name, hints[name], aimed) for name in kind.__struct_fields__})


def _field(kind: type[msgspec.Struct], name: str, hint: Any, aimed: Mapping[str, Strategy]) -> Strategy:
    for known in (f"{kind.__name__}.{name}", name):
        if known in aimed:
            return aimed[known]
        if known in WORDS and (known != name or hint in (str, int)):
            return WORDS[known]
    return _of_type(hint)


def event_for(story: Story, data: st.DataObject) -> Event:
    """Draw an event of any class: one that fits what the story has open, or one of any shape."""
    if data.draw(st.sampled_from([True, True, True, False]), "fits"):
        candidates = (each for each in strays(story.user) if not isinstance(each, Snapshot))
        by_class = groupby(sorted(candidates, key=_class), key=_class)
        fitting = data.draw(st.sampled_from(data.draw(st.sampled_from([list(each) for _, each in by_class]))))
        iq: Iq | None = getattr(fitting, "iq", None)
        return replace(fitting, iq=replace(iq, id=story.iq().id)) if iq else fitting
    aimed = _aimed(story)
    kind = data.draw(st.sampled_from(EVENTS))
    event: Event = data.draw(_value(kind, aimed))
    return event


def replies(story: Story) -> Counter[str]:
    """Count the answers to each IQ."""
    kinds = (AcceptIq, AnswerCommand, RefuseIq, SendContact, SendForm, SendRegistrationForm)
    return Counter(i.command.iq.id for i in story.issued if isinstance(i.command, kinds))


def _class(event: Event) -> str:
    return type(event).__name__


def asked(story: Story) -> list[Iq]:
    """Return every IQ that came in the story's events."""
    return [recorded.event.iq for recorded, _ in story.entries if hasattr(recorded.event, "iq")]


def begin(story: Story, how: str) -> None:
    """Bring the story to where something can happen in it."""
    if how == "registered by our own user agent":
        story.online()
        story.tell(BY_SIP)
        story.tell(RegistrationSubmitted(story.iq(), SipAccount("a@sip.test"), "s1", "nonce"))
        name = story.id_of(SendRegister)
        story.tell(RegisterAnswered(name, name, 200, "OK"))
        return
    if how != "nobody is registered":
        story.signed_in()
    if how in ("the user calls", "the user talks"):
        channel = story.call_out()
        if how == "the user talks":
            story.answered(channel)
    elif how == "the user is called":
        connection = story.id_of(SignIn)
        story.tell(CallArrived("c1", connection, "sip:bob@sip.test", (PCMU,), PHONE_ADDRESS, CallState.INITIALISED))


BEGINNINGS: Final = (
    *("nobody is registered", "signed in", "the user calls", "the user talks", "the user is called"),
    "registered by our own user agent",
)


@pytest.mark.slow("draws a hundred stories")
@given(st.data())
def test_whatever_happens_the_rules_hold(data: st.DataObject) -> None:
    story = Story()
    begin(story, data.draw(st.sampled_from(BEGINNINGS)))
    for _ in range(data.draw(st.integers(5, 30), "events")):
        story.tell(event_for(story, data), data.draw(st.sampled_from([0.0, 1.0, 60.0])))
        for issued in story.last:
            assert not isinstance(issued.command, Fault), issued.command
            encoded = msgspec.json.encode(issued.command)
            assert msgspec.json.decode(encoded, type=Command) == issued.command
        assert not replies(story) - Counter(iq.id for iq in asked(story))
    # Let everything come to its end: the account is cancelled, and every deadline passes.
    story.tell(RegistrationCancelled(story.iq()))
    # A registration that fails is tried about sixty times before it is over.
    for _ in range(300):
        if not (due := deadlines(story.user)):
            break
        story.tell(TimePassed(), max(0.0, min(d.at for d in due) - story.at))
    assert deadlines(story.user) == ()
    answered = replies(story)
    assert all(answered[iq.id] == 1 for iq in asked(story))
    assert not story.user.calls
    assert story.user.account == Unregistered()
