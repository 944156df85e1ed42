"""A client that restarts ICE: a real relay answers with new credentials, whichever end the client is, and nothing else
changes.
"""

from msgspec.structs import replace

from fargo.statemachine.media.description import Description, IceUdp, MediaProfile
from fargo.statemachine.model.ng import AnswerRelay, OfferRelay, RelayDescribed, RelayParty

from .rig import EVENTS, OPUS, PCMA, Rig, address, plain
from .test_adapter import CLIENTS, FINGERPRINT, PHONES

NOT_FOR_PHONES = ("red", "CN")
PHONE = plain("127.0.0.1", 4000, PCMA, EVENTS)


def browser(ufrag: str, setup: str) -> Description:
    transport = IceUdp(ufrag, "p" * 24, (), replace(FINGERPRINT, setup=setup))
    return Description("audio", (OPUS, PCMA, EVENTS), transport, mux=True)


def ice(described: RelayDescribed) -> IceUdp:
    transport = described.description.transport
    assert isinstance(transport, IceUdp)
    return transport


def only_the_credentials(before: IceUdp, after: IceUdp) -> bool:
    assert after.ufrag != before.ufrag
    return replace(after, ufrag=before.ufrag, pwd=before.pwd) == before


async def test_the_offerer_restarts(rig: Rig) -> None:
    first = OfferRelay("s", browser("first", "actpass"), MediaProfile.PLAIN, False, PHONES, NOT_FOR_PHONES)
    to_phone = await rig.do(first)
    answered = await rig.do(AnswerRelay("s", PHONE, MediaProfile.DTLS, True))
    to_phone_anew = await rig.do(replace(first, description=browser("second", "actpass")))
    answered_anew = await rig.do(AnswerRelay("s", PHONE, MediaProfile.DTLS, True))
    assert to_phone_anew.description == to_phone.description
    assert only_the_credentials(ice(answered), ice(answered_anew))


async def test_the_answerer_restarts(rig: Rig) -> None:
    offered = await rig.do(OfferRelay("s", PHONE, MediaProfile.DTLS, True, CLIENTS))
    to_phone = await rig.do(AnswerRelay("s", browser("first", "active"), MediaProfile.PLAIN))
    again = browser("second", "active")
    to_phone_anew = await rig.do(
        OfferRelay("s", again, MediaProfile.PLAIN, False, PHONES, NOT_FOR_PHONES, by=RelayParty.ANSWERER)
    )
    answered = await rig.do(AnswerRelay("s", PHONE, MediaProfile.DTLS, True, by=RelayParty.OFFERER))
    assert address(to_phone_anew) == address(to_phone)
    fingerprint = ice(offered).fingerprint
    assert fingerprint
    as_answered = replace(FINGERPRINT, value=fingerprint.value, setup="passive")
    assert only_the_credentials(replace(ice(offered), fingerprint=as_answered), ice(answered))
