"""What a catalogue that goes on sale a second time leaves otherwise than its file says. Pure rules, Chinese first."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from flashsale.tally import Tally

if TYPE_CHECKING:
    from inventory.catalogue import Catalogue

WARNINGS_MAX: Final = 50
"""More lines than a host reads; what is beyond them is counted in one last line."""


def catalogue_warnings(tally: Tally, kept: Catalogue, wanted: Catalogue) -> tuple[str, ...]:
    """Return a line for each pool that keeps its stock, offer that the file lacks, and code that moves to another offer.

    `tally` and `kept` are the counters and the catalogue from before `wanted` went on sale.
    """
    warnings = [*_stock_kept(tally, wanted), *_left_out(tally, wanted), *_moved(tally, kept, wanted)]
    beyond = len(warnings) - WARNINGS_MAX
    if beyond <= 0:
        return tuple(warnings)
    return (*warnings[:WARNINGS_MAX], f"… 另有 {beyond} 条提醒。 And {beyond} more.")


def _stock_kept(tally: Tally, wanted: Catalogue) -> Iterator[str]:
    there = {pool.pool_id: pool for pool in tally.pools}
    for pool in wanted.pools:
        known = there.get(pool.pool_id)
        if known is None:
            continue
        stock = known.initial + known.adjusted
        # An unchanged file states the stock of the beginning, a corrected one perhaps that of now; both are what is kept.
        if pool.initial_units in (known.initial, stock):
            continue
        delta = pool.initial_units - stock
        yield (
            f"库存池 {pool.pool_id} 已存在，总库存仍为 {stock} {known.base_unit}，表中的 {pool.initial_units} 未采用；"
            f"要改库存请用库存调整（adjust，{delta:+d}）。 "
            f"Pool {pool.pool_id} exists and keeps its stock of {stock}; the file's {pool.initial_units} was not taken. "
            f"Use adjust ({delta:+d}) to change stock."
        )


def _left_out(tally: Tally, wanted: Catalogue) -> Iterator[str]:
    named = {offer.sku for offer in wanted.offers}
    for offer in tally.offers:
        if offer.sku not in named:
            yield (
                f"新表没有商品规格 {offer.sku}（{offer.name}）：它没有下架，价格照旧，但评论里只认得它的名称；"
                f"要停售请为它设置 sells_until_ms（PUT …/offers/{offer.sku}）。 "
                f"The file lacks offer {offer.sku}: it stays on sale at its price, and comments find it by its name alone. "
                f"To stop selling it, set its sells_until_ms."
            )


def _moved(tally: Tally, kept: Catalogue, wanted: Catalogue) -> Iterator[str]:
    on_sale = {offer.sku for offer in tally.offers}
    codes = {offer.code.casefold(): offer.sku for offer in kept.offers if offer.code and offer.sku in on_sale}
    links = {offer.link_no: offer.sku for offer in kept.offers if offer.link_no and offer.sku in on_sale}
    for offer in wanted.offers:
        for zh, en, before in (
            (f"口令 {offer.code}", f"Code {offer.code}", codes.get(offer.code.casefold())),
            (f"链接号 {offer.link_no}", f"Link number {offer.link_no}", links.get(offer.link_no)),
        ):
            if before is not None and before != offer.sku:
                yield (
                    f"{zh} 原来指 {before}，从现在起指 {offer.sku}；请告诉观众。 "
                    f"{en} meant {before} and means {offer.sku} from now on; tell your viewers."
                )
