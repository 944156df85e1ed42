"""Become a program with the system calls that the unit lets through, and without executable memory that can be written.

Run as `confined.py PROGRAM ARGUMENTS`, with the names of the allowed system calls on stdin.
"""

import ctypes
import errno
import os
import sys

PR_SET_MDWE = 65
ERRNO = 0x00050000
"""SCMP_ACT_ERRNO of seccomp.h."""


def confine(names: list[str]) -> None:
    libc, seccomp = ctypes.CDLL(None), ctypes.CDLL("libseccomp.so.2")
    seccomp.seccomp_init.restype = ctypes.c_void_p
    seccomp.seccomp_release.restype = None
    filter_ = ctypes.c_void_p(seccomp.seccomp_init(ERRNO | errno.EPERM))
    for name in names:
        number = seccomp.seccomp_syscall_resolve_name(name.encode())
        if number >= 0:  # the others are of other processors
            assert seccomp.seccomp_rule_add(filter_, 0x7FFF0000, number, 0) == 0, name
    assert libc.prctl(PR_SET_MDWE, 1, 0, 0, 0) == 0
    assert seccomp.seccomp_load(filter_) == 0


if __name__ == "__main__":
    confine(sys.stdin.read().split())
    os.execv(sys.argv[1], sys.argv[1:])
