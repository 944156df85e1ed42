"""Labels for the events and commands of the XMPP side: the stanzas behind them, in the words of their protocols."""

from typing import Final, assert_never

from fargo.statemachine.model.commands import (
    AcceptIq,
    AcceptSession,
    AnswerCommand,
    AskFeatures,
    ChangeContent,
    ConfirmText,
    DeliverText,
    InformDescription,
    InformSession,
    InformTransport,
    InitiateSession,
    MessageCall,
    OfferContact,
    ProposeCall,
    RefuseIq,
    RefuseText,
    RejectContents,
    SendContact,
    SendForm,
    SendPresence,
    SendRegistrationForm,
    SendText,
    ShowContacts,
    ShowTyping,
    TerminateSession,
    XmppCommand,
)
from fargo.statemachine.model.events import (
    CommandAsked,
    ContactAsked,
    FeaturesLearned,
    GatewayAsked,
    IqFailed,
    IqMalformed,
    IqSucceeded,
    PresenceProbed,
    RegistrationAsked,
    RegistrationCancelled,
    RegistrationSubmitted,
    ResourceAvailable,
    ResourceUnavailable,
    SubscriptionChanged,
    TextWritten,
    TypingNoticed,
    XmppEvent,
)
from fargo.statemachine.model.jingle_events import (
    CallAction,
    CallMessaged,
    CallProposed,
    ContentEvent,
    ContentModified,
    SessionAccepted,
    SessionInformed,
    SessionInitiated,
    SessionTerminated,
)
from replay.drawing.label import Label, Tone, failed, quiet

_ORDERLY: Final = frozenset({"", "success", "cancel"})
"""Reasons (XEP-0166 §7.4) that are no failure."""


def client(value: XmppEvent | XmppCommand) -> str | None:
    """Return the JID of the client that an event came from or a command goes to: bare if it means all clients of a
    user, None if a server sent the event.
    """
    match value:
        case IqSucceeded() | IqFailed() | ResourceAvailable() | ResourceUnavailable() | FeaturesLearned():
            return value.resource
        case CallProposed() | CallMessaged() | GatewayAsked() | TextWritten() | TypingNoticed():
            return value.sender
        case PresenceProbed() | SubscriptionChanged():
            return None
        case AcceptIq(iq) | RefuseIq(iq) | SendRegistrationForm(iq):
            return iq.sender
        case (
            InitiateSession()
            | AcceptSession()
            | InformSession()
            | InformTransport()
            | InformDescription()
            | ChangeContent()
            | RejectContents()
            | TerminateSession()
            | ProposeCall()
            | MessageCall()
            | SendText()
            | OfferContact()
            | DeliverText()
            | ShowTyping()
            | ConfirmText()
            | RefuseText()
            | SendPresence()
            | ShowContacts()
            | AskFeatures()
        ):
            return value.to
        case _:
            return value.iq.sender


def received(event: XmppEvent) -> Label:
    """Return the label of an event: what a client, or its server, sent."""
    match event:
        case SessionInitiated():
            return Label("session-initiate")
        case SessionAccepted():
            return Label("session-accept")
        case SessionInformed(info=info):
            return Label(_joined("session-info", info))
        case SessionTerminated(condition=condition):
            return _ended("session-terminate", condition)
        case ContentModified(contents=(*_, last)):
            return Label(_joined(event.action, last.senders))
        case ContentEvent():
            return Label(event.action)
        case CallProposed():
            return Label("propose")
        case CallMessaged(action=action, condition=condition):
            return _messaged(action, condition)
        case IqSucceeded():
            return quiet("result")
        case IqFailed(condition=condition):
            return failed(f"error {condition}")
        case ResourceAvailable():
            return Label("available")
        case ResourceUnavailable():
            return Label("unavailable")
        case PresenceProbed():
            return quiet("probe")
        case SubscriptionChanged(action=action):
            return quiet(action.value)
        case FeaturesLearned():
            return quiet("features")
        case RegistrationAsked():
            return Label("ask to register")
        case RegistrationSubmitted():
            return Label("register")
        case RegistrationCancelled():
            return Label("unregister")
        case ContactAsked():
            return Label("ask contact")
        case GatewayAsked() | CommandAsked():
            return Label("ask the gateway")
        case TextWritten():
            return Label("message")
        case TypingNoticed(active=active):
            return quiet("composing" if active else "paused")
        case IqMalformed():
            return failed("malformed IQ")
        case _:
            assert_never(event)


def sent(command: XmppCommand) -> Label:
    """Return the label of a command."""
    match command:
        case InitiateSession():
            return Label("session-initiate")
        case AcceptSession():
            return Label("session-accept")
        case InformSession(info=info):
            return Label(_joined("session-info", info))
        case InformTransport():
            return Label("transport-info")
        case InformDescription():
            return Label("description-info")
        case ChangeContent(action="content-modify" as changing, content=content):
            return Label(_joined(changing, content.senders))
        case ChangeContent(action=changing):
            return Label(changing)
        case RejectContents(action=action):
            return Label(action)
        case TerminateSession(condition=condition):
            return _ended("session-terminate", condition)
        case ProposeCall():
            return Label("propose")
        case MessageCall(action=action, condition=condition):
            return _messaged(action, condition)
        case AcceptIq():
            return quiet("result")
        case RefuseIq(condition=condition):
            return failed(f"error {condition}")
        case SendText() | DeliverText():
            return Label("message")
        case OfferContact():
            return Label("contact to be added")
        case ShowTyping(active=active):
            return quiet("composing" if active else "paused")
        case ConfirmText():
            return quiet("receipt")
        case RefuseText(condition=condition):
            return failed(f"error {condition}")
        case SendPresence(kind=kind):
            return quiet(kind.value)
        case ShowContacts(kind=kind):
            return quiet(f"contacts {kind.value}")
        case AskFeatures():
            return quiet("ask features")
        case SendRegistrationForm() | SendForm():
            return Label("form")
        case AnswerCommand():
            return Label("answer")
        case SendContact():
            return Label("contact")
        case _:
            assert_never(command)


def _messaged(action: CallAction, condition: str | None) -> Label:
    match action:
        case CallAction.REJECT | CallAction.RETRACT | CallAction.FINISH:
            return _ended(action.value, condition)
        case _:
            return Label(action.value)


def _ended(action: str, condition: str | None) -> Label:
    return Label(_joined(action, condition), Tone.PLAIN if condition in _ORDERLY else Tone.ERROR)


def _joined(action: str, detail: str | None) -> str:
    return action if detail is None else f"{action} {detail}"
