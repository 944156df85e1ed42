"""`fargo check` with a real XMPP server and a real kamailio."""

import asyncio
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from world.ports import free_port
from world.prosody import Prosody

from fargo.adapters.xmpp import texts as xmpp_texts
from fargo.checking import texts
from fargo.cli import main
from fargo.cli.texts import ALL_FINE, RUNS_AS_ROOT, WARNING
from fargo.config_sections import INSIDE

CONFIG = """
[xmpp]
domain = "{domain}"
server = "{server}"
port = {port}
secret = "{secret}"
allowed_domains = ["localhost"]
[sip]
address = "127.0.0.2"
port = {sip}
inside_port = {inside}
{options}
[state]
directory = "state"
"""
SIP = "tls_port = {tls}\ngateway_port = {gateway}"
TELEPATHY = "engine = 'telepathy'"


async def check(directory: Path, server: Prosody, **changes: object) -> Result:
    path = directory / "fargo.toml"
    path.touch(mode=0o600)
    values: dict[str, object] = {
        "domain": server.component,
        "server": server.address,
        "port": server.component_port,
        "secret": server.secret,
        "sip": free_port("127.0.0.2"),
        "inside": free_port(INSIDE),
        "options": SIP.format(tls=free_port("127.0.0.2"), gateway=free_port(INSIDE)),
        **changes,
    }
    path.write_text(CONFIG.format(**values))
    return await asyncio.to_thread(CliRunner().invoke, main, ["check", "-c", str(path)])


@pytest.mark.usefixtures("servers")
async def test_prosody_takes_the_gateway_or_not(tmp_path: Path) -> None:
    async with Prosody({}) as server:
        place = {"domain": server.component, "server": server.address, "port": server.component_port}
        for _ in range(2):  # the first one has left
            right = await check(tmp_path, server)
            assert (right.exit_code, right.stderr.replace(f"{WARNING.format(problem=RUNS_AS_ROOT)}\n", "")) == (0, "")
            *_, edge, accepted, valid = right.stdout.splitlines()
            assert edge == texts.EDGE_FINE
            assert accepted == texts.SERVER_ACCEPTS.format(**place)
            assert valid == ALL_FINE.format(path=tmp_path / "fargo.toml")
        telepathy = await check(tmp_path, server, options=TELEPATHY)
        assert telepathy.exit_code == 0
        programs = [line.split(" is version ")[0] for line in telepathy.stdout.splitlines() if " is version " in line]
        assert programs == ["/usr/lib/telepathy/telepathy-rakia", "/usr/sbin/kamailio", "/usr/bin/dbus-daemon"]
        for changes, sentence in (
            ({"secret": "wrong-one"}, xmpp_texts.SECRET_REJECTED),
            ({"domain": "other.localhost"}, xmpp_texts.COMPONENT_UNKNOWN),
            ({"port": server.client_port}, xmpp_texts.NO_COMPONENT_PORT),
            ({"port": server.websocket_port}, xmpp_texts.CLOSED_AT_ONCE),
        ):
            wrong = await check(tmp_path, server, **changes)
            said = sentence.format(**{**place, **changes})
            assert (wrong.exit_code, wrong.stderr) == (2, f"Error: {tmp_path / 'fargo.toml'}: xmpp: {said}\n")
    await server.process.ended()
    gone = await check(tmp_path, server)
    said = xmpp_texts.NOTHING_LISTENS.format(**place)
    assert (gone.exit_code, gone.stderr) == (2, f"Error: {tmp_path / 'fargo.toml'}: xmpp: {said}\n")
