// One run: two statuses, its approval, bars, graph, steps, events. State always comes from the server's view of the run;
// an event only says that it is time to read it again.
import { get, post } from "./api.js";
import { ApprovalPanel } from "./approval.js";
import { badge, el, ended, setBadge, setText, took, when } from "./dom.js";
import { drawGraph } from "./graph.js";
import { Bars, Events } from "./timeline.js";

const REFRESH_MS = 120; // at most this often, and never more than a fifth of the time goes into reading
const TICK_MS = 1000; // bars of a live run grow
const REPLAY_PAGE = 500;

/** Shows a run in root. Returns {ready, leave}. */
export function showRun(root, id, stream) {
  const page = new RunPage(root, id, stream);
  return { ready: page.open(), leave: () => page.close() };
}

class RunPage {
  constructor(root, id, stream) {
    this.root = root;
    this.id = id;
    this.path = `runs/${encodeURIComponent(id)}`;
    this.stream = stream;
    this.stop = () => {};
    this.closed = false;
    this.cost = 0;
  }

  async open() {
    const run = await get(this.path);
    if (this.closed) return;
    this.build(run);
    this.show(run);
    this.drawGraph(run);
    await this.replay(run.seq);
    if (this.closed) return;
    this.stop = this.stream.watchRun(this.id, this.events.last, (message) => this.receive(message));
    this.ticker = setInterval(() => { if (!ended(this.run.state)) this.bars.show(this.run); }, TICK_MS);
  }

  close() {
    this.closed = true;
    this.stop();
    clearInterval(this.ticker);
    clearTimeout(this.timer);
  }

  /** The newest page of events that led to what is shown. */
  async replay(upTo) {
    const after = Math.max(0, upTo - REPLAY_PAGE);
    const page = await get(`${this.path}/timeline?after=${after}&limit=${REPLAY_PAGE}`);
    if (after > 0) this.events.gap(after);
    for (const event of page.items) this.events.add(event);
  }

  receive(message) {
    if (message.type === "event") this.events.add(message.event);
    if (message.type === "gap") this.events.gap(message.seq);
    if (message.type !== "replay" && message.type !== "live") this.refresh();
  }

  /** Reads the run again soon; many events in a row cost one reading. */
  refresh() {
    if (this.timer || this.closed) return;
    this.timer = setTimeout(async () => {
      const begin = performance.now();
      try {
        const run = await get(this.path);
        if (!this.closed && run.seq >= this.run.seq) this.show(run);
      } catch (problem) {
        setText(this.error, problem.message);
      }
      this.cost = performance.now() - begin;
      this.timer = null;
      if (!this.closed && this.run.seq < this.events.last && !ended(this.run.state)) this.refresh();
    }, Math.max(REFRESH_MS, 4 * this.cost));
  }

  build(run) {
    this.state = badge(run.state);
    this.compensation = badge(run.compensation);
    this.duration = el("dd");
    this.error = el("p", { class: "error" });
    this.controls = el("div", { class: "row" },
      ["pause", "resume", "cancel"].map((verb) => el("button", { type: "button", "data-verb": verb, click: () => this.command(verb) }, verb[0].toUpperCase() + verb.slice(1))));
    this.approvals = el("div");
    this.approval = new ApprovalPanel(this.approvals, this.id, () => this.refresh());
    const bars = el("div");
    this.graphBox = el("div");
    const list = el("ol", { class: "events", tabindex: "0", "aria-label": "Events" });
    this.rows = new StepRows();
    this.root.replaceChildren(
      el("h1", {}, run.workflow), el("p", { class: "mono" }, run.id),
      el("dl", { class: "facts", id: "facts" },
        fact("State", this.state, "state"), fact("Compensation", this.compensation, "compensation"), fact("Started", when(run.started_at)),
        el("div", {}, el("dt", {}, "Took"), this.duration), fact("By", run.started_by), fact("Definition", el("code", { title: run.digest }, (run.digest ?? "").slice(0, 12)))),
      this.controls, this.error, this.approvals,
      panel("Timeline", bars), panel("Graph", this.graphBox), panel("Steps", this.rows.table), panel("Events", list));
    this.bars = new Bars(bars);
    this.events = new Events(list);
  }

  show(run) {
    this.run = run;
    setBadge(this.state, run.state);
    setBadge(this.compensation, run.compensation);
    setText(this.duration, took((run.ended_at ? new Date(run.ended_at) : new Date()) - new Date(run.started_at)));
    setText(this.error, run.error ? `${run.error.code}: ${run.error.message}` : "");
    for (const button of this.controls.children) button.disabled = !allowed(button.dataset.verb, run.state);
    this.bars.show(run);
    this.rows.show(run.steps ?? []);
    this.graph?.show(run.steps ?? []);
    this.approval.show(run);
  }

  async drawGraph(run) {
    try {
      const graph = await get(`workflows/${encodeURIComponent(run.workflow)}/graph?digest=${encodeURIComponent(run.digest)}`);
      if (this.closed) return;
      this.graph = drawGraph(this.graphBox, graph, (step) => this.rows.focus(step));
      this.graph.show(this.run.steps ?? []);
    } catch (problem) {
      this.graphBox.replaceChildren(el("p", { class: "empty" }, `No graph: ${problem.message}`));
    }
  }

  async command(verb) {
    if (verb === "cancel" && !window.confirm("Cancel this run?")) return;
    try {
      await post(`${this.path}/${verb}`, { reason: "asked on the page" });
      this.refresh();
    } catch (problem) {
      setText(this.error, problem.message);
    }
  }
}

function allowed(verb, state) {
  if (ended(state)) return false;
  if (verb === "resume") return state === "paused" || state === "faulted";
  if (verb === "pause") return state !== "paused" && state !== "faulted";
  return true;
}

const fact = (name, value, id) => el("div", { id }, el("dt", {}, name), el("dd", {}, value));
const panel = (title, content) => el("section", { class: "panel", "aria-label": title }, el("h2", {}, title), content);

/** The table of steps: what the graph and the bars show, as text. */
class StepRows {
  constructor() {
    this.body = el("tbody");
    this.table = el("table", { id: "steps" },
      el("thead", {}, el("tr", {}, ["Step", "Type", "State", "Attempt", "Worker", "Took", "What it says"].map((h) => el("th", { scope: "col" }, h)))), this.body);
    this.rows = new Map();
  }

  show(steps) {
    for (const step of steps) {
      let row = this.rows.get(step.id);
      if (!row) {
        row = { state: badge(step.state), attempt: el("td"), worker: el("td", { class: "mono" }), took: el("td"), says: el("td") };
        row.node = el("tr", { "data-step": step.id, tabindex: "-1" },
          el("td", { title: step.name || null }, step.id), el("td", {}, step.type), el("td", {}, row.state), row.attempt, row.worker, row.took, row.says);
        this.rows.set(step.id, row);
        this.body.append(row.node);
      }
      setBadge(row.state, step.state);
      setText(row.attempt, step.attempt ? String(step.attempt) : "");
      setText(row.worker, step.worker ?? "");
      setText(row.took, step.started_at && step.ended_at ? took(new Date(step.ended_at) - new Date(step.started_at)) : "");
      setText(row.says, says(step));
    }
  }

  focus(step) {
    const row = this.rows.get(step)?.node;
    row?.scrollIntoView({ block: "center" });
    row?.focus();
  }
}

function says(step) {
  if (step.error) return `${step.error.code}: ${step.error.message}`;
  if (step.progress && !step.ended_at) return `${step.progress.percent} % ${step.progress.message ?? ""}`;
  if (step.reason) return step.reason.replaceAll("_", " ");
  if (step.output !== undefined && step.output !== null) return clip(JSON.stringify(step.output));
  return "";
}

const clip = (text) => (text.length > 160 ? text.slice(0, 159) + "…" : text);
