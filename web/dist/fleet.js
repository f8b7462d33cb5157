// The fleet: pools and workers as their heartbeats show them, how full they are, and what people drain.
import { get } from "./api.js";
import { closeDialogs } from "./dialog.js";
import { badge, bar, el, panel, setBadge, setBar, setText } from "./dom.js";
import { drainButton, drainText } from "./drain.js";
import { Locks } from "./locks.js";
import { Poll } from "./poll.js";
import { redraw, Table, words } from "./rows.js";
import { Workers } from "./workers.js";

const REFRESH_MS = 2000; // workers beat every 5 s

/** Shows the fleet in root. Returns {ready, leave}. */
export function showFleet(root) {
  const fleet = new Fleet(root);
  return { ready: fleet.poll.now(), leave: () => { fleet.poll.stop(); closeDialogs(); } };
}

class Fleet {
  constructor(root) {
    this.poll = new Poll(() => this.read(), REFRESH_MS, (_problem, text) => setText(this.error, text));
    const changed = () => this.poll.again();
    this.error = el("p", { class: "error", role: "alert" });
    [this.alive, this.jobs] = [el("dd"), el("dd")];
    this.pools = new Table("pools", ["Pool", "State", "Workers", "Jobs", "Topics", "Requires", "Drain"], (pool) => new PoolRow(pool, changed));
    this.noPools = el("p", { class: "empty" }, "No pools: none is configured, and no worker names one.");
    this.workers = new Workers(changed);
    this.absent = el("ul");
    this.absentPanel = panel("Drained, and not here", this.absent);
    this.changed = changed;
    this.locks = new Locks();
    root.append(el("h1", {}, "Fleet"),
      el("dl", { class: "facts", id: "fleet" }, el("div", {}, el("dt", {}, "Workers"), this.alive), el("div", {}, el("dt", {}, "Jobs"), this.jobs)), this.error,
      panel("Pools", this.noPools, this.pools.node), panel("Workers", this.workers.node), this.absentPanel, panel("Locks", this.locks.node));
  }

  async read() {
    const [workers, pools, drains, locks] = await Promise.all(["workers", "pools", "drains", "locks?limit=100"].map(get));
    if (this.poll.closed) return;
    const drained = new Map(drains.items.map((drain) => [`${drain.of} ${drain.name}`, drain]));
    const draining = new Set(pools.items.filter((pool) => pool.draining).map((pool) => pool.name));
    this.sum(workers.items);
    this.noPools.hidden = pools.items.length > 0;
    this.pools.show(pools.items.map((pool) => [pool.name, { pool, drain: drained.get(`pool ${pool.name}`) }]));
    this.workers.show(workers.items.map((worker) => ({ worker, drain: drained.get(`worker ${worker.id}`), poolDrains: draining.has(worker.pool) })));
    this.showAbsent(drains.items, new Set([...workers.items.map(({ id }) => `worker ${id}`), ...pools.items.map(({ name }) => `pool ${name}`)]));
    this.locks.show(locks);
  }

  sum(workers) {
    const here = workers.filter(({ state }) => state !== "lost");
    const total = (of) => here.reduce((sum, worker) => sum + of(worker), 0);
    setText(this.alive, here.length === workers.length ? String(here.length) : `${here.length}, and ${workers.length - here.length} lost`);
    setText(this.jobs, `${total((w) => w.active_jobs + w.reserved_jobs)} of ${total((w) => w.max_parallel_jobs)}`);
  }

  /** A drain stays while its worker is away, and would surprise who starts that again. */
  showAbsent(drains, here) {
    const absent = drains.filter(({ of, name }) => !here.has(`${of} ${name}`));
    this.absentPanel.hidden = absent.length === 0;
    redraw(this.absent, absent, () => absent.map((drain) => el("li", { "data-drain": drain.name },
      `${drain.of} ${drain.name}: `, drainText(drain), " ", drainButton(drain.of, drain.name, drain, this.changed))));
  }
}

class PoolRow {
  constructor({ pool }, changed) {
    this.changed = changed;
    this.state = badge("open");
    [this.workers, this.topics, this.requires, this.drain, this.says] = [el("td"), el("td"), el("td"), el("td"), el("span")];
    this.load = bar();
    this.node = el("tr", { "data-pool": pool.name }, el("td", {}, pool.name), el("td", {}, this.state), this.workers, el("td", {}, this.load, this.says), this.topics, this.requires, this.drain);
  }

  update({ pool, drain }) {
    const slots = pool.max_jobs ? Math.min(pool.slots, pool.max_jobs) : pool.slots;
    setBadge(this.state, poolState(pool, slots));
    setText(this.workers, String(pool.workers));
    const text = `${pool.active_jobs} of ${slots}`;
    setBar(this.load, pool.active_jobs, slots, `${text} jobs`, pool.active_jobs >= slots ? "wait" : "busy");
    const limited = pool.max_jobs && pool.max_jobs < pool.slots ? `, limited: its workers take ${pool.slots}` : "";
    setText(this.says, `${text}${pool.queued_jobs ? `, ${pool.queued_jobs} ${pool.queued_jobs === 1 ? "waits" : "wait"}` : ""}${limited}`);
    redraw(this.topics, pool.topics ?? [], words);
    redraw(this.requires, pool.requires ?? [], words);
    redraw(this.drain, [drain, pool.draining], () => [
      drain ? drainText(drain) : pool.draining ? "drained by the configuration" : null,
      drain || !pool.draining ? el("div", { class: "row" }, drainButton("pool", pool.name, drain, this.changed)) : null,
    ]);
  }
}

function poolState(pool, slots) {
  if (pool.draining) return "draining";
  if (pool.workers === 0) return "no_workers";
  return pool.active_jobs >= slots ? "full" : "open";
}
