"""The sentences that the XMPP leg writes for people.

A text with names in braces is a template for `str.format`.
"""

from typing import Final

# --- why a client, or the whole leg, is out of a call

OFFLINE: Final = "The XMPP client went offline."
NOT_BACK: Final = "The XMPP client was not back in time after the connection to its server was lost."
CALL_REFUSED: Final = "The XMPP client refused the call: {told}"
ANSWER_REFUSED: Final = "The XMPP client refused the answer: {told}"
SILENT: Final = "it did not answer in time"
"""Stands for `told` in the two above."""
CLIENT_SILENT: Final = "Your client did not answer in time."
NO_CREDENTIALS: Final = "Your client has named no user name fragment (ufrag) and password (pwd) for ICE."
NO_CANDIDATES: Final = "Your client has named no address at which it can be reached by ICE."
NOBODY: Final = "None of the called user's clients can take a call."
ANSWERED_ELSEWHERE: Final = "The call was answered on another device."
DECLINED_ELSEWHERE: Final = "The call was declined on another device."
GLARE: Final = "You called them at the same time."
VOICE_ONLY: Final = "This gateway carries voice calls only."
WITHOUT_VIDEO: Final = "This gateway carries voice calls only. Call without video."
PROPOSED_TO_ANOTHER: Final = "You have proposed a call to another contact under this id. Use a new id."
TOO_MANY_PROPOSALS: Final = "You have proposed {most} calls and begun none of them. Begin or cancel one first."

# --- why an action is refused, and the session goes on

OUT_OF_ORDER: Final = "This request is not valid in the current state of the call."
UNKNOWN_SESSION: Final = "There is no such call, or it has ended."
UNSUPPORTED_INFO: Final = "This gateway does not support “{info}”; the call continues unchanged."
UNKNOWN_CONTENT: Final = "The call has no such content."
UNSUPPORTED_ACTION: Final = "This gateway does not support “{action}”; the call continues unchanged."

# --- what a call waits for until a deadline

ABLE_CLIENT: Final = "a client that can take the call"
CREDENTIALS: Final = "the client’s credentials and candidates for ICE"
