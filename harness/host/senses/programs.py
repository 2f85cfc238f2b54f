"""Programs that are run and hosts that are asked: neither can be followed, so each is named; and what still runs."""

from __future__ import annotations

import ipaddress
import os
import shlex
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from harness.host.senses import audit
from harness.host.senses.origins import Caller, caller
from harness.host.senses.record import Record

# Programs by which the standard library learns what machine this is; what it learns is in every key already.
_FOR_ITSELF = ("platform.", "ctypes.util.", "multiprocessing.resource_tracker.", "multiprocessing.semaphore_tracker.")
# Helpers that Python and joblib keep for later on purpose; they do nothing by themselves.
_HELPERS = ("multiprocessing.resource_tracker", "multiprocessing.forkserver", "loky.backend", "joblib.externals.loky")
_LONGEST_LINE = 80

_nurse = -1


def on_popen(record: Record, arguments: tuple[Any, ...]) -> None:
    """A program is run by ``subprocess``."""
    executable, argv, _, environment = arguments
    asks = caller()
    if not _for_itself(asks):
        found = _which(executable, environment)
        shell = isinstance(argv, list | tuple) and len(argv) > 2 and argv[1] == "-c" and executable == argv[0]
        record.program(found, os.fsdecode(argv[2]) if shell else "")


def on_system(record: Record, arguments: tuple[Any, ...]) -> None:
    """A command is given to the shell."""
    if not _for_itself(caller()):
        record.program("/bin/sh", os.fsdecode(arguments[0]))


def on_exec(record: Record, arguments: tuple[Any, ...]) -> None:
    """A program is run by ``os``: in place of this process, or beside it."""
    asks = caller()
    if not _for_itself(asks) and not any(name.startswith("subprocess.") for name in asks.through):
        record.program(_which(arguments[0], None))


def on_spawn(record: Record, arguments: tuple[Any, ...]) -> None:
    """``multiprocessing`` starts an interpreter of its own; what it forks instead writes to the same record."""
    asks = caller()
    if not _for_itself(asks) and not any(name.startswith("subprocess.") for name in asks.through):
        words = [shlex.quote(os.fsdecode(word)) for word in arguments[0][1:]]
        note = "a worker process" if any("multiprocessing" in word for word in words) else " ".join(words)
        record.program(sys.executable, note)


def on_connect(record: Record, arguments: tuple[Any, ...]) -> None:
    """A socket is connected, or sends to an address."""
    address, asks = arguments[1], caller()
    if asks.innocent or address is None or any(name.startswith("multiprocessing.forkserver.") for name in asks.through):
        return
    if isinstance(address, str | bytes):
        record.network(os.fsdecode(address).replace("\0", "@"))
    elif isinstance(address, tuple) and len(address) >= 2:
        host, port = address[:2]
        if not (_is_number(host) and port in record.looked_up):  # it is one of a name's, which is told already
            record.network(f"{host}:{port}")


def on_look_up(record: Record, arguments: tuple[Any, ...]) -> None:
    """A host is looked up by its name."""
    host, port = arguments[0], arguments[1] if len(arguments) > 1 else None
    name = os.fsdecode(host) if isinstance(host, str | bytes) else ""
    if caller().innocent or not name or _is_number(name):
        return
    record.looked_up.add(port)
    record.network(f"{name}:{port}" if port else name)


LISTENERS: dict[str, Callable[[Record, tuple[Any, ...]], None]] = {
    "subprocess.Popen": on_popen,
    "os.system": on_system,
    "os.exec": on_exec,
    "os.posix_spawn": on_exec,
    "pty.spawn": on_system,
    "socket.connect": on_connect,
    "socket.sendto": on_connect,
    "socket.sendmsg": on_connect,
    "socket.getaddrinfo": on_look_up,
    "socket.gethostbyname": on_look_up,
}


def listen_to_processes(spawned: audit.Listener, followed: Callable[[tuple[Any, ...]], Any]) -> None:
    """Call ``spawned`` with the arguments of every interpreter that ``multiprocessing`` starts: no event tells.

    One for which ``followed`` gives other arguments is started with these, and is not told.
    """
    import _posixsubprocess

    start = _posixsubprocess.fork_exec

    def fork_exec(*arguments: Any, **keywords: Any) -> int:
        with audit.unheard():
            others = followed(arguments)
        if others is not None:
            return start(*others, **keywords)
        audit.call("fork_exec", spawned, arguments)
        return start(*arguments, **keywords)

    _posixsubprocess.fork_exec = fork_exec


def _for_itself(asks: Caller) -> bool:
    return asks.innocent or any(name.startswith(_FOR_ITSELF) for name in asks.through)


def _which(program: Any, environment: Any) -> str:
    """Where a program lies that is found on the path, else its name."""
    name = os.fsdecode(program)
    with audit.unheard():
        path = environment.get("PATH") if isinstance(environment, dict) else None
        return shutil.which(name, path=path) or name


def _is_number(host: Any) -> bool:
    try:
        ipaddress.ip_address(str(host).partition("%")[0])
    except ValueError:
        return False
    return True


def know_nurse(parent: int) -> None:
    """From now on this process's parent is its nurse, to whom whatever it started goes that has no parent any more."""
    global _nurse
    _nurse = parent


def running_children() -> dict[int, str]:
    """By process, the command line of every child that runs, and of every orphan, without Python's own helpers."""
    found = {}
    for process in (*_own_children(), *_adopted()):
        line = _command_line(process)
        if line and not any(name in line for name in _HELPERS):
            found[process] = line if len(line) <= _LONGEST_LINE else f"{line[:_LONGEST_LINE]}..."
    return found


def _adopted() -> list[int]:
    """The other children of the nurse."""
    try:
        content = Path(f"/proc/{_nurse}/task/{_nurse}/children").read_bytes() if _nurse == os.getppid() else b""
    except OSError:
        return []
    return [process for process in map(int, content.split()) if process != os.getpid()]


def _own_children() -> Iterator[int]:
    try:
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return
    tasks = Path("/proc/self/task")
    for task in tasks.iterdir() if tasks.is_dir() else ():
        try:
            yield from map(int, (task / "children").read_bytes().split())
        except OSError:  # the thread has ended
            continue


def _command_line(process: int) -> str:
    """The command line; empty where the process has ended, though nobody asked yet how."""
    folder = Path("/proc", str(process))
    try:
        while not (line := (folder / "cmdline").read_bytes()):  # it has ended, or it has only just begun
            state = (folder / "stat").read_bytes().rpartition(b")")[2].split()[0]
            if state in b"ZX":
                return ""
            time.sleep(0.001)
    except OSError:
        return ""
    return line.replace(b"\0", b" ").decode(errors="replace").strip()
