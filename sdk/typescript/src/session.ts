// One run of a worker: it listens, beats, takes attempts, and drains.

import { randomBytes } from "node:crypto";
import type { Msg, Subscription } from "@nats-io/transport-node";
import { Attempt, type Host, type Tool } from "./attempt.js";
import { machineClock, type Clock } from "./clock.js";
import type { Config, Logger } from "./config.js";
import { pause, type Connection } from "./connection.js";
import { Cancelled, DrainTimeout, messageOf, Stopped } from "./errors.js";
import { Holdings, refusal, type Reason } from "./holdings.js";
import { CpuMeter, handshake, heartbeat } from "./beat.js";
import { blockedWarning, maxWaitingBytes, stopGrace } from "./limits.js";
import { Outbox, type Question } from "./outbox.js";
import { decode, encode, keyOf, type Payload } from "./packet.js";
import type { Redactor } from "./redact.js";
import {
  subjectAskJobs, subjectCancel, subjectWorkerHandshake, subjectWorkerHeartbeat, subjectWorkerJobs, workerInbox,
} from "./subjects.js";
import type { Ack, JobRequest } from "./wire/cordum_pb.js";

export class Session implements Host {
  readonly clock: Clock = machineClock;
  readonly #config: Config;
  readonly #tools: ReadonlyMap<string, Tool>;
  readonly #connection: Connection;
  readonly #holdings: Holdings;
  readonly #outbox: Outbox;
  readonly #incarnation = randomBytes(16).toString("hex");
  readonly #cpu = new CpuMeter();
  readonly #subscriptions: Subscription[] = [];
  readonly #topics: Subscription[] = []; // shared with other workers
  #waiting: [subject: string, data: Uint8Array][] = []; // for a connection that is away
  #waitingBytes = 0;
  #beatSoon: NodeJS.Immediate | undefined;
  #onEmpty = () => {};

  constructor(config: Config, tools: ReadonlyMap<string, Tool>, connection: Connection) {
    this.#config = config;
    this.#tools = tools;
    this.#connection = connection;
    this.#holdings = new Holdings(config.capacity);
    const inbox = `${workerInbox(config.id)}.${randomBytes(8).toString("hex")}`;
    this.#outbox = new Outbox(connection, inbox);
  }

  get id(): string { return this.#config.id; }
  get logger(): Logger { return this.#config.logger; }
  get decisionKey() { return this.#config.decisionKey; }
  get redactor(): Redactor { return this.#config.redactor; }
  get maxPayload(): number { return this.#connection.conn.info?.max_payload ?? 0; }

  /** Serves until signal aborts, then drains. It rejects when something was left, and when the connection was closed. */
  async run(signal: AbortSignal): Promise<void> {
    const closed = this.#connection.conn.closed().then((e) => e ?? undefined);
    void this.#connection.follow(() => this.#returned()); // until the connection ends, or the worker leaves it to its owner
    this.#listen();
    this.#greet();
    const beats = this.#beatRegularly();
    try {
      const lost = await Promise.race([aborted(signal), closed.then((cause) => new Error("the connection was closed", { cause }))]);
      if (lost instanceof Error) {
        this.#stopAll();
        throw lost;
      }
      await this.#drain(closed);
    } finally {
      clearInterval(beats);
      clearImmediate(this.#beatSoon);
      this.#outbox.close();
      if (!this.#connection.conn.isClosed()) for (const s of this.#subscriptions) s.unsubscribe();
    }
  }

  publish(subject: string, payload: Payload): void {
    this.send(subject, encode(this.id, payload));
  }

  send(subject: string, data: Uint8Array): void {
    if (!this.#connection.connected) return this.#keep(subject, data);
    try {
      this.#connection.conn.publish(subject, data);
    } catch (e) {
      this.logger.warn("cannot publish", { worker: this.id, subject, error: messageOf(e) });
    }
  }

  /** Keeps what nobody acknowledges until the connection is back: the client library would forget it. */
  #keep(subject: string, data: Uint8Array): void {
    if (this.#waitingBytes + data.length > maxWaitingBytes) {
      this.logger.warn("the connection is away and too much waits for it: this is lost", { worker: this.id, subject, bytes: data.length });
      return;
    }
    this.#waiting.push([subject, data]);
    this.#waitingBytes += data.length;
  }

  ask(subject: string, data: Uint8Array, answered: (ack: Ack) => void): Question {
    return this.#outbox.ask(subject, data, answered);
  }

  askAgain(question: Question): void {
    this.#outbox.send(question);
  }

  drop(question: Question): void {
    this.#outbox.drop(question);
  }

  reporting(_: Attempt, bytes: number): void {
    this.#holdings.reporting(bytes);
    this.#roomMade();
  }

  gone(a: Attempt, active: boolean, bytes: number): void {
    this.#holdings.gone(a, active, bytes);
    this.#roomMade();
    if (this.#holdings.empty) this.#onEmpty();
  }

  /** Who sent an attempt that was given back for want of room sends no other before it hears of room. */
  #roomMade(): void {
    if (this.#holdings.roomToTell()) this.#beatAtOnce();
  }

  /** Makes the subscriptions: answers first, then news, then jobs. */
  #listen(): void {
    this.#subscribe(this.#outbox.answers, undefined, (m) => this.#outbox.receive(m.subject, m.data));
    this.#subscribe(subjectCancel, undefined, (m) => this.#onCancel(m));
    this.#subscribe(subjectAskJobs, undefined, () => this.#beatAtOnce());
    this.#subscribe(subjectWorkerJobs(this.id), undefined, (m) => this.#onJob(m));
    for (const topic of this.#tools.keys()) {
      this.#topics.push(this.#subscribe(topic, topic, (m) => this.#onJob(m))); // the queue that CAP's workers use
    }
  }

  #subscribe(subject: string, queue: string | undefined, handle: (m: Msg) => void): Subscription {
    const callback = (err: Error | null, m: Msg): void => {
      if (err !== null) return this.logger.error("subscription failed", { worker: this.id, subject, error: messageOf(err) });
      handle(m);
    };
    const subscription = this.#connection.conn.subscribe(subject, { callback, ...(queue !== undefined && { queue }) });
    this.#subscriptions.push(subscription);
    return subscription;
  }

  /** Says who is there, and what it is ready for. */
  #greet(): void {
    if (!this.#connection.connected) return;
    this.publish(subjectWorkerHandshake(this.id), handshake(this.id, [...this.#tools.keys()]));
    this.#beat(false);
  }

  #returned(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    this.#waitingBytes = 0;
    for (const [subject, data] of waiting) this.send(subject, data);
    this.#greet();
    this.#outbox.sendAll();
  }

  /** Without a connection there is none: a new connection brings one. */
  #beat(leaving: boolean): void {
    if (!this.#connection.connected) return;
    const payload = heartbeat(this.#config, [...this.#tools.keys()], this.#holdings, this.#incarnation, this.#cpu.load(), leaving);
    this.publish(subjectWorkerHeartbeat(this.id), payload);
  }

  /** Several wishes are one beat. */
  #beatAtOnce(): void {
    this.#beatSoon ??= setImmediate(() => {
      this.#beatSoon = undefined;
      this.#beat(false);
    });
  }

  #beatRegularly(): NodeJS.Timeout {
    let last = this.clock.now();
    return setInterval(() => {
      const late = this.clock.now() - last - this.#config.heartbeatMs;
      last = this.clock.now();
      if (late > blockedWarning) {
        this.logger.warn("a tool blocks the event loop: nothing else ran, heartbeats too; use a worker thread or a child process", {
          worker: this.id, ms: Math.round(late),
        });
      }
      this.#beat(false);
    }, this.#config.heartbeatMs);
  }

  /** Takes an attempt, gives it back, or drops it when it came before. */
  #onJob(m: Msg): void {
    const payload = decode(m.data)?.payload;
    if (payload?.case !== "jobRequest" || payload.value.jobId === "") {
      this.logger.warn("a packet that is no job", { worker: this.id, subject: m.subject, bytes: m.data.length });
      return;
    }
    const request = payload.value;
    const key = keyOf(request.jobId, request.token);
    const held = this.#holdings.get(key);
    if (held !== undefined) return held.comeAgain();
    if (this.#holdings.ended(key)) return;
    const tool = this.#tools.get(request.topic);
    const reason = refusal(this.#holdings, tool !== undefined);
    if (reason === "full") this.#holdings.turnedAway = true;
    if (reason !== undefined || tool === undefined) return this.#giveBack(request, reason ?? "unknown_topic");
    const attempt = new Attempt(this, key, request, tool);
    attempt.open(this.#holdings.enter(attempt));
  }

  /** Returns an attempt that did not begin. It is not remembered: it may come again. */
  #giveBack(r: JobRequest, reason: Reason): void {
    if (r.answerSubject === "") {
      this.logger.warn("a job cannot be taken and names nobody to return it to", { worker: this.id, attempt: r.jobId, reason });
      return;
    }
    this.publish(r.answerSubject, { case: "jobReturn", value: { jobId: r.jobId, token: r.token, workerId: this.id, reason } });
  }

  /** Stops the attempts of a job that somebody cancelled. */
  #onCancel(m: Msg): void {
    const payload = decode(m.data)?.payload;
    if (payload?.case !== "jobCancel") return;
    const why = new Cancelled(payload.value.reason, payload.value.requestedBy);
    for (const a of this.#holdings.meant(payload.value)) a.stop(why);
  }

  /** Takes nothing more and says so, waits for what is held, and says goodbye. What comes is given back. */
  async #drain(closed: Promise<unknown>): Promise<void> {
    for (const s of this.#topics) void s.drain().catch(() => {}); // of a connection that is away: its server forgot it
    this.#holdings.draining = true;
    this.#beatAtOnce();
    const empty = new Promise<void>((resolve) => (this.#onEmpty = resolve));
    if (!this.#holdings.empty) await within(this.#config.drainTimeoutMs, empty, closed);
    if (!this.#holdings.empty) {
      this.#stopAll();
      await within(stopGrace, empty, closed);
    }
    this.#beat(true); // it lists what was left, so that nobody waits for it
    const { active, unacknowledged, empty: done } = this.#holdings;
    if (!done) throw new DrainTimeout(active, unacknowledged);
  }

  /** Gives back what did not begin and stops the tools. */
  #stopAll(): void {
    for (const a of this.#holdings.all()) {
      if (a.phase === "asking") {
        this.#giveBack(a.request, "draining");
        a.abandon();
      } else if (a.phase === "running") a.stop(new Stopped());
    }
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    signal.addEventListener("abort", () => resolve(), { once: true });
  });
}

/** Waits for one of some things, at most so many milliseconds. */
async function within(ms: number, ...things: Promise<unknown>[]): Promise<void> {
  const over = new AbortController();
  await Promise.race([pause(ms, over.signal), ...things]);
  over.abort();
}
