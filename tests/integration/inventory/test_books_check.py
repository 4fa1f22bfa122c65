from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest
import sqlalchemy as sa

from flashsale import events
from flashsale.domain import (
    Claim,
    ClaimId,
    Confirm,
    Line,
    Rev,
    SaleId,
    SaleState,
    SetOffer,
    SetPool,
    SetSale,
    SetSaleState,
    rev_order,
)
from flashsale.embedded import EmbeddedStore
from flashsale.events import LogEntry
from flashsale.service import Engine
from flashsale.tally import Tally
from inventory.check import check_sale
from inventory.follower import LedgerKeeper
from inventory.ledger import Ledger, LedgerUnavailableError, schema
from inventory.report import build_report

SALE = SaleId("evening")


class RecordedEngine:
    """What a played sale left behind, to read only; with gaps, lies and failures where a test asks for them."""

    def __init__(self, entries: Sequence[LogEntry], tally: Tally | None) -> None:
        self.entries = list(entries)
        self.recorded_tally = tally
        self.fails_left = 0
        self.batch_max = 500
        self.news = asyncio.Event()

    async def sale_ids(self) -> list[SaleId]:
        return [SALE]

    async def tally(self, sale_id: SaleId) -> Tally | None:
        return self.recorded_tally

    async def log(self, sale_id: SaleId, after: Rev, entries_max: int = 500) -> list[LogEntry]:
        if self.fails_left:
            self.fails_left -= 1
            raise ConnectionError("the store is away")
        later = [entry for entry in self.entries if rev_order(entry.rev) > rev_order(after)]
        return later[: min(entries_max, self.batch_max)]

    async def follow(self, sale_id: SaleId, after: Rev) -> AsyncIterator[LogEntry]:
        while True:
            for entry in await self.log(sale_id, after):
                after = entry.rev
                yield entry
            await self.news.wait()
            self.news.clear()

    def append(self, entries: Sequence[LogEntry]) -> None:
        self.entries += entries
        self.news.set()


@pytest.fixture
async def ledger(tmp_path: Path) -> AsyncIterator[Ledger]:
    async with await Ledger.open(f"sqlite:///{tmp_path / 'ledger.sqlite3'}") as opened:
        yield opened


async def eventually(condition: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(30):
        while not await condition():
            await asyncio.sleep(0.01)


async def test_books_of_a_live_sale_balance_while_claims_pour_in(tmp_path: Path, ledger: Ledger) -> None:
    async with EmbeddedStore(tmp_path / "store") as store, Engine.open(store.url) as engine:
        await engine.apply_all(
            SALE,
            [
                SetSale(name="铜鼓"),
                SetPool(pool_id="eggs", name="土鸡蛋", base_unit="枚", initial_units=500),
                SetOffer(sku="egg", pool_id="eggs", name="鸡蛋", units_per_pack=1, price_minor=100),
                SetSaleState(state=SaleState.OPEN),
            ],
        )

        async def buy(begin: int) -> None:
            for number in range(begin, begin + 100):
                claim_id = ClaimId(f"c{number}")
                await engine.apply(
                    SALE, Claim(claim_id=claim_id, buyer_id=f"b{number}", channel="douyin", lines=(Line("egg", 2),))
                )
                await engine.apply(SALE, Confirm(claim_id=claim_id))

        async with LedgerKeeper(engine, ledger), asyncio.TaskGroup() as buyers:
            tasks = [buyers.create_task(buy(begin)) for begin in range(0, 400, 100)]
            reports = [await check_sale(engine, ledger, SALE)]
            while not all(task.done() for task in tasks):
                reports.append(await check_sale(engine, ledger, SALE))
        final = await check_sale(engine, ledger, SALE)
        assert [report.text() for report in [*reports, final] if not report.balanced] == []
        figures = await ledger.figures(SALE)
        assert (figures.pools[0].sold, figures.totals.revenue_minor) == (500, 50_000)
        assert "¥500.00" in await build_report(ledger, SALE, final)


async def test_check_of_an_unknown_sale_is_not_balanced(ledger: Ledger) -> None:
    report = await check_sale(RecordedEngine((), None), ledger, SALE)
    assert not report.balanced
    assert "没有这个专场" in report.text()


async def test_played_sale_balances_in_store_log_and_ledger(ledger: Ledger, played_sale: Any) -> None:
    report = await check_sale(RecordedEngine(played_sale.entries, played_sale.tally), ledger, SALE)
    assert report.balanced, report.text()
    assert report.entries == len(played_sale.entries)
    assert report.rev == played_sale.tally.rev


FIRST_ORDER = sa.select(schema.claims.c.claim_id).where(
    schema.claims.c.order_no
    == sa.select(sa.func.min(schema.claims.c.order_no))
    .where(schema.claims.c.status.in_(["confirmed", "recorded"]))
    .scalar_subquery()
)
FAULTS: list[tuple[str, sa.sql.dml.UpdateBase]] = [
    ("a line lost", sa.delete(schema.claim_lines).where(schema.claim_lines.c.claim_id.in_(FIRST_ORDER))),
    ("money changed", sa.update(schema.claim_lines).values(amount_minor=schema.claim_lines.c.amount_minor + 1)),
    (
        "an order taken back",
        sa.update(schema.claims).where(schema.claims.c.claim_id.in_(FIRST_ORDER)).values(status="cancelled"),
    ),
    ("stock adjusted twice", sa.update(schema.adjustments).values(delta_units=schema.adjustments.c.delta_units * 2)),
    ("a refusal forgotten", sa.delete(schema.refusals)),
    ("likes miscounted", sa.update(schema.observations).values(likes=0)),
    ("a pool lost", sa.delete(schema.pools).where(schema.pools.c.pool_id == "tea")),
    ("a buyer merged", sa.update(schema.claims).values(buyer_id="one")),
]


@pytest.mark.parametrize("fault", [fault for _, fault in FAULTS], ids=[name for name, _ in FAULTS])
async def test_fault_in_the_ledger_is_found(ledger: Ledger, played_sale: Any, fault: Any) -> None:
    engine = RecordedEngine(played_sale.entries, played_sale.tally)
    assert (await check_sale(engine, ledger, SALE)).balanced
    async with ledger.writing() as connection:
        assert (await connection.execute(fault)).rowcount > 0
    report = await check_sale(engine, ledger, SALE)
    assert not report.balanced
    assert all(difference.where.startswith("log ↔ ledger") for difference in report.differences)


@pytest.mark.parametrize(
    "field", ["sold", "held", "available", "oversold", "presold", "waitlisted", "refused", "adjusted"]
)
async def test_fault_in_the_stores_counters_is_found(ledger: Ledger, played_sale: Any, field: str) -> None:
    pool = played_sale.tally.pools[0]
    lying = msgspec.structs.replace(pool, **{field: getattr(pool, field) + 1})
    tally = msgspec.structs.replace(played_sale.tally, pools=(lying, *played_sale.tally.pools[1:]))
    report = await check_sale(RecordedEngine(played_sale.entries, tally), ledger, SALE)
    assert not report.balanced
    assert {difference.where.split()[0] for difference in report.differences} <= {"store", "log"}


async def test_entry_lost_from_the_log_is_found(ledger: Ledger, played_sale: Any) -> None:
    for lost in (1, len(played_sale.entries) // 2, len(played_sale.entries) - 1):
        entries = [entry for number, entry in enumerate(played_sale.entries) if number != lost]
        sale_id = SaleId(f"lost-{lost}")
        report = await check_sale(RecordedEngine(entries, played_sale.tally), ledger, sale_id)
        assert not report.balanced, lost


async def test_ledger_of_another_log_is_found(ledger: Ledger, played_sale: Any) -> None:
    later = [msgspec.structs.replace(entry, rev=Rev(f"9{entry.rev}")) for entry in played_sale.entries]
    await ledger.project(SALE, later, after=Rev(""))
    report = await check_sale(RecordedEngine(played_sale.entries, played_sale.tally), ledger, SALE)
    assert not report.balanced


async def test_keeper_resumes_from_the_ledgers_place_after_failures(ledger: Ledger, played_sale: Any) -> None:
    engine = RecordedEngine(played_sale.entries, played_sale.tally)
    engine.batch_max, engine.fails_left = 9, 3
    async with LedgerKeeper(engine, ledger) as keeper:
        await eventually(lambda: _is_at(ledger, played_sale.tally.rev))
        assert keeper.problems == {}
    assert (await ledger.figures(SALE)).totals == played_sale.tally.totals


@pytest.mark.parametrize("events_max", [1, 7, 1_000_000])
async def test_size_of_the_transactions_does_not_show_in_the_books(
    ledger: Ledger, played_sale: Any, events_max: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("inventory.follower.EVENTS_A_TRANSACTION", events_max)
    engine = RecordedEngine(played_sale.entries, played_sale.tally)
    assert await LedgerKeeper(engine, ledger).catch_up(SALE) == played_sale.tally.rev
    assert (await ledger.figures(SALE)).totals == played_sale.tally.totals


async def test_keeper_takes_entries_that_come_later(ledger: Ledger, played_sale: Any) -> None:
    engine = RecordedEngine(played_sale.entries[:10], played_sale.tally)
    async with LedgerKeeper(engine, ledger):
        await eventually(lambda: _is_at(ledger, played_sale.entries[9].rev))
        engine.append(played_sale.entries[10:])
        await eventually(lambda: _is_at(ledger, played_sale.tally.rev))


async def test_keeper_neither_skips_a_missing_entry_nor_ends_and_says_what_holds_it_up(
    ledger: Ledger, played_sale: Any
) -> None:
    entries = played_sale.entries
    opening = next(n for n, entry in enumerate(entries) if any(isinstance(e, events.Claimed) for e in entry.events))
    engine = RecordedEngine([*entries[:opening], *entries[opening + 1 :]], played_sale.tally)
    async with LedgerKeeper(engine, ledger) as keeper:
        await eventually(lambda: _has_problem(keeper))
        assert "接不上账本" in keeper.problems[SALE]
        engine.entries = list(entries)
        await eventually(lambda: _is_at(ledger, played_sale.tally.rev))
        await eventually(lambda: _has_no_problem(keeper))
    assert (await ledger.figures(SALE)).totals == played_sale.tally.totals


async def test_stopping_the_keeper_twice_or_in_the_middle_is_harmless(ledger: Ledger, played_sale: Any) -> None:
    engine = RecordedEngine(played_sale.entries, played_sale.tally)
    engine.batch_max = 1
    keeper = LedgerKeeper(engine, ledger)
    for _ in range(3):
        async with keeper:
            await asyncio.sleep(0)
    assert await keeper.catch_up(SALE) == played_sale.tally.rev


async def test_report_of_an_unknown_sale_says_so(ledger: Ledger) -> None:
    with pytest.raises(LookupError, match="账本里没有专场"):
        await build_report(ledger, SALE, None)


async def test_report_of_the_played_sale_shows_its_money(ledger: Ledger, played_sale: Any) -> None:
    report = await check_sale(RecordedEngine(played_sale.entries, played_sale.tally), ledger, SALE)
    page = await build_report(ledger, SALE, report)
    assert f"¥{played_sale.tally.totals.revenue_minor / 100:,.2f}" in page
    assert "账目<br>相符" in page


async def test_full_or_lost_database_is_named_as_such(ledger: Ledger) -> None:
    async with ledger.writing() as connection:
        await connection.exec_driver_sql("DROP TABLE places")
    with pytest.raises(LedgerUnavailableError, match="账本数据库"):
        await ledger.place(SALE)


async def _is_at(ledger: Ledger, rev: Rev) -> bool:
    return await ledger.place(SALE) == rev


async def _has_problem(keeper: LedgerKeeper) -> bool:
    return SALE in keeper.problems


async def _has_no_problem(keeper: LedgerKeeper) -> bool:
    return SALE not in keeper.problems
