// One step in full, beside the table: why it stands where it does, its error, its output, and the runs and steps it belongs to.
import { get, stepPath } from "./api.js";
import { badge, clip, el, json, placed, runHash, runLink, setBadge, setText, took, when } from "./dom.js";
import { heldButtons } from "./held.js";

const MAX_TEXT = 20_000; // characters of an output or of an error's details

export class Details {
  /** onClose is called when the reader has seen enough. */
  constructor(run, runPath, { onClose, onChange }) {
    Object.assign(this, { run, runPath, onChange, path: "", seen: "" });
    this.title = el("h2", { tabindex: "-1", id: "details-title" });
    this.state = badge("pending");
    this.facts = el("dl", { class: "facts" });
    this.text = el("div");
    this.why = el("div", { id: "why", "aria-live": "polite" });
    this.node = el("aside", { class: "details", "aria-labelledby": "details-title", hidden: true, keydown: (press) => { if (press.key === "Escape") onClose(); } },
      el("button", { type: "button", class: "small close", click: onClose }, "Close"), this.title, this.state, this.facts, this.text, this.why);
  }

  /** Looks at a step by its path; nothing when the path is empty. step is what is known of it, perhaps nothing. */
  open(path, step) {
    this.path = path;
    this.seen = "";
    this.node.hidden = !path;
    if (!path) return;
    setText(this.title, path);
    for (const part of [this.facts, this.text, this.why]) part.replaceChildren(); // nothing stays of the step before
    this.show(step);
    this.explain();
  }

  /** Shows what became of the step that is looked at. */
  show(step) {
    if (!this.path) return;
    this.state.hidden = !step;
    if (!step) return;
    setBadge(this.state, step.state);
    const now = JSON.stringify(step);
    if (now === this.seen) return;
    const [was, is] = [this.place, `${step.state} ${step.attempt} ${step.reason} ${step.placement?.why}`];
    if (this.seen && was !== is) this.explain();
    this.place = is;
    this.seen = now;
    this.facts.replaceChildren(...factsOf(step, this.run).map(([name, value]) => el("div", {}, el("dt", {}, name), el("dd", {}, value))));
    this.text.replaceChildren(...textsOf(step), ...(step.state === "held" ? [el("div", { class: "row" }, heldButtons(this.runPath, step.undoes ?? step.path, this.onChange))] : []));
  }

  async explain() {
    const path = this.path;
    let told;
    try {
      const { state, why, advice } = await get(`${this.runPath}/steps/${stepPath(path)}/explain`);
      if (this.path !== path) return; // the reader has gone on
      if (this.state.hidden) setBadge(this.state, state);
      this.state.hidden = false;
      told = [el("h3", {}, "Why"), el("ul", {}, (why ?? []).map((reason) => el("li", {}, reason.text))),
        ...(advice?.length ? [el("h3", {}, "What you can do"), el("ul", {}, advice.map((text) => el("li", {}, text)))] : [])];
    } catch (problem) {
      told = [el("p", { class: "empty" }, `No explanation: ${problem.message}`)];
    }
    if (this.path === path) this.why.replaceChildren(...told);
  }
}

function factsOf(step, run) {
  const at = (path) => el("a", { href: runHash(run, path) }, path);
  const facts = [["Type", step.undoes ? "compensation" : step.type]];
  if (step.name) facts.push(["Name", step.name]);
  if (step.undoes) facts.push(["Undoes", at(step.undoes)]);
  if (step.parent) facts.push(["Part of", at(step.parent)]);
  if (step.item !== undefined) facts.push(["Item", String(step.item)]);
  if (step.round !== undefined) facts.push(["Round", String(step.round)]);
  if (step.child_run) facts.push(["Run", runLink(step.child_run)]);
  if (step.attempt) facts.push(["Attempt", String(step.attempt)]);
  if (step.reason) facts.push(["Reason", step.reason.replaceAll("_", " ")]);
  if (step.worker) facts.push(["Worker", el("code", {}, step.worker)]);
  if (step.placement) facts.push([step.worker ? "Why this worker" : "Why it waits", placed(step.placement)]);
  if (step.job_id) facts.push(["Job", el("code", {}, step.job_id)]);
  if (step.started_at) facts.push(["Started", when(step.started_at)]);
  if (step.ended_at) facts.push(["Ended", when(step.ended_at)]);
  if (step.started_at && step.ended_at) facts.push(["Took", took(new Date(step.ended_at) - new Date(step.started_at))]);
  return facts;
}

function textsOf(step) {
  const whole = (value) => el("pre", {}, clip(json(value), MAX_TEXT));
  const texts = [];
  if (step.error) texts.push(el("p", { class: "error" }, `${step.error.code}: ${step.error.message}`));
  if (step.error?.details) texts.push(whole(step.error.details));
  if (step.progress && !step.ended_at) texts.push(el("p", {}, el("progress", { max: 100, value: step.progress.percent, "aria-label": "Progress" }), ` ${step.progress.percent} % ${step.progress.message ?? ""}`));
  if (step.output !== undefined && step.output !== null) texts.push(el("h3", {}, "Output"), whole(step.output));
  return texts;
}
