"""Forwarding a call that no client takes: the gateway calls another number for the user, and joins the two SIP legs.

Rules:

1. The second SIP leg takes the place of the XMPP leg: the bridge tells each of the two what the other reports.
2. Audio goes directly between the two phones. The number is offered what the caller offers, and the caller is told what
   the number answers. The caller hears early audio of the number, whatever the policy for clients: it is a phone that
   calls another. Later moves and holds are passed on, and keys that are told by INFO.
3. Keys (RFC 4568) are passed on if the caller or the account insists on encryption. Otherwise audio is plain.
4. Who has forwarded the call, and why, says Diversion (RFC 5806). From is the user's own address, as providers take no
   other, with the caller as display name.
5. The user is told at once who has called and where they were forwarded to, as no client shows such a call.
"""

from typing import Final

from msgspec.structs import replace

from fargo.statemachine.address import bare
from fargo.statemachine.call import texts
from fargo.statemachine.call.call_state import Call
from fargo.statemachine.effects import Effects
from fargo.statemachine.legs.leg_events import Answered, EarlyAudio, Ended
from fargo.statemachine.legs.sip import sip_leg
from fargo.statemachine.media import pictures
from fargo.statemachine.media.description import Description, Srtp
from fargo.statemachine.model.call_records import AudioPath, RecordAnswered, RecordEarlyAudio, RecordPath
from fargo.statemachine.model.commands import SendText
from fargo.statemachine.model.sip_values import Diversion
from fargo.statemachine.reason import Cause, Reason

_REASONS: Final = {Cause.NO_ANSWER: "no-answer", Cause.BUSY: "user-busy", Cause.UNAVAILABLE: "unavailable"}


def applies(call: Call, ended: Ended) -> bool:
    """Return True if a call is to be forwarded whose clients have ended like this: none has taken or declined it."""
    return call.forward is not None and not ended.settled and sip_leg.offered(call.sip) is not None


def begin(call: Call, why: Reason, effects: Effects) -> Call:
    """Call the number in the place of the clients, which are out of the call."""
    line, caller, offer = call.forward, call.caller, sip_leg.offered(call.sip)
    assert line, "it is to be forwarded"
    assert line.trunk, "an engine that forwards calls has its registrations here"
    assert line.forwards, "the line is for that"
    assert caller, "it has come in"
    assert offer, "it waits for an answer"
    by = Diversion(str(line.trunk.own), _REASONS.get(why.cause, "unknown"))
    forwards = replace(line.forwards, diversion=(by, *line.forwards.diversion))
    alone = pictures.without(_keyed(offer, line.srtp))
    leg = sip_leg.place(replace(line, forwards=forwards, early="always"), alone, effects)
    path = texts.BETWEEN_PHONES.format(to=line.target.words, why=why.text)
    effects.record(RecordPath(call.id, AudioPath.DIRECT, path, line.target.words))
    text = texts.FORWARDED.format(caller=caller.words, to=line.target.words)
    effects.emit(SendText(bare(caller.jid), effects.user, text, call.since, caller.nick))
    return replace(call, forwarded=leg, settled=True)


def _keyed(offer: Description, use: Srtp) -> Description:
    """Return what the number is offered. ``use``: the account's encryption (rule 3)."""
    if use == "required":
        return replace(offer, encryption_required=True)
    return offer if offer.encryption_required else replace(offer, crypto=())


def heard_early(call: Call, description: Description, effects: Effects) -> Call:
    """Let the caller hear the number, which has not answered (rule 2)."""
    sip = sip_leg.tell(call.sip, EarlyAudio(description), effects)
    if sip_leg.hears_early(sip) and not sip_leg.hears_early(call.sip):
        effects.record(RecordEarlyAudio(call.id))
    return replace(call, sip=sip)


def answered(call: Call, answer: Answered, effects: Effects) -> Call:
    """Tell the caller that the number has answered, and how."""
    assert call.forward, "it was forwarded"
    effects.record(RecordAnswered(call.id, call.forward.target.words))
    return replace(call, sip=sip_leg.tell(call.sip, answer, effects))
