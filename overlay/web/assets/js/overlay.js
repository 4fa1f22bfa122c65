// The overlay page: one widget, or all of them, for OBS and for anybody who watches.

import { LiveSale } from "./live.js";
import { el, setWords, show } from "./dom.js";
import { freshness, masthead } from "./widgets/masthead.js";
import { sellthrough } from "./widgets/sellthrough.js";
import { soldout } from "./widgets/soldout.js";
import { ticker } from "./widgets/ticker.js";
import { totals } from "./widgets/totals.js";

const WIDGETS = {
  all: [masthead, sellthrough, totals, ticker, soldout],
  sellthrough: [masthead, sellthrough],
  ticker: [ticker],
  totals: [totals],
  soldout: [soldout],
};

const parameters = new URLSearchParams(location.search);
const widget = decodeURIComponent(location.pathname.split("/").pop());
const page = document.documentElement;

const oneOf = (name, values) => (values.includes(parameters.get(name)) ? parameters.get(name) : values[0]);
page.dataset.lang = oneOf("lang", ["both", "zh", "en"]);
page.dataset.bg = oneOf("bg", ["paper", "transparent"]);
page.dataset.theme = oneOf("theme", ["paper", "night"]);
page.dataset.widget = widget;

const stage = document.getElementById("stage");
const waiting = document.getElementById("waiting");
const line = freshness();
const parts = (WIDGETS[widget] ?? WIDGETS.all).map((make) => make());
const canvas = el("div", { class: "canvas" }, ...parts.map((part) => part.root));
canvas.hidden = true;
stage.append(canvas, line.root);

const saleId = parameters.get("sale");
if (saleId) watch(saleId);
else setWords(waiting, "链接里缺少专场编号：请加上 ?sale=编号&token=令牌", "The link names no sale: add ?sale=…&token=…");

function watch(id) {
  let isDrawing = false;
  const sale = new LiveSale({ saleId: id, token: parameters.get("token") ?? "", onChange: draw });

  // Many frames may come between two pictures; only the last is worth drawing.
  function draw() {
    if (isDrawing) return;
    isDrawing = true;
    requestAnimationFrame(() => {
      isDrawing = false;
      const isFresh = line.render(sale);
      page.dataset.fresh = String(isFresh);
      if (!sale.tally) return;
      show(waiting, false);
      show(canvas, true);
      for (const part of parts) part.render(sale);
    });
  }
  show(waiting, false);
  draw();
  sale.start();
}
