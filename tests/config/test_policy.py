"""The policy that the configuration makes: what the core decides by."""

from pathlib import Path

import pytest

from fargo.config import Config, load
from fargo.daemon_settings import policy, xmpp
from fargo.statemachine.media.paths import Policy

OPTIONS = """
[xmpp]
domain = "sip.example.org"
secret = "open sesame"
allowed_domains = ["example.org"]
[sip]
{sip}
"""


def configured(tmp_path: Path, sip: str) -> Config:
    file = tmp_path / "fargo.toml"
    file.write_text(OPTIONS.format(sip=sip))
    return load(file)


def of(tmp_path: Path, sip: str) -> Policy:
    return policy(configured(tmp_path, sip))


@pytest.mark.parametrize(
    "sip",
    [
        'address = "127.0.0.3"',
        'address = ["127.0.0.2", "::1"]',
        'address = "127.0.0.2"\nport = 5070',
        'address = "127.0.0.2"\ntls_port = 5070',
        'address = "127.0.0.2"\npublic_address = "192.0.2.1"',
    ],
)
def test_an_edge_that_phones_have_to_be_told_of_is_another(tmp_path: Path, sip: str) -> None:
    before = of(tmp_path, 'address = "127.0.0.2"').edge
    assert before
    assert of(tmp_path, sip).edge not in ("", before)


def test_an_edge_inside_and_limits_may_change(tmp_path: Path) -> None:
    before = of(tmp_path, 'address = "127.0.0.2"').edge
    assert of(tmp_path, 'address = "127.0.0.2"\ninside_port = 6000\nstranger_rate = 7').edge == before


def test_the_edge_of_workers_has_another_secret_and_is_another(tmp_path: Path) -> None:
    sip = 'address = "127.0.0.2"'
    before = of(tmp_path, sip).edge
    file = tmp_path / "fargo.toml"
    file.write_text(f'{OPTIONS.format(sip=sip)}[log]\nstore = "postgresql:///fargo"\n[workers.a]\n[workers.b]\n')
    assert policy(load(file, "a")).edge == policy(load(file, "b")).edge != before


def test_calls_of_rakia_know_no_edge(tmp_path: Path) -> None:
    assert of(tmp_path, 'address = "127.0.0.2"\nengine = "telepathy"').edge == ""


@pytest.mark.parametrize(
    ("engine", "told", "wanted", "announced"),
    [
        ("sip", "", "known", False),
        ("sip", 'end_to_end = "always"', "always", True),
        ("sip", 'end_to_end = "never"', "never", False),
        ("telepathy", 'end_to_end = "always"', "always", False),
    ],
)
def test_dtls_is_announced_without_a_relay_only_where_every_phone_is_offered_it(
    tmp_path: Path, engine: str, told: str, wanted: str, announced: bool
) -> None:
    found = configured(tmp_path, f'address = "127.0.0.2"\nengine = "{engine}"\n[media]\n{told}')
    assert (policy(found).end_to_end, xmpp(found).secured) == (wanted, announced)
