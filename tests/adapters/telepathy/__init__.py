"""The Telepathy adapter on a real dbus-daemon and telepathy-rakia, with a scripted SIP registrar and phone behind."""
