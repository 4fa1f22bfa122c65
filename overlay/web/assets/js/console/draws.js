// Prize draws: what was promised before anybody entered, how many entered, and the proof afterwards.

import { el, keep, say, setText, setWords, show } from "../dom.js";
import { count } from "../format.js";
import { DRAW_STATES } from "../words.js";
import { salePath } from "./api.js";
import { openForm } from "./dialogs.js";
import { act, tell } from "./notices.js";

export function draws(api, saleId) {
  const list = el("ul", { class: "draws-list" });
  const empty = el("p", { class: "hint" }, say("没有抽奖", "No draws"));
  const root = el(
    "section",
    { class: "card panel draws", attrs: { "aria-labelledby": "draws-title" } },
    el("h2", { attrs: { id: "draws-title" } }, say("抽奖", "Draws")),
    empty,
    list,
  );
  const rows = new Map();
  return {
    root,
    render({ tally }) {
      const ids = Object.keys(tally.draws);
      show(empty, ids.length === 0);
      keep(list, rows, ids, () => drawRow(api, saleId), (row, id) => row.render(tally.draws[id]));
    },
  };
}

function drawRow(api, saleId) {
  const prize = el("b");
  const state = el("span", { class: "tag draw-state" });
  const facts = el("p", { class: "hint" });
  const seed = el("code", { class: "seed" });
  const close = el("button", { class: "small", attrs: { type: "button" } }, say("截止并开奖", "Close and draw"));
  const proof = el("button", { class: "small", attrs: { type: "button" } }, say("下载公示", "Download proof"));
  let current = null;
  const path = (rest) => salePath(saleId, `/draws/${encodeURIComponent(current.draw_id)}/${rest}`);
  close.addEventListener("click", () =>
    openForm({
      title: [`开奖：${current.prize}`, "Draw now"],
      fields: [el("p", {}, say(`现有 ${count(current.entrants)} 人参加，截止后不能再加。`, "Whoever is in takes part; nobody can enter afterwards."))],
      submitWords: ["截止并开奖", "Close and draw"],
      isGrave: true,
      async submit() {
        await api.post(path("close"));
        tell("已开奖", "Drawn");
      },
    }),
  );
  proof.addEventListener("click", () => act(proof, () => api.download(path("proof"), `${current.draw_id}-proof.json`)));
  return {
    root: el("li", { class: "draw" }, el("p", { class: "draw-head" }, prize, state, close, proof), facts, seed),
    render(draw) {
      current = draw;
      setText(prize, draw.prize);
      setWords(state, ...(DRAW_STATES[draw.state] ?? [draw.state, ""]));
      const word = draw.word ? ` · 口令“${draw.word}”` : "";
      setWords(facts, `${count(draw.entrants)} 人参加 · 抽 ${count(draw.winners_max)} 名${word}`, "entrants · prizes");
      setText(seed, draw.state === "settled" ? `seed ${draw.seed}` : `SHA-256 ${draw.seed_hash}`);
      show(close, draw.state === "open");
      show(proof, draw.state !== "open");
    },
  };
}
