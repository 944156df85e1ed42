"""The settings of the edge in front of rakia, and the way of an account through it."""

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from fargo.edge import texts
from fargo.edge.telepathy.routing import route_params
from fargo.edge.telepathy.settings import TelepathyEdgeSettings
from fargo.edge.telepathy.texts import BAD_ADDRESS, BAD_HOST, BAD_TRANSPORT


@pytest.fixture
def settings(tmp_path: Path) -> TelepathyEdgeSettings:
    return TelepathyEdgeSettings(outside_ip="127.0.0.2", secret="a secret of the tests", run_dir=tmp_path / "edge")


def test_another_secret_is_another_way_in(settings: TelepathyEdgeSettings) -> None:
    assert settings.files() != replace(settings, secret="another secret of ours").files()


def test_the_whole_of_loopback_is_forbidden_to_a_real_outside(settings: TelepathyEdgeSettings) -> None:
    assert '"!FORBIDDEN!(127|0)[.].*!g"' in replace(settings, outside_ip="192.0.2.1").files()["kamailio.cfg"]
    assert '"!FORBIDDEN!127[.]0[.]0[.]1!g"' in settings.files()["kamailio.cfg"]


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"outside_ip": "0.0.0.0"}, texts.NOT_REACHABLE.format(address="0.0.0.0")),
        ({"outside_ip": "sip.example.net"}, BAD_ADDRESS.format(side="outside", address="sip.example.net")),
        ({"outside_ip": '1.2.3.4!g"\nx'}, BAD_ADDRESS.format(side="outside", address='1.2.3.4!g"\nx')),
        ({"outside_ip": "127.0.0.1"}, texts.SAME_ADDRESS.format(address="127.0.0.1")),
        ({"inside_ip": "192.0.2.1"}, texts.NOT_LOOPBACK.format(address="192.0.2.1")),
        ({"inside_port": 0}, texts.BAD_PORT.format(side="inside", port=0)),
        ({"outside_port": 65536}, texts.BAD_PORT.format(side="outside", port=65536)),
        ({"ring_seconds": 0}, texts.BAD_SECONDS.format(name="ring_seconds", seconds=0)),
        ({"silence_seconds": 4000}, texts.BAD_SECONDS.format(name="silence_seconds", seconds=4000)),
        ({"secret": "short"}, texts.SHORT_SECRET),
    ],
)
def test_settings_that_cannot_work_are_refused(
    settings: TelepathyEdgeSettings, change: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(sentence)}$"):
        replace(settings, **change)


@pytest.mark.parametrize(
    ("transport", "host", "port", "hop"),
    [
        ("udp", "sip.example.net", 5062, "udp~sip.example.net~5062~a1"),
        ("tcp", "192.0.2.1", None, "tcp~192.0.2.1~~a1"),
        (None, None, None, "udp~~~a1"),
    ],
)
def test_an_account_is_led_through_the_edge(
    settings: TelepathyEdgeSettings, transport: str | None, host: str | None, port: int | None, hop: str
) -> None:
    params = route_params(transport, host, port, "a1", settings)
    assert params["proxy-host"] == f"{hop}@127.0.0.1"
    assert (params["port"], params["transport"], params["loose-routing"]) == (settings.inside_port, "udp", True)


@pytest.mark.parametrize(
    ("transport", "host", "sentence"),
    [
        ("sctp", "a", BAD_TRANSPORT.format(transport="sctp")),
        *(("udp", host, BAD_HOST.format(host=host)) for host in ("a@b", "a~b", "a b", "::1", "ä")),
    ],
)
def test_a_host_cannot_break_out_of_the_route(
    settings: TelepathyEdgeSettings, transport: str, host: str, sentence: str
) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(sentence)}$"):
        route_params(transport, host, None, "a1", settings)
