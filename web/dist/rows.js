// Tables whose rows are kept while they are shown and changed in place, so that focus, selection and what was opened stay.
import { el, straight } from "./dom.js";

/** A table with named columns; make(value) answers a row {node, update(value)}. */
export class Table {
  constructor(id, columns, make) {
    Object.assign(this, { columns, make, rows: new Map() });
    this.body = el("tbody", { role: "rowgroup" });
    this.node = el("table", { id, class: "cards", role: "table" }, heads(columns), this.body);
  }

  /** Shows values, each [key, value], in their order. */
  show(values) {
    const keys = new Set(values.map(([key]) => key));
    const reader = [...this.body.children].findIndex((node) => node.contains(document.activeElement)); // in this row
    for (const [key, row] of this.rows) {
      if (keys.has(key)) continue;
      row.node.remove();
      this.rows.delete(key);
    }
    values.forEach(([key, value], at) => {
      const row = this.rows.get(key) ?? this.add(key, value);
      row.update(value);
      if (this.body.children[at] !== row.node) this.body.insertBefore(row.node, this.body.children[at] ?? null);
    });
    this.node.hidden = values.length === 0;
    if (reader >= 0 && !this.body.contains(document.activeElement)) focusIn(this.body.children[Math.min(reader, values.length - 1)]);
  }

  add(key, value) {
    const row = this.make(value);
    named(row.node, this.columns);
    this.rows.set(key, row);
    return row;
  }
}

/** The head of a table that becomes a list of cards on a narrow screen. Roles are named: that look would take them away. */
export const heads = (columns) => el("thead", { role: "rowgroup" }, el("tr", { role: "row" }, columns.map((column) => el("th", { scope: "col", role: "columnheader" }, column))));

/** Names the cells of such a table's row by its columns. */
export function named(row, columns) {
  row.setAttribute("role", "row");
  for (const [at, cell] of [...row.children].entries()) {
    cell.setAttribute("role", "cell");
    cell.dataset.column = columns[at];
  }
  return row;
}

/** Replaces what is in a node when what it shows has changed: draw(value) makes it anew. */
export function redraw(node, value, draw) {
  const text = JSON.stringify(value) ?? "";
  if (node.shown === text) return;
  node.shown = text;
  const focused = node.contains(document.activeElement);
  node.replaceChildren(...[draw(value)].flat().filter((part) => part !== null && part !== undefined));
  if (focused) focusIn(node);
}

/** Brings the keyboard to the first thing in a node that can be used. */
export const focusIn = (node) => node?.querySelector("a, button, summary")?.focus();

const FEW = 4;

/** Some words; of many, the rest can be opened. */
export function words(list) {
  const all = list.map(straight);
  if (all.length <= FEW + 1) return all.join(", ");
  return [all.slice(0, FEW).join(", "), el("details", {}, el("summary", {}, `and ${all.length - FEW} more`), all.slice(FEW).join(", "))];
}
