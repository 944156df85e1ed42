"""The details of a SIP message, behind its label: numbers, ends, addresses, and the audio it describes. A line of text.

Rules:

1. A response names the request that it answers, by CSeq (RFC 3261 §8.1.1.5). That of a request of ours is among the
   user's pending commands; if it is no more, only the method is told.
2. Most is the far end's text: hostile.
"""

from typing import Final, assert_never

from msgspec.structs import replace

from fargo.statemachine.media.description import Content, Description, IceUdp, RawUdp, is_secured
from fargo.statemachine.model.composing import Composing
from fargo.statemachine.model.kept_text import KeptText
from fargo.statemachine.model.message_summary import MessageSummary
from fargo.statemachine.model.sip_messages import (
    InviteReceived,
    SendRequest,
    SendResponse,
    SipRequestReceived,
    SipResponseReceived,
    TextReceived,
)
from fargo.statemachine.model.sip_values import Body, Endpoint, OtherBody, PressedKey, Sdp, SipFragment, WholePicture
from fargo.statemachine.pending import PendingCommands
from replay.drawing import texts

_BETWEEN: Final = ", "
_USUAL_RATE: Final = 8000


def of_request(event: InviteReceived | SipRequestReceived | TextReceived) -> str:
    """Return the details of a request that was received."""
    head = event.head
    body = _body(event.text if isinstance(event, TextReceived) else event.body)
    ends = texts.ENDS.format(sender=_address(head.from_text), recipient=_address(head.to_text))
    return _joined(_number(head.cseq), ends, _source(event.source), body)


def of_response(event: SipResponseReceived, pending: PendingCommands) -> str:
    """Return the details of a response that was received. ``pending``: the commands that waited for replies then."""
    made = texts.BY_EDGE if event.by_edge else _source(event.source)
    return _joined(_answers(event.method, _cseq(event, pending)), made, _body(event.body))


def _cseq(event: SipResponseReceived, pending: PendingCommands) -> int | None:
    """Return the number of the request that a response answers (rule 1). A CANCEL has that of its INVITE."""
    waiting = pending.get(event.command)
    return waiting.command.cseq if waiting and isinstance(waiting.command, SendRequest) else None


def of_our_request(command: SendRequest) -> str:
    """Return the details of a request of ours."""
    ends = texts.ENDS.format(sender=_address(command.sender.uri), recipient=_address(command.recipient.uri))
    return _joined(_number(command.cseq), ends, texts.SENT_TO.format(address=_target(command)), _body(command.body))


def of_our_response(command: SendResponse) -> str:
    """Return the details of a response of ours."""
    return _joined(_answers(command.head.method, command.head.cseq), _body(command.body))


def _joined(*parts: str | None) -> str:
    return _BETWEEN.join(part for part in parts if part is not None)


def _number(cseq: int) -> str:
    return texts.CSEQ.format(cseq=cseq)


def _answers(method: str, cseq: int | None) -> str:
    return texts.ANSWERS.format(method=method) if cseq is None else texts.ANSWERS_CSEQ.format(method=method, cseq=cseq)


def _source(source: Endpoint | None) -> str | None:
    return texts.CAME_FROM.format(address=_endpoint(source)) if source else None


def _target(command: SendRequest) -> str:
    """Return where a request is sent: an address that is known, a server, or what its first route or URI names."""
    if command.destination:
        return _endpoint(command.destination)
    if command.hop:
        return command.hop.host if command.hop.port is None else f"{command.hop.host}:{command.hop.port}"
    return _address(command.routes[0] if command.routes else command.uri).rpartition("@")[2]


def _endpoint(endpoint: Endpoint) -> str:
    return f"{endpoint.transport} {_place(endpoint.ip, endpoint.port)}"


def _place(ip: str, port: int) -> str:
    return f"[{ip}]:{port}" if ":" in ip else f"{ip}:{port}"


def _address(text: str) -> str:
    """Return the address in a URI, or in a From, To or Route header, without scheme and parameters."""
    _, bracket, rest = text.rpartition("<")
    uri = rest.partition(">")[0] if bracket else text
    scheme, colon, behind = uri.partition(";")[0].strip().partition(":")
    return behind if colon and scheme.lower() in ("sip", "sips", "tel") else uri


def _body(body: Body | None) -> str | None:
    match body:
        case Sdp(audio=Content(description=description), video=video) if description is not None:
            audio = _encrypted(description, _audio(description))
            seen = _seen(video) if video else ""
            return texts.AND_VIDEO.format(audio=audio, video=seen) if seen else audio
        case Sdp():
            return texts.NO_AUDIO
        case OtherBody(media_type=media_type, length=length):
            return texts.OTHER_BODY.format(type=media_type, length=length)
        case KeptText(length=length):
            return texts.TEXT_BODY.format(length=length)
        case Composing(active=active):
            return texts.TYPES if active else texts.TYPES_NO_MORE
        case MessageSummary(waiting=waiting, new=new):
            return texts.SUMMARY.format(new=new if waiting and new is not None else texts.SOME if waiting else 0)
        case PressedKey():
            return texts.KEY
        case WholePicture():
            return texts.WHOLE_PICTURE
        case SipFragment(status=status, phrase=phrase):
            return f"{status} {phrase}"
        case None:
            return None


def _audio(description: Description) -> str:
    """Return codecs and address; the address 0.0.0.0, too, which is a hold (RFC 3264 §8.4)."""
    codecs = " ".join(_codec(each.name, each.clockrate) for each in description.codecs)
    match description.transport:
        case RawUdp(candidates=(first, *_)):
            return texts.AUDIO_AT.format(codecs=codecs, address=_place(first.ip, first.port))
        case IceUdp():
            return texts.BY_ICE.format(codecs=codecs)
        case _:
            return codecs


def _seen(video: Content) -> str:
    """Return the video of a description, and who sends it if not both; the phone is "initiator"."""
    if video.description is None:
        return ""
    told = _video(video.description)
    match video.senders:
        case "both":
            return told
        case "initiator":
            return texts.VIDEO_OF_PHONE.format(video=told)
        case "responder":
            return texts.VIDEO_TO_PHONE.format(video=told)
        case "none":
            return texts.VIDEO_OF_NOBODY.format(video=told)
        case _:
            assert_never(video.senders)


def _video(description: Description) -> str:
    """Return the codecs of video, whose clock rate goes without saying, and the address."""
    named = replace(description, codecs=tuple(replace(each, clockrate=_USUAL_RATE) for each in description.codecs))
    return _audio(named)


def _encrypted(description: Description, audio: str) -> str:
    """Return the audio with the encryption that is offered or accepted for it, by SDES or DTLS."""
    if is_secured(description):
        return texts.DTLS.format(audio=audio)
    if description.encryption_required:
        return texts.SRTP.format(audio=audio)
    return texts.SRTP_OPTIONAL.format(audio=audio) if description.crypto else audio


def _codec(name: str, clockrate: int) -> str:
    return name if clockrate == _USUAL_RATE else f"{name}/{clockrate}"
