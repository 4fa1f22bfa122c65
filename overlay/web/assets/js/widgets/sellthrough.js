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
  const over = el("i", { class: "part over" });
  const bar = el("div", { class: "bar", attrs: { role: "img" } }, sold, held, over);
  const stamp = el("span", { class: "stamp" }, el("span", { class: "stamp-ink" },
    el("b", { text: "售罄" }),
    el("small", { text: "SOLD OUT", attrs: { lang: "en" } }),
  ));
  const oversoldUnits = el("span");
  const oversold = el("span", { class: "tag oversold-tag" }, say("超卖", "oversold"), " ", oversoldUnits);
  const left = fact("余", "left");
  const inHold = fact("预占", "held");
  const inLine = fact("候补", "waiting");
  const soon = fact("预计售罄", "sells out");
  const facts = el("p", { class: "facts" }, oversold, left.root, inHold.root, inLine.root, soon.root);
  const presaleSold = el("i", { class: "part presold" });
  const presaleHeld = el("i", { class: "part presale-held" });
  const presaleFigures = el("span");
  const ships = el("span");
  const presale = el(
    "div",
    { class: "presale" },
    el("span", { class: "tag presale-tag" }, say("预售", "Presale")),
    el("div", { class: "bar thin" }, presaleSold, presaleHeld),
    el("p", { class: "facts presale-facts" }, presaleFigures, " ", ships),
  );
  const share = el("b", { class: "share" });
  const figures = el("span", { class: "figures" });
  const row = el(
    "div",
    { class: "pool", attrs: { role: "listitem" } },
    el("div", { class: "what" }, name, offers),
    el("div", { class: "how-far" }, el("div", { class: "bar-line" }, bar, stamp), facts, presale),
    el("div", { class: "how-much" }, share, figures),
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
      sold.style.width = `${((pool.sold - pool.oversold) / whole) * 100}%`;
      over.style.width = `${(pool.oversold / whole) * 100}%`;
      held.style.width = `${(pool.held / whole) * 100}%`;
      const sharePercent = percent(pool.sold, capacity);
      setText(share, `${sharePercent}%`);
      setText(figures, `${amount(pool.sold, unit)} / ${withUnit(capacity, unit)}`);
      bar.setAttribute("aria-label", `${pool.name} 已售 ${sharePercent}% sold`);
      show(stamp, isGone);
      renderFacts(sale, pool, unit);
      renderPresale(pool, unit);
    },
  };

  function renderFacts(sale, pool, unit) {
    show(oversold, pool.oversold > 0);
    setText(oversoldUnits, withUnit(pool.oversold, unit));
    // The seal says it already where nothing is left.
    left.set(stamp.hidden ? withUnit(Math.max(0, pool.available), unit) : "");
    inHold.set(pool.held > 0 ? withUnit(pool.held, unit) : "");
    inLine.set(pool.waitlisted > 0 ? withUnit(pool.waitlisted, unit) : "");
    const sellsOutAtMs = sale.outlook.sells_out_at_ms?.[pool.pool_id];
    soon.set(sellsOutAtMs && pool.available > 0 ? hour(sellsOutAtMs) : "");
  }

  function renderPresale(pool, unit) {
    const quota = pool.presale_quota;
    show(presale, quota > 0 || pool.presold > 0);
    if (presale.hidden) return;
    const whole = Math.max(quota, pool.presold + pool.presale_held, 1);
    presaleSold.style.width = `${(pool.presold / whole) * 100}%`;
    presaleHeld.style.width = `${(pool.presale_held / whole) * 100}%`;
    setText(presaleFigures, `${amount(pool.presold, unit)} / ${withUnit(quota, unit)}`);
    show(ships, pool.presale_ships_at_ms > 0);
    const date = day(pool.presale_ships_at_ms);
    setWords(ships, `${date.zh}发货`, `ships ${date.en}`);
  }
}

function fact(zh, en) {
  const value = el("b");
  const root = el("span", { class: "fact" }, say(zh, en), " ", value);
  return {
    root,
    set(text) {
      show(root, text !== "");
      setText(value, text);
    },
  };
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
