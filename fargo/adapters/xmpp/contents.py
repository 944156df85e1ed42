"""Jingle contents and RTP descriptions, both ways (XEP-0166 §7.3, XEP-0167 §4, XEP-0293, XEP-0294, XEP-0339).

Reading keeps everything but:

- SDES keys and ZRTP hashes. Keys must never reach the event log; only the demand for encryption is kept.
- What the gateway has no use for yet: other groups than BUNDLE (XEP-0338), msid <stream/>, <bandwidth/>, <ssrc-group/>,
  <extmap-allow-mixed/>, the parameters of feedback and of header extensions, the disposition of a content.
- ``channels="0"``, which Pidgin writes if the number of channels is unknown: it is read as 1.
- A number that may be absent and is none, or is too large: it counts as absent, and does not cost the call.

Writing omits `Description.ptime` and `Description.maxptime`: Jingle has these for each payload type only.
"""

from collections.abc import Iterable
from typing import Final, get_args

from msgspec.structs import replace
from twisted.words.xish.domish import Element

from fargo.adapters.xmpp import texts, transports
from fargo.adapters.xmpp.stanza import (
    NS_EXTENSIONS,
    NS_FEEDBACK,
    NS_GROUPING,
    NS_JINGLE,
    NS_RTP,
    NS_SOURCES,
    MalformedError,
    add,
    attribute,
    bounded,
    children,
    choice,
    elements,
    has_child,
    make,
    nonempty,
    number,
    number_or,
    required,
)
from fargo.statemachine.media.bundle import Bundle
from fargo.statemachine.media.description import (
    Codec,
    Content,
    Description,
    Extension,
    Feedback,
    Parameter,
    Role,
    Senders,
    Source,
    Transport,
    UnknownApplication,
    UnknownTransport,
)
from fargo.statemachine.media.pictures import VIDEO

_MOST_CONTENTS: Final = 16
_BYTE: Final = 255
_WORD: Final = 2**32 - 1
_INTERVAL: Final = "trr-int"
_BUNDLE: Final = "BUNDLE"
_ROLES: Final[tuple[Role, ...]] = get_args(Role)
_SENDERS: Final[tuple[Senders, ...]] = get_args(Senders)


# --- reading


def read(jingle: Element) -> tuple[Content, ...]:
    """Return the contents of a <jingle/>, in order. Raise MalformedError if one is malformed."""
    return tuple(_content(each) for each in children(jingle, NS_JINGLE, "content", _MOST_CONTENTS))


def bundles(jingle: Element) -> tuple[Bundle, ...]:
    """Return the BUNDLE groups of a <jingle/>, each as the names of its contents (XEP-0338 §2)."""
    groups = children(jingle, NS_GROUPING, "group", _MOST_CONTENTS)
    return tuple(_names(each) for each in groups if required(each, "semantics") == _BUNDLE)


def _names(group: Element) -> Bundle:
    return tuple(required(each, "name") for each in children(group, NS_GROUPING, "content", _MOST_CONTENTS))


def _content(content: Element) -> Content:
    description, transport = _only(content, "description"), _only(content, "transport")
    where = transports.read(transport) if transport is not None else None
    name = required(content, "name")
    creator = choice(content, "creator", _ROLES, "initiator")
    senders = choice(content, "senders", _SENDERS, "both")
    if description is None:
        return Content(name, creator, senders, transport=where)
    if description.uri == NS_RTP:
        described = _description(description, where or UnknownTransport(""))
        # Some clients demand encryption beside the description, and not in it (XEP-0167 §7).
        demanded = described.encryption_required or _encryption_required(content)
        return Content(name, creator, senders, replace(described, encryption_required=demanded))
    namespace = bounded(description.uri or "", texts.NAMESPACE.format(element="description"))
    return Content(name, creator, senders, unknown=UnknownApplication(namespace), transport=where)


def _only(content: Element, name: str) -> Element | None:
    """Return the child with this name. Its namespace names the application or the transport (XEP-0166 §7.3)."""
    found = [each for each in elements(content) if each.name == name]
    if len(found) > 1:
        raise MalformedError(texts.MORE_THAN_ONE.format(element="content", name=name))
    return found[0] if found else None


def _description(description: Element, transport: Transport) -> Description:
    return Description(
        media=required(description, "media"),
        codecs=tuple(_codec(each) for each in children(description, NS_RTP, "payload-type")),
        transport=transport,
        mux=has_child(description, NS_RTP, "rtcp-mux"),
        reduced_size=has_child(description, NS_RTP, "rtcp-reduced-size"),
        extensions=tuple(_extension(each) for each in children(description, NS_EXTENSIONS, "rtp-hdrext")),
        feedback=_feedback(description),
        ssrc=attribute(description, "ssrc"),
        sources=tuple(_source(each) for each in children(description, NS_SOURCES, "source")),
        encryption_required=_encryption_required(description),
    )


def _codec(payload: Element) -> Codec:
    return Codec(
        id=number(payload, "id", _BYTE),
        name=attribute(payload, "name"),
        clockrate=number_or(payload, "clockrate", _WORD, 0),
        channels=number_or(payload, "channels", _BYTE, 1) or 1,
        ptime=number_or(payload, "ptime", _WORD, 0),
        maxptime=number_or(payload, "maxptime", _WORD, 0),
        parameters=tuple(map(_with_value, _parameters(payload, NS_RTP))),
        feedback=_feedback(payload),
    )


def _parameters(parent: Element, namespace: str) -> tuple[Parameter, ...]:
    found = children(parent, namespace, "parameter")
    return tuple(Parameter(attribute(each, "name"), attribute(each, "value")) for each in found)


def _with_value(parameter: Parameter) -> Parameter:
    """Return the parameter with its value as `value`.

    An fmtp value may have no name, such as "111/111" of red. Some clients send it as the value, others as the name.
    """
    return parameter if parameter.value else Parameter("", parameter.name)


def _feedback(parent: Element) -> tuple[Feedback, ...]:
    """Return the RTCP feedback (XEP-0293 §3); the minimal interval has an element of its own."""
    kinds = children(parent, NS_FEEDBACK, "rtcp-fb")
    intervals = children(parent, NS_FEEDBACK, "rtcp-fb-trr-int")
    return (
        *(Feedback(required(each, "type"), attribute(each, "subtype")) for each in kinds),
        *(Feedback(_INTERVAL, "", number_or(each, "value", _WORD, 0)) for each in intervals),
    )


def _extension(extension: Element) -> Extension:
    return Extension(
        id=number(extension, "id", _WORD),
        uri=required(extension, "uri"),
        senders=choice(extension, "senders", _SENDERS, "both"),
    )


def _source(source: Element) -> Source:
    return Source(required(source, "ssrc"), _parameters(source, NS_SOURCES))


def _encryption_required(parent: Element) -> bool:
    """Return True if encryption is demanded. An element in the wrong place may have the wrong namespace, too."""
    found = [each for each in elements(parent) if each.name == "encryption"]
    return any(choice(each, "required", ("0", "1", "false", "true"), "0") in ("1", "true") for each in found)


# --- writing


def write_bundle(bundle: Bundle) -> list[Element]:
    """Return the <group/> of a BUNDLE group, nothing if there is none."""
    group = make("group", NS_GROUPING, semantics=_BUNDLE)
    return [add(group, *(make("content", NS_GROUPING, name=each) for each in bundle))] if bundle else []


def write_with_video(content: Content) -> list[Element]:
    """Return the <content/> for a value, and one for the video that goes with it."""
    video = content.description and content.description.video
    written = [write(content)]
    return [*written, write(Content(VIDEO, content.creator, content.senders, video))] if video else written


def write(content: Content) -> Element:
    """Return the <content/> for a value, without video that goes with it."""
    made = make("content", NS_JINGLE, creator=content.creator, name=content.name, senders=content.senders)
    transport = content.transport
    if content.description:
        made.addChild(_description_element(content.description))
        transport = content.description.transport
    elif content.unknown:
        made.addChild(make("description", content.unknown.namespace))
    where = transports.write(transport) if transport else None
    return add(made, where) if where is not None else made


def _description_element(description: Description) -> Element:
    made = make("description", NS_RTP, media=description.media, **nonempty(ssrc=description.ssrc))
    add(made, *map(_codec_element, description.codecs))
    if description.encryption_required:
        made.addChild(make("encryption", NS_RTP, required="true"))
    if description.mux:
        made.addChild(make("rtcp-mux", NS_RTP))
    if description.reduced_size:
        made.addChild(make("rtcp-reduced-size", NS_RTP))
    add(made, *_feedback_elements(description.feedback), *map(_extension_element, description.extensions))
    return add(made, *map(_source_element, description.sources))


def _codec_element(codec: Codec) -> Element:
    c = codec
    channels = c.channels if c.channels > 1 else 0
    attributes = nonempty(name=c.name, clockrate=c.clockrate, channels=channels, ptime=c.ptime, maxptime=c.maxptime)
    made = make("payload-type", NS_RTP, id=c.id, **attributes)
    return add(made, *_parameter_elements(codec.parameters, NS_RTP), *_feedback_elements(codec.feedback))


def _parameter_elements(parameters: Iterable[Parameter], namespace: str) -> list[Element]:
    return [make("parameter", namespace, **nonempty(name=each.name, value=each.value)) for each in parameters]


def _feedback_elements(feedback: Iterable[Feedback]) -> list[Element]:
    return [
        make("rtcp-fb-trr-int", NS_FEEDBACK, value=each.interval)
        if each.type == _INTERVAL
        else make("rtcp-fb", NS_FEEDBACK, type=each.type, **nonempty(subtype=each.subtype))
        for each in feedback
    ]


def _extension_element(extension: Extension) -> Element:
    made = make("rtp-hdrext", NS_EXTENSIONS, id=extension.id, uri=extension.uri)
    if extension.senders != "both":
        made["senders"] = extension.senders
    return made


def _source_element(source: Source) -> Element:
    made = make("source", NS_SOURCES, ssrc=source.ssrc)
    return add(made, *_parameter_elements(source.parameters, NS_SOURCES))
