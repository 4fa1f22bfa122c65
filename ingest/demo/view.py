"""The terminal's picture of the sale: how much of each pool is sold, and the sale in one line. Pure rendering, no I/O."""

from __future__ import annotations

from collections import deque
from typing import Any

from rich.bar import Bar
from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from ingest.demo.plan import EVENING_STARTS_AT_MS, MINUTE_MS
from ingest.demo.replay import ReplayState
from ingest.demo.stage import Pages

_DAY_MS = 24 * 60 * MINUTE_MS
_TONGGU_OFFSET_MS = 8 * 60 * MINUTE_MS
_ENGLISH = {
    "eggs": "eggs",
    "noodles": "rice noodles",
    "honey": "honey",
    "bamboo": "bamboo shoots",
    "tea": "chrysanthemum tea",
    "oil": "camellia oil",
    "candied": "candied fruit",
}
RATE_WINDOW_MS = 5 * MINUTE_MS


class OrderRate:
    """Orders a minute of the recorded evening, over its last minutes."""

    def __init__(self) -> None:
        self._seen: deque[tuple[int, int]] = deque()

    def add(self, at_ms: int, orders: int) -> None:
        """Note how many orders there were at a moment."""
        self._seen.append((at_ms, orders))
        while self._seen[0][0] < at_ms - RATE_WINDOW_MS:
            self._seen.popleft()

    def per_minute(self) -> float:
        """Orders a minute; 0 before there is anything to compare."""
        (first_ms, first), (last_ms, last) = self._seen[0], self._seen[-1]
        return (last - first) * MINUTE_MS / (last_ms - first_ms) if last_ms > first_ms else 0.0


def units_text(units: int, base_unit: str) -> str:
    """An amount as people say it: grams as kilograms, the rest as counted."""
    if base_unit == "克":
        return f"{units / 1_000:,.0f} kg"
    return f"{units:,} {base_unit}"


def money_text(amount_minor: int) -> str:
    """Fen as yuan."""
    return f"¥{amount_minor / 100:,.2f}"


def clock_text(at_ms: int) -> str:
    """The evening's clock at an offset from its start."""
    seconds = (EVENING_STARTS_AT_MS + _TONGGU_OFFSET_MS + at_ms) % _DAY_MS // 1_000
    return f"{seconds // 3_600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"


def render(tally: dict[str, Any], state: ReplayState, rate: OrderRate, pages: Pages | None) -> RenderableType:
    """The whole picture."""
    parts: list[RenderableType] = []
    if pages is not None:
        addresses = Table.grid(padding=(0, 1))
        addresses.add_row("直播画面 overlay", Text(pages.overlay_url, style="cyan", overflow="fold"))
        addresses.add_row("主播后台 console", Text(pages.console_url, style="cyan", overflow="fold"))
        parts += [addresses, ""]
    parts += [_pools_table(tally), "", _totals_line(tally, state, rate)]
    share = state.sent / state.total if state.total else 1.0
    title = f"{tally['name']} · {clock_text(state.at_ms)} · {share:.0%}"
    return Panel(Group(*parts), title=title, border_style="green", padding=(1, 2))


def _pools_table(tally: dict[str, Any]) -> Table:
    table = Table(box=None, pad_edge=False, expand=True)
    table.add_column("库存池 pool", no_wrap=True)
    table.add_column("售出 sold", ratio=1)
    table.add_column("", justify="right", no_wrap=True)
    table.add_column("预占 held", justify="right", no_wrap=True)
    table.add_column("余 left", justify="right", no_wrap=True)
    table.add_column("未满足 refused", justify="right", no_wrap=True)
    table.add_column("", no_wrap=True)
    for pool in tally["pools"]:
        stock, unit = max(1, pool["initial"] + pool["adjusted"]), pool["base_unit"]
        name = Text.assemble(pool["name"], " ", (_ENGLISH.get(pool["pool_id"], pool["pool_id"]), "dim"))
        table.add_row(
            name,
            Bar(size=stock, begin=0, end=pool["sold"], color="green"),
            f"{units_text(pool['sold'], unit)} / {units_text(stock, unit)}",
            units_text(pool["held"], unit) if pool["held"] else "",
            units_text(pool["available"], unit),
            units_text(pool["refused"], unit) if pool["refused"] else "",
            _stamp(pool),
        )
    return table


def _stamp(pool: dict[str, Any]) -> Text:
    unit = pool["base_unit"]
    if pool["oversold"]:
        return Text(f"超卖 OVERSOLD {units_text(pool['oversold'], unit)}", style="bold white on red")
    if pool["presale_quota"]:
        booked = pool["presold"] + pool["presale_held"]
        return Text(f"售罄 SOLD OUT · 预售 presale {units_text(booked, unit)}", style="bold yellow")
    if pool["available"] == 0 and pool["held"] == 0:
        return Text("售罄 SOLD OUT", style="bold red")
    return Text("")


def _totals_line(tally: dict[str, Any], state: ReplayState, rate: OrderRate) -> Table:
    totals = tally["totals"]
    grid = Table.grid(padding=(0, 3))
    cells = [
        ("销售额 revenue", money_text(totals["revenue_minor"])),
        ("订单 orders", f"{totals['orders']:,}"),
        ("每分钟 per min", f"{rate.per_minute():,.0f}"),
        ("预售 presale", money_text(totals["presale_minor"])),
        ("未满足 refused", f"{totals['refused']:,}"),
        ("候补 waiting", f"{totals['waitlisted']:,}"),
        ("重复 duplicates", f"{totals['duplicates']:,}"),
        ("点赞 likes", f"{totals['likes']:,}"),
    ]
    if state.problems_count:
        cells.append(("问题 problems", f"{state.problems_count:,}"))
    for start in range(0, len(cells), 4):
        grid.add_row(
            *(Text.assemble((label, "dim"), " ", (value, "bold")) for label, value in cells[start : start + 4])
        )
    return grid
