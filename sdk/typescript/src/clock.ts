import { maxTimer } from "./limits.js";

/** Time as the worker needs it, in milliseconds. Tests have one of their own. */
export interface Clock {
  /** A time that only grows. */
  now(): number;
  /** Calls once, later; what it answers takes that back. */
  after(ms: number, call: () => void): () => void;
}

/** The machine's clock. */
export const machineClock: Clock = {
  now: () => performance.now(),
  after(ms, call) {
    let timer: NodeJS.Timeout;
    const wait = (rest: number): void => {
      timer = setTimeout(() => (rest > maxTimer ? wait(rest - maxTimer) : call()), Math.min(rest, maxTimer));
    };
    wait(ms);
    return () => clearTimeout(timer);
  },
};
