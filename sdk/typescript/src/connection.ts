// The worker's connection: made until it is, and made again for ever.

import { connect, type NatsConnection, type Status } from "@nats-io/transport-node";
import { machineClock } from "./clock.js";
import type { Config } from "./config.js";
import { messageOf } from "./errors.js";
import { dialTimeout, reconnectMax, reconnectMin } from "./limits.js";
import { spread } from "./outbox.js";
import { workerInbox } from "./subjects.js";

/** How long to wait before a lost connection is tried again, when so many tries failed. */
export function reconnectAfter(tries: number): number {
  return spread(tries < 5 ? Math.min(reconnectMin * 2 ** Math.max(tries - 1, 0), reconnectMax) : reconnectMax);
}

/** A connection, and whether it is there at the moment. */
export class Connection {
  readonly conn: NatsConnection;
  connected = true;
  readonly #owned: boolean;
  #left = false;
  readonly #config: Config;

  private constructor(conn: NatsConnection, owned: boolean, config: Config) {
    this.conn = conn;
    this.#owned = owned;
    this.#config = config;
  }

  /** Makes the connection, or takes the one it was given. A server that is not there is waited for until signal aborts: then undefined. */
  static async open(config: Config, signal: AbortSignal): Promise<Connection | undefined> {
    if (config.conn !== undefined) return new Connection(config.conn, false, config);
    let tries = 0;
    let last = "";
    while (!signal.aborted) {
      try {
        const conn = await connect(dial(config, () => reconnectAfter(tries++)));
        const connection = new Connection(conn, true, config);
        if (!signal.aborted) return connection;
        await conn.close();
      } catch (e) {
        if (isMistake(e)) throw e;
        if (messageOf(e) !== last) {
          const url = withoutUsers(config.dial.servers);
          config.logger.warn("cannot connect, trying on", { worker: config.id, url, error: (last = messageOf(e)) });
        }
        await pause(reconnectAfter(tries++), signal);
      }
    }
    return undefined;
  }

  /** Follows the connection until it is closed: onReturn is called whenever it came back. */
  async follow(onReturn: () => void): Promise<void> {
    for await (const status of this.conn.status()) {
      if (this.#left) return;
      this.#note(status);
      if (status.type === "reconnect") onReturn();
    }
  }

  /** Ends the connection if it is the worker's own, after what was published left, at most ms later. */
  async close(ms: number): Promise<void> {
    this.#left = true;
    if (this.connected && !this.conn.isClosed()) await Promise.race([this.conn.flush().catch(() => {}), pause(ms)]);
    if (this.#owned) await this.conn.close();
  }

  #note(status: Status): void {
    const { logger, id } = this.#config;
    switch (status.type) {
      case "disconnect":
        if (this.connected) logger.warn("connection lost", { worker: id });
        this.connected = false;
        break;
      case "reconnect":
        logger.info("connected again", { worker: id });
        this.connected = true;
        break;
      case "close":
        this.connected = false;
        break;
      case "error":
        logger.error("the server refused something", { worker: id, error: messageOf(status.error) });
        break;
    }
  }
}

/** The addresses of servers with commas between them, without users, passwords and tokens. */
export function withoutUsers(servers: string | readonly string[] = []): string {
  const all = typeof servers === "string" ? servers.split(",") : servers;
  return all.map((s) => s.trim().replace(/^([a-z]+:\/\/)?.*@/is, "$1")).join(",");
}

function dial(config: Config, reconnectDelayHandler: () => number) {
  return {
    name: `cordum worker ${config.id}`,
    inboxPrefix: workerInbox(config.id),
    timeout: dialTimeout,
    maxReconnectAttempts: -1,
    ignoreAuthErrorAbort: true,
    noAsyncTraces: true,
    reconnectDelayHandler,
    ...config.dial,
  };
}

// A mistake in the options will not go away.
const isMistake = (e: unknown): boolean => e instanceof Error && e.name === "InvalidArgumentError";

/** Waits, at most until signal aborts. */
export function pause(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted) return resolve();
    const done = () => {
      cancel();
      signal?.removeEventListener("abort", done);
      resolve();
    };
    const cancel = machineClock.after(ms, done);
    signal?.addEventListener("abort", done);
  });
}
