"""The syntax of SIP messages: bytes to values and back. It decides nothing and has no side effect.

| what | module |
|---|---|
| start line, headers as texts, body; the refusal of what cannot be read | message.py |
| lists, parameters, quoted strings and addresses, as many headers have them | grammar.py |
| the headers that are read and written as values | headers.py |
| URIs | uri.py |
| answers to digest challenges | digest.py |

`parse` limits the size of a message before anything else is done with it. All that is read from a message raises
`MalformedSipError` and nothing else, and all that is written `UnwritableSipError`.
"""
