"""Signing in and out at a real registrar, through a real rakia; and what happens when the host dies."""

import asyncio
import os
import signal
from pathlib import Path

import pytest
from world.ports import free_port

from fargo.statemachine.model.commands import SignIn, SignOut
from fargo.statemachine.model.events import SipAccount, SipSignedIn, SipSignedOut, SipTrouble
from fargo.statemachine.texts import NO_DOMAIN

from .conftest import ADDRESS
from .rig import PASSWORD, SECRET, WRONG_PASSWORD, WRONG_SECRET, Rig
from .scripted_edge import ScriptedEdge
from .sip import SipAgent


async def test_an_account_signs_in_and_out(rig: Rig, agent: SipAgent) -> None:
    name = rig.sign_in(agent.uri)
    assert await rig.expect(SipSignedIn) == SipSignedIn(name)
    assert agent.registered.startswith("sip:alice@127.0.0.1:")
    rig.do(SignOut(name))
    assert await rig.expect(SipSignedOut) == SipSignedOut(name, SipTrouble.ASKED)
    await agent.unregistered()


async def test_it_signs_in_again_right_after_it_signed_out(rig: Rig, agent: SipAgent, connection: str) -> None:
    rig.do(SignOut(connection))
    await rig.expect(SipSignedOut)
    again = rig.sign_in(agent.uri)
    await rig.expect(SipSignedIn, connection=again)


async def test_signing_out_before_it_is_signed_in_ends_it(rig: Rig, agent: SipAgent) -> None:
    name = rig.sign_in(agent.uri)
    rig.do(SignOut(name))
    assert await rig.expect(SipSignedOut) == SipSignedOut(name, SipTrouble.ASKED)
    again = rig.sign_in(agent.uri)
    await rig.expect(SipSignedIn, connection=again)


async def test_signing_out_while_the_registrar_is_silent_ends_it(rig: Rig, agent: SipAgent) -> None:
    agent.silent = True
    name = rig.sign_in(agent.uri)
    await agent.expect("REGISTER")
    rig.do(SignOut(name))
    assert await rig.expect(SipSignedOut) == SipSignedOut(name, SipTrouble.ASKED)


async def test_signing_out_at_any_moment_of_the_signing_in_ends_no_host(rig: Rig, agent: SipAgent) -> None:
    """rakia aborts if it reads the answer to a REGISTER after it has closed the connection."""
    host = rig.child("telepathy-rakia")
    for half_milliseconds in range(60):
        name = rig.sign_in(agent.uri)
        await asyncio.sleep(half_milliseconds / 2000)
        rig.do(SignOut(name))
        assert await rig.expect(SipSignedOut) == SipSignedOut(name, SipTrouble.ASKED)
    assert rig.child("telepathy-rakia") == host


async def test_signing_out_what_is_not_there_is_done(rig: Rig) -> None:
    rig.do(SignOut("77.0"))
    assert await rig.expect(SipSignedOut) == SipSignedOut("77.0", SipTrouble.ASKED)


async def test_a_wrong_password(rig: Rig, agent: SipAgent) -> None:
    name = rig.sign_in(agent.uri, WRONG_SECRET)
    assert await rig.expect(SipSignedOut) == SipSignedOut(name, SipTrouble.CREDENTIALS)


async def test_an_auth_user_is_what_the_registrar_is_told(rig: Rig, agent: SipAgent) -> None:
    rig.do(SignIn(SipAccount(agent.uri, auth_user="alice-0815"), SECRET))
    await rig.expect(SipSignedIn)
    assert agent.auth_user == "alice-0815"


async def test_a_registrar_out_of_order(rig: Rig, agent: SipAgent) -> None:
    agent.refuse = 503, "Service Unavailable"
    name = rig.sign_in(agent.uri)
    assert await rig.expect(SipSignedOut) == SipSignedOut(name, SipTrouble.NETWORK)


@pytest.mark.usefixtures("servers")
async def test_an_unreachable_registrar(tmp_path: Path, turns: ScriptedEdge) -> None:
    route: dict[str, str | int | bool] = {"proxy-host": ADDRESS, "port": free_port(ADDRESS), "transport": "udp"}
    async with Rig(tmp_path / "sip", route, turns.address) as rig:
        name = rig.sign_in("alice@sip.test")
        assert await rig.expect(SipSignedOut) == SipSignedOut(name, SipTrouble.NETWORK)


async def test_a_missing_password(rig: Rig, agent: SipAgent) -> None:
    rig.sign_in(agent.uri, "no such secret")
    assert (await rig.expect(SipSignedOut)).trouble is SipTrouble.SECRET


async def test_a_malformed_account(rig: Rig) -> None:
    rig.sign_in("alice at sip.test")
    out = await rig.expect(SipSignedOut)
    assert (out.trouble, out.text.endswith(NO_DOMAIN)) == (SipTrouble.INVALID, True)
    rig.do(SignIn(SipAccount("alice@sip.test", auth_user='a"\r\nExpires: 0'), SECRET))
    assert (await rig.expect(SipSignedOut)).trouble is SipTrouble.INVALID


async def test_an_account_that_somebody_else_has(rig: Rig, agent: SipAgent, connection: str) -> None:
    rig.sign_in(agent.uri, user="mercutio@example.org")
    assert (await rig.expect(SipSignedOut)).trouble is SipTrouble.IN_USE


async def test_an_account_that_its_user_still_has_is_waited_for(rig: Rig, agent: SipAgent, connection: str) -> None:
    unwanted, wanted = rig.sign_in(agent.uri), rig.sign_in(agent.uri)
    rig.do(SignOut(unwanted))
    assert await rig.expect(SipSignedOut) == SipSignedOut(unwanted, SipTrouble.ASKED)
    rig.do(SignOut(connection))
    assert await rig.expect(SipSignedOut) == SipSignedOut(connection, SipTrouble.ASKED)
    assert await rig.expect(SipSignedIn) == SipSignedIn(wanted)


async def test_two_users_may_name_their_connections_alike(rig: Rig, agent: SipAgent) -> None:
    rig.sign_in(agent.uri, command_id="1.0")
    rig.sign_in(agent.uri.replace("alice", "bob"), user="mercutio@example.org", command_id="1.0")
    await rig.expect(SipSignedIn)
    await rig.expect(SipSignedIn)


async def test_a_killed_rakia_is_replaced(rig: Rig, agent: SipAgent, connection: str) -> None:
    os.kill(rig.child("telepathy-rakia"), signal.SIGKILL)
    out = await rig.expect(SipSignedOut)
    assert (out.connection, out.trouble) == (connection, SipTrouble.HOST)
    again = rig.sign_in(agent.uri)
    assert await rig.expect(SipSignedIn) == SipSignedIn(again)


async def test_a_killed_bus_is_replaced(rig: Rig, agent: SipAgent, connection: str) -> None:
    os.kill(rig.child("dbus-daemon"), signal.SIGKILL)
    out = await rig.expect(SipSignedOut)
    assert (out.connection, out.trouble) == (connection, SipTrouble.HOST)
    again = rig.sign_in(agent.uri)
    assert await rig.expect(SipSignedIn) == SipSignedIn(again)


async def test_signing_in_ends_with_the_host_that_was_asked(rig: Rig, agent: SipAgent) -> None:
    os.kill(rig.child("telepathy-rakia"), signal.SIGSTOP)
    name = rig.sign_in(agent.uri)
    rig.do(SignOut("77.0"))
    await rig.expect(SipSignedOut, connection="77.0")  # both commands have been carried out
    os.kill(rig.child("telepathy-rakia"), signal.SIGKILL)
    assert (await rig.expect(SipSignedOut, connection=name)).trouble is SipTrouble.HOST


async def test_no_password_is_told(rig: Rig, agent: SipAgent, connection: str) -> None:
    rig.sign_in(agent.uri.replace("alice", "bob"), WRONG_SECRET)
    assert (await rig.expect(SipSignedOut)).trouble is SipTrouble.CREDENTIALS
    arguments = [Path(f"/proc/{rig.child(each)}/cmdline").read_text() for each in ("telepathy-rakia", "dbus-daemon")]
    await rig.stop()
    for told in (rig.output, *arguments):
        assert PASSWORD not in told
        assert WRONG_PASSWORD not in told
