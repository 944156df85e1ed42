"""The one invariant that no core can break by itself, as no password ever reaches it: the watch would see one."""

import pytest

from fargo.statemachine.model.commands import Issued, SendText
from fargo.statemachine.model.events import Recorded, SipSignedOut, SipTrouble, TimePassed

from .invariants import Broken, Entry, Watch
from .values import PASSWORD, USER

IN_AN_EVENT: Entry = (Recorded(USER, 1, 0.0, SipSignedOut("1.0", SipTrouble.INVALID, f"password={PASSWORD}")), ())
IN_A_COMMAND: Entry = (Recorded(USER, 1, 0.0, TimePassed()), (Issued(USER, "1.0", SendText("a@b", USER, PASSWORD)),))


@pytest.mark.parametrize("entry", [IN_AN_EVENT, IN_A_COMMAND])
def test_a_password_that_is_written_down_is_seen(entry: Entry) -> None:
    with pytest.raises(Broken, match="no password is seen"):
        Watch().judge(entry)
