// How an answer is waited for: a question (a JobBegin, a JobResult) is sent again until it has a definite answer.

import type { NatsConnection } from "@nats-io/transport-node";
import { askAgainMax, refusedMin, silenceMin } from "./limits.js";
import { decode } from "./packet.js";
import { AckCode, type Ack } from "./wire/cordum_pb.js";

/** Something that wants a definite answer. */
export interface Question {
  readonly number: number;
  readonly subject: string;
  readonly data: Uint8Array;
  /** Called once, with OK, STALE or INVALID. */
  readonly answered: (ack: Ack) => void;
  /** How often it met silence since it was last refused, and how often it was refused. */
  silences: number;
  refusals: number;
  timer: NodeJS.Timeout | undefined;
}

/** The connection as the outbox needs it. */
export interface Line {
  readonly conn: NatsConnection;
  /** Whether what is published now leaves now. */
  readonly connected: boolean;
}

/** The questions of one worker. One subscription takes all answers. */
export class Outbox {
  readonly #line: Line;
  readonly #inbox: string;
  readonly #open = new Map<number, Question>();
  #last = 0;

  /** Answers come to inbox.<number of the question in base 36>. */
  constructor(line: Line, inbox: string) {
    this.#line = line;
    this.#inbox = inbox;
  }

  /** The subject that matches all answers. */
  get answers(): string {
    return this.#inbox + ".*";
  }

  /** Sends a question, and sends it again until it is answered or dropped. */
  ask(subject: string, data: Uint8Array, answered: (ack: Ack) => void): Question {
    const q: Question = { number: ++this.#last, subject, data, answered, silences: 0, refusals: 0, timer: undefined };
    this.#open.set(q.number, q);
    this.#wait(q, askAgainAfter("silence", 0));
    this.send(q);
    return q;
  }

  /** Forgets a question; its answer, should one come, is nobody's. */
  drop(q: Question): void {
    clearTimeout(q.timer);
    this.#open.delete(q.number);
  }

  /** Forgets all questions. */
  close(): void {
    for (const q of this.#open.values()) clearTimeout(q.timer);
    this.#open.clear();
  }

  /** Sends every open question, for a connection that came back. */
  sendAll(): void {
    for (const q of this.#open.values()) this.send(q);
  }

  /**
   * Publishes unless the connection is away: then the message would only wait in a buffer for sendAll to double it. What
   * cannot be sent is as good as lost: the question is asked again.
   */
  send(q: Question): void {
    if (!this.#line.connected) return;
    try {
      this.#line.conn.publish(q.subject, q.data, { reply: `${this.#inbox}.${q.number.toString(36)}` });
    } catch {
      // asked again
    }
  }

  /** Takes one answer. A definite one ends its question; everything else makes it wait longer. */
  receive(subject: string, data: Uint8Array): void {
    const q = this.#open.get(parseInt(subject.slice(subject.lastIndexOf(".") + 1), 36));
    if (q === undefined) return; // answered before
    const payload = decode(data)?.payload;
    const ack = payload?.case === "ack" ? payload.value : undefined;
    if (ack?.code === AckCode.OK || ack?.code === AckCode.STALE || ack?.code === AckCode.INVALID) {
      this.drop(q);
      q.answered(ack);
      return;
    }
    // Not now, or nobody listens: it is due sooner than after silence, but later each time.
    this.#wait(q, askAgainAfter("refused", q.refusals++));
    q.silences = -1; // the next sending counts as the first
  }

  /** Gives a question its next time. */
  #wait(q: Question, wait: number): void {
    clearTimeout(q.timer);
    q.timer = setTimeout(() => {
      this.#wait(q, askAgainAfter("silence", ++q.silences));
      this.send(q);
    }, wait);
  }
}

/** How long a question waits that met silence, or was refused, so many times before. */
export function askAgainAfter(why: "silence" | "refused", count: number): number {
  return spread(doubled(why === "silence" ? silenceMin : refusedMin, count));
}

/** first·2^n, at most askAgainMax. */
function doubled(first: number, n: number): number {
  return Math.min(first * 2 ** Math.max(n, 0), askAgainMax);
}

/** A wait, up to a fifth shorter so that a herd spreads. */
export function spread(wait: number): number {
  return wait - Math.random() * (wait / 5);
}
