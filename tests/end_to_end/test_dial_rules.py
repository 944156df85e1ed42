"""Dial rules, added by a chat with the gateway and by its form, and the numbers that the provider then sees."""

from contextlib import closing
from xml.etree import ElementTree as ET

from sqlite_utils import Database
from world.jingle_call import JingleCall
from world.rtp import RtpEndpoint
from world.sip_agent import ScriptedProvider
from world.stanza import NS, element, form

from fargo.calls import records
from fargo.store.opening import open_reader
from replay.reading.records import row

from .customer import Customer
from .engines import sip_only
from .scripted_calls import Talk

pytestmark = sip_only

COMMANDS = "http://jabber.org/protocol/commands"


async def written(alice: Customer, text: str) -> str:
    """Write to the gateway, and return its answer."""
    mark = len(alice.client.stanzas)
    body = element("body", text=text)
    alice.client.send(element("message", None, body, type="chat", id=alice.client.new_id(), to=alice.gateway.jid))
    said = await alice.client.wait(
        lambda each: each.get("from") == alice.gateway.jid and each.find("client:body", NS) is not None,
        f"an answer to {text}",
        after=mark,
    )
    return said.findtext("client:body", "", NS)


async def commanded(alice: Customer, *inside: ET.Element, session: str | None = None) -> ET.Element:
    """Take a step of the command about dial rules, and return the answer to it."""
    step = element("command", COMMANDS, *inside, node="rules", sessionid=session)
    answer = (await alice.client.request("set", alice.gateway.jid, step)).find(f"{{{COMMANDS}}}command")
    assert answer is not None
    return answer


async def filled(alice: Customer, **fields: str) -> str:
    """Fill in the form about dial rules, and return what the gateway says then."""
    session = (await commanded(alice)).get("sessionid")
    answer = await commanded(alice, form("submit", **fields), session=session)
    return answer.findtext(f"{{{COMMANDS}}}note", "")


async def test_a_call_goes_to_what_rules_make_of_the_number(
    scripted_alice: Customer, scripted: ScriptedProvider
) -> None:
    alice, world = scripted_alice, scripted_alice.world
    assert await written(alice, "/sed -o s/^0/+44/") == "Rule 1: -o s/^0/+44/"
    assert await filled(alice, rule="-o s/^[+]441900.*//", number="01900 1") == (
        "This number is not allowed. The rule -o s/^[+]441900.*// forbids it."
    )
    assert await filled(alice, rule="-i s/^44/+44/") == "Rule 2: -i s/^44/+44/"
    assert await written(alice, "sed -t 01632 960000") == "01632960000 becomes +441632960000."

    media = await world.media()
    call = await alice.call("01632-960000", await world.media())
    phone = await scripted.called()
    assert phone.invite.uri.startswith("sip:+441632960000@")
    await phone.answered(phone.sdp(media))
    await call.answered()
    await Talk(alice, call, phone, media).hang_up()

    mark = len(alice.client.stanzas)
    phone = scripted.call(await world.add(RtpEndpoint()), caller="441632960000")
    back = await JingleCall.incoming(alice.client, await world.media(), after=mark)
    assert back.peer == alice.contact("+441632960000")
    await back.accept()
    await phone.accepted()
    await Talk(alice, back, phone, media).hang_up()

    with closing(open_reader(alice.gateway.log)) as log:
        told = [row(each) for each in records(log.call_entries())]
    assert list(Database(alice.gateway.log).query("select * from calls")) == told
    assert [(each["number_written"], each["dial_rules"], each["peer"]) for each in told] == [
        ("01632960000", "-o s/^0/+44/", "+441632960000@scripted.test"),
        ("441632960000", "-i s/^44/+44/", "+441632960000@scripted.test"),
    ]
    assert (await written(alice, "rules")).splitlines() == ["1: -o s/^0/+44/", "2: -i s/^44/+44/"]
