// Packets as bytes, and what is known of those that came.

import { createHash } from "node:crypto";
import { create, fromBinary, toBinary, type MessageInitShape } from "@bufbuild/protobuf";
import { configureTextEncoding, getTextEncoding } from "@bufbuild/protobuf/wire";
import { timestampNow } from "@bufbuild/protobuf/wkt";
import { protocolVersion } from "./subjects.js";
import { BusPacketSchema, type BusPacket } from "./wire/cordum_pb.js";

/** The payload of a packet, as it is made. */
export type Payload = NonNullable<Exclude<MessageInitShape<typeof BusPacketSchema>["payload"], undefined>>;

/** Fills in the envelope of a packet and marshals it. Texts that are not from the wire go through clip before. */
export function encode(sender: string, payload: Payload): Uint8Array {
  return toBinary(BusPacketSchema, create(BusPacketSchema, { senderId: sender, protocolVersion, createdAt: timestampNow(), payload }));
}

/** Reads a packet; undefined when it does not decode. */
export function decode(data: Uint8Array): BusPacket | undefined {
  const usual = getTextEncoding();
  // The decoder takes texts that are not UTF-8, the wire does not. Its setting is the process's: it is borrowed for one call.
  configureTextEncoding({ ...usual, decodeUtf8: strictUtf8 });
  try {
    return fromBinary(BusPacketSchema, data, { readUnknownFields: false });
  } catch {
    return undefined;
  } finally {
    configureTextEncoding(usual);
  }
}

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const strictUtf8 = (bytes: Uint8Array): string => utf8.decode(bytes);

/** Makes a text fit for the wire: well-formed, at most n bytes as UTF-8, cut between characters. */
export function clip(text: string, n: number): string {
  // No character takes less than a byte, so what is beyond n code units is never kept: a huge text is not encoded whole.
  const bytes = Buffer.from(text.length > n ? text.slice(0, n + 1) : text);
  if (bytes.length <= n) return bytes.toString();
  let end = n;
  while (end > 0 && (bytes[end]! & 0xc0) === 0x80) end--;
  return bytes.toString("utf8", 0, end);
}

/** What an attempt is known by: its id and its token, in hexadecimal. Only a new attempt has a new one. */
export function keyOf(jobId: string, token: Uint8Array): string {
  const id = Buffer.from(jobId);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(id.length);
  return createHash("sha256").update(length).update(id).update(token).digest("hex").slice(0, 32);
}

/** The newest keys of those added, up to a limit. */
export class Remembered {
  readonly #limit: number;
  readonly #known = new Set<string>();
  readonly #order: string[] = [];
  #oldest = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  has(key: string): boolean {
    return this.#known.has(key);
  }

  add(key: string): void {
    if (this.#known.has(key)) return;
    this.#known.add(key);
    if (this.#order.length < this.#limit) {
      this.#order.push(key);
      return;
    }
    this.#known.delete(this.#order[this.#oldest]!);
    this.#order[this.#oldest] = key;
    this.#oldest = (this.#oldest + 1) % this.#limit;
  }
}
