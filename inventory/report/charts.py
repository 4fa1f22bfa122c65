"""The report's charts as Plotly figures: plain data, drawn in the reader's browser by the inlined script."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from inventory.catalogue.columns import BEIJING
from inventory.exports.sheets import REASONS_ZH
from inventory.money import currency_decimals, currency_unit_zh
from inventory.report.domain import (
    ReportFacts,
    channel_zh,
    display_step_ms,
    in_steps,
    shown_percent,
    shown_units,
)

Figure = dict[str, Any]

GREEN, LIGHT_GREEN, PAPER, INK, GREY, RED, GOLD = (
    *("#1F6F50", "#8FBFA3", "#E4E0D6", "#22302A", "#7A827C", "#B3261E", "#C98A1B"),
)
_CHANNEL_COLOURS = ("#1F6F50", "#D9773F", "#3E6C8F", "#C9A227", "#8A5A83", "#6BA292", "#A34A3A", "#7D8A4E", "#4F5D75")
_FONT = '"Noto Sans CJK SC","Source Han Sans SC","PingFang SC","Microsoft YaHei",system-ui,sans-serif'


def sellthrough_chart(facts: ReportFacts) -> Figure:
    """Each pool as one bar of its whole stock: sold, held, left, and what was oversold beyond it."""
    pools = facts.figures.pools[::-1]
    whole = [max(pool.initial + pool.adjusted, pool.sold + pool.held, 1) for pool in pools]
    names = [f"<b>{_plain(pool.name)}</b>" for pool in pools]

    def part(label: str, field: str, colour: str) -> Figure:
        counts = [getattr(pool, field) for pool in pools]
        return {
            "type": "bar",
            "orientation": "h",
            "name": label,
            "y": names,
            "x": [100 * count / total for count, total in zip(counts, whole, strict=True)],
            "marker": {"color": colour},
            "customdata": [shown_units(count, pool.base_unit) for count, pool in zip(counts, pools, strict=True)],
            "hovertemplate": f"{label}：%{{customdata}}<extra></extra>",
        }

    sold = part("已售 sold", "sold", GREEN)
    sold["text"] = [
        f"\u2002{shown_units(pool.sold, pool.base_unit)} · {shown_percent(pool.sold, total)}"
        for pool, total in zip(pools, whole, strict=True)
    ]
    sold |= {"textposition": "inside", "insidetextanchor": "start", "textfont": {"color": "#FFFFFF", "size": 13}}
    layout = _layout(height=70 + 46 * max(len(pools), 1))
    layout |= {"barmode": "stack", "bargap": 0.36}
    layout["xaxis"] |= {"range": [0, 100], "ticksuffix": "%"}
    layout["yaxis"] |= {"tickfont": {"size": 14}}
    layout["margin"]["l"] = 120
    return {"data": [sold, part("预占 held", "held", GOLD), part("剩余 left", "available", PAPER)], "layout": layout}


def timeline_chart(facts: ReportFacts) -> Figure:
    """Money by channel over time, and the sum of it as a line."""
    step_ms, currency = display_step_ms(facts.timeline), facts.sale.currency
    scale = 10 ** currency_decimals(currency)
    money = in_steps(facts.timeline, step_ms)
    steps = sorted({at_ms for sums in money.values() for at_ms in sums})
    traces: list[Figure] = []
    for index, channel in enumerate(sorted(money, key=lambda name: -sum(money[name].values()))):
        traces.append(
            {
                "type": "bar",
                "name": _plain(channel_zh(channel)),
                "x": [_moment(at_ms) for at_ms in steps],
                "y": [money[channel].get(at_ms, 0) / scale for at_ms in steps],
                "marker": {"color": _CHANNEL_COLOURS[index % len(_CHANNEL_COLOURS)]},
                "hovertemplate": "%{fullData.name}：%{y:,.2f}<extra></extra>",
            }
        )
    total_minor, running = 0, []
    for at_ms in steps:
        total_minor += sum(sums.get(at_ms, 0) for sums in money.values())
        running.append(total_minor / scale)
    traces.append(
        {
            "type": "scatter",
            "mode": "lines",
            "name": "累计 running total",
            "x": [_moment(at_ms) for at_ms in steps],
            "y": running,
            "yaxis": "y2",
            "line": {"color": INK, "width": 2.5, "shape": "hv"},
            "hovertemplate": "累计：%{y:,.2f}<extra></extra>",
        }
    )
    layout = _layout(height=380)
    layout |= {"barmode": "stack", "bargap": 0.08, "hovermode": "x unified"}
    layout["xaxis"] |= {"type": "date", "tickformat": "%H:%M:%S" if step_ms < 60_000 else "%m-%d %H:%M", "nticks": 10}
    layout["yaxis"] |= {
        "title": {"text": f"每 {_step_zh(step_ms)} · {currency_unit_zh(currency)}"},
        "rangemode": "tozero",
    }
    layout["yaxis"]["tickformat"] = ","
    layout["yaxis2"] = {
        **layout["yaxis"],
        "title": {"text": "累计 running total"},
        "overlaying": "y",
        "side": "right",
        "showgrid": False,
        "tickmode": "auto",
        "nticks": 6,
    }
    layout["margin"] |= {"l": 70, "r": 80}
    return {"data": traces, "layout": layout}


def channel_chart(facts: ReportFacts) -> Figure:
    """Revenue of each channel."""
    scale = 10 ** currency_decimals(facts.sale.currency)
    channels = sorted(facts.figures.channels, key=lambda channel: channel.revenue_minor)
    trace = {
        "type": "bar",
        "orientation": "h",
        "y": [_plain(channel_zh(channel.channel)) for channel in channels],
        "x": [channel.revenue_minor / scale for channel in channels],
        "text": [f"{channel.revenue_minor / scale:,.2f}" for channel in channels],
        "textposition": "auto",
        "cliponaxis": False,
        "marker": {"color": GREEN},
        "hovertemplate": "%{y}：%{x:,.2f}<extra></extra>",
    }
    layout = _layout(height=60 + 40 * max(len(channels), 1))
    layout |= {"showlegend": False, "bargap": 0.36}
    layout["xaxis"]["tickformat"] = ","
    layout["margin"]["l"] = 110
    return {"data": [trace], "layout": layout}


def demand_chart(facts: ReportFacts) -> Figure:
    """Packs that were wanted and not sold, by offer and reason."""
    colours = {"sold_out": RED, "limit_reached": GOLD, "waitlisted": LIGHT_GREEN, "wished": "#3E6C8F"}
    names = list(dict.fromkeys(row.name or "未知商品" for row in facts.demand))[::-1]
    reasons = sorted({row.reason for row in facts.demand}, key=[*colours, *REASONS_ZH].index)
    traces: list[Figure] = []
    for reason in reasons:
        packs = {row.name or "未知商品": row.packs for row in facts.demand if row.reason == reason}
        traces.append(
            {
                "type": "bar",
                "orientation": "h",
                "name": REASONS_ZH.get(reason, reason),
                "y": [_plain(name) for name in names],
                "x": [packs.get(name, 0) for name in names],
                "marker": {"color": colours.get(reason, GREY)},
                "hovertemplate": "%{fullData.name}：%{x:,} 件<extra></extra>",
            }
        )
    layout = _layout(height=80 + 38 * max(len(names), 1))
    layout |= {"barmode": "stack", "bargap": 0.36}
    layout["margin"]["l"] = 190
    return {"data": traces, "layout": layout}


def _layout(height: int) -> Figure:
    axis: Figure = {"gridcolor": "#E9E5DB", "zerolinecolor": "#D5D0C4", "automargin": True, "fixedrange": True}
    return {
        "height": height,
        "autosize": True,
        "font": {"family": _FONT, "size": 13, "color": INK},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "margin": {"l": 60, "r": 24, "t": 34, "b": 36},
        "legend": {"orientation": "h", "y": 1.0, "yanchor": "bottom", "x": 0, "traceorder": "normal"},
        "xaxis": dict(axis),
        "yaxis": dict(axis),
        "separators": ".,",
    }


def _moment(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, BEIJING).strftime("%Y-%m-%d %H:%M:%S")


def _step_zh(step_ms: int) -> str:
    seconds = step_ms // 1000
    for size, name in ((86400, "天"), (3600, "小时"), (60, "分钟")):
        if seconds >= size:
            return f"{seconds // size} {name}" if seconds > size else name
    return f"{seconds} 秒" if seconds > 1 else "秒"


def _plain(text: str) -> str:
    # Plotly reads a few HTML tags in its labels; names from a catalogue are only text.
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
