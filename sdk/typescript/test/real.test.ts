// Worker and client against the real server.

import { test } from "node:test";
import assert from "node:assert/strict";
import { Retryable, Worker } from "@cordum/worker";
import { ApiError, createClient } from "@cordum/worker/client";
import { atEnd, gate, soon } from "./engine.js";
import { Cordum } from "./server.js";

interface Table { table: string }

/** Runs a worker until the test is over. */
function run(t: Parameters<typeof atEnd>[0], w: Worker): void {
  const stop = new AbortController();
  const ended = w.run(stop.signal);
  atEnd(t, async () => {
    stop.abort();
    await ended;
  });
}

test("a workflow, a job, a failure and a cancel", async (t) => {
  const server = await Cordum.start(t);
  const client = createClient({ url: server.url });
  const worker = new Worker({ url: server.nats, id: "ts1", pool: "demo", capacity: 8 });
  worker.tool("db.postgres", "backup", async (job, input: Table) => {
    job.progress(50, "half", { table: input.table });
    job.log.info("copied", { table: input.table });
    if (job.attempt === 1) throw new Retryable("busy", "the database is busy");
    return { copied: input.table, state: job.lastState() };
  });
  const begun = gate();
  worker.tool("demo", "wait", async (job) => {
    begun.open();
    await new Promise((_, reject) => job.signal.addEventListener("abort", () => reject(job.signal.reason as Error)));
  });
  run(t, worker);

  const { error, response } = await client.api.POST("/api/v1/workflows", {
    body: {
      id: "copy",
      steps: [{ id: "backup", pack: "db.postgres", tool: "backup", input: { table: "${input.table}" }, retry: { max_attempts: 3 } }],
      output: { copied: "${steps.backup.output.copied}" },
    } as never,
  });
  assert.ok(response.ok, JSON.stringify(error));
  const id = await client.startRun("copy", { table: "users" }, { idempotencyKey: "k1", labels: { team: "a" } });
  assert.equal(await client.startRun("copy", { table: "users" }, { idempotencyKey: "k1", labels: { team: "a" } }), id);
  const ended = await soon(client.waitRun(id));
  assert.equal(ended.state, "succeeded", JSON.stringify(ended));
  assert.deepEqual(ended.output, { copied: "users" });
  assert.deepEqual(ended.steps?.[0]?.output, { copied: "users", state: { table: "users" } });

  const job = await client.submitJob({ pack: "db.postgres", tool: "backup", input: { table: "orders" }, max_attempts: 2 });
  assert.equal((await soon(client.waitRun(job.run_id))).state, "succeeded");
  assert.deepEqual((await client.job(job.job_id)).output, { copied: "orders", state: { table: "orders" } });

  const waiting = await client.submitJob({ topic: "job.demo.wait" });
  await soon(begun.opened);
  assert.ok((await client.api.POST("/api/v1/jobs/{id}/cancel", { params: { path: { id: waiting.job_id } }, body: {} as never })).response.ok);
  assert.equal((await soon(client.waitRun(waiting.run_id))).state, "cancelled");

  await assert.rejects(client.startRun("none"), (e) => e instanceof ApiError && e.status === 404 && e.code !== "" && e.message !== "");
});

test("the server is killed while a tool runs: the result arrives, once", async (t) => {
  const server = await Cordum.start(t);
  const client = createClient({ url: server.url });
  const begun = gate(), release = gate();
  let calls = 0;
  const worker = new Worker({ url: server.nats, id: "ts2", capacity: 2 });
  worker.tool("demo", "slow", async () => {
    calls++;
    begun.open();
    await release.opened;
    return "done";
  });
  run(t, worker);
  const job = await client.submitJob({ topic: "job.demo.slow" });
  await soon(begun.opened);
  const waiting = client.waitRun(job.run_id);
  await server.kill();
  release.open();
  await server.start();
  assert.equal((await soon(waiting)).state, "succeeded");
  assert.equal((await client.job(job.job_id)).output, "done");
  assert.equal(calls, 1);
});

test("an approval is decided", async (t) => {
  const server = await Cordum.start(t);
  const client = createClient({ url: server.url });
  const made = await client.api.POST("/api/v1/workflows", { body: { id: "ask", steps: [{ id: "go", type: "approval", approvers: ["role:admin"] }] } as never });
  assert.ok(made.response.ok, JSON.stringify(made.error));
  const id = await client.startRun("ask");
  let approval: string | undefined;
  for (const deadline = performance.now() + 10_000; approval === undefined; ) {
    assert.ok(performance.now() < deadline, "no approval came");
    const { data } = await client.api.GET("/api/v1/approvals", { params: { query: { state: "waiting" } } });
    approval = data?.items?.find((a) => a.run_id === id)?.id;
  }
  assert.equal((await client.decide(approval, { decision: "approve", comment: "fine" }, { reason: "test" })).state, "approved");
  assert.equal((await soon(client.waitRun(id))).state, "succeeded");
});
