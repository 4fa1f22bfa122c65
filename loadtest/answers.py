"""What the answers of a run must be among themselves, whatever the books say: each claim's story, judged alone. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from loadtest.domain import ENDINGS, GRANTS, Answer, Ask, Exchange, Line, Rule, SalePlan, Violation
from loadtest.stories import Story, content_of, owes_refund, paid_late

REFUSALS: Final = frozenset({"sold_out", "limit_reached", "not_on_sale", "blocked", "conflict", "expired"})
GROUNDLESS_REFUSALS: Final = frozenset({"not_on_sale", "blocked", "invalid", "unknown"})
"""The sale stays open, nobody is blocked and every ask is well formed: nothing in a run can earn these."""
SHED_STATUSES: Final = frozenset({0, 429, 503})
"""No answer, or one that says "not now": allowed, counted, and asked again with the same id."""


def check_answers(plan: SalePlan, story: Story) -> Iterator[Violation]:
    """Yield what is wrong with the answers about one claim."""
    for exchange in (*story.claims, *story.endings):
        yield from _check_status(exchange)
    yield from _check_refusals(story)
    yield from _check_repeats(story)
    yield from _check_endings(story)
    yield from _check_amounts(plan, story)


def _check_status(exchange: Exchange) -> Iterator[Violation]:
    expected = _statuses_of(exchange)
    if exchange.status not in expected:
        yield Violation(
            rule=Rule.WRONG_STATUS,
            subject=exchange.claim_id,
            zh=f"{exchange.ask} 得到 HTTP {exchange.status}（结果 {exchange.outcome or '不明'}），约定为 {sorted(expected)}",
            en=f"{exchange.ask} got HTTP {exchange.status} for outcome {exchange.outcome or 'unknown'}, not {sorted(expected)}",
        )


def _statuses_of(exchange: Exchange) -> frozenset[int]:
    """Return the statuses that fit the outcome, by the service's contract."""
    answer = exchange.answer
    if answer is None:
        return SHED_STATUSES
    if answer.outcome == "overloaded":
        return frozenset({503})
    if answer.outcome == "invalid":
        return frozenset({422})
    if answer.outcome == "unknown":
        return frozenset({404})
    if exchange.ask is Ask.CLAIM:
        if answer.outcome in GRANTS:
            return frozenset({200 if answer.replayed else 201})
        return frozenset({409}) if answer.outcome in REFUSALS else frozenset()
    wanted = "confirmed" if exchange.ask is Ask.CONFIRM else "cancelled"
    if answer.outcome == wanted:
        return frozenset({200})
    return frozenset({409}) if answer.outcome in ENDINGS else frozenset()


def _check_refusals(story: Story) -> Iterator[Violation]:
    for exchange in story.claims:
        if exchange.outcome in GROUNDLESS_REFUSALS:
            yield Violation(
                rule=Rule.FALSE_REFUSAL,
                subject=story.claim_id,
                zh=f"专场开着、请求无误，却答复 {exchange.outcome}",
                en=f"answered {exchange.outcome}, though the sale is open and the claim well formed",
            )
    for exchange in story.endings:
        if exchange.outcome == "unknown" and any(e.answered_at_us < exchange.sent_at_us for e in story.grants):
            yield Violation(
                rule=Rule.ACKNOWLEDGED_MISSING,
                subject=story.claim_id,
                zh=f"已答应的请求，{exchange.ask} 时却说没有这个请求号",
                en=f"granted, and then {exchange.ask} was told that there is no such claim",
            )
        if exchange.outcome == "invalid":
            yield Violation(
                rule=Rule.FALSE_REFUSAL,
                subject=story.claim_id,
                zh=f"{exchange.ask} 请求无误，却答复 invalid",
                en=f"a well-formed {exchange.ask} was answered invalid",
            )


def _check_repeats(story: Story) -> Iterator[Violation]:
    first_answers = [exchange for exchange in story.grants if exchange.answer and not exchange.answer.replayed]
    if len(first_answers) > 1:
        yield Violation(
            rule=Rule.ACKNOWLEDGED_TWICE,
            subject=story.claim_id,
            zh=f"同一请求号 {len(first_answers)} 次被当作新单答应",
            en=f"granted {len(first_answers)} times as if new",
        )
    if len({_said(exchange.answer) for exchange in story.grants if exchange.answer}) > 1:
        yield Violation(
            rule=Rule.REPLAY_DIFFERS,
            subject=story.claim_id,
            zh="重复询问得到的答复与第一次不同",
            en="asked again, and answered something else than the first time",
        )
    granted_contents = {content_of(exchange) for exchange in story.grants}
    if len(granted_contents) > 1:
        yield Violation(
            rule=Rule.TWO_OUTCOMES,
            subject=story.claim_id,
            zh="同一请求号、不同内容，都被答应",
            en="granted for two different contents under one id",
        )
    for exchange in story.claims:
        if exchange.outcome == "conflict" and not _has_rival(exchange, story):
            yield Violation(
                rule=Rule.FALSE_REFUSAL,
                subject=story.claim_id,
                zh="答复冲突，但这个请求号从未以其他内容提交",
                en="answered conflict, though no other content was ever sent under this id",
            )


def _said(answer: Answer) -> tuple[object, ...]:
    lines = tuple((line.sku, line.packs, line.outcome, line.unit_price_minor) for line in answer.lines)
    return answer.outcome, answer.amount_minor, answer.expires_at_ms, answer.rev, lines


def _has_rival(conflicting: Exchange, story: Story) -> bool:
    """Say whether some other content under this id was granted, or may have been."""
    return any(
        content_of(rival) != content_of(conflicting)
        and (rival.is_grant or rival.answer is None)
        and rival.sent_at_us <= conflicting.answered_at_us
        for rival in story.claims
    )


def _check_endings(story: Story) -> Iterator[Violation]:
    problem = _ending_problem(story.endings)
    if problem:
        yield Violation(
            rule=Rule.TWO_OUTCOMES,
            subject=story.claim_id,
            zh=f"预占应只结束一次，却答复了 {problem}",
            en=f"a hold ends once, but this one was answered {problem}",
        )


def _ending_problem(endings: list[Exchange]) -> str:
    """Return which endings contradict each other; empty if none do.

    An expired hold may still be paid late, once: then `expired` may have been answered before, and never after.
    """
    answered = [exchange for exchange in endings if exchange.outcome in ENDINGS]
    outcomes = {exchange.outcome for exchange in answered}
    words = ", ".join(sorted(outcomes))
    if "confirmed" not in outcomes:
        return words if len(outcomes) > 1 else ""
    if outcomes == {"confirmed"}:
        is_late = {paid_late(exchange) for exchange in answered}
        return "confirmed in time and confirmed late" if len(is_late) > 1 else ""
    late = [exchange for exchange in answered if paid_late(exchange)]
    if not late or "cancelled" in outcomes or any(owes_refund(exchange) for exchange in answered):
        return words
    sold_by_us = min(exchange.answered_at_us for exchange in late)
    after = any(exchange.outcome == "expired" and exchange.sent_at_us > sold_by_us for exchange in answered)
    return "confirmed late, then expired" if after else ""


def _check_amounts(plan: SalePlan, story: Story) -> Iterator[Violation]:
    for exchange in story.grants:
        problem = _amount_problem(plan, exchange)
        if problem:
            yield Violation(
                rule=Rule.WRONG_AMOUNT,
                subject=story.claim_id,
                zh=f"答应的内容或金额不对：{problem}",
                en=f"granted something else than asked, or at another price: {problem}",
            )
            return


def _amount_problem(plan: SalePlan, exchange: Exchange) -> str:
    answer = exchange.answer
    assert answer is not None  # a grant is an answer
    asked = {line.sku: line.packs for line in exchange.lines}
    granted = {line.sku: line.packs for line in answer.lines}
    if not granted.keys() <= asked.keys() or any(packs > asked[sku] for sku, packs in granted.items()):
        return f"asked {asked}, granted {granted}"
    if answer.outcome != "partial" and granted != asked:
        return f"asked {asked}, granted {granted}"
    amount_minor = priced(plan, tuple(Line(sku=sku, packs=packs) for sku, packs in granted.items()))
    if answer.amount_minor != amount_minor:
        return f"{answer.amount_minor} instead of {amount_minor} minor units"
    return ""


def priced(plan: SalePlan, lines: tuple[Line, ...]) -> int:
    """Return what lines cost at the planned prices, in minor units. Raises KeyError for an unplanned sku."""
    return sum(plan.offer(line.sku).price_minor * line.packs for line in lines)
