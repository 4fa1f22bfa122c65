from __future__ import annotations

import msgspec
import pytest

from flashsale.domain import PoolId, Rev, SaleState, Sku
from flashsale.tally import OfferTally, PoolTally, Tally, Totals
from ingest.catalogue_warnings import WARNINGS_MAX, catalogue_warnings
from inventory.catalogue import Catalogue, CatalogueOffer, CataloguePool


def an_offer(sku: str, code: str = "", link_no: int = 0) -> CatalogueOffer:
    return CatalogueOffer(
        sku=Sku(sku), pool_id=PoolId("eggs"), base_unit="枚", name=sku, units_per_pack=10, price_minor=3_000,
        code=code, link_no=link_no,
    )  # fmt: skip


def a_catalogue(*offers: CatalogueOffer, initial_units: int = 600) -> Catalogue:
    pool = CataloguePool(pool_id=PoolId("eggs"), name="鸡蛋", base_unit="枚", initial_units=initial_units)
    return Catalogue(pools=(pool,), offers=offers)


def the_tally(catalogue: Catalogue, adjusted: int = 0) -> Tally:
    return Tally(
        sale_id="s", name="s", state=SaleState.OPEN, currency="CNY", rev=Rev("1-0"), at_ms=0, totals=Totals(),
        pools=tuple(
            PoolTally(
                pool_id=pool.pool_id, name=pool.name, base_unit=pool.base_unit, initial=pool.initial_units,
                adjusted=adjusted,
            )
            for pool in catalogue.pools
        ),
        offers=tuple(
            OfferTally(
                sku=offer.sku, pool_id=offer.pool_id, name=offer.name, units_per_pack=offer.units_per_pack,
                price_minor=offer.price_minor,
            )
            for offer in catalogue.offers
        ),
    )  # fmt: skip


KEPT = a_catalogue(an_offer("e10", "A1", 1), an_offer("e30", "A2", 2))


def test_a_first_catalogue_and_the_same_one_again_leave_nothing_to_say() -> None:
    assert catalogue_warnings(the_tally(Catalogue()), Catalogue(), KEPT) == ()
    assert catalogue_warnings(the_tally(KEPT), KEPT, KEPT) == ()


@pytest.mark.parametrize(("initial_units", "told"), [(600, ""), (650, ""), (900, "+250"), (500, "-150")])
def test_a_pool_that_keeps_its_stock_is_told_with_the_adjustment_that_would_change_it(
    initial_units: int, told: str
) -> None:
    wanted = msgspec.structs.replace(KEPT, pools=a_catalogue(initial_units=initial_units).pools)
    warnings = catalogue_warnings(the_tally(KEPT, adjusted=50), KEPT, wanted)
    assert [told in warning and "650" in warning for warning in warnings] == ([True] if told else [])


def test_an_offer_that_the_file_lacks_is_told_to_stay_on_sale() -> None:
    (warning,) = catalogue_warnings(the_tally(KEPT), KEPT, a_catalogue(an_offer("e10", "A1", 1)))
    assert "e30" in warning


def test_a_code_or_link_number_that_moves_is_told_with_both_offers() -> None:
    wanted = a_catalogue(an_offer("e10", "B1", 1), an_offer("e30", "a1", 2), an_offer("e60", "A2", 3))
    warnings = catalogue_warnings(the_tally(KEPT), KEPT, wanted)
    assert [("a1" in w or "A2" in w, "e10" in w, "e30" in w, "e60" in w) for w in warnings] == [
        (True, True, True, False),
        (True, False, True, True),
    ]


def test_warnings_beyond_what_a_host_reads_are_counted() -> None:
    many = a_catalogue(*(an_offer(f"e{number}") for number in range(WARNINGS_MAX + 3)))
    warnings = catalogue_warnings(the_tally(many), many, a_catalogue())
    assert len(warnings) == WARNINGS_MAX + 1
    assert "3" in warnings[-1]
