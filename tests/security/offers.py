"""Jingle calls of a client that names any address, with any codec."""

from collections.abc import Iterable, Mapping
from typing import ClassVar
from xml.etree import ElementTree as ET

from world.jingle_call import JingleCall
from world.stanza import NS, element, failure

ICE = "urn:xmpp:jingle:transports:ice-udp:1"
PCMU: Mapping[str, str] = {"id": "0", "name": "PCMU", "clockrate": "8000"}
RAW: Mapping[str, str] = {"id": "96", "name": "X-RAW", "clockrate": "8000"}
"""A codec that no relay decodes, so that its packets pass unchanged."""
INSIDE = "10.77.0.1"
"""The related address of each candidate."""

Place = tuple[str, int]


class HostileCall(JingleCall):
    """A call whose offer and answer name the `places` for audio, in ICE if `ice` is set."""

    places: ClassVar[tuple[Place, ...]]
    codec: ClassVar[Mapping[str, str]] = PCMU
    ice: ClassVar[bool] = False

    def _offer(self, _: Iterable[int]) -> ET.Element:
        described = element("description", NS["rtp"], element("payload-type", **self.codec), media="audio")
        return self._content(described, self._transport(), senders="both")

    async def moves(self, *places: Place) -> str | None:
        """Move to other places. Return the condition of the error, None if there is none."""
        candidates = [self._candidate(number, place) for number, place in enumerate(places, 1)]
        content = self._content(element("transport", NS["raw-udp"], *candidates))
        jingle = element("jingle", NS["jingle"], content, action="transport-info", sid=self.sid)
        wrong = failure(await self.client.request("set", self.peer, jingle))
        return wrong.condition if wrong else None

    def _content(self, *parts: ET.Element, senders: str | None = None) -> ET.Element:
        return element("content", None, *parts, creator="initiator", name=self.content, senders=senders)

    def _transport(self) -> ET.Element:
        named = enumerate(self.places, 1)
        if self.ice:
            candidates = [self._ice_candidate(number, place) for number, place in named]
            return element("transport", ICE, *candidates, ufrag="evil", pwd="chosen-by-the-attacker")
        return element("transport", NS["raw-udp"], *[self._candidate(*each) for each in named])

    def _candidate(self, component: int, place: Place) -> ET.Element:
        """Return a plain candidate: the first place is for RTP, the second for RTCP."""
        ip, port = place
        return element("candidate", component=f"{component}", generation="0", id=f"c{component}", ip=ip, port=f"{port}")

    def _ice_candidate(self, number: int, place: Place) -> ET.Element:
        ip, port = place
        of_ice = {
            **{"foundation": f"{number}", "network": "0", "priority": f"{1000 + number}", "protocol": "udp"},
            **{"type": "srflx", "rel-addr": INSIDE, "rel-port": "16379"},
        }
        return element("candidate", component="1", generation="0", id=f"c{number}", ip=ip, port=f"{port}", **of_ice)


def naming(*places: Place, codec: Mapping[str, str] = PCMU, ice: bool = False) -> type[HostileCall]:
    """Return the class of the calls that name these places."""
    return type("Naming", (HostileCall,), {"places": places, "codec": codec, "ice": ice})
