"""Run Gajim and control it by lines from a pipe. Needs Debian's Python, not the one of .venv.

    python3 steered_gajim.py PIPE ARGUMENTS-OF-GAJIM...

Gajim 1.7 offers calls neither on D-Bus nor on its command line. Each line is a command that does what a button of Gajim
does, in Gajim's own main loop. The progress of the call is printed.
"""

import json
import os
import sys
import traceback
from typing import Any

import gi

# Gajim's modules import Gdk without a version. If GTK 4 is installed too, they would get that one.
gi.require_versions({"Gdk": "3.0", "GLib": "2.0", "Gtk": "3.0"})

from gajim import gajim  # noqa: E402
from gajim.common import app, ged  # noqa: E402
from gajim.common.const import CallType  # noqa: E402
from gajim.gtk.assistant import Assistant  # noqa: E402
from gajim.gtk.util import get_app_window, open_window  # noqa: E402
from gi.repository import Gdk, GLib  # noqa: E402
from nbxmpp.namespaces import Namespace  # noqa: E402
from nbxmpp.protocol import JID  # noqa: E402

ACCOUNT = "fargo"
POLL_MILLISECONDS = 50


class Windows:
    """Commands about Gajim's windows. Each page that one of them shows is printed, and each message that arrives."""

    def __init__(self) -> None:
        app.ged.register_event_handler("message-received", ged.CORE, self._heard)
        app.ged.register_event_handler("receipt-received", ged.CORE, lambda event: tell("delivered to", str(event.jid)))

    def contact(self, jid: str) -> None:
        """Open the window in which contacts and gateways are added, with this address."""
        open_window("AddContact", account=ACCOUNT, jid=JID.from_string(jid))

    def commands(self, jid: str) -> None:
        """Open the window with the ad-hoc commands of a service."""
        open_window("AdHocCommands", account=ACCOUNT, jid=jid)

    def choose(self, name: str) -> None:
        """Select an ad-hoc command by its name."""
        tree = self._page()._treeview
        row = next(row for row in tree.get_model() if row[0] == name)
        tree.get_selection().select_iter(row.iter)

    def fill(self, argument: str) -> None:
        """Fill in a field of the form that is shown: its name and the value."""
        name, _, value = argument.partition(" ")
        grid = self._page()._dataform_widget._form_grid
        row = next(row for row in grid.rows if getattr(row, "_field", None) and row._field.var == name)
        row._widget.set_text(value)
        # Gajim would do this later, and fail if the form is gone by then.
        GLib.source_remove(row._validate_source_id)
        row._validate_source_id = None
        valid, error = row._field.is_valid()
        row._set_warning(valid, error)
        grid.validate(valid)

    def notes(self, _: str) -> None:
        """Print what an ad-hoc command that is completed says."""
        tell("notes", json.dumps([note.get_text() for note in self._page()._notes]))

    def click(self, name: str) -> None:
        """Click a button of the newest window, or of its page."""
        window = self._newest()
        shown = window._buttons[name][0] if name in window._buttons else getattr(self._page()._ui, name)
        shown.clicked()

    def close(self, _: str) -> None:
        """Close the newest window."""
        self._newest().destroy()

    def chat(self, jid: str) -> None:
        """Show the conversation with a contact."""
        app.window.add_chat(ACCOUNT, JID.from_string(jid), "contact", select=True)

    def roster(self, _: str) -> None:
        app.window.show_account_page(ACCOUNT)

    def write(self, text: str) -> None:
        """Write something to the contact whose conversation is shown."""
        app.window.get_chat_stack().get_message_input().insert_text(text)
        app.window.activate_action("send-message", None)

    def _newest(self) -> Any:
        return next(window for window in reversed(self._windows()) if isinstance(window, Assistant))

    def _windows(self) -> list[Any]:
        return sorted(app.app.get_windows(), key=lambda window: window.get_id())

    def _page(self) -> Any:
        window = self._newest()
        return window.get_page(window.get_current_page())

    def _opened(self, _: Any, window: Any) -> None:
        if isinstance(window, Assistant):
            window.connect("page-changed", lambda window, page: tell("page", type(window).__name__, page))

    def _heard(self, event: Any) -> None:
        tell("text", json.dumps([str(event.jid), event.msgtxt]))


class Hand(Windows):
    """The commands: the first word of a line is the name of a public method, the rest is its argument."""

    def __init__(self) -> None:
        super().__init__()
        self._session: Any = None
        app.ged.register_event_handler("signed-in", ged.CORE, self._signed_in)
        app.ged.register_event_handler("jingle-request-received", ged.CORE, self._rings)
        app.ged.register_event_handler("call-updated", ged.CORE, self._updated)

    def add(self, jid: str) -> None:
        app.get_client(ACCOUNT).get_module("Presence").subscribe(JID.from_string(jid))

    def call(self, jid: str) -> None:
        """Call a JID once Gajim knows that it supports calls. Before that, Gajim would do nothing."""
        GLib.timeout_add(
            POLL_MILLISECONDS, self._call, JID.from_string(jid), Namespace.JINGLE_RTP_AUDIO, CallType.AUDIO
        )

    def see(self, jid: str) -> None:
        """Call a JID with video, once Gajim knows that it supports that."""
        GLib.timeout_add(
            POLL_MILLISECONDS, self._call, JID.from_string(jid), Namespace.JINGLE_RTP_VIDEO, CallType.VIDEO
        )

    def _call(self, jid: JID, needed: str, kind: CallType) -> bool:
        contact = app.get_client(ACCOUNT).get_module("Contacts").get_contact(jid)
        if not any(resource.supports(needed) for resource in contact.iter_resources()):
            return True
        app.call_manager.start_call(ACCOUNT, jid, kind)
        return False

    def answer(self, _: str) -> None:
        app.call_manager.accept_call(self._session)

    def decline(self, _: str) -> None:
        app.call_manager.decline_call(self._session)

    def hang_up(self, _: str) -> None:
        jid = app.call_manager.get_active_call_jid()
        contact = app.get_client(ACCOUNT).get_module("Contacts").get_contact(jid)
        app.call_manager.stop_call(ACCOUNT, contact)

    def look(self, path: str) -> None:
        """Write the picture of the other end to a file, as it is on the display, without what is black beside it."""
        window = get_app_window("CallWindow")
        if window and (widget := window._video_widget_other):
            all_of_it = widget.get_allocation()
            width = min(all_of_it.width, all_of_it.height * 4 // 3)
            height = width * 3 // 4
            left, top = widget.translate_coordinates(window, 0, 0)
            left, top = left + (all_of_it.width - width) // 2, top + (all_of_it.height - height) // 2
            # There is none before the window has its size.
            if height and (shown := Gdk.pixbuf_get_from_window(window.get_window(), left, top, width, height)):
                shown.savev(path, "png", [], [])
        tell("looked")

    def _signed_in(self, _: Any) -> None:
        app.app.connect("window-added", self._opened)
        tell("signed in")

    def _updated(self, event: Any) -> None:
        """Print what has become of the audio or the video of the call."""
        tell(event.jingle_type, getattr(event, f"{event.jingle_type}_state").name)

    def _rings(self, event: Any) -> None:
        self._session = event.jingle_session
        tell("call from", event.fjid)


def tell(*words: str) -> None:
    print(*words, flush=True)


def read(channel: int, condition: int, hand: Hand) -> bool:
    for line in os.read(channel, 4096).decode().splitlines():
        word, _, argument = line.partition(" ")
        try:
            getattr(hand, word)(argument)
        except Exception:
            # Gajim would show it in a window.
            traceback.print_exc()
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
