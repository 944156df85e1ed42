"""A far end that wants another to be called in its place: what it asks for."""

from msgspec import Struct

from fargo.statemachine.address import BadAddress, SipUri


class Referral(Struct, frozen=True, gc=False):
    """A transfer that the far end of a call asks for.

    ``uri``: whom to call, or why nobody can be. ``replaces``: the dialog there that the call is to take over, as
    Replaces has it (RFC 3891); None if it is to be a call like any other. ``by``: who asks, as Referred-By has it (RFC
    3892). ``only``: an end that cannot take over that dialog is not to be called.
    """

    uri: SipUri | BadAddress
    replaces: str | None
    by: str
    only: bool = False
