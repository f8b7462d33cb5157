// The table of workers. Of very many a part is shown at a time; it can be narrowed to a text and a state.
import { choice } from "./dialog.js";
import { ago, badge, bar, el, labelled, setBadge, setBar, setText } from "./dom.js";
import { drainButton, drainText } from "./drain.js";
import { redraw, Table, words } from "./rows.js";

const ROWS = 200; // shown at a time
const STATES = ["alive", "draining", "silent", "lost"];
const COLUMNS = ["Worker", "Pool", "State", "Jobs", "Load", "Seen", "Topics", "Capabilities", "Labels", "Drain"];

export class Workers {
  /** changed is called when the server took what was asked of a worker. */
  constructor(changed) {
    this.all = [];
    this.first = 0;
    const narrowed = () => { this.first = 0; this.draw(); };
    this.text = el("input", { id: "worker-text", type: "search", input: narrowed });
    this.state = choice("worker-state", [{ value: "", label: "all states" }, ...STATES]);
    this.state.addEventListener("change", narrowed);
    this.table = new Table("workers", COLUMNS, (row) => new WorkerRow(row, changed));
    this.none = el("p", { class: "empty" });
    this.range = el("span");
    const turn = (by, word) => el("button", { type: "button", "data-workers": by, click: () => { this.first += by * ROWS; this.draw(); } }, word);
    [this.back, this.on] = [turn(-1, "Previous workers"), turn(1, "Next workers")];
    this.search = el("div", { class: "row", role: "search", "aria-label": "Workers" }, labelled("Find", this.text), labelled("Show", this.state));
    this.node = el("div", {}, this.search, this.none, this.table.node, el("div", { class: "row" }, this.range, this.back, this.on));
  }

  /** rows: {worker, drain, poolDrains}. */
  show(rows) {
    this.all = rows;
    this.draw();
  }

  draw() {
    const found = this.all.filter((row) => this.wanted(row.worker));
    this.first = Math.max(0, Math.min(this.first, Math.floor((found.length - 1) / ROWS) * ROWS));
    const shown = found.slice(this.first, this.first + ROWS);
    this.table.show(shown.map((row) => [row.worker.id, row]));
    this.none.hidden = shown.length > 0;
    this.search.hidden = this.all.length === 0;
    redraw(this.none, this.all.length, (all) => (all ? "No such worker" : ["No workers yet. Start one: ", el("code", {}, "cordum worker exec --help")]));
    this.back.parentElement.hidden = found.length <= ROWS;
    setText(this.range, `Workers ${this.first + 1} to ${this.first + shown.length} of ${found.length}`);
    this.back.disabled = this.first === 0;
    this.on.disabled = this.first + ROWS >= found.length;
  }

  wanted({ id, pool, state, topics, capabilities, labels }) {
    if (this.state.value && state !== this.state.value) return false;
    const text = this.text.value.toLowerCase();
    return !text || [id, pool ?? "", ...(topics ?? []), ...(capabilities ?? []), ...pairs(labels)].some((word) => word.toLowerCase().includes(text));
  }
}

const pairs = (labels) => Object.entries(labels ?? {}).map(([name, value]) => `${name}=${value}`);

class WorkerRow {
  constructor({ worker }, changed) {
    this.changed = changed;
    this.id = worker.id;
    this.state = badge(worker.state);
    this.bar = bar();
    [this.pool, this.load, this.seen, this.topics, this.can, this.labels, this.drain] = ["", "", "", "", "", "", ""].map(() => el("td"));
    this.jobs = el("span");
    this.load.classList.add("short");
    this.node = el("tr", { "data-worker": worker.id }, el("td", { class: "mono" }, worker.id), this.pool, el("td", {}, this.state),
      el("td", {}, this.bar, this.jobs), this.load, this.seen, this.topics, this.can, this.labels, this.drain);
  }

  update({ worker, drain, poolDrains }) {
    const [jobs, slots] = [worker.active_jobs + worker.reserved_jobs, worker.max_parallel_jobs];
    setText(this.pool, worker.pool ?? "");
    setBadge(this.state, worker.state);
    setBar(this.bar, jobs, slots, `${jobs} of ${slots} jobs`, jobs >= slots ? "wait" : "busy");
    setText(this.jobs, `${jobs} of ${slots}`);
    setText(this.load, `CPU ${Math.round(worker.cpu_load)} %${worker.gpu_utilization > 0 ? `, GPU ${Math.round(worker.gpu_utilization)} %` : ""}`);
    this.seen.replaceChildren(ago(worker.last_seen));
    redraw(this.topics, worker.topics ?? [], (topics) => (topics.length ? words(topics) : "those of its pool"));
    redraw(this.can, worker.capabilities ?? [], words);
    redraw(this.labels, pairs(worker.labels), words);
    redraw(this.drain, [drain, poolDrains, worker.state], () => [this.why(worker, drain, poolDrains), el("div", { class: "row" }, drainButton("worker", this.id, drain, this.changed))]);
  }

  why({ state }, drain, poolDrains) {
    if (drain) return drainText(drain);
    if (state !== "draining") return null;
    return poolDrains ? "its pool is drained" : "it drains by itself";
  }
}
