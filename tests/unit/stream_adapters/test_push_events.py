"""What each platform's message means, and the signatures against published and computed vectors."""

import base64
import hashlib
import json
from typing import Any

import pytest

from stream_adapters.contract import PushRequest, SignatureError
from stream_adapters.domain import EventKind, LiveEvent, OrderStatus, PlatformOrder, User
from stream_adapters.doudian import Doudian, DoudianSettings
from stream_adapters.douyin_live import DouyinLive, DouyinLiveSettings
from stream_adapters.kuaishou_live import KuaishouLive, KuaishouLiveSettings
from stream_adapters.kwaishop import Kwaishop, KwaishopSettings

NOW_MS = 1_763_750_000_000


def douyin_request(body: bytes, secret: str, signature: str | None = None, **named: str) -> PushRequest:
    headers = {"x-nonce-str": "n", "x-timestamp": "1700000000000", "x-roomid": "1", "x-msg-type": "live_comment"}
    headers |= {name.replace("_", "-"): value for name, value in named.items()}
    joined = "&".join(f"{name}={headers[name]}" for name in sorted(headers)).encode()
    computed = base64.b64encode(hashlib.md5(joined + body + secret.encode()).digest()).decode()
    return PushRequest({**headers, "x-signature": signature or computed}, body, NOW_MS)


def receive_douyin(msg_type: str, *elements: dict[str, Any]) -> tuple[LiveEvent, ...]:
    adapter = DouyinLive(DouyinLiveSettings(secrets={msg_type: "s"}))
    return adapter.receive(douyin_request(json.dumps(elements).encode(), "s", x_msg_type=msg_type)).events


def receive_doudian(body: Any) -> tuple[LiveEvent, ...]:
    raw = json.dumps(body).encode()
    sign = hashlib.md5(b"key" + raw + b"secret").hexdigest()
    adapter = Doudian(DoudianSettings(app_key="key", app_secret="secret"))
    return adapter.receive(PushRequest({"app-id": "key", "event-sign": sign}, raw, NOW_MS)).events


def receive_kuaishou(body: Any) -> tuple[LiveEvent, ...]:
    raw = json.dumps(body).encode()
    adapter = KuaishouLive(KuaishouLiveSettings(app_secret="secret"))
    return adapter.receive(PushRequest({"kwaisign": hashlib.md5(raw + b"secret").hexdigest()}, raw, NOW_MS)).events


def kuaishou_body(push_type: str, *payload: dict[str, Any], **data: Any) -> dict[str, Any]:
    inner = {"unique_message_id": "k", "push_type": push_type, "room_code": "r", "author_open_id": "host"}
    return {"event": "LIVE_INTERACTION_DATA", "timestamp": NOW_MS - 9, "data": {**inner, **data, "payload": payload}}


def test_the_platforms_own_douyin_sample_is_accepted_as_authentic() -> None:
    request = douyin_request(
        "abc123你好".encode(),
        "123abc",
        "PDcKhdlsrKEJif6uMKD2dw==",
        x_nonce_str="123456",
        x_timestamp="456789",
        x_roomid="268",
        x_msg_type="live_gift",
    )
    adapter = DouyinLive(DouyinLiveSettings(secrets={"live_gift": "123abc"}))
    assert adapter.authenticate(request) == request.body


def test_douyin_comment_of_the_vector_is_read_whole() -> None:
    body = b'[{"msg_id":"1","sec_openid":"o","content":"A1","avatar_url":"","nickname":"a","timestamp":1700000000000}]'
    adapter = DouyinLive(DouyinLiveSettings(secrets={"live_comment": "s"}))
    (event,) = adapter.receive(douyin_request(body, "s", "agE3RkFzJGG3+1XjN1cTRw==")).events
    assert event == LiveEvent(
        kind=EventKind.COMMENT,
        platform="douyin",
        room_id="1",
        event_id="1",
        occurred_at_ms=1_700_000_000_000,
        received_at_ms=NOW_MS,
        user=User(user_id="o", nickname="a"),
        text="A1",
        frame_hash=hashlib.sha256(body).hexdigest(),
    )


def test_douyin_message_type_without_its_own_secret_is_refused() -> None:
    adapter = DouyinLive(DouyinLiveSettings(secrets={"live_comment": "s"}))
    with pytest.raises(SignatureError, match="live_gift"):
        adapter.receive(douyin_request(b"[]", "s", x_msg_type="live_gift"))


def test_douyin_likes_keep_their_merged_count() -> None:
    (event,) = receive_douyin("live_like", {"msg_id": "l", "sec_openid": "o", "like_num": 37, "timestamp": NOW_MS})
    assert (event.kind, event.count, event.text) == (EventKind.LIKE, 37, "")


def test_douyin_gift_value_is_the_total_in_fen() -> None:
    gift = {"msg_id": "g", "sec_open_id": "o", "gift_num": 3, "gift_value": 300, "timestamp": NOW_MS}
    (event,) = receive_douyin("live_gift", gift)
    assert (event.count, event.value_minor, event.user) == (3, 300, User(user_id="o"))


def test_simulated_douyin_gifts_and_fan_club_messages_are_acknowledged_without_events() -> None:
    assert receive_douyin("live_gift", {"msg_id": "g", "gift_num": 1, "gift_value": 9, "test": True}) == ()
    assert receive_douyin("live_fansclub", {"msg_id": "f", "fansclub_reason_type": 2}) == ()


@pytest.mark.parametrize("timestamp", [None, 0, -5, 1_700_000_000, 10**18, "soon"])
def test_impossible_time_becomes_the_time_of_arrival(timestamp: Any) -> None:
    element = {"msg_id": "1", "sec_openid": "o", "content": "x", "timestamp": timestamp}
    assert receive_douyin("live_comment", element)[0].occurred_at_ms == NOW_MS


def test_text_is_kept_as_it_was_sent() -> None:
    text = "２箱\u0000\u200b ok\n😀"
    (event,) = receive_douyin("live_comment", {"msg_id": "1", "sec_openid": "o", "nickname": "\x07", "content": text})
    assert event.text == text
    assert event.user == User(user_id="o", nickname="\x07")


def test_comment_too_long_for_any_platform_is_skipped() -> None:
    assert receive_douyin("live_comment", {"msg_id": "1", "sec_openid": "o", "content": "蛋" * 2_731}) == ()
    assert len(receive_douyin("live_comment", {"msg_id": "1", "sec_openid": "o", "content": "蛋" * 2_730})) == 1


@pytest.mark.parametrize(
    ("tag", "fields", "status", "amount_minor"),
    [
        ("100", {"create_time": 1_763_749_000}, OrderStatus.CREATED, None),
        ("101", {"pay_time": 1_763_749_000, "pay_amount": 3_980}, OrderStatus.PAID, 3_980),
        ("110", {"pay_time": 1_763_749_000, "pay_amount": "3980"}, OrderStatus.PAID, 3_980),
        ("103", {"complete_time": 1_763_749_000}, OrderStatus.COMPLETED, None),
        ("106", {"cancel_time": 1_763_749_000}, OrderStatus.CANCELLED, None),
        ("206", {"success_time": 1_763_749_000, "refund_amount": 1_990}, OrderStatus.REFUNDED, 1_990),
    ],
)
def test_doudian_tags_say_what_became_of_the_order(
    tag: str, fields: dict[str, Any], status: OrderStatus, amount_minor: int | None
) -> None:
    data = {"p_id": 4_781_230_912_345_678_901, "shop_id": 12, **fields}
    official = receive_doudian([{"tag": tag, "msg_id": "m", "data": json.dumps(data)}])
    assert [event.order for event in official] == [
        PlatformOrder(order_id="4781230912345678901", status=status, amount_minor=amount_minor)
    ]
    assert [(event.event_id, event.room_id, event.platform) for event in official] == [("order:m", "12", "douyin")]
    assert official[0].occurred_at_ms == 1_763_749_000_000


def test_both_doudian_shapes_mean_the_same() -> None:
    data = {"p_id": 5, "shop_id": 1, "pay_time": 1_763_749_000, "pay_amount": 1}
    official = receive_doudian([{"tag": "101", "msg_id": "9", "data": json.dumps(data)}])
    dotnet = receive_doudian({"tag": 101, "msgId": 9, "data": data})
    assert [event.order for event in official] == [event.order for event in dotnet]
    assert [event.event_id for event in official] == [event.event_id for event in dotnet]


@pytest.mark.parametrize("tag", ["0", 0, "102", "105", "208", "999"])
def test_doudian_url_check_and_other_tags_are_acknowledged_without_events(tag: str | int) -> None:
    assert receive_doudian([{"tag": tag, "msg_id": "m", "data": "{}"}]) == ()
    assert receive_doudian([{"tag": tag, "data": "2020-01-01"}]) == ()


def test_kuaishou_signature_vector_is_accepted() -> None:
    body = b'{"event":"LIVE_INTERACTION_DATA","message_id":"x"}'
    adapter = KuaishouLive(KuaishouLiveSettings(app_secret="secret"))
    request = PushRequest({"kwaisign": "84fd023d48384e997d03f989a42bad6b"}, body, NOW_MS)
    assert adapter.receive(request).events == ()


def test_kuaishou_prices_are_ten_fen_to_the_kuaibi() -> None:
    total = {"giftCount": 3, "giftUnitPrice": 7, "giftTotalPrice": 20}
    assert receive_kuaishou(kuaishou_body("giftSend", total))[0].value_minor == 200
    without_total = {"giftCount": 3, "giftUnitPrice": 7}
    assert receive_kuaishou(kuaishou_body("giftSend", without_total))[0].value_minor == 210


def test_payloads_of_one_kuaishou_message_get_ids_of_their_own() -> None:
    likes = [{"count": 1, "userInfo": {"userId": 5}}, {"count": 2}, {"count": 3}]
    events = receive_kuaishou(kuaishou_body("liveLike", *likes))
    assert [(event.event_id, event.count) for event in events] == [("k", 1), ("k#1", 2), ("k#2", 3)]
    assert [event.user for event in events] == [User(user_id="5"), None, None]


def test_broken_payload_of_a_kuaishou_message_does_not_move_the_ids_of_the_others() -> None:
    events = receive_kuaishou(kuaishou_body("liveLike", {"count": 1}, {"count": "many"}, {"count": 3}))
    assert [event.event_id for event in events] == ["k", "k#2"]


def test_the_host_is_told_from_viewers() -> None:
    payload = {"content": "大家好", "userInfo": {"userId": "host", "userName": "主播"}}
    assert receive_kuaishou(kuaishou_body("liveComment", payload))[0].user == User(
        user_id="host", nickname="主播", is_host=True
    )


def test_kuaishou_load_tests_and_unknown_push_types_hold_no_events() -> None:
    body = kuaishou_body("liveLike", {"count": 1})
    assert receive_kuaishou({**body, "event": "LIVE_INTERACTION_DATA_TEST"}) == ()
    assert receive_kuaishou(kuaishou_body("liveEnter", {"count": 1})) == ()


def test_kwaishop_heartbeat_of_the_vector_is_answered_with_success() -> None:
    adapter = Kwaishop(KwaishopSettings(message_secret="AAECAwQFBgcICQoLDA0ODw=="))
    receipt = adapter.receive(PushRequest({}, b"vftmsTE4kncTlrYRCUwCMg==\n", NOW_MS))
    assert (receipt.events, receipt.skipped, receipt.reply.body) == ((), 0, b'{"result":1}')


def test_kwaishop_refuses_bad_padding_and_bad_json_with_the_same_words() -> None:
    adapter = Kwaishop(KwaishopSettings(message_secret="AAECAwQFBgcICQoLDA0ODw=="))
    told = set()
    for first_byte in range(256):
        body = base64.b64encode(bytes([first_byte]) + bytes(31))
        with pytest.raises(SignatureError) as refused:
            adapter.receive(PushRequest({}, body, NOW_MS))
        told.add(str(refused.value))
    assert len(told) == 1
