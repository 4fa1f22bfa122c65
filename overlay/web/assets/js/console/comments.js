// What viewers wrote, how each comment was read and by which rule, what came of it, and the way to set it right.

import { el, keep, say, setText, setWords, show } from "../dom.js";
import { clock } from "../format.js";
import { INTENTS, OUTCOMES, channelName } from "../words.js";
import { salePath } from "./api.js";
import { field, openForm, select } from "./dialogs.js";
import { tell } from "./notices.js";

const COMMENTS_LEN_MAX = 60;
const POLL_MS = 2_000;
const POLL_AFTER_TROUBLE_MS = 10_000;

export function comments(api, saleId) {
  const list = el("ol", { class: "comments-list" });
  const empty = el("p", { class: "hint" }, say("还没有评论", "No comments yet"));
  const trouble = el("p", { class: "chip" });
  trouble.hidden = true;
  const root = el(
    "section",
    { class: "card panel comments", attrs: { "aria-labelledby": "comments-title" } },
    el("h2", { attrs: { id: "comments-title" } }, say("评论怎么读的", "How comments were read")),
    trouble,
    empty,
    el("div", { class: "scroll tall", attrs: { tabindex: "0", role: "group", "aria-labelledby": "comments-title" } }, list),
  );
  const known = new Map();
  const rows = new Map();
  let next = "";
  let timer = null;
  let offers = {};

  async function poll() {
    let waitMs = POLL_MS;
    try {
      const page = await api.get(salePath(saleId, `/comments?since=${encodeURIComponent(next)}`));
      for (const comment of page.comments) known.set(comment.event_id, comment);
      next = page.next ?? next;
      while (known.size > COMMENTS_LEN_MAX) known.delete(known.keys().next().value);
      show(trouble, false);
      draw();
    } catch (problem) {
      // No notice for each failed look: one line in its place, until it works again.
      setWords(trouble, `读不到评论：${problem.zh}`, problem.en);
      show(trouble, true);
      waitMs = POLL_AFTER_TROUBLE_MS;
    }
    if (timer !== null) timer = setTimeout(poll, waitMs);
  }

  function draw() {
    show(empty, known.size === 0);
    const newestFirst = [...known.keys()].reverse();
    keep(list, rows, newestFirst, () => commentRow(correct), (row, id) => row.render(known.get(id), offers));
  }

  function correct(comment) {
    const sku = select(Object.values(offers).map((offer) => [offer.sku, offer.name]));
    sku.value = comment.lines[0]?.sku ?? sku.value;
    const packs = el("input", { attrs: { type: "number", min: "0", max: "9999", step: "1", required: "" } });
    packs.value = comment.lines[0]?.packs ?? 1;
    const correctionId = `console-${crypto.randomUUID?.() ?? Date.now()}`;
    openForm({
      title: ["这条评论其实是", "What this comment meant"],
      fields: [
        el("blockquote", { text: comment.normalised }),
        field("商品", "Offer", sku),
        field("份数（0 = 不是下单）", "Packs (0: not an order)", packs),
      ],
      submitWords: ["更正", "Correct it"],
      async submit() {
        const packsWanted = Number(packs.value);
        await api.post(salePath(saleId, `/comments/${encodeURIComponent(comment.event_id)}/correct`), {
          correction_id: correctionId,
          intent: packsWanted > 0 ? "order" : "none",
          lines: packsWanted > 0 ? [{ sku: sku.value, packs: packsWanted }] : [],
        });
        known.set(comment.event_id, { ...comment, corrected: true });
        draw();
        tell("已更正", "Corrected");
      },
    });
  }

  return {
    root,
    start() {
      timer = 0;
      poll();
    },
    stop() {
      clearTimeout(timer);
      timer = null;
    },
    render({ tally }) {
      offers = tally.offers;
    },
  };
}

function commentRow(correct) {
  const time = el("time");
  const channel = el("span", { class: "comment-channel" });
  const who = el("span", { class: "comment-who" });
  const text = el("p", { class: "comment-text" });
  const intent = el("span", { class: "tag intent" });
  const lines = el("span", { class: "comment-lines" });
  const outcome = el("span", { class: "comment-outcome" });
  const corrected = el("span", { class: "tag corrected" }, say("已更正", "corrected"));
  const why = el("p", { class: "comment-why" });
  const button = el("button", { class: "small", attrs: { type: "button" } }, say("更正", "Correct"));
  let current = null;
  button.addEventListener("click", () => correct(current));
  return {
    root: el(
      "li",
      { class: "comment" },
      el("div", { class: "comment-head" }, time, channel, who, button),
      text,
      el("div", { class: "comment-read" }, intent, lines, outcome, corrected),
      why,
    ),
    render(comment, offers) {
      current = comment;
      show(corrected, comment.corrected === true);
      setText(time, clock(comment.occurred_at_ms));
      setWords(channel, ...channelName(comment.platform));
      setText(who, comment.nickname_masked);
      setText(text, comment.normalised);
      intent.dataset.intent = comment.intent;
      setWords(intent, ...(INTENTS[comment.intent] ?? [comment.intent, ""]));
      setText(lines, comment.lines.map((line) => `${offers[line.sku]?.name ?? line.sku} ×${line.packs}`).join("，"));
      outcome.dataset.outcome = comment.outcome ?? "";
      show(outcome, Boolean(comment.outcome));
      setWords(outcome, ...(OUTCOMES[comment.outcome] ?? [comment.outcome ?? "", ""]));
      setWords(why, [comment.rule, comment.reason].filter(Boolean).join(" · "), comment.reason_en ?? "");
      button.setAttribute("aria-label", `更正 Correct: ${comment.normalised}`);
    },
  };
}
