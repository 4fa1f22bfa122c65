from __future__ import annotations

from msgspec.structs import replace

from tests.chaos import history as h

STOCK = 3


def claimed(
    id: str, sent: int, answered: int, outcome: str | None = "reserved", packs: int = 1, **more: object
) -> h.Call:
    got = packs if outcome == "reserved" else 0
    return h.Call(
        kind="claim",
        claim_id=id,
        buyer_id=f"b-{id}",
        packs=packs,
        sent_ns=sent,
        answered_ns=answered,
        outcome=outcome,
        got=got,
        **more,  # type: ignore[arg-type]
    )


def ended(kind: str, id: str, sent: int, answered: int, outcome: str | None) -> h.Call:
    return h.Call(kind=kind, claim_id=id, sent_ns=sent, answered_ns=answered, outcome=outcome)


SOUND = [
    claimed("c1", 1, 2),
    claimed("c2", 1, 3),
    claimed("c3", 2, 3, None),
    claimed("c4", 4, 5, "sold_out"),
    ended("cancel", "c1", 5, 7, "cancelled"),
    claimed("c5", 6, 8),
    ended("confirm", "c2", 8, 9, "confirmed"),
    claimed("c3", 9, 10, replayed=True),
]
FINAL = h.Final(
    stock_packs=STOCK,
    statuses={"c1": "cancelled", "c2": "confirmed", "c3": "held", "c5": "held"},
    packs={"c1": 0, "c2": 1, "c3": 1, "c5": 1},
    buyers={id: f"b-{id}" for id in ("c1", "c2", "c3", "c5")},
    held=2,
    sold=1,
    available=0,
    oversold=0,
)


def test_a_sound_history_has_no_violation() -> None:
    assert h.violations(SOUND, FINAL, limit_packs=1) == []


def test_more_sold_than_stock_is_found() -> None:
    assert h.sold_never_above_stock(SOUND, replace(FINAL, stock_packs=2))
    assert h.sold_never_above_stock([*SOUND, claimed("c6", 9, 10), claimed("c7", 9, 10)], FINAL)


def test_an_acknowledged_hold_that_is_gone_is_found() -> None:
    assert h.acknowledged_is_present([*SOUND, claimed("lost", 9, 10)], FINAL)


def test_an_acknowledged_ending_that_is_gone_is_found() -> None:
    assert h.acknowledged_is_present([*SOUND, ended("confirm", "c3", 9, 10, "confirmed")], FINAL)
    assert h.acknowledged_is_present([*SOUND, ended("cancel", "c5", 9, 10, "cancelled")], FINAL)


def test_a_claim_granted_twice_is_found() -> None:
    assert h.granted_once([*SOUND, claimed("c2", 9, 10)], FINAL)


def test_a_hold_that_ended_two_ways_is_found() -> None:
    assert h.one_ending_a_hold([*SOUND, ended("cancel", "c2", 9, 10, "cancelled")], FINAL)


def test_a_buyer_above_the_limit_is_found() -> None:
    assert h.limits_kept(SOUND, replace(FINAL, buyers=dict.fromkeys(FINAL.buyers, "one")), limit_packs=2)
    assert not h.limits_kept(SOUND, replace(FINAL, buyers=dict.fromkeys(FINAL.buyers, "one")), limit_packs=3)


def test_figures_that_do_not_add_up_are_found() -> None:
    assert h.books_balanced(SOUND, replace(FINAL, available=1))
    assert h.books_balanced(SOUND, replace(FINAL, held=1, available=1))
    assert h.books_balanced(SOUND, replace(FINAL, differences=[("totals", "holds", 1, 2)]))


def test_a_refusal_while_stock_was_free_throughout_is_found() -> None:
    assert h.no_false_sold_out([claimed("c0", 0, 0, "sold_out"), *SOUND], FINAL)
    after_release = [*SOUND[:5], claimed("c9", 8, 9, "sold_out")]
    assert h.no_false_sold_out(after_release, FINAL)


def test_a_refusal_that_overlaps_the_last_grant_or_the_release_is_let_pass() -> None:
    assert not h.no_false_sold_out([*SOUND, claimed("c8", 1, 2, "sold_out")], FINAL)
    assert not h.no_false_sold_out([*SOUND, claimed("c8", 4, 9, "sold_out")], FINAL)


def test_a_refusal_of_more_than_was_free_is_right() -> None:
    assert not h.no_false_sold_out([claimed("c0", 0, 0, "sold_out", packs=4), *SOUND], FINAL)
