// How an attempt ended, in the words of the wire.

import { create } from "@bufbuild/protobuf";
import { Cancelled, causes, codes, Fatal, messageOf, Stopped, TimedOut, ToolError } from "./errors.js";
import { maxDetails, maxOutput, maxText } from "./limits.js";
import { clip } from "./packet.js";
import { JobResultSchema, JobStatus, type JobRequest, type JobResult } from "./wire/cordum_pb.js";

/** What came of calling a tool: its output as JSON, or what it threw. */
export type Outcome = { readonly output: Uint8Array } | { readonly thrown: unknown };

/** Encodes what a tool returned. Nothing is null. It throws a Fatal when it is no JSON. */
export function writeOutput(value: unknown): Uint8Array {
  let json: string | undefined;
  try {
    json = JSON.stringify(value === undefined ? null : value);
  } catch (e) {
    throw new Fatal(codes.invalidOutput, messageOf(e));
  }
  if (json === undefined) throw new Fatal(codes.invalidOutput, `a ${typeof value} is no JSON`);
  return Buffer.from(json);
}

/** Makes the result of an attempt. signal is its tool's. */
export function resultOf(r: JobRequest, workerId: string, outcome: Outcome, signal: AbortSignal): JobResult {
  const result = create(JobResultSchema, { jobId: r.jobId, token: r.token, workerId });
  if ("output" in outcome) {
    if (outcome.output.length > maxOutput) return fail(result, tooLarge(outcome.output.length, maxOutput), signal);
    result.status = JobStatus.SUCCEEDED;
    result.output = outcome.output;
    return result;
  }
  return fail(result, outcome.thrown, signal);
}

/** The failure that takes the place of an output that cannot be sent. */
export function tooLarge(size: number, limit: number): Fatal {
  const message = `the output is ${size} bytes as JSON, at most ${limit} can be taken: keep it elsewhere and return where`;
  return new Fatal(codes.outputTooLarge, message);
}

function fail(result: JobResult, thrown: unknown, signal: AbortSignal): JobResult {
  result.errorMessage = clip(messageOf(thrown), maxText);
  const why = interruption(thrown, signal);
  if (why !== undefined) {
    [result.status, result.errorCode] = why;
    return result;
  }
  result.status = JobStatus.FAILED;
  result.errorCode = thrown instanceof Error ? codes.error : codes.panic;
  for (const cause of causes(thrown)) {
    if (cause instanceof ToolError) {
      classify(result, cause);
      break;
    }
  }
  return result;
}

/** Tells whether a tool stopped because its signal aborted, and why that was. */
function interruption(thrown: unknown, signal: AbortSignal): [JobStatus, string] | undefined {
  if (!signal.aborted) return undefined;
  let gaveUp = false;
  for (const cause of causes(thrown)) {
    if (cause === signal.reason || isAbort(cause)) gaveUp = true;
    if (cause instanceof ToolError) return undefined; // it says itself how it failed
  }
  if (!gaveUp) return undefined;
  if (signal.reason instanceof Cancelled) return [JobStatus.CANCELLED, codes.cancelled];
  if (signal.reason instanceof TimedOut) return [JobStatus.TIMEOUT, codes.timeout];
  if (signal.reason instanceof Stopped) return [JobStatus.FAILED_RETRYABLE, codes.workerStopped];
  return undefined;
}

// What Node's own operations throw when their signal aborts.
const isAbort = (e: unknown): boolean => e instanceof Error && e.name === "AbortError";

/** Carries a coded error over. */
function classify(result: JobResult, e: ToolError): void {
  if (e.kind === "retryable") result.status = JobStatus.FAILED_RETRYABLE;
  if (e.kind === "fatal") result.status = JobStatus.FAILED_FATAL;
  if (e.code !== "") result.errorCode = clip(e.code, maxText);
  if (e.details === undefined) return;
  try {
    const details = Buffer.from(JSON.stringify(e.details));
    if (details.length <= maxDetails) result.errorDetails = details;
  } catch {
    // left out, as larger ones are: the failure itself is what counts
  }
}
