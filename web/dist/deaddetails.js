// One dead letter in full: what the job was, what became of it, and what can be done with it.
import { get, post, remove } from "./api.js";
import { ask } from "./dialog.js";
import { badge, clip, el, fact, json, look, runLink, setBadge, setText, when } from "./dom.js";

const MAX_TEXT = 20_000; // characters of an error's details

export class DeadDetails {
  constructor(page) {
    Object.assign(this, { page, job: "" });
    this.title = el("h2", { tabindex: "-1", id: "dead-title" });
    this.state = badge("dead");
    this.verbs = el("div", { class: "row" },
      el("button", { type: "button", class: "primary", "data-dead": "retry", click: () => this.retry() }, "Retry…"),
      el("button", { type: "button", "data-dead": "delete", click: () => this.delete() }, "Delete…"));
    this.text = el("div");
    this.node = el("aside", { class: "details", "aria-labelledby": "dead-title", hidden: true, keydown: (press) => { if (press.key === "Escape") this.leave(); } },
      el("button", { type: "button", class: "small close", click: () => this.leave() }, "Close"), this.title, this.state, this.verbs, this.text);
  }

  leave() {
    this.page.go({ job: "" });
  }

  /** Looks at an entry by its job's id; at nothing when that is empty. */
  async open(job) {
    if (job === this.job) return;
    this.job = job;
    this.node.hidden = !job;
    if (!job) return;
    setText(this.title, job);
    this.text.replaceChildren();
    this.state.hidden = this.verbs.hidden = true;
    await this.read();
    if (this.job === job) this.title.focus({ preventScroll: true });
  }

  async read() {
    const job = this.job;
    let shown;
    try {
      const entry = await get(`dlq/${encodeURIComponent(job)}`);
      if (this.job !== job) return;
      setBadge(this.state, entry.state);
      this.state.hidden = this.verbs.hidden = false;
      this.verbs.firstChild.disabled = entry.state === "retrying";
      shown = [el("dl", { class: "facts" }, factsOf(entry).map(([name, value]) => fact(name, value))), ...textsOf(entry)];
    } catch (problem) {
      shown = [el("p", { class: "empty" }, problem.status === 404 ? "It is no dead letter any more: it was deleted, or done again." : `It cannot be read: ${problem.message}`)];
      this.state.hidden = this.verbs.hidden = true;
    }
    if (this.job === job) this.text.replaceChildren(...shown);
  }

  retry() {
    const job = this.job;
    ask({
      title: "Retry this job?", confirm: "Retry", body: [el("p", {}, "It is done again in its own run, with the same input. A failed run is tried again as a whole: its other dead jobs go along.")],
      submit: async (reason, once) => {
        const { also } = await post(`dlq/${encodeURIComponent(job)}/retry`, reason ? { reason } : {}, once);
        this.page.tell(`${job} is being done again${also?.length ? `, and with it ${also.join(", ")}` : ""}.`);
        this.read();
        this.page.changed();
      },
    });
  }

  delete() {
    const job = this.job;
    ask({
      title: "Delete this dead letter?", confirm: "Delete", danger: true, reason: "none", body: [el("p", {}, "The job and its run stay as they are.")],
      submit: async (_reason, once) => {
        await remove(`dlq/${encodeURIComponent(job)}`, once);
        this.page.tell(`${job} is no dead letter any more.`);
        this.leave();
        this.page.changed();
      },
    });
  }
}

function factsOf(entry) {
  const facts = [["Died of", entry.reason], ["Ended", look(entry.ended).word], ["Run", runLink(entry.run_id, entry.step, entry.step ? `${entry.step} of ${entry.run_id}` : entry.run_id)]];
  const add = (name, value) => { if (value !== undefined && value !== "" && value !== 0 && value !== false) facts.push([name, value]); };
  add("Workflow", entry.workflow);
  add("Kind", entry.kind);
  add("Topic", entry.topic);
  add("Pack", entry.pack);
  add("Tool", entry.tool);
  add("Attempts", String(entry.attempts));
  add("Died so often", entry.times > 1 ? String(entry.times) : "");
  add("Worker that had it last", entry.worker);
  add("Requires", (entry.requires ?? []).join(", "));
  add("Preferred worker", entry.preferred_worker_id);
  add("Preferred pool", entry.preferred_pool);
  add("Priority", entry.priority);
  add("Labels", Object.entries(entry.labels ?? {}).map(([name, value]) => `${name}=${value}`).join(", "));
  add("Size of its input", entry.input_bytes ? `${entry.input_bytes.toLocaleString("en")} bytes` : "");
  add("Its effect", entry.outcome_unknown ? "nobody knows whether it had it" : "");
  add("May be tried again", entry.retryable ? "yes, its worker says" : "");
  facts.push(["Died", when(entry.died_at)]);
  if (entry.times > 1) facts.push(["For the first time", when(entry.first_at)]);
  facts.push(["Is kept until", when(entry.expires_at)]);
  if (entry.decision?.rule) facts.push(["Rule of the policy", entry.decision.rule]);
  return facts;
}

function textsOf({ code, message, details }) {
  const texts = [];
  if (code || message) texts.push(el("p", { class: "error" }, [code, message].filter(Boolean).join(": ")));
  if (details !== undefined && details !== null) texts.push(el("pre", {}, clip(json(details), MAX_TEXT)));
  return texts;
}
