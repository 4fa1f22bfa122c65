"""The Valkey Functions library: Lua files of `lua/`, joined in a fixed order under a name that carries their version.

The version is the hash of the source, so two processes with different code never call each other's functions by accident:
each library registers its functions under its own version's name.
"""

from __future__ import annotations

import hashlib
from functools import cache
from importlib.resources import files

INCLUDES = ("codes", "check", "plain", "context", "stock", "buyers", "records", "waitlist", "holds")
OPS = ("claim", "claims", "amend", "confirm", "cancel", "extend", "fact", "catalogue", "sale", "draw")
ENTRIES = ("decide", "read")


@cache
def source() -> str:
    """Return the whole library's Lua source, first line included."""
    root = files("flashsale") / "lua"
    names = [f"include/{name}.lua" for name in INCLUDES] + [f"ops/{name}.lua" for name in OPS]
    names += [f"{name}.lua" for name in ENTRIES]
    body = "\n".join((root / name).read_text(encoding="utf-8") for name in names)
    version = hashlib.sha256(body.encode()).hexdigest()[:12]
    body = body.replace("'st_decide'", f"'st_decide_{version}'").replace("'st_tally'", f"'st_tally_{version}'")
    return f"#!lua name=sellthrough_{version}\n{body}"


@cache
def version() -> str:
    """Return the library's version: twelve hex digits of its source's SHA-256."""
    return source().split("\n", 1)[0].rsplit("_", 1)[1]


def decide_name() -> str:
    """Name of the function that decides batches."""
    return f"st_decide_{version()}"


def tally_name() -> str:
    """Name of the function that reads a sale's counters."""
    return f"st_tally_{version()}"
