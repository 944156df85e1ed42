"""Telepathy's values <-> ours: there and back again, and what is left out on the way."""

from typing import Any

import dbus
import pytest
from dbus.lowlevel import MethodCallMessage
from hypothesis import given, settings
from hypothesis import strategies as st

from fargo.adapters.telepathy import translate
from fargo.adapters.telepathy.bus import BusError, Signal
from fargo.statemachine.address import SipUri
from fargo.statemachine.media.description import Candidate, Codec, Parameter
from fargo.statemachine.model.call1 import (
    CallMembersChanged,
    CallStateChanged,
    CandidatesReceived,
    ChannelClosed,
    DescriptionReceived,
    HoldStateChanged,
    ReceivingStateChanged,
    SendingStateChanged,
)
from fargo.statemachine.model.events import SipTrouble

TOKENS = st.text("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-+.", min_size=1, max_size=12)
NAMES = TOKENS.filter(lambda name: name not in ("ptime", "maxptime"))
ENCODINGS = TOKENS.filter(lambda name: name.lower() != "telephone-event")
LINES = st.text(st.characters(exclude_categories=("Cc", "Cs", "Zl", "Zp")), max_size=12)
CODECS = st.builds(
    Codec,
    id=st.integers(35, 127),
    name=ENCODINGS,
    clockrate=st.integers(1, 192_000),
    channels=st.integers(1, 8),
    parameters=st.lists(st.builds(Parameter, NAMES, LINES), max_size=4, unique_by=lambda each: each.name).map(tuple),
)
HOSTILE = st.text(st.characters() | st.sampled_from("\r\n\0\x85\u2028\ud800"), max_size=8)
HOSTILE_PARAMETERS = st.lists(st.builds(Parameter, HOSTILE, HOSTILE), max_size=3).map(tuple)
ADDRESSES = st.ip_addresses().map(str).filter(lambda ip: "%" not in ip)
CANDIDATES = st.builds(Candidate, st.sampled_from([1, 2]), ADDRESSES, st.integers(1, 65535))


def through_the_bus(structs: object, signature: str) -> Any:
    """As the values look when they have been in a D-Bus message."""
    message = MethodCallMessage(None, "/", "a.b", "c")
    message.append(structs, signature=signature)
    return message.get_args_list()[0]


@settings(deadline=None)
@given(st.lists(CODECS, max_size=4).map(tuple))
def test_codecs_come_back_as_they_went(codecs: tuple[Codec, ...]) -> None:
    written = translate.codec_structs(codecs)
    assert not written.omitted
    assert translate.codecs(through_the_bus(written.structs, "a(usuuba{ss})")) == codecs


@settings(deadline=None)
@given(st.lists(CANDIDATES, max_size=4).map(tuple))
def test_candidates_come_back_as_they_went(candidates: tuple[Candidate, ...]) -> None:
    structs = through_the_bus(translate.candidate_structs(candidates), "a(usua{sv})")
    has_rtp = any(each.component == 1 for each in candidates)
    assert translate.candidates(structs) == (candidates if has_rtp else ())


@settings(deadline=None)
@given(st.lists(st.builds(Codec, st.integers(0, 127), HOSTILE, st.integers(0, 8000), parameters=HOSTILE_PARAMETERS)))
def test_nothing_that_is_written_breaks_a_line(codecs: list[Codec]) -> None:
    structs = through_the_bus(translate.codec_structs(codecs).structs, "a(usuuba{ss})")
    for _, name, _, _, _, told in structs:
        for text in (name, *told, *told.values()):
            assert len(text.splitlines()) <= 1


def test_no_value_of_the_bus_gets_further() -> None:
    structs = through_the_bus(translate.codec_structs([Codec(96, "opus", 48000, 2)]).structs, "a(usuuba{ss})")
    (codec,) = translate.codecs(structs)
    assert [type(each) for each in (codec.id, codec.name, codec.clockrate, codec.channels)] == [int, str, int, int]


def struct(**told: str) -> tuple[object, ...]:
    return dbus.UInt32(8), dbus.String("PCMA"), dbus.UInt32(8000), dbus.UInt32(0), dbus.Boolean(True), told


@pytest.mark.parametrize(
    ("told", "ptime", "maxptime"),
    [
        ({"ptime": "20"}, 20, 0),
        ({"ptime": "30", "maxptime": "150"}, 30, 150),
        ({"ptime": "soon"}, 0, 0),
        ({"ptime": "²"}, 0, 0),
        ({"ptime": "9" * 5000}, 0, 0),
        ({}, 0, 0),
    ],
)
def test_packet_times_come_as_parameters_and_do_not_stay_there(told: dict[str, str], ptime: int, maxptime: int) -> None:
    assert translate.codecs([struct(**told)]) == (Codec(8, "PCMA", 8000, 1, ptime, maxptime),)


def test_packet_times_are_not_written_into_fmtp() -> None:
    codec = Codec(8, "PCMA", 8000, ptime=20, parameters=(Parameter("ptime", "20"), Parameter("maxptime", "60")))
    assert translate.codec_structs([codec]).structs == [(8, "PCMA", 8000, 1, False, {})]


@pytest.mark.parametrize("name", ["", "events"])
def test_the_list_of_tones_needs_no_name(name: str) -> None:
    codec = Codec(101, "Telephone-Event", 8000, parameters=(Parameter(name, "0-15"),))
    assert translate.codec_structs([codec]).structs == [(101, "telephone-event", 8000, 1, False, {"events": "0-15"})]


def test_a_static_payload_type_is_named() -> None:
    assert translate.codec_structs([Codec(0)]).structs == [(0, "PCMU", 8000, 1, False, {})]
    assert translate.codec_structs([Codec(0, "pcmu")]).structs == [(0, "pcmu", 8000, 1, False, {})]


@pytest.mark.parametrize("codec", [Codec(96), Codec(96, "speex"), Codec(96, "a\r\nb", 8000), Codec(96, "\ud800", 8000)])
def test_a_codec_without_meaning_is_left_out(codec: Codec) -> None:
    written = translate.codec_structs([codec])
    assert (written.structs, len(written.omitted)) == ([], 1)


@pytest.mark.parametrize("parameter", [Parameter("", "111/111"), Parameter("a", "1\r\na=b"), Parameter("a\n", "1")])
def test_a_parameter_that_rakia_cannot_write_is_left_out(parameter: Parameter) -> None:
    written = translate.codec_structs([Codec(96, "red", 8000, parameters=(parameter, Parameter("x", "y")))])
    assert written.structs[0][-1] == {"x": "y"}
    assert len(written.omitted) == 1
    assert parameter.value not in written.omitted[0]


@pytest.mark.parametrize(
    "candidate",
    [
        Candidate(1, "host.local", 4000),
        Candidate(1, "fe80::1%eth0", 4000),
        Candidate(1, "192.0.2.1", 0),
        Candidate(1, "192.0.2.1", 65536),
        Candidate(3, "192.0.2.1", 4000),
    ],
)
def test_without_an_address_for_rtp_there_is_none(candidate: Candidate) -> None:
    assert translate.candidate_structs([candidate, Candidate(2, "192.0.2.1", 4001)]) == []


def test_only_its_port_is_a_number_in_an_account() -> None:
    route: dict[str, str | int | bool] = {
        "proxy-host": "udp~sip.test~5060@127.0.0.1",
        "port": 5070,
        "loose-routing": True,
    }
    parameters = translate.account_parameters(SipUri("alice smith", "sip.test"), None, "pw", route)
    assert parameters["account"] == "sip:alice%20smith@sip.test"
    assert type(parameters["port"]) is dbus.UInt16
    assert parameters["loose-routing"] is True
    assert parameters["discover-binding"] is False
    assert parameters["auth-user"] == "alice smith", "rakia would take the user of the URI with its escapes"
    assert (parameters["extra-auth-user"], parameters["extra-auth-password"]) == ("alice smith", "pw")
    parameters = translate.account_parameters(SipUri("alice", "sip.test"), "a-0815", "pw", route)
    assert parameters["auth-user"] == parameters["extra-auth-user"] == "a-0815"


@pytest.mark.parametrize(
    ("reason", "trouble"),
    [(0, "network"), (1, "asked"), (2, "network"), (3, "credentials"), (5, "in-use"), (99, "network")],
)
def test_why_a_connection_was_lost(reason: int, trouble: str) -> None:
    assert translate.trouble(reason) is SipTrouble(trouble)


@pytest.mark.parametrize(
    ("name", "trouble"),
    [("InvalidArgument", "invalid"), ("InvalidHandle", "invalid"), ("NotAvailable", "in-use"), ("Other", "network")],
)
def test_why_a_connection_was_refused(name: str, trouble: str) -> None:
    assert translate.request_trouble(BusError(f"{translate.ERROR}.{name}", "")) is SipTrouble(trouble)


@pytest.mark.parametrize(
    ("member", "arguments", "event"),
    [
        ("Closed", [], ChannelClosed("c")),
        ("CallStateChanged", [6, 0, (1, 8, "e", "486 Busy"), {}], CallStateChanged("c", 6, 8, "e", "486 Busy")),
        ("CallMembersChanged", [{7: 3}, {7: "sip:b@c"}, [], (7, 1, "", "")], CallMembersChanged("c", 3)),
        ("CallMembersChanged", [{8: 3}, {}, [], (7, 1, "", "")], None),
        ("RemoteCandidatesAdded", [[(2, "::1", 40, {})]], CandidatesReceived("c", (Candidate(2, "::1", 40),))),
        ("NewMediaDescriptionOffer", ["/o", {f"{translate.DESCRIPTION}.Codecs": [struct()]}],
            DescriptionReceived("c", (Codec(8, "PCMA", 8000),))),
        ("SendingStateChanged", [1], SendingStateChanged("c", 1)),
        ("ReceivingStateChanged", [3], ReceivingStateChanged("c", 3)),
        ("HoldStateChanged", [2, 1], HoldStateChanged("c", 2)),
        ("SomethingElse", [], None),
    ],
)  # fmt: skip
def test_what_a_signal_tells(member: str, arguments: list[object], event: object) -> None:
    assert translate.call_event("c", 7, Signal("/path", "interface", member, arguments)) == event
