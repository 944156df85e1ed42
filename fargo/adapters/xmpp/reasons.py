"""The <reason/> of Jingle (XEP-0166 §7.4) and of Jingle Message Initiation (XEP-0353).

Its application-specific child is dropped.
"""

from twisted.words.xish.domish import Element

from fargo.adapters.xmpp import texts
from fargo.adapters.xmpp.stanza import NS_JINGLE, bounded, child, make, text_of


def read(parent: Element) -> tuple[str | None, str]:
    """Return the condition of the parent's <reason/>, None if it is absent, and its text, "" if it has none."""
    condition, text = None, ""
    reason = child(parent, NS_JINGLE, "reason")
    for each in reason.elements() if reason is not None else ():
        if each.uri == NS_JINGLE and each.name == "text":
            text = text_of(each)
        elif each.uri == NS_JINGLE:
            condition = bounded(each.name, texts.REASON_NAME)
    return condition, text


def write(condition: str, text: str) -> Element:
    """Return a <reason/>; the <text/> is left out if it is ""."""
    reason = make("reason", NS_JINGLE)
    reason.addElement(condition)
    if text:
        reason.addElement("text", content=text)
    return reason
