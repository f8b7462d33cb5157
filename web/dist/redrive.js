// Dead letters by the many: retrying all that fit a filter at a rate, how far that is, and deleting all that fit. What would be
// touched is counted before.
import { get, post } from "./api.js";
import { ask, field } from "./dialog.js";
import { badge, el, setBadge, setText } from "./dom.js";
import { Poll } from "./poll.js";
import { Preview } from "./preview.js";
import { redraw } from "./rows.js";

const RATE = 10; // retries a second, as the server has it by default
const REFRESH_MS = 1000; // the server keeps its progress every second

const number = (n) => n.toLocaleString("en");
const entries = (n) => (n === 1 ? "1 entry" : `${number(n)} entries`);

/** The button that retries what fits a filter; what names it in words. */
export function redriveButton(filter, what, page) {
  return el("button", { type: "button", class: "small", "data-bulk": "redrive", "aria-label": `Redrive ${what}`, click: () => askRedrive(filter, what, page) }, "Redrive…");
}

function askRedrive(filter, what, page) {
  const rate = el("input", { id: "rate", type: "number", min: "0.01", max: "1000", step: "any", required: true, value: RATE });
  const preview = new Preview(() => post("dlq/redrive", { filter, dry_run: true }), drawCount);
  preview.show(true);
  ask({
    title: `Redrive ${what}?`, confirm: "Redrive", body: [el("p", {}, "Each job is done again in its own run, the oldest first."), preview.node, field("Retries a second", rate)],
    submit: async (reason, once) => {
      const { id } = await post("dlq/redrive", { filter, rate: Number(rate.value), ...(reason && { reason }) }, once);
      page.go({ redrive: id });
    },
  });
}

function drawCount({ matched, reasons }) {
  return el("div", { class: "plan" }, el("p", {}, `${entries(matched)} would be retried.`),
    el("ul", {}, Object.entries(reasons ?? {}).map(([reason, n]) => el("li", {}, `${reason}: ${number(n)}`))));
}

/** The button that deletes what fits a filter. */
export function purgeButton(filter, what, page) {
  return el("button", { type: "button", class: "small", "data-bulk": "purge", "aria-label": `Delete ${what}`, click: () => askPurge(filter, what, page) }, "Delete…");
}

function askPurge(filter, what, page) {
  const preview = new Preview(() => post("dlq/purge", { filter, dry_run: true }), ({ matched }) => el("p", { class: "plan" }, `${entries(matched)} would be deleted.`));
  preview.show(true);
  ask({
    title: `Delete ${what}?`, confirm: "Delete", danger: true, body: [preview.node, el("p", {}, "Jobs and runs stay as they are.")],
    submit: async (reason, once) => {
      const { deleted, more } = await post("dlq/purge", { filter, ...(reason && { reason }) }, once);
      page.tell(`Deleted: ${entries(deleted)}.${more ? " More fit: delete again." : ""}`);
      page.changed();
    },
  });
}

/** What a redrive's state looks like: done is another thing than of a compensation. */
export const stateOf = ({ state }) => (state === "done" ? "redriven" : state);

/** How far a redrive is, in words. */
export function progressOf({ matched, retried, skipped, refused }) {
  const parts = [`${number(retried)} of ${number(matched)} retried`];
  if (skipped) parts.push(`${number(skipped)} ${skipped === 1 ? "was" : "were"} gone or being done again`);
  if (refused) parts.push(`${number(refused)} cannot be retried`);
  return parts.join(", ");
}

/** How far a redrive is, as it goes on. */
export class RedriveNotice {
  constructor(page) {
    Object.assign(this, { page, id: "" });
    this.state = badge("running");
    this.meter = el("progress", { "aria-label": "Redrive" });
    this.says = el("p");
    this.error = el("p", { class: "error", role: "alert" });
    this.refusals = el("div");
    this.stop = el("button", { type: "button", "data-redrive": "stop", click: () => this.end() }, "Stop");
    this.node = el("section", { class: "panel ask", id: "redrive", "aria-label": "Redrive", hidden: true },
      el("h2", {}, "Redrive ", this.state), this.meter, this.says, this.refusals, this.error,
      el("div", { class: "row" }, this.stop, el("button", { type: "button", "data-redrive": "close", click: () => page.dismiss(this.id) }, "Close")));
  }

  /** Follows a redrive by its id; none when that is empty. */
  follow(id) {
    if (id === this.id) return;
    this.close();
    this.id = id;
    this.node.hidden = !id;
    if (!id) return;
    setText(this.says, "reading …");
    const problem = (problem, text) => {
      setText(this.error, text);
      if (problem?.status === 404) this.poll.stop();
    };
    this.poll = new Poll(async () => this.show(await get(this.path())), REFRESH_MS, problem);
    this.poll.again();
  }

  path() {
    return `dlq/redrive/${encodeURIComponent(this.id)}`;
  }

  show(redrive) {
    if (redrive.id !== this.id) return; // that of before
    const { state, matched, retried, skipped, refused } = redrive;
    setBadge(this.state, stateOf(redrive));
    const done = retried + skipped + refused;
    [this.meter.max, this.meter.value] = [Math.max(matched, 1), matched ? done : 1];
    setText(this.says, `${progressOf(redrive)}, at ${redrive.rate} a second, by ${redrive.started_by}.`);
    redraw(this.refusals, redrive.refusals ?? [], (list) => (list.length ? el("ul", {}, list.map(({ id, message }) => el("li", {}, el("a", { href: this.page.address({ job: id }) }, id), ` ${message}`))) : []));
    this.stop.hidden = state !== "running";
    if (state === "running") return;
    this.poll.stop();
    this.page.tell(`The redrive is ${state}.`);
    this.page.changed();
  }

  async end() {
    this.stop.disabled = true;
    try {
      this.show(await post(`${this.path()}/stop`, {}));
    } catch (problem) {
      setText(this.error, problem.message);
    }
    this.stop.disabled = false;
  }

  close() {
    this.poll?.stop();
  }
}
