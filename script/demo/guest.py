"""A Pidgin profile for the guest. RUN/pidgin/start opens Pidgin with it, logged in."""

import shlex
from pathlib import Path
from xml.sax.saxutils import escape

from demo.servers import GUEST
from world.desktop import gstreamer
from world.pidgin import ACCOUNTS
from world.prosody import Prosody

SRTP = "libgstsrtp.so"
PREFERENCES = """\
<?xml version='1.0' encoding='UTF-8' ?>
<pref version='1' name='/'>
 <pref name='purple'><pref name='network'><pref name='stun_server' type='string' value='{stun}'/></pref></pref>
</pref>
"""
START = """\
#!/bin/sh
# Hides the SRTP plugin of GStreamer. With it, Pidgin tries to encrypt plain calls too, and fails.
exec env GST_PLUGIN_SYSTEM_PATH={home}/plugins GST_REGISTRY={home}/plugins.registry \\
    pidgin --multiple --config {home}/profile "$@"
"""


def prepare_pidgin(home: Path, xmpp: Prosody, stun: str) -> Path:
    """Write the profile and return the script that starts Pidgin. From `stun` Pidgin learns its loopback address."""
    (home / "profile").mkdir(parents=True, exist_ok=True)
    accounts, start = home / "profile/accounts.xml", home / "start"
    accounts.touch(mode=0o600)
    accounts.write_text(
        ACCOUNTS.format(
            jid=escape(f"{GUEST}@{xmpp.domain}/pidgin"),
            password=escape(xmpp.accounts[GUEST]),
            address=xmpp.address,
            port=xmpp.client_port,
        )
    )
    (home / "profile/prefs.xml").write_text(PREFERENCES.format(stun=stun))
    link_plugins(home / "plugins")
    start.write_text(START.format(home=shlex.quote(str(home))))
    start.chmod(0o755)
    return start


def link_plugins(directory: Path) -> None:
    """Link all plugins of GStreamer except SRTP."""
    directory.mkdir(exist_ok=True)
    for plugin in gstreamer().glob("*.so"):
        link = directory / plugin.name
        if plugin.name != SRTP and not link.is_symlink():
            link.symlink_to(plugin)
