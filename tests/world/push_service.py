"""A push service (XEP-0357), which a server tells that a client is to be woken.

It is a client of the same server, so that it needs no domain of its own. It takes every notification.
"""

from xml.etree import ElementTree as ET

from .stanza import element
from .xmpp_client import XmppClient

PUSH = "urn:xmpp:push:0"
NODE = "mobile-of-alice"
_PUBSUB = "{http://jabber.org/protocol/pubsub}"


class PushService(XmppClient):
    """The service."""

    async def wakes(self, client: XmppClient) -> None:
        """Let the server wake a client by this service (XEP-0357 §5)."""
        answer = await client.request("set", None, element("enable", PUSH, jid=self.jid, node=NODE))
        assert answer.get("type") == "result", ET.tostring(answer)

    async def notified(self, after: int = 0) -> ET.Element:
        """Wait for a notification, and return it. `after` skips that many stanzas."""
        return await self.wait(lambda each: each.find(f"{_PUBSUB}pubsub") is not None, "a notification", after=after)

    def _answer(self, request: ET.Element) -> ET.Element:
        if request.find(f"{_PUBSUB}pubsub") is None:
            return super()._answer(request)
        return element("iq", type="result", id=request.get("id"), to=request.get("from"))
