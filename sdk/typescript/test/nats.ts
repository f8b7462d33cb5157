// A NATS server for tests, as small as it can be: subjects, wildcards, queue groups, replies, and it can go away.

import { createServer, type AddressInfo, type Server, type Socket } from "node:net";

interface Interest {
  readonly client: Client;
  readonly sid: string;
  readonly subject: string[];
  readonly queue: string;
}

export interface NatsOptions {
  port?: number;
  maxPayload?: number;
  /** What CONNECT must show, if anything. */
  user?: string;
  password?: string;
}

export class Nats {
  readonly #server: Server;
  readonly #clients = new Set<Client>();
  readonly #interests = new Set<Interest>();
  readonly #options: NatsOptions;
  #turn = 0;

  private constructor(options: NatsOptions) {
    this.#options = options;
    this.#server = createServer((socket) => this.#clients.add(new Client(this, socket)));
  }

  static async start(options: NatsOptions = {}): Promise<Nats> {
    const nats = new Nats(options);
    await new Promise<void>((resolve, reject) => {
      nats.#server.once("error", reject);
      nats.#server.listen(options.port ?? 0, "127.0.0.1", resolve);
    });
    return nats;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get url(): string {
    return `nats://127.0.0.1:${this.port}`;
  }

  get maxPayload(): number {
    return this.#options.maxPayload ?? 32 << 20;
  }

  /** Ends every connection and listens no more. */
  async close(): Promise<void> {
    for (const c of this.#clients) c.end();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  /** Whether a connection of that name may not come in now. */
  refuses: (name: string) => boolean = () => false;

  admits({ user, pass, name = "" }: { user?: string; pass?: string; name?: string }): boolean {
    if (this.refuses(name)) return false;
    const want = this.#options;
    return want.user === undefined || (user === want.user && pass === want.password);
  }

  subscribe(interest: Interest): void {
    this.#interests.add(interest);
  }

  unsubscribe(client: Client, sid?: string): void {
    for (const i of this.#interests) if (i.client === client && (sid === undefined || i.sid === sid)) this.#interests.delete(i);
  }

  left(client: Client): void {
    this.unsubscribe(client);
    this.#clients.delete(client);
  }

  publish(subject: string, reply: string, payload: Buffer): void {
    const tokens = subject.split(".");
    const groups = new Map<string, Interest[]>();
    for (const i of this.#interests) {
      if (!matches(i.subject, tokens)) continue;
      if (i.queue === "") i.client.deliver(i.sid, subject, reply, payload);
      else groups.set(i.queue, [...(groups.get(i.queue) ?? []), i]);
    }
    for (const members of groups.values()) {
      const chosen = members[this.#turn++ % members.length]!;
      chosen.client.deliver(chosen.sid, subject, reply, payload);
    }
  }
}

function matches(pattern: readonly string[], subject: readonly string[]): boolean {
  for (const [n, token] of pattern.entries()) {
    if (token === ">") return subject.length > n;
    if (n >= subject.length || (token !== "*" && token !== subject[n])) return false;
  }
  return pattern.length === subject.length;
}

class Client {
  readonly #nats: Nats;
  readonly #socket: Socket;
  #chunks: Buffer[] = [];
  #size = 0;
  #want = 0; // bytes before which there is nothing to read
  #admitted = false;

  constructor(nats: Nats, socket: Socket) {
    this.#nats = nats;
    this.#socket = socket;
    socket.setNoDelay();
    const info = { server_id: "test", version: "2.15.0", proto: 1, headers: true, max_payload: nats.maxPayload };
    socket.write(`INFO ${JSON.stringify(info)}\r\n`);
    socket.on("data", (data: Buffer) => this.#read(data));
    socket.on("error", () => socket.destroy());
    socket.on("close", () => nats.left(this));
  }

  end(): void {
    this.#socket.destroy();
  }

  deliver(sid: string, subject: string, reply: string, payload: Buffer): void {
    this.#socket.cork();
    this.#socket.write(`MSG ${subject} ${sid} ${reply === "" ? "" : reply + " "}${payload.length}\r\n`);
    this.#socket.write(payload);
    this.#socket.write("\r\n");
    this.#socket.uncork();
  }

  #read(data: Buffer): void {
    this.#chunks.push(data);
    this.#size += data.length;
    if (this.#size < this.#want) return;
    let rest = Buffer.concat(this.#chunks);
    this.#want = 0;
    for (;;) {
      const end = rest.indexOf("\r\n");
      if (end < 0) break;
      const [verb = "", ...args] = rest.toString("utf8", 0, end).split(/\s+/);
      let after = end + 2;
      if (verb.toUpperCase() === "PUB") {
        const length = Number(args.at(-1));
        after += length + 2;
        if (rest.length < after) {
          this.#want = after;
          break;
        }
        const payload = Buffer.from(rest.subarray(end + 2, end + 2 + length));
        if (this.#admitted) this.#nats.publish(args[0]!, args.length > 2 ? args[1]! : "", payload);
      } else this.#command(verb.toUpperCase(), args, rest.toString("utf8", verb.length, end));
      rest = rest.subarray(after);
    }
    this.#chunks = [rest];
    this.#size = rest.length;
  }

  #command(verb: string, args: string[], all: string): void {
    switch (verb) {
      case "CONNECT":
        this.#admitted = this.#nats.admits(JSON.parse(all) as object);
        if (!this.#admitted) this.#socket.end("-ERR 'Authorization Violation'\r\n");
        break;
      case "PING":
        if (this.#admitted) this.#socket.write("PONG\r\n");
        break;
      case "SUB":
        this.#nats.subscribe({ client: this, sid: args.at(-1)!, subject: args[0]!.split("."), queue: args.length > 2 ? args[1]! : "" });
        break;
      case "UNSUB":
        this.#nats.unsubscribe(this, args[0]!);
        break;
    }
  }
}
