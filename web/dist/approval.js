// What waits for a person: exactly what is asked, and what can be answered. The hash of what is shown goes back with the
// decision, so that nobody approves something else than what was on the screen.
import { get, post } from "./api.js";
import { rootOf } from "./definition.js";
import { choice } from "./dialog.js";
import { el, setText, when } from "./dom.js";

const MAX_SHOWN = 20; // of a fan-out of approvals

export class ApprovalPanel {
  /** definition() answers the run's Definition; onDecided is called after the server took a decision. */
  constructor(root, run, { definition, onDecided }) {
    Object.assign(this, { root, run, definition, onDecided });
    this.shown = new Map();
    this.more = el("p", { hidden: true });
    root.append(this.more);
  }

  /** Reads the waiting approvals when a step of the run waits for one. */
  async show(run) {
    if (!(run.steps ?? []).some(asks)) return this.put([]);
    if (this.reading) return;
    this.reading = true;
    try {
      this.put(await waiting(this.run, run.workflow, this.shown));
    } catch {
      // The next event reads again; the step's state is on the page anyway.
    } finally {
      this.reading = false;
    }
  }

  /** Keeps a panel that is already there as it is, with what was typed into it. */
  put(approvals) {
    const first = approvals.slice(0, MAX_SHOWN);
    const ids = new Set(first.map((approval) => approval.id));
    for (const [id, node] of this.shown) {
      if (ids.has(id)) continue;
      node.remove();
      this.shown.delete(id);
    }
    for (const approval of first) {
      if (this.shown.has(approval.id)) continue;
      const node = this.panel(approval);
      this.shown.set(approval.id, node);
      this.root.insertBefore(node, this.more);
    }
    this.more.hidden = approvals.length <= MAX_SHOWN;
    setText(this.more, `${approvals.length - MAX_SHOWN} or more other approvals of this run wait as well.`);
  }

  panel(approval) {
    const comment = el("textarea", { id: `comment-${approval.id}`, maxlength: "2000" });
    const error = el("p", { class: "error", role: "alert" });
    const buttons = [];
    const decide = async (decision, to) => {
      buttons.forEach((button) => { button.disabled = true; });
      setText(error, "");
      try {
        await post(`approvals/${encodeURIComponent(approval.id)}/decide`, { decision, ...(to && { to }), comment: comment.value, expect_hash: approval.hash });
        this.onDecided();
      } catch (problem) {
        setText(error, problem.message);
        buttons.forEach((button) => { button.disabled = false; });
      }
    };
    const answer = (decision, look, word) => el("button", { type: "button", class: look, "data-decision": decision, click: () => decide(decision) }, word);
    buttons.push(answer("approve", "primary", "Approve"), answer("deny", "danger", "Deny"));
    const back = el("span", { class: "row", hidden: true });
    this.offerBack(approval, back, buttons, decide);
    return el("section", { class: "panel ask", "data-approval": approval.id, "aria-label": `Approval ${approval.step}` },
      el("h2", {}, `⏸ ${approval.title || approval.step}`),
      el("p", {}, `Step ${approval.step}, asked by ${approval.requested_by} at `, when(approval.requested_at), approval.expires_at ? [", expires ", when(approval.expires_at)] : null),
      approval.context === undefined || approval.context === null ? null : el("pre", {}, JSON.stringify(approval.context, null, 2)),
      el("label", { for: `comment-${approval.id}` }, "Comment"), comment, el("div", { class: "row" }, buttons.slice(0, 2), back), error);
  }

  /** The third answer: do it again from a step before. It is offered when there is one. */
  async offerBack(approval, root, buttons, decide) {
    let steps;
    try {
      steps = (await this.definition()).upstream(rootOf(approval.step));
    } catch {
      return; // without the definition there are the two other answers
    }
    if (steps.length === 0) return;
    const to = choice(`to-${approval.id}`, [{ value: "", label: "choose a step" }, ...steps]);
    const send = el("button", { type: "button", disabled: true, "data-decision": "send_back", click: () => decide("send_back", to.value) }, "Send back");
    to.addEventListener("change", () => { send.disabled = !to.value; });
    buttons.push(send);
    root.append(el("label", { for: to.id }, "Send back to"), to, send);
    root.hidden = false;
  }
}

/** Tells whether a step, or an iteration of it, waits for a person's approval. */
const asks = (step) => step.type === "approval" && (step.state === "waiting" || step.iterations?.running > 0);

/** The waiting approvals of a run, each whole: a row of the list does not have what is shown. Those in known are not read again. */
async function waiting(run, workflow, known) {
  const found = [];
  let cursor = "";
  do {
    const page = await get(`approvals?state=waiting&workflow=${encodeURIComponent(workflow)}&limit=200${cursor ? "&cursor=" + encodeURIComponent(cursor) : ""}`);
    found.push(...page.items.filter((approval) => approval.run_id === run));
    cursor = page.next_cursor ?? "";
  } while (cursor && found.length === 0);
  return Promise.all(found.map((approval, at) => (at >= MAX_SHOWN || known.has(approval.id) ? approval : get(`approvals/${encodeURIComponent(approval.id)}`))));
}
