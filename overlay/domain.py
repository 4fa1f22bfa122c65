"""What goes over the wire to a viewer: the tally by id, the orders of the last moments, and the frames that carry them.

Pure values, no I/O. Nothing here names a buyer: an order shows a mask instead.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from enum import StrEnum
from typing import Final, Protocol

import msgspec

from flashsale.events import (
    AnyEvent,
    Claimed,
    Confirmed,
    Ended,
    FactRecorded,
    FactReversed,
    Granted,
    LogEntry,
    PoolAdjusted,
    Promoted,
    Reduced,
)
from flashsale.tally import Tally
from overlay.merge_patch import JsonObject
from overlay.outlook import Outlook

Mask = Callable[[str], str]
"""Makes of a buyer's id what the world may see. Must not be reversible, and must answer the same for the same buyer."""


class Gate(Protocol):
    """Who may watch. The service that holds the tokens implements it."""

    async def admits(self, token: str, sale_id: str, roles: frozenset[str]) -> bool:
        """Say whether `token` is alive, has one of `roles`, and covers the sale. Asked again while a stream is open."""
        ...


class RecentOrder(msgspec.Struct, frozen=True, kw_only=True):
    """One line of an order that just came in. `key` names it once; `kind` is order, presale or fact.

    `buyer` is a mask, empty where the sale has no buyer (a vending machine).
    """

    key: str
    at_ms: int
    kind: str
    sku: str
    packs: int
    channel: str
    buyer: str


class FrameKind(StrEnum):
    """What a frame does to the reader's state: replaces it, patches it, or only says that it is still true."""

    SNAPSHOT = "snapshot"
    DELTA = "delta"
    HEARTBEAT = "heartbeat"


class Frame(msgspec.Struct, frozen=True, kw_only=True):
    """A message, encoded once and shared by all who get it. `rev` is where its reader stands afterwards."""

    kind: FrameKind
    rev: str
    text: str


class _Snapshot(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="snapshot"):
    rev: str
    tally: JsonObject
    recent: tuple[RecentOrder, ...]
    outlook: Outlook


class _Delta(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="delta"):
    rev: str
    since: str
    patch: JsonObject
    recent: tuple[RecentOrder, ...]
    outlook: Outlook


class _Heartbeat(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="heartbeat"):
    at_ms: int
    rev: str
    outlook: Outlook


_encoder: Final = msgspec.json.Encoder()


def snapshot_frame(rev: str, tally: JsonObject, recent: tuple[RecentOrder, ...], outlook: Outlook) -> Frame:
    """Encode the whole state."""
    body = _Snapshot(rev=rev, tally=tally, recent=recent, outlook=outlook)
    return Frame(kind=FrameKind.SNAPSHOT, rev=rev, text=_encoder.encode(body).decode())


def delta_frame(since: str, rev: str, patch: JsonObject, recent: tuple[RecentOrder, ...], outlook: Outlook) -> Frame:
    """Encode the way from `since` to `rev`. A reader that does not stand at `since` must ask for a snapshot."""
    body = _Delta(rev=rev, since=since, patch=patch, recent=recent, outlook=outlook)
    return Frame(kind=FrameKind.DELTA, rev=rev, text=_encoder.encode(body).decode())


def heartbeat_frame(rev: str, at_ms: int, outlook: Outlook) -> Frame:
    """Encode "nothing changed": the store was read at `at_ms` and stands at `rev`."""
    body = _Heartbeat(at_ms=at_ms, rev=rev, outlook=outlook)
    return Frame(kind=FrameKind.HEARTBEAT, rev=rev, text=_encoder.encode(body).decode())


_KEYS: Final = {"pools": "pool_id", "offers": "sku", "channels": "channel", "draws": "draw_id"}


def keyed(tally: Tally) -> JsonObject:
    """Return the tally with its lists as objects by id, so that a patch names what it changes.

    `order` keeps what an object loses: the ids of pools and offers in catalogue order.
    """
    document: JsonObject = msgspec.to_builtins(tally)
    order: JsonObject = {}
    for name, key in _KEYS.items():
        rows: list[dict[str, str]] = document[name]  # type: ignore[assignment]
        document[name] = {row[key]: row for row in rows}  # type: ignore[misc]
        if name in ("pools", "offers"):
            order[name] = [row[key] for row in rows]
    document["order"] = order
    return document


def recent_orders(entry: LogEntry, mask: Mask) -> Iterator[RecentOrder]:
    """Yield the orders of a log entry, a line each. Holds are no orders yet and are not shown."""
    for place, (event, kind) in enumerate(_sales(entry)):
        for line, granted in enumerate(event.granted):
            yield RecentOrder(
                key=f"{entry.rev}/{place}/{line}",
                at_ms=entry.at_ms,
                kind="presale" if granted.presale else kind,
                sku=granted.sku,
                packs=granted.packs,
                channel=event.channel,
                buyer=mask(event.buyer_id) if event.buyer_id else "",
            )


def _sales(entry: LogEntry) -> Iterator[tuple[Confirmed | FactRecorded, str]]:
    for event in entry.events:
        if isinstance(event, Confirmed):
            yield event, "presale" if event.presale else "order"
        elif isinstance(event, FactRecorded):
            yield event, "fact"


def stock_changes(entry: LogEntry) -> Iterator[tuple[str, int]]:
    """Yield (pool_id, units) by which the available stock of pools moved, as far as the log tells it.

    Good enough to see a sell-out coming before the tally is read; the tally has the last word.
    """
    for event in entry.events:
        yield from _stock_changes_of(event)


def _stock_changes_of(event: AnyEvent) -> Iterator[tuple[str, int]]:
    match event:
        case Claimed(outcome="reserved" | "partial", granted=granted) | Promoted(granted=granted):
            yield from _moved(granted, -1)
        case FactRecorded(granted=granted):
            yield from _moved(granted, -1)
        case Confirmed(released=released):
            yield from _moved(released, 1)
        case Ended(was="reserved" | "confirmed", granted=granted) | FactReversed(granted=granted):
            yield from _moved(granted, 1)
        case Reduced(was="reserved" | "confirmed", granted=granted):
            yield from _moved(granted, 1)
        case PoolAdjusted(pool_id=pool_id, delta_units=delta_units):
            yield pool_id, delta_units
        case _:
            return


def _moved(granted: tuple[Granted, ...], sign: int) -> Iterator[tuple[str, int]]:
    for line in granted:
        if not line.presale:  # A presale takes from its quota.
            yield line.pool_id, sign * line.units


def numbered_mask(key: bytes) -> Mask:
    """Return a mask that shows a buyer as `#` and four digits: enough to see "that's me again", never who it is.

    The number is keyed (BLAKE2b), so that nobody can find a buyer by trying ids. `key` is 16 to 64 random bytes.
    """

    def mask(buyer_id: str) -> str:
        digest = hashlib.blake2b(buyer_id.encode(), key=key, digest_size=8).digest()
        return f"#{int.from_bytes(digest) % 10_000:04d}"

    return mask
