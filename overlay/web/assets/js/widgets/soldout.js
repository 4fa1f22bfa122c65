// The banner: when a pool sells out, and when a presale opens. Between two of them, a quiet line of what is gone.

import { el, keep, say, setText, setWords, show } from "../dom.js";
import { day, withUnit, unitOf } from "../format.js";

const BANNER_MS = 12_000;
const WAITING_LEN_MAX = 8;

const isGone = (pool) => pool.available <= 0 && pool.initial + pool.adjusted > 0;

export function soldout() {
  const seal = el("b", { class: "banner-seal" });
  const title = el("span", { class: "banner-title" });
  const words = el("span", { class: "banner-words" });
  const figures = el("b", { class: "banner-figures" });
  const banner = el("div", { class: "banner", attrs: { role: "status" } }, seal, el("div", {}, title, figures, words));
  const quiet = el("p", { class: "quiet" });
  const goneList = el("ul", { class: "gone-list" });
  const root = el("section", { class: "card soldout" }, banner, quiet, goneList);
  const goneRows = new Map();
  const waiting = []; // News that the page has not shown yet; the oldest gives way.
  let seen = null;
  let shownUntilMs = 0;

  return {
    root,
    render(sale) {
      const { pools, order } = sale.tally;
      const now = Object.fromEntries(
        order.pools.filter((id) => pools[id]).map((id) => [id, { gone: isGone(pools[id]), presale: pools[id].presale_quota > 0 }]),
      );
      // What was so when the page opened is no news.
      if (seen) for (const id of Object.keys(now)) note(pools[id], seen[id], now[id]);
      seen = now;
      announce();
      const gone = order.pools.filter((id) => now[id]?.gone);
      setWords(quiet, gone.length ? "已售罄" : "全部在售", gone.length ? "Sold out" : "Everything on sale");
      keep(goneList, goneRows, gone, goneItem, (item, id) => setText(item.root, pools[id].name));
    },
  };

  function note(pool, before, after) {
    if (after.gone && before && !before.gone) waiting.push({ kind: "gone", pool });
    if (after.presale && before && !before.presale) waiting.push({ kind: "presale", pool });
    while (waiting.length > WAITING_LEN_MAX) waiting.shift();
  }

  function announce() {
    const nowMs = performance.now();
    if (nowMs < shownUntilMs) return;
    const news = waiting.shift();
    show(banner, Boolean(news));
    root.classList.toggle("announcing", Boolean(news));
    if (!news) return;
    shownUntilMs = nowMs + BANNER_MS;
    const { kind, pool } = news;
    const unit = unitOf(pool);
    banner.dataset.kind = kind;
    setText(title, pool.name);
    if (kind === "gone") {
      setText(seal, "售罄");
      setText(figures, withUnit(pool.initial + pool.adjusted, unit));
      setWords(words, "全部抢光", "Sold out");
    } else {
      setText(seal, "预售");
      const ships = pool.presale_ships_at_ms ? day(pool.presale_ships_at_ms) : null;
      setText(figures, `+${withUnit(pool.presale_quota, unit)}`);
      setWords(words, ships ? `预售开始，${ships.zh}发货` : "预售开始", ships ? `Presale open, ships ${ships.en}` : "Presale open");
    }
  }
}

const goneItem = () => ({ root: el("li") });
