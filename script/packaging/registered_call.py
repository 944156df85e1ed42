"""Register a SIP account with a gateway that runs already, call a phone and be called by it: `guest` runs this in the
system where the package is installed, with the scripted client and provider of the tests.

Usage: registered_call.py DOMAIN COMPONENT USER PASSWORD, with the XMPP server at 127.0.0.1:5222.
"""

import asyncio
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import cast

sys.path.insert(0, str(Path(__file__).parents[2] / "tests"))

from world.jingle_call import JingleCall
from world.rtp import RtpEndpoint
from world.sip_agent import ScriptedProvider, audio
from world.stanza import failure
from world.xmpp_client import XmppClient
from world.xmpp_server import XmppServer

SECONDS = 120
PACKETS = 25


async def main(domain: str, component: str, user: str, password: str) -> None:
    server = SimpleNamespace(domain=domain, address="127.0.0.1", client_port=5222, accounts={user: password})
    async with (
        asyncio.timeout(SECONDS),
        ScriptedProvider() as provider,
        XmppClient(cast(XmppServer, server), user) as client,
        RtpEndpoint() as phone,
        RtpEndpoint() as media,
    ):
        account = provider.account(user)
        refused = failure(
            await client.register_by_form(
                component,
                username=f"{account.user}@{account.domain}",
                password=account.password,
                **{"x-proxy": account.host, "x-port": str(account.port)},
            )
        )
        assert refused is None, refused
        await provider.registered()

        call = await JingleCall.outgoing(client, f"bob@{component}/fargo", media)
        invited = await provider.called()
        await invited.answered(invited.sdp(phone))
        await call.answered()
        call.talk()
        phone.send(*audio(invited.invite)[:2])
        await phone.received(PACKETS)
        await media.received(PACKETS)
        await invited.hang_up()
        await call.ended()
        await media.silence()
        await phone.silence()

        mark = len(client.stanzas)
        calling = provider.call(phone)
        call = await JingleCall.incoming(client, media, after=mark)
        await call.accept()
        await calling.accepted()
        await call.terminate()
        await calling.ended()


asyncio.run(main(*sys.argv[1:]))
