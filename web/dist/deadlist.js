// The list of dead letters, newest first, a page at a time; it can be narrowed, and what it is narrowed to can be retried or
// deleted as a whole.
import { get } from "./api.js";
import { choice } from "./dialog.js";
import { badge, el, labelled, look, setBadge, setText, when } from "./dom.js";
import { purgeButton, redriveButton } from "./redrive.js";
import { focusIn, redraw, Table } from "./rows.js";

const PAGE = 50;
const TYPED_MS = 250; // after the last key, what was typed is asked for
const FIELDS = [["reason", "Reason"], ["workflow", "Workflow"], ["step", "Step"], ["topic", "Topic"]];

/** Where a job belongs: its step and workflow, or its topic alone. */
export function where({ workflow, step, topic }) {
  return workflow ? `${step} of ${workflow}` : topic ?? "";
}

export class DeadList {
  constructor(page) {
    Object.assign(this, { page, group: "", job: "", before: [], cursor: "", asked: 0 });
    this.inputs = Object.fromEntries(FIELDS.map(([name]) => [name, el("input", { id: `dead-${name}`, type: "search", size: "14", autocomplete: "off", input: () => this.typed() })]));
    this.inputs.state = choice("dead-state", [{ value: "", label: "all" }, { value: "dead", label: "dead" }, { value: "retrying", label: "being done again" }]);
    this.inputs.state.addEventListener("change", () => this.narrow());
    this.groupSays = el("p", { hidden: true });
    this.verbs = el("span", { class: "row" });
    this.none = el("p", { class: "empty", hidden: true }, "Nothing fits.");
    this.table = new Table("dead", ["Job", "What it died of", "Where", "State", "Attempts", "Died"], (entry) => new DeadRow(entry, page));
    const turn = (by, word) => el("button", { type: "button", "data-dead": by, click: () => this.turn(by) }, word);
    [this.back, this.on] = [turn(-1, "Newer"), turn(1, "Older")];
    this.node = el("div", {}, this.groupSays,
      el("div", { class: "row", role: "search", "aria-label": "Entries" }, FIELDS.map(([name, label]) => labelled(label, this.inputs[name])),
        labelled("State", this.inputs.state), this.verbs),
      this.none, this.table.node, el("div", { class: "row" }, this.back, this.on));
  }

  /** Narrows to a group, and marks the entry that is looked at. */
  of(group, job) {
    if (group !== this.group) [this.before, this.cursor] = [[], ""];
    Object.assign(this, { group, job });
    this.groupSays.hidden = !group;
    const all = this.page.address({ group: "" });
    redraw(this.groupSays, all, () => ["Only one group. ", el("a", { href: all }, "All entries")]);
    this.draw();
  }

  /** Brings the keyboard to an entry. */
  focus(job) {
    focusIn(this.table.rows.get(job)?.node ?? this.table.node);
  }

  typed() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.narrow(), TYPED_MS);
  }

  narrow() {
    [this.before, this.cursor] = [[], ""];
    this.page.changed();
  }

  turn(by) {
    if (by > 0) [this.before, this.cursor] = [[...this.before, this.cursor], this.next];
    else [this.cursor, this.before] = [this.before.at(-1) ?? "", this.before.slice(0, -1)];
    this.page.changed();
  }

  filter() {
    const all = { fingerprint: this.group, ...Object.fromEntries(Object.entries(this.inputs).map(([name, input]) => [name, input.value.trim()])) };
    return Object.fromEntries(Object.entries(all).filter(([, value]) => value));
  }

  /** Reads the page that is shown again. The newest question is the one that is answered. */
  async read() {
    const turn = ++this.asked;
    const query = new URLSearchParams({ limit: PAGE, ...this.filter(), ...(this.cursor && { cursor: this.cursor }) });
    const page = await get(`dlq?${query}`);
    if (turn !== this.asked) return;
    this.next = page.next_cursor ?? "";
    this.entries = page.items;
    this.draw();
  }

  draw() {
    if (!this.entries) return;
    this.table.show(this.entries.map((entry) => [entry.id, { entry, shown: entry.id === this.job }]));
    this.none.hidden = this.entries.length > 0;
    setText(this.none, this.next ? "Nothing among the entries that were looked through: there are older ones." : "Nothing fits.");
    [this.back.disabled, this.on.disabled] = [this.before.length === 0, !this.next];
    this.back.hidden = this.on.hidden = this.back.disabled && this.on.disabled;
    const filter = this.filter();
    // All of a tenant's entries are never meant: something must be named.
    redraw(this.verbs, filter, () => (Object.keys(filter).length === 0 ? [] : [redriveButton(filter, "what is listed", this.page), purgeButton(filter, "what is listed", this.page)]));
  }
}

class DeadRow {
  constructor({ entry }, page) {
    this.page = page;
    this.state = badge(entry.state);
    [this.job, this.reason, this.where, this.attempts, this.died] = ["", "", "", "", ""].map(() => el("td"));
    this.ended = el("span");
    this.job.classList.add("mono");
    this.node = el("tr", { "data-dead": entry.id }, this.job, this.reason, this.where, el("td", {}, this.state, this.ended), this.attempts, this.died);
  }

  update({ entry, shown }) {
    const at = this.page.address({ job: entry.id });
    redraw(this.job, [at, shown], () => el("a", { href: at, "aria-current": shown && "true" }, entry.id));
    setText(this.reason, entry.reason);
    setText(this.where, where(entry));
    setBadge(this.state, entry.state);
    setText(this.ended, ` ${look(entry.ended).word}`);
    setText(this.attempts, entry.times > 1 ? `${entry.attempts}, died ${entry.times} times` : String(entry.attempts));
    redraw(this.died, entry.died_at, when);
  }
}
