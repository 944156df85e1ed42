"""IQ-results and IQ-errors, received and sent, and errors for our messages (RFC 6120 §8.2.3, §8.3).

Rules:

1. The id of an IQ or message that we send is the id of its command. A disco#info request has a prefix before it,
   because an IQ-error does not tell what was requested.
2. A reply with any other id is ignored.
"""

import re
from typing import Final

from twisted.words.xish.domish import Element

from fargo.adapters.xmpp import adhoc, disco, messages
from fargo.adapters.xmpp.stanza import (
    MAX_TEXT,
    NS_JINGLE_ERRORS,
    NS_STANZAS,
    attribute,
    iq_error,
    iq_result,
    sender_of,
    stanza_error,
    text_of,
)
from fargo.statemachine.model.commands import AcceptIq, RefuseIq, SendText
from fargo.statemachine.model.events import FeaturesLearned, IqFailed, IqSucceeded
from fargo.statemachine.model.iq import ByChat, ByCommand

_OURS: Final = re.compile(r"(features-)?([0-9]{1,18}\.[0-9]{1,9})", re.ASCII)


def features_id(command: str) -> str:
    """Return the id of the disco#info request for a command."""
    return f"features-{command}"


def event(reply: Element) -> IqSucceeded | IqFailed | FeaturesLearned | None:
    """Return the event for an IQ-result or IQ-error, None if it does not reply to an IQ of ours."""
    ours = _OURS.fullmatch(attribute(reply, "id"))
    if not ours:
        return None
    command, resource = ours[2], sender_of(reply)
    failed = reply.getAttribute("type") == "error"
    if ours[1]:
        return FeaturesLearned(command, resource, () if failed else disco.features(reply))
    if failed:
        return IqFailed(command, resource, *_condition(reply))
    return IqSucceeded(command, resource)


def message_error(message: Element) -> IqFailed | None:
    """Return the event for a message of type error, None if it does not return a message of ours."""
    ours = _OURS.fullmatch(attribute(message, "id"))
    return IqFailed(ours[2], sender_of(message), *_condition(message)) if ours and not ours[1] else None


def _condition(reply: Element) -> tuple[str, str, str | None]:
    """Return the condition, the text and the Jingle condition (XEP-0166 §10) of an <error/>. Old servers send none:
    that is undefined-condition.
    """
    condition, text, jingle = "undefined-condition", "", None
    for error in reply.elements():
        if error.name != "error":
            continue
        for each in error.elements():
            if each.uri == NS_STANZAS and each.name == "text":
                text = text_of(each)
            elif each.uri == NS_STANZAS:
                condition = each.name[:MAX_TEXT]
            elif each.uri == NS_JINGLE_ERRORS:
                jingle = each.name[:MAX_TEXT]
    return condition, text, jingle


def stanza(answer: AcceptIq | RefuseIq, name: str) -> Element:
    """Return the IQ-result or IQ-error for a command; or what a request of another form is answered with: a message,
    with the id `name`, or the result of an ad-hoc command.
    """
    match answer.iq.by:
        case ByChat():
            return messages.stanza(SendText(answer.iq.to, answer.iq.sender, answer.text), name)
        case ByCommand():
            return adhoc.stanza(answer)
        case None:
            pass
    match answer:
        case AcceptIq(iq):
            return iq_result(iq)
        case RefuseIq(iq, kind, condition, text, jingle):
            return iq_error(iq, stanza_error(kind, condition, text, jingle))
