"""Dialogs (RFC 3261 §12), and the requests within them.

Rules:

1. The route set and the ends are fixed when the dialog begins. The remote target follows the latest Contact of the far
   end (RFC 3261 §12.2, RFC 3311 §5.2).
2. The numbers of our requests go up by one, in each dialog by itself. An ACK has the number of its INVITE.
3. Requests within a dialog have no other hop than its route set, or its target, says.
4. An ACK has the credentials of its INVITE (RFC 3261 §22.1), unless it goes elsewhere (`authentication`).
"""

from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from fargo.statemachine.legs.sip.phases import Access
from fargo.statemachine.legs.user_agent import authentication
from fargo.statemachine.model.abilities import ALLOW, SUPPORTED
from fargo.statemachine.model.sip_messages import InviteReceived, SendRequest, SipRequestReceived, SipResponseReceived
from fargo.statemachine.model.sip_values import NO_HEADERS, Body, Party, SipHeaders

ABILITIES: Final = SipHeaders(supported=SUPPORTED, allow=ALLOW)


class Dialog(Struct, frozen=True, gc=False):
    """A dialog, early or confirmed.

    ``name``: `sip_messages`, rule 1. ``target``: the remote target, a URI. ``routes``: the route set, as Route has it.
    ``sent``, ``received``: the CSeq numbers of the latest request either way; ``received`` is None if there was none.
    ``calls``: we have placed the call, so the Call-ID is ours. ``updates``: the far end understands UPDATE;
    ``informs``: so does it INFO, and ``refers``: REFER.
    """

    name: str
    call_id: str
    local: Party
    remote: Party
    target: str
    routes: tuple[str, ...]
    sent: int
    received: int | None
    calls: bool
    updates: bool
    informs: bool = False
    refers: bool = False


# --- beginnings


def begun_by_us(name: str, invite: SendRequest, response: SipResponseReceived) -> Dialog:
    """Return the dialog that a response to our INVITE begins (RFC 3261 §12.1.2)."""
    return Dialog(
        name,
        invite.call_id,
        invite.sender,
        replace(invite.recipient, tag=response.remote_tag),
        response.contact or invite.uri,
        response.record_route[::-1],
        invite.cseq,
        None,
        True,
        "UPDATE" in response.headers.allow,
        "INFO" in response.headers.allow,
        "REFER" in response.headers.allow,
    )


def begun_by_them(invite: InviteReceived, tag: str) -> Dialog:
    """Return the dialog that our response to an INVITE begins (RFC 3261 §12.1.1). ``tag``: ours."""
    return Dialog(
        invite.name,
        invite.head.call_id,
        Party(uri(invite.head.to_text), tag),
        invite.caller,
        invite.contact or invite.caller.uri,
        invite.head.record_route,
        0,
        invite.head.cseq,
        False,
        "UPDATE" in invite.headers.allow,
        "INFO" in invite.headers.allow,
        "REFER" in invite.headers.allow,
    )


def uri(text: str) -> str:
    """Return the URI in the text of a From or To header (RFC 3261 §20.10)."""
    _, bracket, rest = text.rpartition("<")
    return rest.partition(">")[0] if bracket else text.partition(";")[0].strip()


def begun_by_answer(name: str, invite: SendRequest, early: tuple[Dialog, ...], response: SipResponseReceived) -> Dialog:
    """Return the dialog that a 2xx to our INVITE confirms. It goes on with the numbers of the early dialog with that
    phone, if there is one.
    """
    found = next((each for each in early if each.remote.tag == response.remote_tag), None)
    return answered(found, response) if found else begun_by_us(name, invite, response)


# --- changes


def answered(dialog: Dialog, response: SipResponseReceived) -> Dialog:
    """Return an early dialog as the 2xx to its INVITE confirms it: the route set is computed anew (RFC 3261
    §13.2.2.4).
    """
    confirmed = refreshed(dialog, response.contact, response.headers)
    return replace(confirmed, routes=response.record_route[::-1])


def refreshed(dialog: Dialog, contact: str | None, headers: SipHeaders) -> Dialog:
    """Return the dialog after a request or response that refreshes its target (rule 1)."""
    allow, able = headers.allow, (dialog.updates, dialog.informs, dialog.refers)
    updates, informs, refers = ("UPDATE" in allow, "INFO" in allow, "REFER" in allow) if allow else able
    if contact in (None, dialog.target) and (updates, informs, refers) == able:
        return dialog
    return replace(dialog, target=contact or dialog.target, updates=updates, informs=informs, refers=refers)


def heard(dialog: Dialog, cseq: int) -> Dialog:
    """Return the dialog after a request of the far end with this number."""
    return replace(dialog, received=cseq)


def is_about(dialog: Dialog, request: SipRequestReceived) -> bool:
    """Return True if a request belongs to the dialog."""
    return request.head.call_id == dialog.call_id and request.remote_tag == dialog.remote.tag


# --- requests


def request(
    dialog: Dialog,
    method: str,
    headers: SipHeaders = NO_HEADERS,
    body: Body | None = None,
    contact: bool = False,
) -> tuple[Dialog, SendRequest]:
    """Return the dialog after the next request, and the request."""
    after = replace(dialog, sent=dialog.sent + 1)
    target, routes = _routed(dialog)
    return after, SendRequest(
        dialog=dialog.name,
        method=method,
        uri=target,
        call_id=dialog.call_id,
        cseq=after.sent,
        sender=dialog.local,
        recipient=dialog.remote,
        routes=routes,
        contact=contact,
        headers=headers,
        body=body,
    )


def again(dialog: Dialog, request: SendRequest) -> tuple[Dialog, SendRequest]:
    """Return the dialog and a request that is sent once more, with the next number."""
    after = replace(dialog, sent=dialog.sent + 1)
    return after, replace(request, cseq=after.sent)


def ack(dialog: Dialog, invite: SendRequest, access: Access) -> SendRequest:
    """Return the ACK for a 2xx to an INVITE of ours (RFC 3261 §13.2.2.4)."""
    target, routes = _routed(dialog)
    request = SendRequest(
        dialog=dialog.name,
        method="ACK",
        uri=target,
        call_id=dialog.call_id,
        cseq=invite.cseq,
        sender=dialog.local,
        recipient=dialog.remote,
        routes=routes,
        credentials=invite.credentials,
    )
    return authentication.withheld(request, access)


def _routed(dialog: Dialog) -> tuple[str, tuple[str, ...]]:
    """Return Request-URI and routes. A first proxy that is a strict router gets both in the way of RFC 2543 (RFC 3261
    §12.2.1.1).
    """
    if not dialog.routes or ";lr" in dialog.routes[0].lower():
        return dialog.target, dialog.routes
    return uri(dialog.routes[0]), (*dialog.routes[1:], f"<{dialog.target}>")
