// The redrives that the server remembers, newest first: what each was to retry, and what became of it.
import { badge, el, panel, setBadge, setText, when } from "./dom.js";
import { redraw, Table } from "./rows.js";
import { progressOf, stateOf } from "./redrive.js";

const SHOWN = 20;

export class Redrives {
  constructor(page) {
    this.table = new Table("redrives", ["Redrive", "State", "What it was to retry", "How far it came", "By", "Why"], () => new RedriveRow(page));
    this.node = panel("Redrives", this.table.node);
    this.node.hidden = true;
  }

  /** items are redrives; followed is the id of the one whose progress is shown. */
  show(items, followed) {
    this.node.hidden = items.length === 0;
    this.table.show(items.slice(0, SHOWN).map((redrive) => [redrive.id, { redrive, shown: redrive.id === followed }]));
  }
}

class RedriveRow {
  constructor(page) {
    this.page = page;
    this.state = badge("running");
    [this.name, this.what, this.far, this.by, this.why] = ["", "", "", "", ""].map(() => el("td"));
    this.node = el("tr", {}, this.name, el("td", {}, this.state), this.what, this.far, this.by, this.why);
  }

  update({ redrive, shown }) {
    this.node.dataset.redrive = redrive.id;
    const at = this.page.address({ redrive: redrive.id });
    redraw(this.name, [redrive.started_at, at, shown], () => el("a", { href: at, "aria-current": shown && "true" }, when(redrive.started_at)));
    setBadge(this.state, stateOf(redrive));
    setText(this.what, wanted(redrive));
    setText(this.far, progressOf(redrive));
    setText(this.by, redrive.started_by ?? "");
    setText(this.why, redrive.reason ?? "");
  }
}

/** The filter in words; of a group, what its entries died of. */
function wanted({ filter, reasons }) {
  const { fingerprint, ...rest } = filter ?? {};
  const words = Object.entries(rest).map(([name, value]) => `${name} ${value}`);
  if (fingerprint) words.unshift(`one group: ${Object.keys(reasons ?? {}).join(", ") || fingerprint}`);
  return words.join(", ");
}
