"""Registration: the SIP account of a user (XEP-0077), as plain fields and as a data form (XEP-0004, XEP-0068).

Rules:

1. Plain fields are for clients that know nothing better: address and password. The form has the rest as well; if both
   are submitted, the form counts.
2. The password goes out of here as `Submission.password` and nowhere else: not into an exception, never into a form.
3. Only what cannot be written down is malformed (a port that is no number). What an address or a password is worth is
   judged by others.
"""

from dataclasses import dataclass, field
from typing import Any, Final

from twisted.words.xish.domish import Element

from fargo.adapters.xmpp.stanza import MOST, NS_REGISTER, MalformedError, bounded, child, has, make, result
from fargo.adapters.xmpp.wokkel_compat import data_form
from fargo.statemachine.model.commands import SendRegistrationForm
from fargo.statemachine.model.events import SipAccount

ADDRESS: Final = "username"
PASSWORD: Final = "password"
# XEP-0068 §3.3: names of our own in a registered form type begin with x-.
AUTH_USER: Final = "x-auth-user"
PROXY: Final = "x-proxy"
PORT: Final = "x-port"
TRANSPORT: Final = "x-transport"

_INSTRUCTIONS: Final = (
    "Enter your SIP address (such as alice@sip.example.org) and its password. The gateway will sign in to your SIP "
    "account whenever you are online, so that you can make and receive calls."
)
_EXPERT: Final = "Leave the other fields empty unless your SIP provider told you what to enter."


@dataclass(frozen=True, slots=True)
class Submission:
    """What a user submitted."""

    account: SipAccount
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Removal:
    """The user wants to be forgotten (XEP-0077 §3.2)."""


def read(query: Element) -> Submission | Removal:
    """What the <query/> of an IQ-set asks for."""
    if has(query, NS_REGISTER, "remove"):
        return Removal()
    filled = child(query, data_form.NS_X_DATA, "x")
    values = _plain(query) if filled is None else _form(filled)
    account = SipAccount(
        address=values.get(ADDRESS, ""),
        auth_user=values.get(AUTH_USER, ""),
        proxy=values.get(PROXY, ""),
        port=_port(values.get(PORT, "").strip()),
        transport=_transport(values.get(TRANSPORT, "")),
    )
    return Submission(account, values.get(PASSWORD, ""))


def _plain(query: Element) -> dict[str, str]:
    fields = ((name, child(query, NS_REGISTER, name)) for name in (ADDRESS, PASSWORD))
    return {name: bounded(str(each), f"The field “{name}”") for name, each in fields if each is not None}


def _form(filled: Element) -> dict[str, str]:
    if len(filled.children) > MOST:
        raise MalformedError(f"The form has more than {MOST} fields.")
    try:
        form = data_form.Form.fromElement(filled)
    except data_form.Error:
        raise MalformedError("The form cannot be read: a field is there twice, or an option has no value.") from None
    if form.formType != "submit":
        raise MalformedError("The form was not submitted, so nothing has changed.")
    return {name: bounded(each.value or "", "A field of the form") for name, each in form.fields.items()}


def _port(text: str) -> int:
    if not text:
        return 0
    if not (text.isascii() and text.isdigit() and len(text) <= 5 and 0 < int(text) < 65536):
        raise MalformedError("The port has to be a number between 1 and 65535, or empty.")
    return int(text)


def _transport(text: str) -> str:
    if text not in ("", "udp", "tcp"):
        raise MalformedError("The transport has to be udp or tcp, or empty.")
    return text


def stanza(command: SendRegistrationForm) -> Element:
    """What to fill in, with what is known of the account so far (XEP-0077 §3.1)."""
    known = command.account or SipAccount("")
    query = make("query", NS_REGISTER)
    if command.account:
        query.addElement("registered")
    query.addElement("instructions", content=_INSTRUCTIONS)
    query.addElement(ADDRESS, content=known.address)
    query.addElement(PASSWORD)
    query.addChild(_blank(known).toElement())
    return result(command.iq, query)


def _blank(known: SipAccount) -> Any:
    """The data form (XEP-0077 §4)."""
    fields = (
        ("text-single", ADDRESS, "SIP address", known.address, True),
        ("text-private", PASSWORD, "Password", "", True),
        ("text-single", AUTH_USER, "User name for authentication, if not that of the address", known.auth_user, False),
        ("text-single", PROXY, "Proxy host, if not the domain of the address", known.proxy, False),
        ("text-single", PORT, "Port, if not the usual one", str(known.port or ""), False),
    )
    form = data_form.Form("form", "SIP account", [_INSTRUCTIONS, _EXPERT], NS_REGISTER)
    for kind, name, label, value, needed in fields:
        form.addField(data_form.Field(kind, name, value=value or None, label=label, required=needed))
    form.addField(_transports(known.transport))
    return form


def _transports(known: str) -> Any:
    choices = (("", "As the SIP provider says"), ("udp", "UDP"), ("tcp", "TCP"))
    options = [data_form.Option(value, label) for value, label in choices]
    return data_form.Field("list-single", TRANSPORT, value=known, options=options, label="Transport")
