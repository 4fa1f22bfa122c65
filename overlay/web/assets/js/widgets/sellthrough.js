// A row for each pool: what is sold, held and left, what it costs, and the seal when it is gone.

import { el, keep, say, setText, setWords, show } from "../dom.js";
import { amount, day, hour, money, percent, shortName, unitOf, withUnit } from "../format.js";

const COMPACT_FROM = 9;

export function sellthrough() {
  const list = el("div", { class: "pools", attrs: { role: "list" } });
  const root = el(
    "section",
    { class: "card sellthrough" },
    el("h2", { class: "card-title" }, say("售卖进度", "Sell-through"), legend()),
    list,
  );
  const rows = new Map();
  return {
    root,
    render(sale) {
      const { tally } = sale;
      const ids = tally.order.pools.filter((id) => tally.pools[id]);
      root.classList.toggle("compact", ids.length >= COMPACT_FROM);
      keep(list, rows, ids, poolRow, (row, id) => row.render(sale, tally.pools[id]));
    },
  };
}

function legend() {
  const key = (name, zh, en) => el("span", { class: `key ${name}` }, el("i"), say(zh, en));
  return el("span", { class: "legend" }, key("sold", "已售", "sold"), key("held", "预占", "held"), key("presold", "预售", "presale"));
}

function poolRow() {
  const name = el("span", { class: "pool-name" });
  const offers = el("div", { class: "offers" });
  const sold = el("i", { class: "part sold" });
  const held = el("i", { class: "part held" });
  const bar = el("div", { class: "bar", attrs: { role: "img" } }, sold, held);
  const stamp = el(
    "span",
    { class: "stamp" },
    el("b", { text: "售罄" }),
    el("small", { text: "SOLD OUT", attrs: { lang: "en" } }),
  );
  const facts = el("p", { class: "facts" });
  const presaleSold = el("i", { class: "part presold" });
  const presaleHeld = el("i", { class: "part presale-held" });
  const presaleWords = el("p", { class: "facts presale-facts" });
  const presale = el(
    "div",
    { class: "presale" },
    el("span", { class: "tag presale-tag" }, say("预售", "Presale")),
    el("div", { class: "bar thin" }, presaleSold, presaleHeld),
    presaleWords,
  );
  const share = el("b", { class: "share" });
  const figures = el("span", { class: "figures" });
  const oversold = el("span", { class: "tag oversold-tag" });
  const row = el(
    "div",
    { class: "pool", attrs: { role: "listitem" } },
    el("div", { class: "what" }, name, offers),
    el("div", { class: "how-far" }, el("div", { class: "bar-line" }, bar, stamp), facts, presale),
    el("div", { class: "how-much" }, el("span", { class: "share-line" }, share, oversold), figures),
  );
  const offerRows = new Map();

  return {
    root: row,
    render(sale, pool) {
      const unit = unitOf(pool);
      const capacity = pool.initial + pool.adjusted;
      const isGone = pool.available <= 0 && capacity > 0;
      row.dataset.pool = pool.pool_id;
      row.classList.toggle("gone", isGone);
      row.classList.toggle("oversold", pool.oversold > 0);
      setText(name, pool.name);
      renderOffers(offers, offerRows, sale, pool);
      const whole = Math.max(capacity, pool.sold + pool.held, 1);
      sold.style.width = `${(pool.sold / whole) * 100}%`;
      held.style.width = `${(pool.held / whole) * 100}%`;
      const sharePercent = percent(pool.sold, capacity);
      setText(share, `${sharePercent}%`);
      setText(figures, `${amount(pool.sold, unit)} / ${withUnit(capacity, unit)}`);
      bar.setAttribute("aria-label", `${pool.name} 已售 ${sharePercent}% sold`);
      show(stamp, isGone);
      renderFacts(facts, sale, pool, unit);
      show(oversold, pool.oversold > 0);
      if (pool.oversold > 0) {
        setWords(oversold, `超卖 ${withUnit(pool.oversold, unit)}`, "oversold");
      }
      renderPresale(pool, unit);
    },
  };

  function renderPresale(pool, unit) {
    const quota = pool.presale_quota;
    show(presale, quota > 0 || pool.presold > 0);
    if (presale.hidden) return;
    const whole = Math.max(quota, pool.presold + pool.presale_held, 1);
    presaleSold.style.width = `${(pool.presold / whole) * 100}%`;
    presaleHeld.style.width = `${(pool.presale_held / whole) * 100}%`;
    const figure = `${amount(pool.presold, unit)} / ${withUnit(quota, unit)}`;
    const ships = pool.presale_ships_at_ms ? day(pool.presale_ships_at_ms) : null;
    setWords(presaleWords, ships ? `${figure} · ${ships.zh}发货` : figure, ships ? `ships ${ships.en}` : "");
  }
}

function renderFacts(facts, sale, pool, unit) {
  const zh = [`余 ${withUnit(Math.max(0, pool.available), unit)}`];
  const en = ["left"];
  if (pool.held > 0) {
    zh.push(`预占 ${withUnit(pool.held, unit)}`);
    en.push("held");
  }
  if (pool.waitlisted > 0) {
    zh.push(`候补 ${withUnit(pool.waitlisted, unit)}`);
    en.push("waiting");
  }
  const sellsOutAtMs = sale.outlook.sells_out_at_ms?.[pool.pool_id];
  if (sellsOutAtMs && pool.available > 0) {
    zh.push(`预计 ${hour(sellsOutAtMs)} 售罄`);
    en.push("est. sell-out");
  }
  setWords(facts, zh.join(" · "), en.join(" · "));
}

function renderOffers(offers, rows, sale, pool) {
  const { tally } = sale;
  const ids = tally.order.offers.filter((sku) => tally.offers[sku]?.pool_id === pool.pool_id);
  keep(offers, rows, ids, offerLine, (line, sku) => line.render(tally, tally.offers[sku], pool));
}

function offerLine() {
  const pack = el("span", { class: "pack" });
  const price = el("b", { class: "price" });
  const listPrice = el("s", { class: "list-price" });
  const special = el("span", { class: "tag special-tag" }, say("特惠", "Special"));
  return {
    root: el("p", { class: "offer" }, pack, price, listPrice, special),
    render(tally, offer, pool) {
      setText(pack, shortName(offer, pool));
      setText(price, money(offer.price_minor, tally.currency));
      const isCut = offer.list_price_minor > offer.price_minor;
      show(listPrice, isCut);
      setText(listPrice, isCut ? money(offer.list_price_minor, tally.currency) : "");
      show(special, offer.special);
    },
  };
}
