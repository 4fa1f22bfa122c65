"""Trouble with the stores: noticed at any door, told in words, and it closes the intake."""

from __future__ import annotations

from typing import Final

import structlog

from flashsale.store import StoreUnavailable
from ingest.intake import LEDGER, STORE, Intake, store_problem
from ingest.problems import Problem
from inventory.ledger import LedgerUnavailableError

log = structlog.get_logger("intake")


class Troubles:
    """Turns what the stores raise into problems, and tells the intake."""

    kinds: Final = (StoreUnavailable, LedgerUnavailableError)

    def __init__(self, intake: Intake) -> None:
        self._intake = intake

    def noted(self, error: Exception) -> Problem:
        """Close the intake over an error of `kinds`, and return the problem that its request is answered with."""
        where = STORE if isinstance(error, StoreUnavailable) else LEDGER
        if where not in self._intake.troubles:
            log.error("intake stopped", where=where, error=str(error))
        self._intake.trouble(where, str(error))
        return store_problem(where)
