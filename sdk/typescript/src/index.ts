/**
 * The worker library: register tools, run, and each job arrives as a call of a function with typed input and output.
 *
 * It owns the worker's side of the wire: it beats, takes attempts up to its capacity, asks for leave where a second execution
 * would hurt, drops what comes twice, and sends each result until it is acknowledged, across lost connections and restarts of
 * the engine. It keeps nothing on disk: what a killed worker had is resolved by the engine.
 *
 * It never decides whether a job runs again. A tool says how it failed with Retryable and Fatal; the rest is the step's retry
 * rule.
 *
 * Begin reading at Worker.run in worker.ts, then session.ts, what a run is, and attempt.ts, the life of one attempt; outbox.ts
 * is how an answer is waited for. The client of the API is in client.ts.
 *
 * @packageDocumentation
 */
export type { Logger, WorkerOptions } from "./config.js";
export { Constraint } from "./constraint.js";
export { Cancelled, codes, DrainTimeout, Fatal, Retryable, Stopped, TimedOut, ToolError, type ErrorExtras, type Kind } from "./errors.js";
export { jobForTest, type Job, type JobFields, type JobForTest, type Lock, type Log } from "./job.js";
export { stopSignal, Worker, type ToolFunction, type ToolOptions } from "./worker.js";
