// One question to people: exactly what is asked and why, of whom, who has answered, and what can be answered. The hash of what
// is shown goes back with the answer, so that nobody approves something else than what was on the screen.
import { post } from "./api.js";
import { rootOf } from "./definition.js";
import { choice } from "./dialog.js";
import { el, json, runLink, setText, when } from "./dom.js";
import { formOf } from "./form.js";

/** Says which asking a question is: another one needs another panel. */
export const askingOf = (approval) => `${approval.id} ${approval.round ?? 1} ${approval.hash}`;

/** A panel for a whole approval. definition() answers the run's Definition; onDecided is called after the server took an answer. */
export class QuestionPanel {
  constructor(approval, { definition, onDecided, link = false }) {
    Object.assign(this, { approval, definition, onDecided });
    this.comment = el("textarea", { id: `comment-${approval.id}`, maxlength: "2000" });
    this.form = formOf(approval.form, `values-${approval.id}`);
    this.error = el("p", { class: "error", role: "alert" });
    this.people = el("div");
    this.approve = this.answer("approve", "primary", "Approve");
    this.buttons = [this.approve, this.answer("deny", "danger", "Deny")];
    const back = el("span", { class: "row", hidden: true });
    this.node = el("section", { class: "panel ask", "data-approval": approval.id, "aria-label": `Approval ${approval.step}` },
      el("h2", {}, `⏸ ${approval.title || approval.step}`), this.asked(link), this.people,
      section("What the worker would get", approval.input), section("What is shown", approval.context), this.form.node,
      el("label", { for: this.comment.id }, "Comment"), this.comment, el("div", { class: "row" }, this.buttons.slice(), back), this.error);
    this.show(approval);
    if ((approval.source ?? "step") === "step") this.offerBack(back);
  }

  asked(link) {
    const { step, workflow, run_id: run, requested_by: by, requested_at: at, expires_at: end, on_expiry: then, edited_by: editors } = this.approval;
    return el("p", {}, `Step ${step}`, link ? [` of ${workflow}, run `, runLink(run, step, run)] : null, `, asked by ${by} at `, when(at),
      end ? [", expires ", when(end), then ? ` (then: ${then})` : null] : null, editors?.length ? `, edited by ${editors.join(", ")}` : null);
  }

  /** Shows who is asked and who has answered; what was typed stays. */
  show(approval) {
    const items = [];
    if (approval.why_again) items.push(el("li", {}, `Asked again: ${approval.why_again}.`));
    for (const need of approval.needs ?? []) items.push(el("li", { "data-need": need.rule ?? "" }, needText(need)));
    for (const vote of approval.votes ?? []) items.push(el("li", { "data-vote": vote.by }, voteText(vote), " at ", when(vote.at)));
    for (const { from, to, until } of approval.delegations ?? []) items.push(el("li", {}, `${from} let ${to} answer until `, when(until)));
    if (approval.why_not) items.push(el("li", { class: "error" }, `You cannot approve it: ${approval.why_not}.`));
    const list = JSON.stringify([approval.needs, approval.votes, approval.delegations, approval.why_not]);
    if (list !== this.listed) this.people.replaceChildren(...(items.length ? [el("ul", {}, items)] : []));
    this.listed = list;
    this.may = approval.may_decide !== false;
    if (!this.busy) this.approve.disabled = !this.may;
  }

  answer(decision, look, word) {
    return el("button", { type: "button", class: look, "data-decision": decision, click: () => this.decide(decision) }, word);
  }

  async decide(decision, to) {
    setText(this.error, "");
    this.busy = true;
    this.buttons.forEach((button) => { button.disabled = true; });
    try {
      const values = decision === "approve" ? this.form.values() : undefined;
      await post(`approvals/${encodeURIComponent(this.approval.id)}/decide`,
        { decision, ...(to && { to }), ...(values !== undefined && { values }), comment: this.comment.value, expect_hash: this.approval.hash });
      this.onDecided();
    } catch (problem) {
      setText(this.error, problem.message);
    }
    this.busy = false;
    this.buttons.forEach((button) => { button.disabled = button === this.approve && !this.may; });
  }

  /** The third answer: do it again from a step before. It is offered when there is one. */
  async offerBack(root) {
    let steps;
    try {
      steps = (await this.definition()).upstream(rootOf(this.approval.step));
    } catch {
      return; // without the definition there are the two other answers
    }
    if (steps.length === 0) return;
    const to = choice(`to-${this.approval.id}`, [{ value: "", label: "choose a step" }, ...steps]);
    const send = el("button", { type: "button", disabled: true, "data-decision": "send_back", click: () => this.decide("send_back", to.value) }, "Send back");
    to.addEventListener("change", () => { send.disabled = !to.value; });
    this.buttons.push(send);
    root.append(el("label", { for: to.id }, "Send back to"), to, send);
    root.hidden = false;
  }
}

function needText({ approvers, quorum, four_eyes: foreign, exclude_author: noAuthor, rule, reason }) {
  const who = approvers?.length ? approvers.join(", ") : "whoever may approve";
  return `Needs ${quorum || 1} of ${who}${foreign ? ", not who asked" : ""}${noAuthor ? ", not the author" : ""}${rule ? ` (rule ${rule})` : ""}${reason ? `: ${reason}` : ""}`;
}

function voteText({ by, for: inPlaceOf, decision, comment, void: gone }) {
  return `${by}${inPlaceOf ? ` for ${inPlaceOf}` : ""}: ${decision.replaceAll("_", " ")}${gone ? " (void: something else was asked)" : ""}${comment ? `, “${comment}”` : ""}`;
}

/** A value, whole, under its name. */
const section = (name, value) => (value === undefined || value === null ? null : [el("h3", {}, name), el("pre", {}, json(value))]);
