"""A client and a pjsip phone in a call: they hear each other, and hold each other."""

from world.jingle_call import JingleCall
from world.pjsip import Pjsip

PJSIP_HERTZ, CLIENT_HERTZ = 600, 1000
SILENCE = 0
PACKETS = 30


async def hear_each_other(call: JingleCall, phone: Pjsip) -> None:
    """Check that each receives the other's tone."""
    if not call.media.sent:
        call.talk()
    await call.media.hears(PJSIP_HERTZ)
    await phone.hears(CLIENT_HERTZ)


async def hold_each_other(call: JingleCall, phone: Pjsip) -> None:
    """Let the phone hold and resume the call, then the client."""
    phone.hold()
    await call.told("hold")
    await call.media.hears(SILENCE)  # it goes on sending
    mark = len(call.client.stanzas)
    phone.resume()
    await call.told("unhold", after=mark)
    await hear_each_other(call, phone)

    mark = len(phone.events)
    await call.inform("hold")
    await phone.event("media", state="held", after=mark)
    await call.media.quiet(PACKETS)
    mark = len(phone.events)
    await call.inform("unhold")
    await phone.event("media", state="active", after=mark)
    await hear_each_other(call, phone)
