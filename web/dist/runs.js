// The list of runs, newest first, kept current by the stream.
import { get } from "./api.js";
import { badge, el, setBadge, setText, took, when } from "./dom.js";
import { heads, named } from "./rows.js";

const SHOWN = 100;
const COLUMNS = ["Run", "Workflow", "State", "Compensation", "Started", "Took", "By"];

/** Shows the list in root. Returns {ready, leave}. */
export function showRuns(root, stream) {
  const body = el("tbody", { role: "rowgroup" });
  const table = el("table", { class: "cards", role: "table" }, heads(COLUMNS), body);
  const empty = el("p", { class: "empty", hidden: true }, "No runs yet. Start one: ", el("code", {}, "cordum workflow run --file workflow.json --wait"));
  root.append(el("h1", {}, "Runs"), el("section", { class: "panel", "aria-label": "Runs" }, empty, table));
  const list = new RunRows(body);
  const told = () => { empty.hidden = list.rows.size > 0; table.hidden = !empty.hidden; };
  const stop = stream.watchWorkflow("*", (message) => {
    if (message.type !== "header") return;
    list.put(message.header);
    told();
  });
  const ready = get(`runs?limit=${SHOWN}`).then((page) => {
    page.items.forEach((run) => list.put(run));
    told();
  });
  return { ready, leave: stop };
}

class RunRows {
  constructor(body) {
    this.body = body;
    this.rows = new Map();
  }

  /** Shows a run's header; an older one than what is shown changes nothing. */
  put(run) {
    let row = this.rows.get(run.id);
    if (!row) {
      row = newRow(run);
      this.rows.set(run.id, row);
      this.place(row);
    }
    if (row.seq > run.seq) return;
    row.seq = run.seq;
    setBadge(row.state, run.state);
    setBadge(row.compensation, run.compensation ?? "none");
    setText(row.took, run.ended_at ? took(new Date(run.ended_at) - new Date(run.started_at)) : "");
  }

  place(row) {
    const after = [...this.rows.values()].filter((other) => other !== row && other.started < row.started);
    const next = after.reduce((best, other) => (!best || other.started > best.started ? other : best), null);
    this.body.insertBefore(row.node, next?.node ?? null);
    if (this.rows.size > SHOWN) {
      const oldest = [...this.rows.entries()].reduce((a, b) => (a[1].started < b[1].started ? a : b));
      oldest[1].node.remove();
      this.rows.delete(oldest[0]);
    }
  }
}

function newRow(run) {
  const state = badge(run.state);
  const compensation = badge(run.compensation ?? "none");
  const duration = el("td", {});
  const node = named(el("tr", { "data-run": run.id },
    el("td", { class: "mono" }, el("a", { href: `#/runs/${encodeURIComponent(run.id)}` }, run.id)),
    el("td", {}, run.workflow), el("td", {}, state), el("td", {}, compensation), el("td", {}, when(run.started_at)), duration, el("td", {}, run.started_by)), COLUMNS);
  return { node, state, compensation, took: duration, started: run.started_at, seq: 0 };
}
