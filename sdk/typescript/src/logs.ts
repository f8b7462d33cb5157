// Lines that a job writes: which of them leave, in which packets, and when.

import type { Clock } from "./clock.js";
import { lineBurst, lineEvery, linesWait, maxLine, packetBytes, packetLines } from "./limits.js";
import { clip } from "./packet.js";
import type { Redactor } from "./redact.js";

/** One line of a packet. */
export interface Line {
  /** Unix time in milliseconds. */
  readonly at: number;
  /** stdout, stderr, or the level: debug, info, warn, error. */
  readonly stream: string;
  readonly text: string;
}

/** Lines that leave together. */
export interface Lines {
  /** The number of the first of them among those that leave, from 1. */
  readonly first: number;
  /** How many were dropped so far, because they came too fast or were too many. */
  readonly dropped: number;
  readonly lines: readonly Line[];
}

/** The lines of one attempt. */
export class Logs {
  readonly #clock: Clock;
  readonly #limit: number;
  readonly #redactor: Redactor;
  readonly #send: (lines: Lines) => void;

  #waiting: Line[] = [];
  #bytes = 0; // of their texts
  #taken = 0; // waiting and sent
  #dropped = 0;
  #saidDropped = 0;
  #tokens = lineBurst;
  #filledAt: number;
  #cancel: (() => void) | undefined;
  #ended = false;

  /** At most limit lines leave, without what the redactor hides. */
  constructor(clock: Clock, limit: number, redactor: Redactor, send: (lines: Lines) => void) {
    this.#clock = clock;
    this.#limit = limit;
    this.#redactor = redactor;
    this.#send = send;
    this.#filledAt = clock.now();
  }

  /** Takes a text of one or more lines. It never waits; what is too much is dropped and counted. */
  write(stream: string, text: string): void {
    if (this.#ended || this.#limit <= 0) return;
    this.#fill();
    const at = Date.now();
    const whole = this.#full() ? text : this.#redactor.hide(text);
    for (let from = 0; ; ) {
      const end = whole.indexOf("\n", from);
      if (this.#full()) this.#dropped++;
      else this.#add({ at, stream, text: lineOf(whole, from, end < 0 ? whole.length : end) });
      from = end + 1;
      if (end < 0 || from === whole.length) return;
    }
  }

  /** Sends what waits, and says what was dropped; nothing is taken after it. */
  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    if (this.#waiting.length > 0 || this.#dropped > this.#saidDropped) this.#flush();
  }

  #full(): boolean {
    return this.#tokens < 1 || this.#taken >= this.#limit;
  }

  #fill(): void {
    const gained = Math.floor((this.#clock.now() - this.#filledAt) / lineEvery);
    this.#filledAt += gained * lineEvery;
    this.#tokens = Math.min(this.#tokens + gained, lineBurst);
  }

  #add(line: Line): void {
    const bytes = Buffer.byteLength(line.text);
    if (this.#bytes + bytes > packetBytes) this.#flush();
    this.#waiting.push(line);
    this.#bytes += bytes;
    this.#taken++;
    this.#tokens--;
    if (this.#waiting.length >= packetLines || this.#bytes >= packetBytes) this.#flush();
    else this.#cancel ??= this.#clock.after(linesWait, () => this.#flush());
  }

  #flush(): void {
    this.#cancel?.();
    this.#cancel = undefined;
    const lines = this.#waiting;
    this.#waiting = [];
    this.#bytes = 0;
    this.#saidDropped = this.#dropped;
    this.#send({ first: this.#taken - lines.length + 1, dropped: this.#dropped, lines });
  }
}

function lineOf(text: string, from: number, end: number): string {
  const until = end > from && text[end - 1] === "\r" ? end - 1 : end;
  // No more is cut out than can be kept: a line may be huge.
  return clip(text.slice(from, Math.min(until, from + maxLine + 1)), maxLine);
}
