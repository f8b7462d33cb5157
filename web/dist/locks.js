// The resource locks that somebody holds or waits for.
import { el, runLink, when } from "./dom.js";
import { redraw, Table } from "./rows.js";

const NAMED = 5; // holders and waiters of one lock

export class Locks {
  constructor() {
    this.table = new Table("locks", ["Lock", "Mode", "Held by", "Waiting"], (lock) => new LockRow(lock));
    this.none = el("p", { class: "empty" }, "Nobody holds a lock.");
    this.more = el("p", { hidden: true }, "There are more: ", el("code", {}, "cordum lock list"));
    this.node = el("div", {}, this.none, this.table.node, this.more);
  }

  show({ items, next_cursor: next }) {
    this.none.hidden = items.length > 0;
    this.more.hidden = !next;
    this.table.show(items.map((lock) => [lock.name, lock]));
  }
}

class LockRow {
  constructor({ name }) {
    [this.mode, this.holders, this.waiters] = [el("td"), el("td"), el("td")];
    this.node = el("tr", { "data-lock": name }, el("td", { class: "mono" }, name), this.mode, this.holders, this.waiters);
  }

  update({ mode, holders, holding, waiters, waiting }) {
    redraw(this.mode, mode ?? "", (text) => text);
    redraw(this.holders, [holders, holding], () => people(holders, holding, (one) => [one.fencing_token ? ` with token ${one.fencing_token}` : "", ", since ", when(one.since), one.expires_at ? [", until ", when(one.expires_at)] : ""]));
    redraw(this.waiters, [waiters, waiting], () => people(waiters, waiting, (one) => [`, ${one.mode}, asked at `, when(one.since)]));
  }
}

function people(list, total, more) {
  if (!total) return "nobody";
  const shown = (list ?? []).slice(0, NAMED).map((one) => el("li", {}, one.run_id ? runLink(one.run_id, "", one.holder) : one.holder, one.by && one.by !== one.holder ? ` (${one.by})` : "", more(one).flat()));
  return el("ul", { class: "plain" }, shown, total > shown.length ? el("li", {}, `and ${total - shown.length} more`) : null);
}
