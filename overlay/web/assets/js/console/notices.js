// What went wrong or was done, in a place where a screen reader hears it.

import { el, say } from "../dom.js";

const SHOWN_MS = 12_000;
const NOTICES_LEN_MAX = 4;

const board = () => document.getElementById("notices");

function post(kind, zh, en) {
  const close = el("button", { class: "notice-close", text: "×", attrs: { type: "button", "aria-label": "关闭 Dismiss" } });
  const notice = el("p", { class: `notice ${kind}` }, el("span", {}, say(zh, en)), close);
  close.addEventListener("click", () => notice.remove());
  board().append(notice);
  while (board().children.length > NOTICES_LEN_MAX) board().firstElementChild.remove();
  return notice;
}

export function tell(zh, en) {
  const notice = post("done", zh, en);
  setTimeout(() => notice.remove(), SHOWN_MS);
}

/** A problem stays until it is dismissed: somebody may be looking at the camera. */
export const complain = (problem) => post("problem", problem.zh ?? String(problem.message), problem.en ?? "");

/** Run an action of a button: no second click meanwhile, and its problems are told. Answers whether it worked. */
export async function act(button, action) {
  if (button.getAttribute("aria-disabled") === "true") return false;
  button.setAttribute("aria-disabled", "true");
  try {
    await action();
    return true;
  } catch (problem) {
    complain(problem);
    return false;
  } finally {
    button.removeAttribute("aria-disabled");
  }
}
