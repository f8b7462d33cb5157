// The README's programs run as they are written, and what is generated is up to date.

import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import assert from "node:assert/strict";
import { version } from "../dist/version.js";
import { atEnd, patience } from "./engine.js";
import { Cordum } from "./server.js";

const programs = [...readFileSync("README.md", "utf8").matchAll(/^```js\n(.*?)^```/gms)].map((m) => m[1]!);

test("the README's worker serves the README's client, and ends when told", async (t) => {
  assert.equal(programs.length, 2);
  const lines = programs[0]!.trim().split("\n").filter((l) => l !== "");
  assert.ok(lines.length <= 10, `the worker has ${lines.length} lines`);
  const folder = mkdtempSync(join(".build", "readme-"));
  atEnd(t, () => rmSync(folder, { recursive: true }));
  const server = await Cordum.start(t);
  const start = (name: string, program: string) => {
    const file = join(folder, name);
    writeFileSync(file, program);
    const child = spawn(process.execPath, [file], {
      env: { ...process.env, CORDUM_NATS_URL: server.nats, CORDUM_URL: server.url }, stdio: ["ignore", "pipe", "inherit"], timeout: patience,
    });
    let out = "";
    child.stdout.on("data", (d: Buffer) => (out += d.toString()));
    const ended = new Promise<[code: number | null, out: string]>((done) => child.once("close", (code) => done([code, out])));
    atEnd(t, async () => {
      child.kill("SIGKILL");
      await ended;
    });
    return { child, ended };
  };
  const worker = start("worker.mjs", programs[0]!);
  const client = start("client.mjs", programs[1]!);
  assert.deepEqual(await client.ended, [0, "succeeded { text: 'hello world' }\n"]);
  worker.child.kill("SIGTERM");
  assert.deepEqual(await worker.ended, [0, ""]);
});

test("the version is package.json's", () => {
  assert.equal(version, (JSON.parse(readFileSync("package.json", "utf8")) as { version: string }).version);
});
