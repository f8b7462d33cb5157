// What a worker has: attempts that it took, those that ended, and cancels that outran their job.

import type { Attempt } from "./attempt.js";
import { maxEarlyCancels, maxRemembered, maxUnacknowledged, maxUnacknowledgedBytes } from "./limits.js";
import { keyOf, Remembered } from "./packet.js";
import type { JobCancel, JobRequest } from "./wire/cordum_pb.js";

/** Why an attempt is given back. */
export type Reason = "full" | "draining" | "unknown_topic";

/** How much a worker has. */
export interface Load {
  readonly draining: boolean;
  readonly capacity: number;
  /** Asking and running. */
  readonly active: number;
  /** Reporting, and what they weigh. */
  readonly unacknowledged: number;
  readonly unacknowledgedBytes: number;
}

/** Says why an attempt cannot be taken; undefined when it can. */
export function refusal(load: Load, topicKnown: boolean): Reason | undefined {
  if (load.draining) return "draining";
  if (!topicKnown) return "unknown_topic";
  return isFull(load) ? "full" : undefined;
}

function isFull(load: Load): boolean {
  return (
    load.active >= load.capacity ||
    load.unacknowledged >= maxUnacknowledged ||
    load.unacknowledgedBytes >= maxUnacknowledgedBytes
  );
}

export class Holdings implements Load {
  readonly capacity: number;
  draining = false;
  active = 0;
  unacknowledged = 0;
  unacknowledgedBytes = 0;
  /** An attempt was given back for want of room, and nobody was told since that there is some. */
  turnedAway = false;
  readonly #held = new Map<string, Attempt>();
  readonly #past = new Remembered(maxRemembered);
  readonly #early = new Remembered(maxEarlyCancels);

  constructor(capacity: number) {
    this.capacity = capacity;
  }

  get empty(): boolean {
    return this.#held.size === 0;
  }

  all(): Attempt[] {
    return [...this.#held.values()];
  }

  get(key: string): Attempt | undefined {
    return this.#held.get(key);
  }

  /** Whether an attempt ended here. */
  ended(key: string): boolean {
    return this.#past.has(key);
  }

  /** Whether somebody who was turned away has to be told now that there is room; it says so once. */
  roomToTell(): boolean {
    const tell = this.turnedAway && !isFull(this);
    if (tell) this.turnedAway = false;
    return tell;
  }

  /** Enters a new attempt, and says whether it was cancelled before it came. */
  enter(a: Attempt): boolean {
    this.#held.set(a.key, a);
    this.active++;
    return this.#early.has(a.key) || this.#early.has(keyOf(a.request.jobId, new Uint8Array()));
  }

  reporting(bytes: number): void {
    this.active--;
    this.unacknowledged++;
    this.unacknowledgedBytes += bytes;
  }

  gone(a: Attempt, active: boolean, bytes: number): void {
    if (active) this.active--;
    else {
      this.unacknowledged--;
      this.unacknowledgedBytes -= bytes;
    }
    this.#held.delete(a.key);
    this.#past.add(a.key);
  }

  /**
   * Finds the attempts that a cancel is about; without a token every attempt of that id is meant. The cancel of one that is
   * not here is kept for a while: it travels on another subject than the job, and may arrive before it.
   */
  meant(c: JobCancel): Attempt[] {
    const found = this.all().filter(({ request: r }) => r.jobId === c.jobId && (c.token.length === 0 || sameToken(r, c)));
    if (found.length === 0) this.#early.add(keyOf(c.jobId, c.token));
    return found;
  }
}

const sameToken = (r: JobRequest, c: JobCancel): boolean => Buffer.compare(r.token, c.token) === 0;
