// The worker: register tools, run.

import type { Tool } from "./attempt.js";
import { filled, type Config, type WorkerOptions } from "./config.js";
import { Connection } from "./connection.js";
import { Fatal, codes } from "./errors.js";
import type { Job } from "./job.js";
import { maxFields, stopGrace } from "./limits.js";
import { Session } from "./session.js";
import { topicProblem } from "./subjects.js";

/** What a tool is: the function that a job becomes a call of. */
export type ToolFunction<In, Out> = (job: Job, input: In) => Out | Promise<Out>;

/** How a tool's input is checked. */
export interface ToolOptions<In> {
  /**
   * Makes the input of what came, or throws: then the job fails as "invalid_input" and the tool is not called. The parse of a
   * schema library fits. Default: what came is trusted.
   */
  parse?: (input: unknown) => In;
}

/** Serves the tools registered with it. It runs once. */
export class Worker {
  readonly #config: Config;
  readonly #tools = new Map<string, Tool>(); // by topic
  #started = false;

  /** Checks the options. Nothing is started and nobody is called: that is run's. */
  constructor(options: WorkerOptions = {}) {
    this.#config = filled(options);
  }

  /** The worker's name on the wire. */
  get id(): string {
    return this.#config.id;
  }

  /**
   * Makes a function the tool of a pack: it serves the topic job.<pack>.<tool>. All tools are registered before run.
   *
   * The input is the job's, decoded from JSON; what the function returns, or its promise is resolved with, is encoded as the
   * job's output. It is called up to the worker's capacity at once, on the one event loop: what computes for long belongs into
   * a worker thread.
   */
  tool<In = unknown, Out = unknown>(pack: string, name: string, fn: ToolFunction<In, Out>, options?: ToolOptions<In>): this {
    if (pack === "" || name === "") throw new TypeError(`a tool needs a pack and a name, not "${pack}" and "${name}"`);
    return this.serve(`job.${pack}.${name}`, fn, options);
  }

  /** Makes a function the tool that serves a topic, "job.demo.echo". See tool. */
  serve<In = unknown, Out = unknown>(topic: string, fn: ToolFunction<In, Out>, { parse }: ToolOptions<In> = {}): this {
    const problem = topicProblem(topic);
    if (problem !== "") throw new TypeError(problem);
    if (this.#tools.has(topic)) throw new TypeError(`two tools for the topic ${JSON.stringify(topic)}`);
    if (this.#started) throw new TypeError("all tools are registered before run");
    this.#tools.set(topic, parse === undefined ? (fn as Tool) : (job, input) => fn(job, parsed(parse, input)));
    return this;
  }

  /**
   * Connects and serves until signal aborts. Then it drains: it takes nothing more, lets tools finish and sends results until
   * they are acknowledged, at most for the drain timeout. What did not begin is given back. It rejects with DrainTimeout when
   * something was left, and with other errors when there are no tools or the connection was closed.
   *
   * A server that is away is waited for, at the start and later; tools run on meanwhile and their results are kept.
   */
  async run(signal: AbortSignal): Promise<void> {
    if (this.#started) throw new TypeError("a worker runs once: make a new one");
    this.#started = true;
    if (this.#tools.size === 0) throw new TypeError("the worker has no tools: register some before run");
    const connection = await Connection.open(this.#config, signal);
    if (connection === undefined) return;
    try {
      await new Session(this.#config, this.#tools, connection).run(signal);
    } finally {
      await connection.close(stopGrace);
    }
  }
}

/** Checks an input. What is said of a wrong one names fields, and repeats none of its values. */
function parsed<In>(parse: (input: unknown) => In, input: unknown): In {
  try {
    return parse(input);
  } catch (e) {
    throw new Fatal(codes.invalidInput, `the input is not what the tool takes${fieldsIn(e)}`);
  }
}

/** The fields that a schema library complains about: it lists issues with paths. */
function fieldsIn(e: unknown): string {
  const issues: unknown = typeof e === "object" && e !== null ? (e as { issues?: unknown }).issues : undefined;
  if (!Array.isArray(issues)) return "";
  const pathOf = (issue: { path?: unknown } | null) => (Array.isArray(issue?.path) ? issue.path.map(String).join(".") : "");
  const paths = [...new Set(issues.map(pathOf))].filter((p) => p !== "").slice(0, maxFields);
  return paths.length === 0 ? "" : `: see ${paths.map((p) => JSON.stringify(p)).join(", ")}`;
}

/** A signal that aborts when the process is told to stop, by SIGTERM or SIGINT. A second one ends the process as ever. */
export function stopSignal(): AbortSignal {
  const stop = new AbortController();
  for (const name of ["SIGTERM", "SIGINT"] as const) process.once(name, () => stop.abort());
  return stop.signal;
}
