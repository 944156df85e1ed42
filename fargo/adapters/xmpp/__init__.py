"""The XMPP side: stanza -> event, command -> stanza, and the stream that carries them. It decides nothing about calls.

Where to look:

| stanza | room |
|---|---|
| the component stream itself (XEP-0114), its loss and its return | stream.py |
| IQ-results and errors, both ways (RFC 6120 §8.2.3, §8.3) | replies.py |
| registration (XEP-0077), plain fields and data form (XEP-0004) | registration.py |
| presence, subscriptions, announced caps (RFC 6121, XEP-0115) | presence.py |
| disco#info, disco#items, and who we say we are (XEP-0030, XEP-0115) | disco.py |
| version, ping, "which JID is this number?" (XEP-0092, XEP-0199, XEP-0100 §6.3) | questions.py |
| messages for people (RFC 6121 §5) | messages.py |
| calls proposed before they are described (XEP-0353) | proposals.py |
| Jingle actions (XEP-0166) | jingle.py |
| ... keys pressed in a call (XEP-0181) | dtmf.py |
| ... what they say about a content (XEP-0167, 0293, 0294, 0320, 0339) | contents.py |
| ... and where its packets go (XEP-0176, 0177) | transports.py |
| why something ended, in both (XEP-0166 §7.4) | reasons.py |

All but stream.py and adapter.py are pure functions over domish elements; stanza.py has what they share. adapter.py
knows which stanza goes to which room, and nothing else.
"""
