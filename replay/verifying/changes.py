"""Tell which differences between recorded commands and those of today a listed change of the rules explains.

Rules:

1. Every change in `fargo.statemachine.model.rules.CHANGES` has one predicate in a module of `replay.verifying.listed`,
   under its name in that module's `EXPLANATIONS`.
2. A predicate is true only if its change accounts for the whole difference. It is asked only about events that were
   folded by older rules than the change's.
"""

from typing import Final

from fargo.statemachine.model import rules
from fargo.statemachine.model.rules import RuleChange
from replay.verifying.difference import Difference, Explains
from replay.verifying.listed import (
    addresses,
    codecs,
    contacts,
    contents,
    endings,
    faults,
    jingle,
    media,
    outages,
    registration,
    replies,
    strangers,
    transfers,
    voicemail,
    words,
)
from replay.verifying.listed.codecs import with_codecs_of_today
from replay.verifying.listed.contacts import with_contacts_together
from replay.verifying.listed.strangers import with_nicks_untold, with_strangers_unshown
from replay.verifying.listed.transfers import with_former_abilities
from replay.verifying.listed.voicemail import without_mailbox

EXPLANATIONS: Final[dict[str, Explains]] = {
    **faults.EXPLANATIONS,
    **replies.EXPLANATIONS,
    **media.EXPLANATIONS,
    **codecs.EXPLANATIONS,
    **jingle.EXPLANATIONS,
    **outages.EXPLANATIONS,
    **registration.EXPLANATIONS,
    **contacts.EXPLANATIONS,
    **contents.EXPLANATIONS,
    **strangers.EXPLANATIONS,
    **addresses.EXPLANATIONS,
    **endings.EXPLANATIONS,
    **voicemail.EXPLANATIONS,
    **transfers.EXPLANATIONS,
    **words.EXPLANATIONS,
}
"""By the name of the change."""


def explained(difference: Difference) -> RuleChange | None:
    """Return the listed change that explains a difference, None if there is none. One that explains all but how and
    to whom contacts are shown, and by which name, the codecs that the relay is asked for, that mailboxes are, or what
    phones are told that we can do, is enough.
    """
    seen = [difference]
    untold = (with_contacts_together, with_nicks_untold, with_strangers_unshown, without_mailbox)
    for alike in (*untold, with_codecs_of_today, with_former_abilities):
        seen += [other for each in seen if (other := alike(each)) is not each]
    for each in seen:
        for change in rules.CHANGES:
            if difference.recorded.rules < change.version and EXPLANATIONS[change.name](each):
                return change
    return None
