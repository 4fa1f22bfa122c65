// The ways out: overlay addresses for OBS, and the files that go to suppliers and couriers.

import { el, say } from "../dom.js";
import { salePath } from "./api.js";
import { act, tell } from "./notices.js";

const WIDGETS = [
  ["all", "全部组件", "Everything"],
  ["sellthrough", "售卖进度", "Sell-through"],
  ["totals", "成交额", "Totals"],
  ["ticker", "最新成交", "Ticker"],
  ["soldout", "售罄横幅", "Sold-out banner"],
];

const FILES = [
  ["report", "战报", "Report", "html"],
  ["exports/orders.xlsx", "订单", "Orders", "xlsx"],
  ["exports/picklist.xlsx", "拣货单", "Pick list", "xlsx"],
  ["exports/settlement.xlsx", "结算单", "Settlement", "xlsx"],
  ["exports/demand.xlsx", "未满足需求", "Unmet demand", "xlsx"],
];

export function links(api, saleId) {
  const make = el("button", { class: "primary", attrs: { type: "button" } }, say("生成 OBS 链接", "Make OBS links"));
  const list = el("ul", { class: "links-list" });
  const hint = el(
    "p",
    { class: "hint" },
    say("链接里的令牌只能看，不能改；贴进 OBS 的“浏览器”源，1920×1080。", "The token in a link can only look. Paste it into an OBS browser source, 1920×1080."),
  );
  make.addEventListener("click", () =>
    act(make, async () => {
      const made = await api.post("/v1/tokens", { role: "overlay", sale_id: saleId, label: "OBS" });
      list.replaceChildren(...WIDGETS.map((widget) => linkRow(widget, saleId, made.token)));
    }),
  );
  const files = FILES.map(([path, zh, en, form]) => {
    const button = el("button", { class: "small", attrs: { type: "button" } }, say(zh, en));
    const filename = `${saleId}-${path.split("/").pop().split(".")[0]}.${form}`;
    button.addEventListener("click", () => act(button, () => api.download(salePath(saleId, `/${path}`), filename)));
    return button;
  });
  const root = el(
    "section",
    { class: "card panel links", attrs: { "aria-labelledby": "links-title" } },
    el("h2", { attrs: { id: "links-title" } }, say("直播画面与报表", "Overlay and reports")),
    el("p", {}, make),
    hint,
    list,
    el("h3", {}, say("下载", "Download")),
    el("p", { class: "files" }, ...files),
  );
  return { root, render() {} };
}

function linkRow([widget, zh, en], saleId, token) {
  const address = new URL(`/overlay/${widget}`, location.href);
  address.search = new URLSearchParams({ sale: saleId, token, bg: "transparent" });
  const link = el("a", { attrs: { href: address.href, target: "_blank", rel: "noopener" } }, say(zh, en));
  const copy = el("button", { class: "small", attrs: { type: "button", "aria-label": `复制 Copy: ${zh}` } }, say("复制", "Copy"));
  const shown = el("input", { attrs: { readonly: "", value: address.href, "aria-label": `${zh} ${en}` } });
  copy.addEventListener("click", () =>
    act(copy, async () => {
      shown.select();
      // Without HTTPS there is no clipboard; then it stands selected, ready for Ctrl+C.
      await navigator.clipboard?.writeText(address.href);
      tell(navigator.clipboard ? "已复制" : "已选中，请按 Ctrl+C", navigator.clipboard ? "Copied" : "Selected; press Ctrl+C");
    }),
  );
  return el("li", {}, link, shown, copy);
}
