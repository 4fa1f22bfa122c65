"""Facts → one HTML page. All text from outside is escaped; all data for scripts is JSON that cannot end its element."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from importlib.resources import files
from string import Template

import msgspec

from flashsale.tally import PoolTally
from inventory.exports.sheets import REASONS_ZH
from inventory.ledger import DrawProof
from inventory.money import shown_amount
from inventory.report import charts
from inventory.report.domain import (
    ReportFacts,
    by_supplier,
    channel_zh,
    draw_holds,
    entrants_digest,
    shown_moment,
    shown_percent,
    shown_units,
)

_STATES_ZH = {"draft": "筹备中", "open": "进行中", "paused": "暂停", "closed": "已结束"}
WINNERS_SHOWN_MAX = 200
DIFFERENCES_SHOWN_MAX = 100
REFUNDS_SHOWN_MAX = 200


def render_report(facts: ReportFacts) -> str:
    """Render the page. Pure but for reading the package's own style sheet and the charts' script."""
    from plotly.offline import get_plotlyjs

    sections = (
        _sellthrough(facts),
        _timeline(facts),
        _channels(facts),
        _settlement(facts),
        _demand(facts),
        _refunds(facts),
        _draws(facts),
        _books(facts),
    )
    package = files("inventory.report")
    figures = {
        "chart-sellthrough": charts.sellthrough_chart(facts),
        "chart-timeline": charts.timeline_chart(facts),
        "chart-channels": charts.channel_chart(facts),
        "chart-demand": charts.demand_chart(facts),
    }
    return Template((package / "page.html").read_text("utf-8")).substitute(
        title=escape(f"{_name(facts)} · 专场报告"),
        style=(package / "page.css").read_text("utf-8"),
        masthead=_masthead(facts),
        sections="\n".join(section for section in sections if section),
        made_at=escape(shown_moment(facts.made_at_ms)),
        rev=escape(facts.figures.rev or "—"),
        figures=msgspec.json.encode(figures).decode().replace("<", "\\u003c"),
        plotly=get_plotlyjs().replace("</script", "<\\/script"),
    )


# --------------------------------------------------------------------------------------------------- building blocks


def _name(facts: ReportFacts) -> str:
    return facts.sale.name or facts.sale.sale_id


def _money(facts: ReportFacts, amount_minor: int) -> str:
    return escape(shown_amount(amount_minor, facts.sale.currency))


def _section(title: str, english: str, body: str, *, chart: str = "") -> str:
    figure = f'<div class="chart" id="{chart}" role="img" aria-label="{escape(title)}"></div>' if chart else ""
    return f"<section><h2>{escape(title)}<small>{escape(english)}</small></h2>{figure}{body}</section>"


def _table(headings: Iterable[str], rows: Iterable[Iterable[str]], *, numbers_from: int) -> str:
    """A table of cells that are HTML already; columns from `numbers_from` on are set as figures."""

    def cells(tag: str, row: Iterable[str]) -> str:
        return "".join(
            f'<{tag} class="n">{cell}</{tag}>' if index >= numbers_from else f"<{tag}>{cell}</{tag}>"
            for index, cell in enumerate(row)
        )

    head = cells("th", (_two_lines(heading) for heading in headings))
    body = "".join(f"<tr>{cells('td', row)}</tr>" for row in rows)
    return f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def _two_lines(heading: str) -> str:
    chinese, _, english = heading.partition("|")
    return f"{escape(chinese)}<small>{escape(english)}</small>"


# ----------------------------------------------------------------------------------------------------------- sections


def _masthead(facts: ReportFacts) -> str:
    totals, sale = facts.figures.totals, facts.sale
    stats = (
        ("订单", "orders", f"{totals.orders:,}"),
        ("买家", "buyers", f"{totals.buyers:,}"),
        ("预售", f"{totals.presale_orders:,} presale orders", _money(facts, totals.presale_minor)),
        ("未满足", "claims refused", f"{totals.refused:,}"),
        ("点赞", "likes", f"{totals.likes:,}"),
        ("评论", "comments", f"{totals.comments:,}"),
    )
    items = "".join(f"<li><b>{value}</b><span>{zh}<small>{en}</small></span></li>" for zh, en, value in stats)
    ended = shown_moment(sale.closed_at_ms) if sale.closed_at_ms else _STATES_ZH.get(sale.state, sale.state)
    return (
        f'<header><div class="name"><p class="kind">专场报告 <span>Report of the sale</span></p><h1>{escape(_name(facts))}</h1>'
        f'<p class="when">{escape(shown_moment(sale.opened_at_ms))} — {escape(ended)} <span>北京时间 UTC+8</span></p></div>'
        f"{_seal(facts)}"
        f'<div class="revenue"><p>成交额 <span>Revenue, presale not counted in</span></p>'
        f"<strong>{_money(facts, totals.revenue_minor)}</strong></div>"
        f'<ul class="stats">{items}</ul></header>'
    )


def _seal(facts: ReportFacts) -> str:
    if facts.check is None:
        return '<p class="seal none"><b>账目<br>未核</b><span>books not checked</span></p>'
    if facts.check.balanced:
        return '<p class="seal good"><b>账目<br>相符</b><span>books balance</span></p>'
    return '<p class="seal bad"><b>账目<br>不符</b><span>books differ</span></p>'


def _sellthrough(facts: ReportFacts) -> str:
    def row(pool: PoolTally) -> tuple[str, ...]:
        stock = pool.initial + pool.adjusted
        mark = ' <em class="out">售罄</em>' if stock and pool.available == 0 else ""
        if pool.oversold:
            mark += f' <em class="over">超卖 {escape(shown_units(pool.oversold, pool.base_unit))}</em>'
        counts = (stock, pool.sold, pool.held, pool.available)
        presale = "—"
        if pool.presale_quota or pool.presold:
            ships = (
                f"<small>{escape(shown_moment(pool.presale_ships_at_ms))} 发货</small>"
                if pool.presale_ships_at_ms
                else ""
            )
            presale = (
                f"{escape(shown_units(pool.presold, pool.base_unit))} / "
                f"{escape(shown_units(pool.presale_quota, pool.base_unit))}{ships}"
            )
        return (
            f"{escape(pool.name)}{mark}",
            *(escape(shown_units(count, pool.base_unit)) for count in counts),
            shown_percent(pool.sold, stock),
            presale,
        )

    headings = ("库存池|pool", "库存|stock", "已售|sold", "预占|held", "剩余|left", "售出率|sold share", "预售|presale")
    table = _table(headings, (row(pool) for pool in facts.figures.pools), numbers_from=1)
    return _section("售出进度", "Sell-through", table, chart="chart-sellthrough")


def _timeline(facts: ReportFacts) -> str:
    if not facts.timeline:
        return _section("成交走势", "Sales over time", '<p class="empty">还没有订单。 No orders yet.</p>')
    return _section("成交走势", "Sales over time", "", chart="chart-timeline")


def _channels(facts: ReportFacts) -> str:
    total_minor = facts.figures.totals.revenue_minor
    headings = (
        "渠道|channel",
        "订单|orders",
        "成交额|revenue",
        "占比|share",
        "未满足|refused",
        "评论|comments",
        "点赞|likes",
    )
    rows = (
        (
            escape(channel_zh(channel.channel)),
            f"{channel.orders:,}",
            _money(facts, channel.revenue_minor),
            shown_percent(channel.revenue_minor, total_minor),
            *(f"{channel.refused:,}", f"{channel.comments:,}", f"{channel.likes:,}"),
        )
        for channel in sorted(facts.figures.channels, key=lambda channel: -channel.revenue_minor)
    )
    return _section("渠道", "Channels", _table(headings, rows, numbers_from=1), chart="chart-channels")


def _settlement(facts: ReportFacts) -> str:
    rows: list[tuple[str, ...]] = []
    for group in by_supplier(facts.sold):
        for index, row in enumerate(group.rows):
            supplier = (
                f"{escape(group.supplier) or '(未填)'}<small>{escape(group.county)}</small>" if index == 0 else ""
            )
            certificate = f"<small>{escape(row.certificate_no)}</small>" if row.certificate_no else ""
            rows.append(
                (
                    *(supplier, f"{escape(row.name)}{certificate}", f"{row.packs:,}", _money(facts, row.revenue_minor)),
                    f"{row.presale_packs:,}" if row.presale_packs else "—",
                    _money(facts, row.presale_minor) if row.presale_minor else "—",
                )
            )
        if len(group.rows) > 1:
            rows.append(
                (
                    "",
                    "<b>小计</b>",
                    "",
                    f"<b>{_money(facts, group.revenue_minor)}</b>",
                    "",
                    _money(facts, group.presale_minor),
                )
            )
    totals = facts.figures.totals
    total = (_money(facts, totals.revenue_minor), _money(facts, totals.presale_minor))
    rows.append(("<b>合计</b>", "", "", f"<b>{total[0]}</b>", "", f"<b>{total[1]}</b>"))
    headings = (
        "供应商|supplier",
        "商品|goods",
        "件数|packs",
        "成交额|revenue",
        "预售件数|presale packs",
        "预售额|presale",
    )
    return _section("供应商结算", "Settlement by supplier and county", _table(headings, rows, numbers_from=2))


def _demand(facts: ReportFacts) -> str:
    if not facts.demand:
        return ""
    rows = (
        (
            escape(row.name or "未知商品"),
            escape(REASONS_ZH.get(row.reason, row.reason)),
            f"{row.claims:,}" if row.claims else "—",
            f"{row.packs:,}",
            escape(shown_units(row.units, row.base_unit)),
            _money(facts, row.amount_minor),
        )
        for row in facts.demand
    )
    headings = ("商品|goods", "原因|reason", "次数|claims", "件数|packs", "数量|units", "按价折合|at the offer price")
    note = '<p class="note">想买而没有买到的：下一场备货的依据。 Wanted and not sold: what to bring next time.</p>'
    return _section(
        "未满足的需求", "Demand not met", note + _table(headings, rows, numbers_from=2), chart="chart-demand"
    )


def _refunds(facts: ReportFacts) -> str:
    if not facts.refunds:
        return ""
    rows = (
        (
            *(escape(row.claim_id), escape(channel_zh(row.channel)), escape(row.buyer_id)),
            *(escape(shown_moment(row.refund_due_at_ms)), _money(facts, row.refund_due_minor)),
        )
        for row in facts.refunds[:REFUNDS_SHOWN_MAX]
    )
    headings = ("订单|claim", "渠道|channel", "买家编号|buyer", "付款时间|paid at", "应退|to pay back")
    more = f'<p class="note">共 {len(facts.refunds):,} 笔。 {len(facts.refunds):,} in all.</p>'
    table = _table(headings, rows, numbers_from=4)
    return _section("待退款", "Refunds due: paid after the stock was gone", more + table)


def _draws(facts: ReportFacts) -> str:
    if not facts.draws:
        return ""
    rule = (
        '<p class="note">验证方法：对每位参加者计算 SHA-256(种子:抽奖编号:买家编号)，值最小的中奖；'
        "种子的 SHA-256 在开抽前已公布。"
        " To verify: rank every entrant by SHA-256(seed:draw_id:buyer_id), the lowest win; the seed's hash was public before"
        " anybody entered.</p>"
    )
    return _section("抽奖", "Draws, with their proof", rule + "".join(_draw(proof) for proof in facts.draws))


def _draw(proof: DrawProof) -> str:
    draw = proof.draw
    facts: list[tuple[str, str]] = [
        ("抽奖编号 draw_id", f"<code>{escape(draw.draw_id)}</code>"),
        ("参加 entrants", f"{draw.entrants:,} · <code>{entrants_digest(proof)}</code>"),
        ("种子哈希 seed hash", f"<code>{escape(draw.seed_hash)}</code>"),
    ]
    if draw.state == "settled":
        verdict = (
            '<em class="fine">复算一致 verified</em>'
            if draw_holds(proof)
            else '<em class="over">复算不符 NOT verified</em>'
        )
        names = " ".join(f"<code>{escape(name)}</code>" for name in proof.winners[:WINNERS_SHOWN_MAX])
        facts += [
            ("种子 seed", f"<code>{escape(draw.seed)}</code>"),
            ("中奖 winners", names or "—"),
            ("复算 computed again", verdict),
        ]
    else:
        facts.append(("状态 state", "进行中 open" if draw.state == "open" else "已截止，待开奖 closed, not settled"))
    moments = f"{shown_moment(proof.opened_at_ms)} — {shown_moment(proof.settled_at_ms or proof.closed_at_ms)}"
    listed = "".join(f"<dt>{term}</dt><dd>{value}</dd>" for term, value in facts)
    return f'<article class="draw"><h3>{escape(draw.prize)}<small>{escape(moments)}</small></h3><dl>{listed}</dl></article>'


def _books(facts: ReportFacts) -> str:
    if facts.check is None:
        text = "这份报告出具时没有核对账目；请运行 sellthrough check。 The books were not checked for this report."
        return _section("账目核对", "Books check", f'<p class="note">{text}</p>')
    chinese, _, english = facts.check.text().partition("\n")
    body = f"<p>{escape(chinese)}</p>"
    if facts.check.balanced:
        body += f'<p class="note">{escape(english)}</p>'
    else:
        shown = facts.check.differences[:DIFFERENCES_SHOWN_MAX]
        rows = ((escape(one.where), escape(one.what), escape(one.expected), escape(one.found)) for one in shown)
        body += _table(("哪里|where", "什么|what", "应为|expected", "实为|found"), rows, numbers_from=2)
    return _section("账目核对", "Books check: store, log and ledger", body)
