// The list of a run's events. A busy run has thousands a second: they are drawn together, a few times a second, and the newest
// are kept.
import { clip, clock, el } from "./dom.js";
import { says } from "./words.js";

const MAX_EVENTS = 1000;
const DRAW_MS = 50; // at most this often, and never more than a fifth of the time goes into drawing

/** Events: add(event) appends one; the newest is kept in view unless the reader scrolled up. */
export class Events {
  constructor(list) {
    this.list = list;
    this.last = 0;
    this.cost = 0;
    this.waiting = []; // lines that are not drawn yet, as functions that make them
    this.older = el("li", { class: "soft", hidden: true }, el("span"), el("span"), el("span", {}, "older events are not kept on this page"));
    list.append(this.older);
  }

  add(event) {
    if (event.seq <= this.last) return;
    this.last = event.seq;
    this.put(() => line(event));
  }

  /** What is missing is said, not hidden. */
  gap(seq) {
    this.last = Math.max(this.last, seq);
    this.put(() => el("li", { class: "soft" }, el("span", {}, `#${seq}`), el("span", {}, "events up to here were missed: the state shown is current")));
  }

  put(make) {
    this.waiting.push(make);
    if (this.waiting.length >= 2 * MAX_EVENTS) this.shed();
    this.timer ??= setTimeout(() => this.draw(), Math.max(DRAW_MS, 4 * this.cost));
  }

  /** Forgets waiting lines that would not stay. */
  shed() {
    this.waiting = this.waiting.slice(-MAX_EVENTS);
    this.older.hidden = false;
  }

  /** Draws what waits. The list is measured once, not per line. */
  draw() {
    const begin = performance.now();
    this.timer = null;
    if (this.waiting.length > MAX_EVENTS) this.shed();
    const lines = this.waiting.map((make) => make());
    this.waiting = [];
    const atEnd = this.list.scrollTop + this.list.clientHeight >= this.list.scrollHeight - 8;
    this.list.append(...lines);
    const excess = this.list.childElementCount - 1 - MAX_EVENTS;
    if (excess > 0) {
      this.older.hidden = false;
      for (const old of [...this.list.children].slice(1, 1 + excess)) old.remove();
    }
    if (atEnd) this.list.scrollTop = this.list.scrollHeight;
    this.cost = performance.now() - begin;
  }
}

function line(event) {
  const { title, more } = says(event);
  return el("li", { "data-seq": event.seq, "data-type": event.type },
    el("span", { class: "soft" }, `#${event.seq}`),
    el("time", { class: "soft", datetime: event.ts, title: event.ts }, clock(new Date(event.ts))),
    el("span", { class: "what" }, title),
    el("span", { class: "more soft" }, more.map((part) => (typeof part === "string" ? clip(part, 300) : part))));
}
