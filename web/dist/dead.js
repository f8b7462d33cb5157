// Dead letters: jobs that ended badly for good, grouped by what they died of, and what a person can do about them. The address
// says which group, which entry and which redrive are looked at.
import { get } from "./api.js";
import { closeDialogs } from "./dialog.js";
import { el, panel, setText, when } from "./dom.js";
import { DeadDetails } from "./deaddetails.js";
import { DeadList, where } from "./deadlist.js";
import { Poll } from "./poll.js";
import { purgeButton, redriveButton, RedriveNotice } from "./redrive.js";
import { Redrives } from "./redrives.js";
import { redraw, Table } from "./rows.js";

const REFRESH_MS = 4000; // each look groups all entries anew
const GROUPS = 50; // shown

/** Shows the dead letters in root, and of them what query names. Returns {ready, leave, select}. */
export function showDead(root, _stream, query) {
  const page = new DeadPage(root, query);
  return { ready: page.poll.now(), leave: () => page.close(), select: (query) => page.select(query) };
}

class DeadPage {
  constructor(root, query) {
    this.poll = new Poll(() => this.read(), REFRESH_MS, (_problem, text) => setText(this.error, text));
    this.error = el("p", { class: "error", role: "alert" });
    this.news = el("p", { role: "status", id: "news" });
    const page = {
      go: (names) => this.go(names), changed: () => this.poll.again(), tell: (text) => setText(this.news, text),
      address: (names) => this.address(names), dismiss: (redrive) => this.dismiss(redrive),
    };
    this.redrive = new RedriveNotice(page);
    this.redrives = new Redrives(page);
    this.none = el("p", { class: "empty", hidden: true }, "No dead letters: no job has ended badly for good.");
    this.groups = new Table("groups", ["What they died of", "Where", "How many", "Message of the newest", "Newest", "Oldest", "What you can do"], () => new GroupRow(page));
    this.more = el("p", { class: "empty", hidden: true }, "There are smaller groups, too: ", el("code", {}, "cordum dlq groups --limit 1000"));
    this.list = new DeadList(page);
    this.details = new DeadDetails(page);
    this.groupPanel = panel("Groups", this.groups.node, this.more);
    this.listPanel = panel("Entries", el("div", { class: "split" }, this.list.node, this.details.node));
    root.append(el("h1", {}, "Dead letters"), this.error, this.news, this.redrive.node, this.none, this.groupPanel, this.listPanel, this.redrives.node);
    this.look(query);
  }

  close() {
    this.poll.stop();
    this.redrive.close();
    closeDialogs();
  }

  /** Looks at something else of the same page. */
  select(query) {
    const group = this.group;
    this.look(query);
    if (group !== this.group) this.poll.again();
  }

  look(query) {
    this.query = query;
    const left = this.details.node.contains(document.activeElement) ? this.job : "";
    [this.group, this.job] = [query.get("group") ?? "", query.get("job") ?? ""];
    this.list.of(this.group, this.job);
    this.details.open(this.job);
    this.followRedrive();
    this.draw();
    if (left && !this.job) this.list.focus(left);
  }

  /** Shows the redrive of the address, else the one that was found under way. */
  followRedrive() {
    this.redrive.follow(this.query.get("redrive") || this.running || "");
  }

  /** Shows a redrive no more. */
  dismiss(redrive) {
    [this.dismissed, this.running] = [redrive, ""];
    this.redrive.follow("");
    this.go({ redrive: "" });
  }

  /** The address of this page with some names set; those that are empty are taken out. */
  address(names) {
    const query = new URLSearchParams(this.query);
    for (const [name, value] of Object.entries(names)) {
      if (value) query.set(name, value);
      else query.delete(name);
    }
    const text = query.toString();
    return `#/dead-letters${text ? `?${text}` : ""}`;
  }

  go(names) {
    location.hash = this.address(names);
  }

  async read() {
    const [groups, redrives] = await Promise.all([get(`dlq/groups?limit=${GROUPS}`), get("dlq/redrive"), this.list.read()]);
    if (this.poll.closed) return;
    this.known = { ...groups, redrives: redrives.items };
    const running = redrives.items.find(({ state }) => state === "running");
    if (running && running.id !== this.dismissed) this.running = running.id; // somebody else's, too
    this.followRedrive();
    this.draw();
  }

  draw() {
    const { items, more, redrives } = this.known ?? { items: [], redrives: [] };
    this.groups.show(items.map((group) => [group.fingerprint, { group, shown: group.fingerprint === this.group }]));
    this.more.hidden = !more;
    this.redrives.show(redrives, this.redrive.id);
    const empty = items.length === 0 && !this.group;
    this.none.hidden = !this.known || !empty;
    this.groupPanel.hidden = items.length === 0;
    this.listPanel.hidden = empty && !this.job;
  }
}

class GroupRow {
  constructor(page) {
    this.page = page;
    [this.reason, this.where, this.count, this.message, this.last, this.first, this.verbs] = ["", "", "", "", "", "", ""].map(() => el("td"));
    this.node = el("tr", {}, this.reason, this.where, this.count, this.message, this.last, this.first, this.verbs);
  }

  update({ group, shown }) {
    this.node.dataset.group = group.fingerprint;
    const at = this.page.address({ group: shown ? "" : group.fingerprint, job: "" });
    redraw(this.reason, [group.reason, at], () => el("a", { href: at, "aria-current": shown && "true" }, group.reason));
    setText(this.where, where(group));
    setText(this.count, group.retrying ? `${group.count}, ${group.retrying} of them being done again` : String(group.count));
    setText(this.message, group.message ?? "");
    redraw(this.last, group.last_seen, when);
    redraw(this.first, group.first_seen, when);
    const filter = { fingerprint: group.fingerprint };
    redraw(this.verbs, filter, () => el("div", { class: "row" }, redriveButton(filter, `group ${group.reason} of ${where(group)}`, this.page), purgeButton(filter, `group ${group.reason} of ${where(group)}`, this.page)));
  }
}
