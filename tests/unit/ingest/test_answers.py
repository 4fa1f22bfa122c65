from __future__ import annotations

import msgspec
import pytest

from flashsale.domain import OpResult, Outcome
from ingest.answers import answer_change, answer_claim, answer_op, status_of
from ingest.problems import KINDS, SLUG_OF_STATUS, Problem

STATUSES = {
    Outcome.RESERVED: 201,
    Outcome.PARTIAL: 201,
    Outcome.PRESOLD: 201,
    Outcome.WAITLISTED: 201,
    Outcome.RECORDED: 201,
    Outcome.SOLD_OUT: 409,
    Outcome.LIMIT_REACHED: 409,
    Outcome.NOT_ON_SALE: 409,
    Outcome.BLOCKED: 409,
    Outcome.CONFLICT: 409,
    Outcome.EXPIRED: 409,
    Outcome.IGNORED: 409,
    Outcome.FROZEN: 409,
    Outcome.OVERLOADED: 503,
    Outcome.INVALID: 422,
    Outcome.UNKNOWN: 404,
    Outcome.CONFIRMED: 200,
    Outcome.CANCELLED: 200,
    Outcome.EXTENDED: 200,
    Outcome.APPLIED: 200,
}


def test_every_outcome_has_a_status() -> None:
    assert set(STATUSES) == set(Outcome)


@pytest.mark.parametrize("outcome", list(Outcome))
def test_an_outcome_is_answered_with_its_status(outcome: Outcome) -> None:
    result = OpResult(id="c", outcome=outcome)
    assert status_of(result) == STATUSES[outcome]
    assert answer_claim(result).status == answer_op(result).status == STATUSES[outcome]


@pytest.mark.parametrize("outcome", [outcome for outcome, status in STATUSES.items() if status == 201])
def test_what_was_made_before_is_answered_200(outcome: Outcome) -> None:
    assert status_of(OpResult(id="c", outcome=outcome, replayed=True)) == 200


@pytest.mark.parametrize("outcome", list(Outcome))
def test_a_change_succeeds_only_where_it_came_to_what_was_wanted(outcome: Outcome) -> None:
    status = answer_change(OpResult(id="c", outcome=outcome), Outcome.CONFIRMED).status
    expected = {Outcome.CONFIRMED: 200, Outcome.OVERLOADED: 503, Outcome.INVALID: 422, Outcome.UNKNOWN: 404}
    assert status == expected.get(outcome, 409)


def test_shedding_says_when_to_come_back_and_that_nothing_was_changed() -> None:
    answer = answer_claim(OpResult(id="c", outcome=Outcome.OVERLOADED))
    assert int(answer.headers["retry-after"]) > 0
    body = msgspec.json.decode(answer.body)
    assert (body["type"], body["outcome"], body["id"]) == ("/problems/overloaded", "overloaded", "c")
    assert "nothing was changed" in body["detail"]


def test_an_unknown_sale_and_an_unknown_claim_are_different_problems() -> None:
    sale = answer_claim(OpResult(id="c", outcome=Outcome.UNKNOWN, detail="sale"))
    claim = answer_claim(OpResult(id="c", outcome=Outcome.UNKNOWN))
    assert msgspec.json.decode(sale.body)["type"] == "/problems/unknown-sale"
    assert msgspec.json.decode(claim.body)["type"] == "/problems/unknown-claim"


@pytest.mark.parametrize("slug", list(KINDS))
def test_every_problem_says_in_both_languages_what_happened(slug: str) -> None:
    document = Problem(slug).document()
    assert document.status == KINDS[slug].status
    for words in (document.title, document.detail):
        assert any("\u4e00" <= letter <= "\u9fff" for letter in words)
        assert any("a" <= letter <= "z" for letter in words)
        assert words == words.strip()


@pytest.mark.parametrize("slug", [slug for slug, kind in KINDS.items() if kind.status in (429, 503)])
def test_what_passes_by_itself_says_when_to_try_again(slug: str) -> None:
    assert int(Problem(slug).headers()["retry-after"]) > 0


def test_the_framework_s_own_errors_have_a_kind_of_the_same_status() -> None:
    for status, slug in SLUG_OF_STATUS.items():
        assert KINDS[slug].status == (422 if status == 400 else status)
