"""The gateway is killed and started again in the middle of a call, which goes on.

The phone is pjsip, so what either end hears is told apart. The SIP engine is our own: with the other one, the calls of a
gateway that dies end.
"""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from world.gateway import Gateway
from world.jingle_call import JingleCall
from world.pjsip import Pjsip

from .customer import Customer
from .engines import sip_only
from .pjsip_calls import hear_each_other, hold_each_other
from .test_user_agent_phones import each_way

pytestmark = sip_only


async def restarted(gateway: Gateway) -> None:
    """The gateway has no chance to say anything: all that it knows afterwards is from the log."""
    gateway.process.kill()
    await gateway.process.ended()
    await gateway.start()


@each_way
async def test_an_active_call(alice: Customer, begin: Any) -> None:
    call, phone = await begin(alice, await alice.world.media())
    await hear_each_other(call, phone)
    await restarted(alice.gateway)
    await hear_each_other(call, phone)
    await hold_each_other(call, phone)
    await call.terminate()
    assert (await phone.closed())["status"] == 200
