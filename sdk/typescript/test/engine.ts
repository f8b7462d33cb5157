// The engine's side of the wire, as small as it can be: it sends attempts, writes down what comes back, and answers as the
// test says.

import type { TestContext } from "node:test";
import assert from "node:assert/strict";
import { create, toBinary, type MessageInitShape } from "@bufbuild/protobuf";
import { connect, type NatsConnection } from "@nats-io/transport-node";
import { decode, type Payload } from "../dist/packet.js";
import {
  AckCode, BusPacketSchema, JobRequestSchema, type BusPacket, type Heartbeat, type JobBegin, type JobLog, type JobProgress, type JobRequest,
  type JobResult, type JobReturn, type Handshake,
} from "../dist/wire/cordum_pb.js";
import { Worker, type Job, type WorkerOptions } from "@cordum/worker";
import { Nats } from "./nats.js";

/** How long a test waits for what must come before it says that it did not. */
export const patience = 20_000;
/** The partition that the engine answers for. */
export const answers = "cordum.part.07";

const endings = new WeakMap<TestContext, (() => unknown)[]>();

/** Calls something when the test is over: what began last ends first. */
export function atEnd(t: TestContext, end: () => unknown): void {
  const ends = endings.get(t) ?? [];
  if (ends.length === 0) {
    endings.set(t, ends);
    t.after(async () => {
      for (const call of ends.reverse()) await call();
    });
  }
  ends.push(end);
}

/** What came, in order, and those who wait for it. */
export class Inbox<T> {
  readonly all: T[] = [];
  readonly #name: string;
  #waiting: ((v: T) => void)[] = [];

  constructor(name: string) {
    this.#name = name;
  }

  put(v: T): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.all.push(v);
    else next(v);
  }

  /** Takes the next one. */
  async take(): Promise<T> {
    if (this.all.length > 0) return this.all.shift()!;
    let timer: NodeJS.Timeout;
    return await new Promise<T>((resolve, reject) => {
      timer = setTimeout(() => reject(new Error(`no ${this.#name} came`)), patience);
      this.#waiting.push((v) => {
        clearTimeout(timer);
        resolve(v);
      });
    });
  }
}

/** What an answer is, 0 is silence. */
export type Reply = (packet: BusPacket) => number;

/** Answers the first questions as listed, the rest with OK. */
export function script(...codes: number[]): Reply {
  return () => codes.shift() ?? AckCode.OK;
}

export class Engine {
  readonly nats: Nats;
  readonly conn: NatsConnection;
  readonly begins = new Inbox<JobBegin>("JobBegin");
  readonly results = new Inbox<JobResult>("JobResult");
  readonly returns = new Inbox<JobReturn>("JobReturn");
  readonly progress = new Inbox<JobProgress>("JobProgress");
  readonly logs = new Inbox<JobLog>("JobLog");
  readonly beats = new Inbox<Heartbeat>("Heartbeat");
  readonly handshakes = new Inbox<Handshake>("Handshake");
  reply: Reply = () => AckCode.OK;

  constructor(nats: Nats, conn: NatsConnection) {
    this.nats = nats;
    this.conn = conn;
    for (const subject of [answers, "sys.heartbeat.*", "sys.handshake.*", "sys.job.result", "sys.job.progress"]) {
      conn.subscribe(subject, { callback: (err, m) => (err === null ? this.#receive(m.subject, m.data, m.reply) : undefined) });
    }
  }

  #receive(subject: string, data: Uint8Array, reply: string | undefined): void {
    const packet = decode(data);
    assert.ok(packet, `a packet that does not decode on ${subject}`);
    assert.ok(packet.senderId !== "" && packet.protocolVersion === 1 && packet.createdAt, "an envelope without sender, version or time");
    if (reply) {
      const code = this.reply(packet);
      if (code !== 0) this.publish(reply, { case: "ack", value: { code } });
    }
    const { case: kind, value } = packet.payload;
    switch (kind) {
      case "jobBegin": return this.begins.put(value);
      case "jobResult": return this.results.put(value);
      case "jobReturn": return this.returns.put(value);
      case "jobProgress": return this.progress.put(value);
      case "jobLog": return this.logs.put(value);
      case "handshake": return this.handshakes.put(value);
      case "heartbeat":
        assert.equal(subject, `sys.heartbeat.${value.workerId}`);
        return this.beats.put(value);
      default: assert.fail(`a worker sent ${kind}`);
    }
  }

  publish(subject: string, payload: Payload): void {
    this.conn.publish(subject, toBinary(BusPacketSchema, create(BusPacketSchema, { protocolVersion: 1, payload })));
  }

  /** Gives an attempt to the worker "w1", or to a topic. */
  send(r: JobRequest, subject = "worker.w1.jobs"): void {
    this.publish(subject, { case: "jobRequest", value: r });
  }

  cancel(jobId: string, token = "", reason = "", requestedBy = ""): void {
    this.publish("sys.job.cancel", { case: "jobCancel", value: { jobId, token: Buffer.from(token), reason, requestedBy } });
  }

  /** Takes the result of an attempt: on a slow machine an earlier one may have been sent twice. */
  async result(jobId: string): Promise<JobResult> {
    for (;;) {
      const r = await this.results.take();
      if (r.jobId === jobId) return r;
    }
  }

  /** Waits for a heartbeat that says something, and asks for heartbeats meanwhile. */
  async beatThat(says: (b: Heartbeat) => boolean): Promise<Heartbeat> {
    const asking = setInterval(() => this.conn.publish("cordum.jobs.ask"), 20);
    try {
      for (;;) {
        const b = await this.beats.take();
        if (says(b)) return b;
      }
    } finally {
      clearInterval(asking);
    }
  }

  /** Waits until the worker has nothing. */
  async idle(): Promise<void> {
    this.beats.all.length = 0;
    await this.beatThat((b) => b.jobs.length === 0);
  }
}

/** A server and an engine on it, until the test is over. */
export async function newEngine(t: TestContext, nats?: Nats): Promise<Engine> {
  const server = nats ?? (await Nats.start());
  if (nats === undefined) atEnd(t, () => server.close());
  const conn = await connect({ servers: server.url, reconnect: false });
  atEnd(t, () => conn.close());
  return new Engine(server, conn);
}

/** An attempt as the engine sends it. */
export function job(id: string, change: MessageInitShape<typeof JobRequestSchema> = {}): JobRequest {
  return create(JobRequestSchema, {
    jobId: id, topic: "job.demo.echo", token: Buffer.from(`token of ${id}`), input: Buffer.from(`{"text":"hello"}`),
    answerSubject: answers, attempt: 1, tenantId: "default", ...change,
  });
}

/** A worker that runs. */
export interface Started {
  stop(): void;
  /** What run came to: undefined, or what it rejected with. */
  ended: Promise<unknown>;
}

/** Runs the worker "w1" until the test is over, and waits until it listens. */
export async function startWorker(t: TestContext, e: Engine, register: (w: Worker) => void, change: WorkerOptions = {}): Promise<Started> {
  const w = new Worker({ ...(change.conn ? {} : { url: e.nats.url }), id: "w1", pool: "demo", capacity: 8, drainTimeoutMs: 5_000, ...change });
  register(w);
  const stop = new AbortController();
  const ended = w.run(stop.signal).then(() => undefined, (err: unknown) => err);
  atEnd(t, async () => {
    stop.abort();
    await ended;
  });
  await e.beatThat((b) => b.workerId === "w1");
  return { stop: () => stop.abort(), ended };
}

/** Registers a tool that calls before, if given, and gives back what it got. */
export function echo(before?: (job: Job) => unknown): (w: Worker) => void {
  return (w) =>
    void w.tool("demo", "echo", async (job, input) => {
      await before?.(job);
      return input;
    });
}

/** A promise and what resolves it. */
export function gate<T = void>(): { readonly opened: Promise<T>; open(v: T): void } {
  let open!: (v: T) => void;
  const opened = new Promise<T>((resolve) => (open = resolve));
  return { opened, open };
}

/** Waits for a promise, at most so long. */
export async function soon<T>(p: Promise<T>): Promise<T> {
  const over = gate<never>();
  const timer = setTimeout(() => over.open(assert.fail as never), patience);
  try {
    return await Promise.race([p, over.opened.then(() => assert.fail("it did not come"))]);
  } finally {
    clearTimeout(timer);
  }
}

export const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString();
