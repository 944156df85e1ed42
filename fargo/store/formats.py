"""The formats of bodies, and how a body of an older format becomes one of today's.

A body is an event or a command as JSON, in a log or a golden log.

Rules:

1. Each type has its own formats: 1, and one more for each of its upcasts. A new field with a default needs no new
   format.
2. An upcast that changes the type returns the first format of the new type. The upcasts of that type follow.
3. A body of a newer format than today's is refused, because it would be read as something that was not written.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

from fargo.store import texts

Upcast = Callable[[dict[str, Any]], dict[str, Any]]


def _event_of_action(body: dict[str, Any]) -> dict[str, Any]:
    """Return a SessionModified, which had its Jingle action in a field, as the event of that action."""
    action = body.get("action")
    if not isinstance(action, str) or action not in EVENT_OF_ACTION:
        raise FormatError(texts.UNREADABLE.format(name="SessionModified", why=texts.NO_KNOWN_ACTION))
    others = {name: each for name, each in body.items() if name not in ("type", "action")}
    return {"type": EVENT_OF_ACTION[action], **others}


EVENT_OF_ACTION: Final = {
    "content-accept": "ContentAccepted",
    "content-add": "ContentAdded",
    "content-modify": "ContentModified",
    "content-reject": "ContentRejected",
    "content-remove": "ContentRemoved",
    "description-info": "DescriptionInformed",
    "security-info": "SecurityInformed",
    "transport-accept": "TransportAccepted",
    "transport-info": "TransportInformed",
    "transport-reject": "TransportRejected",
    "transport-replace": "TransportReplaced",
}
"""By action, the events that a SessionModified could be. Actions that came later were never written so."""


def _absent(*fields: str) -> Upcast:
    """Return the upcast for fields that were "" where there was no value, and are None now."""
    return lambda body: {name: None if name in fields and value == "" else value for name, value in body.items()}


def _account(body: dict[str, Any]) -> dict[str, Any]:
    """Return a value with a SIP account, if it has one, with None for the fields that were "" or 0 in the account."""
    account = body.get("account")
    if account is None:
        return body
    return {
        **body,
        "account": {name: None if value in ("", 0) and name != "address" else value for name, value in account.items()},
    }


def _registration(body: dict[str, Any]) -> dict[str, Any]:
    return _absent("secret")(_account(body))


def _credentials(body: dict[str, Any]) -> dict[str, Any]:
    """Return a request of our own user agent, which could answer one challenge only, with a list of answers."""
    return {**body, "credentials": [body["credentials"]]} if "credentials" in body else body


def _realms(body: dict[str, Any]) -> dict[str, Any]:
    """Return a Snapshot whose registrations had one realm with a list of realms in each. The nonces that a REGISTER had
    answered are left out, as it is sent anew after a restart.
    """
    registrations = {name: _with_realms(each) for name, each in body.get("registrations", {}).items()}
    return {**body, "registrations": registrations}


def _with_realms(registration: dict[str, Any]) -> dict[str, Any]:
    return {**registration, "realms": [registration["realm"]]} if "realm" in registration else registration


def _snapshot(body: dict[str, Any]) -> dict[str, Any]:
    """Return a Snapshot with None for what was "" in it and in its clients."""
    clients = {jid: _absent("caps", "asked")(client) for jid, client in body.get("clients", {}).items()}
    return {**_absent("secret", "nonce", "gateway")(_account(body)), "clients": clients}


UPCASTS: Final[Mapping[str, tuple[Upcast, ...]]] = {
    "AskFeatures": (_absent("caps"),),
    "CallMessaged": (_absent("condition"),),
    "Condensed": (_snapshot, _realms),
    "Fault": (_absent("call"),),
    "InformSession": (_absent("info"),),
    "MessageCall": (_absent("condition"),),
    "NoteAccount": (_absent("address", "status"),),
    "NoteBegun": (_absent("peer", "name", "session"),),
    "RefuseIq": (_absent("jingle"),),
    "RegistrationSubmitted": (_registration,),
    "ResourceAvailable": (_absent("caps"),),
    "SendPresence": (_absent("show", "status"),),
    "SendRegister": (_credentials,),
    "SendRegistrationForm": (_account,),
    "SendRequest": (_credentials,),
    "SessionInformed": (_absent("info", "namespace", "digit"),),
    "SessionModified": (_event_of_action,),
    "SignIn": (_account,),
}
"""For each type, the functions that convert a body from format 1 to 2, from 2 to 3, and so on."""


class FormatError(Exception):
    """A body cannot be read. The text is the end of a sentence about the event, without its full stop."""


def current_format(name: str) -> int:
    """Return the format in which bodies of a type are written."""
    return 1 + len(UPCASTS.get(name, ()))


def upcast(name: str, format: int, body: dict[str, Any]) -> dict[str, Any]:
    """Return a body of a type in today's format. Raises FormatError."""
    if format > current_format(name):
        raise FormatError(texts.NEWER_FORMAT.format(name=name, format=format))
    while format < current_format(name):
        body = UPCASTS[name][format - 1](body)
        name, format = (name, format + 1) if body["type"] == name else (body["type"], 1)
    return body
