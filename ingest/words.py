"""The words of a sale's offers, as the ledger's catalogue keeps them, in the form that the comment reader takes."""

from __future__ import annotations

from collections.abc import Sequence

from flashsale.domain import SaleId
from ingest.comments import OfferWords
from ingest.comments.catalogue import offer_words
from inventory.ledger import Ledger


class CatalogueWords:
    """Reads offer words from the ledger."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    async def offer_words(self, sale_id: str) -> Sequence[OfferWords]:
        """Read the words of all offers that the sale's catalogue names, in its order."""
        return offer_words(await self._ledger.catalogue(SaleId(sale_id)))
