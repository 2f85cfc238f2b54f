"""How the address of a place is written in ``[tool.harness]``; nothing is opened here."""

from __future__ import annotations

import re

_URL = re.compile(r"([a-z][a-z0-9+.-]*)://([^\s?#]+)")
_OWN = ("memory", "dir", "reference", "cached", "simplecache", "filecache", "blockcache")
HERE = ("file", "local")


def url_problem(url: str) -> str:
    """What is wrong with the address of a place, as the end of a sentence; empty where it can be tried."""
    parts = _URL.fullmatch(url)
    if not parts or "::" in url or not url.isprintable():
        return "is no address of a place: write one such as s3://bucket/folder, gs://bucket/folder or file:///folder"
    protocol, rest = parts.groups()
    if protocol in _OWN:
        return f"keeps nothing for anybody else ({protocol}): name a place such as s3://bucket/folder"
    if protocol in HERE and not rest.startswith("/"):
        return f"is not absolute: write {protocol}:///folder"
    if "@" in rest.split("/")[0]:
        return "holds a name or a password, which would be in every commit: credentials belong into the environment"
    if ".." in rest.split("/"):
        return "has a '..' in it: write the folder itself"
    return ""


def protocol_of(url: str) -> str:
    """What stands before ``://``."""
    return url.partition("://")[0]
