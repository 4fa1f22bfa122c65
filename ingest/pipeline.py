"""From live events to the sale: read, decide, book, record; and only then may a platform be told "taken".

`Pipeline.handle` is safe to call again with the same events (platforms do), and from many tasks at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, Protocol

import msgspec
import structlog

from flashsale.domain import BATCH_OPS_MAX, Fact, Observe, OpResult, Outcome, SaleId
from flashsale.service import EngineFace
from ingest.answers import is_unknown_sale
from ingest.decision import Decision, buyer_key, decide, event_key, may_change_unnamed
from ingest.domain import CommentTrace, Handled, IntakeProblem
from ingest.intake import Intake
from ingest.metrics import Metrics
from ingest.order_desk import OrderDesk, completed
from ingest.problems import Problem
from ingest.recorder import Recorder
from ingest.repairs import left_thin, open_refund, unbooked
from ingest.reversals import Reversals
from ingest.sale_context import SaleContext, SaleContexts
from stream_adapters.domain import EventKind, LiveEvent

RECENT_EVENTS_MAX: Final = 200_000
log = structlog.get_logger("pipeline")


class CommentsBefore(Protocol):
    """What is remembered of earlier comments, over restarts."""

    async def newest_seen_ms(self, sale_id: str, platform: str, room_id: str) -> int:
        """Return the platform time of the room's newest comment, 0 if there is none."""
        ...

    async def ordered_skus(self, sale_id: str, buyer_id: str) -> list[str]:
        """Return what a buyer's comments have ordered, each sku once."""
        ...


class Pipeline:
    """Takes live events of a sale and returns when all of them are durable."""

    def __init__(
        self,
        *,
        engine: EngineFace,
        contexts: SaleContexts,
        recorder: Recorder,
        reversals: Reversals,
        comments_before: CommentsBefore,
        intake: Intake,
        metrics: Metrics,
        late_comment_ms: int,
    ) -> None:
        self._engine = engine
        self._contexts = contexts
        self._recorder = recorder
        self._reversals = reversals
        self._comments_before = comments_before
        self._intake = intake
        self._metrics = metrics
        self._late_comment_ms = late_comment_ms
        self._newest: dict[tuple[str, str, str], int] = {}
        # Events that this process has booked and recorded, oldest first. Only a shortcut: the engine remembers them all.
        self._recent: dict[tuple[str, str], None] = {}

    async def handle(
        self, sale_id: str, events: Sequence[LiveEvent], desk: OrderDesk | None = None, *, reject_thin: bool = False
    ) -> Handled:
        """Book events in the order given; `desk` completes thin orders.

        An order that stays thin fails them all, or with `reject_thin` only itself: for senders who can be told which.

        Returns when sale, traces and problems are durable. Raises Problem, or what the stores raise: then nothing may be
        acknowledged, and the same events must come again (what was booked already is not booked twice).
        """
        self._intake.require_open()
        if not events:
            return Handled()
        context = await self._contexts.of(sale_id)
        whole, thin = await self._completed(sale_id, events, desk)
        if thin and not reject_thin:
            raise next(iter(thin.values()))
        late = await self._late(sale_id, whole)
        decisions = [await self._decided(sale_id, event, context, late) for event in whole]
        results = await self._book(sale_id, decisions)
        await self._reversals.settle(SaleId(sale_id), _facts(decisions, results))
        problems = await self._refund(sale_id, decisions)
        handled = await self._record(sale_id, decisions, results, problems)
        self._remember(sale_id, whole)
        for event in whole:
            self._metrics.event(event.platform, event.kind.value)
        rejected = tuple((place, problem.detail) for place, problem in thin.items())
        return msgspec.structs.replace(handled, rejected=rejected)

    async def _decided(self, sale_id: str, event: LiveEvent, context: SaleContext, late: frozenset[str]) -> Decision:
        key = event_key(event)
        # An order is asked for again whenever it comes: what it needs may have been put on sale since, and its fact is
        # booked once however often it is asked for.
        if event.kind is not EventKind.ORDER and (sale_id, key) in self._recent:
            return _counted_only(event)
        decision = decide(event, context, late=key in late)
        if not may_change_unnamed(decision):
            return decision
        own = await self._comments_before.ordered_skus(sale_id, buyer_key(event))
        return decide(event, context, late=key in late, own=own)

    async def _completed(
        self, sale_id: str, events: Sequence[LiveEvent], desk: OrderDesk | None
    ) -> tuple[Sequence[LiveEvent], Mapping[int, Problem]]:
        """Return the events that are complete, and by their places the orders that are not."""
        found = await completed(events, desk)
        if not found:
            return events, {}
        thin = {place: problem for place, problem in found.items() if isinstance(problem, Problem)}
        if thin:
            await self._recorder.record(sale_id, (), [left_thin(events[place]) for place in thin])
            self._metrics.problem("order-desk")
            log.warning("order desk failed", sale_id=sale_id, events=len(thin))
        answers = [found.get(place, event) for place, event in enumerate(events)]
        return [event for event in answers if not isinstance(event, Problem)], thin

    async def _late(self, sale_id: str, events: Sequence[LiveEvent]) -> frozenset[str]:
        """Find the comments that are history: a room sends its last ones again after a reconnect."""
        late: set[str] = set()
        for event in events:
            if event.kind is not EventKind.COMMENT:
                continue
            room = (sale_id, event.platform, event.room_id)
            if room not in self._newest:
                seen_before = await self._comments_before.newest_seen_ms(*room)
                self._newest[room] = max(seen_before, self._newest.get(room, 0))
            if event.occurred_at_ms < self._newest[room] - self._late_comment_ms:
                late.add(event_key(event))
            # A time ahead of our own clock is wrong; believing it would make everything after it look late.
            believed_ms = min(event.occurred_at_ms, event.received_at_ms) if event.received_at_ms else 0
            self._newest[room] = max(self._newest[room], believed_ms)
        return frozenset(late)

    async def _book(self, sale_id: str, decisions: Sequence[Decision]) -> list[OpResult]:
        results: list[OpResult] = []
        for batch in _batches(decisions):
            answers = await self._engine.apply_all(SaleId(sale_id), [op for decision in batch for op in decision.ops])
            for answer in answers:
                if answer.outcome is Outcome.OVERLOADED:
                    raise Problem("overloaded")
                if is_unknown_sale(answer):
                    self._contexts.forget(sale_id)
                    raise Problem("unknown-sale")
            results.extend(answers)
        return results

    async def _refund(self, sale_id: str, decisions: Iterable[Decision]) -> list[IntakeProblem]:
        problems: list[IntakeProblem] = []
        for decision in decisions:
            if decision.refund is not None:
                refunded = await self._reversals.refund(SaleId(sale_id), decision.refund)
                problems.extend(open_refund(decision, refunded))
        return problems

    async def _record(
        self,
        sale_id: str,
        decisions: Sequence[Decision],
        results: Sequence[OpResult],
        open_refunds: Iterable[IntakeProblem],
    ) -> Handled:
        traces: list[CommentTrace] = []
        problems = list(open_refunds)
        duplicates = 0
        place = 0
        for decision in decisions:
            observed, *answers = results[place : place + len(decision.ops)]
            place += len(decision.ops)
            duplicates += observed.replayed
            if decision.trace is not None:
                outcome = answers[0].outcome.value if answers else ""
                traces.append(msgspec.structs.replace(decision.trace, outcome=outcome))
            if decision.problem is not None:
                problems.append(decision.problem)
            problems.extend(unbooked(decision, [observed, *answers]))
        for problem in problems:
            self._metrics.problem(problem.kind)
            log.warning(
                "intake problem", sale_id=sale_id, kind=problem.kind, ref=problem.ref, platform=problem.platform
            )
        await self._recorder.record(sale_id, traces, problems)
        self._metrics.duplicates(duplicates)
        return Handled(accepted=len(decisions) - duplicates, duplicates=duplicates)

    def _remember(self, sale_id: str, events: Iterable[LiveEvent]) -> None:
        for event in events:
            self._recent[sale_id, event_key(event)] = None
        while len(self._recent) > RECENT_EVENTS_MAX:
            del self._recent[next(iter(self._recent))]


def _counted_only(event: LiveEvent) -> Decision:
    """Count a duplicate and do nothing else: a comment that was refused before a restock must not order after it."""
    observe = Observe(event_id=event_key(event), channel=event.platform)
    return Decision(ops=(observe,), at_ms=event.received_at_ms)


def _facts(decisions: Iterable[Decision], results: Sequence[OpResult]) -> list[tuple[Fact, OpResult]]:
    ops = (op for decision in decisions for op in decision.ops)
    return [(op, result) for op, result in zip(ops, results, strict=True) if isinstance(op, Fact)]


def _batches(decisions: Sequence[Decision]) -> Iterable[list[Decision]]:
    """Cut decisions into batches that the engine takes, never between an event's count and what it orders."""
    batch: list[Decision] = []
    ops = 0
    for decision in decisions:
        if ops + len(decision.ops) > BATCH_OPS_MAX:
            yield batch
            batch, ops = [], 0
        batch.append(decision)
        ops += len(decision.ops)
    if batch:
        yield batch
