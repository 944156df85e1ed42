"""Answers to IQs, theirs to ours, ours to theirs, and errors for our messages (RFC 6120 §8.2.3, §8.3).

Rules:

1. The id of an IQ or a message of ours is the id of the command that caused it; disco#info questions have a word before
   it, because an error says nothing about what was asked.
2. A reply to an id that cannot be ours means nothing.
"""

import re
from typing import Final

from twisted.words.xish.domish import Element

from fargo.adapters.xmpp import disco
from fargo.adapters.xmpp.stanza import LONGEST, NS_STANZAS, attribute, error, refusal, result, sender_of, words
from fargo.statemachine.model.commands import AcceptIq, RefuseIq
from fargo.statemachine.model.events import FeaturesLearned, IqFailed, IqSucceeded

_OURS: Final = re.compile(r"(features-)?([0-9]{1,18}\.[0-9]{1,9})", re.ASCII)


def features_id(command: str) -> str:
    """The IQ id of a disco#info question."""
    return f"features-{command}"


def event(reply: Element) -> IqSucceeded | IqFailed | FeaturesLearned | None:
    """What a client said to an IQ of ours; None if it was none of ours."""
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


def bounced(message: Element) -> IqFailed | None:
    """Which message of ours was not delivered; None if it was none of ours."""
    ours = _OURS.fullmatch(attribute(message, "id"))
    return IqFailed(ours[2], sender_of(message), *_condition(message)) if ours and not ours[1] else None


def _condition(reply: Element) -> tuple[str, str]:
    """The error's condition and its text; servers of old say nothing, which is undefined-condition."""
    condition, text = "undefined-condition", ""
    for problem in reply.elements():
        if problem.name != "error":
            continue
        for each in problem.elements():
            if each.uri == NS_STANZAS and each.name == "text":
                text = words(each)
            elif each.uri == NS_STANZAS:
                condition = each.name[:LONGEST]
    return condition, text


def stanza(answer: AcceptIq | RefuseIq) -> Element:
    """Our answer."""
    match answer:
        case AcceptIq(iq):
            return result(iq)
        case RefuseIq(iq, kind, condition, text, jingle):
            return refusal(iq, error(kind, condition, text, jingle))
