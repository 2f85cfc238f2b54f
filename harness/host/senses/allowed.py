"""What a stage may read without declaring it: one list, of places that are the machine's or the interpreter's.

Who adds to it takes away from what the harness sees: a place belongs here when no pipeline keeps its data there.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Sequence

from harness.host.senses.origins import Caller, Origin, origin_of_place

# The machine: its processes and devices, names and addresses, time zones, languages, certificates, fonts.
MACHINE = (
    "/proc/",
    "/sys/",
    *(f"/dev/{name}" for name in ("dri/", "fd/", "input/", "mapper/", "pts/", "snd/")),
    "/run/systemd/resolve/",
    "/usr/share/zoneinfo/",
    "/usr/lib/zoneinfo/",
    "/usr/share/lib/zoneinfo/",
    "/etc/zoneinfo/",
    "/usr/lib/locale/",
    "/usr/share/locale/",
    "/usr/share/i18n/",
    "/usr/share/mime/",
    "/usr/share/terminfo/",
    "/lib/terminfo/",
    "/etc/ssl/",
    "/etc/pki/",
    "/etc/ca-certificates/",
    "/usr/share/ca-certificates/",
    "/usr/local/share/ca-certificates/",
    "/etc/fonts/",
    "/usr/share/fonts/",
    "/usr/share/fontconfig/",
    "/usr/local/share/fonts/",
    "/usr/share/texmf/fonts/",
    "/usr/share/texlive/texmf-dist/fonts/",
    "/usr/X11R6/lib/X11/fonts/",
    "/var/cache/fontconfig/",
)
MACHINE_FILES = frozenset(
    f"/etc/{name}"
    for name in (
        *("localtime", "timezone", "hosts", "hostname", "resolv.conf", "nsswitch.conf", "services", "protocols"),
        *("gai.conf", "host.conf", "locale.alias", "locale.conf", "os-release", "lsb-release", "debian_version"),
        *("mime.types", "passwd", "group", "machine-id", "ld.so.cache", "default/locale", "apache2/mime.types"),
    )
) | {"/usr/lib/os-release", "/var/lib/dbus/machine-id"}

# Fonts of the user, and what was found out about fonts once: by fontconfig and by Matplotlib.
_AT_HOME = (
    *(".fonts", ".local/share/fonts", ".fontconfig", ".cache/fontconfig", ".config/fontconfig"),
    ".cache/matplotlib",
)
# What Matplotlib found out about fonts, in a folder that has its settings, too.
_FONTS = re.compile(r"/\.?matplotlib/(fontlist-v\d+\.json|tex\.cache/.*)$")
# Devices, but for memory that is shared under a name, and disks.
_DEVICES = re.compile(
    r"/dev/(null|zero|full|u?random|tty\w*|console|ptmx|std\w+|kfd|nvidia[\w/-]*|hwrng|rtc\w*|cpu\w*)$"
)

# Compiled libraries of the system, which ``ctypes`` loads by their name or place.
SYSTEM_LIBRARIES = ("/lib/", "/lib32/", "/lib64/", "/usr/lib/", "/usr/lib32/", "/usr/lib64/", "/usr/local/lib/")

_EXTERNAL = "_frozen_importlib_external"  # as it is called until importlib itself is imported

# Functions of the standard library that read for themselves, however they are called.
_MODULE_SOURCE = {  # a module's own file, which ``own_modules`` tells of
    (f"{module}.get_data", f"{module}.get_code") for module in ("importlib._bootstrap_external", _EXTERNAL)
}
_LOADS = ("runpy._get_code_from_file", "zipimport.")
_FOR_ITSELF = (
    "importlib.metadata.",
    "importlib.metadata.__init__.",
    "gettext.",
    "mimetypes.",
    "platform.",
    "zoneinfo.",
    "ctypes.util.",
    "webbrowser.",
)
_SHOWS_SOURCE = (
    *("traceback.", "warnings.", "logging.", "pdb.", "bdb.", "doctest.", "faulthandler.", "cProfile."),
    *("inspect.stack", "inspect.trace", "inspect.getframeinfo"),
)
_DELETES = ("shutil._rmtree", "shutil.rmtree", "tempfile._rmtree", "tempfile._cleanup")


class AllowedPlaces:
    """The allowed places, with those of this interpreter and user. ``root`` is never among them.

    ``kept``: folders and files where nobody but the harness, or somebody who is asked, writes.
    """

    def __init__(self, root: str, kept: Sequence[str] = ()) -> None:
        self.kept = tuple(os.path.join(folder, "") for folder in kept)
        self.root = root
        home = os.path.realpath(os.path.expanduser("~"))
        cache = os.environ.get("XDG_CACHE_HOME", "")
        folders = [os.path.join(home, name) for name in _AT_HOME]
        folders += [os.path.join(cache, name) for name in ("matplotlib", "fontconfig") if cache]
        self._fonts = os.path.join(os.path.realpath(os.environ.get("MPLCONFIGDIR") or "/nowhere"), "fontlist-v")
        real = {os.path.join(os.path.realpath(folder), "") for folder in folders if folder}
        prefixes = {os.path.realpath(p) for p in (sys.prefix, sys.base_prefix, sys.exec_prefix)}
        shared = {"/", "/usr", "/usr/local", home}  # of these, only the standard library and the packages
        below = {p for p in prefixes if p not in shared and not f"{root}/".startswith(f"{p}/")}
        self._places = (*MACHINE, *sorted(real), *sorted(os.path.join(p, "") for p in below))

    def has(self, path: str) -> bool:
        """Whether a file or folder, absolute and without links, may be read by whoever wants to."""
        if path in MACHINE_FILES or path.startswith(self._places) or f"{path}/" in self._places:
            return True
        if _DEVICES.match(path) or _FONTS.search(path) or path.startswith(self._fonts):
            return True
        return origin_of_place(f"{path}/") is not Origin.OWN


def asks_for_itself(asks: Caller) -> bool:
    """Whether the standard library reads a file of its own choice, or for a purpose of its own."""
    return any(name.startswith(_FOR_ITSELF) for name in asks.through)


def loads_for_itself(path: str, asks: Caller) -> bool:
    """Whether a module is loaded, which ``own_modules`` tells of, or its source is shown to people."""
    through = asks.through
    if through[:2] in _MODULE_SOURCE or any(name.startswith(_LOADS) for name in through):
        return True
    if asks.loading and path.endswith((".py", ".pyc")):  # a library's own loader imports a module
        return True
    if path.endswith(".py") and any(name.startswith("linecache.") for name in through):
        # An error is shown with its lines, or a library takes a function's source to compile it. Own code that asks
        # for source, as with inspect.getsource, reads it as data.
        return bool(asks.by_third) or any(name.startswith(_SHOWS_SOURCE) for name in through)
    return bool(asks.by_third) and "/__pycache__/" in path


def lists_for_itself(asks: Caller) -> bool:
    """Whether the standard library lists a folder to import from it, or to delete it."""
    first = asks.through[0] if asks.through else ""
    return first.startswith(("importlib._bootstrap", "_frozen_importlib", *_DELETES))


def lists_installed(asks: Caller) -> bool:
    """Whether Python looks for what is installed, on all of its path."""
    return any(name.startswith("importlib.metadata.") for name in asks.through)


def looks_for_plugins(asks: Caller) -> bool:
    """Whether somebody asks what the installed distributions offer to be plugged in."""
    return asks.origin is not Origin.HARNESS and "importlib.metadata.entry_points" in asks.through


def lists_package(folder: str, asks: Caller) -> bool:
    """Whether modules are looked for, or what comes with them, as by a package with plug-ins."""
    return any(n.startswith("pkgutil.") for n in asks.through) or os.path.isfile(os.path.join(folder, "__init__.py"))
