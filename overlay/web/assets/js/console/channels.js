// A row for each channel: what came from where.

import { el, keep, say, setText, setWords } from "../dom.js";
import { count, money } from "../format.js";
import { channelName } from "../words.js";

const COLUMNS = [
  ["orders", "订单", "Orders"],
  ["revenue_minor", "成交额", "Revenue"],
  ["refused", "没抢到", "Missed"],
  ["comments", "评论", "Comments"],
  ["likes", "点赞", "Likes"],
  ["viewers", "在看", "Watching"],
];

export function channels() {
  const body = el("tbody");
  const head = el(
    "tr",
    {},
    el("th", { attrs: { scope: "col" } }, say("渠道", "Channel")),
    ...COLUMNS.map(([, zh, en]) => el("th", { class: "number", attrs: { scope: "col" } }, say(zh, en))),
  );
  const root = el(
    "section",
    { class: "card panel channels", attrs: { "aria-labelledby": "channels-title" } },
    el("h2", { attrs: { id: "channels-title" } }, say("各渠道", "By channel")),
    el("div", { class: "scroll", attrs: { tabindex: "0", role: "group", "aria-labelledby": "channels-title" } }, el("table", {}, el("thead", {}, head), body)),
  );
  const rows = new Map();
  return {
    root,
    render({ tally }) {
      keep(body, rows, Object.keys(tally.channels), channelRow, (row, id) => row.render(tally.channels[id], tally.currency));
    },
  };
}

function channelRow() {
  const name = el("th", { attrs: { scope: "row" } });
  const cells = COLUMNS.map(() => el("td", { class: "number" }));
  return {
    root: el("tr", {}, name, ...cells),
    render(channel, currency) {
      setWords(name, ...channelName(channel.channel));
      COLUMNS.forEach(([column], place) => {
        const value = channel[column];
        setText(cells[place], column === "revenue_minor" ? money(value, currency) : count(value));
      });
    },
  };
}
