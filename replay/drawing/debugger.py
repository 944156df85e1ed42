"""Step through one call in the terminal, forward and back: what came, what it changed, and the commands it led to.

Rules:

1. All steps are folded from the log at the beginning. Moving among them changes nothing.
2. A command that finds nothing says what there is, and does not move.
3. Without a terminal there is no prompt and no greeting, so that commands can come through a pipe.
4. A command's docstring is its help.
"""

import cmd
from collections.abc import Callable, Iterable, Sequence
from typing import IO, Final

from fargo.calls import CallName
from fargo.plain import plain
from fargo.statemachine.machine import deadlines
from fargo.statemachine.model.wire import wire_name
from replay.drawing import texts
from replay.drawing.messages import PROPOSED, is_proposed
from replay.drawing.show import show_step
from replay.drawing.text import aligned, block, clock, rows, value_at
from replay.reading.steps import ReplayStep

_SHORT: Final = {"n": "next", "b": "back", "s": "state", "q": "quit"}
_NONE: Final = "-"
"""Shown as the phase of a leg that does not exist yet, or no longer."""


class Debugger(cmd.Cmd):
    """The prompt. `steps` are those of the call, at least one."""

    def __init__(self, call: CallName, steps: Sequence[ReplayStep], stdin: IO[str], stdout: IO[str]) -> None:
        super().__init__(stdin=stdin, stdout=stdout)
        self._call = call
        self._steps = steps
        self._at = 0
        self.use_rawinput = stdin.isatty()
        self._ask()

    def preloop(self) -> None:
        if self.use_rawinput:
            self._say([texts.GREETING.format(call=self._call)])
        self.do_show("")

    def postcmd(self, stop: bool, line: str) -> bool:
        self._ask()
        return stop

    def emptyline(self) -> bool:
        return self.onecmd("next")

    def precmd(self, line: str) -> str:
        name, *rest = line.split(maxsplit=1) or [""]
        return " ".join([_SHORT.get(name, name), *rest])

    def default(self, line: str) -> None:
        name, _, _ = line.partition(" ")
        self._say([texts.UNKNOWN_COMMAND.format(name=name)])

    # --- moving

    def do_next(self, number: str) -> None:
        """next [N]      go to the next step, or N steps forward (n, or Return)"""
        self._move(number, 1)

    def do_back(self, number: str) -> None:
        """back [N]      go to the step before, or N steps back (b)"""
        self._move(number, -1)

    def do_go(self, number: str) -> None:
        """go N          go to step number N"""
        self._go(int(number) - 1 if number.isdecimal() else -1)

    def do_to(self, name: str) -> None:
        """to EVENT      go forward to an event of that type; a part of its name is enough"""
        types = [wire_name(type(step.recorded.event)) for step in self._steps]
        self._search(name, types, lambda index: name.lower() in types[index].lower())

    def do_until(self, name: str) -> None:
        """until PHASE   go forward to where the XMPP or the SIP leg enters that phase, such as Talking"""
        phases = [_NONE, _NONE], *(self._phases(index) for index in range(len(self._steps)))

        def comes(index: int) -> bool:
            moved = (now for was, now in zip(*phases[index : index + 2], strict=True) if now != was)
            return name.lower() in map(str.lower, moved)

        self._search(name, [phase for pair in phases for phase in pair if phase != _NONE], comes)

    # --- looking

    def do_show(self, _: str) -> None:
        """show          show this step: its event, what that changed, the commands"""
        phases = " | ".join(self._phases(self._at))
        self._say([texts.STEP.format(at=self._at + 1, count=len(self._steps), phases=phases)])
        self._say([*show_step(self._steps[self._at]), ""])

    def do_list(self, _: str) -> None:
        """list          list all steps: seconds since the first, event, phases of XMPP and SIP leg after it"""
        for index, (recorded, *_rest) in enumerate(self._steps):
            mark = ">" if index == self._at else ""
            at = recorded.at - self._steps[0].recorded.at
            phases = " | ".join(self._phases(index))
            self._say([f"{mark:<2}{index + 1:>3}  {at:>9.3f}  {wire_name(type(recorded.event)):<22}  {phases}"])

    def do_state(self, path: str) -> None:
        """state [PATH]  show the user's state after this step, or a part of it, such as calls.8.sip (s)"""
        try:
            value = value_at(self._steps[self._at].after, path)
        except LookupError as error:
            self._say([texts.UNKNOWN_PLACE.format(path=path, parts=error)])
            return
        self._say(aligned(rows(path, value), "  "))

    def do_commands(self, _: str) -> None:
        """commands      show the commands of this step, as recorded"""
        issued = self._steps[self._at].issued
        self._say(line for each in issued for line in block(each.command, "  ", f"{each.id}  "))
        if not issued:
            self._say([texts.NO_COMMANDS])

    def do_deadlines(self, _: str) -> None:
        """deadlines     show what is due when, unless an event comes before"""
        step = self._steps[self._at]
        due = sorted((each.at, each.name) for each in deadlines(step.after))
        now = step.recorded.at
        self._say(texts.DEADLINE.format(at=clock(at), seconds=at - now, name=name) for at, name in due)
        if not due:
            self._say([texts.NO_DEADLINES])

    def do_help(self, _: str) -> None:
        """help          show this list"""
        commands = [getattr(self, name).__doc__ for name in dir(self) if name.startswith("do_")]
        self._say(f"  {told}" for told in commands if told)

    def do_quit(self, _: str) -> bool:
        """quit          quit (q, or Ctrl-D)"""
        return True

    def do_EOF(self, _: str) -> bool:  # noqa: N802
        if self.use_rawinput:
            self._say([""])
        return True

    # --- how

    def _move(self, number: str, direction: int) -> None:
        if number and not number.isdecimal():
            self._say([texts.NOT_A_NUMBER.format(text=number)])
            return
        self._go(self._at + direction * int(number or 1))

    def _go(self, index: int) -> None:
        if not 0 <= index < len(self._steps):
            self._say([texts.NO_SUCH_STEP.format(count=len(self._steps), at=self._at + 1)])
            return
        self._at = index
        self.do_show("")

    def _search(self, name: str, names: Iterable[str], is_meant: Callable[[int], bool]) -> None:
        """Go to the next step that is meant."""
        found = next((index for index in range(self._at + 1, len(self._steps)) if name and is_meant(index)), None)
        if found is None:
            self._say([texts.NOT_FOUND.format(name=name, names=", ".join(dict.fromkeys(names)))])
            return
        self._go(found)

    def _phases(self, index: int) -> list[str]:
        """Return the phases of the XMPP and the SIP leg after a step."""
        user, id = self._steps[index].after, self._call.id
        if call := user.calls.get(id):
            return [type(leg).__name__ for leg in (call.jingle, call.sip)]
        return [PROPOSED.capitalize() if is_proposed(user, id) else _NONE, _NONE]

    def _ask(self) -> None:
        self.prompt = texts.PROMPT.format(at=self._at + 1) if self.use_rawinput else ""

    def _say(self, told: Iterable[str]) -> None:
        for line in told:
            print(plain(line), file=self.stdout)
