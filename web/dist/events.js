// The list of a run's events. A busy run has thousands a second; the newest are kept.
import { clip, clock, el } from "./dom.js";
import { Tail } from "./tail.js";
import { says } from "./words.js";

const MAX_EVENTS = 1000;

/** Events: add(event) appends one; the newest is kept in view unless the reader scrolled up. */
export class Events {
  constructor(list) {
    this.last = 0;
    this.tail = new Tail(list, MAX_EVENTS, el("li", { class: "soft" }, el("span"), el("span"), el("span", {}, "older events are not kept on this page")));
  }

  add(event) {
    if (event.seq <= this.last) return;
    this.last = event.seq;
    this.tail.put(() => line(event));
  }

  /** What is missing is said, not hidden. */
  gap(seq) {
    this.last = Math.max(this.last, seq);
    this.tail.put(() => el("li", { class: "soft" }, el("span", {}, `#${seq}`), el("span", {}, "events up to here were missed: the state shown is current")));
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
