// The table of steps: what the graph and the bars show, as text. Of very many rows a part is shown at a time; it can be
// narrowed to a text and a group of states.
import { get, stepPath } from "./api.js";
import { el, labelled, setText } from "./dom.js";
import { COLUMNS, newRow } from "./steprow.js";
import { GROUPS, Tree, iteration } from "./tree.js";

const ROWS = 200; // shown at a time
const ITERATIONS = 50; // read at a time

export class StepTable {
  /** onChange is called after something was asked of a step. */
  constructor(run, runPath, onChange) {
    this.page = { run, runPath, toggle: (key, open) => this.toggle(key, open), turn: (path, by) => this.turn(path, by), changed: onChange };
    this.open = new Map(); // by row key; what is missing is open by default or not
    this.iterations = new Map(); // pages of open fan-outs by path
    this.rows = new Map();
    this.first = 0;
    this.body = el("tbody");
    this.table = el("table", { id: "steps" }, el("thead", {}, el("tr", {}, COLUMNS.map((h) => el("th", { scope: "col" }, h)))), this.body);
    this.node = el("div", {}, this.narrowing(), this.table, this.paging());
  }

  narrowing() {
    const redraw = () => { this.first = 0; this.draw(); };
    this.text = el("input", { id: "step-text", type: "search", input: redraw });
    this.group = el("select", { id: "step-group", change: redraw }, Object.entries(GROUPS).map(([value, { label }]) => el("option", { value }, label)));
    return el("div", { class: "row", role: "search", "aria-label": "Steps" },
      labelled("Find", this.text), labelled("Show", this.group));
  }

  paging() {
    this.range = el("span");
    const turn = (by, word) => el("button", { type: "button", "data-rows": by, click: () => { this.first += by * ROWS; this.draw(); } }, word);
    [this.back, this.on] = [turn(-1, "Previous rows"), turn(1, "Next rows")];
    this.pager = el("div", { class: "row" }, this.range, this.back, this.on);
    return this.pager;
  }

  show(run) {
    this.tree = new Tree(run.steps ?? [], run.held ?? []);
    this.draw();
  }

  /** The step that a path names, of what is known here. */
  find(path) {
    const known = this.tree?.byPath.get(path);
    const fan = iteration(path)?.fan;
    return known ?? this.iterations.get(fan)?.items.find((item) => item.path === path);
  }

  narrowed() {
    return this.text.value !== "" || this.group.value !== "all";
  }

  visible() {
    if (this.narrowed()) return this.tree.matching(this.text.value, this.group.value);
    return this.tree.rows((key, byDefault) => this.open.get(key) ?? byDefault, (path) => this.iterations.get(path));
  }

  draw() {
    const all = this.visible();
    this.first = Math.max(0, Math.min(this.first, Math.floor((all.length - 1) / ROWS) * ROWS));
    const shown = all.slice(this.first, this.first + ROWS);
    const keys = new Set(shown.map((row) => row.key));
    for (const [key, row] of this.rows) {
      if (keys.has(key)) continue;
      row.node.remove();
      this.rows.delete(key);
    }
    shown.forEach((row, at) => this.put(row, at));
    this.range.setAttribute("role", this.narrowed() ? "status" : "none"); // a live run would have it said all the time
    setText(this.range, all.length ? `Rows ${this.first + 1} to ${this.first + shown.length} of ${all.length}` : "No such step");
    this.back.disabled = this.first === 0;
    this.on.disabled = this.first + ROWS >= all.length;
    this.back.hidden = this.on.hidden = all.length <= ROWS;
  }

  put(row, at) {
    let known = this.rows.get(row.key);
    if (!known) {
      known = newRow(row, this.page);
      this.rows.set(row.key, known);
    }
    known.update(row, row.key === this.selected);
    if (this.body.children[at] !== known.node) this.body.insertBefore(known.node, this.body.children[at] ?? null);
  }

  /** Marks the row of the step that is looked at. */
  select(path) {
    this.selected = path;
    if (this.tree) this.draw();
  }

  /** Brings a step's row, or that of the fan-out which it is part of, onto the screen. */
  focus(path) {
    for (const key of this.tree.wayTo(path)) if (!this.open.has(key)) this.open.set(key, true);
    this.text.value = "";
    this.group.value = "all";
    const keys = this.visible().map((row) => row.key);
    const target = [path, iteration(path.replace(/^undo:/, ""))?.fan].find((key) => keys.includes(key));
    if (!target) return;
    this.first = Math.floor(keys.indexOf(target) / ROWS) * ROWS;
    this.draw();
    const { node } = this.rows.get(target);
    node.scrollIntoView({ block: "nearest" });
    if (!node.contains(document.activeElement)) node.focus({ preventScroll: true });
  }

  async toggle(key, open) {
    this.open.set(key, open);
    const fan = this.tree.byPath.get(key)?.iterations;
    if (!open) this.iterations.delete(key);
    this.draw();
    if (open && fan) await this.read(key, { before: [], cursor: "" });
  }

  /** Shows the next or the previous iterations of a fan-out. */
  turn(path, by) {
    const { before, cursor, next } = this.iterations.get(path);
    return this.read(path, by > 0 ? { before: [...before, cursor], cursor: next } : { before: before.slice(0, -1), cursor: before.at(-1) });
  }

  async read(path, { before, cursor }) {
    let page;
    try {
      const answer = await get(`${this.page.runPath}/steps/${stepPath(path)}/iterations?limit=${ITERATIONS}${cursor ? "&cursor=" + encodeURIComponent(cursor) : ""}`);
      page = { items: answer.items ?? [], before, cursor, next: answer.next_cursor };
    } catch (problem) {
      page = { items: [], before, cursor, error: problem.message };
    }
    if (this.open.get(path) !== true) return; // closed meanwhile
    this.iterations.set(path, page);
    this.draw();
  }

  /** Reads what is open again. */
  async refresh() {
    for (const [path, page] of [...this.iterations]) {
      if (this.iterations.get(path) === page) await this.read(path, page);
    }
  }
}
