"""Watchers' frames: read into figures, judged by themselves and against the books, timed against the claims."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from loadtest.domain import FrameKind, Rule
from loadtest.frames import FrameReader, delays_ms, merged, place
from loadtest.verifier import verify

POOL: dict[str, Any] = {
    "pool_id": "eggs",
    "initial": 300,
    "adjusted": 0,
    "available": 300,
    "held": 0,
    "sold": 0,
    "oversold": 0,
}


def snapshot(rev: str = "1000000-0", **pool: Any) -> str:
    return json.dumps({"type": "snapshot", "rev": rev, "tally": {"name": "x", "pools": {"eggs": {**POOL, **pool}}}})


def delta(since: str, rev: str, **pool: Any) -> str:
    return json.dumps({"type": "delta", "since": since, "rev": rev, "patch": {"pools": {"eggs": pool}}})


def seen(run: Any, *texts: str, connection: str = "watcher-1/1") -> None:
    reader = FrameReader(connection)
    for text in texts:
        run.now_us += 1_000
        run.frames.append(reader.read(text, run.now_us))


def problems(run: Any) -> list[str]:
    found = verify(run.history, run.books)
    assert all(violation.rule is Rule.FRAMES_DISAGREE for violation in found)
    return [violation.en for violation in found]


def test_frames_that_follow_each_other_are_right(run: Any) -> None:
    seen(
        run,
        snapshot(),
        delta("1000000-0", "1000000-1", available=270, held=30),
        json.dumps({"type": "heartbeat", "rev": "1000000-1"}),
        delta("1000000-1", "1000000-2", held=0, sold=30),
    )

    assert problems(run) == []
    assert run.frames[-1].pools[0].sold == 30
    assert run.frames[-1].pools[0].available == 270


@pytest.mark.parametrize(
    ("texts", "words"),
    [
        ((delta("1000000-0", "1000000-1", **POOL),), "the first frame"),
        ((snapshot("1000000-2"), snapshot("1000000-1")), "a step back"),
        ((snapshot("9-0"), snapshot("10-0"), snapshot("9-5")), "a step back"),
        ((snapshot(), delta("1000000-1", "1000000-2")), "a delta from 1000000-1"),
        ((snapshot(available=299),), "does not balance"),
        ((snapshot(available=0, sold=310, oversold=10),), "oversold"),
        (("not json",), "no frame"),
        (('{"type":"snapshot","rev":"1-0"}',), "no frame"),
        (('{"type":"rumour","rev":"1-0"}',), "no frame"),
        (('{"type":"heartbeat","rev":"soon"}',), "no frame"),
        (("[]",), "no frame"),
    ],
)
def test_a_frame_that_could_not_be_true_is_caught(run: Any, texts: tuple[str, ...], words: str) -> None:
    seen(run, *texts)

    (problem,) = problems(run)
    assert words in problem


def test_a_last_frame_unlike_the_tally_at_the_same_rev_is_caught(run: Any) -> None:
    run.claim("c")
    seen(run, snapshot(run.books.tally.rev, available=240, held=60))

    (problem,) = problems(run)
    assert "the last frame" in problem


def test_watchers_that_never_saw_a_frame_are_caught(run: Any) -> None:
    seen(run, snapshot())
    history = msgspec.structs.replace(run.history, watchers_len=2)

    (violation,) = verify(history, run.books)
    assert violation.rule is Rule.FRAMES_DISAGREE
    assert "only 1 of 2" in violation.en


def test_a_delay_runs_from_sending_the_claim_to_the_first_frame_that_shows_it(run: Any) -> None:
    seen(run, snapshot("1000000-0"))
    claim = run.claim("c")
    run.again(claim)
    shown_at_us = run.now_us + 1_000
    seen_before = len(run.frames)
    seen(run, snapshot("1000000-1", available=270, held=30))
    run.frames[seen_before:] = [msgspec.structs.replace(frame, arrived_at_us=shown_at_us) for frame in run.frames[1:]]

    assert delays_ms(run.history) == [(shown_at_us - claim.sent_at_us) / 1_000]


def test_a_connection_that_opened_after_the_claim_measures_nothing(run: Any) -> None:
    run.claim("c")
    seen(run, snapshot("1000000-1", available=270, held=30))

    assert delays_ms(run.history) == []


def test_a_merge_patch_takes_out_nulls_and_leaves_its_target_alone() -> None:
    target = {"a": {"b": 1, "c": 2}, "d": [1]}

    assert merged(target, {"a": {"b": None, "e": 3}, "d": [2], "f": {"g": None}}) == {
        "a": {"c": 2, "e": 3},
        "d": [2],
        "f": {},
    }
    assert target == {"a": {"b": 1, "c": 2}, "d": [1]}


def test_places_sort_by_number_and_not_by_letter() -> None:
    assert place("") < place("9-9") < place("10-0") < place("10-2") < place("10-10")


def test_a_broken_frame_keeps_the_place_of_the_frame_before_it() -> None:
    reader = FrameReader("w/1")
    reader.read(snapshot("5-0"), 1)

    broken = reader.read("{", 2)

    assert (broken.kind, broken.rev) == (FrameKind.BROKEN, "5-0")
