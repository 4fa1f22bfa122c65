"""Each violation is planted in an honest run, and has to be the one that is found."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from loadtest.domain import Answer, Ask, BookedOrder, Line, Rule
from loadtest.verifier import judge, verify

replace = msgspec.structs.replace


def rules_broken(run: Any, books: Any = None) -> set[Rule]:
    return {violation.rule for violation in verify(run.history, books or run.books)}


def retallied(run: Any, **pool: int) -> Any:
    books = run.books
    figures = replace(books.tally.pools[0], **pool)
    return replace(books, tally=replace(books.tally, pools=(figures,)))


# ------------------------------------------------------------------------------------------- what is as it should be


def test_an_honest_run_with_every_kind_of_ending_breaks_no_rule(run: Any) -> None:
    first = run.claim("paid", packs=3)
    run.again(first)
    run.confirm("paid")
    run.claim("given-up")
    run.cancel("given-up")
    run.claim("held", packs=2, sku="egg-10")
    run.claim("lapsed")
    run.expire("lapsed")
    run.refused("too-much", packs=9)
    run.unanswered("lost")

    assert verify(run.history, run.books) == ()
    assert judge(run.history, run.books).passed


def test_an_unanswered_claim_may_be_in_the_books_or_not(run: Any) -> None:
    run.unanswered("not-carried-out")
    carried_out = run.unanswered("carried-out", packs=2)
    run.book(carried_out, run.granted("egg-30", 2))

    assert verify(run.history, run.books) == ()


def test_a_first_answer_that_was_lost_is_known_from_its_replay(run: Any) -> None:
    lost = run.unanswered("c")
    answer = run.granted("egg-30", 1)
    run.book(lost, answer)
    run.ask(Ask.CLAIM, "c", 200, replace(answer, replayed=True), lines=lost.lines)

    assert verify(run.history, run.books) == ()


def test_a_late_payment_that_got_its_stock_again_is_an_order(run: Any) -> None:
    run.claim("c")
    run.expire("c")
    run.ask(Ask.CANCEL, "c", 409, Answer(outcome="expired"))
    run.confirm("c", detail="late")

    assert verify(run.history, run.books) == ()


def test_a_late_payment_without_stock_is_a_refund_and_no_order(run: Any) -> None:
    run.claim("c")
    run.cancel("c")
    run.ask(Ask.CONFIRM, "c", 409, Answer(outcome="cancelled", detail="refund_due"))
    run.stands("c", "refund_due")

    assert verify(run.history, run.books) == ()


def test_a_conflict_is_right_where_another_content_has_the_id(run: Any) -> None:
    run.claim("c")
    run.refused("c", packs=2, outcome="conflict")

    assert verify(run.history, run.books) == ()


def test_shed_load_is_no_violation(run: Any) -> None:
    run.ask(Ask.CLAIM, "c", 503, Answer(outcome="overloaded"), lines=(Line(sku="egg-30", packs=1),))
    run.ask(Ask.CLAIM, "d", 503, None, lines=(Line(sku="egg-30", packs=1),))

    assert verify(run.history, run.books) == ()


def test_a_run_in_which_nothing_was_granted_does_not_pass(run: Any) -> None:
    run.refused("c", packs=11)

    verdict = judge(run.history, run.books)

    assert verdict.violations == ()
    assert verdict.is_empty
    assert not verdict.passed


# ------------------------------------------------------------------------------------------------- planted: answers


def test_granted_twice_as_if_new_is_caught(run: Any) -> None:
    first = run.claim("c")
    run.ask(Ask.CLAIM, "c", 201, first.answer, lines=first.lines)

    assert rules_broken(run) == {Rule.ACKNOWLEDGED_TWICE}


@pytest.mark.parametrize("change", [{"expires_at_ms": 7}, {"rev": "1000000-9"}, {"amount_minor": 1}, {"lines": ()}])
def test_a_replay_that_says_something_else_is_caught(run: Any, change: dict[str, Any]) -> None:
    run.again(run.claim("c"), **change)

    assert Rule.REPLAY_DIFFERS in rules_broken(run)


def test_two_contents_granted_under_one_id_are_caught(run: Any) -> None:
    first = run.claim("c")
    run.ask(Ask.CLAIM, "c", 200, replace(first.answer, replayed=True), lines=first.lines, buyer_id="somebody else")

    assert rules_broken(run) == {Rule.TWO_OUTCOMES}


@pytest.mark.parametrize("ending", [Answer(outcome="cancelled"), Answer(outcome="expired")])
def test_a_hold_that_ended_twice_is_caught(run: Any, ending: Answer) -> None:
    run.claim("c")
    run.confirm("c")
    run.ask(Ask.CANCEL, "c", 200 if ending.outcome == "cancelled" else 409, ending)

    assert rules_broken(run) == {Rule.TWO_OUTCOMES}


def test_an_order_that_expires_after_its_late_payment_is_caught(run: Any) -> None:
    run.claim("c")
    run.expire("c")
    run.confirm("c", detail="late")
    run.ask(Ask.CANCEL, "c", 409, Answer(outcome="expired"))

    assert rules_broken(run) == {Rule.TWO_OUTCOMES}


def test_a_conflict_without_a_rival_is_caught(run: Any) -> None:
    first = run.claim("c")
    run.refused("c", outcome="conflict", lines=first.lines)

    assert rules_broken(run) == {Rule.FALSE_REFUSAL}


@pytest.mark.parametrize("outcome", ["not_on_sale", "blocked"])
def test_a_refusal_that_nothing_in_the_run_can_earn_is_caught(run: Any, outcome: str) -> None:
    run.refused("c", outcome=outcome)

    assert rules_broken(run) == {Rule.FALSE_REFUSAL}


def test_another_amount_than_the_offers_prices_is_caught(run: Any) -> None:
    answer = replace(run.granted("egg-30", 1), amount_minor=1)
    run.book(run.ask(Ask.CLAIM, "c", 201, answer, lines=(Line(sku="egg-30", packs=1),)), answer)

    assert rules_broken(run) == {Rule.WRONG_AMOUNT}


def test_fewer_packs_than_asked_without_saying_partial_are_caught(run: Any) -> None:
    answer = run.granted("egg-30", 1)
    run.book(run.ask(Ask.CLAIM, "c", 201, answer, lines=(Line(sku="egg-30", packs=2),)), answer)

    assert rules_broken(run) == {Rule.WRONG_AMOUNT}


@pytest.mark.parametrize(
    ("status", "answer"), [(500, None), (404, None), (200, Answer(outcome="sold_out")), (201, Answer(outcome="frozen"))]
)
def test_a_status_against_the_contract_is_caught(run: Any, status: int, answer: Answer | None) -> None:
    run.ask(Ask.CLAIM, "c", status, answer, lines=(Line(sku="egg-30", packs=99),))

    assert rules_broken(run) == {Rule.WRONG_STATUS}


# --------------------------------------------------------------------------------------------------- planted: books


def test_an_acknowledged_claim_that_the_books_lack_is_caught(run: Any) -> None:
    run.claim("c")
    run.claims["c"] = None

    assert rules_broken(run) == {Rule.ACKNOWLEDGED_MISSING}


def test_an_acknowledged_claim_that_a_confirm_no_longer_finds_is_caught(run: Any) -> None:
    run.claim("c")
    run.ask(Ask.CONFIRM, "c", 404, Answer(outcome="unknown"))

    assert rules_broken(run) == {Rule.ACKNOWLEDGED_MISSING}


@pytest.mark.parametrize("status", ["held", "expired", "cancelled"])
def test_an_acknowledged_payment_that_the_books_lack_is_caught(run: Any, status: str) -> None:
    run.claim("c")
    run.confirm("c")
    run.stands("c", status)
    run.orders.clear()

    assert Rule.ACKNOWLEDGED_MISSING in rules_broken(run)


def test_a_sold_claim_that_is_not_among_the_orders_is_caught(run: Any) -> None:
    run.claim("c")
    run.confirm("c")
    run.orders.clear()

    assert Rule.ACKNOWLEDGED_MISSING in rules_broken(run)


def test_an_order_that_stands_twice_is_caught(run: Any) -> None:
    run.claim("c")
    run.confirm("c")
    run.orders *= 2

    assert Rule.ACKNOWLEDGED_TWICE in rules_broken(run)


def test_an_order_that_nobody_asked_for_is_caught(run: Any) -> None:
    run.orders.append(BookedOrder(claim_id="ghost", status="confirmed", amount_minor=0, lines=()))

    assert rules_broken(run) == {Rule.NOBODY_ASKED}


def test_a_claim_that_was_refused_and_booked_all_the_same_is_caught(run: Any) -> None:
    refused = run.refused("c", packs=2, outcome="limit_reached")
    run.book(refused, run.granted("egg-30", 2))

    assert rules_broken(run) == {Rule.REFUSED_YET_BOOKED}


def test_an_order_for_another_amount_than_confirmed_is_caught(run: Any) -> None:
    run.claim("c")
    run.confirm("c")
    run.orders[0] = replace(run.orders[0], amount_minor=1)

    assert rules_broken(run) == {Rule.BOOKS_DISAGREE}


def test_another_first_answer_in_the_books_than_the_one_given_is_caught(run: Any) -> None:
    run.claim("c")
    run.claims["c"] = replace(run.claims["c"], first=replace(run.claims["c"].first, outcome="partial"))

    assert rules_broken(run) == {Rule.BOOKS_DISAGREE}


@pytest.mark.parametrize("status", ["confirmed", "cancelled", "refund_due"])
def test_an_end_that_nobody_asked_for_is_caught(run: Any, status: str) -> None:
    run.claim("c")
    run.stands("c", status)

    assert Rule.BOOKS_DISAGREE in rules_broken(run)


def test_a_hold_that_expired_before_its_deadline_is_caught(run: Any) -> None:
    run.claim("c")
    run.expire("c")
    books = run.books

    assert rules_broken(run, replace(books, tally=replace(books.tally, at_ms=1_000_000))) == {Rule.BOOKS_DISAGREE}


@pytest.mark.parametrize("field", ["orders", "revenue_minor", "holds", "refunds_due"])
def test_totals_that_are_not_the_sum_of_their_parts_are_caught(run: Any, field: str) -> None:
    run.claim("c")
    run.confirm("c")
    books = run.books
    totals = replace(books.tally.totals, **{field: getattr(books.tally.totals, field) + 1})

    assert rules_broken(run, replace(books, tally=replace(books.tally, totals=totals))) == {Rule.BOOKS_DISAGREE}


def test_units_sold_that_are_not_the_sum_of_the_orders_are_caught(run: Any) -> None:
    run.claim("c")
    run.confirm("c")

    assert rules_broken(run, retallied(run, sold=60, available=240)) == {Rule.BOOKS_DISAGREE}


def test_packs_sold_that_are_not_the_sum_of_the_orders_are_caught(run: Any) -> None:
    run.claim("c")
    run.confirm("c")
    books = run.books
    offers = tuple(replace(offer, packs_sold=offer.packs_sold + 1) for offer in books.tally.offers)

    assert rules_broken(run, replace(books, tally=replace(books.tally, offers=offers))) == {Rule.BOOKS_DISAGREE}


def test_a_buyer_above_the_limit_is_caught(run: Any) -> None:
    run.claim("c", packs=3, buyer_id="greedy")
    run.claim("d", packs=3, buyer_id="greedy")

    assert rules_broken(run) == {Rule.LIMIT_EXCEEDED}


# --------------------------------------------------------------------------------------------------- planted: stock


def test_a_pool_that_does_not_balance_is_caught(run: Any) -> None:
    run.claim("c")

    assert rules_broken(run, retallied(run, available=299)) == {Rule.POOL_UNBALANCED}


def test_books_that_sold_above_stock_are_caught(run: Any) -> None:
    for number in range(11):
        run.claim(f"c{number}")

    assert rules_broken(run) == {Rule.SOLD_ABOVE_STOCK}


def test_answers_that_sold_above_stock_are_caught_even_if_the_books_hide_it(run: Any) -> None:
    for number in range(11):
        run.claim(f"c{number}")
        run.confirm(f"c{number}")
    hidden = retallied(run, sold=300, oversold=0)

    assert Rule.SOLD_ABOVE_STOCK in rules_broken(run, hidden)


def test_stock_sold_again_after_a_cancel_is_not_oversold(run: Any) -> None:
    for number in range(10):
        run.claim(f"c{number}")
    run.cancel("c0")
    run.claim("c10")

    assert rules_broken(run) == set()


def test_a_refusal_while_stock_was_free_all_the_time_is_caught(run: Any) -> None:
    run.claim("c", packs=5)
    run.refused("d", packs=5)

    assert rules_broken(run) == {Rule.FALSE_SOLD_OUT}


def test_a_refusal_is_right_where_a_rival_in_flight_may_have_had_the_stock(run: Any) -> None:
    run.claim("c", packs=5)
    began_us = run.now_us
    run.claim("rival", packs=5)
    run.cancel("rival")
    run.refused("d", packs=5, sent_at_us=began_us + 5_000, answered_at_us=run.now_us)

    assert rules_broken(run) == set()


def test_a_refusal_after_the_rival_had_given_up_is_caught(run: Any) -> None:
    run.claim("c", packs=5)
    run.claim("rival", packs=5)
    run.cancel("rival")
    run.now_us += 1
    run.refused("d", packs=5)

    assert rules_broken(run) == {Rule.FALSE_SOLD_OUT}


def test_a_refusal_is_right_until_the_holds_deadline_and_false_after_it(run: Any) -> None:
    run.claim("lapses", packs=5)
    run.claim("c", packs=5)
    run.confirm("c")
    run.refused("early", packs=5)
    assert rules_broken(run) == set()

    run.expire("lapses")
    run.refused("late", packs=5)
    assert rules_broken(run) == {Rule.FALSE_SOLD_OUT}


def test_a_refusal_is_right_where_a_lost_answer_had_taken_the_stock(run: Any) -> None:
    taken = run.unanswered("lost", packs=5)
    run.book(taken, run.granted("egg-30", 5))
    run.refused("d", packs=9)

    assert rules_broken(run) == set()


def test_a_refusal_is_right_where_a_late_payment_took_the_stock_again(run: Any) -> None:
    run.claim("late", packs=5)
    run.expire("late")
    run.confirm("late", detail="late")
    run.refused("d", packs=9)

    assert rules_broken(run) == set()


def test_a_partial_claim_is_refused_only_when_not_one_pack_is_left(run: Any) -> None:
    run.claim("c", packs=5)
    run.claim("d", packs=4)
    run.refused("e", packs=5)
    assert rules_broken(run) == set()

    run.refused("f", packs=5, partial=True)
    assert rules_broken(run) == {Rule.FALSE_SOLD_OUT}


def test_a_basket_needs_the_stock_of_all_its_lines_together(run: Any) -> None:
    run.claim("c", packs=5)
    run.claim("d", packs=4)
    both = (Line(sku="egg-30", packs=1), Line(sku="egg-10", packs=1))
    run.refused("e", lines=both)
    assert rules_broken(run) == set()

    run.refused("f", lines=(Line(sku="egg-10", packs=3),))
    assert rules_broken(run) == {Rule.FALSE_SOLD_OUT}


# ------------------------------------------------------------------------------------- the finer points of each rule


def test_a_well_formed_confirm_answered_invalid_is_caught(run: Any) -> None:
    run.claim("c")
    run.ask(Ask.CONFIRM, "c", 422, Answer(outcome="invalid"))

    assert rules_broken(run) == {Rule.FALSE_REFUSAL}


def test_a_confirmed_claim_that_went_on_to_expire_is_missing_even_if_its_order_stayed(run: Any) -> None:
    run.claim("c")
    run.confirm("c")
    run.stands("c", "expired")

    assert {Rule.ACKNOWLEDGED_MISSING, Rule.BOOKS_DISAGREE} <= rules_broken(run)


def test_an_order_whose_claim_is_still_held_is_caught(run: Any) -> None:
    run.claim("c")
    run.confirm("c")
    run.exchanges.pop()
    run.stands("c", "held")

    assert rules_broken(run) == {Rule.BOOKS_DISAGREE}


def test_a_pool_that_the_tally_lacks_is_caught(run: Any) -> None:
    books = run.books

    assert rules_broken(run, replace(books, tally=replace(books.tally, pools=()))) == {Rule.BOOKS_DISAGREE}


def test_stock_may_be_sold_again_the_moment_that_its_hold_is_cancelled(run: Any) -> None:
    for number in range(9):
        run.claim(f"c{number}")
    run.claim("given-up")
    cancelled = run.cancel("given-up")
    run.claim("next", sent_at_us=cancelled.sent_at_us, answered_at_us=cancelled.sent_at_us)

    assert rules_broken(run) == set()


def test_stock_of_lapsed_holds_may_be_sold_again(run: Any) -> None:
    for number in range(10):
        run.claim(f"c{number}")
    for number in range(10):
        run.expire(f"c{number}")
    for number in range(10):
        run.claim(f"d{number}")

    assert rules_broken(run) == set()


def test_late_payments_that_got_stock_that_was_sold_again_are_caught(run: Any) -> None:
    run.claim("late", packs=5)
    run.expire("late")
    for number in range(6):
        run.claim(f"c{number}")
        run.confirm(f"c{number}")
    run.confirm("late", detail="late")

    assert Rule.SOLD_ABOVE_STOCK in rules_broken(run, retallied(run, sold=300, oversold=0))


def test_presold_packs_take_nothing_from_the_pool(run: Any) -> None:
    for number in range(10):
        run.claim(f"c{number}")
    first = run.granted("egg-30", 1)
    answer = replace(first, outcome="presold", lines=(replace(first.lines[0], outcome="presold"),))
    presold = run.ask(Ask.CLAIM, "p", 201, answer, lines=(Line(sku="egg-30", packs=1),))
    run.book(presold, answer, status="cancelled")
    run.ask(Ask.CANCEL, "p", 200, Answer(outcome="cancelled"))

    assert rules_broken(run) == set()


@pytest.mark.parametrize(
    ("ask", "status"), [(Ask.CANCEL, "cancelled"), (Ask.CONFIRM, "confirmed"), (Ask.CONFIRM, "held")]
)
def test_an_unanswered_ending_may_have_been_carried_out_or_not(run: Any, ask: Ask, status: str) -> None:
    run.claim("c")
    if status == "confirmed":
        run.confirm("c")
        run.exchanges.pop()
    run.ask(ask, "c", 0, None)
    run.stands("c", status)

    assert rules_broken(run) == set()


def test_a_conflict_may_be_with_a_rival_whose_answer_was_lost(run: Any) -> None:
    taken = run.unanswered("c", packs=1)
    run.book(taken, run.granted("egg-30", 1))
    run.refused("c", packs=2, outcome="conflict")

    assert rules_broken(run) == set()


def test_a_conflict_with_a_rival_that_came_later_is_caught(run: Any) -> None:
    run.refused("c", packs=2, outcome="conflict")
    run.claim("c")

    assert rules_broken(run) == {Rule.FALSE_REFUSAL}


def test_an_order_confirmed_in_time_and_then_called_late_is_caught(run: Any) -> None:
    run.claim("c")
    confirmed = run.confirm("c")
    run.ask(Ask.CONFIRM, "c", 200, replace(confirmed.answer, detail="late"))

    assert rules_broken(run) == {Rule.TWO_OUTCOMES}
