// What the jobs of a step write, as it comes. The newest lines are in view until the reader scrolls up: then nothing moves until
// they ask for it. Lines that the stream left out are read; what the server does not have either is said.
import { get } from "./api.js";
import { clock, el, labelled, setText, straight } from "./dom.js";
import { Tail } from "./tail.js";

const SHOWN = 5000; // lines on the page
const PAGE = 5000; // lines read at a time, the most that the server gives
const AT_ONCE = 20_000; // lines read before the reader is asked
const REREAD_MS = 250; // between two readings

const nameOf = ({ job_id: job, attempt }) => `${job}@${attempt}`;

export class Logs {
  /** run is the run's id, runPath its path in the API. */
  constructor(run, runPath) {
    Object.assign(this, { run, runPath, path: "", turn: 0 });
    this.list = el("ol", { class: "logs", id: "log", tabindex: "0", role: "log", "aria-live": "off", "aria-label": "Log lines", scroll: () => this.scrolled() });
    this.tail = new Tail(this.list, SHOWN, el("li", { class: "soft" }, "older lines are not kept on this page"));
    this.tail.drawn = () => this.tell();
    this.hint = el("p", { class: "empty" }, "Choose a step to see what its jobs write.");
    this.error = el("p", { class: "error", role: "alert" });
    this.says = el("span");
    this.attempt = el("select", { id: "log-attempt", change: () => this.begin() });
    this.jump = el("button", { type: "button", class: "small", "data-log": "follow", hidden: true, click: () => this.follow() }, "Follow");
    this.on = el("button", { type: "button", class: "small", "data-log": "on", hidden: true, click: () => this.readOn() }, "Read on");
    this.bar = el("div", { class: "row" }, labelled("Attempt", this.attempt), this.says, this.jump, this.on);
    this.node = el("section", { class: "panel", id: "logs", "aria-label": "Logs" }, this.title = el("h2", {}, "Logs"), this.hint, this.bar, this.error, this.list);
    this.begin();
  }

  /** Shows what a step writes; nothing when the path is empty. step is what is known of it, perhaps nothing. */
  open(path, step) {
    if (path === this.path) return;
    this.path = path;
    this.attempt.replaceChildren();
    this.attempts = 0;
    this.show(step);
    this.begin();
  }

  /** Shows what became of the step: how many attempts there are to choose from. */
  show(step) {
    this.over = Boolean(step?.ended_at);
    const attempts = step?.attempt ?? 0;
    if (attempts !== this.attempts || !this.attempt.length) {
      const chosen = this.attempt.value;
      this.attempt.replaceChildren(el("option", { value: "" }, "all"), ...Array.from({ length: attempts }, (_, at) => el("option", { value: at + 1 }, String(at + 1))));
      this.attempt.value = chosen;
      this.attempts = attempts;
    }
    this.tell();
  }

  begin() {
    this.turn++;
    Object.assign(this, { told: new Map(), wanted: new Map(), busy: false, rest: "", lines: 0, dropped: 0, known: false });
    this.tail.clear();
    setText(this.error, "");
    setText(this.title, this.path ? `Logs of ${this.path}` : "Logs");
    this.hint.hidden = Boolean(this.path);
    this.bar.hidden = this.list.hidden = !this.path;
    this.again();
  }

  /** Reads what was missed: after a connection was made anew, and at the end of the run. */
  again() {
    if (this.path && !this.rest) this.want("", () => this.all());
  }

  readOn() {
    this.want("", () => this.all({ after: this.rest }));
  }

  all(more = {}) {
    const attempt = this.attempt.value;
    return [`${this.runPath}/logs`, { step: this.path, ...(attempt && { attempt }), ...more }];
  }

  /** Takes lines of the stream: those that come next are shown, and a hole before them is read. */
  receive(part) {
    if (!this.wants(part) || this.rest || part.lines.length === 0) return;
    const name = nameOf(part);
    if (part.lines[0].n > (this.told.get(name) ?? 0) + 1) {
      const { job_id: job, attempt } = part;
      this.want(name, () => [`jobs/${encodeURIComponent(job)}/logs`, { attempt, after: this.told.get(name) ?? 0 }]);
      return;
    }
    for (const line of part.lines) this.add({ ...line, job_id: part.job_id, step: part.step, attempt: part.attempt });
  }

  /** Tells whether lines are of the step, or of its iterations. */
  wants({ run_id: run, step, attempt }) {
    const named = step === this.path || step.replace(/\[\d+\]$/, "") === this.path;
    return run === this.run && this.path !== "" && named && (!this.attempt.value || Number(this.attempt.value) === attempt);
  }

  /** Has something read once those before it were; asked for twice it is read once. */
  want(name, ask) {
    this.wanted.set(name, ask);
    if (!this.busy) this.readWanted(this.turn);
  }

  async readWanted(turn) {
    this.busy = true;
    while (turn === this.turn && this.wanted.size) {
      const [[name, ask]] = this.wanted;
      this.wanted.delete(name);
      const begin = performance.now();
      try {
        await this.read(turn, ...ask());
        if (turn === this.turn) setText(this.error, "");
      } catch (problem) {
        if (turn === this.turn) setText(this.error, problem.message);
      }
      if (turn === this.turn && this.wanted.size) await new Promise((done) => setTimeout(done, Math.max(REREAD_MS, 4 * (performance.now() - begin))));
    }
    if (turn === this.turn) this.busy = false;
  }

  /** Reads to the end of what is there, or as much as is read at once. */
  async read(turn, path, query) {
    let rest = "";
    let lines = 0;
    do {
      const page = await get(`${path}?${new URLSearchParams({ ...query, limit: PAGE, ...(rest && { after: rest }) })}`);
      if (turn !== this.turn) return;
      lines += page.items.length;
      for (const line of page.items) this.add(line);
      rest = page.next_after ?? "";
    } while (rest && lines < AT_ONCE);
    this.rest = rest;
    this.known = true;
    this.tell();
  }

  /** Shows a line once. */
  add(line) {
    const name = nameOf(line);
    if (line.n <= (this.told.get(name) ?? 0)) return;
    this.told.set(name, line.n);
    if (line.dropped) this.dropped += line.dropped;
    else this.lines++;
    this.tail.put(() => drawLine(line, this.path));
  }

  scrolled() {
    const away = !this.tail.atEnd();
    if (away === this.tail.held) return;
    this.tail.hold(away);
    this.tell();
  }

  follow() {
    this.tail.hold(false);
    this.tail.toEnd();
  }

  tell() {
    const { held, waiting } = this.tail;
    const parts = [`${this.lines.toLocaleString("en")} ${this.lines === 1 ? "line" : "lines"}`];
    if (this.dropped) parts.push(`${this.dropped.toLocaleString("en")} left out`);
    if (held) parts.push(`paused${waiting.length ? `: ${waiting.length.toLocaleString("en")} new` : ""}`);
    if (this.rest) parts.push("there are more");
    if (this.known && this.lines + this.dropped === 0) parts.splice(0, 1, this.over ? "it has written nothing" : "it has written nothing so far");
    setText(this.says, this.known || this.lines ? parts.join(", ") : "reading …");
    this.jump.hidden = !held;
    this.on.hidden = !this.rest;
  }
}

function drawLine(line, path) {
  if (line.dropped) return el("li", { class: "soft", "data-dropped": line.dropped }, `… ${line.dropped.toLocaleString("en")} ${line.dropped === 1 ? "line was" : "lines were"} left out`);
  const who = [line.step === path ? "" : line.step, line.attempt > 1 ? `attempt ${line.attempt}` : ""].filter(Boolean).join(" ");
  return el("li", { "data-stream": line.stream, "data-n": line.n },
    el("time", { class: "soft", datetime: line.ts, title: line.ts }, clock(new Date(line.ts))), " ",
    who ? el("span", { class: "soft" }, `${who} `) : null, line.stream ? el("span", { class: "level" }, line.stream) : null, " ", el("span", { class: "text" }, plain(line.text)));
}

// What a terminal would take as colours and movements, as it is or as the server writes it.
const ESCAPES = /(?:\u001b|\\x1b)\[[0-?]*[ -/]*[@-~]/g;

const plain = (text) => straight(text.replace(ESCAPES, ""));
