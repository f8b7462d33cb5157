// The life of one attempt.

import type { KeyObject } from "node:crypto";
import type { Clock } from "./clock.js";
import type { Logger } from "./config.js";
import { allowedTime, decisionHolds, Proof, type Constraint } from "./constraint.js";
import { Cancelled, codes, Fatal, TimedOut, type Stopped } from "./errors.js";
import { fieldsOf, idOf, Job, readInput, type Voice } from "./job.js";
import { Logs } from "./logs.js";
import type { Question } from "./outbox.js";
import { encode, type Payload } from "./packet.js";
import { Progress } from "./progress.js";
import type { Redactor } from "./redact.js";
import { resultOf, tooLarge, writeOutput, type Outcome } from "./result.js";
import { subjectProgress, subjectResult } from "./subjects.js";
import { AckCode, JobStatus, type Ack, type JobRequest, type JobResult } from "./wire/cordum_pb.js";

/** A registered function without its types: from decoded input to what is encoded. */
export type Tool = (job: Job, input: unknown) => unknown;

/**
 * How far an attempt is. It only moves forward: asking → running → reporting, asking → reporting when it is cancelled before
 * it began, and from each of them to gone.
 */
export type Phase = "asking" | "running" | "reporting" | "gone";

/** The worker as its attempts need it. */
export interface Host {
  readonly id: string;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly decisionKey: KeyObject | undefined;
  /** Hides what no log shows. An attempt adds to a copy. */
  readonly redactor: Redactor;
  /** What the server takes in one message; 0 when that is not known. */
  readonly maxPayload: number;
  /** Sends what nobody acknowledges. While the connection is away it waits, if there is room. */
  publish(subject: string, payload: Payload): void;
  /** The same for what is encoded. */
  send(subject: string, data: Uint8Array): void;
  /** Sends until there is a definite answer. */
  ask(subject: string, data: Uint8Array, answered: (ack: Ack) => void): Question;
  askAgain(question: Question): void;
  drop(question: Question): void;
  /** The attempt's slot is free; its result, of so many bytes, waits to be acknowledged. */
  reporting(attempt: Attempt, bytes: number): void;
  /** The attempt ended. active: its slot was not free yet; bytes: of its result that waited. */
  gone(attempt: Attempt, active: boolean, bytes: number): void;
}

/** One attempt that the worker took. */
export class Attempt {
  readonly key: string;
  readonly request: JobRequest;
  readonly #host: Host;
  readonly #tool: Tool;
  readonly #stop = new AbortController();
  readonly #progress: Progress;
  readonly #redactor: Redactor;
  readonly #logs: Logs;
  readonly #proof = new Proof();
  #phase: Phase = "asking";
  #question: Question | undefined; // open while asking and reporting

  constructor(host: Host, key: string, request: JobRequest, tool: Tool) {
    this.#host = host;
    this.key = key;
    this.request = request;
    this.#tool = tool;
    this.#progress = new Progress(host.clock, (said) => this.#sendProgress(said.percent, said.message, said.state));
    this.#redactor = host.redactor.copy();
    this.#logs = new Logs(host.clock, request.logLines, this.#redactor, ({ first, dropped, lines }) =>
      host.publish(this.#answers(subjectProgress), {
        case: "jobLog",
        value: {
          jobId: request.jobId, token: request.token, workerId: host.id, first: BigInt(first), dropped: BigInt(dropped),
          lines: lines.map((l) => ({ atMs: BigInt(l.at), stream: l.stream, text: l.text })),
        },
      }),
    );
  }

  get phase(): Phase {
    return this.#phase;
  }

  /** Says that the attempt was taken, if that is asked for, and begins or asks for leave. doomed: cancelled before it came. */
  open(doomed: boolean): void {
    if (doomed) return this.stop(new Cancelled("cancelled before it came", ""));
    if (this.request.askAccept) this.#sayAccepted();
    if (this.request.askBegin && this.request.answerSubject !== "") this.#askLeave();
    else void this.#run();
  }

  /** Answers an attempt that comes again: whoever sent it may have missed what was said. */
  comeAgain(): void {
    if (this.#phase === "reporting" && this.#question !== undefined) this.#host.askAgain(this.#question);
    else if (this.#phase === "running" && this.request.askAccept) this.#sayAccepted();
  }

  /** Aborts the tool's signal, or ends an attempt that has not begun. */
  stop(why: Cancelled | Stopped): void {
    const asking = this.#phase === "asking";
    if (asking && this.#question !== undefined) this.#host.drop(this.#question); // leave that comes now is not used
    this.#stop.abort(why);
    if (asking) this.#report(resultOf(this.request, this.#host.id, { thrown: why }, this.#stop.signal));
  }

  /** Forgets an attempt that waits for leave, whose worker gave it back. */
  abandon(): void {
    if (this.#question !== undefined) this.#host.drop(this.#question);
    this.#end(true, 0);
  }

  #answers(otherwise: string): string {
    return this.request.answerSubject || otherwise;
  }

  #askLeave(): void {
    const { jobId, token, answerSubject } = this.request;
    const data = encode(this.#host.id, { case: "jobBegin", value: { jobId, token, workerId: this.#host.id } });
    this.#question = this.#host.ask(answerSubject, data, (ack) => this.#onLeave(ack));
  }

  /**
   * Begins, or drops what is another attempt's turn by now. Leave that comes while the worker drains is used: the engine has it
   * on record.
   */
  #onLeave(ack: Ack): void {
    this.#question = undefined;
    if (ack.code === AckCode.OK) void this.#run();
    else this.#end(true, 0);
  }

  async #run(): Promise<void> {
    this.#phase = "running";
    const { request } = this;
    const host = this.#host;
    const stop = this.#stop;
    const started = host.clock.now();
    let constraints: readonly Constraint[] = [];
    let late = () => {};
    let outcome: Outcome;
    try {
      if (!decisionHolds(request, host.decisionKey)) {
        throw new Fatal(codes.unsignedDecision, "the constraints of the job are not signed by the server");
      }
      const fields = fieldsOf(request);
      constraints = fields.constraints;
      const limit = timeLimit(request, constraints);
      if (limit !== undefined) late = host.clock.after(limit, () => stop.abort(new TimedOut()));
      outcome = { output: await this.#call(new Job(fields, stop.signal, this.#voice())) };
    } catch (thrown) {
      outcome = { thrown };
    }
    late();
    this.#progress.end();
    this.#logs.end();
    const result = resultOf(request, host.id, outcome, stop.signal);
    this.#attach(result, constraints, host.clock.now() - started);
    this.#report(result);
  }

  async #call(job: Job): Promise<Uint8Array> {
    const input = readInput(this.request.input);
    return writeOutput(await this.#tool(job, input));
  }

  #voice(): Voice {
    return {
      progress: (percent, message, state) => this.#progress.say(percent, message, state),
      log: (stream, text) => this.#logs.write(stream, text),
      redact: (texts) => this.#redactor.add(texts),
      prove: (type, json) => this.#proof.add(type, json),
      use: (unit, amount) => this.#proof.use(unit, amount),
      state: this.request.progressState,
    };
  }

  /** Puts into a result what the tool said, and what the library itself knows of constraints that want a proof. */
  #attach(result: JobResult, constraints: readonly Constraint[], took: number): void {
    result.executionMs = BigInt(Math.round(took));
    attachProof(result, this.request, this.#proof, constraints, took);
  }

  #sayAccepted(): void {
    this.#sendProgress(0, "", undefined);
  }

  #sendProgress(percent: number, message: string, state: Uint8Array | undefined): void {
    const { jobId, stepId, token } = this.request;
    this.#host.publish(this.#answers(subjectProgress), {
      case: "jobProgress",
      value: { jobId, stepId, percent, message, status: JobStatus.RUNNING, token, workerId: this.#host.id, ...(state && { state }) },
    });
  }

  /**
   * Hands the result over to be sent until it is acknowledged. The slot is free before the result leaves: whoever gets it may
   * send the next job at once.
   */
  #report(result: JobResult): void {
    const { jobId, topic, answerSubject } = this.request;
    const host = this.#host;
    const data = encodeResult(result, this.request, host.id, host.maxPayload);
    if (answerSubject === "") {
      host.send(subjectResult, data); // nobody acknowledges it
      return this.#end(true, 0);
    }
    this.#phase = "reporting";
    host.reporting(this, data.length);
    this.#question = host.ask(answerSubject, data, (ack) => {
      if (ack.code === AckCode.INVALID) {
        host.logger.error("result refused", { worker: host.id, attempt: jobId, topic, reason: ack.message });
      }
      this.#end(false, data.length);
    });
  }

  #end(active: boolean, bytes: number): void {
    this.#question = undefined;
    this.#phase = "gone";
    this.#host.gone(this, active, bytes);
  }
}

/** How long the tool may run: the attempt's timeout, or the policy's where that is less; undefined is without end. */
export function timeLimit(r: JobRequest, constraints: readonly Constraint[]): number | undefined {
  const own = r.timeoutMs > 0n ? Number(r.timeoutMs) : undefined;
  const allowed = allowedTime(constraints);
  return own === undefined ? allowed : Math.min(own, allowed ?? own);
}

/** Adds evidence and usage to a result; took is in milliseconds. */
export function attachProof(result: JobResult, r: JobRequest, proof: Proof, constraints: readonly Constraint[], took: number): void {
  result.usage = proof.usage() ?? new Uint8Array();
  if (result.status !== JobStatus.SUCCEEDED) return;
  const known = (type: string): string | undefined => {
    switch (type) {
      case "MaxTimeout": return String(took / 1000);
      case "MaxOutputBytes": return String(result.output.length);
      case "RequireIdempotencyKey": return JSON.stringify(r.meta?.idempotencyKey || idOf(r.jobId));
      default: return undefined;
    }
  };
  result.evidence = proof.evidence(constraints, known) ?? new Uint8Array();
}

/** Makes the packet of a result. One that the server would not take becomes a failure that says so. */
export function encodeResult(result: JobResult, r: JobRequest, sender: string, maxPayload: number): Uint8Array {
  const data = encode(sender, { case: "jobResult", value: result });
  if (maxPayload === 0 || data.length <= maxPayload) return data;
  const failed = resultOf(r, sender, { thrown: tooLarge(result.output.length, maxPayload) }, new AbortController().signal);
  failed.executionMs = result.executionMs;
  return encode(sender, { case: "jobResult", value: failed });
}

