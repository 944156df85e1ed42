"""The XMPP leg: Jingle (XEP-0166, XEP-0167), and Jingle Message Initiation (XEP-0353)."""
