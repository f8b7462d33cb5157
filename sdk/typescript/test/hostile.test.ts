import { test } from "node:test";
import assert from "node:assert/strict";
import { create, toBinary } from "@bufbuild/protobuf";
import type { Payload } from "../dist/packet.js";
import { AckCode, BusPacketSchema, JobStatus } from "../dist/wire/cordum_pb.js";
import { echo, job, newEngine, script, startWorker } from "./engine.js";

test("packets that no engine sends", async (t) => {
  const e = await newEngine(t);
  await startWorker(t, e, echo());
  const packet = (payload?: Payload) => toBinary(BusPacketSchema, create(BusPacketSchema, payload ? { payload } : {}));
  const packets = [
    Buffer.alloc(0), Buffer.from([0xff]), Buffer.alloc(1 << 10, 0xff), Buffer.alloc(1 << 20, "x"), packet(),
    packet({ case: "jobRequest", value: {} }), packet({ case: "jobCancel", value: {} }), packet({ case: "ack", value: { code: 99 as AckCode } }),
    packet({ case: "heartbeat", value: { workerId: "w1" } }), packet({ case: "jobResult", value: { jobId: "1" } }),
    // a text that is not UTF-8, and groups within groups
    Buffer.from([0x52, 0x03, 0x0a, 0x01, 0xff]), Buffer.alloc(1 << 20, 0x0b),
  ];
  for (const p of packets) {
    for (const subject of ["worker.w1.jobs", "job.demo.echo", "sys.job.cancel", "cordum.jobs.ask"]) e.conn.publish(subject, p);
  }
  e.send(job("good"));
  assert.equal((await e.result("good")).jobId, "good");
  assert.equal(e.results.all.length + e.returns.all.length + e.begins.all.length + e.progress.all.length, 0, "it answered what nobody asked");
});

test("answers that are none", async (t) => {
  const e = await newEngine(t);
  await startWorker(t, e, echo());
  e.reply = script(99, AckCode.RETRY, AckCode.OK);
  e.send(job("1", { askBegin: true }));
  for (let n = 0; n < 3; n++) await e.begins.take();
  await e.results.take();
  await e.idle();
});

test("topics of somebody else are given back", async (t) => {
  const e = await newEngine(t);
  await startWorker(t, e, echo());
  for (const topic of ["", "job.demo", "job.demo.echo.more", "job.>", "job.demo.\n", "__proto__", "constructor"]) {
    e.send(job(`x${topic}`, { topic }));
    const r = await e.returns.take();
    assert.deepEqual([r.reason, r.jobId], ["unknown_topic", `x${topic}`]);
  }
});

test("a tool that writes a million lines", async (t) => {
  const e = await newEngine(t);
  await startWorker(t, e, echo((j) => {
    for (let n = 0; n < 1_000_000; n++) j.log.info("x");
    j.log.info("\n".repeat(10_000_000));
  }));
  const started = performance.now();
  e.send(job("1", { logLines: 100_000 }));
  await e.result("1");
  const took = performance.now() - started;
  const lines = e.logs.all.reduce((n, l) => n + l.lines.length, 0);
  assert.ok(lines >= 1000 && lines <= 1000 + took / 5 + 1, `${lines} lines in ${took} ms`);
  assert.equal(Number(e.logs.all.at(-1)!.dropped) + lines, 1_000_000 + 10_000_000);
});

test("a tool that blocks the event loop is warned of, and its result arrives", async (t) => {
  const e = await newEngine(t);
  const warnings: string[] = [];
  await startWorker(t, e, echo(() => {
    for (const until = performance.now() + 1200; performance.now() < until;);
  }), { heartbeatMs: 20, logger: { info() {}, warn: (m) => warnings.push(m), error() {} } });
  e.send(job("1"));
  assert.equal((await e.result("1")).status, JobStatus.SUCCEEDED);
  e.beats.all.length = 0;
  await e.beats.take();
  await e.beats.take();
  assert.ok(warnings.some((w) => w.includes("blocks the event loop")), String(warnings));
});

test("details that cannot be sent are left out", async (t) => {
  const e = await newEngine(t);
  const { ToolError } = await import("@cordum/worker");
  const details: Record<string, unknown> = { big: "x".repeat(70_000), loop: (() => { const a: unknown[] = []; a.push(a); return a; })(), fn: () => {} };
  await startWorker(t, e, echo((j) => { throw new ToolError("x", "boom", { details: details[j.id] }); }));
  for (const id of Object.keys(details)) {
    e.send(job(id));
    const r = await e.result(id);
    assert.deepEqual([r.errorCode, r.errorMessage, r.errorDetails.length], ["x", "boom", 0]);
  }
});
