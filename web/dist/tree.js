// The steps of a run as the rows of a table: a fan-out is one row until it is opened, the rounds of a loop are grouped, and a
// compensation stands below what it undoes. Nothing here touches the page.

const BAD = new Set(["failed", "timed_out", "denied", "rejected", "cancelled", "held"]);
const OPEN = new Set(["ready", "running", "waiting", "retrying", "inside", "held"]);

/** The groups that a table of steps can be narrowed to. */
export const GROUPS = {
  all: { label: "all states", has: () => true },
  open: { label: "under way", has: (step) => OPEN.has(step.state) },
  bad: { label: "went badly", has: (step) => BAD.has(step.state) },
  undo: { label: "compensations", has: (step) => Boolean(step.undoes) },
};

/** The fan-out of an iteration's path and its item: {fan: "each", item: 2} of "each[2]"; null for other paths. */
export function iteration(path) {
  const match = /^(.*)\[(\d+)\]$/.exec(path ?? "");
  return match ? { fan: match[1], item: Number(match[2]) } : null;
}

/** How often each state is among steps: {state: number}. */
export function tally(steps) {
  const counts = {};
  for (const step of steps) counts[step.state] = (counts[step.state] ?? 0) + 1;
  return counts;
}

export class Tree {
  /** held are compensations that wait for a person: of a large fan-out they may be missing among the steps. */
  constructor(steps, held = []) {
    this.steps = [];
    this.byPath = new Map();
    this.undoOf = new Map(); // by the path that is undone
    this.below = new Map(); // by the path of the parent; iterations are left out
    this.undosIn = new Map(); // compensations of iterations, by the path of the fan-out
    for (const step of steps) this.index(step);
    for (const one of held) {
      if (!this.undoOf.has(one.step)) this.index({ id: one.step, path: `undo:${one.step}`, undoes: one.step, type: "", state: "held", error: one.error, job_id: one.job_id });
    }
  }

  index(step) {
    this.steps.push(step);
    this.byPath.set(step.path, step);
    if (step.undoes) {
      this.undoOf.set(step.undoes, step);
      const of = iteration(step.undoes);
      if (of) put(this.undosIn, of.fan, step);
    } else if (step.parent && step.item === undefined) {
      put(this.below, step.parent, step);
    }
  }

  /** Steps of the workflow itself. */
  roots() {
    return this.steps.filter((step) => !step.parent && !step.undoes);
  }

  /** A step's path and what it stands below, from the outside in: what has to be open for it to be seen. */
  wayTo(path) {
    const way = [];
    for (let at = path; at && way.length < 64;) {
      const step = this.byPath.get(at);
      if (step?.undoes) at = step.undoes;
      else if (step?.parent) {
        way.unshift(step.parent, ...(step.round === undefined ? [] : [roundKey(step.parent, step.round)]));
        at = step.parent;
      } else at = null;
    }
    return way;
  }

  /** Rows that match a text and a group, without their order in the tree. */
  matching(text, group) {
    const wanted = text.toLowerCase();
    return this.steps.filter((step) => GROUPS[group].has(step) && `${step.path} ${step.name ?? ""}`.toLowerCase().includes(wanted))
      .map((step) => ({ key: step.path, kind: "step", step, depth: 0 }));
  }

  /** All rows that are seen. isOpen(key, byDefault) says what is open, page(path) which iterations of an open fan-out were read. */
  rows(isOpen, page) {
    const walk = new Walk(this, isOpen, page);
    for (const step of this.steps) {
      if (!this.placed(step)) walk.step(step, 0);
    }
    return walk.rows;
  }

  /** Tells whether a step's row stands below another one. Whose parent is not there stands by itself: nothing is hidden. */
  placed(step) {
    if (step.undoes) return this.byPath.has(step.undoes) || this.knowsFan(step.undoes);
    return Boolean(step.parent) && (this.byPath.has(step.parent) || this.knowsFan(step.parent));
  }

  knowsFan(path) {
    const of = iteration(path);
    return of !== null && this.byPath.has(of.fan);
  }
}

/** The key of a round's row. */
export const roundKey = (loop, round) => `${loop}[${round}]/`;

class Walk {
  constructor(tree, isOpen, page) {
    Object.assign(this, { tree, isOpen, page, rows: [] });
  }

  step(step, depth) {
    const parts = this.tree.below.get(step.path) ?? [];
    const fans = Boolean(step.iterations) && !step.undoes;
    const opens = fans || parts.length > 0;
    const open = opens && this.isOpen(step.path, !fans);
    this.rows.push({ key: step.path, kind: "step", step, depth, opens, open, fans, undos: fans ? this.tree.undosIn.get(step.path) : undefined });
    const undo = this.tree.undoOf.get(step.path);
    if (undo) this.step(undo, depth + 1);
    if (fans) this.iterations(step, open, depth + 1);
    else if (open) this.rounds(step.path, parts, depth + 1);
  }

  /** What waits for a person is seen also while the fan-out is not open. */
  iterations(step, open, depth) {
    const page = open ? this.page(step.path) : undefined;
    const shown = new Set((page?.items ?? []).map((item) => item.path));
    for (const undo of this.tree.undosIn.get(step.path) ?? []) {
      if (undo.state === "held" && !shown.has(undo.undoes)) this.step(undo, depth);
    }
    if (!open) return;
    for (const item of page?.items ?? []) this.step(item, depth);
    this.rows.push({ key: `${step.path}[`, kind: "pager", path: step.path, page, depth });
  }

  rounds(loop, parts, depth) {
    const rounds = new Map();
    for (const part of parts) put(rounds, part.round ?? 0, part);
    const last = Math.max(...rounds.keys());
    for (const [round, members] of [...rounds].sort((a, b) => a[0] - b[0])) {
      const key = roundKey(loop, round);
      const open = this.isOpen(key, round === last);
      this.rows.push({ key, kind: "round", loop, round, members, depth, opens: true, open });
      if (open) for (const member of members) this.step(member, depth + 1);
    }
  }
}

function put(map, key, value) {
  const list = map.get(key);
  if (list) list.push(value);
  else map.set(key, [value]);
}
