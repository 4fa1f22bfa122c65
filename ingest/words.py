"""The words of a sale's offers, as the ledger's catalogue keeps them, in the form that the comment reader takes."""

from __future__ import annotations

from flashsale.domain import SaleId
from ingest.comments import OfferWords
from inventory.ledger import Ledger


class CatalogueWords:
    """Reads offer words from the ledger."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    async def offer_words(self, sale_id: str) -> list[OfferWords]:
        """Read the words of all offers that the sale's catalogue names, in its order."""
        catalogue = await self._ledger.catalogue(SaleId(sale_id))
        return [
            OfferWords(
                sku=offer.sku,
                pool_id=offer.pool_id,
                base_unit=offer.base_unit,
                code=offer.code,
                link_no=offer.link_no,
                name=offer.name,
                aliases=offer.aliases,
                pack_words=offer.pack_words,
                units_per_pack=offer.units_per_pack,
                price_minor=offer.price_minor,
                list_price_minor=offer.list_price_minor,
            )
            for offer in catalogue.offers
        ]
