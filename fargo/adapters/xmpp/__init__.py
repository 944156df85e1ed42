"""The XMPP side: translate stanzas to events and commands to stanzas, and hold the component stream.

It decides nothing about calls. Where each stanza is handled:

| stanza | module |
|---|---|
| the component stream (XEP-0114): connect, authenticate, reconnect | stream.py |
| IQ-results and IQ-errors, received and sent (RFC 6120 §8.2.3, §8.3) | replies.py |
| registration (XEP-0077): plain fields and data form (XEP-0004) | registration.py |
| presence, subscriptions, entity capabilities (RFC 6121, XEP-0115) | presence.py |
| disco#info and disco#items (XEP-0030), our entity capabilities (XEP-0115) | disco.py |
| requests that need no state: disco, ping (XEP-0199), version (XEP-0092), prompt (XEP-0100 §6.3) | stateless_iq.py |
| chat messages (RFC 6121 §5) | messages.py |
| Jingle Message Initiation (XEP-0353) | jingle_message.py |
| Jingle actions (XEP-0166) | jingle.py |
| ... DTMF (XEP-0181) | dtmf.py |
| ... contents and RTP descriptions (XEP-0167, 0293, 0294, 0320, 0339) | contents.py |
| ... transports (XEP-0176, 0177) | transports.py |
| ... reasons (XEP-0166 §7.4) | reasons.py |

adapter.py dispatches stanzas and commands to these modules. All but adapter.py and stream.py are pure functions over
domish elements. stanza.py holds their shared helpers, texts.py every sentence for people.
"""
