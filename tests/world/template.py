"""The interpreter behind prepared.py: it has imported the gateway, and forks itself for each script to run.

Standard input is a socket. Each message is an order: the script's arguments, its folder, its environment and what it
has for /etc/resolv.conf, if not the machine's, as JSON, with four descriptors: where the process is told, standard
input, standard output and standard error. What is told are two lines: its pid when it begins, and its exit code when it
has ended (negative: the signal that ended it). The end of the orders ends the template, and the end of the template
ends what it has forked.
"""

import ctypes
import gc
import json
import os
import runpy
import select
import signal
import socket
import sys
from contextlib import suppress
from pathlib import Path

ORDER_BYTES = 256 * 1024
DESCRIPTORS = 4
PR_SET_PDEATHSIG, PR_SET_NAME = 1, 15
CLONE_NEWNS = 0x20000
MS_BIND, MS_REC, MS_PRIVATE = 0x1000, 0x4000, 0x40000
LIBC = ctypes.CDLL(None, use_errno=True)


class Template:
    """Takes orders until a fork of it is to run one, or until there are no more."""

    def __init__(self) -> None:
        self._orders = socket.socket(fileno=os.dup(0))
        self._woken, self._wakes = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        self._told: dict[int, int] = {}
        """The places to tell the exit codes at, by pid."""
        signal.set_wakeup_fd(self._wakes)
        signal.signal(signal.SIGCHLD, lambda *_: None)

    def run(self) -> list[str] | None:
        """Return the arguments in the fork that is to run them, and None in the template at the end."""
        while True:
            ready, *_ = select.select((self._orders.fileno(), self._woken), (), ())
            if self._woken in ready:
                os.read(self._woken, 1024)
                self._reap()
            if self._orders.fileno() in ready:
                data, descriptors, *_ = socket.recv_fds(self._orders, ORDER_BYTES, DESCRIPTORS)
                if not data:
                    return None
                if arguments := self._fork(json.loads(data), *descriptors):
                    return arguments

    def _reap(self) -> None:
        while self._told:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if not pid:
                return
            _tell(self._told.pop(pid), os.waitstatus_to_exitcode(status))

    def _fork(self, order: dict[str, object], told: int, *streams: int) -> list[str]:
        """Return the arguments in the fork, [] in the template."""
        if pid := os.fork():
            self._told[pid] = told
            for each in streams:
                os.close(each)
            return []
        self._close()
        return _become(order, told, streams)

    def _close(self) -> None:
        """Leave the fork nothing of the template's."""
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        self._orders.close()
        for each in (self._woken, self._wakes, *self._told.values()):
            os.close(each)


def _become(order: dict[str, object], told: int, streams: tuple[int, ...]) -> list[str]:
    """Be the process of an order, in a process group of its own. Return its arguments."""
    os.setsid()
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    if resolv_conf := order["resolv_conf"]:
        _resolve_by(str(resolv_conf))
    for number, each in enumerate(streams):
        os.dup2(each, number)
        os.close(each)
    environment, arguments = order["environment"], order["arguments"]
    assert isinstance(environment, dict)
    assert isinstance(arguments, list)
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(str(order["folder"]))
    LIBC.prctl(PR_SET_NAME, Path(arguments[0]).name.encode())
    _tell(told, os.getpid())
    os.close(told)
    return arguments


def _resolve_by(resolv_conf: str) -> None:
    """Have another /etc/resolv.conf, in a mount namespace of its own."""
    private = (b"none", b"/", None, MS_REC | MS_PRIVATE, None)
    bound = (resolv_conf.encode(), b"/etc/resolv.conf", None, MS_BIND, None)
    if LIBC.unshare(CLONE_NEWNS) or LIBC.mount(*private) or LIBC.mount(*bound):
        raise OSError(ctypes.get_errno(), "cannot mount", resolv_conf)


def _tell(told: int, number: int) -> None:
    """Write a line. Nobody may be there any more to read it."""
    with suppress(BrokenPipeError):
        os.write(told, f"{number}\n".encode())


def main() -> None:
    import fargo.cli
    import fargo.daemon  # noqa: F401

    # A reactor has descriptors, which forks must not share.
    assert "twisted.internet.reactor" not in sys.modules
    gc.collect()
    gc.freeze()
    if arguments := Template().run():
        sys.argv = arguments
        sys.path[0] = str(Path(arguments[0]).parent)
        runpy.run_path(arguments[0], run_name="__main__")


if __name__ == "__main__":
    main()
