"""Registration of a user's SIP account (XEP-0077), with plain fields or a data form (XEP-0004, XEP-0068).

Rules:

1. The plain fields, for clients without data forms, are the address and the password. The form has every field. If a
   client submits both, the form counts. A form that was cancelled changes nothing.
2. The password leaves this module as `Submission.password` only. It is in no exception, and in no form that is sent.
3. Only a value that its type cannot hold is malformed here, such as a port that is not a number. The core validates the
   address and the password.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from twisted.words.xish.domish import Element

from fargo.adapters.xmpp import texts
from fargo.adapters.xmpp.stanza import (
    MAX_CHILDREN,
    NS_REGISTER,
    MalformedError,
    bounded,
    child,
    has_child,
    iq_result,
    make,
)
from fargo.adapters.xmpp.wokkel_compat import data_form
from fargo.statemachine.address import trimmed
from fargo.statemachine.media.description import Srtp
from fargo.statemachine.model.commands import SendRegistrationForm
from fargo.statemachine.model.events import SipAccount
from fargo.statemachine.numbering_examples import national

ADDRESS: Final = "username"
PASSWORD: Final = "password"
# Fields that the form type does not register have names that begin with "x-" (XEP-0068 §3.3).
AUTH_USER: Final = "x-auth-user"
PROXY: Final = "x-proxy"
PORT: Final = "x-port"
TRANSPORT: Final = "x-transport"
SRTP: Final = "x-srtp"
COUNTRY: Final = "x-country"
_EXAMPLE: Final = "GB"

_TRANSPORTS: Final = {
    "udp": texts.FORM_TRANSPORT_UDP,
    "tcp": texts.FORM_TRANSPORT_TCP,
    "tls": texts.FORM_TRANSPORT_TLS,
}
_SRTP: Final[dict[Srtp, str]] = {
    "off": texts.FORM_SRTP_OFF,
    "optional": texts.FORM_SRTP_OPTIONAL,
    "required": texts.FORM_SRTP_REQUIRED,
}


@dataclass(frozen=True, slots=True)
class Submission:
    """The account and the password that a user submitted. A field that was left out is None, the address "". ``plain``:
    in the plain fields.
    """

    account: SipAccount
    password: str | None = field(repr=False)
    plain: bool = False


@dataclass(frozen=True, slots=True)
class Removal:
    """A request to cancel the registration (XEP-0077 §3.2)."""


@dataclass(frozen=True, slots=True)
class Dismissal:
    """The user has cancelled the form (XEP-0004 §3.1)."""


def read(query: Element) -> Submission | Removal | Dismissal:
    """Return what the <query/> of an IQ-set requests. Raise MalformedError if it cannot be understood."""
    if has_child(query, NS_REGISTER, "remove"):
        return Removal()
    filled = child(query, data_form.NS_X_DATA, "x")
    if filled is not None and filled.getAttribute("type") == "cancel":
        return Dismissal()
    return submission(_plain(query), True) if filled is None else submission(form_values(filled))


def submission(values: Mapping[str, str], plain: bool = False) -> Submission:
    """Return what the fields of a form, or the ``plain`` ones, mean. Raise MalformedError if a type cannot hold one."""
    account = SipAccount(
        address=values.get(ADDRESS, ""),
        auth_user=values.get(AUTH_USER) or None,
        proxy=values.get(PROXY) or None,
        port=_port(trimmed(values.get(PORT, ""))),
        transport=_transport(trimmed(values.get(TRANSPORT, ""))),
        srtp=_srtp(trimmed(values.get(SRTP, ""))),
        country=values.get(COUNTRY) or None,
    )
    return Submission(account, values.get(PASSWORD) or None, plain)


def _plain(query: Element) -> dict[str, str]:
    fields = ((name, child(query, NS_REGISTER, name)) for name in (ADDRESS, PASSWORD))
    return {name: bounded(str(each), texts.PLAIN_FIELD.format(name=name)) for name, each in fields if each is not None}


def form_values(filled: Element) -> dict[str, str]:
    """Return the fields of a form that was submitted. Raise MalformedError if they cannot be read."""
    if len(filled.children) > MAX_CHILDREN:
        raise MalformedError(texts.TOO_MANY_FIELDS.format(limit=MAX_CHILDREN))
    try:
        form = data_form.Form.fromElement(filled)
    except data_form.Error:
        raise MalformedError(texts.FORM_UNREADABLE) from None
    if form.formType != "submit":
        raise MalformedError(texts.FORM_NOT_SUBMITTED)
    return {name: bounded(each.value or "", texts.FORM_FIELD) for name, each in form.fields.items()}


def _port(text: str) -> int | None:
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= 5 and 0 < int(text) < 65536):
        raise MalformedError(texts.BAD_PORT)
    return int(text)


def _transport(text: str) -> str | None:
    if text and text not in _TRANSPORTS:
        raise MalformedError(texts.BAD_TRANSPORT)
    return text or None


def _srtp(text: str) -> Srtp:
    for each in _SRTP:
        if text == each:
            return each
    if text:
        raise MalformedError(texts.BAD_SRTP)
    return SipAccount("").srtp


def stanza(command: SendRegistrationForm, country: str | None = None) -> Element:
    """Return the IQ-result with the registration fields, filled in from the present account (XEP-0077 §3.1).
    ``country``: as in `form`.
    """
    account = command.account or SipAccount("")
    query = make("query", NS_REGISTER)
    if command.account:
        query.addElement("registered")
    query.addElement("instructions", content=texts.FORM_INSTRUCTIONS)
    query.addElement(ADDRESS, content=account.address)
    query.addElement(PASSWORD)
    query.addChild(form(command, country).toElement())
    return iq_result(command.iq, query)


def form(command: SendRegistrationForm, country: str | None = None) -> Any:
    """Return the data form (XEP-0077 §4), filled in except for the password. ``country``: the one in which the user
    dials, if it is known.
    """
    account = command.account or SipAccount("")
    fields = (
        ("text-single", ADDRESS, texts.FORM_ADDRESS, account.address, True),
        ("text-private", PASSWORD, texts.FORM_PASSWORD, "", True),
        ("text-single", AUTH_USER, texts.FORM_AUTH_USER, account.auth_user, False),
        ("text-single", PROXY, texts.FORM_PROXY, account.proxy, False),
        ("text-single", PORT, texts.FORM_PORT, str(account.port or ""), False),
        ("text-single", COUNTRY, _country(country or _EXAMPLE), account.country, False),
    )
    instructions = [texts.FORM_INSTRUCTIONS, texts.FORM_OPTIONAL_FIELDS]
    made = data_form.Form("form", texts.FORM_TITLE, instructions, NS_REGISTER)
    for kind, name, label, value, needed in fields:
        made.addField(data_form.Field(kind, name, value=value or None, label=label, required=needed))
    any_transport = ("", texts.FORM_TRANSPORT_ANY)
    choices = [any_transport, *((each, _TRANSPORTS[each]) for each in command.transports)]
    made.addField(_choice(TRANSPORT, texts.FORM_TRANSPORT, account.transport, choices))
    if uses := [(each, _SRTP[each]) for each in command.srtp]:
        made.addField(_choice(SRTP, texts.FORM_SRTP, account.srtp, uses))
    return made


def _country(code: str) -> str:
    """Return the label of the field for the country, with one as an example."""
    number = national(code)
    if number is None:
        return texts.FORM_COUNTRY.format(country=code)
    return texts.FORM_COUNTRY_EXAMPLE.format(country=code, number=number)


def _choice(name: str, label: str, chosen: str | None, choices: Iterable[tuple[str, str]]) -> Any:
    options = [data_form.Option(value, told) for value, told in choices]
    return data_form.Field("list-single", name, value=chosen or "", options=options, label=label)
