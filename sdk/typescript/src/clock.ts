import { maxTimer } from "./limits.js";

/** Time as the worker needs it, in milliseconds. Tests have one of their own. */
export interface Clock {
  /** A time that only grows. */
  now(): number;
  /** Calls once, when now() has grown by so much, or later; what it answers takes that back. */
  after(ms: number, call: () => void): () => void;
}

/** The machine's clock. */
export const machineClock: Clock = {
  now: () => performance.now(),
  after(ms, call) {
    const due = performance.now() + ms;
    let timer: NodeJS.Timeout;
    const wait = (rest: number): void => {
      timer = setTimeout(look, Math.min(Math.ceil(rest), maxTimer));
    };
    const look = (): void => {
      const rest = due - performance.now(); // a timer's clock is coarser, and it may come too early
      if (rest > 0) wait(rest);
      else call();
    };
    wait(ms);
    return () => clearTimeout(timer);
  },
};
