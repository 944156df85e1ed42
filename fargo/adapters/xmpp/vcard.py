"""The looks of a contact, or of the gateway, in a client: vCards (XEP-0054, XEP-0292) and an avatar (XEP-0153).

Rules:

1. A contact's vCard says what its JID says: a number or a SIP address, and its user as the name. Nothing else is known
   of it without its user's account.
2. Every contact has the same avatar, a telephone, so that it looks like one in a list of people.
"""

import base64
import hashlib
import re
from pathlib import Path
from typing import Final

from twisted.words.xish.domish import Element

from fargo.adapters.xmpp import texts
from fargo.adapters.xmpp.stanza import NS_AVATAR, NS_VCARD, NS_VCARD4, make
from fargo.statemachine.address import SipUri, checked, domain_of, local_of, unescape_local, unescape_user

_AVATAR: Final = Path(__file__).with_name("avatar.png").read_bytes()
_DATA: Final = base64.b64encode(_AVATAR).decode()
_HASH: Final = hashlib.sha1(_AVATAR, usedforsecurity=False).hexdigest()
_TYPE: Final = "image/png"
_NUMBER: Final = re.compile(r"\+?[0-9]{3,}")


def update() -> Element:
    """Return the part of a presence that tells of the avatar (XEP-0153 §3.1)."""
    made = make("x", NS_AVATAR)
    made.addElement("photo", content=_HASH)
    return made


def vcard(to: str) -> Element:
    """Return the vCard of an address of the gateway (XEP-0054 §3.2)."""
    made = make("vCard", NS_VCARD)
    name, number, uri = _known(to)
    made.addElement("FN", content=name)
    if number:
        tel = made.addElement("TEL")
        tel.addElement("VOICE")
        tel.addElement("NUMBER", content=number)
    if uri:
        made.addElement("URL", content=uri)
    if not local_of(to):
        made.addElement("DESC", content=texts.GATEWAY_DESCRIPTION)
    photo = made.addElement("PHOTO")
    photo.addElement("TYPE", content=_TYPE)
    photo.addElement("BINVAL", content=_DATA)
    return made


def vcard4(to: str) -> Element:
    """Return the same as a vCard of version 4 (XEP-0292 §3, RFC 6351)."""
    made = make("vcard", NS_VCARD4)
    name, number, uri = _known(to)
    made.addElement("fn").addElement("text", content=name)
    if number:
        made.addElement("tel").addElement("uri", content=f"tel:{number}")
    if uri:
        made.addElement("impp").addElement("uri", content=uri)
    if not local_of(to):
        made.addElement("note").addElement("text", content=texts.GATEWAY_DESCRIPTION)
    made.addElement("photo").addElement("uri", content=f"data:{_TYPE};base64,{_DATA}")
    return made


def _known(to: str) -> tuple[str, str | None, str | None]:
    """Return the name of an address, and its number and its SIP URI as far as the JID says them."""
    local = local_of(to)
    if not local:
        return texts.GATEWAY_NAME.format(domain=domain_of(to)), None, None
    spelled = unescape_local(local)
    before, percent, domain = spelled.rpartition("%")
    user = unescape_user(before if percent else spelled)
    uri = checked(user, domain) if percent else None
    return user, user if _NUMBER.fullmatch(user) else None, str(uri) if isinstance(uri, SipUri) else None
