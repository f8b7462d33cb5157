// One WebSocket for the whole page. It reconnects by itself and asks again from the last event each view has seen, so
// that a view gets every event once.
import { socketProtocols, socketURL } from "./api.js";

const FIRST_RETRY_MS = 250;
const LAST_RETRY_MS = 5000;

export class Stream {
  /** onState is told "connecting", "live" or "lost". */
  constructor(onState) {
    this.onState = onState;
    this.views = new Map();
    this.nextID = 1;
    this.retry = FIRST_RETRY_MS;
    this.socket = null;
  }

  /**
   * Watches one run from behind afterSeq, with what its jobs write if logs is set. handler(message) gets what the server says;
   * returns a function that stops it.
   */
  watchRun(run, afterSeq, handler, logs = false) {
    return this.add({ run, after: afterSeq, logs, handler });
  }

  /** Watches the headers of a workflow's runs; "*" means all. */
  watchWorkflow(workflow, handler) {
    return this.add({ workflow, handler });
  }

  add(view) {
    const id = String(this.nextID++);
    this.views.set(id, view);
    if (this.socket?.readyState === WebSocket.OPEN) this.subscribe(id, view);
    else this.open();
    return () => {
      this.views.delete(id);
      if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify({ unsubscribe: id }));
    };
  }

  /** Connects, also while nobody watches anything: whether the server is there is of use to every view. */
  open() {
    if (!this.socket) this.connect();
  }

  /** Drops the connection and makes a new one, with the key that is known now. */
  restart() {
    if (this.socket) this.socket.close();
    else this.connect();
  }

  connect() {
    clearTimeout(this.timer);
    this.onState("connecting");
    const socket = new WebSocket(socketURL(), socketProtocols());
    this.socket = socket;
    socket.addEventListener("open", () => {
      this.retry = FIRST_RETRY_MS;
      this.onState("live");
      for (const [id, view] of this.views) this.subscribe(id, view);
    });
    socket.addEventListener("message", (message) => this.receive(JSON.parse(message.data)));
    socket.addEventListener("close", () => {
      this.socket = null;
      this.onState("lost");
      this.timer = setTimeout(() => this.connect(), this.retry);
      this.retry = Math.min(this.retry * 2, LAST_RETRY_MS);
    });
  }

  subscribe(id, view) {
    const wanted = view.run ? { run: view.run } : { workflow: view.workflow };
    if (view.run && view.after !== undefined) wanted.after_seq = view.after;
    if (view.logs) wanted.logs = true;
    this.socket.send(JSON.stringify({ id, subscribe: wanted }));
  }

  receive(message) {
    const view = this.views.get(message.id);
    if (!view) return;
    if (message.type === "event") {
      const { seq, prev } = message.event;
      if (view.after !== undefined && seq <= view.after) return;
      if (view.after !== undefined && prev > view.after) return this.resubscribe(message.id, view);
      view.after = seq;
    }
    if (message.type === "snapshot" || message.type === "gap") view.after = message.seq;
    if (message.type === "end" || message.type === "error") this.views.delete(message.id);
    view.handler(message);
  }

  /** An event is missing in between: ask again from the last one seen. */
  resubscribe(id, view) {
    this.socket.send(JSON.stringify({ unsubscribe: id }));
    this.views.delete(id);
    this.add(view);
  }
}
