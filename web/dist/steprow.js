// One row of the table of steps. A row is kept while it is shown and changed in place, so that focus and selection stay.
import { badge, clip, el, look, placed, runHash, runLink, setBadge, setText, took } from "./dom.js";
import { heldButtons } from "./held.js";
import { tally } from "./tree.js";

export const COLUMNS = ["Step", "Type", "State", "Attempt", "Worker", "Took", "What it says"];

const number = (n) => n.toLocaleString("en");

/** A node's text from its state: also used where a row has no room. */
export function says(step) {
  if (step.error) return `${step.error.code}: ${step.error.message}`;
  if (step.progress && !step.ended_at) return `${step.progress.percent} % ${step.progress.message ?? ""}`;
  if (step.placement && !step.worker) return placed(step.placement);
  if (step.reason) return step.reason.replaceAll("_", " ");
  if (step.output !== undefined && step.output !== null) return clip(JSON.stringify(step.output));
  return "";
}

/** How many iterations of a fan-out are where: every number with its icon and word. */
export function counted({ total, succeeded, bad, running }) {
  const rest = total - succeeded - bad - running;
  const parts = [[succeeded, "✓", "succeeded"], [bad, "✕", "bad"], [running, "▶", "running"], [rest, "○", "to come"]];
  return `${number(total)} ${total === 1 ? "item" : "items"}: ` + (parts.filter(([n]) => n > 0).map(([n, icon, word]) => `${icon} ${number(n)} ${word}`).join(", ") || "none");
}

/** States and how many have them. */
function tallied(steps) {
  return Object.entries(tally(steps)).map(([state, n]) => `${look(state).icon} ${number(n)} ${look(state).word}`).join(", ");
}

/** page: {run, runPath, toggle(key, open), turn(path, by), changed()}. */
export function newRow(row, page) {
  if (row.kind === "round") return new RoundRow(row, page);
  if (row.kind === "pager") return new PagerRow(row, page);
  return new StepRow(row, page);
}

/** The button that opens and closes what is below a row. */
function toggler(label, key, page) {
  const button = el("button", { type: "button", class: "toggle", "aria-label": label, click: () => page.toggle(key, button.getAttribute("aria-expanded") !== "true") });
  return button;
}

function setOpen(button, row) {
  button.hidden = !row.opens;
  button.setAttribute("aria-expanded", String(Boolean(row.open)));
  setText(button, row.open ? "▾" : "▸");
}

class StepRow {
  constructor({ step, fans }, page) {
    this.page = page;
    this.toggle = toggler(`${fans ? "Iterations" : "Rounds"} of ${step.path}`, step.path, page);
    this.link = el("a", { href: runHash(page.run, step.path), title: step.name || null }, step.undoes ? el("span", { "aria-hidden": "true" }, "↩ ") : null, step.path);
    this.name = el("td", {}, this.toggle, this.link);
    this.state = badge(step.state);
    [this.attempt, this.worker, this.took] = [el("td"), el("td", { class: "mono" }), el("td")];
    this.progress = el("progress", { max: 100, "aria-label": `Progress of ${step.path}` });
    this.text = el("span");
    this.child = el("span");
    this.held = el("span", { class: "row" });
    this.node = el("tr", { "data-step": step.path, "data-undoes": step.undoes, tabindex: "-1" },
      this.name, el("td", {}, step.undoes ? "compensation" : step.type), el("td", {}, this.state), this.attempt, this.worker, this.took, el("td", {}, this.progress, this.text, this.child, this.held));
  }

  update(row, selected) {
    const { step } = row;
    this.name.dataset.depth = Math.min(row.depth, 8);
    setOpen(this.toggle, row);
    if (selected) this.link.setAttribute("aria-current", "true");
    else this.link.removeAttribute("aria-current");
    setBadge(this.state, step.state);
    setText(this.attempt, step.attempt ? String(step.attempt) : "");
    setText(this.worker, step.worker ?? "");
    setText(this.took, step.started_at && step.ended_at ? took(new Date(step.ended_at) - new Date(step.started_at)) : "");
    const undos = row.undos?.length ? `compensations: ${tallied(row.undos)}` : "";
    setText(this.text, [step.iterations ? counted(step.iterations) : "", undos, step.iterations && !step.error ? "" : says(step)].filter(Boolean).join(" · "));
    this.progress.hidden = !step.progress || Boolean(step.ended_at);
    if (step.progress) this.progress.value = step.progress.percent;
    this.showChild(step);
    this.showHeld(step);
  }

  showChild(step) {
    if (this.childRun === step.child_run) return;
    this.childRun = step.child_run;
    this.child.replaceChildren(...(step.child_run ? [" run ", runLink(step.child_run)] : []));
  }

  showHeld(step) {
    const held = step.state === "held";
    if (held === (this.held.childElementCount > 0)) return;
    this.held.replaceChildren(...(held ? heldButtons(this.page.runPath, step.undoes ?? step.path, this.page.changed) : []));
  }
}

/** One round of a loop: how its steps stand. */
class RoundRow {
  constructor({ key, loop, round }, page) {
    this.toggle = toggler(`Steps of round ${round} of ${loop}`, key, page);
    this.says = el("td", { colspan: COLUMNS.length - 1 });
    this.name = el("td", {}, this.toggle, `${loop}[${round}]`);
    this.node = el("tr", { "data-round": `${loop}[${round}]`, tabindex: "-1" }, this.name, this.says);
  }

  update(row) {
    this.name.dataset.depth = Math.min(row.depth, 8);
    setOpen(this.toggle, row);
    setText(this.says, `round ${row.round}: ${tallied(row.members)}`);
  }
}

/** The end of what is shown of a fan-out: where that is in it, and the way to the rest. */
class PagerRow {
  constructor({ path }, page) {
    this.says = el("span");
    const turn = (by, word) => el("button", { type: "button", class: "small", "data-turn": by, "aria-label": `${word} iterations of ${path}`, click: () => page.turn(path, by) }, word);
    [this.back, this.on] = [turn(-1, "Previous"), turn(1, "Next")];
    this.name = el("td", { colspan: COLUMNS.length }, this.says, " ", this.back, " ", this.on);
    this.node = el("tr", { "data-pager": path }, this.name);
  }

  update(row) {
    this.name.dataset.depth = Math.min(row.depth, 8);
    const { page } = row;
    const items = page?.items ?? [];
    const [first, last] = [items[0], items.at(-1)];
    setText(this.says, page?.error ? page.error : !page ? "reading …" : first ? `${first.path} to ${last.path}` : "no iterations");
    this.back.disabled = !page || page.before.length === 0;
    this.on.disabled = !page?.next;
    this.back.hidden = this.on.hidden = this.back.disabled && this.on.disabled;
  }
}
