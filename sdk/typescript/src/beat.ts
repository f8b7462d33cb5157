// What a worker says of itself.

import { cpus, freemem, totalmem } from "node:os";
import type { Config } from "./config.js";
import type { Holdings } from "./holdings.js";
import { leastMeasured } from "./limits.js";
import type { Payload } from "./packet.js";
import { protocolVersion } from "./subjects.js";
import { ComponentRole } from "./wire/cordum_pb.js";
import { version } from "./version.js";

/** Tells how busy the machine's processors are. */
export class CpuMeter {
  #busy = 0;
  #all = 0; // as of the last reading that counted, in milliseconds since the start
  #said = 0; // by it

  /** The share of time since an earlier call in which they worked, in percent; 0 until there is one. */
  load(): number {
    let busy = 0;
    let all = 0;
    for (const { times } of cpus()) {
      const worked = times.user + times.nice + times.sys + times.irq;
      busy += worked;
      all += worked + times.idle;
    }
    return this.note(busy, all);
  }

  /** Takes a reading, in milliseconds since the start. */
  note(busy: number, all: number): number {
    const passed = all - this.#all;
    if (this.#all > 0 && passed >= 0 && passed < leastMeasured) return this.#said;
    this.#said = this.#all > 0 && passed > 0 ? percent((busy - this.#busy) / passed) : 0;
    this.#busy = busy;
    this.#all = all;
    return this.#said;
  }
}

/** What the worker is and what it has: also finished work whose result is not acknowledged, for nobody should repeat it. */
export function heartbeat(
  config: Config,
  topics: readonly string[],
  holdings: Holdings,
  incarnation: string,
  cpuLoad: number,
  leaving: boolean,
): Payload {
  return {
    case: "heartbeat",
    value: {
      workerId: config.id,
      cpuLoad,
      memoryLoad: percent(1 - freemem() / totalmem()),
      activeJobs: holdings.active,
      capabilities: [...config.capabilities],
      pool: config.pool,
      maxParallelJobs: config.capacity,
      labels: { ...config.labels },
      direct: true,
      topics: [...topics].sort(),
      jobs: holdings.all().map(({ request: { jobId, token } }) => ({ jobId, token })),
      listsJobs: true,
      draining: holdings.draining,
      incarnation,
      leaving,
    },
  };
}

/** Which topics the worker is ready for. */
export function handshake(id: string, topics: readonly string[]): Payload {
  return {
    case: "handshake",
    value: {
      componentId: id,
      role: ComponentRole.WORKER,
      supportedVersions: [protocolVersion],
      capabilities: { direct: true, progress: true, logs: true, cancel: true },
      sdkVersion: `cordum-typescript/${version}`,
      readyTopics: [...topics].sort(),
    },
  };
}

const percent = (part: number): number => Math.round(Math.min(Math.max(part, 0), 1) * 100);
