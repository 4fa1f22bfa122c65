"""An engine and ledgers in memory, as far as the pipeline speaks to them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from flashsale.domain import (
    Amend,
    BuyerId,
    ClaimId,
    ClaimView,
    Fact,
    LineResult,
    Observe,
    Op,
    OpResult,
    Outcome,
    SaleId,
    SaleState,
)
from flashsale.tally import DrawTally, OfferTally, PoolTally, Tally, Totals
from ingest.comments import OfferWords
from ingest.domain import CommentTrace, IntakeProblem, SaleSettings
from stream_adapters.domain import EventKind, LiveEvent, OrderLine, OrderStatus, PlatformOrder, User

SALE = "s"
NOW_MS = 1_700_000_000_000


class FakeEngine:
    """Remembers events, claims and facts by id; answers everything else `reserved` or what the test says."""

    def __init__(self) -> None:
        self.batches: list[list[Op]] = []
        self.seen: set[str] = set()
        self.facts: dict[str, str] = {}
        self.first_facts: dict[str, Fact] = {}
        self.answers: dict[str, Outcome] = {}
        self.fails: Exception | None = None
        self.overloaded = False
        self.draws: tuple[DrawTally, ...] = ()
        self.tallies_read = 0

    @property
    def ops(self) -> list[Op]:
        return [op for batch in self.batches for op in batch]

    async def apply(self, sale_id: SaleId, op: Op) -> OpResult:
        return (await self.apply_all(sale_id, [op]))[0]

    async def apply_all(self, _sale_id: SaleId, ops: Sequence[Op]) -> list[OpResult]:
        if self.fails is not None:
            raise self.fails
        self.batches.append(list(ops))
        if self.overloaded:
            return [OpResult(id="", outcome=Outcome.OVERLOADED) for _ in ops]
        return [self._decide(op) for op in ops]

    def _decide(self, op: Op) -> OpResult:
        if isinstance(op, Observe):
            replayed = op.event_id in self.seen
            self.seen.add(op.event_id)
            return OpResult(id=op.event_id, outcome=Outcome.APPLIED, replayed=replayed)
        if isinstance(op, Fact):
            return self._fact(op)
        id = str(getattr(op, "claim_id", ""))
        return OpResult(id=id, outcome=self.answers.get(id, Outcome.RESERVED))

    def _fact(self, op: Fact) -> OpResult:
        if op.fact_id in self.answers:
            return OpResult(id=op.fact_id, outcome=self.answers[op.fact_id], detail="unknown_sku")
        if op.reverses:
            known = op.fact_id in self.facts
            if known:
                self.facts[op.fact_id] = "reversed"
            return OpResult(id=op.fact_id, outcome=Outcome.CANCELLED if known else Outcome.UNKNOWN)
        replayed = op.fact_id in self.facts
        self.facts.setdefault(op.fact_id, "recorded")
        self.first_facts.setdefault(op.fact_id, op)
        return OpResult(id=op.fact_id, outcome=Outcome.RECORDED, replayed=replayed, amount_minor=op.amount_minor or 0)

    async def claim(self, _sale_id: SaleId, claim_id: ClaimId) -> ClaimView | None:
        if claim_id not in self.facts:
            return None
        fact = self.first_facts[claim_id]
        return ClaimView(
            claim_id=claim_id,
            status=self.facts[claim_id],
            buyer_id=BuyerId(""),
            channel=fact.channel,
            lines=tuple(LineResult(line.sku, line.packs, Outcome.RECORDED) for line in fact.lines),
            amount_minor=fact.amount_minor or 0,
            expires_at_ms=0,
            first=OpResult(id=claim_id, outcome=Outcome.RECORDED),
        )

    async def tally(self, sale_id: SaleId) -> Tally | None:
        self.tallies_read += 1
        if sale_id != SALE:
            return None
        return Tally(
            sale_id=SALE,
            name="专场",
            state=SaleState.OPEN,
            currency="CNY",
            rev="1-0",  # type: ignore[arg-type]
            at_ms=NOW_MS,
            totals=Totals(),
            pools=(PoolTally(pool_id="honey", name="土蜂蜜", base_unit="克", initial=50_000),),
            offers=(
                OfferTally(
                    sku="honey-500", pool_id="honey", name="土蜂蜜 500g/瓶", units_per_pack=500, price_minor=8_000
                ),
                OfferTally(sku="egg-10", pool_id="eggs", name="鸡蛋 10枚/盒", units_per_pack=10, price_minor=3_000),
            ),
            draws=self.draws,
        )

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(f"the pipeline does not need {name}")


class FakeLedgers:
    """Settings, words, traces and early reversals in memory."""

    def __init__(self) -> None:
        self.kept_settings = SaleSettings()
        self.marks: list[tuple[int, str]] = []
        self.traces: list[CommentTrace] = []
        self.problems: list[IntakeProblem] = []
        self.early: set[str] = set()
        self.newest = 0
        self.own: list[str] = []
        self.commits = 0
        self.fails: Exception | None = None

    async def settings(self, _sale_id: str) -> SaleSettings:
        return self.kept_settings

    async def featured(self, _sale_id: str, marks_max: int = 1_000) -> list[tuple[int, str]]:
        return self.marks[-marks_max:]

    async def offer_words(self, _sale_id: str) -> list[OfferWords]:
        return [
            OfferWords(
                sku="honey-500", pool_id="honey", base_unit="克", code="C1", link_no=5, name="土蜂蜜 500g/瓶",
                aliases=("蜂蜜", "土蜂蜜"), pack_words=("瓶", "罐"), units_per_pack=500, price_minor=8_000,
            ),
            OfferWords(
                sku="egg-10", pool_id="eggs", base_unit="枚", code="A1", link_no=1, name="鸡蛋 10枚/盒",
                aliases=("鸡蛋",), pack_words=("盒",), units_per_pack=10, price_minor=3_000,
            ),
        ]  # fmt: skip

    async def record(
        self, traces: Sequence[tuple[str, CommentTrace]], problems: Sequence[tuple[str, IntakeProblem]]
    ) -> None:
        if self.fails is not None:
            raise self.fails
        self.commits += 1
        self.traces += [trace for _, trace in traces]
        self.problems += [problem for _, problem in problems]

    async def newest_seen_ms(self, _sale_id: str, _platform: str, _room_id: str) -> int:
        return self.newest

    async def ordered_skus(self, _sale_id: str, _buyer_id: str) -> list[str]:
        return self.own

    async def remember(self, _sale_id: str, fact_ids: Collection[str]) -> None:
        self.early |= set(fact_ids)

    async def among(self, _sale_id: str, fact_ids: Collection[str]) -> list[str]:
        return [fact_id for fact_id in fact_ids if fact_id in self.early]


def comment(event_id: str, text: str, *, user_id: str = "u1", at_ms: int = NOW_MS, **more: Any) -> LiveEvent:
    user = User(user_id=user_id, nickname="王小明", is_host=more.pop("is_host", False)) if user_id else None
    return LiveEvent(
        kind=EventKind.COMMENT,
        platform=more.pop("platform", "weibo"),
        room_id="r",
        event_id=event_id,
        occurred_at_ms=at_ms,
        received_at_ms=more.pop("received_at_ms", NOW_MS),
        user=user,
        text=text,
        **more,
    )


def order(
    event_id: str, order_id: str, status: OrderStatus, *lines: tuple[str, int], amount_minor: int | None = None
) -> LiveEvent:
    return LiveEvent(
        kind=EventKind.ORDER,
        platform="taobao",
        room_id="r",
        event_id=event_id,
        occurred_at_ms=NOW_MS,
        received_at_ms=NOW_MS,
        order=PlatformOrder(
            order_id=order_id,
            status=status,
            lines=tuple(OrderLine(sku=sku, packs=packs) for sku, packs in lines),
            amount_minor=amount_minor,
        ),
    )


def amends(engine: FakeEngine) -> list[Amend]:
    return [op for op in engine.ops if isinstance(op, Amend)]
