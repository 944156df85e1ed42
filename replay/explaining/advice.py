"""The next step after a call, by who ended it and why.

Rules:

1. It is for whoever runs the gateway: docs/debugging.md has the same in a table.
2. One-way audio and poor audio come before the ending, which is then only what people did about it.
"""

from collections.abc import Iterator
from typing import Final

from fargo.calls import Record
from fargo.statemachine.model.call_records import Side
from fargo.statemachine.reason import Cause
from replay.explaining import quality, texts

_NOTHING_IS_BROKEN: Final = frozenset(
    {
        *(Cause.HUNG_UP, Cause.CANCELLED, Cause.ELSEWHERE, Cause.NO_ANSWER, Cause.BUSY, Cause.DECLINED),
    }
)
_ADVICE: Final = {
    (Cause.NOT_FOUND, Side.PHONE): texts.ASK_PROVIDER_OR_COMPARE,
    (Cause.NOT_FOUND, Side.GATEWAY): texts.COMPARE,
    (Cause.UNAVAILABLE, Side.PHONE): texts.TRY_LATER,
    (Cause.UNAVAILABLE, Side.GATEWAY): texts.SEE_ACCOUNT,
    (Cause.FORBIDDEN, Side.PHONE): texts.ASK_PROVIDER,
    (Cause.FORBIDDEN, Side.GATEWAY): texts.SEE_LIMITS,
    (Cause.MEDIA, Side.PHONE): texts.COMPARE_CODECS,
    (Cause.MEDIA, Side.GATEWAY): texts.COMPARE_CODECS,
    (Cause.TRANSPORT, Side.CLIENT): texts.RELAY_NEEDED,
    (Cause.TRANSPORT, Side.GATEWAY): texts.RELAY_NEEDED,
    (Cause.SECURITY, Side.PHONE): texts.SEE_ENCRYPTION,
    (Cause.SECURITY, Side.GATEWAY): texts.SEE_ENCRYPTION,
    (Cause.NETWORK, Side.PHONE): texts.ASK_PROVIDER,
    (Cause.NETWORK, Side.CLIENT): texts.CLIENT_LOST,
    (Cause.CONGESTION, Side.GATEWAY): texts.SEE_DISK,
    (Cause.SERVER_ERROR, Side.PHONE): texts.ASK_PROVIDER,
    (Cause.FAULT, Side.GATEWAY): texts.REPORT_BUG,
}


def advice(call: Record) -> Iterator[str]:
    """Yield what to do next about a call."""
    if call.silent:
        yield texts.CHECK_PATH_OF_AUDIO
        return
    if call.ended is None:
        return
    if quality.is_poor(call):
        yield texts.CHECK_NETWORK
        return
    side, cause = Side(call.ended_by), Cause(call.cause)
    if cause in _NOTHING_IS_BROKEN:
        yield texts.NOTHING_IS_BROKEN
    else:
        yield _ADVICE.get((cause, side), texts.DRAW_LADDER).format(call=call.name)
