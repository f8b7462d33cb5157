// How tools fail, and why their signals abort.

import { maxCauses } from "./limits.js";

/** Codes that the library itself gives to failed attempts. A tool's own codes are free words in the same style. */
export const codes = {
  /** The tool threw something without a code. */
  error: "error",
  /** The tool threw what is no Error: a text, undefined, an object. */
  panic: "panic",
  /** The input is not what the tool takes; not tried again. */
  invalidInput: "invalid_input",
  /** The output is no JSON; not tried again. */
  invalidOutput: "invalid_output",
  /** The output is larger than can be taken; not tried again. */
  outputTooLarge: "output_too_large",
  /** The job was cancelled and the tool stopped. */
  cancelled: "cancelled",
  /** The attempt's timeout passed and the tool stopped. */
  timeout: "timeout",
  /** The policy's decision is not signed by the server; the tool was not called. */
  unsignedDecision: "unsigned_decision",
  /** The policy's constraints cannot be read; the tool was not called. */
  invalidConstraints: "invalid_constraints",
  /** The worker's drain timeout passed and the tool stopped. */
  workerStopped: "worker_stopped",
} as const;

/** What a failure means for further attempts: unclassified ones are tried again while attempts are left. */
export type Kind = "unclassified" | "retryable" | "fatal";

/** What an error may come with. */
export interface ErrorExtras {
  /**
   * Goes along as JSON, at most 64 KiB. An object with `outcome: "unknown"` says that nobody knows whether the attempt had
   * its effect: its step's compensation then goes by `when_unknown`.
   */
  details?: unknown;
  /** What it came of. */
  cause?: unknown;
}

/** A failure with a code, as a tool throws it and workflows see it (`steps.<id>.error`). */
export class ToolError extends Error {
  readonly kind: Kind = "unclassified";
  /** A word that retry rules can name; empty means "error". */
  readonly code: string;
  readonly details: unknown;

  constructor(code: string, message?: string, extras: ErrorExtras = {}) {
    super(message || code, "cause" in extras ? { cause: extras.cause } : undefined);
    this.name = new.target.name;
    this.code = code;
    this.details = extras.details;
  }
}

/** A failure that another attempt may not meet: a busy database, a lost connection. */
export class Retryable extends ToolError {
  override readonly kind: Kind = "retryable";
}

/** A failure that every attempt would meet: the step fails at once. */
export class Fatal extends ToolError {
  override readonly kind: Kind = "fatal";
}

/** The reason of a job's signal when somebody cancelled the job. */
export class Cancelled extends Error {
  /** As given; may be empty. */
  readonly reason: string;
  /** Who asked; may be empty. */
  readonly by: string;

  constructor(reason: string, by: string) {
    super(reason === "" ? "the job was cancelled" : `the job was cancelled: ${reason}`);
    this.name = "Cancelled";
    this.reason = reason;
    this.by = by;
  }
}

/** The reason of a job's signal when the attempt's timeout passed. */
export class TimedOut extends Error {
  constructor() {
    super("the attempt's timeout passed");
    this.name = "TimedOut";
  }
}

/** The reason of a job's signal when the worker stops and its drain timeout passed. */
export class Stopped extends Error {
  constructor() {
    super("the worker stops");
    this.name = "Stopped";
  }
}

/**
 * What `run` rejects with when the drain timeout passed before all tools had returned and all results were acknowledged. The
 * engine resolves what was left.
 */
export class DrainTimeout extends Error {
  constructor(tools: number, results: number) {
    super(`drain timeout: ${tools} tools still run and ${results} results are not acknowledged`);
    this.name = "DrainTimeout";
  }
}

/** Walks what was thrown and what it came of, nearest first. */
export function* causes(thrown: unknown): Generator<unknown> {
  let at = thrown;
  for (let n = 0; n < maxCauses; n++) {
    yield at;
    if (!(at instanceof Error) || at.cause === undefined) return;
    at = at.cause;
  }
}

/** The text of whatever was thrown, without the code, which has a field of its own. */
export function messageOf(thrown: unknown): string {
  try {
    if (thrown instanceof Error) return String(thrown.message) || thrown.name;
    if (typeof thrown === "object" && thrown !== null && "message" in thrown) return String(thrown.message);
    return typeof thrown === "string" ? thrown : `the tool threw ${String(thrown)}`;
  } catch {
    return "the tool threw something that has no text";
  }
}
