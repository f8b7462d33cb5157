// What the run did to the world: each attempt that a worker may have begun, and whether it is known how it ended. It is read when
// it is opened, and again when a job of the run moves.
import { get } from "./api.js";
import { badge, el, labelled, panel, runLink, setText, straight, when } from "./dom.js";
import { redraw, Table } from "./rows.js";

const PAGE = 200; // read at a time
const REREAD_MS = 1000; // at most this often, and never more than a fifth of the time goes into reading

const STATES = { done: "done", undone: "undone", unknown: "unknown", running: "under way", none: "nothing was done" };

export class Effects {
  /** run is the run's id, runPath its path in the API. */
  constructor(run, runPath) {
    Object.assign(this, { run, runPath, items: [], next: "", wanted: PAGE, closed: false });
    this.says = el("summary", { role: "status" }, "What it did to the world");
    this.error = el("p", { class: "error", role: "alert" });
    this.state = el("select", { id: "effect-state", change: () => this.draw() }, el("option", { value: "" }, "all"), Object.entries(STATES).map(([value, label]) => el("option", { value }, label)));
    this.table = new Table("effect-list", ["Step", "Effect", "State", "Worker", "Idempotency key", "Recorded before", "Answered"], (effect) => new EffectRow(this.run, effect));
    this.none = el("p", { class: "empty" });
    this.on = el("button", { type: "button", class: "small", "data-effects": "on", hidden: true, click: () => this.more() }, "Read on");
    this.fold = el("details", { toggle: () => this.show() }, this.says, el("div", { class: "row" }, labelled("Show", this.state), this.on), this.error, this.none, this.table.node);
    this.node = panel("Effects", this.fold);
    this.node.id = "effects";
  }

  /** Shows what is known by now, once it is opened. Many calls in a row cost one reading, and one more what comes meanwhile. */
  show() {
    this.stale = this.fold.open;
    if (this.busy || !this.stale || this.closed) return;
    this.busy = true;
    this.read();
  }

  close() {
    this.closed = true;
    clearTimeout(this.timer);
  }

  more() {
    this.wanted += PAGE;
    this.show();
  }

  async read() {
    const begin = performance.now();
    this.stale = false;
    try {
      await this.pages();
      setText(this.error, "");
    } catch (problem) {
      setText(this.error, problem.message);
    }
    if (this.closed) return;
    this.draw();
    this.timer = setTimeout(() => {
      this.busy = false;
      if (this.stale) this.show();
    }, Math.max(REREAD_MS, 4 * (performance.now() - begin)));
  }

  /** Reads as many as are shown: those that were read may have ended. */
  async pages() {
    const items = [];
    let next = "";
    do {
      const page = await get(`${this.runPath}/effects?limit=${PAGE}${next ? `&cursor=${encodeURIComponent(next)}` : ""}`);
      items.push(...page.items);
      next = page.next_cursor ?? "";
      this.counts = page.counts;
    } while (next && items.length < this.wanted && !this.closed);
    [this.items, this.next] = [items, next];
  }

  draw() {
    const shown = this.items.filter(({ state }) => !this.state.value || state === this.state.value);
    const counts = Object.entries(STATES).filter(([state]) => this.counts?.[state]).map(([state, label]) => `${this.counts[state]} ${label}`);
    if (this.counts) setText(this.says, counts.length ? `Effects: ${counts.join(", ")}` : "It did nothing to the world");
    setText(this.none, shown.length || !this.counts ? "" : "None is shown.");
    this.on.hidden = !this.next;
    this.table.show(shown.map((effect) => [`${effect.intent_seq} ${effect.sent_as}`, effect]));
  }
}

class EffectRow {
  constructor(run, { step, undoes, attempt, effect, worker, idempotency_key: key, intent_at: at, intent_seq: seq }) {
    [this.state, this.ended] = [el("td"), el("td")];
    const title = undoes ? `the compensation of ${undoes}` : step;
    this.node = el("tr", { "data-effect": seq },
      el("td", {}, runLink(run, step, straight(title)), attempt > 1 ? `, attempt ${attempt}` : ""), el("td", {}, effect), this.state,
      el("td", {}, worker ? straight(worker) : "whoever listened"), el("td", { class: "mono" }, key), el("td", { title: `fact ${seq}` }, when(at)), this.ended);
  }

  update({ state, ended_at: ended, receipt_seq: receipt }) {
    redraw(this.state, state, () => badge(`effect_${state}`));
    redraw(this.ended, [ended, receipt], () => (receipt ? [when(ended), ` by fact ${receipt}`] : ended ? ["no answer; over ", when(ended)] : "not yet"));
  }
}
