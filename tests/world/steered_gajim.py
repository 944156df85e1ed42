"""Run Gajim and control it by lines from a pipe. Needs Debian's Python, not the one of .venv.

    python3 steered_gajim.py PIPE ARGUMENTS-OF-GAJIM...

Gajim 1.7 offers calls neither on D-Bus nor on its command line. Each line is a command that does what a button of Gajim
does, in Gajim's own main loop. The progress of the call is printed.
"""

import os
import sys
from typing import Any

import gi

# Gajim's modules import Gdk without a version. If GTK 4 is installed too, they would get that one.
gi.require_versions({"Gdk": "3.0", "GLib": "2.0", "Gtk": "3.0"})

from gajim import gajim  # noqa: E402
from gajim.common import app, ged  # noqa: E402
from gajim.common.const import CallType  # noqa: E402
from gi.repository import GLib  # noqa: E402
from nbxmpp.namespaces import Namespace  # noqa: E402
from nbxmpp.protocol import JID  # noqa: E402

ACCOUNT = "fargo"
POLL_MILLISECONDS = 50


class Hand:
    """The commands: the first word of a line is the name of a public method, the rest is its argument."""

    def __init__(self) -> None:
        self._session: Any = None
        app.ged.register_event_handler("signed-in", ged.CORE, lambda _: tell("signed in"))
        app.ged.register_event_handler("jingle-request-received", ged.CORE, self._rings)
        app.ged.register_event_handler("call-updated", ged.CORE, lambda event: tell("audio", event.audio_state.name))

    def add(self, jid: str) -> None:
        app.get_client(ACCOUNT).get_module("Presence").subscribe(JID.from_string(jid))

    def call(self, jid: str) -> None:
        """Call a JID once Gajim knows that it supports calls. Before that, Gajim would do nothing."""
        GLib.timeout_add(POLL_MILLISECONDS, self._call, JID.from_string(jid))

    def _call(self, jid: JID) -> bool:
        contact = app.get_client(ACCOUNT).get_module("Contacts").get_contact(jid)
        if not any(resource.supports(Namespace.JINGLE_RTP) for resource in contact.iter_resources()):
            return True
        app.call_manager.start_call(ACCOUNT, jid, CallType.AUDIO)
        return False

    def answer(self, _: str) -> None:
        app.call_manager.accept_call(self._session)

    def decline(self, _: str) -> None:
        app.call_manager.decline_call(self._session)

    def hang_up(self, _: str) -> None:
        jid = app.call_manager.get_active_call_jid()
        contact = app.get_client(ACCOUNT).get_module("Contacts").get_contact(jid)
        app.call_manager.stop_call(ACCOUNT, contact)

    def _rings(self, event: Any) -> None:
        self._session = event.jingle_session
        tell("call from", event.fjid)


def tell(*words: str) -> None:
    print(*words, flush=True)


def read(channel: int, condition: int, hand: Hand) -> bool:
    for line in os.read(channel, 4096).decode().splitlines():
        word, _, argument = line.partition(" ")
        getattr(hand, word)(argument)
    return True


def main() -> None:
    pipe = sys.argv.pop(1)
    hand = Hand()
    # Open for reading and writing, so that it never reaches its end.
    GLib.io_add_watch(os.open(pipe, os.O_RDWR | os.O_NONBLOCK), GLib.IO_IN, read, hand)
    # Gajim refuses to run as root, but in the tests' namespace there is no other user.
    os.geteuid = lambda: 1
    gajim.main()


main()
