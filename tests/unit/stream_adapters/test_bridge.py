"""The bridge reads what an integrator may send, and says what is wrong with each event that it rejects."""

import contextlib
import json
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stream_adapters.bounds import check_event
from stream_adapters.bridge import EVENTS_MAX, BridgeEvent, decode_bridge_message
from stream_adapters.contract import BODY_BYTES_MAX, FrameError
from stream_adapters.domain import EventKind, LiveEvent, OrderLine, OrderStatus, PlatformOrder, User

NOW_MS = 1_763_750_000_000


def comment(**changed: Any) -> dict[str, Any]:
    event = {
        "kind": "comment",
        "platform": "weibo",
        "room_id": "w1",
        "event_id": "c1",
        "occurred_at_ms": NOW_MS - 3,
        "user": {"user_id": "u1", "nickname": "小雨"},
        "text": "鸡蛋2盒",
    }
    return {key: value for key, value in {**event, **changed}.items() if value is not ...}


def order(**changed: Any) -> dict[str, Any]:
    lines = [{"sku": "egg-30", "packs": 2}]
    inner = {"order_id": "o1", "status": "paid", "lines": lines, "amount_minor": 7_960, **changed}
    return comment(kind="order", order=inner, user=None)


def problem_of(event: object) -> str:
    batch = decode_bridge_message(json.dumps([event]), NOW_MS)
    assert batch.events == ()
    ((index, problem),) = batch.rejected
    assert index == 0
    return problem


def test_events_are_read_and_stamped_with_our_own_clock() -> None:
    batch = decode_bridge_message(json.dumps([comment(received_at_ms=1, frame_hash="x")]), NOW_MS)
    (event,) = batch.events
    assert event == LiveEvent(
        kind=EventKind.COMMENT,
        platform="weibo",
        room_id="w1",
        event_id="c1",
        occurred_at_ms=NOW_MS - 3,
        received_at_ms=NOW_MS,
        user=User(user_id="u1", nickname="小雨"),
        text="鸡蛋2盒",
        frame_hash=event.frame_hash,
    )
    assert len(event.frame_hash) == 64


def test_order_carries_its_lines_and_amount() -> None:
    (event,) = decode_bridge_message(json.dumps([order()]), NOW_MS).events
    assert event.order == PlatformOrder(
        order_id="o1", status=OrderStatus.PAID, lines=(OrderLine(sku="egg-30", packs=2),), amount_minor=7_960
    )


def test_what_an_adapter_hands_on_can_be_sent_over_the_bridge_again() -> None:
    batch = decode_bridge_message(json.dumps([comment(), order()]), NOW_MS)
    resent = decode_bridge_message(msgspec.json.encode(batch.events), NOW_MS)
    forgotten = [msgspec.structs.replace(event, frame_hash="") for event in resent.events]
    assert forgotten == [msgspec.structs.replace(event, frame_hash="") for event in batch.events]


def test_bad_event_is_rejected_alone() -> None:
    batch = decode_bridge_message(json.dumps([comment(), 7, comment(event_id="c2"), {}]), NOW_MS)
    assert [event.event_id for event in batch.events] == ["c1", "c2"]
    assert [index for index, _ in batch.rejected] == [1, 3]


def test_envelope_names_its_batch() -> None:
    batch = decode_bridge_message(json.dumps({"batch_id": "b1", "events": [comment()]}).encode(), NOW_MS)
    assert (batch.batch_id, len(batch.events)) == ("b1", 1)
    assert decode_bridge_message("[]", NOW_MS).batch_id is None


@pytest.mark.parametrize(
    ("event", "named"),
    [
        (comment(kind="shout"), "kind"),
        (comment(platform="Weibo"), "platform"),
        (comment(platform=""), "platform"),
        (comment(platform="x" * 33), "platform"),
        (comment(platform="weibo\n"), "platform"),
        (comment(event_id=""), "event_id"),
        (comment(event_id=12), "event_id"),
        (comment(event_id="a\x00"), "event_id"),
        (comment(event_id="蛋" * 42), "event_id"),
        (comment(event_id="x" * 123), "event_id"),
        (comment(room_id="\x07"), "room_id"),
        (comment(room_id=...), "room_id"),
        (comment(occurred_at_ms=NOW_MS // 1_000), "occurred_at_ms"),
        (comment(occurred_at_ms=1.5), "occurred_at_ms"),
        (comment(user=None), "user"),
        (comment(user={"user_id": ""}), "user_id"),
        (comment(user={"user_id": "u", "nickname": "n" * 1_025}), "nickname"),
        (comment(text="x" * 8_193), "text"),
        (comment(count=-1), "count"),
        (comment(value_minor=-1), "value_minor"),
        (comment(order={"order_id": "o", "status": "paid"}), "order"),
        (comment(kind="order"), "order"),
        (comment(gap_until_ms=5), "gap_until_ms"),
        (order(lines=[{"sku": "egg-30", "packs": 0}]), "packs"),
        (order(lines=[{"sku": "", "packs": 1}]), "sku"),
        (order(lines=[{"sku": "egg-30", "packs": 1}] * 33), "lines"),
        (order(status="gone"), "status"),
        (order(amount_minor=-1), "amount_minor"),
        (order(order_id="o" * 117), "order_id"),
    ],
)
def test_rejection_names_the_field_in_chinese_and_english(event: dict[str, Any], named: str) -> None:
    problem = problem_of(event)
    assert named in problem
    assert any("\u4e00" <= letter <= "\u9fff" for letter in problem)


def test_longest_ids_that_fit_downstream_are_taken() -> None:
    event = {**order(order_id="o" * 116), "event_id": "x" * 122}
    assert decode_bridge_message(json.dumps([event]), NOW_MS).rejected == ()


@pytest.mark.parametrize(
    "message",
    [
        "",
        "{}",
        "null",
        '"text"',
        "[",
        "[" * 100_000,
        b"\xff\xfe[",
        '{"batch_id":"","events":[]}',
        '{"batch_id":"a\\u0000","events":[]}',
        '{"batch_id":7,"events":[]}',
        '{"batch_id":"b"}',
        "\udcff",
        json.dumps([0] * (EVENTS_MAX + 1)),
        " " * BODY_BYTES_MAX + "[]",
    ],
)
def test_message_that_cannot_be_taken_as_a_whole_is_refused(message: str | bytes) -> None:
    with pytest.raises(FrameError):
        decode_bridge_message(message, NOW_MS)


def test_as_many_events_as_allowed_are_taken() -> None:
    events = [comment(event_id=str(number)) for number in range(EVENTS_MAX)]
    assert len(decode_bridge_message(json.dumps(events), NOW_MS).events) == EVENTS_MAX


def test_bridge_event_has_every_field_of_a_live_event_but_ours() -> None:
    assert set(BridgeEvent.__struct_fields__) == set(LiveEvent.__struct_fields__) - {"received_at_ms", "frame_hash"}


@settings(max_examples=150, deadline=None)
@given(st.text() | st.binary())
def test_noise_only_ever_raises_frame_errors(message: str | bytes) -> None:
    with contextlib.suppress(FrameError):
        decode_bridge_message(message, NOW_MS)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=200, deadline=None)
@given(field=st.sampled_from(sorted(BridgeEvent.__struct_fields__)), value=json_values)
def test_any_value_in_any_field_is_taken_soundly_or_rejected(field: str, value: object) -> None:
    batch = decode_bridge_message(json.dumps([comment(**{field: value})]), NOW_MS)
    assert len(batch.events) + len(batch.rejected) == 1
    for event in batch.events:
        check_event(event)
