"""The X-Fargo lines that the edge writes."""

import pytest

from fargo.adapters.sip import marks
from fargo.adapters.sip.wire.message import MalformedSipError
from fargo.statemachine.model.sip_values import Endpoint

SENDER = Endpoint("tcp", "2001:db8::1", 40000)


def source(text: str) -> marks.SourceMark | None:
    return marks.source({"X-Fargo-From": [text]})


def test_the_sender_of_a_message_is_told() -> None:
    assert source("tcp:[2001:db8::1]:40000;at=[2001:db8::10]:5060;boot=1.5") == (SENDER, "1.5", None)


@pytest.mark.parametrize(
    ("seen", "endpoint"),
    [
        ("[2001:db8::7]:6000", Endpoint("tcp", "2001:db8::7", 6000)),
        ("[2001:db8::7]", Endpoint("tcp", "2001:db8::7", 5060)),
    ],
)
def test_where_it_sees_us_is_told(seen: str, endpoint: Endpoint) -> None:
    found = source(f"tcp:[2001:db8::1]:40000;at=[2001:db8::10]:5060;boot=1;seen={seen};stray")
    assert found == (SENDER, "1", endpoint)


def test_a_message_of_the_edge_has_no_sender() -> None:
    assert marks.source({}) is None
    assert marks.is_local({"X-Fargo-Local": ["1"]})
    assert not marks.is_local({})


@pytest.mark.parametrize("name", ["X-Fargo-Closed", "X-Fargo-Started"])
def test_what_the_edge_tells_itself_is_known(name: str) -> None:
    assert marks.is_of_edge({name: ["tcp:192.0.2.1:5060"]})
    assert not marks.is_of_edge({})


@pytest.mark.parametrize("text", ["", "sctp:192.0.2.1:5060", "udp:192.0.2.1", "udp:[192.0.2.1", "udp:192.0.2.1:x"])
def test_a_line_that_the_edge_cannot_have_written_is_malformed(text: str) -> None:
    with pytest.raises(MalformedSipError):
        source(text)
    with pytest.raises(MalformedSipError):
        marks.closed({"X-Fargo-Closed": [text]})
