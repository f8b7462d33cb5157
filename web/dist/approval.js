// What waits for a person: exactly what is asked, and two buttons. The hash of what is shown goes back with the decision,
// so that nobody approves something else than what was on the screen.
import { get, post } from "./api.js";
import { el, setText, when } from "./dom.js";

export class ApprovalPanel {
  /** onDecided is called after the server took a decision. */
  constructor(root, run, onDecided) {
    this.root = root;
    this.run = run;
    this.onDecided = onDecided;
    this.shown = new Map();
  }

  /** Reads the waiting approvals when a step of the run waits for one. */
  async show(run) {
    const waits = (run.steps ?? []).some((step) => step.type === "approval" && step.state === "waiting");
    if (!waits) return this.put([]);
    if (this.reading) return;
    this.reading = true;
    try {
      this.put(await waiting(this.run, run.workflow));
    } catch {
      // The next event reads again; the step's state is on the page anyway.
    } finally {
      this.reading = false;
    }
  }

  /** Keeps a panel that is already there as it is, with what was typed into it. */
  put(approvals) {
    const ids = new Set(approvals.map((approval) => approval.id));
    for (const [id, node] of this.shown) {
      if (ids.has(id)) continue;
      node.remove();
      this.shown.delete(id);
    }
    for (const approval of approvals) {
      if (this.shown.has(approval.id)) continue;
      const node = this.panel(approval);
      this.shown.set(approval.id, node);
      this.root.append(node);
    }
  }

  panel(approval) {
    const comment = el("textarea", { id: `comment-${approval.id}`, maxlength: "2000" });
    const error = el("p", { class: "error", role: "alert" });
    const buttons = [];
    const decide = async (decision) => {
      buttons.forEach((button) => { button.disabled = true; });
      setText(error, "");
      try {
        await post(`approvals/${encodeURIComponent(approval.id)}/decide`, { decision, comment: comment.value, expect_hash: approval.hash });
        this.onDecided();
      } catch (problem) {
        setText(error, problem.message);
        buttons.forEach((button) => { button.disabled = false; });
      }
    };
    buttons.push(
      el("button", { type: "button", class: "primary", "data-decision": "approve", click: () => decide("approve") }, "Approve"),
      el("button", { type: "button", class: "danger", "data-decision": "deny", click: () => decide("deny") }, "Deny"));
    return el("section", { class: "panel ask", "data-approval": approval.id, "aria-label": `Approval ${approval.step}` },
      el("h2", {}, `⏸ ${approval.title || approval.step}`),
      el("p", {}, `Step ${approval.step}, asked by ${approval.requested_by} at `, when(approval.requested_at), approval.expires_at ? [", expires ", when(approval.expires_at)] : null),
      approval.context === undefined || approval.context === null ? null : el("pre", {}, JSON.stringify(approval.context, null, 2)),
      el("label", { for: `comment-${approval.id}` }, "Comment"), comment, el("div", { class: "row" }, buttons), error);
  }
}

/** The waiting approvals of a run, each whole: a row of the list does not have what is shown. */
async function waiting(run, workflow) {
  const found = [];
  let cursor = "";
  do {
    const page = await get(`approvals?state=waiting&workflow=${encodeURIComponent(workflow)}&limit=200${cursor ? "&cursor=" + encodeURIComponent(cursor) : ""}`);
    found.push(...page.items.filter((approval) => approval.run_id === run));
    cursor = page.next_cursor ?? "";
  } while (cursor && found.length === 0);
  return Promise.all(found.map((approval) => get(`approvals/${encodeURIComponent(approval.id)}`)));
}
