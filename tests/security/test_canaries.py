"""Secrets that are known here are looked for wherever the gateway leaves anything: its state, its log, what it prints,
the arguments and environments of its programs, pages, lists and exports. They are where they have to be, and nowhere
else.
"""

import re
import signal
from collections.abc import Mapping
from contextlib import closing
from dataclasses import replace
from os import kill
from pathlib import Path

import pytest
from click.testing import CliRunner
from edge.agents import Message
from edge.sip.certificates import authority, certified
from end_to_end.customer import Customer
from end_to_end.engines import ENGINES, IDS
from twisted.names import dns
from world.gateway import FARGO, Gateway
from world.jingle_call import JingleCall
from world.name_server import NameServer
from world.provider import SipAccount
from world.sip_agent import Flow, ScriptedProvider
from world.sip_login import Login
from world.stanza import NS, element, failure
from world.world import World

from fargo.adapters.xmpp.stanza import NS_DTLS, NS_ICE_UDP
from fargo.calls import records
from fargo.cli import main
from fargo.store.opening import open_reader
from fargo.texts import STATE_ENDS

from .test_privileges import programs

PASSWORD = "kanarienvogel-7f3a"
ICE_PASSWORD = "canaryIcePassword0123456"
DIGITS = "*#CD"
SERVER = "sip.example.test"
DIGEST = re.compile(r'response="([0-9a-f]{32})"')
PHONE_KEY = "Q2FuYXJ5S2V5T2ZUaGVQaG9uZTEyMzQ1Njc4OTAx"
"""30 bytes: what AES_CM_128_HMAC_SHA1_80 takes."""
PHONE_DIGITS = "BA"
TEXTS = ("kanarientext-hinaus", "kanarientext-herein")
"""The texts that the user writes, and gets."""
INFO = [("Content-Type", "application/dtmf-relay")]
SDES = re.compile(r"inline:([A-Za-z0-9+/=]{30,})")
DIGIT = re.compile(rf'"(?:digit|code|tone|text)": ?"[{re.escape(DIGITS + PHONE_DIGITS)}]"|Signal=')


class TappedProvider(ScriptedProvider):
    """Keeps what the gateway sends to it, in which digests and keys are."""

    heard = ""

    def take(self, message: Message, flow: Flow) -> None:
        self.heard += message.encode().decode()
        super().take(message, flow)

    def account(self, user: str = "alice") -> SipAccount:
        return replace(super().account(user), password=PASSWORD)


async def ice_call(alice: Customer) -> None:
    """Call somebody with an offer of ICE and DTLS, and give up."""
    candidate = element("candidate", component="1", generation="0", id="a", ip="127.0.0.1", port="40000", network="0",
                        priority="1", protocol="udp", foundation="1", type="host")  # fmt: skip
    fingerprint = element("fingerprint", NS_DTLS, text=":".join(["AB"] * 32), hash="sha-256", setup="actpass")
    transport = element("transport", NS_ICE_UDP, fingerprint, candidate, ufrag="abcd", pwd=ICE_PASSWORD)
    description = element(
        "description", NS["rtp"], element("payload-type", id="0", name="PCMU", clockrate="8000"), media="audio"
    )
    content = element("content", None, description, transport, creator="initiator", name="voice")
    jingle = element("jingle", NS["jingle"], content, action="session-initiate", sid="ice")
    assert failure(await alice.client.request("set", alice.contact("carol"), jingle)) is None


async def written(alice: Customer, provider: TappedProvider, engine: str) -> None:
    """Let the user write, and somebody write to them."""
    out, inward = TEXTS
    message = element("message", None, element("body", text=out), to=alice.contact("bob"), type="chat", id="text")
    if engine == "sip":
        alice.client.send(message)
        assert (await provider.written()).body == out
        assert (await provider.write(inward)).status == 200
        await alice.client.wait(lambda each: inward in "".join(each.itertext()), "a text")
    else:
        alice.client.send(message)
        await alice.client.wait(lambda each: each.get("id") == "text", "an error")


async def pressed(call: JingleCall, digits: str) -> None:
    for digit in digits:
        tone = element("dtmf", NS["dtmf"], code=digit)
        jingle = element("jingle", NS["jingle"], tone, action="session-info", sid=call.sid)
        assert failure(await call.client.request("set", call.peer, jingle)) is None


async def started(world: World, engine: str, trusted: Path, provider: TappedProvider) -> Customer:
    """Start a gateway with a relay and register Alice, over TLS if the engine has it."""
    relay = await world.relay()
    settings: dict[str, dict[str, object]] = {"media": {"path": "relay", "relay": f"{relay.address}:{relay.port}"}}
    way, names = {}, None
    if engine == "sip":
        settings["sip"] = {"tls_ca": str(trusted)}
        names = await world.add(NameServer({SERVER: [dns.Record_A(provider.address)]}))
        way = {"x-proxy": SERVER, "x-port": str(provider.tls_port), "x-transport": "tls"}
    gateway = Gateway(world.server, settings=settings, engine=engine, name_server=names, program=(FARGO,))
    alice = Customer(world, await world.add(gateway), await world.client("alice"), provider)
    await alice.register(**way)
    return alice


@pytest.mark.parametrize("engine", ENGINES, ids=IDS.get)
async def test_canaries(world: World, engine: str, tmp_path: Path) -> None:
    trusted = await authority(tmp_path, "authority of the tests")
    certificate = await certified(tmp_path, trusted, SERVER)
    provider = await world.add(TappedProvider(tls=certificate.server()))
    provider.logins = [Login(provider.domain, PASSWORD)]
    alice = await started(world, engine, trusted.certificate, provider)
    gateway, media, phone_media = alice.gateway, await world.media(), await world.media()
    call = await alice.call("bob", media)
    phone = await provider.called()
    offered = re.search(r"a=crypto:([0-9]+ AES_CM_128_HMAC_SHA1_80) ", phone.invite.body)
    line = f"a=crypto:{offered[1]} inline:{PHONE_KEY}\r\n" if offered else ""
    await phone.answered(phone.sdp(phone_media) + line)
    await call.answered()
    await pressed(call, DIGITS)
    for digit in PHONE_DIGITS if engine == "sip" else "":
        said = await phone.final(phone.request("INFO", headers=INFO, sdp=f"Signal={digit}\r\nDuration=160\r\n"))
        assert said.status == 200
    await phone.hang_up()
    assert (await call.ended()).reason == "success"
    await written(alice, provider, engine)
    await ice_call(alice)
    second = await provider.called()
    second.respond(second.invite, 486)
    kill(gateway.process.pid, signal.SIGUSR1)
    await gateway.process.line(STATE_ENDS.partition("{")[0])
    found = {"arguments": "".join(map(started_with, programs(gateway)))}
    await gateway.stop()
    found["journal"] = gateway.process.output
    found |= {str(path.relative_to(gateway.directory)): path.read_bytes().decode("latin-1") for path in files(gateway)}
    found |= told(gateway, tmp_path)

    digests, keys = DIGEST.findall(provider.heard), SDES.findall(provider.heard)
    assert digests
    assert "PlayDigit" in found["show"]
    assert bool(keys) == bool(offered) == (engine == "sip")
    assert places(found, PASSWORD) == {"state/vault.db"}
    assert ("DeliverText" in found["show"]) == (engine == "sip")
    assert [each for each in TEXTS if places(found, each)] == []
    assert [each for each in (*digests, *keys, PHONE_KEY) if places(found, each)] == []
    assert [place for place, text in found.items() if DIGIT.search(text)] == []
    # A client's ICE password is good for one call, and part of what the log has to have of it.
    assert places(found, ICE_PASSWORD) <= {*of_log(found), "ladder --html", "show", "export --with-names"}
    assert places(found, ICE_PASSWORD)
    assert [*gateway.directory.rglob("core*")] == []


def places(found: Mapping[str, str], canary: str) -> set[str]:
    return {place for place, text in found.items() if canary in text}


def of_log(found: Mapping[str, str]) -> set[str]:
    return {place for place in found if place.startswith("state/fargo.db")}


def files(gateway: Gateway) -> list[Path]:
    """Return what the gateway has written. The configuration is the operator's."""
    return [path for path in gateway.state.rglob("*") if path.is_file()]


def started_with(pid: int) -> str:
    process = Path(f"/proc/{pid}")
    return "".join((process / name).read_bytes().decode("latin-1") for name in ("cmdline", "environ"))


WRITING = {
    "ladder --html": ("replay", "ladder", "CALL", "--html", "FILE"),
    "export": ("replay", "export", "CALL", "-o", "FILE"),
    "export --as-test": ("replay", "export", "CALL", "--as-test", "-o", "FILE"),
    "export --with-names": ("replay", "export", "CALL", "--with-names", "-o", "FILE"),
}


def told(gateway: Gateway, directory: Path) -> dict[str, str]:
    """Return what each command says of the log, and what it writes."""
    with closing(open_reader(gateway.log)) as log:
        calls = [str(each.name) for each in records(log.call_entries())]
    assert len(calls) == 2
    of_log = ("--log", str(gateway.log))
    said = {"ladder": "".join(run("replay", "ladder", call, *of_log) for call in calls)}
    for name, command in WRITING.items():
        file = directory / name
        for call in calls:
            run(*(each.replace("CALL", call).replace("FILE", str(file)) for each in command), *of_log)
            said[name] = said.get(name, "") + file.read_text()
    said["show"] = run("replay", "show", str(gateway.log))
    said["calls"] = "".join(run("calls", *form, *of_log) for form in ((), ("--csv",), ("--json",)))
    return said


def run(*args: str) -> str:
    result = CliRunner().invoke(main, args)
    assert result.exit_code == 0, result.output
    return result.output
