// Dialogs: a question before what cannot be undone, and small forms.

import { el, say } from "../dom.js";
import { act } from "./notices.js";

let dialogsLen = 0;

/** Show a form in a dialog. `submit` is awaited; the dialog closes when it worked and stays open when it did not. */
export function openForm({ title, fields, submitWords, isGrave = false, submit }) {
  dialogsLen += 1;
  const titleId = `dialog-title-${dialogsLen}`;
  const confirm = el("button", { class: isGrave ? "grave" : "primary", attrs: { type: "submit" } }, say(...submitWords));
  const cancel = el("button", { attrs: { type: "button" } }, say("算了", "Cancel"));
  const form = el("form", {}, ...fields, el("div", { class: "dialog-end" }, cancel, confirm));
  const dialog = el(
    "dialog",
    { class: "card", attrs: { "aria-labelledby": titleId } },
    el("h2", { attrs: { id: titleId } }, say(...title)),
    form,
  );
  cancel.addEventListener("click", () => dialog.close());
  dialog.addEventListener("close", () => dialog.remove());
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (await act(confirm, submit)) dialog.close();
  });
  document.body.append(dialog);
  dialog.showModal();
}

/** A labelled input or select. */
export function field(zh, en, input) {
  dialogsLen += 1;
  input.id = `field-${dialogsLen}`;
  return el("p", { class: "field" }, el("label", { attrs: { for: input.id } }, say(zh, en)), input);
}

export function select(options) {
  return el("select", {}, ...options.map(([value, text]) => el("option", { text, attrs: { value } })));
}
