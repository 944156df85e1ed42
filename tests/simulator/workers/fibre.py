"""Code that waits, beside others, on a clock that stands still: one of them runs at a time, until it waits.

A fibre is a thread that runs only while whoever has resumed it waits for it. So the order is that of the calls, and the
same each time.
"""

from collections.abc import Callable
from threading import Lock, Thread
from typing import Any


class Killed(BaseException):
    """The process of the fibre has ended: what waits in it goes no further."""


_running: list["Fibre"] = []


def current() -> "Fibre":
    """Return the fibre that runs."""
    return _running[-1]


class Fibre:
    """Runs a function from the first `resume` on."""

    def __init__(self, run: Callable[[], object]) -> None:
        self.has_ended = False
        self._run = run
        self._error: BaseException | None = None
        self._is_killed = False
        self._value: Any = None
        self._goes, self._waits = Lock(), Lock()
        self._goes.acquire()
        self._waits.acquire()
        self._thread = Thread(target=self._main, daemon=True)
        self._thread.start()

    def resume(self, value: object = None) -> None:
        """Go on until the function waits or ends; what it waits for is this value. Raises what the function raises."""
        if self.has_ended:
            return
        self._value = value
        _running.append(self)
        self._goes.release()
        self._waits.acquire()
        _running.pop()
        if self._error:
            raise self._error

    def wait(self) -> Any:
        """Wait, in the fibre, to be resumed, and return the value."""
        self._waits.release()
        self._goes.acquire()
        if self._is_killed:
            raise Killed
        return self._value

    def kill(self) -> None:
        """Let the function go no further."""
        self._is_killed = True
        while not self.has_ended:
            self.resume()

    def _main(self) -> None:
        self._goes.acquire()
        try:
            if not self._is_killed:
                self._run()
        except Killed:
            pass
        except BaseException as error:
            self._error = error
        finally:
            self.has_ended = True
            self._waits.release()
