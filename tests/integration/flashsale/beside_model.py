"""The real engine and the reference model, side by side: every batch goes to both, and both must say the same."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Iterable, Sequence
from types import TracebackType
from typing import Any, Self

from msgspec.structs import replace

from flashsale import codec
from flashsale.batcher import Batcher
from flashsale.books import Books
from flashsale.domain import AdjustPool, Amend, ClaimId, Op, OpResult, Outcome, Rev, SaleId
from flashsale.model import Model
from flashsale.store import Store, sale_keys
from flashsale.tally import decode_tally

Call = tuple[list[Op], codec.Reply, Rev]
_NUMBERS = itertools.count(1)


class Rig:
    """A connected store for code that is not asynchronous (Hypothesis drives plain functions)."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._runner = asyncio.Runner()

    def __enter__(self) -> Self:
        self._opening = Store.open(self._url)
        self.store = self.run(self._opening.__aenter__())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.run(self._opening.__aexit__(None, None, None))
        self._runner.close()

    def run(self, work: Any) -> Any:
        return self._runner.run(work)


class SideBySide:
    """One sale in the engine and in the model. Each step compares answers, tally, books and the claims that changed."""

    def __init__(self, rig: Rig) -> None:
        self.rig = rig
        self.sale_id = SaleId(f"model-{next(_NUMBERS)}-{id(self)}")
        self.model = Model(self.sale_id)
        self.books = Books()
        self.now_ms = 0
        self.skew_ms = 0
        self._rev = Rev("")

    def forward(self, ms: int) -> None:
        """Move the sale's clock."""
        self.skew_ms += ms
        self.rig.run(self._set_skew())

    async def _set_skew(self) -> None:
        await self.rig.store._call("HSET", sale_keys(self.sale_id)[0], "skew_ms", self.skew_ms)

    def decide(self, *groups: Sequence[Op]) -> list[list[OpResult]]:
        """Hand each group over as a caller of its own, all at once."""
        return self.rig.run(self._decide(groups))

    async def _decide(self, groups: Sequence[Sequence[Op]]) -> list[list[OpResult]]:
        calls: list[Call] = []

        async def decide_and_note(encoded: Sequence[bytes], ops: Sequence[Op]) -> codec.Reply:
            reply = await self.rig.store.decide(self.sale_id, encoded, ops)
            calls.append((list(ops), reply, await self.rig.store.last_rev(self.sale_id)))
            return reply

        batcher = Batcher(decide_and_note)
        try:
            answers = await asyncio.gather(*(batcher.submit(group) for group in groups))
        finally:
            await batcher.close()
        for ops, reply, rev in calls:
            self._compare_answers(ops, reply, rev)
        await self.compare()
        return answers

    def _compare_answers(self, ops: Sequence[Op], reply: codec.Reply, rev: Rev) -> None:
        self.now_ms, self._rev = reply.now_ms, rev
        expected = self.model.decide(ops, now_ms=reply.now_ms, rev=rev)
        for op, ours, theirs in zip(ops, expected, reply.results, strict=True):
            _same(_comparable(op, theirs), _comparable(op, ours), op)

    async def compare(self) -> None:
        store, sale_id = self.rig.store, self.sale_id
        raw = await store.tally(sale_id)
        if self.model.settings is None:
            assert raw is None
            return
        assert raw is not None
        tally = decode_tally(sale_id, raw)
        _same(tally, self.model.tally(tally.at_ms, tally.rev), "tally")
        entries = await store.log(sale_id, self.books.rev, 1_000)
        self.books.apply_all(entries)
        assert self.books.differences(tally) == []
        assert all(book.balanced for book in self.books.pools.values())
        assert self.books.rev == tally.rev == self._rev
        assert self.books.blocked == self.model.blocked
        changed = {_id_of(event) for entry in entries for event in entry.events}
        await self.compare_claims(changed & set(self.model.claims))

    async def compare_claims(self, ids: Iterable[str]) -> None:
        """Compare claims as they stand in engine, model and books."""
        for id in ids:
            view = await self.rig.store.claim(self.sale_id, id)
            _same(view, self.model.claim(ClaimId(id)), id)
            if view is not None and view.status != "amended":
                book = self.books.claims[id]
                assert book.status == view.status
                assert book.packs == {line.sku: line.packs for line in view.lines}


def _id_of(event: object) -> str:
    return getattr(event, "claim_id", "") or getattr(event, "fact_id", "")


def _comparable(op: Op, result: OpResult) -> OpResult:
    """What is merely applied is in the log, but its answer need not say where."""
    if result.outcome == Outcome.APPLIED and not isinstance(op, AdjustPool | Amend):
        return replace(result, rev=Rev(""))
    return result


def _same(engine: object, model: object, about: object) -> None:
    if engine != model:
        raise AssertionError(f"{about}\n engine: {engine}\n model:  {model}")
