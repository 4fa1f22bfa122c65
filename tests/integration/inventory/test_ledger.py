from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path
from typing import Any

import msgspec
import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flashsale import events
from flashsale.domain import Rev, SaleId
from flashsale.events import LogEntry
from inventory.catalogue import read_catalogue
from inventory.ledger import Ledger, LedgerError, LedgerGapError, LedgerUnavailableError, metadata, schema

CATALOGUE = Path(__file__).parents[3] / "examples" / "tonggu" / "catalogue.csv"
SALE = SaleId("evening")
GOODS_OF_THE_MOMENT = ("price_minor", "special", "special_until_ms")


def assert_same_books(figures: Any, tally: Any) -> None:
    """Every figure of the ledger is the engine's; prices of the moment are the engine's alone."""
    assert figures.rev == tally.rev
    assert figures.totals == tally.totals
    assert figures.pools == tally.pools
    plain = dict.fromkeys(GOODS_OF_THE_MOMENT, 0)
    assert [msgspec.structs.replace(offer, **plain) for offer in figures.offers] == [
        msgspec.structs.replace(offer, **plain) for offer in tally.offers
    ]
    assert figures.channels == tally.channels
    assert figures.draws == tally.draws
    assert (figures.name, figures.state, figures.currency) == (tally.name, tally.state, tally.currency)


def test_the_played_sale_holds_every_kind_of_event(played_sale: Any) -> None:
    kinds = Counter(type(event) for entry in played_sale.entries for event in entry.events)
    assert set(kinds) == set(events.AnyEvent.__args__), kinds


async def test_projected_log_gives_the_engines_figures(ledger_url: str, played_sale: Any) -> None:
    async with await Ledger.open(ledger_url) as ledger:
        await ledger.project(SALE, played_sale.entries, after=Rev(""))
        assert_same_books(await ledger.figures(SALE), played_sale.tally)


async def test_projecting_the_same_entries_twice_changes_nothing(ledger_url: str, played_sale: Any) -> None:
    async with await Ledger.open(ledger_url) as ledger:
        for _ in range(2):
            place = await ledger.project(SALE, played_sale.entries, after=Rev(""))
            assert place == played_sale.tally.rev
        assert_same_books(await ledger.figures(SALE), played_sale.tally)


@given(cuts=st.sets(st.integers(1, 60), max_size=8), overlap=st.integers(0, 5))
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_cut_into_batches_gives_the_same_figures(
    tmp_path_factory: pytest.TempPathFactory, played_sale: Any, cuts: set[int], overlap: int
) -> None:
    async def project_in_batches() -> None:
        folder = tmp_path_factory.mktemp("cuts")
        async with await Ledger.open(f"sqlite:///{folder / 'ledger.sqlite3'}") as ledger:
            entries = played_sale.entries
            place = Rev("")
            for begin, end in zip([0, *sorted(cuts)], [*sorted(cuts), len(entries)], strict=True):
                # Each batch repeats a few entries of the one before, as after a crash of the reader.
                place = await ledger.project(SALE, entries[max(0, begin - overlap) : end], after=place)
            assert_same_books(await ledger.figures(SALE), played_sale.tally)

    asyncio.run(project_in_batches())


async def test_crash_between_rows_and_place_leaves_neither(
    ledger_url: str, played_sale: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    entries = played_sale.entries
    async with await Ledger.open(ledger_url) as ledger:
        await ledger.project(SALE, entries[:20], after=Rev(""))
        before = await ledger.figures(SALE)
        with monkeypatch.context() as broken:
            broken.setattr("inventory.ledger.writing.store_place", _crash)
            with pytest.raises(ConnectionResetError):
                await ledger.project(SALE, entries[20:], after=entries[19].rev)
        assert await ledger.figures(SALE) == before
        assert await ledger.place(SALE) == entries[19].rev
        await ledger.project(SALE, entries[20:], after=entries[19].rev)
        assert_same_books(await ledger.figures(SALE), played_sale.tally)


async def _crash(*_: object) -> None:
    raise ConnectionResetError


async def test_cancelled_projection_ends_its_transaction_before_the_cancellation_goes_on(
    ledger_url: str, played_sale: Any
) -> None:
    async with await Ledger.open(ledger_url) as ledger:
        projecting = asyncio.create_task(ledger.project(SALE, played_sale.entries, after=Rev("")))
        await asyncio.sleep(0)
        projecting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await projecting
        assert await ledger.place(SALE) == played_sale.tally.rev
        assert_same_books(await ledger.figures(SALE), played_sale.tally)


async def test_two_readers_at_once_project_each_entry_once(ledger_url: str, played_sale: Any) -> None:
    async with await Ledger.open(ledger_url) as first, await Ledger.open(ledger_url) as second:
        for begin in range(0, len(played_sale.entries), 7):
            batch = played_sale.entries[begin : begin + 7]
            after = played_sale.entries[begin - 1].rev if begin else Rev("")
            await asyncio.gather(first.project(SALE, batch, after=after), second.project(SALE, batch, after=after))
        assert_same_books(await second.figures(SALE), played_sale.tally)


async def test_entries_that_begin_behind_a_gap_are_refused(ledger_url: str, played_sale: Any) -> None:
    first, second = played_sale.entries[:2]
    # What these say could follow from anything: only their place tells that something is missing before them.
    quiet = LogEntry(rev=Rev(f"9{second.rev}"), at_ms=9, events=(events.Observed(channel="weibo", likes=1),))
    async with await Ledger.open(ledger_url) as ledger:
        await ledger.project(SALE, [first], after=Rev(""))
        with pytest.raises(LedgerGapError) as caught:
            await ledger.project(SALE, [quiet], after=second.rev)
        assert caught.value.place == first.rev
        assert await ledger.place(SALE) == first.rev


async def test_lost_entry_in_the_middle_is_refused_by_what_it_would_have_introduced(
    ledger_url: str, played_sale: Any
) -> None:
    entries = played_sale.entries
    claimed = next(i for i, entry in enumerate(entries) if any(isinstance(e, events.Claimed) for e in entry.events))
    async with await Ledger.open(ledger_url) as ledger:
        with pytest.raises(LedgerGapError):
            await ledger.project(SALE, entries[:claimed] + entries[claimed + 1 :], after=Rev(""))
        assert await ledger.place(SALE) == ""


async def test_entries_out_of_order_are_refused(ledger_url: str, played_sale: Any) -> None:
    entries = played_sale.entries
    async with await Ledger.open(ledger_url) as ledger:
        with pytest.raises(LedgerGapError):
            await ledger.project(SALE, [entries[1], entries[0]], after=Rev(""))


async def test_another_sales_log_under_the_same_name_is_refused(ledger_url: str, played_sale: Any) -> None:
    first = played_sale.entries[0]
    later = [msgspec.structs.replace(entry, rev=Rev(f"9{entry.rev}")) for entry in played_sale.entries]
    async with await Ledger.open(ledger_url) as ledger:
        await ledger.project(SALE, played_sale.entries, after=Rev(""))
        with pytest.raises(LedgerGapError):
            await ledger.project(SALE, later, after=played_sale.tally.rev)
        assert first.rev != later[0].rev


async def test_places_compare_as_numbers(ledger_url: str, played_sale: Any) -> None:
    first, second = played_sale.entries[0], played_sale.entries[1]
    ninth = msgspec.structs.replace(first, rev=Rev("99-9"))
    tenth = msgspec.structs.replace(second, rev=Rev("99-10"))
    hundredth = msgspec.structs.replace(played_sale.entries[2], rev=Rev("100-0"))
    async with await Ledger.open(ledger_url) as ledger:
        assert await ledger.project(SALE, [ninth, tenth, hundredth], after=Rev("")) == "100-0"
        assert await ledger.project(SALE, [ninth, tenth], after=Rev("")) == "100-0"


async def test_orders_come_in_pages_without_loss_or_repetition(ledger_url: str, played_sale: Any) -> None:
    async with await Ledger.open(ledger_url) as ledger:
        await ledger.project(SALE, played_sale.entries, after=Rev(""))
        paged = [order for page in [p async for p in ledger.all_orders(SALE, rows_max=7)] for order in page]
        assert [order.order_no for order in paged] == list(range(1, len(paged) + 1))
        standing = [order for order in paged if order.status in ("confirmed", "presale_order", "recorded")]
        totals = played_sale.tally.totals
        assert len(standing) == totals.orders + totals.presale_orders
        assert sum(order.amount_minor for order in standing) == totals.revenue_minor + totals.presale_minor
        assert all(order.amount_minor == sum(line.amount_minor for line in order.lines) for order in standing)
        last = await ledger.orders(SALE, after=paged[-1].order_no)
        assert (last.orders, last.next) == ((), None)


async def test_goods_and_timeline_add_up_to_the_totals(ledger_url: str, played_sale: Any) -> None:
    async with await Ledger.open(ledger_url) as ledger:
        await ledger.project(SALE, played_sale.entries, after=Rev(""))
        totals = played_sale.tally.totals
        sold, timeline = await ledger.sold(SALE), await ledger.timeline(SALE, 1_000)
        assert sum(row.revenue_minor for row in sold) == totals.revenue_minor
        assert sum(row.presale_minor for row in sold) == totals.presale_minor
        assert sum(point.revenue_minor for point in timeline) == totals.revenue_minor
        assert sum(point.orders for point in timeline) == totals.orders
        demand = await ledger.demand(SALE)
        assert sum(row.packs for row in demand if row.reason == "sold_out") == sum(
            offer.packs_refused for offer in played_sale.tally.offers
        )
        assert len(await ledger.refunds_due(SALE)) == totals.refunds_due


async def test_draw_names_its_entrants_in_byte_order_and_its_winners(ledger_url: str, played_sale: Any) -> None:
    async with await Ledger.open(ledger_url) as ledger:
        await ledger.project(SALE, played_sale.entries, after=Rev(""))
        (proof,) = await ledger.draws(SALE)
        assert list(proof.entrants) == sorted(proof.entrants, key=str.encode)
        assert proof.winners == proof.entrants[:2]
        assert proof.draw.state == "settled"


async def test_catalogue_comes_back_as_it_was_saved(ledger_url: str) -> None:
    catalogue = read_catalogue(CATALOGUE.read_bytes(), CATALOGUE.name)
    async with await Ledger.open(ledger_url) as ledger:
        assert (await ledger.catalogue(SALE)).offers == ()
        for _ in range(2):
            await ledger.save_catalogue(SALE, catalogue)
        assert await ledger.catalogue(SALE) == catalogue


async def test_migrations_make_exactly_the_schema_of_the_code(ledger_url: str) -> None:
    def differences(connection: sa.Connection) -> list[Any]:
        def of_the_books(name: str | None, kind: str, _: object) -> bool:
            return kind != "table" or name in schema.metadata.tables

        context = MigrationContext.configure(connection, opts={"include_name": of_the_books, "compare_type": True})
        return list(compare_metadata(context, metadata))

    async with await Ledger.open(ledger_url) as ledger:
        await ledger.migrate()
        async with ledger.reading() as connection:
            assert await connection.run_sync(differences) == []


async def test_opening_again_keeps_what_was_projected(ledger_url: str, played_sale: Any) -> None:
    async with await Ledger.open(ledger_url) as ledger:
        await ledger.project(SALE, played_sale.entries, after=Rev(""))
    async with await Ledger.open(ledger_url) as ledger:
        assert_same_books(await ledger.figures(SALE), played_sale.tally)


async def test_processes_that_open_an_empty_database_at_once_all_succeed(ledger_url: str) -> None:
    ledgers = await asyncio.gather(*(Ledger.open(ledger_url) for _ in range(4)))
    places = [await ledger.place(SALE) for ledger in ledgers]
    for ledger in ledgers:
        await ledger.close()
    assert places == [""] * 4


async def test_reader_sees_one_moment_while_entries_are_projected(ledger_url: str, played_sale: Any) -> None:
    entries = played_sale.entries
    async with await Ledger.open(ledger_url) as ledger:
        await ledger.project(SALE, entries[:30], after=Rev(""))
        async with ledger.reading() as connection:
            counted = sa.select(sa.func.count()).select_from(schema.claims)
            before = await connection.scalar(counted)
            await ledger.project(SALE, entries[30:], after=entries[29].rev)
            assert await connection.scalar(counted) == before


async def test_sqlite_ledger_survives_power_loss_by_its_settings(tmp_path: Path) -> None:
    async with await Ledger.open(f"sqlite:///{tmp_path / 'ledger.sqlite3'}") as ledger, ledger.reading() as connection:
        assert (await connection.exec_driver_sql("PRAGMA journal_mode")).scalar() == "wal"
        assert (await connection.exec_driver_sql("PRAGMA synchronous")).scalar() == 2


async def test_url_of_another_database_says_what_to_write(tmp_path: Path) -> None:
    for url in ("mysql://root@localhost/x", "not a url", ""):
        with pytest.raises(LedgerError, match="sqlite:"):
            await Ledger.open(url)


async def test_database_that_cannot_be_opened_says_so(tmp_path: Path) -> None:
    with pytest.raises(LedgerUnavailableError, match="账本"):
        await Ledger.open(f"sqlite:///{tmp_path / 'no such folder' / 'ledger.sqlite3'}")


async def test_file_that_is_no_database_is_left_as_it_is(tmp_path: Path) -> None:
    holiday = tmp_path / "holiday.jpg"
    holiday.write_bytes(b"JFIF" * 1000)
    with pytest.raises(LedgerUnavailableError, match="not a database"):
        await Ledger.open(f"sqlite:///{holiday}")
    assert holiday.read_bytes() == b"JFIF" * 1000
