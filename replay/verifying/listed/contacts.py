"""The listed change of how contacts are shown, and the comparison of commands apart from it."""

from typing import Final

from msgspec.structs import replace

from fargo.statemachine.account.roster import shown_contacts
from fargo.statemachine.model import rules
from fargo.statemachine.model.commands import Issued, ShowContacts
from replay.verifying.difference import Difference, Explains
from replay.verifying.listed.comparing import in_calls


def _contacts_together(difference: Difference) -> bool:
    """The older rules showed each contact with a command. All else is done today, in the same order."""
    together = with_contacts_together(difference)
    return together is not difference and together.then == difference.now


def with_contacts_together(difference: Difference) -> Difference:
    """Return the difference as if the older rules had shown all contacts at once, where today's do."""
    then = in_calls(difference.then)
    for each in difference.now:
        if not isinstance(each.command, ShowContacts):
            continue
        single = [(shown, each.call) for shown in shown_contacts(difference.before.contacts, each.command)]
        for place in range(len(then)):
            if then[place : place + len(single)] == single:
                then[place : place + len(single)] = [(each.command, each.call)]
                break
    if not any(isinstance(command, ShowContacts) for command, _ in then):
        return difference
    user, version = difference.recorded.user, difference.recorded.version
    named = (Issued(user, f"{version}.{n}", command, call) for n, (command, call) in enumerate(then))
    return replace(difference, then=tuple(named))


EXPLANATIONS: Final[dict[str, Explains]] = {
    rules.CONTACTS_TOGETHER.name: _contacts_together,
}
