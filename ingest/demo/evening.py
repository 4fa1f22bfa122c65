"""The recorded evening as a whole: everybody's frames in one order, with duplicates, stragglers, spoilt frames and barriers.

    python -m ingest.demo.evening --seed 2020 --out examples/tonggu/evening.jsonl.gz

A barrier stands at the beginning of every minute, and after the host's actions in it. Between barriers the doors may
overtake each other; every outcome that counts is arranged to be the same whichever way they do.
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from ingest.demo import frames
from ingest.demo.claims import captured_orders
from ingest.demo.crowd import Gesture, bustle
from ingest.demo.filming import film_bridge, film_douyin_live, film_kuaishou_live, film_orders, hook
from ingest.demo.host import host_records
from ingest.demo.orders import ShopOrder, shop_orders
from ingest.demo.plan import (
    COMMENT_PLATFORMS,
    EVENING_STARTS_AT_MS,
    MINUTE_MS,
    ROOMS,
    Comment,
    Payment,
    Shelf,
    part_rng,
)
from ingest.demo.records import (
    AnyRecord,
    BridgeRecord,
    HookRecord,
    HostRecord,
    PaymentRecord,
    TmcRecord,
    write_recording,
)
from inventory.catalogue import Catalogue, read_catalogue

SEED_DEFAULT = 2020
DUPLICATED_SHARE = 0.02
STRAGGLING_SHARE = 0.03


@dataclass(frozen=True, slots=True, kw_only=True)
class Evening:
    """An evening: its records in the order of sending, and what they were made from."""

    records: list[AnyRecord]
    comments: list[Comment]
    gestures: list[Gesture]
    orders: list[ShopOrder]
    payments: list[Payment]


def make_evening(seed: int, catalogue: Catalogue) -> Evening:
    """Make the evening of a seed; the same seed and catalogue always give the same records."""
    shelf = Shelf(catalogue)
    captured = captured_orders(seed, shelf)
    crowd = bustle(seed, shelf)
    orders = shop_orders(seed, shelf)
    comments = captured.comments + crowd.comments
    rooms: dict[str, list[Comment | Gesture]] = {platform: [] for platform in ROOMS}
    for comment in comments:
        rooms[comment.person.platform].append(comment)
    for gesture in crowd.gestures:
        rooms[gesture.platform].append(gesture)

    live: list[HookRecord] = film_douyin_live(seed, rooms["douyin"]) + film_kuaishou_live(seed, rooms["kuaishou"])
    bridged = film_bridge(event for platform in COMMENT_PLATFORMS for event in rooms[platform])
    shop = film_orders(seed, orders)
    rng = part_rng(seed, "delivery")
    records: list[AnyRecord] = [*host_records(shelf), *_straggle(rng, live), *bridged, *shop]
    records += _delivered_twice(rng, records, _undone_messages(orders))
    records += [
        PaymentRecord(at_ms=p.at_ms, door="payment", claim_id=p.claim_id, action=p.action) for p in captured.payments
    ]
    records += spoilt_frames(live, [record for record in shop if isinstance(record, HookRecord)])
    return Evening(
        records=with_barriers(records),
        comments=comments,
        gestures=crowd.gestures,
        orders=orders,
        payments=captured.payments,
    )


def with_barriers(records: Iterable[AnyRecord]) -> list[AnyRecord]:
    """Put records in order of sending, with a barrier before each minute and after the host's actions that begin one."""
    ordered = sorted(records, key=lambda record: (record.at_ms, record.door != "host"))
    placed: list[AnyRecord] = []
    minute, host_before = -1, False
    for record in ordered:
        is_host = isinstance(record, HostRecord)
        barrier = record.at_ms // MINUTE_MS > minute or (host_before and not is_host)
        minute = record.at_ms // MINUTE_MS
        host_before = is_host
        placed.append(msgspec.structs.replace(record, barrier=True) if barrier else record)
    return placed


def _straggle(rng: random.Random, records: Sequence[HookRecord]) -> list[HookRecord]:
    """Hold a few frames of the live rooms back by up to 40 s: they overtake nothing that money hangs on."""
    return [
        msgspec.structs.replace(record, at_ms=record.at_ms + rng.randrange(5_000, 40_000))
        if rng.random() < STRAGGLING_SHARE
        else record
        for record in records
    ]


def _undone_messages(orders: Sequence[ShopOrder]) -> set[int]:
    """When the pushes of orders that were taken back are sent: those are not sent twice (see `_delivered_twice`)."""
    return {step.at_ms for order in orders if not order.settled for step in order.steps}


def _delivered_twice(
    rng: random.Random, records: Sequence[AnyRecord], undone_at_ms: set[int]
) -> list[HookRecord | TmcRecord | BridgeRecord]:
    """Send some frames again, unchanged, within the next half minute.

    An order's payment that came again after its refund would be a different story, so those are left alone. A bridge's
    message comes again within its minute: a refused claim may win the second time, and must do so before its payment.
    """
    again: list[HookRecord | TmcRecord | BridgeRecord] = []
    for record in records:
        if not isinstance(record, HookRecord | TmcRecord | BridgeRecord) or record.at_ms in undone_at_ms:
            continue
        if rng.random() < DUPLICATED_SHARE:
            at_ms = record.at_ms + rng.randrange(500, 30_000)
            if isinstance(record, BridgeRecord):
                at_ms = min(at_ms, record.at_ms - record.at_ms % MINUTE_MS + MINUTE_MS - 1)
            again.append(msgspec.structs.replace(record, at_ms=at_ms))
    return again


def spoilt_frames(live: Sequence[HookRecord], shop: Sequence[HookRecord]) -> list[AnyRecord]:
    """One frame whose body was changed after signing, one cut off in the middle, and one bridge item that is no event."""
    comments = [record for record in live if record.headers.get("x-msg-type") == "live_comment"]
    original = comments[len(comments) // 2]
    forged = msgspec.structs.replace(
        original,
        at_ms=original.at_ms + 700,
        body=original.body.replace('"content":"', '"content":"假', 1),
        expected=401,
    )
    doudian = [record for record in shop if record.door == "hook:doudian"]
    whole = doudian[len(doudian) // 2]
    cut = hook("doudian", whole.at_ms + 900, frames.sign_doudian(whole.body[: len(whole.body) // 2]), expected=400)
    good = {
        "kind": "follow",
        "platform": "weibo",
        "room_id": ROOMS["weibo"],
        "event_id": "follow-beside-nonsense",
        "occurred_at_ms": EVENING_STARTS_AT_MS + 40 * MINUTE_MS,
        "user": {"user_id": "wufollow", "nickname": "路过的"},
    }
    mixed = {"batch_id": "b-mixed", "events": [{"kind": "nonsense"}, good]}
    return [forged, cut, BridgeRecord(at_ms=40 * MINUTE_MS + 2, door="bridge", body=frames.compact(mixed))]


def main() -> None:
    """Write a recording."""
    parser = argparse.ArgumentParser(description="Write the recorded evening of a seed.")
    parser.add_argument("--seed", type=int, default=SEED_DEFAULT)
    parser.add_argument("--catalogue", type=Path, default=Path("examples/tonggu/catalogue.csv"))
    parser.add_argument("--out", type=Path, default=Path("examples/tonggu/evening.jsonl.gz"))
    arguments = parser.parse_args()
    catalogue = read_catalogue(arguments.catalogue.read_bytes(), arguments.catalogue.name)
    evening = make_evening(arguments.seed, catalogue)
    write_recording(arguments.out, evening.records)
    print(f"{arguments.out}: {len(evening.records)} records, {arguments.out.stat().st_size} bytes")


if __name__ == "__main__":
    main()
