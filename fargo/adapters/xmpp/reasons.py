"""Why something ended, as Jingle says it (XEP-0166 §7.4); Jingle Message Initiation says it the same way.

Dropped: a reason's application-specific child.
"""

from twisted.words.xish.domish import Element

from fargo.adapters.xmpp.stanza import NS_JINGLE, bounded, child, make, words


def read(parent: Element) -> tuple[str, str]:
    """The condition and the text of the parent's <reason/>, each "" if it is not there."""
    condition = text = ""
    reason = child(parent, NS_JINGLE, "reason")
    for each in reason.elements() if reason is not None else ():
        if each.uri == NS_JINGLE and each.name == "text":
            text = words(each)
        elif each.uri == NS_JINGLE:
            condition = bounded(each.name, "The name of the reason")
    return condition, text


def write(condition: str, text: str) -> Element:
    """The <reason/>."""
    reason = make("reason", NS_JINGLE)
    reason.addElement(condition)
    if text:
        reason.addElement("text", content=text)
    return reason
