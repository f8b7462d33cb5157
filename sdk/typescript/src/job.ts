// What a tool is told about its job besides the input, and what it can say.

import { Writable } from "node:stream";
import { Constraint, readConstraints } from "./constraint.js";
import { codes, Fatal } from "./errors.js";
import { maxState, maxUnended } from "./limits.js";
import type { JobRequest } from "./wire/cordum_pb.js";

/** A lock that a job holds from before its dispatch until its end. */
export interface Lock {
  readonly name: string;
  readonly shared: boolean;
  /**
   * Grows with every grant of the lock: whoever guards the resource refuses what comes with a smaller one than it has seen.
   */
  readonly fencingToken: bigint;
}

/** What a tool writes for people: lines of the attempt's log. Too many lines, or too fast, are dropped and counted. */
export interface Log {
  debug(message: string, fields?: object): void;
  info(message: string, fields?: object): void;
  warn(message: string, fields?: object): void;
  error(message: string, fields?: object): void;
}

/** What a job is, as far as its tool is told. */
export interface JobFields {
  /** The job's: the same for all its attempts. */
  readonly id: string;
  /**
   * The key of an idempotent effect: the same for all attempts, retries and restarts, and another one when the step runs
   * again after its effect was undone.
   */
  readonly key: string;
  readonly attemptId: string;
  /** Counts from 1. */
  readonly attempt: number;
  readonly topic: string;
  readonly tenant: string;
  /** On whose behalf; may be empty. */
  readonly principal: string;
  /** Empty for a job sent by itself. */
  readonly workflow: string;
  readonly runId: string;
  readonly stepId: string;
  /** Of a fan-out, from 0. */
  readonly iteration: number;
  readonly labels: Readonly<Record<string, string>>;
  readonly env: Readonly<Record<string, string>>;
  /** The W3C trace context; empty when the run is not traced. */
  readonly traceparent: string;
  /** What the job holds while it runs. */
  readonly locks: readonly Lock[];
  /** The conditions of the policy's decision under which the job may run. */
  readonly constraints: readonly Constraint[];
}

/** Where what a job says goes to. */
export interface Voice {
  progress(percent: number, message: string, state: Uint8Array | undefined): void;
  log(stream: string, text: string): void;
  redact(texts: readonly string[]): void;
  prove(type: string, json: string): void;
  use(unit: string, amount: number): void;
  /** The checkpoint of an earlier attempt, JSON; empty when there is none. */
  readonly state: Uint8Array;
}

const mute: Voice = { progress: () => {}, log: () => {}, redact: () => {}, prove: () => {}, use: () => {}, state: new Uint8Array() };

/** A job, as its tool sees it. */
export interface Job extends JobFields {}

export class Job {
  /**
   * Aborts when the job is cancelled, when the attempt's time is over, and when the worker's drain timeout passes; its reason
   * is a Cancelled, a TimedOut or a Stopped. A tool that gives up because of that throws the reason, or what an aborted
   * operation throws, and by that says that it left nothing behind. A tool that finishes all the same returns its output: it
   * counts.
   */
  readonly signal: AbortSignal;
  /** Writes lines of the attempt's log. */
  readonly log: Log;
  readonly #voice: Voice;

  /** Tools get theirs from the worker; jobForTest makes one for tests of tools. */
  constructor(fields: JobFields, signal: AbortSignal, voice: Voice = mute) {
    Object.assign(this, fields);
    this.signal = signal;
    this.#voice = voice;
    const level = (stream: string) => (message: string, fields?: object) => voice.log(stream, lineOf(message, fields));
    this.log = { debug: level("debug"), info: level("info"), warn: level("warn"), error: level("error") };
  }

  /**
   * Tells people how far the job is, 0 to 100 percent. state, if given, is a checkpoint: as JSON, at most 64 KiB, it is given
   * to the next attempt should this one fail. It never waits and may be called as often as wanted: ten messages a second are
   * sent, the last one always. It throws when the state cannot be kept.
   */
  progress(percent: number, message = "", state?: unknown): void {
    let encoded: Uint8Array | undefined;
    if (state !== undefined) {
      const json = JSON.stringify(state) as string | undefined;
      if (json === undefined) throw new TypeError("the progress state is no JSON");
      encoded = Buffer.from(json);
      if (encoded.length > maxState) {
        throw new RangeError(`the progress state is ${encoded.length} bytes as JSON, at most ${maxState} are kept`);
      }
    }
    this.#voice.progress(percent, message, encoded);
  }

  /** The checkpoint that an earlier attempt left; undefined when there is none. */
  lastState<T = unknown>(): T | undefined {
    const state = this.#voice.state;
    return state.length === 0 ? undefined : (JSON.parse(Buffer.from(state).toString()) as T);
  }

  /** The job's lock of a name; undefined when it holds none. */
  lock(name: string): Lock | undefined {
    return this.locks.find((l) => l.name === name);
  }

  /** The job's constraint of a type; undefined when it has none. Of RateLimit and Budget it may have several: the first. */
  constraint(type: string): Constraint | undefined {
    return this.constraints.find((c) => c.type === type);
  }

  /**
   * Adds evidence that a constraint held to the job's result; given again it replaces what was given before. Of a Max type it
   * is the number that was reached, of an allow-list the list of what was used, of DenyPaths the list of paths that were
   * touched, else whatever speaks for it. It is kept with the result: no secrets. It throws when it cannot be sent.
   */
  prove(type: string, evidence: unknown): void {
    if (type === "") throw new TypeError("evidence names the type of its constraint");
    const json = JSON.stringify(evidence) as string | undefined;
    if (json === undefined) throw new TypeError(`the evidence of ${type} is no JSON`);
    this.#voice.prove(type, json);
  }

  /**
   * Says how much of a unit the job used up, for budgets of the policy: tokens, cost. Given again, amounts add up. Without it
   * what was estimated counts.
   */
  used(unit: string, amount: number): void {
    if (unit === "" || !Number.isFinite(amount) || amount < 0) {
      throw new RangeError(`${amount} of ${JSON.stringify(unit)} is no amount that a budget can count`);
    }
    this.#voice.use(unit, amount);
  }

  /**
   * Hides texts in what the job logs from now on, besides those of the worker's options: secrets that the tool got hold of.
   * Those shorter than 4 bytes are not hidden: they would hide everything.
   */
  redact(...texts: string[]): void {
    this.#voice.redact(texts);
  }

  /** A stream whose lines go to the attempt's log, for the output of a child process. End it, or its last line may be missing. */
  output(stream: "stdout" | "stderr"): Writable {
    return lineStream((text) => this.#voice.log(stream, text));
  }
}

function lineStream(write: (text: string) => void): Writable {
  const decoder = new TextDecoder();
  let rest = "";
  return new Writable({
    decodeStrings: true,
    write(chunk: Buffer, _encoding, done) {
      const text = rest + decoder.decode(chunk, { stream: true });
      const end = text.lastIndexOf("\n") + 1;
      if (end > 0) write(text.slice(0, end));
      rest = text.slice(end, end + maxUnended);
      done();
    },
    final(done) {
      if (rest !== "") write(rest);
      done();
    },
  });
}

function lineOf(message: string, fields: object | undefined): string {
  if (fields === undefined) return String(message);
  try {
    return `${message} ${JSON.stringify(fields)}`;
  } catch {
    return `${message} (its fields are no JSON)`;
  }
}

/** Reads what an attempt's tool is told. It throws a Fatal when the constraints cannot be read. */
export function fieldsOf(r: JobRequest): JobFields {
  const id = idOf(r.jobId);
  return {
    id,
    key: r.meta?.idempotencyKey || id,
    attemptId: r.jobId,
    attempt: Math.max(r.attempt, 1),
    topic: r.topic,
    tenant: r.tenantId,
    principal: r.principalId,
    workflow: r.workflowId,
    runId: r.runId,
    stepId: r.stepId,
    iteration: r.iteration,
    labels: r.labels,
    env: r.env,
    traceparent: r.traceparent,
    locks: r.locks.map(({ name, shared, fencingToken }) => ({ name, shared, fencingToken })),
    constraints: readConstraints(r.constraints),
  };
}

/** The job's id of an attempt's. */
export function idOf(attemptId: string): string {
  const at = attemptId.indexOf("@");
  return at < 0 ? attemptId : attemptId.slice(0, at);
}

/** What a job for tests of tools has. */
export interface JobForTest extends Partial<Omit<JobFields, "constraints">> {
  /** As the policy writes them: {type, value, prove}. */
  constraints?: readonly object[];
  signal?: AbortSignal;
  /** The checkpoint of an earlier attempt. */
  state?: unknown;
}

/** A job for tests of tools: what is not given is as empty as it can be, and what the tool says goes nowhere. */
export function jobForTest(given: JobForTest = {}): Job {
  const { constraints = [], signal = new AbortController().signal, state, ...fields } = given;
  const id = fields.id ?? "1";
  const empty = {
    id, key: id, attemptId: id, attempt: 1, topic: "job.test", tenant: "default", principal: "", workflow: "", runId: "",
    stepId: "", iteration: 0, labels: {}, env: {}, traceparent: "", locks: [],
  };
  const voice = state === undefined ? mute : { ...mute, state: Buffer.from(JSON.stringify(state)) };
  return new Job({ ...empty, ...fields, constraints: readConstraints(Buffer.from(JSON.stringify(constraints))) }, signal, voice);
}

/** Reads a tool's input. It throws a Fatal that repeats nothing of it. */
export function readInput(input: Uint8Array): unknown {
  if (input.length === 0) return undefined;
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(input));
  } catch {
    throw new Fatal(codes.invalidInput, "the input is not JSON");
  }
}
