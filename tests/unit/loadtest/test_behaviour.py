"""How buyers behave, how a run goes over time, what its answers are read as, and how a verdict is worded."""

from __future__ import annotations

from collections import Counter
from itertools import islice
from typing import Any

import pytest

from loadtest.domain import Ask, Rule
from loadtest.habits import SHARES, Habit, Visit, other_content, visits
from loadtest.phases import phase_at, phases
from loadtest.recorder import Recorder, now_us, read_answer
from loadtest.stock import Level, Span
from loadtest.verifier import judge
from loadtest.wording import RULE_WORDS, in_words


def some_visits(run: Any, buyer_no: int = 1, seed: int = 1, count: int = 2_000) -> list[Visit]:
    return list(islice(visits(run.plan, "r", buyer_no, seed), count))


def test_the_same_seed_makes_the_same_visits_and_another_seed_others(run: Any) -> None:
    assert some_visits(run) == some_visits(run)
    assert some_visits(run) != some_visits(run, seed=2)


def test_claim_ids_never_repeat_between_buyers(run: Any) -> None:
    ids = [visit.claim_id for buyer_no in (1, 11, 2) for visit in some_visits(run, buyer_no=buyer_no)]

    assert len(set(ids)) == len(ids)


def test_every_habit_basket_and_partial_claim_occurs(run: Any) -> None:
    made = some_visits(run)

    assert {visit.habit for visit in made} == set(Habit)
    assert {len(visit.lines) for visit in made} == {1, 2}
    assert {visit.partial for visit in made} == {True, False}
    assert max(Counter(visit.buyer_id for visit in made).values()) > 1


def test_shares_are_out_of_a_hundred() -> None:
    assert sum(SHARES.values()) == 100


def test_changed_content_differs_from_the_visits_own(run: Any) -> None:
    assert all(other_content(visit) != visit.lines for visit in some_visits(run, count=50))


def test_a_run_is_quiet_then_bursts_then_tails_off_and_ends() -> None:
    course = phases(20, 60)

    at = {elapsed_s: phase_at(course, elapsed_s) for elapsed_s in (0.0, 2.9, 3.1, 14.9, 15.1, 19.9)}
    assert [phase.name for phase in at.values() if phase] == ["quiet", "quiet", "burst", "burst", "tail", "tail"]
    assert [phase.buyers_len for phase in course] == [6, 60, 15]
    assert phase_at(course, 20.0) is None


def test_even_the_smallest_run_has_a_buyer_in_every_phase() -> None:
    assert {phase.buyers_len for phase in phases(1, 1)} == {1}


def test_a_recorder_gives_out_no_more_claims_than_it_may(run: Any) -> None:
    recorder = Recorder(run.plan, claims_max=2, watchers_len=0)

    assert [recorder.take_claim() for _ in range(4)] == [True, True, False, False]
    assert recorder.is_spent


def test_an_exchange_without_a_status_has_no_answer(run: Any) -> None:
    recorder = Recorder(run.plan, claims_max=2, watchers_len=0)
    visit = some_visits(run, count=1)[0]

    lost = recorder.exchange(Ask.CLAIM, visit, now_us(), 0, b'{"outcome":"reserved"}')
    confirmed = recorder.exchange(Ask.CONFIRM, visit, now_us(), 200, b'{"outcome":"confirmed","new":1}')

    assert (lost.answer, lost.lines) == (None, visit.lines)
    assert (confirmed.outcome, confirmed.lines) == ("confirmed", ())
    assert recorder.history.exchanges == (lost, confirmed)


@pytest.mark.parametrize(
    "body", [b"", b"<html>", b"[]", b'{"type":"/problems/internal"}', b'{"outcome":null}', b"\xff"]
)
def test_an_answer_that_names_no_outcome_leaves_it_unknown(body: bytes) -> None:
    assert read_answer(body) is None


def test_a_level_counts_a_meeting_take_and_release_both_ways() -> None:
    spans = [Span("p", 5, 0, 10), Span("p", 5, 10, 20)]

    assert Level(spans, releases_first=True).highest == 5
    assert Level(spans, releases_first=False).highest == 10


@pytest.mark.parametrize(
    ("from_us", "until_us", "most"),
    [(0, 4, 0), (0, 5, 3), (6, 7, 3), (12, 14, 7), (15, 16, 7), (21, 22, 4), (31, 99, 0)],
)
def test_a_level_knows_its_most_in_any_interval(from_us: int, until_us: int, most: int) -> None:
    level = Level([Span("p", 3, 5, 20), Span("p", 4, 10, 30)], releases_first=False)

    assert level.highest_between(from_us, until_us) == most


def test_a_verdict_says_in_both_languages_what_was_broken(run: Any) -> None:
    for number in range(11):
        run.claim(f"c{number}")

    words = in_words(judge(run.history, run.books))

    assert "卖超" in words
    assert "sold above stock" in words
    assert words.splitlines()[-1].endswith("FAILED: 2 处违规 violations")


def test_a_passed_run_says_so_on_its_last_line(run: Any) -> None:
    run.claim("c")

    assert "PASSED" in in_words(judge(run.history, run.books)).splitlines()[-1]


def test_every_rule_has_words() -> None:
    assert RULE_WORDS.keys() == set(Rule)
