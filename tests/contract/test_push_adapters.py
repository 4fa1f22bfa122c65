"""What every platform that calls us must hold to, whatever its wire looks like.

Each `Platform` below signs or encrypts as the platform does, written from the protocol and apart from the adapters.
"""

import base64
import hashlib
import json
import string
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import msgspec
import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from hypothesis import given, settings
from hypothesis import strategies as st

from stream_adapters.contract import (
    BODY_BYTES_MAX,
    AdapterError,
    FrameError,
    PushAdapter,
    PushRequest,
    Receipt,
    SignatureError,
)
from stream_adapters.domain import EventKind, LiveEvent, OrderStatus
from stream_adapters.registry import build

NOW_MS = 1_763_750_000_000
MARK = "PRIVATE-MARK"
"""Stands in every nickname, text and secret below; must never show up in an error."""

Message = dict[str, Any]


@dataclass(frozen=True)
class Platform:
    name: str
    settings: Mapping[str, Any]
    sign: Callable[[bytes], PushRequest]
    wrap: Callable[[list[Message]], object]
    """Messages as the platform's body would hold them."""
    messages: list[Message]
    """What the platform sends; one event each."""
    kinds: list[EventKind]
    event_ids: list[str]
    with_id: Callable[[Message, Any], Message]
    many_per_request: bool
    success: bytes
    headers: list[str] = field(default_factory=list)

    def adapter(self) -> PushAdapter:
        return build(self.name, self.settings)

    def body(self, *messages: Message) -> bytes:
        return json.dumps(self.wrap(list(messages)), ensure_ascii=False).encode()

    def request(self, *messages: Message) -> PushRequest:
        return self.sign(self.body(*messages))

    def requests(self, messages: list[Message]) -> list[PushRequest]:
        return [self.request(*messages)] if self.many_per_request else [self.request(message) for message in messages]

    def events(self, messages: list[Message]) -> list[LiveEvent]:
        adapter = self.adapter()
        return [event for request in self.requests(messages) for event in adapter.receive(request).events]


def sign_douyin(body: bytes, msg_type: str = "live_comment") -> PushRequest:
    headers = {"x-nonce-str": "n1", "x-timestamp": str(NOW_MS), "x-roomid": "73120", "x-msg-type": msg_type}
    joined = "&".join(f"{name}={headers[name]}" for name in sorted(headers)).encode()
    digest = hashlib.md5(joined + body + f"{MARK}-{msg_type}".encode()).digest()
    signed = {**headers, "x-signature": base64.b64encode(digest).decode(), "content-type": "application/json"}
    return PushRequest(signed, body, NOW_MS)


def sign_doudian(body: bytes) -> PushRequest:
    sign = hashlib.md5(b"6839" + body + MARK.encode()).hexdigest()
    return PushRequest({"app-id": "6839", "event-sign": sign}, body, NOW_MS)


def sign_kuaishou(body: bytes) -> PushRequest:
    return PushRequest({"kwaisign": hashlib.md5(body + MARK.encode()).hexdigest()}, body, NOW_MS)


KWAISHOP_KEY = hashlib.sha256(MARK.encode()).digest()[:16]


def encrypt_kwaishop(plain: bytes) -> PushRequest:
    pad = 16 - len(plain) % 16
    cipher = Cipher(algorithms.AES(KWAISHOP_KEY), modes.CBC(b"\0" * 16)).encryptor()
    body = base64.b64encode(cipher.update(plain + bytes([pad]) * pad) + cipher.finalize())
    return PushRequest({"content-type": "text/plain;charset=utf-8"}, body, NOW_MS)


def doudian_message(tag: str, msg_id: str, **fields: Any) -> Message:
    data = {"p_id": 4_781_230_912_345_678_901, "s_ids": [4_781_230_912_345_678_901], "shop_id": 1_111_222, **fields}
    return {"tag": tag, "msg_id": msg_id, "data": json.dumps(data)}


def kwaishop_message(event: str, event_id: str, **fields: Any) -> Message:
    info = {"oid": 2_330_700_000_000_912_345, "sellerId": 55, "updateTime": NOW_MS - 5, **fields}
    return {"eventId": event_id, "msgId": "m", "bizId": 1, "userId": 55, "event": event, "info": json.dumps(info)}


def kuaishou_envelope(messages: list[Message]) -> object:
    return {
        "message_id": "changes",
        "event": "LIVE_INTERACTION_DATA",
        "app_id": "ks1",
        "timestamp": NOW_MS,
        "data": messages[0],
    }


def kuaishou_data(push_type: str, unique_id: str, **payload: Any) -> Message:
    user = {"userId": "ks-1", "userName": MARK, "headUrl": ""}
    return {
        "unique_message_id": unique_id,
        "push_type": push_type,
        "author_open_id": "host",
        "room_code": "r9",
        "live_timestamp": NOW_MS - 7,
        "payload": [{"userInfo": user, **payload}],
    }


def set_field(name: str) -> Callable[[Message, Any], Message]:
    return lambda message, value: {**message, name: value}


PLATFORMS = [
    Platform(
        name="douyin_live",
        settings={"secrets": {"live_comment": f"{MARK}-live_comment", "live_like": f"{MARK}-live_like"}},
        sign=sign_douyin,
        wrap=lambda messages: messages,
        messages=[
            {
                "msg_id": f"731200{n}",
                "sec_openid": f"u{n}",
                "content": f"{MARK} 要{n}盒🥚",
                "avatar_url": "",
                "nickname": MARK,
                "timestamp": NOW_MS - 1 - n,
            }
            for n in range(3)
        ],
        kinds=[EventKind.COMMENT] * 3,
        event_ids=["7312000", "7312001", "7312002"],
        with_id=set_field("msg_id"),
        many_per_request=True,
        success=b'{"err_no":0,"err_msg":"success"}',
        headers=["x-signature", "x-msg-type", "x-nonce-str", "x-roomid", "x-timestamp"],
    ),
    Platform(
        name="doudian",
        settings={"app_key": "6839", "app_secret": MARK},
        sign=sign_doudian,
        wrap=lambda messages: messages,
        messages=[
            doudian_message("100", "68391:0:1:100", create_time=1_763_749_000),
            doudian_message("101", "68391:0:1:101", pay_time=1_763_749_060, pay_amount=3_980),
            doudian_message("106", "68391:0:1:106", cancel_time=1_763_749_120),
        ],
        kinds=[EventKind.ORDER] * 3,
        event_ids=["order:68391:0:1:100", "order:68391:0:1:101", "order:68391:0:1:106"],
        with_id=set_field("msg_id"),
        many_per_request=True,
        success=b'{"code":0,"msg":"success"}',
        headers=["app-id", "event-sign"],
    ),
    Platform(
        name="kuaishou_live",
        settings={"app_secret": MARK},
        sign=sign_kuaishou,
        wrap=kuaishou_envelope,
        messages=[
            kuaishou_data("liveComment", "k1", content=f"{MARK} 来一箱"),
            kuaishou_data("liveLike", "k2", count=88),
            kuaishou_data("giftSend", "k3", uniqueNo="g1", giftCount=2, giftUnitPrice=5, giftTotalPrice=10),
        ],
        kinds=[EventKind.COMMENT, EventKind.LIKE, EventKind.GIFT],
        event_ids=["k1", "k2", "k3"],
        with_id=set_field("unique_message_id"),
        many_per_request=False,
        success=b'{"result":1}',
        headers=["kwaisign"],
    ),
    Platform(
        name="kwaishop",
        settings={"message_secret": base64.b64encode(KWAISHOP_KEY).decode()},
        sign=encrypt_kwaishop,
        wrap=lambda messages: messages[0],
        messages=[
            kwaishop_message("kwaishop_order_addOrder", "e1", buyerOpenId="b1", createTime=NOW_MS - 9),
            kwaishop_message("kwaishop_order_paySuccess", "e2", status=30),
            kwaishop_message("kwaishop_order_orderFail", "e3", status=80),
        ],
        kinds=[EventKind.ORDER] * 3,
        event_ids=["order:e1", "order:e2", "order:e3"],
        with_id=set_field("eventId"),
        many_per_request=False,
        success=b'{"result":1}',
    ),
]

PROOF_HEADERS = [name for platform in PLATFORMS for name in platform.headers]
BATCHING = [platform for platform in PLATFORMS if platform.many_per_request]
every_platform = pytest.mark.parametrize("platform", PLATFORMS, ids=lambda platform: platform.name)
every_batching_platform = pytest.mark.parametrize("platform", BATCHING, ids=lambda platform: platform.name)


def receive_or_refuse(platform: Platform, request: PushRequest) -> Receipt | AdapterError:
    try:
        return platform.adapter().receive(request)
    except AdapterError as error:
        return error


def assert_private(told: object) -> None:
    secrets = [MARK, base64.b64encode(KWAISHOP_KEY).decode()]
    assert not any(secret in str(told) for secret in secrets)


@every_platform
def test_valid_push_becomes_events_and_is_answered_in_the_platforms_words(platform: Platform) -> None:
    receipts = [platform.adapter().receive(request) for request in platform.requests(platform.messages)]
    events = [event for receipt in receipts for event in receipt.events]
    assert [event.kind for event in events] == platform.kinds
    assert [event.event_id for event in events] == platform.event_ids
    for receipt, request in zip(receipts, platform.requests(platform.messages), strict=True):
        assert (receipt.reply.status, receipt.reply.body, receipt.skipped) == (200, platform.success, 0)
        assert {event.frame_hash for event in receipt.events} == {hashlib.sha256(request.body).hexdigest()}
    assert {event.received_at_ms for event in events} == {NOW_MS}
    assert all(event.occurred_at_ms < NOW_MS for event in events)


@every_platform
def test_push_received_twice_gives_the_same_events(platform: Platform) -> None:
    assert platform.events(platform.messages) == platform.events(platform.messages)


@every_platform
def test_reordered_messages_give_the_same_events_in_the_new_order(platform: Platform) -> None:
    def without_frame(events: list[LiveEvent]) -> list[LiveEvent]:
        return [msgspec.structs.replace(event, frame_hash="") for event in events]

    forward = without_frame(platform.events(platform.messages))
    assert without_frame(platform.events(platform.messages[::-1])) == forward[::-1]


@every_platform
def test_changing_any_byte_of_the_body_is_refused(platform: Platform) -> None:
    request = platform.request(platform.messages[0])
    for place in range(len(request.body)):
        changed = bytearray(request.body)
        changed[place] ^= 0x01
        with pytest.raises(SignatureError):
            platform.adapter().receive(msgspec.structs.replace(request, body=bytes(changed)))


@every_platform
def test_body_cut_short_on_the_way_is_refused(platform: Platform) -> None:
    request = platform.request(platform.messages[0])
    for length in range(len(request.body)):
        with pytest.raises(SignatureError):
            platform.adapter().receive(msgspec.structs.replace(request, body=request.body[:length]))


@every_platform
def test_body_cut_short_before_it_was_signed_is_refused(platform: Platform) -> None:
    body = platform.body(platform.messages[0])
    for length in range(len(body)):
        with pytest.raises(AdapterError):
            platform.adapter().receive(platform.sign(body[:length]))


@every_platform
def test_push_signed_with_another_secret_is_refused(platform: Platform) -> None:
    other = {
        "douyin_live": {"secrets": {"live_comment": "other"}},
        "doudian": {"app_key": "6839", "app_secret": "other"},
        "kuaishou_live": {"app_secret": "other"},
        "kwaishop": {"message_secret": base64.b64encode(b"another key here").decode()},
    }
    with pytest.raises(SignatureError) as refused:
        replace(platform, settings=other[platform.name]).adapter().receive(platform.request(platform.messages[0]))
    assert_private(refused.value)


@every_platform
@pytest.mark.parametrize("value", [None, "", "x", "签名", "\udcff", "=" * 10_000])
def test_missing_or_foreign_proof_is_refused(platform: Platform, value: str | None) -> None:
    request = platform.request(platform.messages[0])
    for name in platform.headers:
        headers = {key: kept for key, kept in request.headers.items() if key != name}
        if value is not None:
            headers[name] = value
        with pytest.raises(SignatureError) as refused:
            platform.adapter().receive(msgspec.structs.replace(request, headers=headers))
        assert_private(refused.value)


@every_platform
def test_oversized_body_is_refused_even_when_it_is_signed(platform: Platform) -> None:
    message = {**platform.messages[0], "padding": "x" * BODY_BYTES_MAX}
    with pytest.raises(FrameError):
        platform.adapter().receive(platform.request(message))


@every_platform
@pytest.mark.parametrize("encoding", ["utf-16", "gb18030"])
def test_wrong_encoding_gives_no_event_and_says_so(platform: Platform, encoding: str) -> None:
    message = {**platform.messages[0], "nickname": "铜鼓", "event": "订单", "push_type": "评论", "data": "蜂蜜"}
    body = json.dumps(platform.wrap([message]), ensure_ascii=False).encode(encoding)
    outcome = receive_or_refuse(platform, platform.sign(body))
    assert isinstance(outcome, AdapterError) or (outcome.events == () and outcome.skipped == 1)


@every_platform
def test_unknown_fields_change_nothing(platform: Platform) -> None:
    extended = [{**message, "new_field": {"deep": [1, None]}, "Zz": "新"} for message in platform.messages]
    plain, more = platform.events(platform.messages), platform.events(extended)
    assert [msgspec.structs.replace(event, frame_hash="") for event in more] == [
        msgspec.structs.replace(event, frame_hash="") for event in plain
    ]


@every_platform
def test_integers_beyond_double_precision_stay_exact(platform: Platform) -> None:
    exact = 9_007_199_254_740_993
    events = platform.events([platform.with_id(platform.messages[0], exact)])
    assert [event.event_id.removeprefix("order:") for event in events] == ["9007199254740993"]


@every_platform
@pytest.mark.parametrize("bad_id", ["x" * 129, "a\x00b", "a\nb", "", "\u2028", "\x9f"])
def test_element_with_an_unusable_id_is_skipped_and_counted(platform: Platform, bad_id: str) -> None:
    receipt = platform.adapter().receive(platform.request(platform.with_id(platform.messages[0], bad_id)))
    assert (receipt.events, receipt.skipped, len(receipt.problems)) == ((), 1, 1)
    assert receipt.reply.body == platform.success
    assert_private(receipt.problems)


@every_batching_platform
@pytest.mark.parametrize("broken", [None, 7, "text", [], [[]], {}, {"msg_id": {}}, {"tag": "101"}, True, 1.5])
def test_broken_element_does_not_lose_the_others_of_its_batch(platform: Platform, broken: Any) -> None:
    receipt = platform.adapter().receive(platform.request(platform.messages[0], broken, platform.messages[1]))
    assert [event.event_id for event in receipt.events] == platform.event_ids[:2]
    assert receipt.skipped == 1


@every_batching_platform
def test_more_elements_than_a_platform_would_send_are_refused(platform: Platform) -> None:
    with pytest.raises(FrameError):
        platform.adapter().receive(platform.sign(b"[" + b",".join([b"1"] * 5_001) + b"]"))


@every_platform
def test_deeply_nested_body_is_refused_without_harm(platform: Platform) -> None:
    for body in (b"[" * 300_000, b'{"a":' * 100_000, b"[" * 200_000 + b"]" * 200_000):
        with pytest.raises(AdapterError):
            platform.adapter().receive(platform.sign(body))


@every_platform
def test_refusal_never_looks_like_success(platform: Platform) -> None:
    reply = platform.adapter().refuse("库存服务暂不可用 store away", 503)
    assert reply.status == 503
    assert reply.body != platform.success
    assert "store away" in json.dumps(json.loads(reply.body))
    with pytest.raises(AssertionError):
        platform.adapter().refuse("taken", 200)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(string.printable + "蛋\x00\u2028"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@every_platform
@settings(max_examples=60, deadline=None)
@given(body=st.binary(max_size=200))
def test_authentic_noise_only_ever_raises_adapter_errors(platform: Platform, body: bytes) -> None:
    receive_or_refuse(platform, platform.sign(body))


@every_platform
@settings(max_examples=60, deadline=None)
@given(headers=st.dictionaries(st.sampled_from(PROOF_HEADERS), st.text()), body=st.binary())
def test_strangers_noise_is_always_refused(platform: Platform, headers: dict[str, str], body: bytes) -> None:
    with pytest.raises(SignatureError):
        platform.adapter().receive(PushRequest(headers, body, NOW_MS))


@every_platform
@settings(max_examples=120, deadline=None)
@given(data=st.data())
def test_any_value_in_any_field_gives_sound_events_or_an_adapter_error(platform: Platform, data: st.DataObject) -> None:
    message = dict(data.draw(st.sampled_from(platform.messages)))
    for name in data.draw(st.lists(st.sampled_from(sorted(message)), max_size=3, unique=True)):
        message[name] = data.draw(json_values)
    outcome = receive_or_refuse(platform, platform.request(message))
    if isinstance(outcome, Receipt):
        assert len(outcome.events) + outcome.skipped <= 10
        for event in outcome.events:
            assert msgspec.json.decode(msgspec.json.encode(event), type=LiveEvent) == event
            assert 0 < len(event.event_id.encode()) <= 128
            assert event.count >= 0 <= event.value_minor


@pytest.mark.parametrize("test", [True, False, None])
def test_kwaishop_test_message_is_acknowledged_and_sells_nothing(test: bool | None) -> None:
    kwaishop = PLATFORMS[3]
    receipt = kwaishop.adapter().receive(kwaishop.request({**kwaishop.messages[1], "test": test}))
    assert (receipt.reply.body, receipt.skipped) == (kwaishop.success, 0)
    assert len(receipt.events) == (0 if test else 1)


def test_statuses_follow_the_order_through_its_life() -> None:
    doudian, kwaishop = PLATFORMS[1], PLATFORMS[3]
    expected = [OrderStatus.CREATED, OrderStatus.PAID, OrderStatus.CANCELLED]
    for platform in (doudian, kwaishop):
        orders = [event.order for event in platform.events(platform.messages)]
        assert [order.status for order in orders if order] == expected
        assert len({order.order_id for order in orders if order}) == 1
