"""Checkers over a recorded history of claims: pure functions, each linear in the number of calls but for sorting and bisection.

A history is what senders saw: for each call when it was sent and when its answer came (the same monotonic clock for all
processes), what was asked and what was answered; None stands for an answer that never came, whose effect is unknown. Each
checker returns the violations in words; an empty list means that the promise was kept.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence

import msgspec

GRANTED = frozenset({"reserved", "partial", "presold", "waitlisted"})
ENDINGS = frozenset({"confirmed", "cancelled", "expired"})


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """One call. `kind` is claim, confirm or cancel; `packs` what a claim asked, `got` what it was answered."""

    kind: str
    claim_id: str
    buyer_id: str = ""
    packs: int = 0
    sent_ns: int
    answered_ns: int
    outcome: str | None
    got: int = 0
    replayed: bool = False
    detail: str = ""


class Final(msgspec.Struct, frozen=True, kw_only=True):
    """The sale when everything is over: each claim's status and packs, the pool's figures, the books' differences."""

    stock_packs: int
    statuses: Mapping[str, str]
    packs: Mapping[str, int]
    buyers: Mapping[str, str]
    held: int
    sold: int
    available: int
    oversold: int
    differences: Sequence[object] = ()


def sold_never_above_stock(history: Iterable[Call], final: Final) -> list[str]:
    """What is held and sold at the end, and what was ever acknowledged and not ended, fits the stock."""
    found = []
    kept = sum(packs for id, packs in final.packs.items() if final.statuses[id] in ("held", "confirmed"))
    if kept > final.stock_packs:
        found.append(f"{kept} packs are held or sold of {final.stock_packs}")
    # A cancellation whose answer never came may have happened: what it may have freed is no promise any more.
    ended = {call.claim_id for call in history if call.outcome in ("cancelled", "expired") or call.kind == "cancel"}
    promised = sum(
        call.got
        for call in history
        if call.kind == "claim"
        and call.outcome in ("reserved", "partial")
        and not call.replayed
        and call.claim_id not in ended
    )
    if promised > final.stock_packs:
        found.append(f"{promised} packs were promised of {final.stock_packs}")
    return found


def acknowledged_is_present(history: Iterable[Call], final: Final) -> list[str]:
    """Every hold, confirmation and cancellation that a sender was told of is in the store."""
    due = {"confirmed": {"confirmed"}, "cancelled": {"cancelled", "refund_due"}, "expired": {"expired", "refund_due"}}
    found = []
    for call in history:
        status = final.statuses.get(call.claim_id)
        if call.kind == "claim" and call.outcome in GRANTED and status is None:
            found.append(f"{call.claim_id} was answered {call.outcome} and is gone")
        elif call.kind != "claim" and call.outcome in ENDINGS and status not in due[call.outcome]:
            found.append(f"{call.claim_id} was answered {call.outcome} and is {status}")
    return found


def granted_once(history: Iterable[Call], _final: Final) -> list[str]:
    """A claim is granted by one call; all others with its id repeat that answer."""
    first = Counter(
        call.claim_id for call in history if call.kind == "claim" and call.outcome in GRANTED and not call.replayed
    )
    return [f"{id} was granted {times} times" for id, times in first.items() if times > 1]


def one_ending_a_hold(history: Iterable[Call], _final: Final) -> list[str]:
    """A hold ends one way; a second ending is answered with the first."""
    endings: dict[str, set[str]] = defaultdict(set)
    for call in history:
        if call.kind != "claim" and call.outcome in ENDINGS:
            endings[call.claim_id].add(call.outcome)
    return [f"{id} ended as {sorted(ways)}" for id, ways in endings.items() if len(ways) > 1]


def limits_kept(_history: Iterable[Call], final: Final, *, limit_packs: int) -> list[str]:
    """No buyer holds and bought more than the limit."""
    packs: Counter[str] = Counter()
    for id, status in final.statuses.items():
        if status in ("held", "confirmed"):
            packs[final.buyers[id]] += final.packs[id]
    return [f"{buyer} has {count} packs, limit {limit_packs}" for buyer, count in packs.items() if count > limit_packs]


def books_balanced(_history: Iterable[Call], final: Final) -> list[str]:
    """Stock is where the figures say, and the log folded from nothing says the same."""
    found = [f"books: {difference}" for difference in final.differences]
    if final.stock_packs != final.available + final.held + final.sold - final.oversold:
        found.append(f"{final.stock_packs} of stock, but {final.available}+{final.held}+{final.sold}-{final.oversold}")
    for name, status, figure in (("held", "held", final.held), ("sold", "confirmed", final.sold)):
        claims = sum(final.packs[id] for id, is_now in final.statuses.items() if is_now == status)
        if claims != figure:
            found.append(f"{name} is {figure}, the claims add up to {claims}")
    return found


def no_false_sold_out(history: Iterable[Call], final: Final) -> list[str]:
    """No claim was refused although there was stock for it at every moment between its call and its answer.

    Stock at a moment is at least the stock less all that may have been taken by then: a grant counts as taken from when it was
    sent (or for ever, where its answer never came), a release counts as returned only when its answer came. So a violation
    is certain; a refusal in a doubtful moment is let pass.
    """
    packs_of = {call.claim_id: max(call.got, call.packs) for call in history if call.kind == "claim"}
    moments: list[tuple[int, int, int]] = []
    refusals: list[Call] = []
    counted: set[str] = set()
    released: set[str] = set()
    for call in sorted(history, key=lambda call: call.sent_ns):
        if call.kind == "claim" and call.outcome == "sold_out":
            refusals.append(call)
        if call.kind == "claim" and (call.outcome is None or call.outcome in GRANTED) and call.claim_id not in counted:
            counted.add(call.claim_id)
            moments.append((call.sent_ns, 0, -packs_of[call.claim_id]))
        if call.outcome == "cancelled" and call.claim_id in packs_of and call.claim_id not in released:
            released.add(call.claim_id)
            moments.append((call.answered_ns, 1, packs_of[call.claim_id]))
    found = []
    free = final.stock_packs
    moments.sort()
    times, least = [0], [free]
    for at_ns, _, change in moments:
        free += change
        times.append(at_ns)
        least.append(free)
    end = 0
    window: list[int] = []  # indices of a rising run of minima between `start` and `end`
    for call in sorted(refusals, key=lambda call: call.answered_ns):
        while end < len(times) and times[end] <= call.answered_ns:
            while window and least[window[-1]] >= least[end]:
                window.pop()
            window.append(end)
            end += 1
        start = _last_before(times, call.sent_ns)
        lowest = least[_first_from(window, start)]
        if lowest >= call.packs:
            found.append(f"{call.claim_id} was refused {call.packs} packs while at least {lowest} were free throughout")
    return found


def _last_before(times: Sequence[int], at_ns: int) -> int:
    return max(bisect_right(times, at_ns) - 1, 0)


def _first_from(window: Sequence[int], start: int) -> int:
    return window[bisect_left(window, start)]


CHECKS = (
    sold_never_above_stock,
    acknowledged_is_present,
    granted_once,
    one_ending_a_hold,
    books_balanced,
    no_false_sold_out,
)


def violations(history: Sequence[Call], final: Final, *, limit_packs: int = 0) -> list[str]:
    """All violations of all promises."""
    found = [violation for check in CHECKS for violation in check(history, final)]
    return found + (limits_kept(history, final, limit_packs=limit_packs) if limit_packs else [])
