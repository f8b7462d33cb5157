// Where a worker connects and what it can take.

import { randomBytes, type KeyObject } from "node:crypto";
import { availableParallelism, hostname } from "node:os";
import type { ConnectionOptions, NatsConnection } from "@nats-io/transport-node";
import { publicKey } from "./constraint.js";
import { defaultDrain, defaultHeartbeat, maxTimer } from "./limits.js";
import { Redactor } from "./redact.js";
import { isText } from "./subjects.js";

/** Gets what goes wrong with a worker. `console` is one. */
export interface Logger {
  info(message: string, fields: object): void;
  warn(message: string, fields: object): void;
  error(message: string, fields: object): void;
}

/** Where a worker connects and what it can take. */
export interface WorkerOptions {
  /** URL of the server, or several. Default "nats://127.0.0.1:4222". A server that is not there yet is waited for. */
  url?: string | readonly string[] | undefined;
  /** The credential that was made for this worker; the worker's id is its user. */
  credential?: string | undefined;
  /** Credentials that workers share: user and password, or a token. */
  user?: string;
  password?: string;
  token?: string;
  /** Added to the connection's options: TLS, an authenticator. */
  connection?: ConnectionOptions;
  /** A connection to use in place of making one; it is not closed. Everything above must be left out. */
  conn?: NatsConnection;

  /**
   * Names the worker: letters, digits, "-" and "_", at most 128 (64 with a credential of its own); unique among those that
   * run, best the same after a restart. Default: the host's name and a random part.
   */
  id?: string;
  /** Groups workers that are alike. Default: none. */
  pool?: string;
  /** How many jobs run together. Default: one per CPU. */
  capacity?: number;
  /** What steps can require. Default: none. */
  capabilities?: readonly string[];
  /** Describe the worker, for placement and people. Default: none. */
  labels?: Readonly<Record<string, string>>;
  /** Texts that logs do not show, of at least 4 bytes. Default: none. */
  redact?: readonly string[];
  /** Milliseconds between two heartbeats. Default 5,000; an engine believes a worker lost after 15,000 without. */
  heartbeatMs?: number;
  /** Milliseconds that run waits, once told to stop, for tools to return and results to be acknowledged. Default 30,000. */
  drainTimeoutMs?: number;
  /**
   * The 32 bytes of the server's Ed25519 public key: a job under constraints is refused, as "unsigned_decision", unless it
   * comes with the signature of the policy's decision. Default: none, and the connection is trusted.
   */
  decisionKey?: Uint8Array;
  /** Gets what goes wrong. Default: nothing is written. */
  logger?: Logger;
}

/** A configuration that was checked, with its defaults. */
export interface Config {
  readonly id: string;
  readonly pool: string;
  readonly capacity: number;
  readonly capabilities: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
  readonly redactor: Redactor;
  readonly heartbeatMs: number;
  readonly drainTimeoutMs: number;
  readonly decisionKey: KeyObject | undefined;
  readonly logger: Logger;
  readonly conn: NatsConnection | undefined;
  readonly dial: ConnectionOptions;
}

/** Whether a text can name a worker. */
export const isWorkerId = (id: string): boolean => /^[A-Za-z0-9_-]{1,128}$/.test(id);

/** Checks options and fills in the defaults. It throws a TypeError or a RangeError that says what is wrong. */
export function filled(o: WorkerOptions): Config {
  const own = o.url ?? o.credential ?? o.user ?? o.password ?? o.token ?? o.connection;
  if (o.conn !== undefined && own !== undefined) {
    throw new TypeError("a worker takes a conn or what is needed to make one, not both");
  }
  const id = o.id ?? defaultId();
  if (!isWorkerId(id)) throw new TypeError(`worker id ${JSON.stringify(id)}: use 1 to 128 letters, digits, "-" and "_"`);
  const capacity = o.capacity ?? availableParallelism();
  if (!Number.isInteger(capacity) || capacity < 1) throw new RangeError(`capacity ${capacity}: use a whole number from 1`);
  const heartbeatMs = o.heartbeatMs ?? defaultHeartbeat;
  const drainTimeoutMs = o.drainTimeoutMs ?? defaultDrain;
  if (!(heartbeatMs > 0 && heartbeatMs <= maxTimer)) {
    throw new RangeError(`heartbeatMs ${heartbeatMs}: use more than 0 and at most ${maxTimer}`);
  }
  if (!(drainTimeoutMs >= 0)) throw new RangeError(`drainTimeoutMs ${drainTimeoutMs} is negative`);
  if (o.decisionKey !== undefined && o.decisionKey.length !== 32) {
    throw new RangeError(`decisionKey has ${o.decisionKey.length} bytes, an Ed25519 public key has 32`);
  }
  const texts = [o.pool ?? "", ...(o.capabilities ?? []), ...Object.entries(o.labels ?? {}).flat()];
  if (!texts.every((t) => typeof t === "string" && isText(t))) {
    throw new TypeError("pool, capabilities and labels must be well-formed texts");
  }
  return {
    id, capacity, heartbeatMs, drainTimeoutMs,
    pool: o.pool ?? "",
    capabilities: [...(o.capabilities ?? [])],
    labels: { ...o.labels },
    redactor: new Redactor(o.redact ?? []),
    decisionKey: o.decisionKey && publicKey(o.decisionKey),
    logger: o.logger ?? { info() {}, warn() {}, error() {} },
    conn: o.conn,
    dial: dialOptions(o, id),
  };
}

function dialOptions(o: WorkerOptions, id: string): ConnectionOptions {
  if (o.credential !== undefined && (o.user ?? o.password ?? o.token) !== undefined) {
    throw new TypeError("a worker shows a credential of its own, or a user and a password, or a token: not two of them");
  }
  const user = o.credential === undefined ? o.user : id;
  const pass = o.credential ?? o.password;
  const url = o.url ?? "nats://127.0.0.1:4222";
  return {
    servers: typeof url === "string" ? url.split(",").map((s) => s.trim()) : [...url],
    ...(user !== undefined && { user }),
    ...(pass !== undefined && { pass }),
    ...(o.token !== undefined && { token: o.token }),
    ...o.connection,
  };
}

function defaultId(): string {
  const host = hostname().replace(/[^A-Za-z0-9_-]+/g, "-").slice(0, 50);
  return `${host || "worker"}-${randomBytes(4).toString("hex")}`;
}
