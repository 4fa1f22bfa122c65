"""What the host does in the evening, as the console would send it: shares the stock out, opens, features, draws, closes."""

from __future__ import annotations

from typing import Any

import msgspec

from ingest.demo.plan import (
    CLOSES_MINUTE,
    DRAW_CLOSES_MINUTE,
    DRAW_ID,
    DRAW_OPENS_MINUTE,
    DRAW_WINNERS_MAX,
    DRAW_WORD,
    MINUTE_MS,
    POOL_PLANS,
    PRESALE_OPENS_MINUTE,
    PRESALE_SHIPS_AFTER_MS,
    PRESALE_UNITS,
    SPECIAL_ENDS_MINUTE,
    Shelf,
)
from ingest.demo.records import HostRecord


def host_records(shelf: Shelf) -> list[HostRecord]:
    """Make the host's actions in order. Each minute of them stands between two barriers."""
    actions: list[HostRecord] = []
    for plan in POOL_PLANS:
        actions.append(_set_pool(0, shelf, plan.pool_id, channel_reserves=plan.reserves))
    for sku in shelf.offers:
        actions.append(_set_offer(0, shelf, sku, special_from_ms="$now", special_until_ms=0))
    actions.append(_action(0, "POST", "/open"))
    for plan in POOL_PLANS:
        actions.append(_action(plan.rush_minute, "PUT", "/featured", sku=shelf.of_pool(plan.pool_id)[0].sku))
    eggs = POOL_PLANS[0]
    presale = {"presale_units": PRESALE_UNITS, "presale_ships_at_ms": f"$now+{PRESALE_SHIPS_AFTER_MS}"}
    actions.append(_set_pool(PRESALE_OPENS_MINUTE, shelf, eggs.pool_id, channel_reserves=eggs.reserves, **presale))
    draw = {
        "draw_id": DRAW_ID,
        "prize": "手工米粉 1kg 一袋",
        "winners_max": DRAW_WINNERS_MAX,
        "condition": "none",
        "word": DRAW_WORD,
    }
    actions.append(_action(DRAW_OPENS_MINUTE, "POST", "/draws", **draw))
    actions.append(_action(DRAW_CLOSES_MINUTE, "POST", f"/draws/{DRAW_ID}/close"))
    for sku in shelf.offers:
        actions.append(_set_offer(SPECIAL_ENDS_MINUTE, shelf, sku, special_from_ms=1, special_until_ms="$now"))
    actions.append(_action(CLOSES_MINUTE, "POST", "/close"))
    return sorted(actions, key=lambda action: action.at_ms)


def _action(minute: int, method: str, path: str, **body: Any) -> HostRecord:
    return HostRecord(at_ms=minute * MINUTE_MS, door="host", method=method, path=path, body=body)


def _set_pool(minute: int, shelf: Shelf, pool_id: str, **changes: Any) -> HostRecord:
    body = msgspec.to_builtins(shelf.pools[pool_id].op()) | changes
    return _action(minute, "PUT", f"/pools/{body.pop('pool_id')}", **body)


def _set_offer(minute: int, shelf: Shelf, sku: str, **changes: Any) -> HostRecord:
    body = msgspec.to_builtins(shelf.offers[sku].op()) | changes
    return _action(minute, "PUT", f"/offers/{body.pop('sku')}", **body)
