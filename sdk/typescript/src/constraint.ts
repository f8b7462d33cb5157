// Conditions of the policy's decision under which a job runs, and the evidence that they held.

import { createPublicKey, verify, type KeyObject } from "node:crypto";
import { Fatal, codes } from "./errors.js";
import { maxProof, maxSeconds, maxUnits, proofOverhead } from "./limits.js";
import type { JobRequest } from "./wire/cordum_pb.js";

/**
 * A condition of the policy's decision. The engine keeps those that it can (timeouts, retries, concurrency, sizes of outputs,
 * rates, budgets); the others are the tool's to keep.
 */
export class Constraint {
  /** The word of the policy: EgressAllowlist, FsAllowlist, AllowedTools, DenyPaths, MaxDiffFiles, Sandbox … */
  readonly type: string;
  /** A number, a list of texts, or an object, as the policy has it; undefined where the type takes none. */
  readonly value: unknown;
  /** Says that the job fails without evidence that the constraint held: `job.prove` gives it. */
  readonly prove: boolean;

  constructor(type: string, value: unknown, prove: boolean) {
    this.type = type;
    this.value = value;
    this.prove = prove;
  }

  /** The value of a constraint that is a whole number: seconds, bytes or counts. */
  max(): number | undefined {
    return Number.isInteger(this.value) ? (this.value as number) : undefined;
  }

  /** The value of a constraint that is a list of texts; an empty allow-list allows nothing. */
  list(): string[] | undefined {
    const value = this.value;
    return Array.isArray(value) && value.every((x) => typeof x === "string") ? value : undefined;
  }
}

/** Reads what an attempt has to keep. What cannot be read is no permission. */
export function readConstraints(raw: Uint8Array): readonly Constraint[] {
  if (raw.length === 0) return [];
  let list: unknown;
  try {
    list = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(raw));
  } catch {
    throw unreadable("they are not JSON");
  }
  if (list === null) return [];
  if (!Array.isArray(list)) throw unreadable("they are not a list");
  return list.map(readConstraint);
}

function readConstraint(item: unknown): Constraint {
  if (typeof item !== "object" || item === null || Array.isArray(item)) throw unreadable("one of them is not an object");
  const { type = "", value, prove = false } = item as Record<string, unknown>;
  if (typeof type !== "string" || typeof prove !== "boolean") {
    throw unreadable("one of them has no type, or a \"prove\" that is not true or false");
  }
  return new Constraint(type, value, prove);
}

const unreadable = (why: string) => new Fatal(codes.invalidConstraints, `the constraints of the job cannot be read: ${why}`);

/** The shortest time that constraints allow, in milliseconds; undefined is without end. */
export function allowedTime(constraints: readonly Constraint[]): number | undefined {
  let allowed: number | undefined;
  for (const c of constraints) {
    const seconds = c.type === "MaxTimeout" ? c.max() : undefined;
    if (seconds === undefined || seconds > maxSeconds) continue;
    const ms = Math.max(seconds, 0) * 1000;
    allowed = Math.min(allowed ?? ms, ms);
  }
  return allowed;
}

/** What the server signs of a decision: each part with its length, so that none can move into another. */
export function decisionMessage(r: JobRequest): Uint8Array {
  const parts: Uint8Array[] = [Buffer.from("cordum decision v1\0")];
  for (const part of [r.jobId, r.tenantId, r.jobHash, r.decisionSnapshot, r.decisionRule, r.constraints]) {
    const bytes = typeof part === "string" ? Buffer.from(part) : part;
    const length = Buffer.alloc(8);
    length.writeBigUInt64LE(BigInt(bytes.length));
    parts.push(length, bytes);
  }
  return Buffer.concat(parts);
}

/** Makes a key of the 32 bytes of an Ed25519 public key. */
export function publicKey(raw: Uint8Array): KeyObject {
  return createPublicKey({ key: { kty: "OKP", crv: "Ed25519", x: Buffer.from(raw).toString("base64url") }, format: "jwk" });
}

/** Whether a request may be believed: it has no constraints, or the server signed them. */
export function decisionHolds(r: JobRequest, key: KeyObject | undefined): boolean {
  return key === undefined || r.constraints.length === 0 || verify(null, decisionMessage(r), key, r.decisionSignature);
}

/** What an attempt's result says besides its output. */
export class Proof {
  #size = 0;
  readonly #evidence = new Map<string, string>(); // JSON by constraint type
  readonly #used = new Map<string, number>();

  /** Adds evidence, JSON; given again it replaces what was given before. */
  add(type: string, json: string): void {
    const bytes = Buffer.byteLength(json);
    const before = this.#evidence.get(type) ?? "";
    const size = this.#size + bytes - Buffer.byteLength(before) + Buffer.byteLength(type) + proofOverhead;
    if (size > maxProof) throw new RangeError(`the evidence of a job has at most ${maxProof} bytes as JSON`);
    this.#size = size;
    this.#evidence.set(type, json);
  }

  /** Adds to what was used of a unit. */
  use(unit: string, amount: number): void {
    const before = this.#used.get(unit);
    if (before === undefined && this.#used.size >= maxUnits) throw new RangeError(`a job uses at most ${maxUnits} units`);
    const sum = (before ?? 0) + amount;
    if (!Number.isFinite(sum)) throw new RangeError(`the sum of ${JSON.stringify(unit)} is no amount that a budget can count`);
    this.#used.set(unit, sum);
  }

  /** What was used, as JSON; undefined when nothing was. */
  usage(): Uint8Array | undefined {
    return object(this.#used, String);
  }

  /** The evidence as JSON, with what is known of constraints that want a proof and have none; undefined when there is none. */
  evidence(constraints: readonly Constraint[], known: (type: string) => string | undefined): Uint8Array | undefined {
    const all = new Map(this.#evidence);
    for (const c of constraints) {
      const json = c.prove && !all.has(c.type) ? known(c.type) : undefined;
      if (json !== undefined) all.set(c.type, json);
    }
    return object(all, (json) => json);
  }
}

function object<T>(entries: ReadonlyMap<string, T>, json: (value: T) => string): Uint8Array | undefined {
  if (entries.size === 0) return undefined;
  const names = [...entries.keys()].sort();
  return Buffer.from(`{${names.map((name) => `${JSON.stringify(name)}:${json(entries.get(name)!)}`).join(",")}}`);
}
