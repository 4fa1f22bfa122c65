// Elements, and nothing that reads markup: whatever a platform or a buyer wrote goes in as text.

/** Make an element. `options`: `class`, `text`, `attrs`; children are nodes. */
export function el(tag, options = {}, ...children) {
  const node = document.createElement(tag);
  if (options.class) node.className = options.class;
  if (options.text !== undefined) node.textContent = options.text;
  for (const [name, value] of Object.entries(options.attrs ?? {})) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

/** Chinese with English beside it; the page's `lang` setting hides one. */
export function say(zh, en) {
  const both = document.createDocumentFragment();
  both.append(el("span", { class: "zh", text: zh, attrs: { lang: "zh-CN" } }));
  if (en) both.append(" ", el("span", { class: "en", text: en, attrs: { lang: "en" } }));
  return both;
}

/** Set text only where it changed, so that a screen reader and the layout are left in peace. */
export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

export function setWords(node, zh, en) {
  const said = `${zh}\u0000${en}`;
  if (node.dataset.said === said) return;
  node.dataset.said = said;
  node.replaceChildren(say(zh, en));
}

export const show = (node, isShown) => {
  node.hidden = !isShown;
};

/** Keep one child per id, in order: made once by `make(id)`, which answers `{root, …}`; `update(row, id)` each time. */
export function keep(container, rows, ids, make, update) {
  const wanted = new Set(ids);
  for (const [id, row] of rows) {
    if (!wanted.has(id)) {
      row.root.remove();
      rows.delete(id);
    }
  }
  ids.forEach((id, place) => {
    if (!rows.has(id)) rows.set(id, make(id));
    const row = rows.get(id);
    if (container.children[place] !== row.root) container.insertBefore(row.root, container.children[place] ?? null);
    update(row, id);
  });
}
