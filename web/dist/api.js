// The HTTP API as the page uses it. A problem+json answer becomes a Problem.

/** What the server said was wrong. */
export class Problem extends Error {
  constructor(status, body) {
    super(body?.detail || body?.title || `The server answered ${status}`);
    this.status = status;
    this.code = body?.code ?? "";
  }
}

const base = new URL("api/v1/", document.baseURI);
let key = sessionStorage.getItem("cordum.key") ?? "";

/** Keeps an API key for this tab. */
export function useKey(value) {
  key = value;
  sessionStorage.setItem("cordum.key", value);
}

/** Sub-protocols of the stream; one carries the key, because a browser cannot set headers on a WebSocket. */
export function socketProtocols() {
  if (!key) return ["cordum.v1"];
  const bytes = new TextEncoder().encode(key);
  const encoded = btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
  return ["cordum.v1", `cordum-api-key.${encoded}`];
}

/** Address of the stream. */
export function socketURL() {
  const url = new URL("stream", base);
  url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
  return url;
}

/** GET as JSON. */
export const get = (path) => call("GET", path);

/** POST as JSON. The same once, sent again after an answer that was lost, does nothing twice. */
export const post = (path, body, once) => call("POST", path, body, once);

/** DELETE, which has no body. */
export const remove = (path, once) => call("DELETE", path, undefined, once);

/** A name for one thing that is asked for, to be sent with it however often it takes. */
export function newOnce() {
  return [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Path of a step of a run below runs/ID; the API writes the slash of a step's path as a dot. */
export const stepPath = (step) => encodeURIComponent(step.replaceAll("/", "."));

async function call(method, path, body, once) {
  const headers = { Accept: "application/json" };
  if (once) headers["Idempotency-Key"] = once;
  if (key) headers["X-API-Key"] = key;
  if (body !== undefined) headers["Content-Type"] = "application/json";
  const answer = await fetch(new URL(path, base), { method, headers, body: body === undefined ? undefined : JSON.stringify(body) });
  const text = await answer.text();
  let value = null;
  try {
    value = text ? JSON.parse(text) : null;
  } catch {
    // An answer that is no JSON says no more than its status.
  }
  if (!answer.ok) throw new Problem(answer.status, value);
  return value;
}
