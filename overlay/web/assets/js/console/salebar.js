// The sale in the top bar: which one, its state, and the buttons of its life.

import { el, say, setWords, show } from "../dom.js";
import { STATES } from "../words.js";
import { salePath } from "./api.js";
import { openForm } from "./dialogs.js";
import { act, tell } from "./notices.js";

const VERBS = {
  open: { zh: "开卖", en: "Open", from: ["draft"], class: "primary" },
  pause: { zh: "暂停", en: "Pause", from: ["open"], class: "" },
  resume: { zh: "继续", en: "Resume", from: ["paused"], class: "primary" },
  close: { zh: "结束", en: "Close", from: ["open", "paused"], class: "grave" },
};

/** `sales` are the summaries to choose from; `choose(saleId)` is called when the host picks another. */
export function saleBar(api, sales, saleId, choose) {
  const picker = el(
    "select",
    { attrs: { "aria-label": "专场 Sale" } },
    ...sales.map((sale) => el("option", { text: sale.name || sale.sale_id, attrs: { value: sale.sale_id } })),
  );
  picker.value = saleId;
  picker.addEventListener("change", () => choose(picker.value));
  const state = el("span", { class: "state", attrs: { role: "status" } });
  const buttons = Object.entries(VERBS).map(([verb, words]) => {
    const button = el("button", { class: words.class, attrs: { type: "button", "data-verb": verb } }, say(words.zh, words.en));
    button.addEventListener("click", () => (verb === "close" ? confirmClose() : act(button, () => move(verb))));
    return button;
  });
  const root = el("div", { class: "sale-bar" }, picker, state, ...buttons);

  async function move(verb) {
    await api.post(salePath(saleId, `/${verb}`));
    tell(`已${VERBS[verb].zh}`, `${VERBS[verb].en}: done`);
  }

  function confirmClose() {
    openForm({
      title: ["结束这个专场？", "Close this sale?"],
      fields: [el("p", {}, say("结束以后不能再开，新的下单都会被拒绝。", "A closed sale stays closed; every new claim is refused."))],
      submitWords: ["结束专场", "Close the sale"],
      isGrave: true,
      submit: () => move("close"),
    });
  }

  return {
    root,
    render(sale) {
      state.dataset.state = sale.tally.state;
      setWords(state, ...(STATES[sale.tally.state] ?? [sale.tally.state, ""]));
      for (const button of buttons) show(button, VERBS[button.dataset.verb].from.includes(sale.tally.state));
    },
  };
}
