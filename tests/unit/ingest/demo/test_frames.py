"""The platforms' frames against published vectors, and against the real adapters, which were written apart from them."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from ingest.demo import frames, tmc_frames
from ingest.demo.connections import CONNECTION_IDS, adapter_settings
from ingest.demo.evening import Evening, make_evening
from ingest.demo.records import BridgeRecord, HookRecord, TmcRecord
from ingest.demo.simulators import data_frame
from inventory.catalogue import read_catalogue
from stream_adapters.contract import AdapterError, PushRequest
from stream_adapters.domain import EventKind, LiveEvent, OrderStatus
from stream_adapters.registry import build

CATALOGUE = Path(__file__).parents[4] / "examples" / "tonggu" / "catalogue.csv"
RECEIVED_AT_MS = 1_700_000_000_000


@pytest.fixture(scope="module")
def evening() -> Evening:
    return make_evening(2020, read_catalogue(CATALOGUE.read_bytes(), CATALOGUE.name))


@pytest.fixture(scope="module")
def read_events(evening: Evening) -> list[LiveEvent]:
    """Every event that the adapters read out of the evening, duplicates left out."""
    adapters = {name: build(name, adapter_settings(name, tmc_url="ws://127.0.0.1/")) for name in CONNECTION_IDS}
    bridge = build("bridge", {})
    events: dict[tuple[str, str], LiveEvent] = {}
    for record in evening.records:
        found: tuple[LiveEvent, ...] = ()
        if isinstance(record, HookRecord) and record.expected == 200:
            request = PushRequest(record.headers, record.body.encode(), RECEIVED_AT_MS)
            receipt = adapters[record.door.partition(":")[2]].receive(request)
            assert (receipt.reply.status, receipt.skipped) == (200, 0)
            found = receipt.events
        elif isinstance(record, BridgeRecord):
            found = bridge.decode(record.body, RECEIVED_AT_MS).events
        for event in found:
            events.setdefault((event.platform, event.event_id), event)
    return list(events.values())


def test_douyin_signs_as_its_official_sample(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(frames.DEMO_DOUYIN_LIVE_SECRETS, "live_gift", "123abc")
    monkeypatch.setattr(frames, "compact", lambda _: "abc123你好")
    frame = frames.douyin_live("live_gift", [], room_id="268", sent_at_ms=456789, nonce="123456")
    assert frame.headers["x-signature"] == "PDcKhdlsrKEJif6uMKD2dw=="


def test_kwaishop_encrypts_its_heartbeat_as_documented() -> None:
    assert frames.encrypt_kwaishop('{"test":true}', "AAECAwQFBgcICQoLDA0ODw==") == "vftmsTE4kncTlrYRCUwCMg=="


def test_tmc_signs_and_frames_as_documented() -> None:
    sign = tmc_frames.connect_sign("sec", app_key="1023", group_name="default", timestamp="1700000000000")
    assert sign == "05BAB5EBE1C0957854C40CDB8D65A102"
    confirm = "0202050005000000746f6b2d310100060000005f5f6b696e6402020100020000006964050cd8b14a1a6cbd390000"
    custom = {"__kind": tmc_frames.Int8(tmc_frames.KIND_CONFIRM), "id": 4160600490938325004}
    assert tmc_frames.encode(tmc_frames.SEND, custom, token="tok-1").hex() == confirm
    assert tmc_frames.decode(bytes.fromhex(confirm)).custom == {"__kind": 2, "id": 4160600490938325004}


@pytest.mark.parametrize("cut", range(1, 46))
def test_a_tmc_frame_cut_short_is_no_frame(cut: int) -> None:
    whole = tmc_frames.encode(tmc_frames.SEND, {"__kind": tmc_frames.Int8(2), "id": 1}, token="t")
    with pytest.raises(tmc_frames.TmcFrameError):
        tmc_frames.decode(whole[: min(cut, len(whole) - 1)])


def test_every_comment_of_the_evening_is_read_with_its_text(evening: Evening, read_events: list[LiveEvent]) -> None:
    said = Counter((comment.person.platform, comment.text) for comment in evening.comments)
    read = Counter((event.platform, event.text) for event in read_events if event.kind is EventKind.COMMENT)
    assert read == said


def test_the_likes_of_the_evening_add_up(read_events: list[LiveEvent]) -> None:
    assert sum(event.count for event in read_events if event.kind is EventKind.LIKE) == 1_900_000


def test_every_push_of_an_order_is_read_with_its_status(evening: Evening, read_events: list[LiveEvent]) -> None:
    told = {
        (order.platform, order.order_id, OrderStatus(step.status))
        for order in evening.orders
        if order.platform != "taobao"
        for step in order.steps
    }
    read = {
        (event.platform, event.order.order_id, event.order.status) for event in read_events if event.order is not None
    }
    assert read == told


def test_taobao_messages_are_read_with_their_status_and_full_amount(evening: Evening) -> None:
    from stream_adapters.tmc.codec import decode_frame
    from stream_adapters.tmc.domain import read_message, translate

    orders = {order.order_id: order for order in evening.orders if order.platform == "taobao"}
    told = {(order.order_id, step.status) for order in orders.values() for step in order.steps}
    read = set()
    for record in evening.records:
        if isinstance(record, TmcRecord):
            message = read_message(decode_frame(data_frame(record, retried=0)))
            assert message is not None
            event = translate(message, RECEIVED_AT_MS)
            assert event is not None
            assert event.order is not None
            assert event.order.amount_minor in (None, orders[event.order.order_id].amount_minor)
            read.add((event.order.order_id, event.order.status.value))
    assert read == told


def test_spoilt_frames_are_refused(evening: Evening) -> None:
    spoilt = [record for record in evening.records if isinstance(record, HookRecord) and record.expected != 200]
    assert sorted(record.expected for record in spoilt) == [400, 401]
    for record in spoilt:
        name = record.door.partition(":")[2]
        adapter = build(name, adapter_settings(name, tmc_url="ws://127.0.0.1/"))
        with pytest.raises(AdapterError):
            adapter.receive(PushRequest(record.headers, record.body.encode(), RECEIVED_AT_MS))


def test_one_bridge_item_is_no_event_and_the_other_stands(evening: Evening) -> None:
    (mixed,) = (
        r for r in evening.records if isinstance(r, BridgeRecord) and json.loads(r.body)["batch_id"] == "b-mixed"
    )
    batch = build("bridge", {}).decode(mixed.body, RECEIVED_AT_MS)
    assert (len(batch.events), [index for index, _ in batch.rejected]) == (1, [0])
