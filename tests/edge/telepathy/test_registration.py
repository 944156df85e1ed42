"""REGISTER through the edge: its destination, the contact that the provider stores, and the response to rakia."""

import re
import socket
from dataclasses import replace

import pytest

from ..agents import Agent, Message
from .conftest import INSIDE, Line, RunningEdge

pytestmark = pytest.mark.asyncio(loop_scope="module")

CHALLENGE = 'Digest realm="example.net", nonce="abc"'


async def challenged(line: Line, status: int, *challenges: tuple[str, str], method: str = "REGISTER") -> Message:
    """Let the provider challenge a request like this, and return the response that rakia gets."""
    sent = line.outgoing(method, body=OFFER if method == "INVITE" else "")
    arrived = await line.provider.request(method, sent["Call-ID"])
    await line.provider.answer(arrived, status, "Unauthorized", headers=list(challenges))
    return await line.rakia.final(sent)


OFFER = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n"


async def test_the_provider_stores_the_edge_with_a_token(line: Line, edge: RunningEdge) -> None:
    host, port = edge.outside
    tag = rf"[0-9a-f]{{8}}{line.name}"
    pattern = rf"sip:{line.user}@{host}:{port};transport=udp;line={line.rakia.address[1]}-{tag}-[0-9a-f]{{20}}"
    assert re.fullmatch(pattern, line.contact)


async def test_a_registration_that_names_no_rakia_changes_nothing(line: Line) -> None:
    """Any process of the machine can send one."""
    own = line.outgoing("REGISTER", headers=(("Route", replace(line, name="").route()),))
    await line.provider.answer(await line.provider.request("REGISTER", own["Call-ID"]), 200, "OK")
    await line.rakia.final(own)
    sent = line.incoming("INVITE", body=OFFER)
    await line.rakia.request("INVITE", sent["Call-ID"])


async def test_rakia_gets_its_own_contact_back_out_of_all(line: Line) -> None:
    sent = line.outgoing("REGISTER")
    arrived = await line.provider.request("REGISTER", sent["Call-ID"])
    ours = arrived["Contact"]
    contacts = f"<sip:x@127.0.0.8;line=1-2-3>;expires=7, {ours};expires=123;q=0.5, <sip:y@127.0.0.8>;expires=9"
    await line.provider.answer(arrived, 200, "OK", headers=[("Contact", contacts), ("Service-Route", "<sip:a;lr>")])
    answer = await line.rakia.final(sent)
    assert answer.all("Contact") == [f"{line.rakia_contact};expires=123;q=0.5"]
    assert answer.get("Service-Route") is None


async def test_rakia_gets_its_own_contact_from_one_of_several_headers(line: Line) -> None:
    sent = line.outgoing("REGISTER")
    arrived = await line.provider.request("REGISTER", sent["Call-ID"])
    headers = [("Contact", "<sip:x@127.0.0.8>;expires=7"), ("m", f"{arrived['Contact']};expires=60")]
    await line.provider.answer(arrived, 200, "OK", headers=headers)
    assert (await line.rakia.final(sent)).all("Contact") == [f"{line.rakia_contact};expires=60"]


@pytest.mark.parametrize(
    ("answered", "told"),
    [
        ([("Contact", "<sip:alice@198.51.100.7:1024>;expires=90")], 90),
        ([("Contact", "<sip:alice@198.51.100.7:1024;x=y>;q=0.5;Expires = 90;reg-id=1")], 90),
        ([("Contact", "<sip:alice@198.51.100.7:1024>"), ("Expires", "80")], 80),
        ([("Contact", "<sip:x@198.51.100.7>;expires=7, <sip:y@198.51.100.8>;expires=9"), ("Expires", "80")], 80),
        ([("Contact", "<sip:x@198.51.100.7>;expires=7, <sip:y@198.51.100.8>;expires=9")], 600),
        ([("Expires", "80")], 80),
        ([], 600),
    ],
    ids=["rewritten", "with more", "with Expires", "several, with Expires", "several", "only Expires", "nothing"],
)
async def test_a_registration_lasts_as_long_as_the_answer_says(
    line: Line, answered: list[tuple[str, str]], told: int
) -> None:
    """Our Contact is not in the answer, as a border controller has rewritten it, or the server omits it."""
    sent = line.outgoing("REGISTER", headers=(("Expires", "600"),))
    arrived = await line.provider.request("REGISTER", sent["Call-ID"])
    await line.provider.answer(arrived, 200, "OK", headers=answered)
    answer = await line.rakia.final(sent)
    contact, _, expires = answer["Contact"].partition(";expires=")
    assert answer.all("Contact") == [answer["Contact"]]
    assert (contact, expires or answer["Expires"]) == (line.rakia_contact, str(told))


async def test_leaving_brings_no_contact_back(line: Line) -> None:
    sent = line.outgoing("REGISTER", headers=(("Expires", "0"),))
    arrived = await line.provider.request("REGISTER", sent["Call-ID"])
    await line.provider.answer(arrived, 200, "OK", headers=[("Contact", "<sip:x@198.51.100.7>;expires=7")])
    assert (await line.rakia.final(sent)).all("Contact") == []


async def test_a_digest_challenge_passes(line: Line) -> None:
    answer = await challenged(line, 401, ("WWW-Authenticate", CHALLENGE))
    assert (answer.status, answer.all("WWW-Authenticate")) == (401, [CHALLENGE])


async def test_of_several_challenges_the_usable_one_passes(line: Line) -> None:
    sha = 'Digest realm="example.net", nonce="abc", algorithm=SHA-256, qop="auth"'
    md5 = 'Digest realm="example.net",nonce="abc",algorithm=MD5,qop="auth,auth-int"'
    names = ["WWW-Authenticate", "WWW-Authenticate", "Proxy-Authenticate"]
    answer = await challenged(line, 401, *zip(names, [sha, md5, CHALLENGE], strict=True))
    usable = md5.replace("auth,auth-int", "auth")
    assert (answer.status, answer.all("WWW-Authenticate"), answer.all("Proxy-Authenticate")) == (401, [usable], [])


@pytest.mark.parametrize("offered", ['qop="auth-int,auth"', 'qop = "auth, auth-int"', "qop=auth"])
async def test_auth_int_is_not_offered(line: Line, offered: str) -> None:
    """It covers the body, which the edge changes."""
    answer = await challenged(line, 401, ("WWW-Authenticate", f"{CHALLENGE}, {offered}, opaque=x"))
    assert answer["WWW-Authenticate"] == f'{CHALLENGE}, qop="auth", opaque=x'


@pytest.mark.parametrize("method", ["REGISTER", "INVITE"])
@pytest.mark.parametrize(
    "headers",
    [
        [],
        [("WWW-Authenticate", "")],
        [("WWW-Authenticate", 'Basic realm="x"')],
        [("WWW-Authenticate", 'Digest realm="x"')],
        [("WWW-Authenticate", 'Digest realm="x", nonce=""')],
        [("WWW-Authenticate", 'Digest nonce="x"')],
        [("WWW-Authenticate", f"{CHALLENGE}, algorithm=SHA-256")],
        [("WWW-Authenticate", f"{CHALLENGE}, algorithm=AKAv1-MD5")],
        [("WWW-Authenticate", f'{CHALLENGE}, qop="auth-int"')],
        [("Proxy-Authenticate", CHALLENGE)],
    ],
    ids=lambda headers: headers[0][1] or "empty" if headers else "none",
)
async def test_a_401_that_cannot_be_answered_becomes_a_403(
    line: Line, method: str, headers: list[tuple[str, str]]
) -> None:
    answer = await challenged(line, 401, *headers, method=method)
    assert (answer.status, answer.phrase[:13]) == (403, "401 gateway: ")
    assert answer.all("WWW-Authenticate") == answer.all("Proxy-Authenticate") == []


async def test_a_407_passes_with_its_own_challenge_only(line: Line) -> None:
    good = await challenged(line, 407, ("Proxy-Authenticate", CHALLENGE), method="INVITE")
    assert (good.status, good.all("Proxy-Authenticate")) == (407, [CHALLENGE])
    bad = await challenged(line, 407, ("WWW-Authenticate", CHALLENGE), method="INVITE")
    assert bad.status == 403


@pytest.mark.parametrize(("status", "phrase"), [(403, "Wrong password, sorry"), (423, "Brief")])
async def test_a_refusal_passes_with_its_words(line: Line, status: int, phrase: str) -> None:
    sent = line.outgoing("REGISTER")
    await line.provider.answer(await line.provider.request("REGISTER", sent["Call-ID"]), status, phrase)
    answer = await line.rakia.final(sent)
    assert (answer.status, answer.phrase) == (status, f"{status} {phrase}")


@pytest.mark.parametrize("status", [404, 410, 484, 604])
async def test_an_account_that_does_not_exist_is_refused_as_rakia_tells_it(line: Line, status: int) -> None:
    sent = line.outgoing("REGISTER")
    await line.provider.answer(await line.provider.request("REGISTER", sent["Call-ID"]), status, "No such user")
    answer = await line.rakia.final(sent)
    assert (answer.status, answer.phrase) == (403, f"{status} No such user")


async def test_a_silent_provider_is_given_up_in_time(line: Line) -> None:
    sent = line.outgoing("REGISTER", headers=(("Route", line.route(port=9)),))
    assert (await line.rakia.final(sent)).status == 408


@pytest.mark.parametrize("host", ["no-such-host.invalid", INSIDE])
async def test_a_provider_out_of_reach_is_told_at_once(line: Line, host: str) -> None:
    sent = line.outgoing("REGISTER", headers=(("Route", line.route(host=host)),))
    assert (await line.rakia.final(sent)).status == 503


async def test_a_refused_tcp_connection_is_told_at_once(line: Line) -> None:
    with socket.create_server((line.provider.address[0], 0)) as unused:
        port = unused.getsockname()[1]
    sent = line.outgoing("REGISTER", headers=(("Route", line.route("tcp", port=port)),))
    assert (await line.rakia.final(sent)).status in {408, 503}


async def refreshed(line: Line, first: Message, sequence: int, *more: tuple[str, str]) -> tuple[Message, Message]:
    """Send another REGISTER with the Call-ID of the first. Return it as sent and as the provider received it."""
    same = [(name, first[name]) for name in ("Call-ID", "From", "To")]
    sent = line.outgoing("REGISTER", headers=(*same, ("CSeq", f"{sequence} REGISTER"), *more))
    return sent, await line.provider.request("REGISTER", first["Call-ID"])


async def registered(line: Line) -> Message:
    sent = line.outgoing("REGISTER")
    arrived = await line.provider.request("REGISTER", sent["Call-ID"])
    await line.provider.answer(arrived, 200, "OK", headers=[("Contact", f"{arrived['Contact']};expires=600")])
    await line.rakia.final(sent)
    return sent


@pytest.mark.parametrize("status", [480, 500, 503])
async def test_a_refresh_that_meets_trouble_is_graced(line: Line, status: int) -> None:
    sent, arrived = await refreshed(line, await registered(line), 2)
    await line.provider.answer(arrived, status, "Trouble")
    answer = await line.rakia.final(sent)
    assert (answer.status, answer["Contact"]) == (200, f"{line.rakia_contact};expires=30")
    await line.edge.process.line("GRACE sip:bob@example.net")


async def test_a_refresh_that_is_not_answered_is_graced(line: Line) -> None:
    sent, _ = await refreshed(line, await registered(line), 2)
    answer = await line.rakia.final(sent)
    assert (answer.status, answer["Contact"]) == (200, f"{line.rakia_contact};expires=30")


async def test_a_refresh_that_is_refused_is_not_graced(line: Line) -> None:
    sent, arrived = await refreshed(line, await registered(line), 2)
    await line.provider.answer(arrived, 403, "No longer")
    assert (await line.rakia.final(sent)).phrase == "403 No longer"


async def test_leaving_is_not_graced(line: Line) -> None:
    first = await registered(line)
    leaving = ("Contact", f"{line.rakia_contact};expires=0")
    sent, arrived = await refreshed(line, first, 2, leaving)
    await line.provider.answer(arrived, 503, "Trouble")
    assert (await line.rakia.final(sent)).phrase == "503 Trouble"


async def test_a_first_registration_is_not_graced(line: Line) -> None:
    sent = line.outgoing("REGISTER")
    await line.provider.answer(await line.provider.request("REGISTER", sent["Call-ID"]), 503, "Down for repair")
    assert (await line.rakia.final(sent)).phrase == "503 Down for repair"


async def test_two_accounts_go_to_their_own_providers(line: Line, edge: RunningEdge, rakia: Agent) -> None:
    other = await Agent.open("127.0.0.5")
    sent = line.outgoing("REGISTER", headers=(("Route", line.route(host="127.0.0.5", port=other.address[1])),))
    arrived = await other.request("REGISTER", sent["Call-ID"])
    assert arrived.all("Route") == []
    other.close()
