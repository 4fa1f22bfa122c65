// The sale's name and state, and how fresh the numbers are. On every page, because stale numbers must never look live.

import { el, say, setText, setWords, show } from "../dom.js";
import { clock } from "../format.js";
import { STATES } from "../words.js";

export function masthead() {
  const name = el("h1");
  const state = el("span", { class: "state" });
  const pulse = el("span", { class: "pulse" }, el("i"), say("实时", "Live"), " ", el("time"));
  const root = el("header", { class: "masthead" }, name, state, pulse);
  return {
    root,
    render(sale) {
      setText(name, sale.tally.name || sale.tally.sale_id);
      show(pulse, sale.staleSinceMs === null);
      setText(pulse.lastElementChild, clock(sale.nowMs));
      state.dataset.state = sale.tally.state;
      setWords(state, ...(STATES[sale.tally.state] ?? [sale.tally.state, ""]));
    },
  };
}

const TROUBLE = {
  connecting: ["正在连接战报…", "Connecting to the live tally…"],
  waiting: ["专场还没建好，正在等它", "No such sale yet; waiting for it"],
  refused: ["令牌无效或已撤销，请换一个链接", "The token is not valid here; ask for a new link"],
  lost: ["连接断开，正在重连", "Connection lost; reconnecting"],
};

/** How the line stands, in words; `isFresh` is the page's cue to show the numbers in full colour. */
export function freshness() {
  const root = el("p", { class: "chip freshness", attrs: { role: "status", id: "freshness" } });
  return {
    root,
    render(sale) {
      const staleSinceMs = sale.staleSinceMs;
      const isFresh = sale.line === "live" && staleSinceMs === null;
      root.dataset.line = isFresh ? "live" : sale.line;
      show(root, !isFresh);
      if (staleSinceMs !== null) {
        const at = clock(staleSinceMs);
        const [zh, en] = sale.line === "refused" ? TROUBLE.refused : ["正在重连", "reconnecting"];
        setWords(root, `数据停在 ${at} · ${zh}`, `data from ${at} · ${en}`);
      } else if (!isFresh) {
        setWords(root, ...TROUBLE[sale.line]);
      }
      return isFresh;
    },
  };
}
