// The real server, as a process of its own on free ports.

import { spawn, type ChildProcess } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import type { TestContext } from "node:test";
import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { atEnd, patience } from "./engine.js";

const binary = resolve(process.env.CORDUM_BIN ?? "../../bin/cordum");

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  const { port } = server.address() as AddressInfo;
  await new Promise((done) => server.close(done));
  return port;
}

export class Cordum {
  readonly url: string;
  readonly nats: string;
  readonly #args: string[];
  #process: ChildProcess | undefined;
  #log = "";

  private constructor(http: number, nats: number, folder: string) {
    this.url = `http://127.0.0.1:${http}`;
    this.nats = `nats://127.0.0.1:${nats}`;
    this.#args = ["serve", "--dev", "--addr", `127.0.0.1:${http}`, "--nats-addr", `127.0.0.1:${nats}`, "--data-dir", join(folder, "data")];
  }

  /** Starts a server that ends with the test. */
  static async start(t: TestContext): Promise<Cordum> {
    const folder = mkdtempSync(join(tmpdir(), "cordum-typescript-"));
    atEnd(t, () => rmSync(folder, { recursive: true, force: true }));
    const server = new Cordum(await freePort(), await freePort(), folder);
    atEnd(t, () => server.kill());
    await server.start();
    return server;
  }

  /** Starts it, also again where it was, and waits until it takes work. */
  async start(): Promise<void> {
    const child = spawn(binary, this.#args, { stdio: ["ignore", "pipe", "pipe"] });
    this.#process = child;
    let failed: Error | undefined;
    child.on("error", (e) => (failed = e));
    for (const out of [child.stdout, child.stderr]) out.on("data", (d: Buffer) => (this.#log = (this.#log + d.toString()).slice(-8000)));
    for (const deadline = performance.now() + patience; ; await sleep(20)) {
      if (failed !== undefined) throw failed;
      const res = await fetch(`${this.url}/readyz`).catch(() => undefined);
      await res?.body?.cancel();
      if (res?.ok) return;
      assert.ok(child.exitCode === null && performance.now() < deadline, `the server does not come up:\n${this.#log}`);
    }
  }

  /** Ends it as a crash would. */
  async kill(): Promise<void> {
    const child = this.#process;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const gone = new Promise((done) => child.once("exit", done));
    child.kill("SIGKILL");
    await gone;
  }
}
