"""Commands that start at once: forked from a process that has imported what they need, instead of importing it again.

A command of the harness takes half a second to be imported, which hundreds of tests would pay for each line of shell.
Beside the imports, and the compiled template of the report's page, nothing is shared: a command is a process of its
own, with its own folder, environment, streams and status. Whoever asks in other circumstances (an interpreter's or a
terminal's variable, a closed stream, a limit) gets a real start.

``python prepared.py serve SOCKET MODULE`` waits for commands of ``harness`` or ``pytest``; ``python prepared.py
SOCKET MODULE WORDS...`` is such a command.
"""

from __future__ import annotations

import gc
import json
import os
import resource
import select
import signal
import socket
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path
    from typing import Any

HARNESS = (
    *("typer._adapters", "rich.console", "rich.table", "pydantic", "jsonschema", "jinja2", "PIL.PngImagePlugin"),
    *("scipy.special", "harness.cli.app", "harness.cli.tables.verification", "harness.cli.tables.approval"),
    *("harness.verify.suite", "harness.host.project", "harness.report.html", "harness.store.acceptance"),
)
# Pytest rewrites the assertions of its plugins' distributions when it imports them: see ``_rewrite_as_pytest_will``.
PYTEST = (
    *("pytest", "numpy", "scipy.special", "jsonschema", "jinja2", "PIL.PngImagePlugin", "rich.console", "filelock"),
    *("xml.etree.ElementTree", "hypothesis.internal.observability", "harness.plugin", "harness.plugin.ledger"),
    *("harness.plugin.results", "harness.host.project", "harness.report.folder", "harness.report.github"),
    *("harness.report.summary", "harness.verify.suite", "harness.verify.checks.verification"),
)
IMPORTS = {"harness": HARNESS, "pytest": PYTEST}
LATE = {
    *("CI", "PATH", "PWD", "OLDPWD", "SHLVL", "_", "TMPDIR", "PYTEST_CURRENT_TEST"),
    *("GIT_CONFIG_GLOBAL", "GIT_CONFIG_NOSYSTEM"),
}
"""Variables that nobody reads while importing."""
LIMITS = [getattr(resource, name) for name in dir(resource) if name.startswith("RLIMIT_")]


def ready(folder: Path, environment: Mapping[str, str]) -> Iterator[Path]:
    """Let ``harness`` and ``pytest`` be prepared while the folder is held; gives it once they are."""
    import subprocess
    import time

    folder.mkdir(exist_ok=True)
    servers = [
        subprocess.Popen(
            [sys.executable, __file__, "serve", str(folder / module), module],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            env=environment,
            start_new_session=True,
        )
        for module in IMPORTS
    ]
    while not all((folder / module).exists() for module in IMPORTS):
        assert all(server.poll() is None for server in servers), "a process that prepares commands ended"
        time.sleep(0.05)
    yield folder
    for server in servers:
        server.stdin.close()
        server.wait(60)


def once(factory: Any, name: str, repository: Any, make: Callable[[Any], None]) -> Any:
    """The repository after ``make``, or what another worker of this run has made of its own: nobody changes it."""
    import dataclasses
    import shutil

    import filelock

    folder = factory.getbasetemp()
    folder = (folder.parent if "PYTEST_XDIST_WORKER" in os.environ else folder) / name
    with filelock.FileLock(f"{folder}.lock"):
        if not folder.exists():
            make(repository)
            shutil.copytree(repository.root, part := folder.with_suffix(".part"), dirs_exist_ok=True)
            part.rename(folder)
    return dataclasses.replace(repository, root=folder.resolve())


def start(ready: Path | None, module: str) -> list[str]:
    """The beginning of a command line that starts a module of ``IMPORTS``: really, where nothing is ready."""
    if ready is None:
        return [sys.executable, "-m", module]
    return [sys.executable, "-I", "-S", __file__, f"{ready}/{module}", module]


def decisive(module: str) -> dict:
    """What decides how a process of a module starts."""
    late = LATE | {"COLUMNS"} if module == "pytest" else LATE  # the harness's consoles are made when it is imported
    return {
        "environment": {name: value for name, value in os.environ.items() if name not in late},
        "limits": [resource.getrlimit(limit) for limit in LIMITS],
        "ignored": [signal.getsignal(s) is signal.SIG_IGN for s in (signal.SIGINT, signal.SIGTERM)],
    }


def command(place: str, module: str, *words: str) -> int:
    """Run a command; gives its exit status."""
    about = {"words": words, "cwd": os.getcwd(), "umask": os.umask(0), **decisive(module), "all": dict(os.environ)}
    os.umask(about["umask"])
    try:
        for stream in range(3):
            os.fstat(stream)
        connection = socket.socket(socket.AF_UNIX)
        connection.connect(place)
    except OSError:
        return _really(module, *words)
    socket.send_fds(connection, [b"!"], [0, 1, 2])
    connection.sendall(json.dumps(about).encode() + b"\n")
    answer = connection.makefile("rb").readline()
    if not answer.strip():
        return _really(module, *words)
    status = int(answer)
    if status < 0:  # as it ended, so does this
        if -status not in (signal.SIGKILL, signal.SIGSTOP):  # which nobody handles
            signal.signal(-status, signal.SIG_DFL)
        os.kill(os.getpid(), -status)
    return status


def _really(module: str, *words: str) -> int:
    os.execv(sys.executable, [sys.executable, "-m", module, *words])


def serve(place: str, module: str) -> None:
    """Wait for commands, until standard input is closed; returns in the process of a command, which is then to run."""
    done = _rewrite_as_pytest_will() if module == "pytest" else lambda: None
    for name in IMPORTS[module]:
        __import__(name)
    done()
    if module == "harness":  # the page's template is compiled by whoever writes the first report
        html = sys.modules["harness.report.html"]
        html.template(html.Path(html.__file__).with_name("template.html.j2"))
    own = json.loads(json.dumps(decisive(module)))
    gc.collect()
    gc.freeze()  # a command would look through all that was imported, and copy its memory, again and again
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(place)
        listener.listen()
        while listener in select.select([listener, 0], [], [])[0]:
            connection, _ = listener.accept()
            if os.fork() == 0:
                listener.close()
                return _attend(connection, own)
            connection.close()
            _bury()
    os._exit(0)


def _rewrite_as_pytest_will() -> Any:
    """Let imports rewrite the assertions of all that a plugin's distribution has; gives what ends that.

    Pytest does so, and warns of a module that it finds imported otherwise.
    """
    from importlib.metadata import entry_points

    import pytest
    from _pytest.assertion import install_importhook
    from _pytest.config import get_config

    config = get_config()
    hook = install_importhook(config)
    files = [file for point in entry_points(group="pytest11") for file in point.dist.files or ()]
    pytest.register_assert_rewrite(*{file.parts[0].removesuffix(".py") for file in files if file.suffix == ".py"})
    return lambda: sys.meta_path.remove(hook)


def _bury() -> None:
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        pass


def _attend(connection: socket.socket, own: dict) -> None:
    """Fork the command, and say how it ended; it is killed when nobody waits for that any more."""
    _, streams, _, _ = socket.recv_fds(connection, 1, 3)
    about = json.loads(connection.makefile("rb").readline())
    if {name: about[name] for name in own} != own:
        connection.sendall(b"\n")
        os._exit(0)
    child = os.fork()
    if child == 0:
        connection.close()
        return _become(about, streams)
    ended = os.pidfd_open(child)
    if ended not in select.select([ended, connection], [], [])[0]:
        os.kill(child, signal.SIGKILL)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    try:
        connection.sendall(b"%d\n" % status)
    finally:
        os._exit(0)


def _become(about: dict, streams: list) -> None:
    import importlib

    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    for number, name in enumerate(("stdin", "stdout", "stderr")):  # what they lead to decides how they are opened
        old = getattr(sys, f"__{name}__")
        mode = "w" if number else "r"
        new = open(number, mode, encoding=old.encoding, errors=old.errors, closefd=False)  # noqa: SIM115 (it stays)
        new.reconfigure(line_buffering=new.line_buffering or name == "stderr")
        setattr(sys, name, new)
        setattr(sys, f"__{name}__", new)
    os.chdir(about["cwd"])
    os.umask(about["umask"])
    os.environ.clear()
    os.environ.update(about["all"])
    sys.argv[1:] = about["words"]
    sys.path[0] = about["cwd"]
    importlib.invalidate_caches()


if __name__ == "__main__":
    if sys.argv[1] != "serve":
        sys.exit(command(*sys.argv[1:]))
    _, _, socket_, module_ = sys.argv
    serve(socket_, module_)
    import runpy

    runpy.run_module(module_, run_name="__main__", alter_sys=True)
