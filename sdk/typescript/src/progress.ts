// What a tool says of how far it is.

import type { Clock } from "./clock.js";
import { maxText, progressEvery } from "./limits.js";
import { clip } from "./packet.js";

/** One thing that a tool said. */
export interface Said {
  readonly percent: number;
  readonly message: string;
  /** A checkpoint, JSON; none when there is no newer one. */
  readonly state: Uint8Array | undefined;
}

/**
 * Sends one message in progressEvery. What comes faster waits and is replaced by what comes after it, except that a
 * checkpoint stays until a newer one.
 */
export class Progress {
  readonly #clock: Clock;
  readonly #send: (said: Said) => void;
  #waiting: Said | undefined;
  #state: Uint8Array | undefined;
  #sentAt = -Infinity;
  #cancel: (() => void) | undefined;
  #ended = false;

  constructor(clock: Clock, send: (said: Said) => void) {
    this.#clock = clock;
    this.#send = send;
  }

  say(percent: number, message: string, state: Uint8Array | undefined): void {
    if (this.#ended) return;
    this.#state = state ?? this.#state;
    const whole = Math.min(Math.max(Math.trunc(percent) || 0, 0), 100);
    this.#waiting = { percent: whole, message: clip(message, maxText), state: this.#state };
    const rest = progressEvery - (this.#clock.now() - this.#sentAt);
    if (rest <= 0) this.#flush();
    else this.#cancel ??= this.#clock.after(rest, () => this.#flush());
  }

  /** Sends what waits, so that it is before the result on the wire, and nothing after it. */
  end(): void {
    if (!this.#ended) this.#flush();
    this.#ended = true;
  }

  #flush(): void {
    this.#cancel?.();
    this.#cancel = undefined;
    const said = this.#waiting;
    if (said === undefined) return;
    this.#waiting = this.#state = undefined;
    this.#sentAt = this.#clock.now();
    this.#send(said);
  }
}
