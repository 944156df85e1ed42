"""What the core noted, as sentences for people."""

from typing import Final, assert_never

from fargo.statemachine.model.call_records import (
    AudioPath,
    Direction,
    LogRecord,
    RecordAccount,
    RecordAnswered,
    RecordBegun,
    RecordCarried,
    RecordEnded,
    RecordPath,
    Side,
)
from fargo.statemachine.reason import FAILURES
from replay.drawing.label import Said, Tone
from replay.drawing.record_text import CAUSES

_BY: Final = {Side.CLIENT: "the client", Side.PHONE: "the phone's side", Side.GATEWAY: "the gateway"}


def words(note: LogRecord, user: str) -> Said:
    """A note in this user's stream, as a sentence."""
    match note:
        case RecordBegun(direction=Direction.OUT, peer=peer):
            return _noted(f"{user} calls {peer}.")
        case RecordBegun(peer=peer, name=name):
            caller = f"{name} ({peer})" if name and peer else name or peer or "Somebody anonymous"
            return _noted(f"{caller} calls {user}.")
        case RecordPath(path=path, why=why):
            return _noted(f"{'Direct audio' if path is AudioPath.DIRECT else 'Audio through the relay'}: {why}")
        case RecordAnswered(client=client):
            return _noted(f"Answered: {client} is in the call.")
        case RecordCarried(from_client=client, from_phone=phone):
            told = f"The relay has carried {client:,} packets from the client, {phone:,} from the phone."
            return Said(told, Tone.NOTE if client and phone else Tone.ERROR)
        case RecordEnded(by=by, cause=cause, text=text):
            told = f"Ended by {_BY[by]}: {CAUSES[cause]}. {text}".rstrip()
            return Said(told, Tone.ERROR if cause in FAILURES else Tone.NOTE)
        case RecordAccount(address=address, status=status):
            return _noted(f"The SIP account {address} is: {status}" if address else "There is no SIP account.")
        case _:
            assert_never(note)


def _noted(sentence: str) -> Said:
    return Said(sentence, Tone.NOTE)
