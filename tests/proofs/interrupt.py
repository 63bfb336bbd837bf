"""Runs work in a process of its own and stops it at any chosen call by which it changes files, by a kill or an error.

The kernel hands every such call to the supervisor before it is done (seccomp user notification, Linux 5.5 and newer):
none is missed, whichever thread makes it. The supervisor lets it happen, answers it with an error, or kills the process
with SIGKILL, so that the call never happens. Only calls on files below a given folder count, and only those of the
process itself, not those of its children.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import fcntl
import json
import os
import select
import signal
import socket
import struct
import sys
import tempfile
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

KILL: Final = -1
"""What `decide` answers to have the process killed; 0 lets the call happen; everything above is an error number."""

# How a call names the file: ("fd", argument), ("path", argument) or ("at", argument of the folder, of the path).
_FD, _PATH, _AT = ("fd", 0), ("path", 0), ("at", 0, 1)
_CALLS: Final[dict[str, tuple[int | None, int, tuple[Any, ...]]]] = {
    # name: (x86-64, arm64, which file); arm64 has only those that the C library there still uses.
    "write": (1, 64, _FD), "writev": (20, 66, _FD), "pwrite64": (18, 68, _FD), "pwritev": (296, 70, _FD),
    "pwritev2": (328, 287, _FD), "sendfile": (40, 71, _FD), "copy_file_range": (326, 285, ("fd", 2)),
    "fsync": (74, 82, _FD), "fdatasync": (75, 83, _FD), "sync_file_range": (277, 84, _FD), "syncfs": (306, 267, _FD),
    "ftruncate": (77, 46, _FD), "fallocate": (285, 47, _FD), "fchmod": (91, 52, _FD), "fchown": (93, 55, _FD),
    "openat": (257, 56, _AT), "mkdirat": (258, 34, _AT), "unlinkat": (263, 35, _AT), "renameat": (264, 38, _AT),
    "renameat2": (316, 276, _AT), "linkat": (265, 37, ("at", 2, 3)), "symlinkat": (266, 36, ("at", 1, 2)),
    "fchmodat": (268, 53, _AT), "utimensat": (280, 88, _AT), "truncate": (76, 45, _PATH),
    "open": (2, -1, _PATH), "creat": (85, -1, _PATH), "mkdir": (83, -1, _PATH), "rmdir": (84, -1, _PATH),
    "unlink": (87, -1, _PATH), "rename": (82, -1, _PATH), "link": (86, -1, ("path", 1)),
    "symlink": (88, -1, ("path", 1)), "chmod": (90, -1, _PATH),
}  # fmt: skip
_ARCHITECTURES: Final = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}
_FLAGS_OF: Final = {"openat": 2, "open": 1}
_CHANGING: Final = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC
_AT_FDCWD: Final = -100

_PR_SET_NO_NEW_PRIVS, _SYS_SECCOMP = 38, {"x86_64": 317, "aarch64": 277}
_RECEIVE, _SEND, _SET_FLAGS = 0xC0502100, 0xC0182101, 0x40082104
_ALLOW, _NOTIFY = 0x7FFF0000, 0x7FC00000
_LOAD, _EQUAL, _ANY_OF, _RETURN = 0x20, 0x15, 0x45, 0x06
_NOTICE: Final = struct.Struct("=QIIiIQ6Q")


@dataclass(frozen=True, slots=True)
class Call:
    """A call that changes files: its name, and the file by its path below the folder; `opens` has the flags."""

    name: str
    file: str
    flags: int = 0


@dataclass(slots=True)
class Ended:
    """How a process ended.

    Attributes:
        status: Exit status, or the negative number of the signal that killed it.
        said: What the work said, in order.
        heard: For each of these, how many calls were made before.
        calls: The calls that were made, the last one being the one at which it was killed.
        noise: What was printed to standard error.
    """

    status: int
    said: list[Any] = field(default_factory=list)
    heard: list[int] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)
    noise: str = ""

    @property
    def killed(self) -> bool:
        """True when it was killed by SIGKILL."""
        return self.status == -signal.SIGKILL


Say = Callable[[Any], None]
Work = Callable[[Say], None]
Decide = Callable[[int, Call, list[Any]], int]
"""Told the number of a call, from 1, the call, and what was said until then; answers `KILL`, 0 or an error number."""


def why_not() -> str:
    """Return why nothing can be interrupted here, or an empty string."""
    if sys.platform != "linux" or os.uname().machine not in _ARCHITECTURES:
        return "interrupting system calls needs Linux on x86-64 or arm64"
    ended = run(lambda say: say("here"), Path("/"), lambda *_: 0)
    return "" if ended.said == ["here"] else "interrupting system calls needs Linux 5.5 or newer, and its seccomp"


def run(work: Work, folder: Path | None = None, decide: Decide | None = None, *, seconds: int = 300) -> Ended:
    """Run `work` in a forked process and put each of its calls on files below `folder` to `decide`.

    Call it in a process with one thread. What `work` says (its argument takes anything that JSON can hold) is known
    before any later call is put to `decide`. Without `decide` nothing is interrupted.

    Raises:
        TimeoutError: For so many seconds nothing was heard of it; it was killed.
    """
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with ours, theirs, tempfile.TemporaryFile() as noise:
        child = os.fork()
        if not child:
            ours.close()
            _child(theirs, noise.fileno(), work, decide is not None)
        theirs.close()
        ended = Ended(0)
        try:
            ours.settimeout(seconds)
            if decide:
                _supervise(ours, child, f"{folder}{'' if str(folder) == '/' else '/'}", decide, ended, seconds)
            while message := ours.recv(1 << 16):
                _hear(ended, message)
        except BaseException:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            raise
        ended.status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        noise.seek(0)
        ended.noise = noise.read().decode("utf-8", "replace")
        return ended


def _child(channel: socket.socket, noise: int, work: Work, interrupted: bool) -> None:
    status = 97
    try:
        os.dup2(noise, 2)
        if interrupted:
            listener = _listen()
            socket.send_fds(channel, [b"0"], [listener])
            os.close(listener)
            channel.recv(1)
        work(lambda what: channel.send(json.dumps(what).encode()) and None)
        status = 0
    except BaseException:  # noqa: BLE001 - the process ends here
        with contextlib.suppress(BaseException):
            os.write(2, traceback.format_exc().encode())
    finally:
        os._exit(status)


def _filter() -> bytes:
    which, architecture = _ARCHITECTURES[os.uname().machine]
    lines = [(_LOAD, 0, 0, 4), (_EQUAL, 1, 0, architecture), (_RETURN, 0, 0, _ALLOW), (_LOAD, 0, 0, 0)]
    for name, numbers in _CALLS.items():
        number = numbers[which]
        if number == -1:
            continue
        if name in _FLAGS_OF:
            lines += [
                (_EQUAL, 0, 4, number), (_LOAD, 0, 0, 16 + 8 * _FLAGS_OF[name]), (_ANY_OF, 0, 1, _CHANGING),
                (_RETURN, 0, 0, _NOTIFY), (_RETURN, 0, 0, _ALLOW),
            ]  # fmt: skip
        else:
            lines += [(_EQUAL, 0, 1, number), (_RETURN, 0, 0, _NOTIFY)]
    lines.append((_RETURN, 0, 0, _ALLOW))
    return b"".join(struct.pack("=HBBI", *line) for line in lines)


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_char_p))


def _listen() -> int:
    """Put this process under the filter and return the handle of its supervisor."""
    library, code = ctypes.CDLL(None, use_errno=True), _filter()
    program = _Program(len(code) // 8, code)
    library.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    new_listener, set_filter = 8, 1
    handle = library.syscall(_SYS_SECCOMP[os.uname().machine], set_filter, new_listener, ctypes.byref(program))
    if handle < 0:
        raise OSError(ctypes.get_errno(), "seccomp")
    return int(handle)


def _supervise(ours: socket.socket, child: int, below: str, decide: Decide, ended: Ended, seconds: int) -> None:
    try:
        _, handles, _, _ = socket.recv_fds(ours, 1, 1)
    except OSError:
        handles = []
    if not handles:
        return
    with os.fdopen(handles[0], "rb", buffering=0) as listener:
        with contextlib.suppress(OSError):
            fcntl.ioctl(listener, _SET_FLAGS, 1)  # Linux 6.6: wake the other side on the same processor
        ours.send(b"0")
        names = {numbers[_ARCHITECTURES[os.uname().machine][0]]: name for name, numbers in _CALLS.items()}
        poll = select.poll()
        poll.register(listener, select.POLLIN)
        poll.register(ours, select.POLLIN)
        place, threads, empty = listener.fileno(), {child: True}, bytes(_NOTICE.size)
        while True:
            ready = dict(poll.poll(seconds * 1000))
            if not ready:
                raise TimeoutError
            if ready.pop(ours.fileno(), 0):
                message = ours.recv(1 << 16)
                if message:
                    _hear(ended, message)
                    continue
                poll.unregister(ours)
            if not ready:
                continue
            if not ready[place] & select.POLLIN:
                return
            notice = bytearray(empty)
            try:
                fcntl.ioctl(place, _RECEIVE, notice)
            except OSError as error:
                if error.errno in (errno.ENOENT, errno.EINTR):
                    continue
                raise
            identity, thread, _, number, _, _, *arguments = _NOTICE.unpack(notice)
            if thread not in threads:
                threads[thread] = os.path.exists(f"/proc/{child}/task/{thread}")
            answer = 0
            if threads[thread] and (call := _call(child, names[number], arguments, below)):
                ended.calls.append(call)
                answer = decide(len(ended.calls), call, ended.said)
            if answer == KILL:
                os.kill(child, signal.SIGKILL)
                return
            reply = struct.pack("=Qqii", identity, 0, -answer, 0 if answer else 1)
            try:
                fcntl.ioctl(place, _SEND, reply)
            except OSError as error:
                if error.errno != errno.ENOENT:
                    raise


def _hear(ended: Ended, message: bytes) -> None:
    ended.said.append(json.loads(message))
    ended.heard.append(len(ended.calls))


def _call(process: int, name: str, arguments: list[int], below: str) -> Call | None:
    """Return a call, or None where its file is not below the folder."""
    kind, *where = _CALLS[name][2]
    try:
        if kind == "fd":
            file = os.readlink(f"/proc/{process}/fd/{arguments[where[0]] & 0xFFFFFFFF}")
        else:
            file = _text(process, arguments[where[-1]])
            if kind == "at" and not file.startswith("/"):
                start = ctypes.c_int(arguments[where[0]] & 0xFFFFFFFF).value
                base = os.readlink(f"/proc/{process}/" + ("cwd" if start == _AT_FDCWD else f"fd/{start}"))
                file = os.path.join(base, file)
    except OSError:
        return None
    if not file.startswith(below) and file + "/" != below:
        return None
    return Call(name, file[len(below) :], arguments[_FLAGS_OF[name]] if name in _FLAGS_OF else 0)


def _text(process: int, address: int) -> str:
    with open(f"/proc/{process}/mem", "rb", buffering=0) as memory:
        memory.seek(address)
        found = b""
        # Up to the end of the page at a time: what comes after it may not be there.
        while b"\0" not in found and len(found) < 4096:
            piece = memory.read(4096 - (address + len(found)) % 4096)
            if not piece:
                break
            found += piece
    return os.fsdecode(found.split(b"\0")[0])
