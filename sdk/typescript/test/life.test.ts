import { test } from "node:test";
import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { connect } from "@nats-io/transport-node";
import { Cancelled, DrainTimeout, jobForTest, Stopped, TimedOut, Worker, type Job, type WorkerOptions } from "@cordum/worker";
import { CpuMeter } from "../dist/beat.js";
import { AckCode, ComponentRole, JobStatus } from "../dist/wire/cordum_pb.js";
import { atEnd, echo, gate, job, newEngine, script, soon, startWorker, text } from "./engine.js";
import { Nats } from "./nats.js";

/** Waits until a job's signal aborts, and gives up because of it. */
const untilStopped = (j: Job) => sleep(60_000, undefined, { signal: j.signal });

test("cancel", async (t) => {
  const e = await newEngine(t);
  const begun = [gate(), gate()];
  const reasons: unknown[] = [];
  await startWorker(t, e, echo(async (j) => {
    j.signal.addEventListener("abort", () => reasons.push(j.signal.reason));
    begun[Number(j.id) - 1]!.open();
    await untilStopped(j);
  }));
  e.send(job("1"));
  await begun[0]!.opened;
  e.cancel("1", "of another attempt");
  e.cancel("11", "token of 1");
  e.cancel("1", "token of 1", "not needed", "user:ann");
  const r = await e.results.take();
  assert.deepEqual([r.status, r.errorCode], [JobStatus.CANCELLED, "cancelled"]);
  const [why] = reasons;
  assert.ok(why instanceof Cancelled && why.reason === "not needed" && why.by === "user:ann");
  e.send(job("2"));
  await begun[1]!.opened;
  e.cancel("2"); // CAP's cancels know no token
  assert.equal((await e.result("2")).status, JobStatus.CANCELLED);
});

test("a cancel that comes too late, before leave, and before its job", async (t) => {
  const e = await newEngine(t);
  const begun: Record<string, ReturnType<typeof gate<void>>> = { late: gate(), failed: gate() };
  await startWorker(t, e, echo(async (j) => {
    begun[j.id]?.open();
    assert.ok(j.id in begun || j.id === "3", `${j.id} ran`);
    if (j.id === "3") return;
    await untilStopped(j).catch(() => {});
    if (j.id === "failed") throw new Error("half done");
  }));
  for (const [id, status] of [["late", JobStatus.SUCCEEDED], ["failed", JobStatus.FAILED]] as const) {
    e.send(job(id));
    await begun[id]!.opened;
    e.cancel(id);
    assert.equal((await e.result(id)).status, status);
  }
  e.reply = (p) => (p.payload.case === "jobBegin" ? AckCode.RETRY : AckCode.OK);
  e.send(job("leave", { askBegin: true }));
  await e.begins.take();
  e.cancel("leave");
  assert.equal((await e.result("leave")).status, JobStatus.CANCELLED);
  e.reply = script();
  e.cancel("1", "token of 1");
  e.cancel("2");
  e.cancel("3", "of another attempt");
  await e.conn.flush();
  await e.idle(); // cancels are taken in order, before the beat
  for (const [id, status] of [["1", JobStatus.CANCELLED], ["2", JobStatus.CANCELLED], ["3", JobStatus.SUCCEEDED]] as const) {
    e.send(job(id));
    const r = await e.result(id);
    assert.deepEqual([r.jobId, r.status], [id, status]);
  }
});

test("the attempt's timeout", async (t) => {
  const e = await newEngine(t);
  await startWorker(t, e, echo(async (j) => {
    await untilStopped(j).catch(() => {});
    assert.ok(j.signal.reason instanceof TimedOut);
    throw new Error("stopped", { cause: j.signal.reason });
  }));
  e.send(job("1", { timeoutMs: 20n }));
  const r = await e.result("1");
  assert.deepEqual([r.status, r.errorCode], [JobStatus.TIMEOUT, "timeout"]);
  assert.ok(r.executionMs >= 20n);
});

test("what ran into its limit took no less", async (t) => {
  const e = await newEngine(t);
  await startWorker(t, e, echo(untilStopped));
  const onTime = globalThis.setTimeout;
  const early = (call: () => void, ms = 0) => onTime(call, ms / 2); // a timer has a clock of its own
  t.mock.method(globalThis, "setTimeout", early as typeof setTimeout);
  e.send(job("1", { timeoutMs: 200n }));
  const r = await e.result("1");
  assert.equal(r.status, JobStatus.TIMEOUT);
  assert.ok(r.executionMs >= 200n, `it took ${r.executionMs} ms`);
});

test("progress is capped, the last one wins, and a checkpoint reaches the next attempt", async (t) => {
  const e = await newEngine(t);
  await startWorker(t, e, echo((j) => {
    if (j.id === "2") return assert.deepEqual(j.lastState<{ row: number }>(), { row: 7 });
    assert.equal(j.lastState(), undefined);
    j.progress(0, "begin", { row: 1 });
    for (let i = 0; i < 5000; i++) j.progress(i / 100, "copying");
    assert.throws(() => j.progress(1, "", "x".repeat(64 << 10)), RangeError);
    assert.throws(() => j.progress(1, "", () => {}), TypeError);
    j.progress(250, "done \ud800", { row: 2 });
    return undefined;
  }));
  e.send(job("1", { stepId: "s" }));
  assert.equal((await e.result("1")).status, JobStatus.SUCCEEDED);
  assert.ok(e.progress.all.length < 20, `${e.progress.all.length} messages`);
  const first = e.progress.all[0]!, last = e.progress.all.at(-1)!;
  assert.deepEqual([first.message, text(first.state), first.stepId], ["begin", `{"row":1}`, "s"]);
  assert.deepEqual([last.percent, last.message, text(last.state)], [100, "done \ufffd", `{"row":2}`]);
  e.send(job("2", { progressState: Buffer.from(`{"row":7}`) }));
  assert.equal((await e.result("2")).status, JobStatus.SUCCEEDED);
});

test("lines of a job", async (t) => {
  const e = await newEngine(t);
  await startWorker(t, e, echo(async (j) => {
    j.redact("found on the way");
    j.log.info("copied", { rows: 3, password: "hunter2", key: "found on the way" });
    const out = j.output("stderr");
    for (const part of ["one\ntw", "o\n", "thr", Buffer.from("ü").subarray(0, 1), Buffer.from("ü").subarray(1)]) out.write(part);
    await new Promise<void>((done) => out.end(done));
  }), { redact: ["hunter2"] });
  e.send(job("1", { logLines: 100 }));
  await e.result("1");
  const [packet] = e.logs.all;
  assert.deepEqual([packet!.jobId, text(packet!.token), packet!.first, packet!.dropped], ["1", "token of 1", 1n, 0n]);
  assert.deepEqual(packet!.lines.map((l) => [l.stream, l.text]), [
    ["info", `copied {"rows":3,"password":"[redacted]","key":"[redacted]"}`], ["stderr", "one"], ["stderr", "two"], ["stderr", "thrü"],
  ]);
  assert.ok(Math.abs(Number(packet!.lines[0]!.atMs) - Date.now()) < 60_000);
});

test("heartbeats and the handshake", async (t) => {
  const e = await newEngine(t);
  const stop = new AbortController();
  const w = new Worker({ url: e.nats.url, id: "w1", pool: "gpu", capacity: 3, capabilities: ["cuda"], labels: { zone: "a" }, heartbeatMs: 20 });
  echo()(w);
  w.serve("job.demo.also", () => null);
  const ended = w.run(stop.signal);
  const b = await e.beats.take();
  const again = await e.beats.take(); // the second comes by itself
  const h = await e.handshakes.take();
  stop.abort();
  await ended;
  assert.ok(b.incarnation !== "" && b.incarnation === again.incarnation);
  assert.ok(b.cpuLoad >= 0 && b.cpuLoad <= 100 && b.memoryLoad > 0 && b.memoryLoad <= 100);
  const { workerId, capabilities, pool, maxParallelJobs, labels, direct, topics, listsJobs, draining, leaving } = b;
  assert.deepEqual({ workerId, capabilities, pool, maxParallelJobs, labels, direct, topics, listsJobs, draining, leaving }, {
    workerId: "w1", capabilities: ["cuda"], pool: "gpu", maxParallelJobs: 3, labels: { zone: "a" }, direct: true,
    topics: ["job.demo.also", "job.demo.echo"], listsJobs: true, draining: false, leaving: false,
  });
  assert.deepEqual([h.componentId, h.role, h.supportedVersions, h.readyTopics], ["w1", ComponentRole.WORKER, [1], ["job.demo.also", "job.demo.echo"]]);
  const last = await e.beatThat((x) => x.leaving);
  assert.ok(last.draining && last.jobs.length === 0);
});

test("the load is the true one, and of two heartbeats right after each other the second says what the first said", () => {
  const cpu = new CpuMeter();
  const readings: [busy: number, all: number][] = [[5_000, 10_000], [5_100, 10_100], [5_500, 12_000], [5_530, 12_030], [7_500, 14_000], [7_000, 15_000]];
  assert.deepEqual(readings.map(([busy, all]) => cpu.note(busy, all)), [0, 0, 25, 25, 100, 0]);
});

test("a worker waits for its server, and stops waiting when told", async (t) => {
  const first = await Nats.start();
  const { url, port } = first;
  await first.close();
  const stop = new AbortController();
  const run = (signal: AbortSignal) => {
    const w = new Worker({ url, id: "w1" });
    echo()(w);
    return w.run(signal);
  };
  const never = run(AbortSignal.timeout(50));
  await soon(never);
  const ended = run(stop.signal);
  const nats = await Nats.start({ port });
  atEnd(t, () => nats.close());
  const e = await newEngine(t, nats);
  await e.beatThat((b) => b.workerId === "w1");
  e.send(job("1"));
  await e.result("1");
  stop.abort();
  await soon(ended);
});

test("the server starts again while a tool runs", async (t) => {
  const nats = await Nats.start();
  const { port } = nats;
  const e = await newEngine(t, nats);
  const begun = gate(), release = gate(), lost = gate();
  await startWorker(t, e, echo((j) => {
    j.log.info("before");
    begun.open();
    return release.opened;
  }), { logger: { info() {}, error() {}, warn: (m) => m === "connection lost" && lost.open() } });
  e.send(job("1", { logLines: 10 }));
  e.send(job("2", { answerSubject: "" }));
  await begun.opened;
  await e.beatThat((b) => b.jobs.length === 2);
  await nats.close();
  await lost.opened;
  release.open(); // both tools return without a connection
  const back = await Nats.start({ port });
  back.refuses = (name) => name === "cordum worker w1"; // the engine is there first: what nobody acknowledges is not sent twice
  atEnd(t, () => back.close());
  const next = await newEngine(t, back);
  next.reply = script(AckCode.RETRY);
  await next.conn.flush();
  back.refuses = () => false;
  const ids = new Set<string>();
  while (ids.size < 2) ids.add((await next.results.take()).jobId);
  await next.idle();
  assert.equal(next.logs.all[0]?.lines[0]?.text, "before");
  next.send(job("3"));
  while ((await next.results.take()).jobId !== "3"); // the first may have been sent twice
  await next.idle();
});

test("the engine starts again: results wait, are listed, and arrive", async (t) => {
  const e = await newEngine(t);
  const release = gate();
  await startWorker(t, e, echo(() => release.opened));
  e.send(job("1"));
  e.send(job("2"));
  await e.beatThat((b) => b.jobs.length === 2);
  await e.conn.close();
  release.open();
  const next = await newEngine(t, e.nats);
  next.reply = () => AckCode.RETRY;
  const b = await next.beatThat((x) => x.jobs.length === 2 && x.activeJobs === 0);
  assert.deepEqual(b.jobs.map((j) => `${j.jobId} ${text(j.token)}`).sort(), ["1 token of 1", "2 token of 2"]);
  next.reply = script();
  const ids = new Set<string>();
  while (ids.size < 2) ids.add((await next.results.take()).jobId);
  await next.idle();
});

test("a credential of its own, and one that is wrong at first", async (t) => {
  const nats = await Nats.start({ user: "w1", password: "cordumw_w1_secret" });
  atEnd(t, () => nats.close());
  const warnings: [string, unknown][] = [];
  const address = nats.url.replace("://", "://somebody:s3cret@"); // a credential goes before it
  const logger = { info() {}, warn: (m: string, of: { url?: string }) => warnings.push([m, of.url]), error() {} };
  const wrong = new Worker({ url: address, id: "w1", credential: "cordumw_w1_wrong", logger });
  echo()(wrong);
  await wrong.run(AbortSignal.timeout(400));
  assert.deepEqual(warnings, [["cannot connect, trying on", nats.url]]); // once, not at every try
  const ended = gate();
  const right = new Worker({ url: nats.url, id: "w1", credential: "cordumw_w1_secret" });
  right.tool("demo", "echo", () => null);
  const conn = await connect({ servers: nats.url, user: "w1", pass: "cordumw_w1_secret" });
  atEnd(t, () => conn.close());
  conn.subscribe("sys.heartbeat.w1", { callback: () => ended.open() });
  await conn.flush();
  const stop = new AbortController();
  const run = right.run(stop.signal);
  await soon(ended.opened);
  stop.abort();
  await run;
});

test("a connection of its owner is used and not closed; when it is closed the worker ends", async (t) => {
  const e = await newEngine(t);
  const conn = await connect({ servers: e.nats.url });
  const first = await startWorker(t, e, echo(), { conn });
  e.send(job("1"));
  await e.result("1");
  first.stop();
  assert.equal(await soon(first.ended), undefined);
  assert.ok(!conn.isClosed());
  const second = await startWorker(t, e, echo(), { conn });
  await conn.close();
  assert.match(String(await soon(second.ended)), /closed/);
});

test("draining: what runs is finished, what comes is given back, results are sent until acknowledged", async (t) => {
  const e = await newEngine(t);
  const begun = gate(), release = gate();
  const w = await startWorker(t, e, echo(async (j) => {
    begun.open();
    await release.opened;
    j.signal.throwIfAborted(); // draining does not end it
  }));
  e.send(job("1"));
  await begun.opened;
  w.stop();
  await e.beatThat((b) => b.draining);
  e.send(job("2"));
  const r = await e.returns.take();
  assert.deepEqual([r.jobId, r.reason], ["2", "draining"]);
  e.reply = script(0, AckCode.RETRY, AckCode.OK);
  release.open();
  for (let n = 0; n < 3; n++) assert.equal((await e.results.take()).status, JobStatus.SUCCEEDED);
  assert.equal(await soon(w.ended), undefined);
  await e.beatThat((b) => b.leaving);
});

test("leave that comes while draining is used", async (t) => {
  const e = await newEngine(t);
  const w = await startWorker(t, e, echo());
  e.reply = () => AckCode.RETRY;
  e.send(job("1", { askBegin: true }));
  await e.begins.take();
  w.stop();
  await e.beatThat((b) => b.draining);
  e.reply = script();
  assert.equal((await e.results.take()).status, JobStatus.SUCCEEDED);
  assert.equal(await soon(w.ended), undefined);
});

test("the drain timeout: what has no leave is given back, tools are stopped, and what they say arrives", async (t) => {
  const e = await newEngine(t);
  const begun = gate();
  const w = await startWorker(t, e, echo(async (j) => {
    begun.open();
    await untilStopped(j).catch(() => {});
    assert.ok(j.signal.reason instanceof Stopped);
    throw j.signal.reason;
  }), { drainTimeoutMs: 20 });
  e.reply = (p) => (p.payload.case === "jobBegin" ? AckCode.RETRY : AckCode.OK);
  e.send(job("1"));
  e.send(job("2", { askBegin: true }));
  await begun.opened;
  await e.begins.take();
  w.stop();
  assert.equal((await e.returns.take()).reason, "draining");
  const r = await e.result("1");
  assert.deepEqual([r.status, r.errorCode], [JobStatus.FAILED_RETRYABLE, "worker_stopped"]);
  assert.equal(await soon(w.ended), undefined);
});

test("the drain timeout says what is left of a tool that never resolves", async (t) => {
  const e = await newEngine(t);
  const begun = gate();
  const w = await startWorker(t, e, echo(() => {
    begun.open();
    return new Promise(() => {});
  }), { drainTimeoutMs: 1 });
  e.send(job("1"));
  await begun.opened;
  w.stop();
  const left = await soon(w.ended);
  assert.ok(left instanceof DrainTimeout);
  assert.match(left.message, /1 tools/);
  assert.equal((await e.beatThat((b) => b.leaving)).jobs.length, 1);
});

test("mistakes are said", async () => {
  for (const [name, options] of Object.entries<WorkerOptions>({
    id: { id: "a.b" }, wildcard: { id: "*" }, empty: { id: "" }, line: { id: "a\n" }, capacity: { capacity: 0 }, part: { capacity: 1.5 },
    heartbeat: { heartbeatMs: 0 }, drain: { drainTimeoutMs: -1 }, "not well-formed": { pool: "\ud800" }, label: { labels: { a: "\ud800" } },
    key: { decisionKey: Buffer.alloc(31) }, credentials: { credential: "x", token: "y" },
  })) assert.throws(() => new Worker(options), Error, name);
  const w = new Worker();
  const tool = () => null;
  for (const [pack, name] of [["", "x"], ["a..b", "x"], ["a", "*"], ["a", "b c"], ["a", "\ud800"]] as const) assert.throws(() => w.tool(pack, name, tool));
  assert.throws(() => w.serve("demo.echo", tool), /no topic/);
  await assert.rejects(new Worker().run(AbortSignal.abort()), /no tools/);
  w.tool("a", "b", tool);
  assert.throws(() => w.tool("a", "b", tool), /two tools/);
  await w.run(AbortSignal.abort());
  await assert.rejects(w.run(AbortSignal.abort()), /once/);
  assert.throws(() => w.tool("a", "c", tool), /before run/);
});

test("a job for tests of tools", () => {
  const j = jobForTest({ id: "7", constraints: [{ type: "MaxTimeout", value: 3 }], state: { row: 1 } });
  assert.deepEqual([j.id, j.key, j.constraint("MaxTimeout")?.max(), j.lastState()], ["7", "7", 3, { row: 1 }]);
  j.progress(1, "x", {});
  j.prove("MaxTimeout", 1);
  j.used("tokens", 1);
  j.redact("secret");
  j.log.info("x");
  assert.throws(() => jobForTest({ constraints: [{ type: 5 }] }));
});
