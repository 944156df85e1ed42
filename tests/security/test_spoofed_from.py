"""Senders that no server could deliver: another who may write to the component stream, or a server that does not check
what other servers send it, makes no user and no row with them.
"""

import pytest

from fargo.adapters.xmpp.senders import is_possible

from .attacked import Attacked

LONG = "x" * 1024
SPOOFED = (
    "",
    "mallory@elsewhere.test/x",
    "alice@localhost.elsewhere.test/x",
    "alice@elsewhere.test/@localhost",
    "localhost",
    "localhost/x",
    "elsewhere.test",
    "sip.localhost/x",
    "112@sip.localhost/x",
    "bob%sip.test@sip.localhost/fargo",
    "alice@sub.sip.localhost/x",
    "@localhost/x",
    "alice@localhost/",
    "a@b@localhost/x",
    "ALICE@localhost/x",
    "alice@LOCALHOST/x",
    "\uff41lice@localhost/x",
    "al ice@localhost/x",
    "al&quot;ice@localhost/x",
    "al&amp;ice@localhost/x",
    "al&lt;ice@localhost/x",
    "al:ice@localhost/x",
    "alice\u202e@localhost/x",
    "alice\u00ad@localhost/x",
    "alice\u2028@localhost/x",
    "alice@localhost/x\u0085y",
    f"{LONG}@localhost/x",
    f"alice@localhost/{LONG}",
    f"{'x' * 2000}@localhost",
)
STANZAS = (
    "<presence from='{sender}' to='sip.localhost'/>",
    "<presence from='{sender}' to='sip.localhost' type='unavailable'/>",
    "<presence from='{sender}' to='bob@sip.localhost' type='subscribe'/>",
    "<presence from='{sender}' to='bob@sip.localhost' type='probe'/>",
    "<iq type='get' from='{sender}' to='sip.localhost' id='i'><query xmlns='jabber:iq:register'/></iq>",
    "<iq type='set' from='{sender}' to='sip.localhost' id='i'><query xmlns='jabber:iq:register'>"
    "<username>alice@sip.test</username><password>x</password></query></iq>",
    "<iq type='set' from='{sender}' to='bob@sip.localhost/fargo' id='i'><jingle xmlns='urn:xmpp:jingle:1'"
    " action='session-initiate' sid='s'/></iq>",
    "<message from='{sender}' to='bob@sip.localhost'><propose xmlns='urn:xmpp:jingle-message:0' id='p'>"
    "<description xmlns='urn:xmpp:jingle:apps:rtp:1' media='audio'/></propose></message>",
    "<iq type='result' from='{sender}' to='sip.localhost' id='1.0'/>",
)


async def test_they_make_no_user_and_no_row(attacked: Attacked) -> None:
    server = attacked.server
    assert await attacked.register("alice@localhost/desk") is None
    await attacked.mailbox_refused()
    for sender in SPOOFED:
        await server.send(*(each.format(sender=sender) for each in STANZAS))
    await server.settled()
    assert attacked.users() == {"alice@localhost"}
    spoken_to = {each.get("to") for each in server.stanzas}
    assert not any(to for to in spoken_to if to and to.endswith("sip.localhost")), "it does not talk to itself"
    written = attacked.rows()
    for sender in ("alice@localhost/desk\u0085", "ALICE@localhost/desk", "alice@localhost/"):
        await server.send(*(each.format(sender=sender) for each in STANZAS))
    await server.settled()
    assert attacked.rows() == written, "and nothing is done in the name of a user who is registered"


@pytest.mark.parametrize("sender", [each.replace("&quot;", '"').replace("&amp;", "&") for each in SPOOFED[7:]])
def test_no_such_address_is_possible(sender: str) -> None:
    assert not is_possible(sender, "sip.localhost")


@pytest.mark.parametrize(
    "sender",
    [
        "alice@localhost",
        "alice@localhost/desk",
        "alice@localhost/Gajim.A1 at home",
        "alice@localhost/\U0001f4f1 phone",
        "\u00e9lan@localhost/x",
        "stra\u00dfe@localhost/x",
        "a\\20b@localhost/x",
        f"{'x' * 1023}@localhost/{'y' * 1023}",
        "localhost",
        "localhost/x",
    ],
)
def test_those_of_users_and_servers_are(sender: str) -> None:
    assert is_possible(sender, "sip.localhost")
