// What waits for a person in one run.
import { get } from "./api.js";
import { el, setText } from "./dom.js";
import { askingOf, QuestionPanel } from "./question.js";

const MAX_SHOWN = 20; // of a fan-out of approvals

export class ApprovalPanel {
  /** definition() answers the run's Definition; onDecided is called after the server took a decision. */
  constructor(root, run, { definition, onDecided }) {
    Object.assign(this, { root, run, definition, onDecided });
    this.shown = new Map();
    this.more = el("p", { hidden: true });
    root.append(this.more);
  }

  /** Reads the waiting approvals when a step of the run waits for one, and once more what is told while they are being read. */
  async show(run) {
    this.told = run;
    if (this.reading) return;
    this.reading = true;
    while (this.told) {
      const { workflow, steps } = this.told;
      this.told = null;
      try {
        this.put((steps ?? []).some(asks) ? await waiting(this.run, workflow, this.shown) : []);
      } catch {
        // The next event reads again; the step's state is on the page anyway.
      }
    }
    this.reading = false;
  }

  /** Keeps a panel that is already there as it is, with what was typed into it. */
  put(approvals) {
    const first = approvals.slice(0, MAX_SHOWN);
    const asked = new Set(first.map(askingOf));
    for (const [asking, panel] of this.shown) {
      if (asked.has(asking)) continue;
      panel.node.remove();
      this.shown.delete(asking);
    }
    for (const approval of first) {
      const known = this.shown.get(askingOf(approval));
      if (known) {
        known.show(approval);
        continue;
      }
      const panel = new QuestionPanel(approval, { definition: this.definition, onDecided: this.onDecided });
      this.shown.set(askingOf(approval), panel);
      this.root.insertBefore(panel.node, this.more);
    }
    this.more.hidden = approvals.length <= MAX_SHOWN;
    setText(this.more, `${approvals.length - MAX_SHOWN} or more other approvals of this run wait as well.`);
  }
}

/** Tells whether a step, a job that the policy holds, or an iteration of one, waits for a person. */
const asks = (step) => step.state === "waiting" || step.job_state === "approval_required" || (step.type === "approval" && step.iterations?.running > 0);

/**
 * The waiting approvals of a run, each whole: a row of the list does not have what is shown. Those in known are not read again. The
 * list is read to its end, as theirs may be anywhere in it, or until there are more than are shown.
 */
async function waiting(run, workflow, known) {
  const found = [];
  let cursor = "";
  do {
    const page = await get(`approvals?state=waiting&workflow=${encodeURIComponent(workflow)}&limit=1000${cursor && `&cursor=${encodeURIComponent(cursor)}`}`);
    found.push(...page.items.filter((approval) => approval.run_id === run));
    cursor = page.next_cursor ?? "";
  } while (cursor && found.length <= MAX_SHOWN);
  return Promise.all(found.map((approval, at) => (at >= MAX_SHOWN || known.has(askingOf(approval)) ? approval : get(`approvals/${encodeURIComponent(approval.id)}`))));
}
