from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

import pytest
import pytest_asyncio

from flashsale.domain import BATCH_OPS_MAX, Amend, EnterDraw, Fact, Observe, Outcome
from flashsale.store import StoreUnavailable
from flashsale.tally import DrawTally
from ingest.domain import SaleSettings, SellingMode
from ingest.intake import STORE, Intake
from ingest.metrics import Metrics
from ingest.order_desk import CompletedOrder
from ingest.pipeline import Pipeline
from ingest.problems import Problem
from ingest.recorder import Recorder
from ingest.reversals import Reversals
from ingest.sale_context import SaleContexts
from stream_adapters.domain import EventKind, LiveEvent, OrderLine, OrderStatus, PlatformOrder
from tests.unit.ingest.fakes import NOW_MS, SALE, FakeEngine, FakeLedgers, amends, comment, order

LATE_MS = 120_000


class Rig:
    def __init__(self) -> None:
        self.engine, self.ledgers, self.intake = FakeEngine(), FakeLedgers(), Intake()
        self.contexts = SaleContexts(self.engine, self.ledgers, self.ledgers)
        self.recorder = Recorder(self.ledgers)
        self.pipeline = self.fresh_pipeline()

    def fresh_pipeline(self) -> Pipeline:
        """A pipeline of another process: same stores, nothing in memory."""
        return Pipeline(
            engine=self.engine,
            contexts=self.contexts,
            recorder=self.recorder,
            reversals=Reversals(self.engine, self.ledgers),
            comments_before=self.ledgers,
            intake=self.intake,
            metrics=Metrics(),
            late_comment_ms=LATE_MS,
        )

    async def handle(self, *events: LiveEvent, desk: object = None) -> tuple[int, int]:
        handled = await self.pipeline.handle(SALE, events, desk)  # type: ignore[arg-type]
        return handled.accepted, handled.duplicates


@pytest_asyncio.fixture
async def rig() -> AsyncIterator[Rig]:
    rig = Rig()
    async with rig.recorder:
        yield rig


async def test_a_comment_is_counted_and_ordered_in_one_batch_counting_first(rig: Rig) -> None:
    assert await rig.handle(comment("1", "C1+2")) == (1, 0)
    (batch,) = rig.engine.batches
    observe, amend = batch
    assert isinstance(observe, Observe)
    assert observe.event_id == "weibo:1"
    assert isinstance(amend, Amend)
    assert (amend.claim_id, amend.buyer_id, amend.channel, amend.kind) == ("weibo:1", "weibo:u1", "weibo", "order")
    assert amend.lines[0].sku == "honey-500"
    assert amend.lines[0].packs == 2


@pytest.mark.parametrize(
    ("words", "kind", "lines", "waitlist"),
    [
        ("C1+2", "order", [("honey-500", 2)], False),
        ("C1改成3瓶", "set", [("honey-500", 3)], False),
        ("取消", "cancel", [], False),
        ("不要C1了", "set", [("honey-500", 0)], False),
        ("候补C1两瓶", "order", [("honey-500", 2)], True),
    ],
)
async def test_each_intent_asks_the_engine_for_its_own(
    rig: Rig, words: str, kind: str, lines: list[tuple[str, int]], waitlist: bool
) -> None:
    await rig.handle(comment("1", words))
    (amend,) = amends(rig.engine)
    assert (amend.kind, [(line.sku, line.packs) for line in amend.lines], amend.waitlist) == (kind, lines, waitlist)


async def test_the_trace_says_how_it_was_read_and_what_came_of_it(rig: Rig) -> None:
    rig.engine.answers["weibo:1"] = Outcome.SOLD_OUT
    await rig.handle(comment("1", "C1+2 13812345678"), comment("2", "主播好"))
    ordered, chatter = rig.ledgers.traces
    assert (ordered.outcome, chatter.outcome) == ("sold_out", "")
    assert "13812345678" not in ordered.normalised
    assert ordered.nickname_masked == "王**"
    assert ordered.reason


async def test_a_duplicate_is_counted_and_asks_for_nothing_again(rig: Rig) -> None:
    await rig.handle(comment("1", "C1+2"))
    assert await rig.handle(comment("1", "C1+2"), comment("2", "C1+1")) == (1, 1)
    assert [amend.claim_id for amend in amends(rig.engine)] == ["weibo:1", "weibo:2"]
    assert len(rig.ledgers.traces) == 2


async def test_after_a_restart_a_duplicate_asks_again_with_the_same_id(rig: Rig) -> None:
    await rig.handle(comment("1", "C1+2"))
    rig.pipeline = rig.fresh_pipeline()
    assert await rig.handle(comment("1", "C1+2")) == (0, 1)
    assert {amend.claim_id for amend in amends(rig.engine)} == {"weibo:1"}


async def test_nothing_counts_as_done_before_its_trace_is_kept(rig: Rig) -> None:
    rig.ledgers.fails = RuntimeError("disk full")
    with pytest.raises(RuntimeError, match="disk full"):
        await rig.handle(comment("1", "C1+2"))
    rig.ledgers.fails = None
    await rig.handle(comment("1", "C1+2"))
    assert [trace.event_id for trace in rig.ledgers.traces] == ["weibo:1"]


async def test_a_store_that_is_away_or_full_lets_nothing_be_acknowledged(rig: Rig) -> None:
    rig.engine.fails = StoreUnavailable("disk full")
    with pytest.raises(StoreUnavailable):
        await rig.handle(comment("1", "C1+2"))
    rig.engine.fails = None
    rig.engine.overloaded = True
    with pytest.raises(Problem) as overloaded:
        await rig.handle(comment("1", "C1+2"))
    assert overloaded.value.kind.slug == "overloaded"
    assert rig.ledgers.traces == []


async def test_a_closed_intake_touches_nothing(rig: Rig) -> None:
    rig.intake.trouble(STORE, "disk full")
    with pytest.raises(Problem):
        await rig.handle(comment("1", "C1+2"))
    rig.intake.recovered(STORE)
    rig.intake.stop()
    with pytest.raises(Problem) as stopping:
        await rig.handle(comment("1", "C1+2"))
    assert stopping.value.kind.slug == "stopping"
    assert rig.engine.batches == []


async def test_in_platform_mode_a_comment_is_demand_and_no_claim(rig: Rig) -> None:
    rig.ledgers.kept_settings = SaleSettings(channel_modes={"weibo": SellingMode.PLATFORM})
    await rig.handle(comment("1", "C1+2"), comment("2", "C1+2", platform="xigua"))
    assert [amend.claim_id for amend in amends(rig.engine)] == ["xigua:2"]
    observed = [op for op in rig.engine.ops if isinstance(op, Observe)]
    assert [op.demand for op in observed] == [{"honey-500": 2}, {}]


async def test_the_host_s_own_words_and_nobody_s_words_order_nothing(rig: Rig) -> None:
    await rig.handle(comment("1", "C1+2", is_host=True), comment("2", "C1+2", user_id=""))
    assert amends(rig.engine) == []
    assert [trace.rule for trace in rig.ledgers.traces] == ["host", "no_buyer"]


async def test_history_after_a_reconnect_goes_to_a_person(rig: Rig) -> None:
    await rig.handle(comment("1", "主播好"), comment("2", "C1+2", at_ms=NOW_MS - LATE_MS - 1))
    await rig.handle(comment("3", "C1+2", at_ms=NOW_MS - LATE_MS))
    assert [(trace.rule == "late", trace.intent) for trace in rig.ledgers.traces][1] == (True, "review")
    assert [amend.claim_id for amend in amends(rig.engine)] == ["weibo:3"]


async def test_history_is_known_over_a_restart(rig: Rig) -> None:
    rig.ledgers.newest = NOW_MS
    await rig.handle(comment("1", "C1+2", at_ms=NOW_MS - LATE_MS - 1))
    assert amends(rig.engine) == []


async def test_one_comment_from_the_future_does_not_make_the_others_history(rig: Rig) -> None:
    await rig.handle(comment("1", "主播好", at_ms=NOW_MS + 10 * LATE_MS), comment("2", "C1+2"))
    assert [amend.claim_id for amend in amends(rig.engine)] == ["weibo:2"]


async def test_a_draw_s_word_enters_and_orders_nothing(rig: Rig) -> None:
    rig.engine.draws = (DrawTally(draw_id="d", prize="x", state="open", winners_max=1, seed_hash="", word="Lucky"),)
    await rig.handle(comment("1", " lucky "), comment("2", "lucky day"))
    assert [op for op in rig.engine.ops if isinstance(op, EnterDraw)] == [EnterDraw(draw_id="d", buyer_id="weibo:u1")]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("kind", "count", "field", "value"),
    [
        (EventKind.LIKE, 500, "likes", 500),
        (EventKind.GIFT, 0, "gifts", 1),
        (EventKind.FOLLOW, 0, "follows", 1),
        (EventKind.ENTER, 0, "enters", 1),
        (EventKind.VIEWERS, 7_000, "viewers", 7_000),
        (EventKind.VIEWERS, 0, "viewers", 0),
    ],
)
async def test_what_viewers_do_is_counted(rig: Rig, kind: EventKind, count: int, field: str, value: int) -> None:
    event = LiveEvent(kind=kind, platform="douyin", room_id="r", event_id="1", occurred_at_ms=NOW_MS, count=count)
    await rig.handle(event)
    assert getattr(rig.engine.ops[0], field) == value


async def test_a_gap_is_a_problem_that_a_host_can_see(rig: Rig) -> None:
    gap = LiveEvent(kind=EventKind.GAP, platform="douyin", room_id="r", event_id="g", occurred_at_ms=1, gap_until_ms=9)
    await rig.handle(gap)
    assert [problem.kind for problem in rig.ledgers.problems] == ["gap"]


async def test_a_paid_order_is_a_fact_and_lines_of_one_sku_are_one(rig: Rig) -> None:
    await rig.handle(order("1", "77", OrderStatus.PAID, ("honey-500", 1), ("honey-500", 2)))
    fact = next(op for op in rig.engine.ops if isinstance(op, Fact))
    assert (fact.fact_id, fact.channel, [tuple(line) for line in map(_pair, fact.lines)]) == (
        "taobao:order:77",
        "taobao",
        [("honey-500", 3)],
    )


@pytest.mark.parametrize("status", [OrderStatus.CREATED, OrderStatus.COMPLETED])
async def test_other_steps_of_an_order_are_only_counted(rig: Rig, status: OrderStatus) -> None:
    await rig.handle(order("1", "77", status))
    assert [type(op) for op in rig.engine.ops] == [Observe]


@pytest.mark.parametrize("status", [OrderStatus.CANCELLED, OrderStatus.REFUNDED])
async def test_a_refund_takes_its_order_back_in_either_order(rig: Rig, status: OrderStatus) -> None:
    paid, refund = order("1", "77", OrderStatus.PAID, ("egg-10", 1)), order("2", "77", status)
    await rig.handle(paid)
    await rig.handle(refund)
    assert rig.engine.facts == {"taobao:order:77": "reversed"}
    rig.engine.facts.clear()
    rig.pipeline = rig.fresh_pipeline()
    await rig.handle(refund)
    await rig.handle(paid)
    assert rig.engine.facts == {"taobao:order:77": "reversed"}


async def test_a_fact_that_cannot_be_booked_is_a_problem_and_the_rest_goes_on(rig: Rig) -> None:
    rig.engine.answers["taobao:order:1"] = Outcome.INVALID
    paid = [order(str(number), str(number), OrderStatus.PAID, ("egg-10", 1), amount_minor=3_000) for number in (1, 2)]
    assert await rig.handle(*paid) == (2, 0)
    (problem,) = rig.ledgers.problems
    assert (problem.kind, problem.ref, problem.platform) == ("fact-invalid", "taobao:order:1", "taobao")
    assert "unknown_sku; order_id 1, status paid, lines egg-10 × 1, amount_minor 3000" in problem.detail
    assert rig.engine.facts == {"taobao:order:2": "recorded"}


async def test_an_order_that_comes_again_is_booked_once_its_goods_are_on_sale(rig: Rig) -> None:
    rig.engine.answers["taobao:order:1"] = Outcome.INVALID
    paid = order("1", "1", OrderStatus.PAID, ("egg-10", 1))
    await rig.handle(paid)
    rig.engine.answers.clear()
    assert await rig.handle(paid) == (0, 1)
    assert rig.engine.facts == {"taobao:order:1": "recorded"}


async def test_every_contradiction_of_a_booked_order_is_told_with_what_it_says(rig: Rig) -> None:
    rig.engine.answers["taobao:order:1"] = Outcome.CONFLICT
    await rig.handle(*(order(str(packs), "1", OrderStatus.PAID, ("egg-10", packs)) for packs in (2, 3)))
    assert [(problem.kind, problem.ref) for problem in rig.ledgers.problems] == [
        ("fact-conflict", "taobao:2"),
        ("fact-conflict", "taobao:3"),
    ]
    assert "egg-10 × 3" in rig.ledgers.problems[1].detail


async def test_a_partial_refund_changes_nothing_and_is_told(rig: Rig) -> None:
    await rig.handle(
        order("1", "77", OrderStatus.PAID, ("egg-10", 2), amount_minor=6_000),
        order("2", "77", OrderStatus.REFUNDED, ("egg-10", 1), amount_minor=3_000),
    )
    assert rig.engine.facts == {"taobao:order:77": "recorded"}
    (problem,) = rig.ledgers.problems
    assert (problem.kind, problem.ref) == ("partial-refund", "taobao:2")
    assert "order_id 77, status refunded, lines egg-10 × 1, amount_minor 3000" in problem.detail


async def test_a_refund_of_all_takes_its_order_back_and_a_cancellation_always_does(rig: Rig) -> None:
    await rig.handle(
        order("1", "77", OrderStatus.PAID, ("egg-10", 2), amount_minor=6_000),
        order("2", "77", OrderStatus.REFUNDED, amount_minor=6_000),
        order("3", "78", OrderStatus.PAID, ("egg-10", 2), amount_minor=6_000),
        order("4", "78", OrderStatus.CANCELLED, ("egg-10", 1), amount_minor=3_000),
    )
    assert rig.engine.facts == {"taobao:order:77": "reversed", "taobao:order:78": "reversed"}
    assert rig.ledgers.problems == []


async def test_a_refund_before_its_payment_is_told(rig: Rig) -> None:
    await rig.handle(order("2", "77", OrderStatus.REFUNDED, amount_minor=6_000))
    assert [problem.kind for problem in rig.ledgers.problems] == ["refund-before-payment"]


class KnowingDesk:
    async def complete(self, _platform: str, order: PlatformOrder) -> CompletedOrder:
        return CompletedOrder(
            order_id=order.order_id, buyer_id="b9", amount_minor=99, lines=(OrderLine(sku="egg-10", packs=4),)
        )


class FailingDesk:
    async def complete(self, _platform: str, order: PlatformOrder) -> CompletedOrder:
        raise Problem("order-desk", id=order.order_id)


async def test_a_thin_order_is_completed_before_it_is_booked(rig: Rig) -> None:
    await rig.handle(order("1", "77", OrderStatus.PAID), desk=KnowingDesk())
    fact = next(op for op in rig.engine.ops if isinstance(op, Fact))
    assert (fact.buyer_id, fact.amount_minor, _pair(fact.lines[0])) == ("taobao:b9", 99, ("egg-10", 4))


@pytest.mark.parametrize("desk", [None, FailingDesk()])
async def test_an_order_that_stays_thin_is_not_acknowledged_and_is_told(rig: Rig, desk: object) -> None:
    with pytest.raises(Problem) as problem:
        await rig.handle(comment("0", "C1+1"), order("1", "77", OrderStatus.PAID), desk=desk)
    assert problem.value.status == 503
    assert rig.engine.batches == []
    assert [(each.kind, each.ref) for each in rig.ledgers.problems] == [("order-desk", "taobao:order:77")]


async def test_a_door_that_can_say_which_takes_all_but_the_order_that_stays_thin(rig: Rig) -> None:
    events = [
        comment("0", "C1+1"),
        order("1", "77", OrderStatus.PAID),
        order("2", "78", OrderStatus.PAID, ("egg-10", 1)),
    ]
    handled = await rig.pipeline.handle(SALE, events, FailingDesk(), reject_thin=True)
    assert (handled.accepted, [place for place, _ in handled.rejected]) == (2, [1])
    assert rig.engine.facts == {"taobao:order:78": "recorded"}
    assert [(each.kind, each.ref) for each in rig.ledgers.problems] == [("order-desk", "taobao:order:77")]


async def test_a_big_delivery_is_cut_between_events_and_never_within_one(rig: Rig) -> None:
    count = BATCH_OPS_MAX
    await rig.handle(*(comment(str(number), "C1+1", user_id=str(number)) for number in range(count)))
    assert len(rig.engine.batches) == 2
    for batch in rig.engine.batches:
        assert len(batch) <= BATCH_OPS_MAX
        assert [type(op) for op in batch] == [Observe, Amend] * (len(batch) // 2)


async def test_an_unknown_sale_is_a_problem(rig: Rig) -> None:
    with pytest.raises(Problem) as problem:
        await rig.pipeline.handle("nowhere", [comment("1", "C1+2")])
    assert problem.value.kind.slug == "unknown-sale"


async def test_a_change_of_settings_holds_for_the_next_comment(rig: Rig) -> None:
    await rig.handle(comment("1", "C1+2"))
    rig.ledgers.kept_settings = SaleSettings(mode=SellingMode.PLATFORM)
    await rig.handle(comment("2", "C1+2"))
    rig.contexts.forget(SALE)
    await rig.handle(comment("3", "C1+2"))
    assert [amend.claim_id for amend in amends(rig.engine)] == ["weibo:1", "weibo:2"]


@pytest.mark.parametrize(
    ("said_at_ms", "arrived_at_ms", "expected"),
    [
        (NOW_MS + 5, NOW_MS + 9_000, "egg-10"),
        (NOW_MS + 15, NOW_MS + 9_000, "honey-500"),
        (1, NOW_MS + 15, "honey-500"),
        (1, NOW_MS - 1, ""),
    ],
)
async def test_a_comment_means_what_was_shown_when_it_was_written(
    rig: Rig, said_at_ms: int, arrived_at_ms: int, expected: str
) -> None:
    rig.ledgers.marks = [(NOW_MS, "egg-10"), (NOW_MS + 10, "honey-500")]
    await rig.handle(comment("1", "来两份", at_ms=said_at_ms, received_at_ms=arrived_at_ms))
    lines: Sequence[object] = [line.sku for amend in amends(rig.engine) for line in amend.lines]
    assert lines == ([expected] if expected else [])


async def test_a_change_without_a_name_means_what_its_writer_ordered(rig: Rig) -> None:
    rig.ledgers.marks = [(0, "egg-10")]
    rig.ledgers.own = ["honey-500"]
    await rig.handle(comment("1", "改成3瓶"))
    assert [_pair(line) for amend in amends(rig.engine) for line in amend.lines] == [("honey-500", 3)]


def _pair(line: object) -> tuple[str, int]:
    return line.sku, line.packs  # type: ignore[attr-defined]
