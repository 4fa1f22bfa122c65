from __future__ import annotations

import asyncio
import random

import pytest

from ingest.demo.doors import fill_in_now
from ingest.demo.progress import Progress, begin
from ingest.demo.records import (
    AnyRecord,
    BridgeRecord,
    DeskOrder,
    HookRecord,
    HostRecord,
    PaymentRecord,
    RecordingError,
    decode_lines,
    encode_lines,
)
from ingest.demo.replay import DoorClosedError, DoorError, Replay, segments


def bridge(at_ms: int, *, barrier: bool = False) -> BridgeRecord:
    return BridgeRecord(at_ms=at_ms, door="bridge", body=str(at_ms), barrier=barrier)


def hook(at_ms: int, *, barrier: bool = False) -> HookRecord:
    return HookRecord(at_ms=at_ms, door="hook:doudian", headers={}, body=str(at_ms), barrier=barrier)


class SlowDoors:
    """Acknowledges after a random number of turns of the loop, and remembers what was under way together."""

    def __init__(self) -> None:
        self.sent: list[AnyRecord] = []
        self.under_way: set[int] = set()
        self.together: list[set[int]] = []
        self.fail_at: dict[int, DoorError] = {}
        self.on_send = lambda record: None
        self._rng = random.Random(1)

    async def send(self, record: AnyRecord) -> None:
        self.under_way.add(record.at_ms)
        self.together.append(set(self.under_way))
        self.on_send(record)
        try:
            for _ in range(self._rng.randrange(20)):
                await asyncio.sleep(0)
            if record.at_ms in self.fail_at:
                raise self.fail_at[record.at_ms]
            self.sent.append(record)
        finally:
            self.under_way.discard(record.at_ms)


def replay_of(
    records: list[AnyRecord], doors: SlowDoors, progress: Progress | None = None
) -> tuple[Replay, list[Progress]]:
    saved: list[Progress] = []
    fresh = Progress(run=1, sale_id="s", recording_sha256="x")
    return Replay(records, doors, speed=0, progress=progress or fresh, save=saved.append), saved


RECORDS: list[AnyRecord] = [
    DeskOrder(
        at_ms=0, door="desk", platform="douyin", order_id="1", buyer_id="b", amount_minor=1, lines=(("egg-10", 1),)
    ),
    *(maker(n, barrier=n % 100 == 10) for n in range(10, 400, 10) for maker in (bridge,)),
    *(hook(n) for n in range(301, 330)),
]


async def test_nothing_overtakes_a_barrier() -> None:
    doors = SlowDoors()
    records = [hook(n, barrier=n in (30, 60)) for n in range(90)]
    replay, _ = replay_of(records, doors)
    await replay.run()
    for group in doors.together:
        assert len({n // 30 for n in group}) == 1


async def test_hooks_are_sent_side_by_side_and_the_bridge_one_by_one() -> None:
    doors = SlowDoors()
    replay, _ = replay_of([*(bridge(n) for n in range(20)), *(hook(n) for n in range(100, 140))], doors)
    await replay.run()
    assert max(len({n for n in group if n >= 100}) for group in doors.together) == 8
    assert max(len({n for n in group if n < 100}) for group in doors.together) == 1
    assert [r.at_ms for r in doors.sent if r.door == "bridge"] == list(range(20))


async def test_a_whole_replay_sends_all_but_desk_orders_and_is_finished() -> None:
    doors = SlowDoors()
    replay, saved = replay_of(RECORDS, doors)
    end = await replay.run()
    assert end.finished
    assert saved[-1] == end
    assert sorted(r.at_ms for r in doors.sent) == sorted(r.at_ms for r in RECORDS[1:])


@pytest.mark.parametrize("stop_at_ms", [10, 150, 200, 310, 380])
async def test_a_stopped_replay_carries_on_and_sends_nothing_acknowledged_again(stop_at_ms: int) -> None:
    doors = SlowDoors()
    first, saved = replay_of(RECORDS, doors)
    doors.on_send = lambda record: first.stop() if record.at_ms == stop_at_ms else None
    stopped = await first.run()
    assert not stopped.finished
    assert saved[-1] == stopped
    second, _ = replay_of(RECORDS, doors, progress=stopped)
    assert second.state.sent == first.state.sent
    end = await second.run()
    assert end.finished
    assert sorted(r.at_ms for r in doors.sent) == sorted(r.at_ms for r in RECORDS[1:])


async def test_a_record_refused_for_good_is_a_problem_and_the_rest_goes_on() -> None:
    doors = SlowDoors()
    doors.fail_at[50] = DoorError("no")
    replay, _ = replay_of(RECORDS, doors)
    end = await replay.run()
    assert end.finished
    assert replay.state.problems == ["no"]


async def test_a_closed_door_stops_the_replay_and_its_record_is_sent_again_later() -> None:
    doors = SlowDoors()
    doors.fail_at[50] = DoorClosedError("disk full")
    first, _ = replay_of(RECORDS, doors)
    stopped = await first.run()
    assert not stopped.finished
    assert first.state.problems == ["disk full"]
    doors.fail_at.clear()
    second, _ = replay_of(RECORDS, doors, progress=stopped)
    assert (await second.run()).finished
    assert 50 in {r.at_ms for r in doors.sent}


def test_segments_cover_the_recording_and_begin_at_barriers() -> None:
    records = [hook(n, barrier=n in (0, 4, 7)) for n in range(10)]
    assert segments(records) == [(0, 4), (4, 7), (7, 10)]
    assert segments(records, 4) == [(4, 7), (7, 10)]


def test_an_unfinished_evening_is_carried_on_and_a_finished_one_is_followed_by_another() -> None:
    first = begin(None, "sha", "tonggu")
    assert (first.sale_id, first.run) == ("tonggu", 1)
    assert begin(first, "sha", "tonggu") is first
    finished = Progress(run=1, sale_id="tonggu", recording_sha256="sha", finished=True)
    assert begin(finished, "sha", "tonggu").sale_id == "tonggu-2"
    assert begin(first, "another recording", "tonggu").sale_id == "tonggu-2"


def test_now_is_filled_in_where_a_body_asks_for_it() -> None:
    assert fill_in_now({"a": "$now", "b": "$now+5", "c": "now", "d": 1}, 100) == {
        "a": 100,
        "b": 105,
        "c": "now",
        "d": 1,
    }


def test_records_survive_being_written_and_read() -> None:
    records = [
        *RECORDS,
        PaymentRecord(at_ms=1, door="payment", claim_id="weibo:1", action="confirm", barrier=True),
        HostRecord(at_ms=2, door="host", method="PUT", path="/featured", body={"sku": "egg-10"}),
    ]
    assert decode_lines([line.rstrip() for line in encode_lines(records)]) == records


@pytest.mark.parametrize("line", [b"{", b"[]", b'{"at_ms":1,"door":"window"}', b'{"at_ms":1,"door":"payment"}'])
def test_a_line_that_is_no_record_is_named(line: bytes) -> None:
    with pytest.raises(RecordingError, match="line 1"):
        decode_lines([line])
