// Stock and offers: a block for each pool, with what a host does during a sale: show an offer, correct the stock.

import { el, keep, say, setText, setWords, show } from "../dom.js";
import { amount, count, day, hour, money, percent, shortName, unitOf, withUnit } from "../format.js";
import { REASONS } from "../words.js";
import { salePath } from "./api.js";
import { field, openForm, select } from "./dialogs.js";
import { act, tell } from "./notices.js";

export function stock(api, saleId) {
  const blocks = el("div", { class: "blocks" });
  const nobody = el("button", { class: "small", attrs: { type: "button" } }, say("不讲解任何商品", "Feature nothing"));
  const root = el(
    "section",
    { class: "card panel stock", attrs: { "aria-labelledby": "stock-title" } },
    el("div", { class: "panel-head" }, el("h2", { attrs: { id: "stock-title" } }, say("库存与商品", "Stock and offers")), nobody),
    blocks,
  );
  const rows = new Map();
  const featured = { sku: null, feature };

  async function feature(button, sku, name) {
    await act(button, async () => {
      await api.put(salePath(saleId, "/featured"), { sku });
      featured.sku = sku;
      if (sku) tell(`正在讲解：${name}`, "featured now");
      else tell("现在没有讲解商品", "Nothing is featured now");
    });
  }
  nobody.addEventListener("click", () => feature(nobody, "", ""));

  return {
    root,
    async load() {
      const sale = await api.get(salePath(saleId));
      featured.sku = sale.featured ?? "";
    },
    render(sale) {
      const { tally } = sale;
      const ids = tally.order.pools.filter((id) => tally.pools[id]);
      keep(blocks, rows, ids, () => poolBlock(api, saleId, featured), (row, id) => row.render(sale, tally.pools[id]));
    },
  };
}

function poolBlock(api, saleId, featured) {
  const name = el("h3");
  const gone = el("span", { class: "tag gone-tag" }, say("售罄", "Sold out"));
  const oversold = el("span", { class: "tag oversold-tag" });
  const adjust = el("button", { class: "small", attrs: { type: "button" } }, say("调整库存", "Adjust stock"));
  const sold = el("i", { class: "part sold" });
  const held = el("i", { class: "part held" });
  const over = el("i", { class: "part over" });
  const bar = el("div", { class: "bar", attrs: { role: "img" } }, sold, held, over);
  const figures = el("p", { class: "pool-figures" });
  const presale = el("p", { class: "pool-figures presale-figures" });
  const offers = el("ul", { class: "offers" });
  const root = el(
    "article",
    { class: "block" },
    el("div", { class: "block-head" }, name, gone, oversold, adjust),
    bar,
    figures,
    presale,
    offers,
  );
  const offerRows = new Map();
  let current = null;
  adjust.addEventListener("click", () => openAdjust(api, saleId, current));

  return {
    root,
    render(sale, pool) {
      current = pool;
      const { tally } = sale;
      const unit = unitOf(pool);
      const capacity = pool.initial + pool.adjusted;
      const whole = Math.max(capacity, pool.sold + pool.held, 1);
      root.dataset.pool = pool.pool_id;
      root.classList.toggle("oversold", pool.oversold > 0);
      setText(name, pool.name);
      show(gone, pool.available <= 0 && capacity > 0);
      show(oversold, pool.oversold > 0);
      setWords(oversold, `超卖 ${withUnit(pool.oversold, unit)}`, "oversold");
      adjust.setAttribute("aria-label", `调整库存 Adjust stock: ${pool.name}`);
      sold.style.width = `${((pool.sold - pool.oversold) / whole) * 100}%`;
      over.style.width = `${(pool.oversold / whole) * 100}%`;
      held.style.width = `${(pool.held / whole) * 100}%`;
      bar.setAttribute("aria-label", `${pool.name} 已售 ${percent(pool.sold, capacity)}% sold`);
      setFigures(figures, [
        ["已售", "sold", `${amount(pool.sold, unit)} / ${withUnit(capacity, unit)}`],
        ["预占", "held", withUnit(pool.held, unit)],
        ["余", "left", withUnit(pool.available, unit)],
        pool.waitlisted > 0 && ["候补", "waiting", withUnit(pool.waitlisted, unit)],
        pool.refused > 0 && ["没抢到", "missed", withUnit(pool.refused, unit)],
        pool.available > 0 && sale.outlook.sells_out_at_ms?.[pool.pool_id] && ["预计售罄", "sells out", hour(sale.outlook.sells_out_at_ms[pool.pool_id])],
      ]);
      show(presale, pool.presale_quota > 0 || pool.presold > 0);
      setFigures(presale, [
        ["预售", "presale", `${amount(pool.presold, unit)} / ${withUnit(pool.presale_quota, unit)}`],
        pool.presale_held > 0 && ["预占", "held", withUnit(pool.presale_held, unit)],
        pool.presale_ships_at_ms > 0 && ["发货", "ships", day(pool.presale_ships_at_ms).zh],
      ]);
      const skus = tally.order.offers.filter((sku) => tally.offers[sku]?.pool_id === pool.pool_id);
      keep(offers, offerRows, skus, () => offerRow(featured), (row, sku) => row.render(tally, tally.offers[sku], pool));
    },
  };
}

function setFigures(node, facts) {
  const wanted = facts.filter(Boolean);
  const said = JSON.stringify(wanted);
  if (node.dataset.said === said) return;
  node.dataset.said = said;
  node.replaceChildren(
    ...wanted.map(([zh, en, value]) => el("span", { class: "figure-pair" }, say(zh, en), " ", el("b", { text: value }))),
  );
}

function offerRow(featured) {
  const name = el("span", { class: "offer-name" });
  const price = el("b");
  const listPrice = el("s");
  const special = el("span", { class: "tag special-tag" }, say("特惠", "Special"));
  const packs = el("span", { class: "offer-packs" });
  const button = el("button", { class: "small feature", attrs: { type: "button" } });
  let current = null;
  button.addEventListener("click", () => featured.feature(button, current.sku, current.name));
  return {
    root: el(
      "li",
      { class: "offer" },
      el("span", {}, name, " ", packs),
      el("span", { class: "offer-price" }, special, listPrice, price),
      button,
    ),
    render(tally, offer, pool) {
      current = offer;
      setText(name, shortName(offer, pool));
      setText(price, money(offer.price_minor, tally.currency));
      const isCut = offer.list_price_minor > offer.price_minor;
      show(listPrice, isCut);
      setText(listPrice, isCut ? money(offer.list_price_minor, tally.currency) : "");
      show(special, offer.special);
      setText(packs, `×${count(offer.packs_sold)}`);
      const isFeatured = featured.sku === offer.sku;
      button.setAttribute("aria-pressed", String(isFeatured));
      button.setAttribute("aria-label", `讲解 Feature: ${offer.name}`);
      setWords(button, isFeatured ? "讲解中" : "讲解", isFeatured ? "Featured" : "Feature");
    },
  };
}

function openAdjust(api, saleId, pool) {
  const unit = unitOf(pool);
  // Made once for the dialog: sent again after a lost answer, it is the same adjustment and happens once.
  const adjustId = `console-${crypto.randomUUID?.() ?? `${Date.now()}-${Math.random().toString(36).slice(2)}`}`;
  const reason = select(Object.entries(REASONS).map(([value, [zh, en]]) => [value, `${zh} ${en}`]));
  const delta = el("input", { attrs: { type: "number", step: String(1 / unit.per), required: "", inputmode: "decimal" } });
  const hint = el("p", { class: "hint" }, say("补货写正数；撤回、损耗写负数。", "Restock is positive; withdrawal and spoilage are negative."));
  openForm({
    title: [`调整库存：${pool.name}`, "Adjust stock"],
    fields: [field(`数量（${unit.name}）`, `Change (${unit.name})`, delta), field("原因", "Reason", reason), hint],
    submitWords: ["确定", "Apply"],
    async submit() {
      const deltaUnits = Math.round(Number(delta.value) * unit.per);
      await api.post(salePath(saleId, `/pools/${encodeURIComponent(pool.pool_id)}/adjust`), {
        adjust_id: adjustId,
        delta_units: deltaUnits,
        reason: reason.value,
      });
      tell(`${pool.name}：${deltaUnits > 0 ? "+" : ""}${withUnit(deltaUnits, unit)}`, "stock adjusted");
    },
  });
}
