"""The listed changes of descriptions and of hold."""

from collections.abc import Callable
from typing import Final

from msgspec.structs import replace

from fargo.statemachine.media.description import IPV6, Content, Description, IceUdp, RawUdp, families, is_secured
from fargo.statemachine.model import rules
from fargo.statemachine.model.call1 import CallMembersChanged, HoldStateChanged, RejectDescription, RequestHold
from fargo.statemachine.model.call_records import LogRecord
from fargo.statemachine.model.commands import Command, SendRegistrationForm, TerminateSession
from fargo.statemachine.model.events import TimePassed
from fargo.statemachine.model.jingle_events import SessionAccepted, SessionInitiated
from fargo.statemachine.model.ng import OfferRelay
from fargo.statemachine.model.sip_messages import InviteReceived, SendRequest, SendResponse, SipRequestReceived
from fargo.statemachine.model.sip_values import Sdp
from replay.verifying.difference import Difference, Explains
from replay.verifying.listed.comparing import InCall, in_calls, without_texts
from replay.verifying.listed.words import _plain_sentences


def _waiting_answer(difference: Difference) -> bool:
    """The older rules rejected a description. All else is done today."""
    then = in_calls(difference.then)
    left = [each for each in then if not isinstance(each[0], RejectDescription)]
    return left != then and left == in_calls(difference.now)


def _ipv6_audio(difference: Difference) -> bool:
    """A client described plain RTP with an address of IPv6, or with no address, of which it is told in other words."""
    event = difference.recorded.event
    if not isinstance(event, SessionInitiated | SessionAccepted):
        return False
    plain = [each.description for each in event.contents if each.description and _is_plain(each.description)]
    return any(IPV6 in families(each) for each in plain) or (
        any(not families(each) for each in plain) and _plain_sentences(difference)
    )


def _is_plain(description: Description) -> bool:
    return isinstance(description.transport, RawUdp)


def _encrypted_audio(difference: Difference) -> bool:
    """The registration form offers encryption, or the relay is asked to encrypt what it was asked for without that. Or
    a call that went directly goes through the relay.
    """
    then, now = without_texts(difference.then), without_texts(difference.now)
    opened = [replace(each, command=_open(each.command)) for each in now]
    if opened == then:
        return now != then
    if not isinstance(difference.recorded.event, SessionInitiated):
        return False
    direct = [each for each in then if isinstance(each.command, SendRequest) and each.command.method == "INVITE"]
    relayed = [each for each in now if isinstance(each.command, OfferRelay) and each.command.srtp != "off"]
    left, stays = (
        [(each.command, each.call) for each in some if each not in other and not isinstance(each.command, LogRecord)]
        for some, other in ((then, direct), (now, relayed))
    )
    return (len(direct), len(relayed)) == (1, 1) and left == stays


def _open(command: Command) -> Command:
    """Return the command as it was before there was encryption."""
    match command:
        case SendRegistrationForm():
            return replace(command, srtp=())
        case OfferRelay():
            return replace(command, srtp="off")
        case _:
            return command


def _hold_in_turn(difference: Difference) -> bool:
    """The older rules requested hold or resume when the client wanted it; today's do so when its turn has come."""
    then, now = in_calls(difference.then), in_calls(difference.now)
    requested, requests = ([each for each in some if isinstance(each[0], RequestHold)] for some in (then, now))
    if [each for each in then if each not in requested] != [each for each in now if each not in requests]:
        return False
    later = isinstance(difference.recorded.event, HoldStateChanged | CallMembersChanged)
    return (len(requested), len(requests)) == ((0, 1) if later else (1, 0))


def _end_to_end(difference: Difference) -> bool:
    """An end has offered DTLS over ICE, and was turned down for that at once."""
    event = difference.recorded.event
    refused = [each.command for each in difference.then]
    match event:
        case InviteReceived(body=Sdp(audio=Content(description=Description() as offered))):
            turned_down = any(isinstance(each, SendResponse) and each.status == 488 for each in refused)
            return turned_down and is_secured(offered)
        case SessionInitiated():
            turned_down = any(isinstance(each, TerminateSession) for each in refused)
            return turned_down and any(each.description and _has_dtls(each.description) for each in event.contents)
        case _:
            return False


def _has_dtls(description: Description) -> bool:
    return isinstance(description.transport, IceUdp) and description.transport.fingerprint is not None


def _direction_taken_back(difference: Difference) -> bool:
    """A phone has acknowledged our answer to its offer, and is sent another offer today."""
    event = difference.recorded.event
    if not isinstance(event, SipRequestReceived) or event.head.method != "ACK":
        return False
    then, now = in_calls(difference.then), in_calls(difference.now)
    offers = [each for each in now if isinstance(each[0], SendRequest) and each[0].method == "INVITE"]
    return len(offers) == 1 and [each for each in now if each not in offers] == then


def _refreshed_in_force(difference: Difference) -> bool:
    """A refresh described our end as the phone has not agreed to it, and descriptions since have other versions."""
    changes = [_without_version]
    if isinstance(difference.recorded.event, TimePassed):
        changes.append(_without_offer)
    then, now = in_calls(difference.then), in_calls(difference.now)
    return then != now and any(_changed(change, then) == _changed(change, now) for change in changes)


def _changed(change: Callable[[Command], Command], issued: list[InCall]) -> list[InCall]:
    return [(change(command), call) for command, call in issued]


def _without_version(command: Command) -> Command:
    if isinstance(command, SendRequest | SendResponse) and isinstance(command.body, Sdp):
        return replace(command, body=replace(command.body, version=0))
    return command


def _without_offer(command: Command) -> Command:
    in_call = isinstance(command, SendRequest) and command.method == "INVITE" and command.recipient.tag is not None
    return replace(command, body=None) if in_call else command


EXPLANATIONS: Final[dict[str, Explains]] = {
    rules.WAITING_ANSWER.name: _waiting_answer,
    rules.IPV6_AUDIO.name: _ipv6_audio,
    rules.ENCRYPTED_AUDIO.name: _encrypted_audio,
    rules.HOLD_IN_TURN.name: _hold_in_turn,
    rules.END_TO_END.name: _end_to_end,
    rules.DIRECTION_TAKEN_BACK.name: _direction_taken_back,
    rules.REFRESHED_IN_FORCE.name: _refreshed_in_force,
}
