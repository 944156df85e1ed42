"""Requests of users to the gateway itself, in a chat or by an ad-hoc command (XEP-0050), and what it keeps for them.

Rule: what a user has written is no part of a request unless it is understood, so that nothing else gets into the log.
"""

from typing import Literal, TypeAlias

from msgspec import Struct

from fargo.statemachine.model.call_records import Direction
from fargo.statemachine.reason import Cause


class _Request(Struct, frozen=True, gc=False, omit_defaults=True):
    pass


class ShowHelp(_Request, frozen=True, tag="ShowHelp"):
    """Ask for the help."""


class NotUnderstood(_Request, frozen=True, tag="NotUnderstood"):
    """Something that is no request."""


class ShowStatus(_Request, frozen=True, tag="ShowStatus"):
    """Ask for the state of the account, and what is going on."""


class ShowCalls(_Request, frozen=True, tag="ShowCalls"):
    """The user's latest calls."""


class EndCalls(_Request, frozen=True, tag="EndCalls"):
    """End all calls of the user."""


class SetBusy(_Request, frozen=True, tag="SetBusy"):
    """Begin or end not being disturbed: callers are told that they are busy."""

    on: bool


class SetStay(_Request, frozen=True, tag="SetStay"):
    """Stay signed in to SIP when none of the user's clients is online, or not."""

    on: bool


class SetForward(_Request, frozen=True, tag="SetForward"):
    """To which number or SIP address, as the user has written it, calls are forwarded that no client takes; None if to
    none.
    """

    number: str | None


class CallNumber(_Request, frozen=True, tag="CallNumber"):
    """Call this number or SIP address, as the user has written it, once a client of the user has taken the call."""

    number: str


class AskCall(_Request, frozen=True, tag="AskCall"):
    """The question for the way to have the gateway call a number."""


class TransferCall(_Request, frozen=True, tag="TransferCall"):
    """Transfer the user's call to this number or SIP address, as the user has written it; None: join the phones of the
    two calls that the user is in.
    """

    number: str | None = None


class AskTransfer(_Request, frozen=True, tag="AskTransfer"):
    """The form about transferring a call."""


class AskConference(_Request, frozen=True, tag="AskConference"):
    """The wish to talk to two people in one call."""


class KeepContact(_Request, frozen=True, tag="KeepContact"):
    """Offer the user's clients a contact for this number or SIP address, as the user has written it, under this name.
    None: for whom has called or written last of those who are not on the roster; as they call themselves.
    """

    number: str | None = None
    name: str | None = None


class AskKeep(_Request, frozen=True, tag="AskKeep"):
    """The form about keeping a contact."""


class DialRule(Struct, frozen=True, gc=False, omit_defaults=True):
    """A rule about numbers (`dial_rules.sed`). ``text``: a command of sed, such as ``s/^0/+44/``. ``only``: the
    direction of the calls that it is for, None for both.
    """

    text: str
    only: Direction | None = None


class ShowRules(_Request, frozen=True, tag="ShowRules"):
    """The dial rules."""


class AskRules(_Request, frozen=True, tag="AskRules"):
    """The dial rules as they are now, and how to change or try them."""


class AddRule(_Request, frozen=True, tag="AddRule"):
    """Add a dial rule behind the others."""

    rule: DialRule


class DeleteRule(_Request, frozen=True, tag="DeleteRule"):
    """Delete the dial rule with a number. The first has 1."""

    number: int


class RuleRefused(_Request, frozen=True, tag="RuleRefused"):
    """A dial rule that is none. ``problem``: the reason, as a sentence."""

    problem: str


class TryNumber(_Request, frozen=True, tag="TryNumber"):
    """Tell what the dial rules make of a number in a call of that direction, and call nobody. ``number``: as
    `numbering.digits` returns it. ``rule``: one more, behind the user's own; it is not kept.
    """

    number: str
    direction: Direction = Direction.OUT
    rule: DialRule | None = None


class AskBusy(_Request, frozen=True, tag="AskBusy"):
    """The form about being disturbed, as it is now."""


class AskStay(_Request, frozen=True, tag="AskStay"):
    """The form about staying signed in without a client, as it is now."""


class AskForward(_Request, frozen=True, tag="AskForward"):
    """The form about forwarding, as it is now."""


class Register(_Request, frozen=True, tag="Register"):
    """Register this SIP address (as the user typed it). The password is asked for."""

    address: str


class GiveUp(_Request, frozen=True, tag="GiveUp"):
    """Ask for the password no longer."""


class AskRemoval(_Request, frozen=True, tag="AskRemoval"):
    """Cancel the registration, which has to be confirmed (`RegistrationCancelled`)."""


GatewayRequest: TypeAlias = (
    ShowHelp
    | NotUnderstood
    | ShowStatus
    | ShowCalls
    | EndCalls
    | SetBusy
    | SetStay
    | SetForward
    | CallNumber
    | AskCall
    | TransferCall
    | AskTransfer
    | AskConference
    | KeepContact
    | AskKeep
    | ShowRules
    | AskRules
    | AddRule
    | DeleteRule
    | RuleRefused
    | TryNumber
    | AskBusy
    | AskStay
    | AskForward
    | Register
    | GiveUp
    | AskRemoval
)


class FormField(Struct, frozen=True, gc=False, omit_defaults=True):
    """A field of a form (XEP-0004 §3.3): its name, the label for people, and its present value. ``kind``: its type."""

    kind: Literal["boolean", "text-single"]
    name: str
    label: str
    value: str = ""


class CommandForm(Struct, frozen=True, gc=False, omit_defaults=True):
    """A form of an ad-hoc command, to be filled in."""

    title: str
    instructions: str
    fields: tuple[FormField, ...] = ()


class AccountTrouble(Struct, frozen=True, gc=False, omit_defaults=True):
    """The user's account is not signed in although it should be. ``of``: the nonce of its registration. ``problem``:
    the latest reason, as a sentence. ``until``: when the user is told of it, in seconds since 1970; None if they were.
    ``refused``: only the user can mend it.
    """

    of: str
    problem: str
    until: float | None = None
    refused: bool = False


class PasswordPrompt(Struct, frozen=True, gc=False):
    """The user's next chat message is the password of this SIP address (as typed). ``until``: when it is no longer, in
    seconds since 1970. ``gateway``: the JID that has asked.
    """

    address: str
    until: float
    gateway: str


class Settings(Struct, frozen=True, gc=False, omit_defaults=True):
    """The user's wishes. ``busy``: see `SetBusy`. ``stay``: see `SetStay`; None if it is as the
    operator has set it for all. ``rules``: their dial rules, in order. ``forward``: the contact (bare JID) to whom
    calls are forwarded, None if to none.
    """

    busy: bool = False
    stay: bool | None = None
    forward: str | None = None
    rules: tuple[DialRule, ...] = ()


class LastStranger(Struct, frozen=True, gc=False, omit_defaults=True):
    """A contact (bare JID) that is not on the user's roster, and has called or written last. ``name``: as they call
    themselves, None if they do not.
    """

    contact: str
    name: str | None = None


class RecentCall(Struct, frozen=True, gc=False, omit_defaults=True):
    """One of the user's latest calls. ``call``: its id; ``began``, ``answered``, ``ended``: in seconds since 1970, None
    if it did not yet; ``peer`` and ``name``: as in `RecordBegun`; ``cause``, ``text``: why it ended; ``forwarded_to``:
    as in `RecordPath`; ``transferred_to``: the SIP address that the user has transferred it to, None if to none;
    ``passed_to``: the SIP addresses that phones have transferred it to, in order.
    """

    call: str
    began: float
    direction: Direction
    peer: str | None = None
    name: str | None = None
    answered: float | None = None
    ended: float | None = None
    cause: Cause | None = None
    text: str = ""
    forwarded_to: str | None = None
    transferred_to: str | None = None
    passed_to: tuple[str, ...] = ()
