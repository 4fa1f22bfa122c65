"""The terminal's picture of the sale: how much of each pool is sold, and the sale in one line. Pure rendering, no I/O."""

from __future__ import annotations

from collections import deque

from rich.bar import Bar
from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from flashsale.tally import PoolTally, Tally
from ingest.demo.plan import EVENING_STARTS_AT_MS, MINUTE_MS
from ingest.demo.replay import ReplayState

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


def render(tally: Tally, state: ReplayState, rate: OrderRate) -> RenderableType:
    """The whole picture."""
    parts: list[RenderableType] = [_pools_table(tally), "", _totals_line(tally, state, rate)]
    share = state.sent / state.total if state.total else 1.0
    title = f"{tally.name} · {clock_text(state.at_ms)} · {share:.0%}"
    return Panel(Group(*parts), title=title, border_style="green", padding=(1, 2))


def _pools_table(tally: Tally) -> Table:
    table = Table(box=None, pad_edge=False, expand=True, show_header=False, padding=(0, 2, 1, 0))
    table.add_column("pool", no_wrap=True)
    table.add_column("bar", ratio=1, min_width=16)
    table.add_column("sold", justify="right", no_wrap=True)
    table.add_column("stamp", no_wrap=True)
    for pool in tally.pools:
        stock, unit = max(1, pool.initial + pool.adjusted), pool.base_unit
        name = Text.assemble((pool.name, "bold"), "\n", (_ENGLISH.get(pool.pool_id, pool.pool_id), "dim"))
        bar = Group(
            Bar(size=stock, begin=0, end=pool.sold, color="green", bgcolor="grey23"),
            Bar(size=stock, begin=pool.sold, end=pool.sold + pool.held, color="yellow", bgcolor="grey11"),
        )
        sold = f"售 {units_text(pool.sold, unit)} / {units_text(stock, unit)}"
        held = (
            f"预占 held {units_text(pool.held, unit)}" if pool.held else f"余 left {units_text(pool.available, unit)}"
        )
        table.add_row(name, bar, Text.assemble((sold, "bold"), "\n", (held, "dim")), _stamp(pool))
    return table


def _stamp(pool: PoolTally) -> Text:
    """What a glance has to find: sold out, oversold, presale, and how much more was wanted."""
    unit = pool.base_unit
    lines: list[tuple[str, str]] = []
    if pool.oversold:
        lines.append((f"超卖 OVERSOLD {units_text(pool.oversold, unit)}", "bold white on red"))
    elif pool.presale_quota:
        booked = units_text(pool.presold + pool.presale_held, unit)
        lines.append((f"售罄 · 预售 presale {booked}", "bold magenta"))
    elif pool.available == 0 and pool.held == 0:
        lines.append(("售罄 SOLD OUT", "bold red"))
    if pool.refused:
        lines.append((f"未满足 refused {units_text(pool.refused, unit)}", "dim"))
    return Text("\n").join(Text(line, style=style) for line, style in lines)


def _totals_line(tally: Tally, state: ReplayState, rate: OrderRate) -> Table:
    totals = tally.totals
    grid = Table.grid(padding=(0, 3))
    cells = [
        ("销售额 revenue", money_text(totals.revenue_minor)),
        ("订单 orders", f"{totals.orders:,}"),
        ("每分钟 per min", f"{rate.per_minute():,.0f}"),
        ("预售 presale", money_text(totals.presale_minor)),
        ("未满足 refused", f"{totals.refused:,}"),
        ("候补 waiting", f"{totals.waitlisted:,}"),
        ("重复 duplicates", f"{totals.duplicates:,}"),
        ("点赞 likes", f"{totals.likes:,}"),
    ]
    if state.problems_count:
        cells.append(("问题 problems", f"{state.problems_count:,}"))
    for start in range(0, len(cells), 4):
        grid.add_row(
            *(Text.assemble((label, "dim"), " ", (value, "bold")) for label, value in cells[start : start + 4])
        )
    return grid
