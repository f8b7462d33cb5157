// Compensations that wait for a person: what went wrong, and what a person can say.
import { post, stepPath } from "./api.js";
import { ask } from "./dialog.js";
import { el, runHash } from "./dom.js";

const ANSWERS = [
  { action: "retry", word: "Retry", title: (step) => `Retry the compensation of ${step}?`, reason: "optional", body: "It is tried again, with as many attempts as at first." },
  { action: "skip", word: "Skip…", title: (step) => `Skip the compensation of ${step}?`, reason: "required", danger: true, body: "What the step did stays as it is, and the rollback goes on." },
  { action: "done", word: "Mark done…", title: (step) => `Mark the compensation of ${step} as done by hand?`, reason: "required", body: "You have undone it yourself. The rollback goes on." },
];

/** Buttons for the held compensation of a step. onDone is called when the server took the answer. */
export function heldButtons(runPath, step, onDone) {
  return ANSWERS.map(({ action, word, title, reason, danger, body }) => el("button", {
    type: "button", class: "small", "data-held": action, "aria-label": `${word.replace("…", "")}: compensation of ${step}`,
    click: () => ask({
      title: title(step), body: [el("p", {}, body)], reason, danger, confirm: word.replace("…", ""),
      submit: async (why, once) => {
        await post(`${runPath}/compensations/${stepPath(step)}/${action}`, why ? { reason: why } : {}, once);
        onDone();
      },
    }),
  }, word));
}

const MAX_NAMED = 20;

/** A notice above everything else that names the held compensations of a run. */
export class HeldNotice {
  constructor(run) {
    this.run = run;
    this.list = el("ul");
    this.node = el("section", { class: "panel ask", id: "held", "aria-label": "Held compensations", hidden: true },
      el("h2", {}, "⚑ Compensations that wait for a person"), this.list);
    this.shown = "";
  }

  show(held) {
    const text = JSON.stringify(held.map(({ step, error }) => [step, error?.code]));
    if (text === this.shown) return;
    this.shown = text;
    this.node.hidden = held.length === 0;
    this.list.replaceChildren(
      ...held.slice(0, MAX_NAMED).map(({ step, error }) => el("li", {},
        el("a", { href: runHash(this.run, `undo:${step}`) }, `undo:${step}`), error ? ` ${error.code}: ${error.message}` : "")),
      ...(held.length > MAX_NAMED ? [el("li", {}, `and ${held.length - MAX_NAMED} more`)] : []));
  }
}
