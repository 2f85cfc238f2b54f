"""Whether an environment holds what tox.ini pins for it: ``python tests/pins.py ENVIRONMENT``."""

from __future__ import annotations

import configparser
import re
import sys
from importlib.metadata import version
from pathlib import Path

from packaging.specifiers import SpecifierSet

START = "testenv:{keras2,"  # of the section that pins


def pins(environment: str, deps: str) -> dict[str, str]:
    """The pinned versions among ``deps``, lines such as ``tf2.16, torch: numpy==1.26.4``, of an environment."""
    result = {}
    for line in deps.splitlines():
        if line.count(":") == 1 and (match := re.fullmatch(r"(.+):\s*([\w-]+)==([\d.]+)", line.strip())):
            factors, name, pinned = match.groups()
            if any(set(f.strip().split("-")) <= set(environment.split("-")) for f in factors.split(",")):
                result[name] = pinned
    return result


def pinned(tox: configparser.ConfigParser) -> configparser.SectionProxy:
    """The section of tox.ini that pins."""
    (name,) = (section for section in tox.sections() if section.startswith(START))
    return tox[name]


def main(environment: str) -> int:
    """0 where every pinned distribution is there in its version."""
    tox = configparser.ConfigParser(interpolation=None)
    tox.read(Path(__file__).parent.parent / "tox.ini")
    wanted = pins(environment, pinned(tox)["deps"])
    # A local build, such as 2.13.0+cpu, is of that version.
    odd = {n: (pin, result) for n, pin in wanted.items() if (result := version(n)) not in SpecifierSet(f"=={pin}")}
    for name, (pin, result) in odd.items():
        print(f"{environment} pins {name}=={pin}, and {result} is installed: `tox run -r -e {environment}` mends it")
    print(f"{environment}: {', '.join(f'{name} {pin}' for name, pin in wanted.items())}")
    return 1 if odd or not wanted else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
