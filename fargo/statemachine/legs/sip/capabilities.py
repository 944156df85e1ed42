"""The capabilities of a SIP engine. The core asks this value and never the engine's name."""

from typing import Final

from msgspec import Struct

from fargo.statemachine.media.description import FAMILIES, Family, MediaProfile


class SipCapabilities(Struct, frozen=True, gc=False):
    """The abilities of an engine that the core decides by.

    ``profiles``: the media profiles that it can agree on with a phone. ``transport_change``: it can tell a phone in the
    middle of a call that the other end has a new address. ``families``: the address families of its audio.
    ``outlives_gateway``: its calls go on while the gateway is restarted. ``forwards``: a call can be forwarded.
    ``joins``: two phones of answered calls can be joined. ``texts``: it carries text messages. ``voicemail``: it
    subscribes to mailboxes. ``video``: it can agree on video.
    """

    profiles: tuple[MediaProfile, ...]
    transport_change: bool
    families: tuple[Family, ...] = FAMILIES
    outlives_gateway: bool = False
    forwards: bool = False
    joins: bool = False
    texts: bool = False
    voicemail: bool = False
    video: bool = False


NOTHING: Final = SipCapabilities((), False)
"""The capabilities of a leg that is over, and of an engine that this version does not know."""
