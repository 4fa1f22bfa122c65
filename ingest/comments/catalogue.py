"""From a catalogue's offers to the words that comments are read with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ingest.comments.domain import OfferWords

if TYPE_CHECKING:
    from inventory.catalogue import Catalogue


def offer_words(catalogue: Catalogue) -> tuple[OfferWords, ...]:
    """Return the words of every offer, in the catalogue's order."""
    return tuple(
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
    )
