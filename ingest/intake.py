"""Whether anything may come in: open, stopped by trouble with a store, or stopping for good."""

from __future__ import annotations

from typing import Final

from ingest.problems import Problem

STORE: Final = "store"
LEDGER: Final = "ledger"


class Intake:
    """One switch that all doors look at before they touch anything.

    Trouble closes it at once for everybody, so that a full disk is met by one failed write and not by thousands; the
    keepers probe the store and lift it. Stopping is for good.
    """

    def __init__(self) -> None:
        self._troubles: dict[str, str] = {}
        self._stopping = False

    @property
    def troubles(self) -> dict[str, str]:
        """What is wrong now, in words, by where: `store` or `ledger`."""
        return dict(self._troubles)

    @property
    def stopping(self) -> bool:
        """Whether the service is on its way down."""
        return self._stopping

    def trouble(self, where: str, words: str) -> None:
        """Note that a store cannot be used, and stop the intake."""
        self._troubles[where] = words

    def recovered(self, where: str) -> None:
        """Note that a store can be used again."""
        self._troubles.pop(where, None)

    def stop(self) -> None:
        """Take nothing new any more. What is under way may finish."""
        self._stopping = True

    def require_open(self, *, ledger: bool = True) -> None:
        """Raise Problem if nothing may come in now. `ledger=False`: for doors whose answers wait for the store alone."""
        if self._stopping:
            raise Problem("stopping")
        for where in self._troubles:
            if ledger or where != LEDGER:
                raise store_problem(where)


def store_problem(where: str) -> Problem:
    """Return the problem for a store that cannot be used."""
    return Problem("store-unavailable" if where == STORE else "ledger-unavailable")
