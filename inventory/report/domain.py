"""What a report says, and the small sums behind its charts. Pure values, no I/O."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime

import msgspec

from flashsale import draws
from flashsale.domain import BuyerId
from inventory.catalogue.columns import BEIJING
from inventory.check import CheckReport
from inventory.ledger import (
    DemandRow,
    DrawProof,
    LedgerFigures,
    RefundRow,
    SaleFacts,
    SoldRow,
    TimelinePoint,
)

BARS_MAX = 96
STEPS_MS = tuple(
    seconds * 1000 for seconds in (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 21600, 86400)
)
CHANNELS_ZH = {
    "douyin": "抖音",
    "kuaishou": "快手",
    "taobao": "淘宝直播",
    "weibo": "微博",
    "xigua": "西瓜视频",
    "bilibili": "哔哩哔哩",
    "wechat": "视频号",
    "booth": "展位",
    "vending": "售货机",
    "corporate": "企业团购",
}
_LARGER_UNITS = {"克": ("公斤", 1000), "g": ("kg", 1000), "毫升": ("升", 1000), "ml": ("L", 1000)}


class ReportFacts(msgspec.Struct, frozen=True, kw_only=True):
    """All that a report shows, read from the ledger. `made_at_ms` is when it was read."""

    sale: SaleFacts
    figures: LedgerFigures
    sold: tuple[SoldRow, ...]
    demand: tuple[DemandRow, ...]
    timeline: tuple[TimelinePoint, ...]
    refunds: tuple[RefundRow, ...]
    draws: tuple[DrawProof, ...]
    check: CheckReport | None
    made_at_ms: int


class SupplierSum(msgspec.Struct, kw_only=True):
    """What one supplier's goods brought, orders and presale apart."""

    county: str
    supplier: str
    rows: list[SoldRow] = []

    @property
    def revenue_minor(self) -> int:
        """Money of orders, minor units."""
        return sum(row.revenue_minor for row in self.rows)

    @property
    def presale_minor(self) -> int:
        """Money of presale orders, minor units."""
        return sum(row.presale_minor for row in self.rows)


def channel_zh(channel: str) -> str:
    """A channel as Chinese readers know it, or its own name."""
    return CHANNELS_ZH.get(channel, channel)


def shown_units(units: int, base_unit: str) -> str:
    """Stock as people say it: 3000000 克 is `3,000 公斤`, 10000 枚 is `10,000 枚`. Exact, never rounded."""
    larger = _LARGER_UNITS.get(base_unit)
    if larger and abs(units) >= larger[1]:
        whole, rest = divmod(abs(units), larger[1])
        digits = f"{whole:,}" + (f".{rest:03}".rstrip("0") if rest else "")
        return f"{'−' if units < 0 else ''}{digits} {larger[0]}"
    return f"{units:,} {base_unit}".replace("-", "−")


def shown_moment(at_ms: int) -> str:
    """A moment in Beijing time to the second; a dash for 0."""
    return datetime.fromtimestamp(at_ms / 1000, BEIJING).strftime("%Y-%m-%d %H:%M:%S") if at_ms else "—"


def shown_percent(part: int, whole: int) -> str:
    """A share with one decimal, cut rather than rounded, so that 99.96 % never reads as sold out."""
    return f"{part * 1000 // whole / 10:.1f}%" if whole > 0 else "—"


def by_supplier(sold: Iterable[SoldRow]) -> list[SupplierSum]:
    """Goods that sold, grouped by county and supplier, the largest money first."""
    groups: dict[tuple[str, str], SupplierSum] = {}
    for row in sold:
        if row.packs or row.presale_packs:
            key = (row.county, row.supplier)
            groups.setdefault(key, SupplierSum(county=row.county, supplier=row.supplier)).rows.append(row)
    return sorted(groups.values(), key=lambda group: (-group.revenue_minor, group.county, group.supplier))


def display_step_ms(points: Sequence[TimelinePoint]) -> int:
    """The finest step at which the points fill at most BARS_MAX bars."""
    if not points:
        return STEPS_MS[0]
    extent_ms = max(point.at_ms for point in points) - min(point.at_ms for point in points)
    return next((step_ms for step_ms in STEPS_MS if extent_ms // step_ms < BARS_MAX), STEPS_MS[-1])


def in_steps(points: Iterable[TimelinePoint], step_ms: int) -> dict[str, dict[int, int]]:
    """Money of orders and presale by channel and step; steps at which nobody bought are left out."""
    money: defaultdict[str, defaultdict[int, int]] = defaultdict(lambda: defaultdict(int))
    for point in points:
        money[point.channel][point.at_ms - point.at_ms % step_ms] += point.revenue_minor + point.presale_minor
    return {channel: dict(sums) for channel, sums in money.items()}


def entrants_digest(proof: DrawProof) -> str:
    """Hex SHA-256 over the entrants' ids in byte order, each followed by a line feed: the list in one word."""
    return hashlib.sha256("".join(f"{buyer_id}\n" for buyer_id in proof.entrants).encode()).hexdigest()


def draw_holds(proof: DrawProof) -> bool:
    """Compute the draw again (`flashsale.draws`): the seed is the one that was promised, and these are its winners."""
    drawn = draws.winners(
        proof.draw.seed, proof.draw.draw_id, [BuyerId(name) for name in proof.entrants], proof.draw.winners_max
    )
    return draws.seed_hash(proof.draw.seed) == proof.draw.seed_hash and drawn == proof.winners
