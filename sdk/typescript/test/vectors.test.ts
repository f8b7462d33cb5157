// The vectors that all worker libraries share. A file or a case that is not known fails.

import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import assert from "node:assert/strict";
import { create, fromJson, toBinary, toJson, type JsonValue } from "@bufbuild/protobuf";
import { attachProof, encodeResult, timeLimit } from "../dist/attempt.js";
import type { Clock } from "../dist/clock.js";
import { isWorkerId } from "../dist/config.js";
import { reconnectAfter } from "../dist/connection.js";
import { decisionHolds, decisionMessage, Proof, publicKey, readConstraints, type Constraint } from "../dist/constraint.js";
import { Cancelled, Fatal, Retryable, Stopped, TimedOut, ToolError } from "../dist/errors.js";
import { refusal, type Load } from "../dist/holdings.js";
import { fieldsOf, Job, type Voice } from "../dist/job.js";
import { Logs } from "../dist/logs.js";
import { askAgainAfter } from "../dist/outbox.js";
import { clip, decode, keyOf, Remembered } from "../dist/packet.js";
import { Progress } from "../dist/progress.js";
import { Redactor } from "../dist/redact.js";
import { resultOf } from "../dist/result.js";
import { subjectWorkerHandshake, subjectWorkerHeartbeat, subjectWorkerJobs, topicProblem, workerInbox } from "../dist/subjects.js";
import { BusPacketSchema, JobRequestSchema, JobResultSchema, JobStatus, JobStatusSchema, type JobRequest } from "../dist/wire/cordum_pb.js";
import { Worker } from "@cordum/worker";
import { text } from "./engine.js";

type Fields = Record<string, any>;
interface Vector {
  name: string;
  in: Fields;
  want: Fields;
}

const folder = new URL("../../testdata/vectors/", import.meta.url);
const hex = (s: string): Buffer => Buffer.from(s, "hex");

/** What each kind of case is run by, and the fields that it may have. */
const kinds: Record<string, { in: string; want: string; run: (v: Vector) => void }> = {
  packet: { in: "hex", want: "packet malformed unknown", run: packet },
  name: { in: "topic worker_id pack tool subjects_of", want: "valid topic jobs heartbeat handshake inbox", run: naming },
  key: { in: "job_id token_hex", want: "key_hex", run: (v) => assert.equal(keyOf(v.in.job_id, hex(v.in.token_hex)), v.want.key_hex) },
  remembered: { in: "limit add", want: "has has_not", run: remembered },
  clip: { in: "text_hex max bytes", want: "text", run: clipped },
  backoff: { in: "after count", want: "min_ms max_ms", run: backoff },
  failure: { in: "raised ended wrapped", want: "status code message details", run: failure },
  output: { in: "bytes max_payload", want: "status code", run: output },
  constraints: { in: "constraints timeout_ms", want: "code limit_ms list", run: constraints },
  decision: { in: "key_hex request", want: "message_hex code", run: decision },
  evidence: { in: "constraints idempotency_key job_id output say succeeded", want: "evidence usage refused", run: evidence },
  job: {
    in: "request",
    want: "id key attempt_id attempt topic tenant principal workflow run_id step_id iteration labels env traceparent locks",
    run: jobSeen,
  },
  intake: { in: "draining topic_known active capacity unacknowledged unacknowledged_bytes", want: "reason", run: intake },
  progress: { in: "events", want: "sent", run: progress },
  logs: { in: "log_lines redact events", want: "sent sent_lines dropped", run: logs },
};

const files = readdirSync(folder).filter((f) => f.endsWith(".json"));
test("there are vectors", () => assert.ok(files.length >= 15));
for (const file of files) {
  const { kind, cases, ...more } = JSON.parse(readFileSync(new URL(file, folder), "utf8")) as { kind: string; about: string; cases: Vector[] };
  test(file, async (t) => {
    assert.deepEqual(Object.keys(more), ["about"], "a file with fields that this test does not know");
    const known = kinds[kind];
    assert.ok(known, `no test knows the kind ${kind}`);
    assert.ok(cases.length > 0);
    for (const v of cases) {
      await t.test(v.name, () => {
        assert.deepEqual(Object.keys(v).filter((k) => !["name", "in", "want"].includes(k)), []);
        assert.deepEqual(Object.keys(v.in).filter((k) => !known.in.split(" ").includes(k)), [], "unknown fields of in");
        assert.deepEqual(Object.keys(v.want).filter((k) => !known.want.split(" ").includes(k)), [], "unknown fields of want");
        known.run({ name: v.name, in: expand(v.in), want: expand(v.want) });
      });
    }
  });
}

/** Writes out what is written as {repeat, times, then}. */
function expand(value: any): any {
  if (Array.isArray(value)) return value.map(expand);
  if (typeof value !== "object" || value === null) return value;
  if ("repeat" in value) {
    const { repeat, times, then } = value;
    return typeof repeat === "string" ? repeat.repeat(times) + (then ?? "") : Array.from({ length: times }, () => expand(repeat)).flat().concat(then ?? []);
  }
  return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, expand(v)]));
}

function packet({ in: { hex: bytes }, want }: Vector): void {
  const got = decode(hex(bytes));
  if (want.malformed) return assert.equal(got, undefined);
  assert.ok(got, "it does not decode");
  const plain = (p: typeof got) => toJson(BusPacketSchema, p, { useProtoFieldName: true, enumAsInteger: false });
  const wanted = fromJson(BusPacketSchema, want.packet as JsonValue);
  assert.deepEqual(plain(got), plain(wanted));
  if (want.unknown) return;
  const again = decode(toBinary(BusPacketSchema, wanted));
  assert.ok(again);
  assert.deepEqual(plain(again), plain(got));
  if (!/"(env|labels|capabilities)":\{/.test(JSON.stringify(want.packet))) assert.equal(Buffer.from(toBinary(BusPacketSchema, wanted)).toString("hex"), bytes);
}

function naming({ in: i, want }: Vector): void {
  if (i.subjects_of !== undefined) {
    const id: string = i.subjects_of;
    return assert.deepEqual(want, {
      jobs: subjectWorkerJobs(id), heartbeat: subjectWorkerHeartbeat(id), handshake: subjectWorkerHandshake(id), inbox: workerInbox(id),
    });
  }
  if (i.worker_id !== undefined) return assert.equal(isWorkerId(i.worker_id), want.valid ?? false);
  if (i.topic !== undefined) return assert.equal(topicProblem(i.topic) === "", want.valid ?? false);
  const register = () => new Worker({ id: "w1" }).tool(i.pack, i.tool, () => null);
  if (!want.valid) return void assert.throws(register, TypeError);
  register();
  assert.equal(`job.${i.pack}.${i.tool}`, want.topic);
}

function remembered({ in: i, want }: Vector): void {
  const r = new Remembered(i.limit);
  for (const k of i.add) r.add(k);
  for (const k of want.has ?? []) assert.ok(r.has(k), k);
  for (const k of want.has_not ?? []) assert.ok(!r.has(k), k);
}

function clipped({ in: i, want }: Vector): void {
  const got = clip(hex(i.text_hex).toString(), i.max);
  // Texts of JavaScript hold no bytes: reading them makes as many U+FFFD as the platform likes.
  const one = (s: string) => s.replace(/\uFFFD+/g, "\uFFFD");
  assert.equal(i.bytes ? one(got) : got, want.text ?? "");
  assert.ok(Buffer.byteLength(got) <= i.max);
}

function backoff({ in: i, want }: Vector): void {
  for (let n = 0; n < 50; n++) {
    const ms = i.after === "disconnect" ? reconnectAfter(i.count) : askAgainAfter(i.after, i.count);
    assert.ok(ms >= want.min_ms && ms <= want.max_ms, `${ms}`);
  }
}

const reasons: Record<string, () => Error> = {
  cancelled: () => new Cancelled("", ""), timed_out: () => new TimedOut(), stopped: () => new Stopped(),
};

function raise(r: Fields, signal: AbortSignal): unknown {
  const extras = r.details === undefined ? {} : { details: r.details };
  switch (r.kind) {
    case "plain": return new Error(r.message);
    case "error": return new ToolError(r.code ?? "", r.message, extras);
    case "retryable": return new Retryable(r.code ?? "", r.message, extras);
    case "fatal": return new Fatal(r.code ?? "", r.message, extras);
    case "panic": return r.message; // what is no Error
    case "cancelled": case "timed_out": case "stopped": return signal.reason;
    default: return assert.fail(`no test knows the failure ${r.kind}`);
  }
}

function failure({ in: i, want }: Vector): void {
  const stop = new AbortController();
  const ended = reasons[i.ended ?? i.raised.kind];
  if (ended !== undefined) stop.abort(ended());
  let thrown = raise(i.raised, stop.signal);
  if (i.wrapped !== undefined) thrown = new Error(i.wrapped, { cause: thrown });
  const r = resultOf(create(JobRequestSchema, { jobId: "1" }), "w1", { thrown }, stop.signal);
  assert.equal(JobStatusSchema.value[r.status]?.name, want.status);
  assert.equal(r.errorCode, want.code);
  if (want.message !== undefined) assert.equal(r.errorMessage, want.message);
  assert.deepEqual(r.errorDetails.length === 0 ? undefined : JSON.parse(text(r.errorDetails)), want.details);
}

function output({ in: i, want }: Vector): void {
  const request = create(JobRequestSchema, { jobId: "1" });
  const result = resultOf(request, "w1", { output: Buffer.alloc(i.bytes, "x") }, new AbortController().signal);
  const sent = decode(encodeResult(result, request, "w1", i.max_payload ?? 0))?.payload;
  assert.ok(sent?.case === "jobResult");
  assert.equal(JobStatusSchema.value[sent.value.status]?.name, want.status);
  assert.equal(sent.value.errorCode, want.code ?? "");
}

function constraints({ in: i, want }: Vector): void {
  const request = create(JobRequestSchema, { constraints: Buffer.from(i.constraints), timeoutMs: BigInt(i.timeout_ms ?? 0) });
  let list: readonly Constraint[];
  try {
    list = readConstraints(request.constraints);
  } catch (e) {
    assert.ok(e instanceof Fatal);
    return assert.equal(e.code, want.code);
  }
  assert.equal(want.code, undefined, "it was read");
  assert.equal(timeLimit(request, list), want.limit_ms);
  const seen = list.map((c) => {
    const max = c.max();
    const texts = c.list();
    return { type: c.type, ...(max !== undefined && { max }), ...(texts && { list: texts }), ...(c.prove && { prove: true }) };
  });
  assert.deepEqual(seen, want.list);
}

const requestOf = (json: Fields): JobRequest => fromJson(JobRequestSchema, json as JsonValue);

function decision({ in: i, want }: Vector): void {
  const request = requestOf(i.request);
  assert.equal(Buffer.from(decisionMessage(request)).toString("hex"), want.message_hex);
  const key = i.key_hex === "" ? undefined : publicKey(hex(i.key_hex));
  assert.equal(decisionHolds(request, key) ? "" : "unsigned_decision", want.code ?? "");
}

function evidence({ in: i, want }: Vector): void {
  const request = requestOf({ job_id: i.job_id, meta: { idempotency_key: i.idempotency_key ?? "" } });
  request.constraints = Buffer.from(i.constraints ?? "");
  const proof = new Proof();
  const job = new Job(fieldsOf(request), new AbortController().signal, {
    prove: (type, json) => proof.add(type, json), use: (unit, amount) => proof.use(unit, amount),
    progress() {}, log() {}, redact() {}, state: new Uint8Array(),
  } satisfies Voice);
  const refused: number[] = [];
  for (const [n, say] of ((i.say ?? []) as Fields[]).entries()) {
    try {
      if ("prove" in say) job.prove(say.prove, say.value);
      else job.used(say.used, say.amount);
    } catch {
      refused.push(n);
    }
  }
  assert.deepEqual(refused, want.refused ?? []);
  const result = create(JobResultSchema, { status: i.succeeded ? JobStatus.SUCCEEDED : JobStatus.FAILED, output: Buffer.from(i.output ?? "") });
  attachProof(result, request, proof, job.constraints, 0);
  const read = (bytes: Uint8Array): unknown => (bytes.length === 0 ? undefined : JSON.parse(text(bytes)));
  assert.deepEqual(read(result.evidence), want.evidence);
  assert.deepEqual(read(result.usage), want.usage);
}

function jobSeen({ in: i, want }: Vector): void {
  const f = fieldsOf(requestOf(i.request));
  const wanted = {
    principal: "", tenant: "", workflow: "", run_id: "", step_id: "", iteration: 0, labels: {}, env: {}, traceparent: "", ...want,
    locks: (want.locks ?? []).map((l: Fields) => ({ name: l.name, shared: l.shared ?? false, fencingToken: BigInt(l.fencing_token) })),
  };
  const { attemptId: attempt_id, runId: run_id, stepId: step_id, constraints: _, ...same } = f;
  assert.deepEqual({ ...same, attempt_id, run_id, step_id }, wanted);
}

function intake({ in: i, want }: Vector): void {
  const load: Load = {
    draining: i.draining ?? false, capacity: i.capacity, active: i.active ?? 0,
    unacknowledged: i.unacknowledged ?? 0, unacknowledgedBytes: i.unacknowledged_bytes ?? 0,
  };
  assert.equal(refusal(load, i.topic_known) ?? "", want.reason ?? "");
}

/** A clock that the test moves. */
class TestClock implements Clock {
  #now = 0;
  #due: { at: number; call: () => void }[] = [];

  now = (): number => this.#now;

  after = (ms: number, call: () => void): (() => void) => {
    const timer = { at: this.#now + ms, call };
    this.#due.push(timer);
    return () => (this.#due = this.#due.filter((d) => d !== timer));
  };

  /** Goes on to a time, calling what is due by then. */
  to(at: number): void {
    for (;;) {
      const next = this.#due.filter((d) => d.at <= at).sort((a, b) => a.at - b.at)[0];
      if (next === undefined) break;
      this.#due = this.#due.filter((d) => d !== next);
      this.#now = next.at;
      next.call();
    }
    this.#now = at;
  }
}

function progress({ in: i, want }: Vector): void {
  const clock = new TestClock();
  const sent: Fields[] = [];
  const p = new Progress(clock, ({ percent, message, state }) => {
    sent.push({ at_ms: clock.now(), percent, message, ...(state && { state: JSON.parse(text(state)) }) });
  });
  const job = new Job(fieldsOf(create(JobRequestSchema)), new AbortController().signal, {
    progress: (percent, message, state) => p.say(percent, message, state),
    prove() {}, use() {}, log() {}, redact() {}, state: new Uint8Array(),
  } satisfies Voice);
  for (const { at_ms, say, end, ...more } of i.events as Fields[]) {
    assert.deepEqual(more, {});
    clock.to(at_ms);
    if (end) p.end();
    else job.progress(say.percent ?? 0, say.message, say.state);
  }
  assert.deepEqual(sent, (want.sent ?? []).map((s: Fields) => ({ percent: 0, message: "", ...s })));
}

function logs({ in: i, want }: Vector): void {
  const clock = new TestClock();
  const sent: Fields[] = [];
  const l = new Logs(clock, i.log_lines ?? 0, new Redactor(i.redact ?? []), ({ first, dropped, lines }) => {
    sent.push({ at_ms: clock.now(), first, dropped, lines: lines.map((x) => [x.stream, x.text]) });
  });
  for (const { at_ms, stream, text: said, times = 1, end, ...more } of i.events as Fields[]) {
    assert.deepEqual(more, {});
    clock.to(at_ms);
    if (end) l.end();
    else for (let n = 0; n < times; n++) l.write(stream, said);
  }
  if (want.sent_lines !== undefined) {
    assert.equal(sent.reduce((n, s) => n + s.lines.length, 0), want.sent_lines);
    return assert.equal(sent.at(-1)?.dropped ?? 0, want.dropped ?? 0);
  }
  assert.deepEqual(sent, (want.sent ?? []).map((s: Fields) => ({ dropped: 0, ...s })));
}
