"""An audio call of the scripted XMPP client: Jingle over raw-udp with G.711 (XEP-0166, XEP-0167, XEP-0177)."""

import itertools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import ClassVar, NamedTuple
from xml.etree import ElementTree as ET

from .rtp import PCMA, PCMU, RtpEndpoint
from .stanza import NS, element, failure
from .xmpp_client import XmppClient

PAYLOADS = {PCMU: {"name": "PCMU", "clockrate": "8000"}, PCMA: {"name": "PCMA", "clockrate": "8000"}}
"""The payload types that the client supports, with their attributes (XEP-0167 §4)."""
VP8 = 96
"""The payload type of its video."""
_numbers = itertools.count(1)


class End(NamedTuple):
    """The end of a call: the element name of the reason (XEP-0166 §7.4) and its text."""

    reason: str
    text: str


class Added(NamedTuple):
    """A content that the other side has accepted: its name, and who sends."""

    content: str
    senders: str


class Remote(NamedTuple):
    """The other side's media address and payload types, in order of preference."""

    host: str
    port: int
    payload_types: list[int]


@dataclass
class JingleCall:
    """A session of a client's resource with a peer, created by `outgoing` or `incoming`.

    `remote` is set by the other side's offer or answer. `camera`: the name of the content of video; `creator`: who has
    added it.
    """

    client: XmppClient
    peer: str
    sid: str
    media: RtpEndpoint
    content: str = "voice"
    remote: Remote | None = None
    camera: str = "camera"
    creator: str = "initiator"
    payloads: ClassVar[Mapping[int, Mapping[str, str]]] = PAYLOADS

    @classmethod
    async def outgoing(cls, client: XmppClient, to: str, media: RtpEndpoint, sid: str = "") -> "JingleCall":
        """Call a full JID. If the session-initiate gets an error, raises ConnectionRefusedError with the Failure.

        `sid` is the id of the preceding proposal, if there was one.
        """
        call = cls(client, to, sid or f"call-{next(_numbers)}", media)
        client.sessions.add((to, call.sid))
        await call._do("session-initiate", call._offer(cls.payloads), initiator=client.jid)
        return call

    @classmethod
    async def incoming(
        cls, client: XmppClient, media: RtpEndpoint, seconds: float = 30, after: int = 0, caller: str | None = None
    ) -> "JingleCall":
        """Wait for a call to the client, from this caller (a bare JID) if one is given. `after` skips that many of its
        stanzas.
        """

        def wanted(stanza: ET.Element) -> bool:
            jingle = jingle_of(stanza)
            initiates = jingle is not None and jingle.get("action") == "session-initiate"
            return initiates and caller in (None, stanza.get("from", "").partition("/")[0])

        request = await client.wait(wanted, "a session-initiate", seconds, after)
        jingle = jingle_of(request)
        assert jingle is not None
        content = jingle.find("jingle:content", NS)
        assert content is not None
        return cls(
            client,
            peer=request.get("from", ""),
            sid=jingle.get("sid", ""),
            media=media,
            content=content.get("name", ""),
            remote=remote_of(jingle),
        )

    # Actions of the other side

    async def ringing(self, seconds: float = 30) -> None:
        await self.told("ringing", seconds)

    async def answered(self, seconds: float = 30) -> Remote:
        accept = await self._action("session-accept", seconds)
        self.remote = remote_of(accept)
        return self.remote

    async def moved(self, seconds: float = 30, after: int = 0) -> Remote:
        """Wait for a transport-info and return the other side's new media address. `after` skips that many stanzas."""
        moved = await self._action("transport-info", seconds, after=after)
        self.remote = remote_of(moved)._replace(payload_types=self.remote.payload_types if self.remote else [])
        return self.remote

    async def spoken(self) -> list[int]:
        """Wait for a description-info and return the payload types in it."""
        return payload_types(await self._action("description-info", 30))

    async def told(self, info: str, seconds: float = 30, after: int = 0) -> None:
        """Wait until the client receives this session-info. `after` skips that many stanzas."""
        await self._action("session-info", seconds, holds=f"rtp-info:{info}", after=after)

    def last_told(self) -> str | None:
        """Return the last session-info that the client has received in this session, None if there is none."""
        told = [info for stanza in self.client.stanzas if (info := self._info(stanza))]
        return told[-1] if told else None

    def _info(self, stanza: ET.Element) -> str | None:
        jingle = jingle_of(stanza)
        if jingle is None or (stanza.get("from"), jingle.get("sid")) != (self.peer, self.sid):
            return None
        return next((each.tag.partition("}")[2] for each in jingle.iterfind("rtp-info:*", NS)), None)

    async def ended(self, seconds: float = 30) -> End:
        terminate = await self._action("session-terminate", seconds)
        return end_of(terminate)

    # Actions of the client

    async def ring(self) -> None:
        await self.inform("ringing")

    async def inform(self, info: str) -> None:
        """Send a session-info. If it gets an error, raises ConnectionRefusedError with the Failure."""
        await self._do("session-info", element(info, NS["rtp-info"]))

    async def transfer(self, to: str, sid: str | None = None) -> None:
        """Transfer the call to a JID (XEP-0251): to that with which the client has the session of this id, if it has.
        If that gets an error, raises ConnectionRefusedError with the Failure.
        """
        attended = {"sid": sid, "from": self.client.jid} if sid else {}
        await self._do("session-info", element("transfer", NS["transfer"], to=to, **attended))

    async def accept(self) -> None:
        """Answer with the first payload type of the offer that the client supports."""
        assert self.remote is not None
        common = [each for each in self.remote.payload_types if each in self.payloads]
        await self._do("session-accept", self._offer(common[:1]), responder=self.client.jid)

    async def adds_video(self, media: RtpEndpoint) -> Added:
        """Add video in VP8, and return what the other side says to that."""
        await self._do("content-add", self._video(media))
        answer = await self._action("content-accept", 30)
        content = answer.find("jingle:content", NS)
        assert content is not None
        return Added(content.get("name", ""), content.get("senders", "both"))

    async def takes_video(self, media: RtpEndpoint) -> str:
        """Wait until the other side adds video, and take it in VP8. Return who is to send."""
        content = (await self._action("content-add", 30)).find("jingle:content", NS)
        assert content is not None
        self.camera, self.creator = content.get("name", ""), "responder"
        await self._do("content-accept", self._video(media))
        return content.get("senders", "both")

    async def turns_camera(self, senders: str) -> None:
        """Say who sends video from now on."""
        content = element("content", None, creator=self.creator, name=self.camera, senders=senders)
        await self._do("content-modify", content)

    async def turned(self, after: int = 0) -> str:
        """Wait until the other side says who sends video, and return that. `after` skips that many stanzas."""
        content = (await self._action("content-modify", 30, after=after)).find("jingle:content", NS)
        assert content is not None
        assert content.get("name") == self.camera
        return content.get("senders", "both")

    async def removes_video(self) -> None:
        """Remove it again."""
        await self._do("content-remove", element("content", None, creator=self.creator, name=self.camera))

    def _video(self, media: RtpEndpoint) -> ET.Element:
        ports = {"1": media.port, "2": media.rtcp_port}
        candidates = [
            element("candidate", component=each, generation="0", id=f"v{each}", ip=media.address, port=str(port))
            for each, port in ports.items()
        ]
        payload = element("payload-type", id=str(VP8), name="VP8", clockrate="90000")
        described = element("description", NS["rtp"], payload, media="video")
        transport = element("transport", NS["raw-udp"], *candidates)
        return element("content", None, described, transport, creator=self.creator, name=self.camera)

    async def terminate(self, reason: str = "success", text: str | None = None) -> None:
        """Terminate the session: hang up, cancel or reject, depending on its state and the reason."""
        told = [element(reason)] + ([element("text", text=text)] if text else [])
        await self._do("session-terminate", element("reason", None, *told))
        self.client.sessions.discard((self.peer, self.sid))

    def talk(self) -> None:
        """Send the tone to the other side's media address, with the payload type that it prefers."""
        assert self.remote is not None
        self.media.send(self.remote.host, self.remote.port, self.remote.payload_types[0])

    async def _do(self, action: str, payload: ET.Element, **attributes: str) -> None:
        jingle = element("jingle", NS["jingle"], payload, action=action, sid=self.sid, **attributes)
        if wrong := failure(await self.client.request("set", self.peer, jingle)):
            raise ConnectionRefusedError(wrong)

    async def _action(self, action: str, seconds: float, holds: str = ".", after: int = 0) -> ET.Element:
        """Return the jingle element of this session's first request with this action; wait for it if needed."""

        def wanted(stanza: ET.Element) -> bool:
            jingle = jingle_of(stanza)
            return (
                jingle is not None
                and (stanza.get("from"), jingle.get("sid")) == (self.peer, self.sid)
                and jingle.get("action") == action
                and jingle.find(holds, NS) is not None
            )

        what = f"{action} ({holds}) for session {self.sid} with {self.peer}"
        jingle = jingle_of(await self.client.wait(wanted, what, seconds, after))
        assert jingle is not None
        return jingle

    def _offer(self, payload_types: Iterable[int]) -> ET.Element:
        payloads = [element("payload-type", id=str(each), **self.payloads[each]) for each in payload_types]
        ports = {1: self.media.port, 2: self.media.rtcp_port}
        candidates = [
            element(
                "candidate",
                component=str(component),
                generation="0",
                id=f"{self.sid}-{component}",
                ip=self.media.address,
                port=str(port),
            )
            for component, port in ports.items()
        ]
        return element(
            "content",
            None,
            element("description", NS["rtp"], *payloads, media="audio"),
            element("transport", NS["raw-udp"], *candidates),
            creator="initiator",
            name=self.content,
            senders="both",
        )


def jingle_of(stanza: ET.Element) -> ET.Element | None:
    """Return the jingle element of a request, None for any other stanza."""
    return stanza.find("jingle:jingle", NS) if stanza.get("type") == "set" else None


def remote_of(jingle: ET.Element) -> Remote:
    """Return the RTP address (component 1) and payload types of an offer or an answer."""
    candidates = jingle.iterfind("jingle:content/raw-udp:transport/raw-udp:candidate", NS)
    rtp = next(each for each in candidates if each.get("component") == "1")
    return Remote(rtp.get("ip", ""), int(rtp.get("port", "")), payload_types(jingle))


def payload_types(jingle: ET.Element) -> list[int]:
    """Return the numbers of the codecs in a description."""
    payloads = jingle.iterfind("jingle:content/rtp:description/rtp:payload-type", NS)
    return [int(each.get("id", "")) for each in payloads]


def end_of(jingle: ET.Element) -> End:
    """Return the reason and text of a session-terminate, empty if there are none."""
    reason = jingle.find("jingle:reason", NS)
    names = [each.tag.rpartition("}")[2] for each in reason] if reason is not None else []
    return End(
        reason=next((name for name in names if name != "text"), ""),
        text=jingle.findtext("jingle:reason/jingle:text", "", NS),
    )
