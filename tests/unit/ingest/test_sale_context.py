from __future__ import annotations

import asyncio

import pytest

from ingest.domain import SaleSettings
from ingest.problems import Problem
from ingest.sale_context import SaleContexts
from tests.unit.ingest.fakes import SALE, FakeEngine, FakeLedgers


async def test_a_context_is_read_once_for_all_who_ask_at_once() -> None:
    engine, ledgers = FakeEngine(), FakeLedgers()
    contexts = SaleContexts(engine, ledgers, ledgers)
    found = await asyncio.gather(*(contexts.of(SALE) for _ in range(20)))
    assert len({id(context) for context in found}) == 1
    assert engine.tallies_read == 1


async def test_a_change_while_the_context_is_being_read_is_not_missed() -> None:
    engine = FakeEngine()

    class ChangingLedgers(FakeLedgers):
        async def featured(self, sale_id: str, marks_max: int = 1_000) -> list[tuple[int, str]]:
            # The settings have been read already; now a door changes them and says so.
            if self.kept_settings.packs_max != 7:
                self.kept_settings = SaleSettings(packs_max=7)
                contexts.forget(sale_id)
            return []

    ledgers = ChangingLedgers()
    contexts = SaleContexts(engine, ledgers, ledgers)
    assert (await contexts.of(SALE)).settings.packs_max == 7
    assert (await contexts.of(SALE)).settings.packs_max == 7


async def test_an_unknown_sale_is_asked_for_again_the_next_time() -> None:
    engine, ledgers = FakeEngine(), FakeLedgers()
    contexts = SaleContexts(engine, ledgers, ledgers)
    for _ in range(2):
        with pytest.raises(Problem):
            await contexts.of("nowhere")
    assert engine.tallies_read == 2


async def test_an_offer_without_a_catalogue_answers_to_its_name() -> None:
    engine, ledgers = FakeEngine(), FakeLedgers()

    class NoWords:
        async def offer_words(self, _sale_id: str) -> list[object]:
            return []

    context = await SaleContexts(engine, ledgers, NoWords()).of(SALE)  # type: ignore[arg-type]
    reading = context.lexicon.read("土蜂蜜 500g/瓶 来2份")
    assert [sku for sku, _ in reading.lines] == ["honey-500"]
