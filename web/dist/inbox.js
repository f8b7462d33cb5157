// The inbox: every approval that waits and that the reader may see, those first that they could decide.
import { get } from "./api.js";
import { Definition } from "./definition.js";
import { el, setText } from "./dom.js";
import { askingOf, QuestionPanel } from "./question.js";

const SHOWN = 50;
const PAGES = 10; // that are read until so many are found
const REFRESH_MS = 300; // at most this often

/** Shows the inbox in root. Returns {ready, leave}. */
export function showInbox(root, stream) {
  const inbox = new Inbox(root);
  const stop = stream.watchWorkflow("*", (message) => {
    if (message.type !== "live") inbox.refresh();
  });
  inbox.first = inbox.read();
  return { ready: inbox.first, leave: () => { inbox.closed = true; clearTimeout(inbox.timer); stop(); } };
}

class Inbox {
  constructor(root) {
    this.shown = new Map();
    this.empty = el("p", { class: "empty", hidden: true }, "Nothing waits for you.");
    this.more = el("p", { hidden: true }, "There are more: ", el("code", {}, "cordum approval list --mine"));
    this.error = el("p", { class: "error", role: "alert" });
    this.list = el("div", { id: "inbox" });
    root.append(el("h1", {}, "Approvals"), this.error, this.empty, this.list, this.more);
  }

  /** Reads the inbox again soon; what is told while it is being read has it read once more. */
  refresh() {
    this.stale = true;
    if (this.timer || this.closed) return;
    this.timer = setTimeout(async () => {
      await this.first.catch(() => {}); // what was read first must not be shown last
      this.stale = false;
      try {
        await this.read();
      } catch (problem) {
        setText(this.error, problem.message);
      }
      this.timer = null;
      if (this.stale) this.refresh();
    }, REFRESH_MS);
  }

  async read() {
    const page = await waiting();
    const rows = page.items.sort((a, b) => Number(b.may_decide ?? false) - Number(a.may_decide ?? false));
    const whole = await Promise.all(rows.map((row) => (this.shown.has(askingOf(row)) ? row : get(`approvals/${encodeURIComponent(row.id)}`).catch(() => null))));
    if (this.closed) return;
    setText(this.error, "");
    this.put(whole.filter((approval) => approval?.state === "waiting"));
    this.more.hidden = !page.next_cursor;
    this.empty.hidden ||= !this.more.hidden;
  }

  /** Keeps a panel that is there, with what was typed into it. */
  put(approvals) {
    const asked = new Set(approvals.map(askingOf));
    for (const [asking, panel] of this.shown) {
      if (asked.has(asking)) continue;
      panel.node.remove();
      this.shown.delete(asking);
    }
    for (const approval of approvals) {
      const known = this.shown.get(askingOf(approval));
      if (known) {
        known.show(approval);
        continue;
      }
      const panel = new QuestionPanel(approval, { definition: () => definitionOf(approval.run_id), onDecided: () => this.refresh(), link: true });
      this.shown.set(askingOf(approval), panel);
      this.list.append(panel.node);
    }
    this.empty.hidden = this.shown.size > 0;
  }
}

/** A page of what waits. The server looks through so many for one; where the reader may see few of them it is short, or empty. */
async function waiting() {
  const items = [];
  let next = "";
  for (let page = 0; page < PAGES; page++) {
    const answer = await get(`approvals?state=waiting&limit=${SHOWN - items.length}${next && `&cursor=${encodeURIComponent(next)}`}`);
    items.push(...answer.items);
    next = answer.next_cursor ?? "";
    if (!next || items.length >= SHOWN) break;
  }
  return { items, next_cursor: next };
}

/** The definition that a run was started with. */
async function definitionOf(run) {
  return Definition.of(await get(`runs/${encodeURIComponent(run)}`));
}
