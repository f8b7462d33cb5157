// One bar per step over the run's time. Iterations are within the bar of their fan-out; compensations have their own.
import { el, look, setText, settled, took } from "./dom.js";
import { iteration } from "./tree.js";

const MAX_LANES = 500;

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
    const steps = (run.steps ?? []).filter(hasLane).sort(byStart);
    const end = settled(run) ? lastEnd(run, steps) : Math.max(now, begin);
    const span = Math.max(end - begin, 1);
    const shown = steps.slice(0, MAX_LANES);
    this.drop(new Set(shown.map((step) => step.path)));
    shown.forEach((step, at) => this.put(step, at, begin, end, span));
    this.note.hidden = steps.length <= MAX_LANES;
    setText(this.note, `${steps.length - MAX_LANES} more steps are in the table.`);
  }

  /** Takes away what is no longer among the first. */
  drop(kept) {
    for (const [path, lane] of this.lanes) {
      if (kept.has(path)) continue;
      lane.node.remove();
      this.lanes.delete(path);
    }
  }

  put(step, at, begin, end, span) {
    let lane = this.lanes.get(step.path);
    if (!lane) {
      lane = newLane(step);
      this.lanes.set(step.path, lane);
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
    const time = from === null ? word : took(to - from);
    const { percent, message } = (!step.ended_at && step.progress) || {};
    const far = percent === undefined ? "" : `${percent} %`;
    setText(lane.took, [far, time].filter(Boolean).join(" · "));
    lane.track.setAttribute("aria-label", [`${step.path}: ${word}`, far, message, from === null ? "" : time].filter(Boolean).join(", "));
    lane.track.title = [far, message].filter(Boolean).join(" ");
  }
}

/** A compensation has a lane as soon as it begins; what belongs to an iteration has none. */
function hasLane(step) {
  if (step.undoes) return Boolean(step.started_at) && !iteration(step.undoes);
  return step.item === undefined;
}

/** A run has ended when its forward part has; its compensations come after that. */
function lastEnd(run, steps) {
  return steps.reduce((last, step) => Math.max(last, step.ended_at ? new Date(step.ended_at).getTime() : 0), new Date(run.ended_at).getTime());
}

function byStart(a, b) {
  if (a.started_at && b.started_at && a.started_at !== b.started_at) return a.started_at < b.started_at ? -1 : 1;
  if (Boolean(a.started_at) !== Boolean(b.started_at)) return a.started_at ? -1 : 1;
  return a.path < b.path ? -1 : 1;
}

function newLane(step) {
  const fill = el("div", { class: "fill" });
  const track = el("div", { class: "track", role: "img" }, fill);
  const duration = el("span", { class: "took" });
  const node = el("div", { class: "lane", "data-lane": step.path }, el("span", { class: "name", title: step.name || step.path }, step.path), track, duration);
  return { node, fill, track, took: duration };
}
