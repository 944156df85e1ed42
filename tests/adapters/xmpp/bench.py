"""An adapter on a bench: it can be given stanzas that no server would let through."""

from collections.abc import Callable
from typing import Any

import pytest
from twisted.internet.defer import Deferred, succeed
from twisted.logger import LogEvent, LogLevel, capturedLogs
from twisted.words.xish.domish import Element

from fargo.adapters.xmpp import adapter as module
from fargo.adapters.xmpp.adapter import XmppAdapter
from fargo.adapters.xmpp.passing_on import Elsewhere
from fargo.adapters.xmpp.settings import XmppSettings
from fargo.control.questions import Question
from fargo.statemachine.account.roster import Contacts
from fargo.statemachine.model.events import Event
from fargo.store.texts_under_way import TextsUnderWay

from .admitting import Admitting
from .elements import parse

GATEWAY = "sip.example.org"
USER = "alice@example.org"
CONTACTS = (f"bob%sip.test@{GATEWAY}", f"+44@{GATEWAY}")
SETTINGS = XmppSettings(GATEWAY, "127.0.0.1", 1, "secret-of-the-stream", frozenset({"example.org"}))
REGISTER = "<query xmlns='jabber:iq:register'><username>a@b</username><password>s3cret</password></query>"


class Wire:
    """Stands in for the stream: what the adapter sent, and a way to receive."""

    def __init__(self, domain: str, secret: str, received: Callable[[Element], None], *_: object) -> None:
        self.receive = received
        self.sent: list[Element] = []

    def send_stanza(self, stanza: Element) -> bool:
        self.sent.append(parse(stanza.toXml()))
        return True


class Bench:
    """An adapter between a wire and a list of events."""

    def __init__(
        self,
        stored: Callable[[], Deferred[str]] = lambda: succeed("secret-1"),
        elsewhere: Elsewhere | None = None,
    ) -> None:
        self.events: list[tuple[str, Event]] = []
        self.admission = Admitting()
        self.kept = TextsUnderWay(lambda *_: None)
        self.prompted: str | None = None
        self.asked: list[tuple[str, Question]] = []
        wires: list[Wire] = []

        def wire(*arguments: Any) -> Wire:
            wires.append(Wire(*arguments))
            return wires[0]

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(module, "Stream", wire)
            self.adapter = XmppAdapter(
                lambda user, event: self.events.append((user, event)),
                lambda user, password: stored(),
                lambda digit: "digit-1",
                self.kept,
                self.admission,
                lambda user: Contacts(subscribed=CONTACTS),
                lambda user: self.prompted,
                lambda user: "DE" if user == USER else None,
                self.administer,
                SETTINGS,
                lambda: None,
                lambda why: None,
                elsewhere,
            )
        self.wire = wires[0]
        self.faults: list[LogEvent] = []

    def administer(self, admin: str, question: Question) -> Deferred[str]:
        self.asked.append((admin, question))
        return succeed("As you wish.")

    def receive(self, *stanzas: Element) -> None:
        with capturedLogs() as said:
            for stanza in stanzas:
                self.wire.receive(stanza)
        self.faults.extend(event for event in said if event["log_level"] in (LogLevel.error, LogLevel.critical))


def iq(inside: str, kind: str = "set", sender: str = f"{USER}/a", to: str = GATEWAY) -> Element:
    return parse(f"<iq type='{kind}' id='i' from='{sender}' to='{to}'>{inside}</iq>")


def written(body: str) -> Element:
    return parse(f"<message from='{USER}/a' to='{GATEWAY}' id='m1' type='chat'><body>{body}</body></message>")
