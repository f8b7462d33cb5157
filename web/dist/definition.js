// What the page needs to know of a run's definition: where a person can send it back to, and what lies behind a step.
import { get } from "./api.js";

/** The part of a step's path that names a step of the workflow itself: "poll" of "poll[0]/ask". */
export const rootOf = (path) => path.replace(/^undo:/, "").split(/[[/]/)[0];

export class Definition {
  /** definition is the canonical JSON: steps are a map by id. */
  constructor(definition) {
    this.steps = definition.steps ?? {};
  }

  /** The definition that a run was started with. */
  static async of(run) {
    const version = await get(`workflows/${encodeURIComponent(run.workflow)}?digest=${encodeURIComponent(run.digest)}`);
    return new Definition(version.definition ?? {});
  }

  ids() {
    return Object.keys(this.steps);
  }

  /** The marked places to come back to: {name, step}. */
  checkpoints() {
    return this.ids().filter((id) => this.steps[id].checkpoint).map((id) => ({ name: this.steps[id].checkpoint, step: id }));
  }

  /** Names of the signals that the steps wait for, those of loops included. */
  signals(steps = this.steps) {
    const found = Object.values(steps).flatMap((step) => [...(step.signal ? [step.signal] : []), ...(step.steps && !step.cases ? this.signals(step.steps) : [])]);
    return [...new Set(found)];
  }

  /** What a step depends on, directly or not. */
  upstream(id) {
    return this.ids().filter((other) => this.reach(id, (step) => this.steps[step]?.depends_on ?? []).has(other));
  }

  /** What depends on a step, directly or not, as a set. */
  behind(id) {
    const dependents = new Map();
    for (const [step, { depends_on: on }] of Object.entries(this.steps)) {
      for (const upstream of on ?? []) dependents.set(upstream, [...(dependents.get(upstream) ?? []), step]);
    }
    return this.reach(id, (step) => dependents.get(step) ?? []);
  }

  reach(from, next) {
    const seen = new Set();
    const open = [...next(from)];
    while (open.length) {
      const step = open.pop();
      if (seen.has(step)) continue;
      seen.add(step);
      open.push(...next(step));
    }
    return seen;
  }
}
