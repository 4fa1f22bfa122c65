"""TMC frames and messages: golden bytes, exact money, and nothing but FrameError from noise."""

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stream_adapters.contract import FrameError
from stream_adapters.domain import EventKind, LiveEvent, OrderStatus, PlatformOrder, User
from stream_adapters.tmc.codec import (
    MessageType,
    TmcFrame,
    decode_frame,
    encode_confirm,
    encode_connect,
    encode_failed,
    encode_pull,
    sign_connect,
)
from stream_adapters.tmc.domain import STEPS, TmcMessage, fen_from_yuan, read_message, translate

NOW_MS = 1_763_750_000_000
CONFIRM_HEX = "0202050005000000746f6b2d310100060000005f5f6b696e6402020100020000006964050cd8b14a1a6cbd390000"
"""The golden frame of the protocol notes: confirm 4160600490938325004 under token tok-1."""


def message(topic: str, content: Any, **changed: Any) -> TmcMessage:
    fields: dict[str, Any] = {
        "message_id": 4_160_600_490_938_325_004,
        "topic": topic,
        "content": content if isinstance(content, str) else json.dumps(content),
        "data_id": "d1",
        "moment": NOW_MS - 60_000,
        "seller_id": "2054718218",
    }
    return TmcMessage(**{**fields, **changed})


def order_of(topic: str, content: Any, **changed: Any) -> PlatformOrder:
    event = translate(message(topic, content, **changed), NOW_MS)
    assert event is not None
    assert event.order is not None
    return event.order


def test_signature_and_confirm_frame_match_the_vectors() -> None:
    assert sign_connect("1023", "sec", "default", 1_700_000_000_000) == "05BAB5EBE1C0957854C40CDB8D65A102"
    assert encode_confirm("tok-1", 4_160_600_490_938_325_004).hex() == CONFIRM_HEX


def test_frames_that_we_send_are_read_back_as_they_were_meant() -> None:
    assert decode_frame(encode_pull("t")) == TmcFrame(version=2, type=MessageType.SEND, token="t", custom={"__kind": 1})
    failed = decode_frame(encode_failed("t", -1, "没有保存"))
    assert (failed.type, failed.custom) == (MessageType.SEND_ACK, {"__kind": 20, "id": -1, "msg": "没有保存"})
    connect = decode_frame(encode_connect("1023", "sec", "default", 1_700_000_000_000))
    assert connect.token is None
    assert connect.custom == {
        "app_key": "1023",
        "group_name": "default",
        "timestamp": "1700000000000",
        "sign": "05BAB5EBE1C0957854C40CDB8D65A102",
        "sdk": "sellthrough",
    }


def test_every_header_and_value_format_is_read() -> None:
    raw = bytes.fromhex(
        "0201"
        "0200" "f4010000"  # status code 500
        "0300" "02000000" "6f6b"  # phrase
        "0400" "07000000"  # flag
        "0500" "00000000"  # empty token
        "0100" "01000000" "61" "00"  # a: void
        "0100" "01000000" "62" "02" "ff"  # b: byte -1
        "0100" "01000000" "63" "03" "0080"  # c: int16
        "0100" "01000000" "64" "04" "ffffff7f"  # d: int32
        "0100" "01000000" "65" "06" "0068e5cf8b010000"  # e: date
        "0100" "01000000" "66" "07" "02000000" "00ff"  # f: bytes
        "0000"
    )  # fmt: skip
    frame = decode_frame(raw)
    assert (frame.type, frame.status_code, frame.status_phrase, frame.flag) == (MessageType.CONNECT_ACK, 500, "ok", 7)
    assert frame.token is None
    assert frame.custom == {"a": None, "b": -1, "c": -32_768, "d": 2**31 - 1, "e": 1_700_000_000_000, "f": b"\x00\xff"}


@pytest.mark.parametrize("length", range(len(CONFIRM_HEX) // 2))
def test_frame_cut_short_anywhere_is_refused(length: int) -> None:
    with pytest.raises(FrameError):
        decode_frame(bytes.fromhex(CONFIRM_HEX)[:length])


@pytest.mark.parametrize(
    "hexed",
    [
        "02090000",  # unknown type
        "02020900",  # unknown header
        "02020100010000006109",  # unknown value format
        "020205ffffffff0000",  # negative length
        "02020100020000000000000500f7ffffff",  # negative length that leads back to a zero header
        "0202050001000000ff0000",  # token that is not UTF-8
        "0202" + "040000000000" * 257 + "0000",  # endless headers
    ],
)
def test_frame_with_unknown_parts_is_refused(hexed: str) -> None:
    with pytest.raises(FrameError):
        decode_frame(bytes.fromhex(hexed))


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=120) | st.binary(max_size=60).map(lambda tail: bytes.fromhex(CONFIRM_HEX)[:20] + tail))
def test_noise_only_ever_raises_frame_errors(raw: bytes) -> None:
    with contextlib.suppress(FrameError):
        read_message(decode_frame(raw))


@settings(max_examples=200, deadline=None)
@given(
    topic=st.sampled_from(sorted(STEPS)), content=st.text(), time=st.none() | st.integers() | st.text() | st.binary()
)
def test_any_content_gives_an_event_or_a_frame_error(topic: str, content: str, time: Any) -> None:
    with contextlib.suppress(FrameError):
        translate(message(topic, content, moment=time), NOW_MS)


def test_message_without_an_id_cannot_be_confirmed_and_is_refused() -> None:
    frame = TmcFrame(version=2, type=MessageType.SEND, custom={"__kind": 3, "id": "text", "topic": "t"})
    with pytest.raises(FrameError):
        read_message(frame)
    assert read_message(TmcFrame(version=2, type=MessageType.SEND, custom={"__kind": 1})) is None


def test_paid_trade_becomes_a_thin_paid_order() -> None:
    content = {
        "tid": 3_201_234_567_890_123_456,
        "oid": 1,
        "payment": "36.50",
        "buyer_open_uid": "AAE",
        "buyer_nick": "x",
    }
    event = translate(message("taobao_trade_TradeBuyerPay", content), NOW_MS)
    assert event is not None
    assert event == LiveEvent(
        kind=EventKind.ORDER,
        platform="taobao",
        room_id="2054718218",
        event_id="order:taobao_trade_TradeBuyerPay:d1",
        occurred_at_ms=NOW_MS - 60_000,
        received_at_ms=NOW_MS,
        user=User(user_id="AAE"),
        order=PlatformOrder(order_id="3201234567890123456", status=OrderStatus.PAID, amount_minor=3_650),
        frame_hash=event.frame_hash,
    )


@pytest.mark.parametrize(
    ("topic", "status"),
    [
        ("taobao_trade_TradeCreate", OrderStatus.CREATED),
        ("taobao_trade_TradeBuyerPay", OrderStatus.PAID),
        ("taobao_trade_TradeClose", OrderStatus.CANCELLED),
        ("taobao_trade_TradeSuccess", OrderStatus.COMPLETED),
        ("taobao_refund_RefundSuccess", OrderStatus.REFUNDED),
        ("taobao_live_TcpOrder", OrderStatus.CREATED),
    ],
)
def test_topics_say_what_became_of_the_order(topic: str, status: OrderStatus) -> None:
    assert order_of(topic, {"tid": "7"}).status is status


def test_refund_says_how_much_was_paid_back() -> None:
    refund = {"tid": 7, "oid": 8, "refund_id": 9, "refund_fee": "12.3"}
    assert order_of("taobao_refund_RefundSuccess", refund).amount_minor == 1_230


def test_live_order_names_the_anchor_as_its_room() -> None:
    event = translate(message("taobao_live_TcpOrder", {"tid": 7, "anchor_open_id": "AAF"}), NOW_MS)
    assert event is not None
    assert event.room_id == "AAF"


@pytest.mark.parametrize("topic", ["taobao_trade_TradeSellerShip", "taobao_item_ItemUpdate", "", "x" * 500])
def test_other_topics_hold_no_events(topic: str) -> None:
    assert translate(message(topic, "not even JSON"), NOW_MS) is None


def test_event_keeps_its_id_when_the_message_comes_again_under_another() -> None:
    def event_id(message_id: int, data_id: str, content: dict[str, Any]) -> str:
        topic = "taobao_refund_RefundSuccess"
        event = translate(message(topic, content, message_id=message_id, data_id=data_id), NOW_MS)
        assert event is not None
        return event.event_id.rsplit(":", 1)[1]

    assert event_id(1, "d", {"tid": 7, "id": 5}) == event_id(2, "d", {"tid": 7, "id": 6}) == "d"
    assert event_id(1, "", {"tid": 7, "id": 5}) == event_id(2, "", {"tid": 7, "id": 5}) == "5"
    assert event_id(1, "", {"tid": 7, "refund_id": 4}) == event_id(2, "", {"tid": 7, "refund_id": 4}) == "4"
    assert event_id(1, "", {"tid": 7, "oid": 3}) == event_id(2, "", {"tid": 7, "oid": 3}) == "3"
    assert event_id(1, "", {"tid": 7}) == "1"


@pytest.mark.parametrize(
    "content", ["", "{}", "[]", '{"tid":null}', '{"tid":"a\\u0000"}', json.dumps({"tid": "7" * 200})]
)
def test_unreadable_content_is_refused_naming_topic_and_message(content: str) -> None:
    with pytest.raises(FrameError, match="taobao_trade_TradeCreate 4160600490938325004"):
        translate(message("taobao_trade_TradeCreate", content), NOW_MS)


@pytest.mark.parametrize(
    ("yuan", "fen"),
    [
        ("36.50", 3_650),
        ("36.5", 3_650),
        ("0.07", 7),
        ("200", 20_000),
        (200, 20_000),
        ("4.350", 435),
        ("99999999999.99", 9_999_999_999_999),
        ("4.351", None),
        ("-1", None),
        ("1e3", None),
        ("١", None),
        ("", None),
        ("1,000", None),
        (0.1, None),
        (None, None),
    ],
)
def test_yuan_become_fen_exactly_or_not_at_all(yuan: Any, fen: int | None) -> None:
    assert fen_from_yuan(yuan) == fen
