import { test } from "node:test";
import assert from "node:assert/strict";
import { Fatal, type Job } from "@cordum/worker";
import { maxOutput } from "../dist/limits.js";
import { AckCode, JobStatus } from "../dist/wire/cordum_pb.js";
import { atEnd, echo, gate, job, newEngine, script, startWorker, text } from "./engine.js";
import { Nats } from "./nats.js";

const silence = 0;
const { OK: ok, STALE: stale, RETRY: retry, INVALID: invalid } = AckCode;

test("a job reaches its tool", async (t) => {
  const e = await newEngine(t);
  const seen: Job[] = [];
  await startWorker(t, e, echo((j) => seen.push(j)));
  e.send(job("07RUN.step~0@2", { attempt: 2, runId: "07RUN", stepId: "step", locks: [{ name: "db", fencingToken: 7n }] }));
  const r = await e.result("07RUN.step~0@2");
  assert.equal(r.status, JobStatus.SUCCEEDED);
  assert.equal(text(r.output), `{"text":"hello"}`);
  assert.deepEqual([r.jobId, text(r.token), r.workerId], ["07RUN.step~0@2", "token of 07RUN.step~0@2", "w1"]);
  assert.equal(seen[0]?.id, "07RUN.step~0");
  assert.equal(seen[0]?.lock("db")?.fencingToken, 7n);
  assert.equal(seen[0]?.lock("other"), undefined);
});

test("a job comes by topic, with and without an answer subject", async (t) => {
  const e = await newEngine(t);
  await startWorker(t, e, echo());
  e.send(job("1"), "job.demo.echo");
  assert.equal((await e.result("1")).jobId, "1");
  e.send(job("2", { answerSubject: "" }), "job.demo.echo");
  assert.equal((await e.result("2")).jobId, "2");
  await e.idle();
});

test("outputs", async (t) => {
  const e = await newEngine(t);
  const loop: Record<string, unknown> = {};
  loop.self = loop;
  const cases: Record<string, [unknown, string, string]> = {
    nothing: [undefined, "null", ""],
    null: [null, "null", ""],
    "a text": ["x", `"x"`, ""],
    "a function": [() => 1, "", "invalid_output"],
    "a bigint": [1n, "", "invalid_output"],
    "a loop": [loop, "", "invalid_output"],
    "as its toJSON says": [{ toJSON: () => [1] }, "[1]", ""],
    "a toJSON that throws": [{ toJSON() { throw new Error("no"); } }, "", "invalid_output"],
  };
  await startWorker(t, e, (w) => void w.tool("demo", "echo", (j) => cases[j.id]![0]));
  for (const [id, [, output, code]] of Object.entries(cases)) {
    e.send(job(id));
    const r = await e.result(id);
    assert.deepEqual([text(r.output), r.errorCode], [output, code], id);
  }
});

test("an output at the limit, and above it", async (t) => {
  const e = await newEngine(t);
  await startWorker(t, e, (w) => void w.tool("demo", "echo", (j) => "x".repeat(maxOutput - 2 + (j.id === "2" ? 1 : 0))));
  e.send(job("1"));
  assert.equal((await e.result("1")).output.length, maxOutput);
  e.send(job("2"));
  const r = await e.result("2");
  assert.deepEqual([r.status, r.errorCode, r.output.length], [JobStatus.FAILED_FATAL, "output_too_large", 0]);
  await e.idle();
});

test("a server with smaller messages", async (t) => {
  const nats = await Nats.start({ maxPayload: 64 << 10 });
  atEnd(t, () => nats.close());
  const e = await newEngine(t, nats);
  await startWorker(t, e, (w) => void w.tool("demo", "echo", () => "x".repeat(64 << 10)));
  for (const answerSubject of [job("").answerSubject, ""]) {
    e.send(job("1" + answerSubject, { answerSubject }));
    assert.equal((await e.result("1" + answerSubject)).errorCode, "output_too_large");
  }
});

test("a wrong input names the field, not the value", async (t) => {
  const e = await newEngine(t);
  const parse = (input: unknown): { text: string } => {
    const { text } = input as { text: unknown };
    if (typeof text === "string") return { text };
    throw Object.assign(new Error("expected a string, got hunter2"), { issues: [{ path: ["text", 0] }, null, {}] });
  };
  let calls = 0;
  await startWorker(t, e, (w) => void w.tool("demo", "echo", () => void calls++, { parse }));
  for (const [id, input] of Object.entries({ 1: `{"text":{"password":"hunter2"}}`, 2: `{"text":"hunter2`, 3: `"hunter2"`, 4: `{"text":"\xff"}` })) {
    e.send(job(id, { input: Buffer.from(input, "latin1") }));
    const r = await e.result(id);
    assert.deepEqual([r.status, r.errorCode], [JobStatus.FAILED_FATAL, "invalid_input"], input);
    assert.doesNotMatch(r.errorMessage, /hunter2/);
    if (id === "1") assert.match(r.errorMessage, /"text\.0"/);
  }
  assert.equal(calls, 0);
});

test("an attempt runs once, whenever it comes again", async (t) => {
  const e = await newEngine(t);
  let calls = 0;
  const begun = gate(), release = gate();
  await startWorker(t, e, echo(() => {
    calls++;
    begun.open();
    return release.opened;
  }));
  e.reply = () => silence;
  const again = () => e.send(job("1", { askAccept: true }));
  again();
  await begun.opened;
  await e.progress.take();
  again();
  await e.progress.take(); // it says again that it was taken
  release.open();
  await e.results.take();
  const sent = performance.now();
  again();
  await e.results.take();
  assert.ok(performance.now() - sent < 300, "the unacknowledged result was not sent again at once");
  e.reply = script();
  await e.results.take();
  await e.idle();
  again();
  e.send(job("2"));
  assert.equal((await e.result("2")).jobId, "2");
  assert.equal(calls, 2);
  e.send(job("1", { token: Buffer.from("another") }));
  assert.equal(text((await e.result("1")).token), "another");
});

test("a worker that gave back tells when it has room", async (t) => {
  const e = await newEngine(t);
  const release = gate();
  await startWorker(t, e, echo(() => release.opened), { capacity: 1, heartbeatMs: 3_600_000 });
  e.send(job("1"));
  e.send(job("2"));
  assert.equal((await e.returns.take()).reason, "full");
  e.beats.all.length = 0;
  release.open();
  assert.equal((await e.beats.take()).activeJobs, 0);
  await e.results.take();
  for (const id of ["3", "4"]) {
    e.send(job(id));
    await e.result(id);
  }
  assert.equal(e.beats.all.length, 0, "it beats for jobs that it took");
});

test("a full worker gives back, and a slot is free with the result", async (t) => {
  const e = await newEngine(t);
  const release = gate();
  await startWorker(t, e, echo(() => release.opened), { capacity: 2 });
  for (const id of ["1", "2", "3"]) e.send(job(id));
  const r = await e.returns.take();
  assert.deepEqual([r.jobId, r.reason, text(r.token), r.workerId], ["3", "full", "token of 3", "w1"]);
  release.open();
  await e.results.take();
  e.send(job("3")); // the same attempt: it did not begin
  await e.result("3");
  e.reply = () => silence;
  for (let i = 10; i < 110; i++) {
    e.send(job(String(i)));
    while ((await e.results.take()).jobId !== String(i)); // older ones are repeated
  }
  assert.equal(e.returns.all.length, 0);
  e.reply = script();
  await e.idle();
});

for (const [name, codes, runs] of [
  ["given", [ok], true], ["given later", [retry, retry, ok], true], ["asked again", [silence, ok], true],
  ["another's turn", [stale], false], ["later another's", [retry, silence, stale], false], ["refused", [invalid], false],
] as const) {
  test(`leave: ${name}`, async (t) => {
    const e = await newEngine(t);
    let calls = 0;
    await startWorker(t, e, echo(() => void calls++));
    e.reply = script(...codes);
    e.send(job("1", { askBegin: true }));
    for (const _ of codes) {
      const b = await e.begins.take();
      assert.deepEqual([b.jobId, text(b.token), b.workerId], ["1", "token of 1", "w1"]);
    }
    if (runs) await e.results.take();
    await e.idle();
    e.send(job("1", { askBegin: true })); // dropped or done: it does not come twice
    e.send(job("2"));
    assert.equal((await e.result("2")).jobId, "2");
    assert.equal(e.begins.all.length, 0);
    assert.equal(calls, runs ? 2 : 1);
  });
}

for (const [name, codes] of [["at once", [ok]], ["after silence", [silence, ok]], ["after refusal", [retry, retry, retry, ok]], ["stale", [stale]], ["invalid", [invalid]]] as const) {
  test(`a result is sent until acknowledged: ${name}`, async (t) => {
    const e = await newEngine(t);
    await startWorker(t, e, echo());
    e.reply = script(...codes);
    e.send(job("1"));
    for (const _ of codes) await e.result("1");
    await e.idle();
    assert.equal(e.results.all.length, 0);
  });
}

test("many at once, over an engine that loses and refuses", async (t) => {
  const e = await newEngine(t);
  const ran = new Set<string>();
  await startWorker(t, e, echo((j) => {
    assert.ok(!ran.has(j.attemptId), `${j.attemptId} ran twice`);
    ran.add(j.attemptId);
  }), { capacity: 4096 });
  let n = 0;
  e.reply = () => (++n % 11 === 0 ? silence : n % 5 === 0 ? retry : ok);
  for (let i = 0; i < 400; i++) {
    const r = job(String(i), { askBegin: i % 2 === 0 });
    e.send(r);
    if (i % 3 === 0) e.send(r);
  }
  const done = new Set<string>();
  while (done.size < 400) done.add((await e.results.take()).jobId);
  await e.idle();
});

test("the decision's constraints reach the tool, are proved and limit its time", async (t) => {
  const e = await newEngine(t);
  await startWorker(t, e, echo((j) => {
    assert.deepEqual(j.constraint("AllowedTools")?.list(), ["git"]);
    j.prove("AllowedTools", ["git"]);
    j.used("tokens", 7);
    return new Promise((_, reject) => j.signal.addEventListener("abort", () => reject(j.signal.reason as Error)));
  }));
  const constraints = (seconds: number) => Buffer.from(`[{"type":"AllowedTools","value":["git"],"prove":true},{"type":"MaxTimeout","value":${seconds}}]`);
  e.send(job("1", { constraints: constraints(0) }));
  const r = await e.result("1");
  assert.deepEqual([r.status, r.errorCode, text(r.usage), r.evidence.length], [JobStatus.TIMEOUT, "timeout", `{"tokens":7}`, 0]);
  e.send(job("2", { constraints: Buffer.from("{") }));
  assert.equal((await e.result("2")).errorCode, "invalid_constraints");
});

test("a decision that is not signed is refused", async (t) => {
  const e = await newEngine(t);
  await startWorker(t, e, echo(() => assert.fail("it was called")), { decisionKey: Buffer.alloc(32, 9) });
  e.send(job("1", { constraints: Buffer.from("[]") }));
  const r = await e.result("1");
  assert.deepEqual([r.status, r.errorCode], [JobStatus.FAILED_FATAL, "unsigned_decision"]);
});

test("what a tool throws", async (t) => {
  const e = await newEngine(t);
  const odd = { get message(): string { throw new Error("no"); } };
  const thrown: Record<string, [unknown, string, RegExp]> = {
    text: ["oh", "panic", /^oh$/],
    undefined: [undefined, "panic", /undefined/],
    null: [null, "panic", /null/],
    symbol: [Symbol("s"), "panic", /Symbol\(s\)/],
    object: [{ message: "m" }, "panic", /^m$/],
    "no text": [odd, "panic", /no text/],
    "no prototype": [Object.create(null), "panic", /no text/],
    "not well-formed": [new Fatal("a\ud800b", "c\ud800d"), "a\ufffdb", /^c\ufffdd$/],
    "its own timeout": [new DOMException("t", "TimeoutError"), "error", /^t$/],
    "a round": [(() => { const a = new Error("a"); a.cause = a; return a; })(), "error", /^a$/],
  };
  await startWorker(t, e, echo((j) => { throw thrown[j.id]![0]; }));
  for (const [id, [, code, message]] of Object.entries(thrown)) {
    e.send(job(id));
    const r = await e.result(id);
    assert.equal(r.errorCode, code, id);
    assert.match(r.errorMessage, message, id);
  }
});
