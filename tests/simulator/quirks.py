"""The faults and oddities of a simulated world: each is a switch."""

from enum import Enum


class Quirk(Enum):
    """Each member is named for who does it, and described by what it does."""

    CRASH = "the gateway crashes, and what it had not sent is lost"
    MACHINE = "the gateway's machine dies, and another one takes the user over, with another SIP edge"
    STREAM = "the XMPP stream breaks, and what was under way on it, either way, is lost"
    SERVER = "the XMPP server is restarted, and clients are back later than the gateway, or never"
    ACCOUNT = "the user edits, asks for and cancels the registration, and the registrar refuses or drops it"
    HOST = "the connection manager dies with all its connections, and says only that they are gone"
    CODECS = (
        "a client or a phone offers or answers codecs, or a client a profile, that the other end does not have; "
        "or a phone answers and describes itself later, or never"
    )
    REFUSALS = "a client refuses what it was sent"
    CHATTER = "clients send information and modifications, phones hold, resume, move and change codecs"
    NONSENSE = "a client accepts, calls and forgets when it must not"
    DUPLICATES = "something arrives twice"
    EARLY = "a provisional response with SDP is reported as an answer, and the answer then says nothing"
    ZOMBIES = "the manager loses a call without a word"
    FAILURES = "the manager refuses what it was told"
    RELAY_REFUSES = "the relay refuses what it was asked, or does not answer in time"
    RELAY_DIES = "the relay dies, and comes back having forgotten everything"
    OVERTAKING = "the relay's answers overtake each other, and so do SIP messages"
    LOSS = "SIP messages are lost, so that a request has no answer, or a request is not heard"
    FORKING = "a call rings at several phones, and more than one of them answers"
    EDGE = "the SIP edge is restarted, with or without what was under way, or a connection to it is closed"
    CHALLENGES = "the provider challenges requests, and strangers do so too"
    TIMERS = "phones and proxies want the session to be refreshed"
    RELIABLE = "phones want provisional responses to be acknowledged"


ALL = frozenset(Quirk)
NONE: frozenset[Quirk] = frozenset()
