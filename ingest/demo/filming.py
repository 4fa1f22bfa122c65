"""Turns what people did into the frames that their platforms send, gathered as each platform gathers them."""

from __future__ import annotations

import random
from collections.abc import Iterable
from itertools import groupby
from typing import Any

from ingest.demo import frames
from ingest.demo.crowd import Gesture
from ingest.demo.orders import ShopOrder, Step
from ingest.demo.plan import EVENING_STARTS_AT_MS, ROOMS, Comment, Person, part_rng
from ingest.demo.records import BridgeRecord, DeskOrder, HookRecord, TmcRecord

# Frames gather over these windows. Each divides a minute, so that no frame carries an event over a barrier.
DOUYIN_WINDOW_MS = 5_000
KUAISHOU_WINDOW_MS = 6_000
BRIDGE_WINDOW_MS = 5_000
DOUYIN_EVENTS_MAX = 20

SELLER_NICK = "铜鼓县农特产旗舰店"
SHOP_ID = 20_201_120

_DOUDIAN_TAGS = {"created": "100", "paid": "101", "cancelled": "106", "refunded": "206", "completed": "103"}
_KWAISHOP_EVENTS = {
    "created": ("kwaishop_order_addOrder", 10),
    "paid": ("kwaishop_order_paySuccess", 30),
    "cancelled": ("kwaishop_order_orderFail", 80),
    "completed": ("kwaishop_order_orderSuccess", 70),
}
_TMC_TOPICS = {
    "created": ("taobao_trade_TradeCreate", "WAIT_BUYER_PAY"),
    "paid": ("taobao_trade_TradeBuyerPay", "WAIT_SELLER_SEND_GOODS"),
    "cancelled": ("taobao_trade_TradeClose", "TRADE_CLOSED_BY_TAOBAO"),
    "refunded": ("taobao_refund_RefundSuccess", "SUCCESS"),
    "completed": ("taobao_trade_TradeSuccess", "TRADE_FINISHED"),
}

RoomEvent = Comment | Gesture


def hook(adapter: str, at_ms: int, frame: frames.Frame, expected: int = 200) -> HookRecord:
    """A platform's webhook call as a record."""
    return HookRecord(at_ms=at_ms, door=f"hook:{adapter}", headers=frame.headers, body=frame.body, expected=expected)


def _window_end(at_ms: int, window_ms: int) -> int:
    return at_ms - at_ms % window_ms + window_ms - 1


def _gather(events: Iterable[RoomEvent], window_ms: int) -> Iterable[tuple[int, str, list[RoomEvent]]]:
    """Group events by window and kind, in the order in which they came."""
    keyed = sorted(events, key=lambda event: (_window_end(event.at_ms, window_ms), _kind(event), event.at_ms))
    for (ends_at_ms, kind), group in groupby(keyed, key=lambda e: (_window_end(e.at_ms, window_ms), _kind(e))):
        yield ends_at_ms, kind, list(group)


def _kind(event: RoomEvent) -> str:
    return "comment" if isinstance(event, Comment) else event.kind


def _spoken_at_ms(event: RoomEvent) -> int:
    return EVENING_STARTS_AT_MS + (event.spoken_at_ms if isinstance(event, Comment) else event.at_ms)


def film_douyin_live(seed: int, events: Iterable[RoomEvent]) -> list[HookRecord]:
    """Douyin pushes arrays, one kind of event a call."""
    rng = part_rng(seed, "film:douyin")
    records = []
    for ends_at_ms, kind, group in _gather(events, DOUYIN_WINDOW_MS):
        for start in range(0, len(group), DOUYIN_EVENTS_MAX):
            payloads = [_douyin_payload(event) for event in group[start : start + DOUYIN_EVENTS_MAX]]
            frame = frames.douyin_live(
                f"live_{kind}",
                payloads,
                room_id=ROOMS["douyin"],
                sent_at_ms=EVENING_STARTS_AT_MS + ends_at_ms,
                nonce=f"{rng.getrandbits(32):08x}",
            )
            records.append(hook("douyin_live", ends_at_ms, frame))
    return records


def _douyin_payload(event: RoomEvent) -> dict[str, Any]:
    assert event.person is not None, "Douyin's push has no event without a viewer"
    about: dict[str, Any] = {"msg_id": event.event_id, "sec_openid": event.person.user_id}
    if isinstance(event, Comment):
        about["content"] = event.text
    elif event.kind == "like":
        about["like_num"] = event.count
    else:
        about |= {"sec_gift_id": "demo-gift", "gift_num": event.count, "gift_value": event.value_minor}
    return about | {"avatar_url": "", "nickname": event.person.nickname, "timestamp": _spoken_at_ms(event)}


def film_kuaishou_live(seed: int, events: Iterable[RoomEvent]) -> list[HookRecord]:
    """Kuaishou pushes one kind of event a call, with one unique id for the whole of it."""
    rng = part_rng(seed, "film:kuaishou")
    push_types = {"comment": "liveComment", "like": "liveLike", "gift": "giftSend"}
    records = []
    for ends_at_ms, kind, group in _gather(events, KUAISHOU_WINDOW_MS):
        frame = frames.kuaishou_live(
            push_types[kind],
            [_kuaishou_payload(event) for event in group],
            room_code=ROOMS["kuaishou"],
            message_id=f"{rng.getrandbits(64):016x}",
            unique_id=group[0].event_id,
            at_ms=EVENING_STARTS_AT_MS + ends_at_ms,
        )
        records.append(hook("kuaishou_live", ends_at_ms, frame))
    return records


def _kuaishou_payload(event: RoomEvent) -> dict[str, Any]:
    assert event.person is not None, "Kuaishou's push has no event without a viewer"
    user = {"userId": event.person.user_id, "userName": event.person.nickname, "headUrl": ""}
    if isinstance(event, Comment):
        return {"content": event.text, "userInfo": user}
    if event.kind == "like":
        return {"count": event.count, "userInfo": user}
    kuaibi = max(1, event.value_minor // 10)
    return {
        "uniqueNo": event.event_id,
        "giftId": "demo-gift",
        "giftName": "小红花",
        "giftCount": event.count,
        "giftUnitPrice": max(1, kuaibi // event.count),
        "giftTotalPrice": kuaibi,
        "normalGift": True,
        "userInfo": user,
    }


def film_bridge(events: Iterable[RoomEvent]) -> list[BridgeRecord]:
    """The bridge of Weibo and Ixigua sends what it has every few seconds, oldest first."""
    keyed = sorted(events, key=lambda event: event.at_ms)
    records = []
    for ends_at_ms, group in groupby(keyed, key=lambda event: _window_end(event.at_ms, BRIDGE_WINDOW_MS)):
        body = {"batch_id": f"b{ends_at_ms}", "events": [_bridge_event(event) for event in group]}
        records.append(BridgeRecord(at_ms=ends_at_ms, door="bridge", body=frames.compact(body)))
    return records


def _bridge_event(event: RoomEvent) -> dict[str, Any]:
    platform = event.person.platform if isinstance(event, Comment) else event.platform
    about: dict[str, Any] = {
        "kind": _kind(event),
        "platform": platform,
        "room_id": ROOMS[platform],
        "event_id": event.event_id,
        "occurred_at_ms": _spoken_at_ms(event),
    }
    if event.person is not None:
        about["user"] = _bridge_user(event.person, is_host=isinstance(event, Comment) and event.is_host)
    if isinstance(event, Comment):
        return about | {"text": event.text}
    return about | ({"count": event.count} if event.kind in {"like", "viewers"} else {})


def _bridge_user(person: Person, *, is_host: bool) -> dict[str, Any]:
    user: dict[str, Any] = {"user_id": person.user_id, "nickname": person.nickname}
    return user | {"is_host": True} if is_host else user


def film_orders(seed: int, orders: Iterable[ShopOrder]) -> list[HookRecord | TmcRecord | DeskOrder]:
    """Each order's pushes as its platform sends them, and the order itself for the order desk."""
    rng = part_rng(seed, "film:orders")
    records: list[HookRecord | TmcRecord | DeskOrder] = []
    for order in orders:
        records.append(
            DeskOrder(
                at_ms=0,
                door="desk",
                platform=order.platform,
                order_id=order.order_id,
                buyer_id=order.buyer_id,
                amount_minor=order.amount_minor,
                lines=order.lines,
            )
        )
        for step in order.steps:
            if order.platform == "douyin":
                records.append(hook("doudian", step.at_ms, _doudian_frame(order, step)))
            elif order.platform == "kuaishou":
                records.append(hook("kwaishop", step.at_ms, _kwaishop_frame(order, step)))
            else:
                records.append(_tmc_message(rng, order, step))
    return records


def _doudian_frame(order: ShopOrder, step: Step) -> frames.Frame:
    at_s = (EVENING_STARTS_AT_MS + step.at_ms) // 1_000
    number = int(order.order_id)
    about: dict[str, Any] = {"p_id": number, "s_ids": [number], "shop_id": SHOP_ID, "order_type": 0, "biz": 8}
    if step.status == "created":
        about |= {"order_status": 1, "create_time": order.created_at_ms // 1_000}
    elif step.status == "paid":
        about |= {"order_status": 2, "pay_time": at_s, "pay_type": 1, "pay_amount": order.amount_minor}
    elif step.status == "cancelled":
        about |= {"order_status": 4, "cancel_time": at_s, "cancel_reason": "超时未支付"}
    elif step.status == "refunded":
        about |= {
            "aftersale_id": number + 7,
            "aftersale_status": 12,
            "success_time": at_s,
            "refund_amount": order.amount_minor,
        }
    else:
        about |= {"order_status": 5, "complete_time": at_s}
    return frames.doudian([(_DOUDIAN_TAGS[step.status], step.message_id, about)])


def _kwaishop_frame(order: ShopOrder, step: Step) -> frames.Frame:
    event, status = _KWAISHOP_EVENTS[step.status]
    at_ms = EVENING_STARTS_AT_MS + step.at_ms
    number = int(order.order_id)
    info: dict[str, Any] = {"oid": number, "sellerId": 2_000_000_001, "status": status, "updateTime": at_ms}
    if step.status == "created":
        info = {
            "oid": number,
            "sellerId": 2_000_000_001,
            "createTime": order.created_at_ms,
            "openId": "demo-seller",
            "buyerOpenId": order.buyer_id.partition(":")[2],
        }
    return frames.kwaishop(
        event, info, event_id=step.message_id, msg_id=f"m{step.message_id}", order_id=number, at_ms=at_ms
    )


def _tmc_message(rng: random.Random, order: ShopOrder, step: Step) -> TmcRecord:
    topic, status = _TMC_TOPICS[step.status]
    number = int(order.order_id)
    about: dict[str, Any] = {
        "buyer_open_uid": order.buyer_id.partition(":")[2],
        "tid": number,
        "oid": number,
        "seller_nick": SELLER_NICK,
        "status": status,
    }
    yuan = f"{order.amount_minor // 100}.{order.amount_minor % 100:02d}"
    if step.status == "refunded":
        about |= {"refund_id": number + 7, "refund_fee": yuan}
    else:
        about |= {"payment": yuan, "type": "guarantee_trade"}
    return TmcRecord(
        at_ms=step.at_ms,
        door="tmc",
        message_id=int(step.message_id),
        topic=topic,
        dataid=f"{rng.getrandbits(64):016X}",
        content=frames.compact(about),
        userid=2_100_000_001,
        nick=SELLER_NICK,
    )
