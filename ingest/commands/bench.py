"""`sellthrough bench`: runs the measurements that are there, and says plainly which are not."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Final

import msgspec

from ingest.commands.exits import USAGE, CommandError, not_built

BENCHES: Final[Mapping[str, str]] = {
    "engine": "flashsale.bench:bench_engine",
    "comments": "ingest.comments.bench:bench_comments",
}
"""Benches by name, each a function that is told where to say how far it is and returns its numbers by name."""

PLANNED: Final = ("http", "fanout")


def bench(what: str, *, as_json: bool, say: Callable[[str], None], progress: Callable[[str], None]) -> None:
    """Run one bench, or all that are there; `progress` hears what is being measured. Raises CommandError for an unknown one."""
    if what in PLANNED:
        raise not_built(f"bench {what}")
    if what != "all" and what not in BENCHES:
        known = " | ".join((*BENCHES, *PLANNED, "all"))
        raise CommandError(f"没有测速 {what}；可用：{known}。 No bench {what}; there are: {known}.", USAGE)
    wanted = list(BENCHES) if what == "all" else [what]
    results = {name: _measured(name, progress) for name in wanted}
    if as_json:
        say(msgspec.json.encode(results if what == "all" else results[what]).decode())
        return
    for name, numbers in results.items():
        say(name)
        for key, value in numbers.items():
            say(f"    {key}  {value}")


def _measured(name: str, progress: Callable[[str], None]) -> Mapping[str, object]:
    module_name, _, function_name = BENCHES[name].partition(":")
    numbers = getattr(import_module(module_name), function_name)(progress)
    assert isinstance(numbers, Mapping)
    return numbers
