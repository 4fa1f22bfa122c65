"""What a catalogue says, and what can be wrong with one. Pure values, no I/O."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from flashsale.domain import PoolId, SetOffer, SetPool, Sku

PROBLEMS_SHOWN_MAX = 50


class CataloguePool(msgspec.Struct, frozen=True, kw_only=True):
    """A pool as the catalogue sets it up. `initial_units` counts base units (eggs, grams, packs)."""

    pool_id: PoolId
    name: str
    base_unit: str
    initial_units: int
    limit_units: int = 0
    presale_units: int = 0
    presale_ships_at_ms: int = 0

    def op(self) -> SetPool:
        """The engine operation that creates this pool or changes its rules."""
        return SetPool(
            pool_id=self.pool_id,
            name=self.name,
            base_unit=self.base_unit,
            initial_units=self.initial_units,
            limit_units=self.limit_units,
            presale_units=self.presale_units,
            presale_ships_at_ms=self.presale_ships_at_ms,
        )


class CatalogueOffer(msgspec.Struct, frozen=True, kw_only=True):
    """An offer with the words that name it in comments and the facts about its supplier.

    `code` is "" and `link_no` 0 where the host gave none. Prices are minor units of the sale's currency for one pack.
    """

    sku: Sku
    pool_id: PoolId
    base_unit: str
    name: str
    units_per_pack: int
    price_minor: int
    code: str = ""
    link_no: int = 0
    aliases: tuple[str, ...] = ()
    pack_words: tuple[str, ...] = ()
    list_price_minor: int = 0
    special_from_ms: int = 0
    special_until_ms: int = 0
    limit_packs: int = 0
    supplier: str = ""
    county: str = ""
    certificate_no: str = ""

    def op(self) -> SetOffer:
        """The engine operation that creates this offer or changes its prices and limit."""
        return SetOffer(
            sku=self.sku,
            pool_id=self.pool_id,
            name=self.name,
            units_per_pack=self.units_per_pack,
            price_minor=self.price_minor,
            list_price_minor=self.list_price_minor,
            special_from_ms=self.special_from_ms,
            special_until_ms=self.special_until_ms,
            limit_packs=self.limit_packs,
        )


class Catalogue(msgspec.Struct, frozen=True, kw_only=True):
    """All pools and offers of a sale, in the file's order. Each offer's pool is among the pools; each sku is unique."""

    pools: tuple[CataloguePool, ...] = ()
    offers: tuple[CatalogueOffer, ...] = ()

    def ops(self) -> tuple[SetPool | SetOffer, ...]:
        """The engine operations that put this catalogue on sale: pools first, since offers draw on them."""
        return tuple(pool.op() for pool in self.pools) + tuple(offer.op() for offer in self.offers)


class CatalogueProblem(msgspec.Struct, frozen=True, kw_only=True):
    """One thing wrong with a file: what it is and what to do, in both languages.

    `row` is the row's number as the spreadsheet shows it, 0 where the whole file is meant. `column` is the heading as
    the file has it, "" where the whole row is meant.
    """

    row: int = 0
    column: str = ""
    zh: str
    en: str

    def text_zh(self) -> str:
        """The problem in Chinese, with its place in front."""
        place = (f"第 {self.row} 行" if self.row else "") + (f"「{self.column}」" if self.column else "")
        return f"{place}：{self.zh}" if place else self.zh

    def text_en(self) -> str:
        """The problem in English, with its place in front."""
        parts = ([f"row {self.row}"] if self.row else []) + ([f'"{self.column}"'] if self.column else [])
        return f"{', '.join(parts)}: {self.en}" if parts else self.en


class CatalogueError(Exception):
    """A file is no catalogue. `problems` holds all that is wrong with it, in the order of its rows."""

    def __init__(self, problems: Sequence[CatalogueProblem]) -> None:
        assert problems, "an error without a problem helps nobody"
        self.problems = tuple(problems)
        super().__init__(self.text())

    def text(self) -> str:
        """Every problem on its own pair of lines, Chinese first; at most PROBLEMS_SHOWN_MAX, the rest is counted."""
        count = len(self.problems)
        lines = [f"目录文件有 {count} 处要改。 The catalogue file has {count} problem(s); nothing was changed."]
        for problem in self.problems[:PROBLEMS_SHOWN_MAX]:
            lines += [f"· {problem.text_zh()}", f"  {problem.text_en()}"]
        if count > PROBLEMS_SHOWN_MAX:
            lines.append(f"… 另有 {count - PROBLEMS_SHOWN_MAX} 处。 And {count - PROBLEMS_SHOWN_MAX} more.")
        return "\n".join(lines)
