// One bar per step over the run's time, and the list of its events.
import { clock, el, look, setText, took } from "./dom.js";

const MAX_LANES = 500;
const MAX_EVENTS = 2000;

/** Bars: show(run) draws or moves them; a live run's bars grow with every call. */
export class Bars {
  constructor(root) {
    this.root = root;
    this.lanes = new Map();
    this.note = el("p", { class: "empty", hidden: true });
    root.append(this.note);
  }

  show(run, now = Date.now()) {
    const begin = new Date(run.started_at).getTime();
    const end = run.ended_at ? new Date(run.ended_at).getTime() : Math.max(now, begin);
    const span = Math.max(end - begin, 1);
    const steps = [...(run.steps ?? [])].sort(byStart);
    steps.slice(0, MAX_LANES).forEach((step, at) => this.put(step, at, begin, end, span));
    this.note.hidden = steps.length <= MAX_LANES;
    setText(this.note, `${steps.length - MAX_LANES} more steps are in the table.`);
  }

  put(step, at, begin, end, span) {
    let lane = this.lanes.get(step.id);
    if (!lane) {
      lane = newLane(step);
      this.lanes.set(step.id, lane);
    }
    if (this.root.children[at] !== lane.node) this.root.insertBefore(lane.node, this.root.children[at] ?? this.note);
    const { tone, word } = look(step.state);
    const from = step.started_at ? new Date(step.started_at).getTime() : null;
    const to = step.ended_at ? new Date(step.ended_at).getTime() : end;
    lane.fill.hidden = from === null;
    lane.fill.dataset.tone = tone;
    lane.fill.toggleAttribute("data-live", from !== null && !step.ended_at);
    if (from !== null) {
      lane.fill.style.setProperty("--from", `${(100 * (from - begin)) / span}%`);
      lane.fill.style.setProperty("--span", `${(100 * Math.max(to - from, 0)) / span}%`);
    }
    setText(lane.took, from === null ? word : took(to - from));
    lane.track.setAttribute("aria-label", `${step.id}: ${word}${from === null ? "" : ", " + took(to - from)}`);
  }
}

function byStart(a, b) {
  if (a.started_at && b.started_at && a.started_at !== b.started_at) return a.started_at < b.started_at ? -1 : 1;
  if (Boolean(a.started_at) !== Boolean(b.started_at)) return a.started_at ? -1 : 1;
  return a.id < b.id ? -1 : 1;
}

function newLane(step) {
  const fill = el("div", { class: "fill" });
  const track = el("div", { class: "track", role: "img" }, fill);
  const duration = el("span", { class: "took" });
  const node = el("div", { class: "lane", "data-lane": step.id }, el("span", { class: "name", title: step.name || step.id }, step.id), track, duration);
  return { node, fill, track, took: duration };
}

/** Events: add(event) appends one; the newest is kept in view unless the reader scrolled up. */
export class Events {
  constructor(list) {
    this.list = list;
    this.last = 0;
  }

  add(event) {
    if (event.seq <= this.last) return;
    this.last = event.seq;
    const atEnd = this.list.scrollTop + this.list.clientHeight >= this.list.scrollHeight - 8;
    this.list.append(el("li", { "data-seq": event.seq, "data-type": event.type },
      el("span", { class: "soft" }, `#${event.seq}`),
      el("time", { class: "soft", datetime: event.ts, title: event.ts }, clock(new Date(event.ts))),
      el("span", { class: "what" }, `${event.type.replaceAll("_", " ")}${event.step ? " · " + event.step : ""}`),
      el("span", { class: "more soft" }, describe(event))));
    if (this.list.childElementCount > MAX_EVENTS) this.list.firstElementChild.remove();
    if (atEnd) this.list.scrollTop = this.list.scrollHeight;
  }

  /** What is missing is said, not hidden. */
  gap(seq) {
    this.last = Math.max(this.last, seq);
    this.list.append(el("li", { class: "soft" }, el("span", {}, `#${seq}`), el("span", {}, "events up to here were missed: the state shown is current")));
  }
}

function describe(event) {
  const parts = Object.entries(event.data ?? {}).map(([name, value]) => `${name} ${typeof value === "string" ? value : JSON.stringify(value)}`);
  if (event.actor) parts.push(`by ${event.actor}`);
  const text = parts.join(" · ");
  return text.length > 300 ? text.slice(0, 299) + "…" : text;
}
