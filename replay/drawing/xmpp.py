"""The stanzas behind the events and commands of the XMPP side, in the words of their protocols, for people."""

from typing import Final, assert_never

from fargo.statemachine.model.commands import (
    AcceptIq,
    AcceptSession,
    AskFeatures,
    InformSession,
    InformTransport,
    InitiateSession,
    MessageCall,
    ProposeCall,
    RefuseIq,
    SendPresence,
    SendRegistrationForm,
    SendText,
    TerminateSession,
    XmppCommand,
)
from fargo.statemachine.model.events import (
    CallAction,
    CallMessaged,
    CallProposed,
    ContentEvent,
    FeaturesLearned,
    IqFailed,
    IqMalformed,
    IqSucceeded,
    PresenceProbed,
    RegistrationAsked,
    RegistrationCancelled,
    RegistrationSubmitted,
    ResourceAvailable,
    ResourceUnavailable,
    SessionAccepted,
    SessionInformed,
    SessionInitiated,
    SessionTerminated,
    SubscriptionChanged,
    XmppEvent,
)
from replay.drawing.label import Said, Tone, failed, quiet

_ORDERLY: Final = frozenset({"", "success", "cancel"})
"""Reasons (XEP-0166 §7.4) that nobody would call a failure."""


def client(value: XmppEvent | XmppCommand) -> str:
    """The client that it came from or goes to: a JID, bare if it is all of them."""
    match value:
        case IqSucceeded() | IqFailed() | ResourceAvailable() | ResourceUnavailable() | FeaturesLearned():
            return value.resource
        case CallProposed() | CallMessaged():
            return value.sender
        case PresenceProbed() | SubscriptionChanged():
            return ""
        case AcceptIq(iq) | RefuseIq(iq) | SendRegistrationForm(iq):
            return iq.sender
        case (
            InitiateSession()
            | AcceptSession()
            | InformSession()
            | InformTransport()
            | TerminateSession()
            | ProposeCall()
            | MessageCall()
            | SendText()
            | SendPresence()
            | AskFeatures()
        ):
            return value.to
        case _:
            return value.iq.sender


def received(event: XmppEvent) -> Said:
    """What a client, or its server, sent."""
    match event:
        case SessionInitiated():
            return Said("session-initiate")
        case SessionAccepted():
            return Said("session-accept")
        case SessionInformed(info=info):
            return Said(f"session-info {info}".rstrip())
        case SessionTerminated(condition=condition):
            return _ended("session-terminate", condition)
        case ContentEvent():
            return Said(event.action)
        case CallProposed():
            return Said("propose")
        case CallMessaged(action=action, condition=condition):
            return _messaged(action, condition)
        case IqSucceeded():
            return quiet("result")
        case IqFailed(condition=condition):
            return failed(f"error {condition}")
        case ResourceAvailable():
            return Said("available")
        case ResourceUnavailable():
            return Said("unavailable")
        case PresenceProbed():
            return quiet("probe")
        case SubscriptionChanged(action=action):
            return quiet(action.value)
        case FeaturesLearned():
            return quiet("features")
        case RegistrationAsked():
            return Said("ask to register")
        case RegistrationSubmitted():
            return Said("register")
        case RegistrationCancelled():
            return Said("unregister")
        case IqMalformed():
            return failed("malformed IQ")
        case _:
            assert_never(event)


def sent(command: XmppCommand) -> Said:
    """What a client was sent."""
    match command:
        case InitiateSession():
            return Said("session-initiate")
        case AcceptSession():
            return Said("session-accept")
        case InformSession(info=info):
            return Said(f"session-info {info}".rstrip())
        case InformTransport():
            return Said("transport-info")
        case TerminateSession(condition=condition):
            return _ended("session-terminate", condition)
        case ProposeCall():
            return Said("propose")
        case MessageCall(action=action, condition=condition):
            return _messaged(action, condition)
        case AcceptIq():
            return quiet("result")
        case RefuseIq(condition=condition):
            return failed(f"error {condition}")
        case SendText():
            return Said("message")
        case SendPresence(kind=kind):
            return quiet(kind.value)
        case AskFeatures():
            return quiet("ask features")
        case SendRegistrationForm():
            return Said("form")
        case _:
            assert_never(command)


def _messaged(action: CallAction, condition: str) -> Said:
    match action:
        case CallAction.REJECT | CallAction.RETRACT | CallAction.FINISH:
            return _ended(action.value, condition)
        case _:
            return Said(action.value)


def _ended(action: str, condition: str) -> Said:
    return Said(f"{action} {condition}".rstrip(), Tone.PLAIN if condition in _ORDERLY else Tone.ERROR)
