// The latest orders, newest on top. A buyer is a mask, never a name that anybody could find.

import { el, keep, say, setText, setWords, show } from "../dom.js";
import { clock } from "../format.js";
import { channelName } from "../words.js";

const LINES_MAX = 14;

export function ticker() {
  const list = el("ol", { class: "orders" });
  const empty = el("p", { class: "empty" }, say("等待第一单", "Waiting for the first order"));
  const root = el(
    "section",
    { class: "card ticker" },
    el("h2", { class: "card-title" }, say("最新成交", "Latest orders")),
    empty,
    list,
  );
  const rows = new Map();
  return {
    root,
    render(sale) {
      const newest = sale.recent.slice(-LINES_MAX).reverse();
      const byKey = new Map(newest.map((order) => [order.key, order]));
      show(empty, newest.length === 0);
      keep(list, rows, [...byKey.keys()], orderLine, (row, key) => row.render(sale.tally, byKey.get(key)));
    },
  };
}

function orderLine() {
  const time = el("time");
  const channel = el("span", { class: "channel" });
  const buyer = el("span", { class: "buyer" });
  const goods = el("span", { class: "goods" });
  const packs = el("b", { class: "packs" });
  const tag = el("span", { class: "tag presale-tag" }, say("预售", "Presale"));
  return {
    root: el("li", { class: "order" }, time, channel, buyer, goods, tag, packs),
    render(tally, order) {
      setText(time, clock(order.at_ms));
      channel.dataset.channel = order.channel;
      setWords(channel, ...channelName(order.channel));
      setText(buyer, order.buyer);
      setText(goods, tally.offers[order.sku]?.name ?? order.sku);
      setText(packs, `×${order.packs}`);
      show(tag, order.kind === "presale");
    },
  };
}
