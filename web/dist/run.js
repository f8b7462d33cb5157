// One run: two statuses, what waits for a person, bars, graph, steps, events. State always comes from the server's view of the
// run; an event only says that it is time to read it again.
import { get } from "./api.js";
import { Actions } from "./actions.js";
import { ApprovalPanel } from "./approval.js";
import { Definition } from "./definition.js";
import { Details } from "./details.js";
import { closeDialogs } from "./dialog.js";
import { badge, el, fact, look, panel, runHash, runLink, setBadge, setText, settled, took, when } from "./dom.js";
import { Effects } from "./effects.js";
import { Events } from "./events.js";
import { drawGraph } from "./graph.js";
import { HeldNotice } from "./held.js";
import { Logs } from "./logs.js";
import { StepTable } from "./steps.js";
import { Bars } from "./timeline.js";

const REFRESH_MS = 120; // at most this often, and never more than a fifth of the time goes into reading
const TICK_MS = 1000; // bars of a live run grow
const REPLAY_PAGE = 500;

/** Shows a run in root, and beside it the step that query names. Returns {ready, leave, select}. */
export function showRun(root, id, query, stream) {
  const stepOf = (query) => query.get("step") ?? "";
  const page = new RunPage(root, id, stepOf(query), stream);
  return { ready: page.open(), leave: () => page.close(), select: (query) => page.select(stepOf(query)) };
}

class RunPage {
  constructor(root, id, step, stream) {
    this.root = root;
    this.id = id;
    this.step = step;
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
    if (this.step) this.pick(this.step);
    this.drawGraph(run);
    await this.replay(run.seq);
    if (this.closed) return;
    this.watch();
    if (this.run.seq < this.events.last) this.refresh(); // no message will tell of what was read already
    this.ticker = setInterval(() => { if (!settled(this.run)) this.bars.show(this.run); }, TICK_MS);
  }

  close() {
    this.closed = true;
    this.stop();
    this.effects?.close();
    closeDialogs();
    clearInterval(this.ticker);
    clearTimeout(this.timer);
  }

  /** Follows the events from the last one that is shown, and what the step that is looked at writes. */
  watch() {
    this.stop();
    this.follows = true;
    this.stop = this.stream.watchRun(this.id, this.events.last, (message) => this.receive(message), Boolean(this.step));
  }

  /** A run that is over can begin to move again, by a rollback or a retry: its header tells. */
  watchOver() {
    this.stop();
    this.follows = false;
    this.stop = this.stream.watchWorkflow(this.run.workflow, ({ header }) => {
      if (header?.id === this.id && header.seq > this.events.last) this.watch();
    });
  }

  /** The newest page of events that led to what is shown. */
  async replay(upTo) {
    const after = Math.max(0, upTo - REPLAY_PAGE);
    const page = await get(`${this.path}/timeline?after=${after}&limit=${REPLAY_PAGE}`);
    if (after > 0) this.events.gap(after);
    for (const event of page.items) this.events.add(event);
  }

  receive(message) {
    if (message.type === "log") return this.logs.receive(message.log);
    if (message.type === "event") this.events.add(message.event);
    if (message.type === "gap") this.events.gap(message.seq);
    if (message.type === "end") this.watchOver();
    if (["live", "gap", "end"].includes(message.type)) this.logs.again();
    if (message.type !== "replay" && message.type !== "live") this.refresh();
  }

  /** Reads the run again soon; many events in a row cost one reading, and one more what comes while it is being read. */
  refresh() {
    this.stale = true;
    if (this.timer || this.closed) return;
    this.timer = setTimeout(async () => {
      const begin = performance.now();
      this.stale = false;
      try {
        const run = await get(this.path);
        if (!this.closed && run.seq >= this.run.seq) {
          this.show(run);
          await this.steps.refresh();
        }
      } catch (problem) {
        setText(this.error, problem.message);
      }
      this.cost = performance.now() - begin;
      this.timer = null;
      if (!this.closed && (this.stale || this.run.seq < this.events.last && !settled(this.run))) this.refresh();
    }, Math.max(REFRESH_MS, 4 * this.cost));
  }

  build(run) {
    this.state = badge(run.state);
    this.compensation = badge(run.compensation);
    this.duration = el("dd");
    this.kept = el("dd");
    this.error = el("p", { class: "error" });
    this.news = el("p", { class: "unseen", role: "status", id: "news" });
    this.actions = new Actions(this.path, { definition: () => this.definition(), onDone: () => this.refresh(), onProblem: (problem) => setText(this.error, problem.message) });
    this.held = new HeldNotice(this.id);
    this.approvals = el("div");
    this.approval = new ApprovalPanel(this.approvals, this.id, { definition: () => this.definition(), onDecided: () => this.refresh() });
    const bars = el("div");
    this.graphBox = el("div");
    const list = el("ol", { class: "events", tabindex: "0", "aria-label": "Events" });
    this.steps = new StepTable(this.id, this.path, () => this.refresh());
    this.logs = new Logs(this.id, this.path);
    this.effects = new Effects(this.id, this.path);
    this.details = new Details(this.id, this.path, { onClose: () => this.pick(""), onChange: () => this.refresh() });
    this.root.replaceChildren(
      el("h1", {}, run.workflow), el("p", { class: "mono" }, run.id), this.facts(run), this.news,
      this.actions.node, this.error, this.held.node, this.approvals,
      panel("Timeline", bars), panel("Graph", this.graphBox),
      panel("Steps", el("div", { class: "split" }, this.steps.node, this.details.node)), this.logs.node, this.effects.node, panel("Events", list));
    this.bars = new Bars(bars);
    this.events = new Events(list);
  }

  facts(run) {
    return el("dl", { class: "facts", id: "facts" },
      fact("State", this.state, "state"), fact("Compensation", this.compensation, "compensation"), fact("Started", when(run.started_at)),
      el("div", {}, el("dt", {}, "Took"), this.duration), fact("By", run.started_by),
      fact("Definition", el("code", { title: run.digest }, (run.digest ?? "").slice(0, 12))),
      run.parent ? fact("Part of", runLink(run.parent.run_id, run.parent.step, `${run.parent.step} of ${run.parent.run_id}`), "parent") : null,
      run.fork_of ? fact("Fork of", runLink(run.fork_of)) : null, run.rerun_of ? fact("Rerun of", runLink(run.rerun_of)) : null,
      this.keptFact = el("div", { hidden: true }, el("dt", {}, "Kept by a pivot"), this.kept));
  }

  show(run) {
    this.tell(this.run, run);
    this.run = run;
    setBadge(this.state, run.state);
    setBadge(this.compensation, run.compensation);
    setText(this.duration, took((run.ended_at ? new Date(run.ended_at) : new Date()) - new Date(run.started_at)));
    this.keptFact.hidden = !run.kept?.length;
    setText(this.kept, (run.kept ?? []).join(", "));
    setText(this.error, run.error ? `${run.error.code}: ${run.error.message}` : "");
    this.actions.show(run);
    this.held.show(run.held ?? []);
    this.bars.show(run);
    this.steps.show(run);
    this.showStep();
    this.effects.show();
    this.graph?.show(run.steps ?? []);
    this.approval.show(run);
  }

  /** Says aloud what changed of the run as a whole; its steps would be too many. */
  tell(was, run) {
    if (!was) return;
    const news = [];
    if (was.state !== run.state) news.push(`The run is ${look(run.state).word}.`);
    if (was.compensation !== run.compensation) news.push(`Its compensation is ${look(run.compensation).word}.`);
    const known = new Set((was.held ?? []).map(({ step }) => step));
    const held = (run.held ?? []).filter(({ step }) => !known.has(step));
    if (held.length) news.push(`Held: ${held.slice(0, 3).map(({ step }) => step).join(", ")}${held.length > 3 ? ` and ${held.length - 3} more` : ""}.`);
    if (news.length) setText(this.news, news.join(" "));
  }

  /** The run's definition, read when it is first needed. */
  definition() {
    this.reading ??= Definition.of(this.run).catch((problem) => {
      this.reading = null;
      throw problem;
    });
    return this.reading;
  }

  async drawGraph(run) {
    try {
      const graph = await get(`workflows/${encodeURIComponent(run.workflow)}/graph?digest=${encodeURIComponent(run.digest)}`);
      if (this.closed) return;
      this.graph = drawGraph(this.graphBox, graph, this.run.steps ?? [], (step) => this.pick(step));
      this.graph.show(this.run.steps ?? []);
    } catch (problem) {
      this.graphBox.replaceChildren(el("p", { class: "empty" }, `No graph: ${problem.message}`));
    }
  }

  /** Looks at a step, and writes that into the address. */
  pick(path) {
    const hash = runHash(this.id, path);
    if (location.hash !== hash) history.pushState(null, "", hash);
    this.select(path);
  }

  /** Shows a step beside the table; none when the path is empty. */
  select(path) {
    const left = this.step;
    this.step = path;
    if (!this.steps) return;
    this.steps.select(path);
    const step = this.steps.find(path);
    this.details.open(path, step);
    this.logs.open(path, step);
    if (this.follows && Boolean(path) !== Boolean(left)) this.watch(); // lines are sent only to who asked for them
    if (path || left) this.steps.focus(path || left);
  }

  showStep() {
    const step = this.steps.find(this.step);
    this.details.show(step);
    this.logs.show(step);
  }
}
