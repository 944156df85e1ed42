"""Pidgin on a virtual display with a message bus of its own, logged in to the XMPP server.

Its calls use plain RTP: over ICE with contacts that support it, if there is an address other than loopback, and
otherwise on 127.0.0.1. It echoes the audio that it receives. Calls are placed over D-Bus. libpurple does not offer more
there, so calls are answered and ended with the keyboard shortcuts of Pidgin's windows.
"""

from pathlib import Path
from xml.sax.saxutils import escape

from .desktop import DesktopClient
from .purple import Purple
from .stun import StunServer
from .xmpp_server import XmppServer

ACCOUNTS = """\
<?xml version='1.0' encoding='UTF-8' ?>
<account version='1.0'>
 <account>
  <protocol>prpl-jabber</protocol>
  <name>{jid}</name>
  <password>{password}</password>
  <settings>
   <setting name='connect_server' type='string'>{address}</setting>
   <setting name='port' type='int'>{port}</setting>
   <setting name='connection_security' type='string'>opportunistic_tls</setting>
   <setting name='auth_plain_in_clear' type='bool'>1</setting>
  </settings>
  <settings ui='gtk-gaim'>
   <setting name='auto-login' type='bool'>1</setting>
  </settings>
 </account>
</account>
"""

PREFERENCES = """\
<?xml version='1.0' encoding='UTF-8' ?>
<pref version='1' name='/'>
 <pref name='pidgin'>
  <pref name='plugins'>
   <pref name='loaded' type='pathlist'><item value='{plugin}'/></pref>
  </pref>
 </pref>
 <pref name='purple'>
  <pref name='network'><pref name='stun_server' type='string' value='{stun}'/></pref>
 </pref>
</pref>
"""

# Accept all presence subscription requests.
APPROVE_PLUGIN = """\
use Purple;

%PLUGIN_INFO = (
    perl_api_version => 2, name => "Approve", version => "1", summary => "Says yes", description => "Says yes",
    author => "Fargo", url => "", load => "plugin_load",
);

sub plugin_init { return %PLUGIN_INFO; }

sub plugin_load {
    Purple::Signal::connect(Purple::Accounts::get_handle(), "account-authorization-requested", shift, sub { 1 }, 0);
}
"""

INCOMING_CALL = "Incoming Call"
ACCEPT, CANCEL = ("alt+a",), ("alt+c",)
HANG_UP = ("alt+m", "h")  # menu "Media", "Hangup"

RECEIVE_AND_SEND_AUDIO = 3  # PurpleMediaSessionType


class Pidgin(DesktopClient):
    """Pidgin for one account of the XMPP server; ready when its user is online."""

    def __init__(
        self, server: XmppServer, account: str, resource: str = "pidgin", directory: Path | None = None
    ) -> None:
        super().__init__(server, account, resource, directory)

    async def start(self) -> None:
        stun = await self._parts.enter_async_context(StunServer())
        self._write_home(stun.address)
        await self._furnish()
        self._purple = Purple(self._environment["DBUS_SESSION_BUS_ADDRESS"])
        self._parts.push_async_callback(self._purple.close)
        await self._run("pidgin", "pidgin", "--debug", "--config", self.directory / "purple")
        await self._purple.served()
        (account,) = await self._purple.wait("PurpleAccountsGetAllActive", "")
        self._account = int(account)
        await self.online()

    async def online(self, seconds: float = 30) -> None:
        """Wait until it is logged in. It reconnects automatically when it loses the connection."""
        await self._purple.wait("PurpleAccountIsConnected", "i", self._account, seconds=seconds)

    async def add_contact(self, jid: str, alias: str) -> None:
        """Add a contact, which also sends a presence subscription request."""
        buddy = await self._purple.call("PurpleBuddyNew", "iss", self._account, jid, alias)
        group = await self._purple.call("PurpleGroupNew", "s", "Phones")
        await self._purple.call("PurpleBlistAddBuddy", "iiii", buddy, 0, group, 0)
        await self._purple.call("PurpleAccountAddBuddy", "ii", self._account, buddy)

    async def call(self, jid: str) -> None:
        """Call a full or bare JID, as soon as its presence announces support for voice calls."""
        await self._purple.wait("PurplePrplGetMediaCaps", "is", self._account, jid)
        placed = await self._purple.call("PurplePrplInitiateMedia", "isi", self._account, jid, RECEIVE_AND_SEND_AUDIO)
        if not placed:
            raise self.process.failure(f"did not call {jid}")

    async def answer(self) -> None:
        """Answer the incoming call; wait for it if needed."""
        await self._press(INCOMING_CALL, *ACCEPT)

    async def decline(self) -> None:
        """Decline the incoming call; wait for it if needed."""
        await self._press(INCOMING_CALL, *CANCEL)

    async def hang_up(self, jid: str) -> None:
        """End the call with a JID, whether it has been answered or not."""
        await self._press(await self._title(jid), *HANG_UP)

    def _write_home(self, stun_address: str) -> None:
        approve = self.write("purple/plugins/approve.pl", APPROVE_PLUGIN)
        self.write("purple/prefs.xml", PREFERENCES.format(plugin=approve, stun=stun_address))
        self.write(
            "purple/accounts.xml",
            ACCOUNTS.format(
                jid=escape(self.jid),
                password=escape(self._password),
                address=self.server.address,
                port=self.server.client_port,
            ),
        )

    def _surroundings(self) -> dict[str, str]:
        # The output is fed back into the input, instead of a sound card. (PulseAudio's source is not reliable: if
        # another format is requested in its first milliseconds, it stays silent for the whole call.)
        return {**super()._surroundings(), "GST_PLUGIN_FEATURE_RANK": "interaudiosink:MAX,interaudiosrc:MAX"}

    async def _title(self, jid: str) -> str:
        """Return the title of a call's window: the contact's alias, or the JID if it is not a contact."""
        buddy = await self._purple.call("PurpleFindBuddy", "is", self._account, jid)
        return str(await self._purple.call("PurpleBuddyGetContactAlias", "i", buddy)) if buddy else jid
