"""Takes away from a confined child what it does not need: files, network, processes, memory and time without end.

Called once, after every import and before the first request. Each measure is tried on its own; what holds is reported
as words, because not every system has all of them: `limits` (POSIX resource limits), `undumpable` (Linux: no core
dump, no ptrace by the same user), `syscalls` (Linux on x86-64 and arm64: a seccomp filter that knows reading,
writing, memory and exit; every other call fails with EPERM). The clock and the volume limits of the parent hold on
every system.
"""

from __future__ import annotations

import ctypes
import os
import signal
import struct
import sys
import time
from dataclasses import dataclass
from types import ModuleType
from typing import Final

resource: ModuleType | None
try:
    import resource
except ImportError:
    resource = None

MEASURES: Final = ("limits", "undumpable", "syscalls")
"""The words that a child may say of itself."""

_PR_SET_PDEATHSIG: Final = 1
_PR_SET_DUMPABLE: Final = 4
_PR_SET_SECCOMP: Final = 22
_PR_SET_NO_NEW_PRIVS: Final = 38
_SECCOMP_MODE_FILTER: Final = 2
_RET_ALLOW: Final = 0x7FFF0000
_RET_EPERM: Final = 0x00050000 | 1
_LOAD, _EQUAL, _RETURN = 0x20, 0x15, 0x06
_AT_NUMBER, _AT_ARCH, _AT_FIRST_ARGUMENT = 0, 4, 16


def _numbers(words: str) -> tuple[int, ...]:
    return tuple(int(word) for word in words.split())


# Audit architecture, prlimit64 (allowed on the own process only), then: read write lseek fstat close brk mmap munmap
# mremap mprotect madvise futex rt_sigaction rt_sigprocmask rt_sigreturn sigaltstack clock_gettime clock_getres
# gettimeofday getrandom getrusage getpid gettid sched_yield restart_syscall exit exit_group.
# Numbers: Linux asm/unistd_64.h and asm-generic/unistd.h.
_CALLS: Final[dict[str, tuple[int, int, tuple[int, ...]]]] = {
    "x86_64": (
        0xC000003E,
        302,
        _numbers("0 1 8 5 3 12 9 11 25 10 28 202 13 14 15 131 228 229 96 318 98 39 186 24 219 60 231"),
    ),
    "aarch64": (
        0xC00000B7,
        261,
        _numbers("63 64 62 80 57 214 222 215 216 226 233 98 134 135 139 132 113 114 169 278 165 172 178 124 128 93 94"),
    ),
}


class _Program(ctypes.Structure):
    """`struct sock_fprog` of linux/filter.h."""

    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_char_p))


@dataclass(frozen=True, slots=True)
class Limits:
    """What a child may have.

    Attributes:
        memory: Bytes of address space, in all, or `beyond` what it has when it confines itself.
        beyond: See `memory`; where a system does not tell what it has, nothing is taken off.
        ends_with_parent: On Linux, it is killed when the thread that started it ends.
    """

    memory: int
    beyond: bool = False
    ends_with_parent: bool = False


def confine(limits: Limits) -> tuple[str, ...]:
    """Apply every measure that this system has.

    Returns:
        The words of the measures that hold, in the order of `MEASURES`.
    """
    done = []
    if _limit(limits.memory + (_address_space() if limits.beyond else 0)):
        done.append("limits")
    if sys.platform == "linux":
        prctl = ctypes.CDLL(None).prctl
        prctl.argtypes = (ctypes.c_int, ctypes.c_ulong, ctypes.c_void_p, ctypes.c_ulong, ctypes.c_ulong)
        if limits.ends_with_parent:
            # One that ended before this call is noticed by its pipe.
            prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, None, 0, 0)
        if prctl(_PR_SET_DUMPABLE, 0, None, 0, 0) == 0:
            done.append("undumpable")
        program = _filter()
        if program and prctl(_PR_SET_NO_NEW_PRIVS, 1, None, 0, 0) == 0:
            pointer = ctypes.byref(_Program(len(program) // 8, program))
            if prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.cast(pointer, ctypes.c_void_p), 0, 0) == 0:
                done.append("syscalls")
    return tuple(done)


def allow_processor_time(seconds: int) -> None:
    """Allow so many seconds more from now; the system ends the process when they are used up."""
    if resource is not None:
        _set("RLIMIT_CPU", int(time.process_time()) + 1 + seconds, keep_hard=True)


def _address_space() -> int:
    """Return the bytes of address space of this process, or 0 where the system does not say."""
    try:
        with open("/proc/self/statm", encoding="ascii") as handle:
            return int(handle.read().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError):
        return 0


def _limit(memory: int) -> bool:
    if resource is None:
        return False
    # Every one is tried, also when an earlier one failed.
    held = [_set(name, 0) for name in ("RLIMIT_NOFILE", "RLIMIT_FSIZE", "RLIMIT_NPROC", "RLIMIT_CORE")]
    held.append(_set("RLIMIT_AS", memory))
    return all(held)


def _set(name: str, value: int, *, keep_hard: bool = False) -> bool:
    kind = getattr(resource, name, None)
    if resource is None or kind is None:
        return False
    try:
        hard = resource.getrlimit(kind)[1]
        if hard != resource.RLIM_INFINITY:
            value = min(value, hard)
        resource.setrlimit(kind, (value, hard if keep_hard else value))
    except (OSError, ValueError):
        return False
    return True


def _filter() -> bytes:
    calls = _CALLS.get(os.uname().machine) if sys.byteorder == "little" and sys.maxsize > 2**32 else None
    if calls is None:
        return b""
    arch, prlimit, allowed = calls
    lines = [(_LOAD, 0, 0, _AT_ARCH), (_EQUAL, 1, 0, arch), (_RETURN, 0, 0, _RET_EPERM), (_LOAD, 0, 0, _AT_NUMBER)]
    count = len(allowed)
    for index, number in enumerate(allowed):
        lines.append((_EQUAL, count - index + 3, 0, number))
    lines += [
        (_EQUAL, 0, 2, prlimit),
        (_LOAD, 0, 0, _AT_FIRST_ARGUMENT),
        (_EQUAL, 1, 0, 0),
        (_RETURN, 0, 0, _RET_EPERM),
        (_RETURN, 0, 0, _RET_ALLOW),
    ]
    return b"".join(struct.pack("=HBBI", *line) for line in lines)
