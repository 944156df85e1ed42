"""The listed changes of codecs."""

import re
from collections.abc import Mapping
from typing import Any, Final

from msgspec import to_builtins
from msgspec.structs import replace

from fargo.statemachine.model import rules
from fargo.statemachine.model.commands import InformDescription, Issued, RefuseIq
from fargo.statemachine.model.ng import AnswerRelay, OfferRelay
from replay.verifying.difference import Difference, Explains

_ODD_CODEC: Final = re.compile(
    r"Payload type -?[0-9]+ contains a control character\."
    r"|-?[0-9]+ is not a valid RTP payload type\. The range is 0 to 127\."
)


def _codecs_as_standardized(difference: Difference) -> bool:
    """Only the codecs of descriptions differ, or the older rules refused a request for an odd one."""
    then = difference.then
    if len(then) == 1 and isinstance(refused := then[0].command, RefuseIq):
        return _ODD_CODEC.fullmatch(refused.text) is not None
    return _differ_only_in("codecs", difference)


def _more_codecs(difference: Difference) -> bool:
    """The relay is asked to offer more codecs than before."""
    return _differ_only_in("transcode", difference)


def with_codecs_of_today(difference: Difference) -> Difference:
    """Return the difference as if the older rules had asked the relay for the codecs that today's do."""
    offers = [each.command for each in difference.now if isinstance(each.command, OfferRelay)]
    today = {each.session: each.transcode for each in offers}
    then = tuple(_asking_for(today, each) for each in difference.then)
    return difference if then == difference.then else replace(difference, then=then)


def _asking_for(codecs: Mapping[str, tuple[str, ...]], issued: Issued) -> Issued:
    command = issued.command
    if not isinstance(command, OfferRelay):
        return issued
    return replace(issued, command=replace(command, transcode=codecs.get(command.session, command.transcode)))


def _numbers_reserved(difference: Difference) -> bool:
    """The relay is offered the call again in place of being told the answer, or is asked to reserve numbers."""
    if _differ_only_in("reserved", difference):
        return True
    told = [each.command.session for each in difference.then if isinstance(each.command, AnswerRelay)]
    again = [each.command.session for each in difference.now if isinstance(each.command, OfferRelay)]
    reserved = any(isinstance(each.command, OfferRelay) and each.command.reserved for each in difference.now)
    then, now = (
        [(each.command, each.call) for each in issued if not isinstance(each.command, AnswerRelay | OfferRelay)]
        for issued in (difference.then, difference.now)
    )
    return reserved and told == again and then == now


def _codecs_told(difference: Difference) -> bool:
    """The client, or the relay, is told besides."""
    news = [each for each in difference.now if each not in difference.then]
    told = [each for each in news if isinstance(each.command, InformDescription | OfferRelay)]
    return bool(told) and told == news and tuple(each for each in difference.now if each not in news) == difference.then


def _differ_only_in(field: str, difference: Difference) -> bool:
    """Return True if the commands differ, and only in the fields of this name, wherever these are."""
    then, now = ([to_builtins(each) for each in issued] for issued in (difference.then, difference.now))
    return then != now and _without(field, then) == _without(field, now)


def _without(field: str, value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without(field, each) for name, each in value.items() if name != field}
    return [_without(field, each) for each in value] if isinstance(value, list | tuple) else value


EXPLANATIONS: Final[dict[str, Explains]] = {
    rules.CODECS_AS_STANDARDIZED.name: _codecs_as_standardized,
    rules.MORE_CODECS.name: _more_codecs,
    rules.NUMBERS_RESERVED.name: _numbers_reserved,
    rules.CODECS_TOLD.name: _codecs_told,
}
