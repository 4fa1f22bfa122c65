// The console: a token, a sale, and everything a host does while it runs.

import { Api } from "./console/api.js";
import { channels } from "./console/channels.js";
import { comments } from "./console/comments.js";
import { draws } from "./console/draws.js";
import { links } from "./console/links.js";
import { complain } from "./console/notices.js";
import { saleBar } from "./console/salebar.js";
import { stock } from "./console/stock.js";
import { el, setWords, show } from "./dom.js";
import { LiveSale } from "./live.js";
import { freshness } from "./widgets/masthead.js";
import { ticker } from "./widgets/ticker.js";
import { totals } from "./widgets/totals.js";

const TOKEN_KEY = "sellthrough.token";
const LANG_KEY = "sellthrough.lang";
const RETRY_MS = 3_000;

const page = document.documentElement;
const byId = (id) => document.getElementById(id);
const signIn = byId("sign-in");
const waiting = byId("waiting");
const desk = byId("desk");
const saleBarPlace = byId("sale-bar");

let session = null; // What is open now: `{ token, stop }`.

start();

function start() {
  takeTokenFromAddress();
  setUpLanguage();
  byId("sign-in-form").addEventListener("submit", (event) => {
    event.preventDefault();
    const token = byId("token").value.trim();
    byId("token").value = "";
    sessionStorage.setItem(TOKEN_KEY, token);
    enter(token);
  });
  byId("sign-out").addEventListener("click", leave);
  const token = sessionStorage.getItem(TOKEN_KEY);
  if (token) enter(token);
  else byId("token").focus();
}

/** A link may bring the token behind the `#`, which never reaches a server; it goes from the address bar at once. */
function takeTokenFromAddress() {
  const token = new URLSearchParams(location.hash.slice(1)).get("token");
  if (!token) return;
  sessionStorage.setItem(TOKEN_KEY, token);
  history.replaceState(null, "", location.pathname + location.search);
}

function setUpLanguage() {
  const picker = byId("lang");
  const wanted = new URLSearchParams(location.search).get("lang") ?? sessionStorage.getItem(LANG_KEY) ?? "both";
  const set = (lang) => {
    page.dataset.lang = ["both", "zh", "en"].includes(lang) ? lang : "both";
    picker.value = page.dataset.lang;
    sessionStorage.setItem(LANG_KEY, page.dataset.lang);
  };
  picker.addEventListener("change", () => set(picker.value));
  set(wanted);
}

function leave() {
  session?.stop();
  session = null;
  sessionStorage.removeItem(TOKEN_KEY);
  for (const node of [waiting, desk, saleBarPlace, byId("sign-out")]) show(node, false);
  show(signIn, true);
  byId("token").focus();
}

/** Look for sales until there is one; a service that is not up yet, or has no sale yet, is waited for. */
async function enter(token) {
  const api = new Api(token);
  let isStopped = false;
  session?.stop();
  session = { stop: () => (isStopped = true) };
  show(signIn, false);
  show(byId("sign-out"), true);
  while (!isStopped) {
    try {
      const answer = await api.get("/v1/sales");
      if (isStopped) return;
      const sales = Array.isArray(answer) ? answer : (answer.sales ?? answer.items ?? []);
      if (sales.length > 0) {
        const wanted = new URLSearchParams(location.search).get("sale");
        const chosen = sales.find((sale) => sale.sale_id === wanted) ?? sales.findLast((sale) => sale.state !== "closed") ?? sales.at(-1);
        openSale(api, token, sales, chosen.sale_id);
        return;
      }
      wait("还没有专场；建好以后这里会自己出现", "No sale yet; it will appear here");
    } catch (problem) {
      if (isStopped) return;
      if (problem.status === 401 || problem.status === 403) {
        leave();
        complain(problem);
        return;
      }
      wait("连不上服务，正在重试", "The service cannot be reached; trying again");
    }
    await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
  }
}

function wait(zh, en) {
  setWords(waiting, zh, en);
  show(waiting, true);
}

function openSale(api, token, sales, saleId) {
  session?.stop();
  const bar = saleBar(api, sales, saleId, (other) => openSale(api, token, sales, other));
  const line = freshness();
  const goods = stock(api, saleId);
  const talk = comments(api, saleId);
  const parts = [totals(), goods, channels(), talk, ticker(), draws(api, saleId), links(api, saleId)];
  const columns = [
    [parts[1], parts[2]],
    [parts[0], parts[4], parts[5], parts[6]],
    [talk],
  ].map((column) => el("div", { class: "column" }, ...column.map((part) => part.root)));
  let isDrawing = false;
  const sale = new LiveSale({ saleId, token, onChange: draw });

  function draw() {
    if (isDrawing) return;
    isDrawing = true;
    requestAnimationFrame(() => {
      isDrawing = false;
      page.dataset.fresh = String(line.render(sale));
      if (!sale.tally) return;
      show(desk, true);
      for (const part of [bar, ...parts]) part.render(sale);
    });
  }

  saleBarPlace.replaceChildren(bar.root);
  desk.replaceChildren(...columns);
  waiting.after(line.root);
  for (const [node, isShown] of [[waiting, false], [saleBarPlace, true], [desk, false]]) show(node, isShown);
  session = {
    stop() {
      sale.stop();
      talk.stop();
      line.root.remove();
    },
  };
  draw();
  sale.start();
  talk.start();
  // Which offer is shown is no part of the tally; without it the buttons still work.
  goods.load().then(draw, () => {});
}
