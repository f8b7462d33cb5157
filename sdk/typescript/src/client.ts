/**
 * The client of the API: every operation with its types, as the OpenAPI document has them, and a few words for what is done
 * most.
 *
 * @packageDocumentation
 */
import createFetchClient, { type Client as FetchClient } from "openapi-fetch";
import type { components, paths } from "./api/schema.js";
import { pause } from "./connection.js";
import { askAgainAfter } from "./outbox.js";

export type { components, paths } from "./api/schema.js";

type Schemas = components["schemas"];
/** A run, as the API shows it. */
export type Run = Schemas["RunView"];
/** A job, as the API shows it. */
export type SubmittedJob = Schemas["JobView"];

/** Where the server is and who asks. */
export interface ClientOptions {
  /** Of the server, "http://127.0.0.1:8081". */
  url: string;
  /** Sent as X-API-Key. Default: none, which a server in development mode takes. */
  apiKey?: string;
  /** Sent as X-Tenant-ID. Default: the key's. */
  tenant?: string;
  /** In place of the global fetch. */
  fetch?: (request: Request) => Promise<Response>;
}

/** How something is asked for. */
export interface AskOptions {
  /** The same key with the same body does nothing twice; with another body it is refused. */
  idempotencyKey?: string;
  /** Why; recorded with what is done. */
  reason?: string;
  /** Gives up; what was asked for may have been done. */
  signal?: AbortSignal;
}

/** How a run is started. */
export interface StartOptions extends AskOptions {
  labels?: Record<string, string>;
  /** What the run's steps can read besides the input. */
  context?: unknown;
}

/** What the server refused, with the code and the words of its problem. */
export class ApiError extends Error {
  /** Of HTTP. */
  readonly status: number;
  /** A word to decide by: "not_found", "conflict" …; empty when the answer was none of the API's. */
  readonly code: string;
  readonly problem: Schemas["Problem"] | undefined;

  constructor(status: number, problem: Schemas["Problem"] | undefined) {
    super(problem === undefined ? `the server answered ${status}` : [problem.title, problem.detail].filter(Boolean).join(": "));
    this.name = "ApiError";
    this.status = status;
    this.code = problem?.code ?? "";
    this.problem = problem;
  }
}

/** How long the server is asked to wait for news in one request. */
const newsWait = "30s";

/** Makes a client. Nobody is called. */
export function createClient(options: ClientOptions): Client {
  return new Client(options);
}

/** A client of one server. */
export class Client {
  /** Every operation of the API: client.api.GET("/api/v1/runs", …). It answers {data, error, response} and throws for no status. */
  readonly api: FetchClient<paths>;

  constructor({ url, apiKey, tenant, fetch }: ClientOptions) {
    this.api = createFetchClient<paths>({
      baseUrl: url.replace(/\/+$/, ""),
      headers: { ...(apiKey !== undefined && { "X-API-Key": apiKey }), ...(tenant !== undefined && { "X-Tenant-ID": tenant }) },
      ...(fetch !== undefined && { fetch }),
    });
  }

  /** Starts a run of a workflow and answers its id. It throws an ApiError, like all that follow. */
  async startRun(workflow: string, input?: unknown, options: StartOptions = {}): Promise<string> {
    const { labels, context, ...ask } = options;
    const body = { workflow, ...(input !== undefined && { input }), ...(labels && { labels }), ...(context !== undefined && { context }) };
    return taken(await this.api.POST("/api/v1/runs", { body, ...asked(ask) })).run_id;
  }

  /**
   * Waits until a run has ended and answers it, however it ended. A server that is away or has too much to do is waited for.
   */
  async waitRun(id: string, signal?: AbortSignal): Promise<Run> {
    for (let since = 0, failures = 0; ; ) {
      try {
        const query = since === 0 ? {} : { wait: newsWait, since };
        const run = taken(await this.api.GET("/api/v1/runs/{id}", { params: { path: { id }, query }, ...(signal && { signal }) }));
        if (run.ended_at !== undefined) return run;
        since = run.seq;
        failures = 0;
      } catch (e) {
        if (signal?.aborted || !passes(e)) throw e;
        await pause(askAgainAfter("refused", failures++), signal);
      }
    }
  }

  /** Submits a job by itself, as pack and tool or as a topic; it is a run of one step, which waitRun waits for. */
  async submitJob(body: Schemas["JobSubmit"], options: AskOptions = {}): Promise<Schemas["JobAccepted"]> {
    return taken(await this.api.POST("/api/v1/jobs", { body, ...asked(options) }));
  }

  /** Reads a job. */
  async job(id: string, signal?: AbortSignal): Promise<SubmittedJob> {
    return taken(await this.api.GET("/api/v1/jobs/{id}", { params: { path: { id } }, ...(signal && { signal }) }));
  }

  /** Answers an approval. */
  async decide(id: string, verdict: Schemas["Verdict"], options: AskOptions = {}): Promise<Schemas["ApprovalView"]> {
    const { params, ...rest } = asked(options);
    return taken(await this.api.POST("/api/v1/approvals/{id}/decide", { params: { ...params, path: { id } }, body: verdict, ...rest }));
  }
}

function asked({ idempotencyKey, reason, signal }: AskOptions) {
  const header = {
    ...(idempotencyKey !== undefined && { "Idempotency-Key": idempotencyKey }),
    ...(reason !== undefined && { "X-Reason": reason }),
  };
  return { params: { header }, ...(signal !== undefined && { signal }) };
}

function taken<T>({ data, error, response }: { data?: T; error?: unknown; response: Response }): T {
  if (response.ok && data !== undefined) return data;
  throw new ApiError(response.status, isProblem(error) ? error : undefined);
}

const isProblem = (e: unknown): e is Schemas["Problem"] => typeof e === "object" && e !== null && "code" in e && "title" in e;

// What goes away by itself: no connection, too many requests, a server that starts or stops.
const passes = (e: unknown): boolean => (e instanceof ApiError ? [429, 502, 503].includes(e.status) : e instanceof TypeError);
