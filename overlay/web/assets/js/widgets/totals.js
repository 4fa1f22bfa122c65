// The sale in a few large numbers: revenue, presale apart, orders, likes, and the clock that runs.

import { el, say, setText, setWords, show } from "../dom.js";
import { count, countdown, money } from "../format.js";

export function totals() {
  const revenue = el("b", { class: "revenue" });
  const presaleSum = el("b");
  const presale = el("p", { class: "presale-money" }, say("另有预售", "Presale, apart"), " ", presaleSum);
  const refundsLen = el("b");
  const refunds = el("p", { class: "refunds" }, say("待退款", "Refunds due"), " ", refundsLen);
  const figures = {
    orders: figure("订单", "Orders"),
    pace: figure("每分钟", "Per minute"),
    buyers: figure("买家", "Buyers"),
    likes: figure("点赞", "Likes"),
    viewers: figure("在看", "Watching"),
    refused: figure("没抢到", "Missed out"),
  };
  const clock = el("b", { class: "clock", attrs: { role: "timer" } });
  const clockWords = el("span", { class: "clock-words" });
  const clockLine = el("p", { class: "countdown" }, clockWords, clock);
  const root = el(
    "section",
    { class: "card totals" },
    el("h2", { class: "card-title" }, say("成交额", "Revenue")),
    revenue,
    presale,
    refunds,
    el("dl", { class: "figures-grid" }, ...Object.values(figures).map((one) => one.root)),
    clockLine,
  );
  return {
    root,
    render(sale) {
      const { totals: sums, currency } = sale.tally;
      setText(revenue, money(sums.revenue_minor, currency));
      show(presale, sums.presale_minor > 0 || sums.presale_orders > 0);
      setText(presaleSum, money(sums.presale_minor, currency));
      show(refunds, sums.refunds_due > 0);
      setText(refundsLen, count(sums.refunds_due));
      const pace = sale.outlook.orders_per_minute;
      setText(figures.orders.value, count(sums.orders));
      setText(figures.pace.value, pace === undefined || pace === null ? "–" : count(pace));
      setText(figures.buyers.value, count(sums.buyers));
      setText(figures.likes.value, count(sums.likes));
      setText(figures.viewers.value, count(sums.viewers));
      setText(figures.refused.value, count(sums.refused));
      renderClock(sale);
    },
  };

  function renderClock(sale) {
    const ends = (sale.outlook.countdowns ?? []).filter((one) => one.ends_at_ms > sale.nowMs);
    show(clockLine, ends.length > 0);
    if (ends.length === 0) return;
    const soonest = ends.reduce((first, one) => (one.ends_at_ms < first.ends_at_ms ? one : first));
    setWords(clockWords, "特惠还剩", "Special price ends in");
    setText(clock, countdown(soonest.ends_at_ms - sale.nowMs));
  }
}

function figure(zh, en) {
  const value = el("dd");
  return { root: el("div", { class: "figure" }, el("dt", {}, say(zh, en)), value), value };
}
