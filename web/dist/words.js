// What an event says, in words. An event of a type that is not here is shown by its type and its data: a newer server never
// breaks the page.
import { el, runLink, when } from "./dom.js";

const failure = (error) => (error ? `${error.code}: ${error.message}` : "");
const target = (data) => {
  if (data.checkpoint) return `back to the checkpoint ${data.checkpoint}`;
  return data.step ? `back to ${data.step}` : "";
};
const then = (data) => ({ pause: "then it pauses", retry: "then it goes on", fail: "then it has failed" })[data.then] ?? "";

// By type: what happened, from the step's path and the event's data, and what is worth knowing of it. Data that is told here
// is not told again.
const WORDS = {
  run_admitted: () => ["its turn has come"],
  job_dispatched: (d) => [d.worker_id ? `goes to worker ${d.worker_id}` : "goes to whoever serves its topic", d.why ?? "", d.cap ? "by CAP" : ""],
  job_unheard: () => ["nobody listens on its topic: it waits for a worker"],
  job_running: (d) => [d.worker_id ? `begins on worker ${d.worker_id}` : "begins", d.timeout_at ? el("span", {}, "until ", when(d.timeout_at)) : ""],
  job_progress: (d) => [Number.isFinite(d.percent) ? `is at ${d.percent} %` : "goes on", d.message ?? ""],
  job_logged: (d) => [`wrote ${d.lines} ${d.lines === 1 ? "line" : "lines"}`, d.attempt > 1 ? `attempt ${d.attempt}` : "", d.dropped ? `${d.dropped} left out` : ""],
  step_fanned_out: (d) => [`fans out into ${d.items} ${d.items === 1 ? "iteration" : "iterations"}`],
  step_reopened: () => ["goes on where it was"],
  step_closing: (d) => ["begins nothing more", d.running_stopped ? "what runs is stopped" : "what runs may finish"],
  round_started: () => ["a round begins"],
  signal_awaited: (d) => [`waits for the signal ${d.signal}`, d.until ? `until ${d.until}` : ""],
  signal_received: (d) => [`the signal ${d.name} came`],
  signal_consumed: () => ["takes a signal"],
  child_started: (d) => [`starts a run of ${d.workflow}`, runLink(d.child_run), d.attempt > 1 ? `attempt ${d.attempt}` : ""],
  child_cancelling: (d) => ["cancels its run", d.timed_out ? "its time is over" : ""],
  child_waiting: (d) => [d.waiting ? "its run only waits" : "its run goes on"],
  child_undo_asked: (d) => ["asks its run to undo what it did", runLink(d.child_run)],
  child_undone: (d) => [d.undone ? "its run has undone what it did" : "its run had nothing to undo"],
  compensation_started: (d) => ["compensation begins", target(d), then(d)],
  undo_started: () => ["begins"],
  undo_held: (d) => ["is held: it waits for a person", failure(d.error)],
  undo_retried: () => ["is tried again"],
  undo_settled: (d) => [{ skipped: "skipped by a person", done: "marked as done by hand", nothing: "there was nothing to undo" }[d.how] ?? `ended: ${d.how}`],
  compensation_ended: (d) => ["compensation ends", `${d.undone ?? 0} undone`, d.kept?.length ? `kept by a pivot: ${d.kept.join(", ")}` : ""],
  run_set_back: (d) => [target(d) ? `is set ${target(d)}` : "what was bad is pending again", d.paused ? "paused" : then(d), d.feedback ? `"${d.feedback}"` : ""],
};

/** Says an event: title is a text, more are texts and links. */
export function says(event) {
  const data = event.data ?? {};
  const known = Object.hasOwn(WORDS, event.type);
  const [what, ...more] = known ? WORDS[event.type](data) : [event.type.replaceAll("_", " "), ...plain(data)];
  if (known && data.reason) more.push(`reason ${data.reason}`);
  if (event.actor) more.push(`by ${event.actor}`);
  return { title: event.step ? (known ? `${event.step} ${what}` : `${what} · ${event.step}`) : what, more: between(more.filter(Boolean)) };
}

const plain = (data) => Object.entries(data).map(([name, value]) => `${name} ${typeof value === "string" ? value : JSON.stringify(value)}`);

const between = (parts) => parts.flatMap((part, at) => (at ? [" · ", part] : [part]));
