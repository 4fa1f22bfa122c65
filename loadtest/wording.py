"""A verdict in words, Chinese first: for the person who decides whether the show can go on. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import islice
from typing import Final

from loadtest.domain import Rule
from loadtest.verifier import Delays, Figures, Verdict

SHOWN_MAX: Final = 5

RULE_WORDS: Final[dict[Rule, tuple[str, str]]] = {
    Rule.SOLD_ABOVE_STOCK: ("卖超", "sold above stock"),
    Rule.ACKNOWLEDGED_MISSING: ("已答应的不见了", "acknowledged and missing"),
    Rule.ACKNOWLEDGED_TWICE: ("同一单算了两次", "acknowledged twice"),
    Rule.REPLAY_DIFFERS: ("重复询问答复不一", "asked again, answered differently"),
    Rule.TWO_OUTCOMES: ("一单两种结果", "two outcomes for one id"),
    Rule.FALSE_SOLD_OUT: ("有货却说售罄", "sold out while stock was free"),
    Rule.FALSE_REFUSAL: ("无故拒绝", "refused without a reason"),
    Rule.REFUSED_YET_BOOKED: ("拒绝了却入了账", "refused and booked all the same"),
    Rule.NOBODY_ASKED: ("没人下过的单", "an order that nobody asked for"),
    Rule.POOL_UNBALANCED: ("库存池不平", "a pool that does not balance"),
    Rule.BOOKS_DISAGREE: ("账与答复不符", "books and answers disagree"),
    Rule.LIMIT_EXCEEDED: ("超出限购", "a buyer above the limit"),
    Rule.WRONG_AMOUNT: ("内容或金额不对", "wrong content or amount"),
    Rule.WRONG_STATUS: ("状态码不符约定", "an HTTP status against the contract"),
    Rule.FRAMES_DISAGREE: ("画面不符", "frames that could not be true"),
}


def in_words(verdict: Verdict) -> str:
    """Return the verdict for people: figures first, then what was broken, and the verdict itself on the last line."""
    return "\n".join([*_figure_lines(verdict), *_violation_lines(verdict), _last_line(verdict)])


def _figure_lines(verdict: Verdict) -> Iterator[str]:
    figures = verdict.figures
    yield f"专场 sale              {verdict.sale_id}"
    yield (
        f"请求 asked             {figures.exchanges} 次 in {figures.seconds:.1f} s "
        f"({figures.exchanges_per_s:.0f}/s), {figures.claims} claims, {figures.claim_ids} claim_ids"
    )
    yield f"答复 answered          {_outcomes(figures)}"
    yield (
        f"重放 / 无答复 / 迟付    {figures.replayed} replayed · {figures.unknown} without an answer · "
        f"{figures.late_payments} paid late"
    )
    yield f"答复用时 answer         {_delays(figures.answer)}"
    yield f"画面延迟 claim→frame    {_delays(figures.frame)} ({figures.frames} frames, {figures.watchers} watchers)"
    yield f"本机迟滞 own lag        {_delays(figures.own_lag)}"
    for pool_id, units in figures.units_by_pool.items():
        yield f"库存池 pool            {pool_id}: " + " · ".join(f"{name} {count}" for name, count in units.items())
    yield f"订单 orders            {figures.orders} · {figures.revenue_minor / 100:,.2f}"


def _outcomes(figures: Figures) -> str:
    return " · ".join(f"{name} {count}" for name, count in figures.outcomes.items()) or "—"


def _delays(delays: Delays) -> str:
    if not delays.count:
        return "—"
    return f"p50 {delays.p50_ms:.1f} ms · p99 {delays.p99_ms:.1f} ms · max {delays.max_ms:.1f} ms"


def _violation_lines(verdict: Verdict) -> Iterator[str]:
    counts = Counter(violation.rule for violation in verdict.violations)
    for rule, count in counts.most_common():
        chinese, english = RULE_WORDS[rule]
        yield f"✗ {chinese} {english} ({rule}): {count}"
        for violation in islice((each for each in verdict.violations if each.rule is rule), SHOWN_MAX):
            yield f"    {violation.subject}: {violation.zh}"
            yield f"    {' ' * len(violation.subject)}  {violation.en}"
        if count > SHOWN_MAX:
            yield f"    … {count - SHOWN_MAX} more, in the JSON file 其余见 JSON 文件"


def _last_line(verdict: Verdict) -> str:
    if verdict.violations:
        return f"结论 verdict           未通过 FAILED: {len(verdict.violations)} 处违规 violations"
    if verdict.is_empty:
        return "结论 verdict           无效 EMPTY: 没有任何请求被答应，什么也没有证明 nothing was granted, so nothing is proved"
    return "结论 verdict           通过 PASSED: 每个答复都与账相符 every answer agrees with the books"
